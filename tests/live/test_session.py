"""A live session: what it says of a signal is what the batch says, soon after, and without growing."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.batch.opening import open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.detector.stream import Findings, analyse
from ecg_anomaly.findings.summary import About, conclude, summarise
from ecg_anomaly.live.messages import BEAT, SOURCE
from ecg_anomaly.live.session import Session
from ecg_anomaly.live.sources import Portion

RATE_HZ = Fraction(360)
REAL_S = 300  # of a real recording


@pytest.fixture
def read(detector):
    def read_start(path, seconds):
        recording = open_leads(path, Request(path), detector.config)
        return recording.leads, next(recording.blocks(seconds))

    return read_start


def chunks(signals_mv, seed):
    """Cut a signal into chunks of 1 to 5,000 samples, of which short ones are as frequent as long ones."""
    lengths = np.exp(np.random.default_rng(seed).uniform(0, np.log(5001), size=len(signals_mv))).astype(int)
    ends = np.cumsum(lengths)
    return np.split(signals_mv, ends[ends < len(signals_mv)])


def replay(detector, leads, parts):
    """Replay chunks; give the session, all findings, and all messages."""
    session = Session(detector, RATE_HZ, leads, look_at_start=False)
    news = [session.push(Portion(part), 0.0) for part in parts]
    news.append(session.finish())
    tables = [each.findings.beats for each in news if len(each.findings.beats)]
    events = [event for each in news for event in each.findings.events]
    found = Findings(pd.concat(tables, ignore_index=True), sorted(events, key=lambda event: event.start_s))
    return session, found, [message for each in news for message in each.messages]


def check_same_as_batch(detector, leads, signals_mv, seed):
    session, found, messages = replay(detector, leads, chunks(signals_mv, seed))
    whole = analyse(detector, RATE_HZ, [signals_mv], len(leads))
    assert len(found.beats) > 90
    pd.testing.assert_frame_equal(found.beats, whole.beats, check_dtype=False, rtol=0, atol=1e-4)
    assert found.events == whole.events

    summary = summarise(About("a", 360.0, leads, len(signals_mv)), conclude(whole, len(signals_mv) / 360))
    assert (session.tally.beats, session.tally.flagged) == (summary["beats"], summary["flagged"])
    assert session.tally.events == len(summary["events"])
    assert [message.time_s for message in messages if message.kind == BEAT] == list(
        whole.beats.loc[whole.beats["flagged"], "time_s"]
    )


@pytest.mark.parametrize("patient", range(1, 9))
def test_simulated_records_as_in_the_batch(detector, read, simulated_records, patient):
    leads, signals_mv = read(simulated_records / "simdb" / f"s00{patient}", 120)
    check_same_as_batch(detector, leads, signals_mv, seed=patient)


@pytest.mark.parametrize("record", ["207", "208"])
def test_real_records_as_in_the_batch(detector, read, real_records, record):
    leads, signals_mv = read(real_records / "mitdb" / record, REAL_S)
    check_same_as_batch(detector, leads, signals_mv, seed=int(record))


def test_with_gaps_as_in_the_batch(detector, read, simulated_records):
    leads, signals_mv = read(simulated_records / "simdb" / "s007", 120)
    signals_mv[9000:12000] = np.nan
    signals_mv[20000:26000, 0] = np.nan
    check_same_as_batch(detector, leads, signals_mv, seed=1)


def test_sample_by_sample(detector, read, simulated_records):
    leads, signals_mv = read(simulated_records / "simdb" / "s007", 12)
    _, found, _ = replay(detector, leads, np.split(signals_mv, len(signals_mv)))
    whole = analyse(detector, RATE_HZ, [signals_mv], len(leads))
    assert len(found.beats) > 10
    pd.testing.assert_frame_equal(found.beats, whole.beats, check_dtype=False, rtol=0, atol=1e-4)


def latencies_s(detector, leads, signals_mv, portion):
    """Signal time from what must be known of each beat to when it is told.

    Known is the next beat; or, where the detector takes that for doubtful at first, that it is late: one and a half of
    the usual RR intervals have passed. Beats of the first seconds, which wait for each other, are left out.
    """
    session = Session(detector, RATE_HZ, leads, look_at_start=False)
    beats, told_s = [], []
    for start in range(0, len(signals_mv), portion):
        found = session.push(Portion(signals_mv[start : start + portion]), 0.0).findings.beats
        beats.append(found)
        told_s += [session.tally.duration_s] * len(found)
    table = pd.concat([each for each in beats if len(each)], ignore_index=True)
    usual_s = table["rr_after_s"].rolling(8, min_periods=1).median().shift(fill_value=1.0)
    next_s = table["time_s"] + table["rr_after_s"]
    late_s = table["time_s"] + 1.5 * usual_s
    started = table["time_s"] > detector.config.beat.start_s + 2
    return (np.array(told_s) - next_s)[started], (np.array(told_s) - np.maximum(next_s, late_s))[started]


def test_times_of_a_stretch_are_those_of_its_recording(detector, read, simulated_records):
    leads, signals_mv = read(simulated_records / "simdb" / "s007", 60)
    signals_mv[30 * 360 : 40 * 360] = 0.0  # an event, and leads that are off
    told = []
    for from_s in (0.0, 600.0):
        session = Session(detector, RATE_HZ, leads, look_at_start=False, from_s=from_s)
        news = [session.push(Portion(signals_mv), 0.0), session.finish()]
        messages = [message for each in news for message in each.messages]
        beats_s = pd.concat([each.findings.beats["time_s"] for each in news if len(each.findings.beats)])
        events_s = [event.start_s for each in news for event in each.findings.events]
        told.append([message.time_s for message in messages] + beats_s.tolist() + [session.tally.duration_s, *events_s])
    assert any("0:10:" in message.text for message in messages)
    np.testing.assert_allclose(np.array(told[0]) + 600, told[1])


def test_answers_within_one_and_a_half_seconds(detector, read, simulated_records):
    for patient in (2, 5, 7):
        leads, signals_mv = read(simulated_records / "simdb" / f"s00{patient}", 120)
        after_next_s, _ = latencies_s(detector, leads, signals_mv, 36)
        assert len(after_next_s) > 80
        assert after_next_s.max() <= 1.5


def test_answers_within_one_and_a_half_seconds_on_real_records(detector, read, real_records):
    leads, signals_mv = read(real_records / "mitdb" / "208", REAL_S)
    after_next_s, after_pause_s = latencies_s(detector, leads, signals_mv, 36)
    assert len(after_next_s) > 400
    assert after_pause_s.max() <= 1.5
    assert (after_next_s > 1.5).mean() < 0.05


def held_bytes(value, seen):
    """Bytes of the arrays, and ten for anything else, that an object holds on to."""
    if id(value) in seen or isinstance(value, type):
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(held_bytes(each, seen) for each in value.values())
    if isinstance(value, list | tuple | set | frozenset) or hasattr(value, "popleft"):
        return sum(held_bytes(each, seen) for each in value)
    inside = getattr(value, "__dict__", None)
    return 10 + (held_bytes(inside, seen) if inside and type(value).__module__.startswith("ecg_anomaly") else 0)


def test_memory_does_not_grow(detector, read, simulated_records):
    leads, signals_mv = read(simulated_records / "simdb" / "s007", 120)
    signals_mv[9000:12000] = np.nan
    session = Session(detector, RATE_HZ, leads)
    held = []
    for repeat in range(1, 15):  # the memories are full after the first 1000 beats
        for part in np.split(signals_mv, range(1800, len(signals_mv), 1800)):
            session.push(Portion(part), 0.0)
        if repeat in (8, 14):
            held.append(held_bytes(session, {id(detector)}))
    assert held[0] > 100_000
    assert abs(held[1] - held[0]) < 0.02 * held[0]


def test_a_source_that_stalls_is_announced(detector):
    session = Session(detector, RATE_HZ, ["II"])
    some, nothing = Portion(np.zeros((36, 1))), Portion(np.empty((0, 1)), ("the cable is out",))
    assert session.push(some, 10.0).messages == []
    said = [(message.kind, message.time_s, message.text) for message in session.push(nothing, 14.0).messages]
    assert said == [(SOURCE, 0.1, "the cable is out"), (SOURCE, 0.1, "no data for 4 s; waiting")]
    assert [message.text for message in session.push(some, 20.0).messages] == ["data come again, after 10 s"]


def test_nothing_at_all(detector):
    news = Session(detector, RATE_HZ, ["II"]).finish()
    assert not len(news.findings.beats)
    assert news.messages == []
