"""Which leads are analysed, and what is called out about them."""

from typing import NamedTuple

import numpy as np
import pytest
import wfdb

from ecg_anomaly.batch.opening import open_all_leads, open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.beats.lead_looks import look_at_leads, look_at_start
from ecg_anomaly.beats.leads import choose_leads, left_out, oddities
from ecg_anomaly.beats.preprocessing import read_record
from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.catalogue import RecordFiles
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.simulate import SAMPLING_RATE_HZ, simulate_record

CONFIG = load_config()
PREFERRED = ["MLII", "II", "V1"]


class Seen(NamedTuple):
    """What the choice of leads asks for."""

    alive: bool
    quality: float
    beats_seen: bool = True


GOOD, POOR, DEAD = Seen(True, 0.9), Seen(True, 0.2), Seen(False, 0.0)


def choose(names, looks, count, asked=()):
    settings = load_config(overrides=[f"records.leads={PREFERRED}", f"records.lead_count={count}"]).records
    return [names[lead] for lead in choose_leads(names, settings, "r.hea", looks, asked)]


@pytest.fixture(scope="module")
def start_mv():
    return simulate_record(3, 1, seed=1).signals_mv


def look(signals_mv):
    return look_at_leads(signals_mv, SAMPLING_RATE_HZ, CONFIG)


def notes_on(lead_mv, name="II"):
    return oddities([name], look(lead_mv[:, np.newaxis]))


def test_preferred_leads_come_first_whatever_their_case():
    assert choose(["V5", "ECG", "ii", "V1"], [GOOD] * 4, 2) == ["ii", "V1"]


def test_other_leads_are_taken_by_their_quality():
    better = Seen(True, 0.95)
    assert choose(["A", "B", "C"], [GOOD, POOR, better], 1) == ["C"]
    assert choose(["A", "B", "C"], [GOOD, POOR, better], 2) == ["A", "C"]


def test_leads_that_cannot_be_read_come_last():
    assert choose(["II", "ECG", "V1"], [POOR, GOOD, DEAD], 1) == ["ECG"]
    assert choose(["II", "ECG", "V1"], [POOR, GOOD, DEAD], 3) == ["II", "ECG"]
    assert choose(["ECG", "II"], [DEAD, DEAD], 2) == ["II"]


@pytest.mark.parametrize(
    ("names", "count", "expected"),
    [
        (["V5", "MLII"], 2, ["MLII", "V5"]),  # by preference
        (["v1", "mlii"], 2, ["mlii", "v1"]),  # whatever the case
        (["ECG1", "ECG2"], 2, ["ECG1", "ECG2"]),  # unlisted: as in the header
        (["i", "iii", "ii"], 2, ["ii", "i"]),  # listed first, then the rest
        (["I", "III", "V1"], 1, ["V1"]),
        (["ECG"], 2, ["ECG"]),  # there may be fewer
    ],
)
@pytest.mark.parametrize("looks", [(), [GOOD] * 3])  # of a live signal nothing is known when its leads are chosen
def test_leads_are_taken_by_name_then_by_order(names, count, expected, looks):
    assert choose(names, looks[: len(names)], count) == expected


def test_leads_that_are_asked_for_are_taken_as_they_are():
    assert choose(["II", "ECG", "V1"], [GOOD, POOR, DEAD], 2, asked=["v1", "ECG"]) == ["V1", "ECG"]
    with pytest.raises(UserError, match=r"r\.hea: --leads names 2 leads, the model takes 1"):
        choose(["II", "ECG"], [GOOD, GOOD], 1, asked=["II", "ECG"])
    with pytest.raises(UserError, match=r"r\.hea: has no lead V9"):
        choose(["II", "ECG"], [GOOD, GOOD], 1, asked=["V9"])


def test_batch_and_pipeline_choose_the_same_leads(tmp_path, start_mv):
    noise_mv = np.random.default_rng(1).normal(0, 0.3, size=(len(start_mv), 1))
    leads = ["noise", "flat", "I", "V1"]  # the first as good a name as any
    signals_mv = np.hstack([noise_mv, np.zeros_like(noise_mv), start_mv[:, :2]])
    wfdb.wrsamp("r", 360, ["mV"] * 4, leads, p_signal=signals_mv, fmt=["16"] * 4, write_dir=str(tmp_path))
    wfdb.wrann("r", "atr", np.arange(1, 60) * 360, ["N"] * 59, write_dir=str(tmp_path))
    (tmp_path / "r.hea").write_text((tmp_path / "r.hea").read_text().replace("noise", "aVL").replace("flat", "aVF"))

    in_pipeline, _, dead = read_record(RecordFiles("db/r", tmp_path, "atr"), CONFIG)
    in_batch = open_leads(tmp_path / "r", Request(tmp_path), CONFIG)
    assert in_pipeline.leads == in_batch.leads == ("V1", "I")
    assert dead == ("aVF",)
    np.testing.assert_array_equal(in_pipeline.signals_mv, in_batch.read())


def test_all_leads_of_a_recording_are_opened_and_the_judged_ones_named(tmp_path, start_mv):
    leads = [f"V{number}" for number in range(1, 10)] + [f"V{number}R" for number in range(1, 10)] + ["II"]
    signals_mv = np.tile(start_mv[:3600, :1], len(leads))
    wfdb.wrsamp("r", 360, ["mV"] * 19, leads, p_signal=signals_mv, fmt=["16"] * 19, write_dir=str(tmp_path))
    recording, judged = open_all_leads(tmp_path / "r", Request(tmp_path), CONFIG)
    assert recording.leads == (*leads[:15], "II")
    assert [recording.leads[lead] for lead in judged] == ["II", "V1"]
    assert "shown: 16 of its 19 leads; not the last 3 of the others" in recording.notes

    asked, judged = open_all_leads(tmp_path / "r", Request(tmp_path, leads=("v9r", "V2")), CONFIG)
    assert [asked.leads[lead] for lead in judged] == ["V9R", "V2"]
    assert asked.leads == (*leads[:15], "V9R")
    assert open_leads(tmp_path / "r", Request(tmp_path, leads=("v9r", "V2")), CONFIG).leads == ("V9R", "V2")


def test_record_whose_leads_hold_no_signal_is_refused(tmp_path):
    wfdb.wrsamp("r", 360, ["mV"], ["II"], p_signal=np.full((3600, 1), 0.3), fmt=["16"], write_dir=str(tmp_path))
    wfdb.wrann("r", "atr", np.array([360]), ["N"], write_dir=str(tmp_path))
    with pytest.raises(UserError, match=r"r\.hea: no lead holds a signal"):
        read_record(RecordFiles("db/r", tmp_path, "atr"), CONFIG)


def test_clean_leads_are_not_odd(start_mv):
    looks = look(start_mv)
    assert all(each.alive and each.quality > 0.8 for each in looks)
    assert looks[0].height_mv == pytest.approx(1.2, abs=0.5)
    assert oddities(["MLII", "V1"], looks) == []


def test_a_lead_upside_down_is_called_out(start_mv):
    assert "upside down" in notes_on(-start_mv[:, 0])[0]
    assert notes_on(-start_mv[:, 0], "ECG1") == []  # nobody knows how it should look
    assert notes_on(-start_mv[:, 0], "V1") == []


def test_normal_polarity_of_real_records_is_not_called_out(real_records):
    for name in ("101", "108", "114", "118", "119", "207", "209", "223"):
        recording = open_recording(real_records / "mitdb" / name)
        looks = look_at_leads(next(iter(recording.blocks(60))), recording.sampling_rate_hz, CONFIG)
        assert [note for note in oddities(recording.leads, looks) if "upside down" in note] == [], name


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (1000, "are these microvolts? --gain 1000"),
        (1e-3, "are these volts? --gain 0.001"),
        (1e-6, "is its unit right? --gain"),
    ],
)
def test_a_wrong_gain_is_called_out_with_the_option_that_mends_it(start_mv, factor, told):
    (note,) = notes_on(factor * start_mv[:, 0])
    assert told in note


def test_a_signal_without_beats_is_told(start_mv):
    seconds = np.arange(21600) / SAMPLING_RATE_HZ
    for lead_mv in (np.sin(2 * np.pi * seconds), np.random.default_rng(1).normal(0, 0.3, 21600)):
        assert notes_on(lead_mv) == ["no QRS complex is seen at the start of lead II; is it an ECG?"]
    assert notes_on(np.sin(seconds), "lead 1") == ["no QRS complex is seen at the start of lead 1; is it an ECG?"]


NO_BEATS = Seen(True, 0.9, False)


def test_where_no_name_tells_a_lead_the_signal_does():
    assert choose(["A", "B", "C"], [NO_BEATS, GOOD, NO_BEATS], 2) == ["B"]
    assert left_out(["A", "B", "C"], [NO_BEATS, GOOD, GOOD], [1]) == [
        "left out lead A: no QRS complex is seen in it at the start, nor does its name say that it is an ECG; --leads "
        "takes it",
        "analysed: B; not C: the model takes no more, and --leads chooses others",
    ]
    assert choose(["A", "ECG"], [GOOD, NO_BEATS], 2) == ["A", "ECG"]
    assert choose(["A", "B"], [NO_BEATS, NO_BEATS], 2) == ["A", "B"]


def test_electrodes_that_are_put_on_late_are_waited_for(start_mv):
    nothing_mv = np.random.default_rng(1).normal(0, 0.01, size=(2, *start_mv.shape))
    looks, start_s = look_at_start([*nothing_mv, start_mv], SAMPLING_RATE_HZ, CONFIG)
    assert (start_s, looks[0].beats_seen) == (120, True)
    looks, start_s = look_at_start(nothing_mv, SAMPLING_RATE_HZ, CONFIG)
    assert (start_s, looks[0].beats_seen) == (0, False)


def test_clipping_is_called_out(start_mv):
    assert "saturated" in notes_on(np.clip(start_mv[:, 0], -0.1, 0.1))[0]


@pytest.mark.parametrize("lead_mv", [np.zeros(3600), np.full(3600, np.nan), np.full(3600, 5.0), np.zeros(1)])
def test_a_lead_without_signal_is_called_out(lead_mv):
    assert notes_on(lead_mv) == ["lead II holds no signal at the start"]


def test_noise_has_no_quality():
    (seen,) = look(np.random.default_rng(1).normal(0, 0.3, size=(21600, 1)))
    assert seen.alive
    assert seen.quality < 0.5
