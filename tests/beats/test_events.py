import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy import signal

from ecg_anomaly.beats.conditioning import condition
from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE, Event, EventFinder
from ecg_anomaly.beats.labelled import cut_at_annotations
from ecg_anomaly.beats.preprocessing import read_record
from ecg_anomaly.beats.swings import FIBRILLATION, TACHYCARDIA
from ecg_anomaly.config import load_config
from ecg_anomaly.records.catalogue import find_record
from ecg_anomaly.records.noise import make_noise

CONFIG = load_config()
RATE_HZ = CONFIG.beat.sampling_rate_hz

# The flutter of mitdb/207: [ to ] of its annotations, in seconds.
FLUTTER_S = [(40.7, 51.0), (54.8, 60.4), (242.1, 246.4), (247.9, 261.4), (269.5, 280.9), (1540.8, 1638.7)]


def find_events(conditioned_mv, missing, beats, readable):
    """All events of a recording that comes at once, ordered by their start."""
    finder = EventFinder(RATE_HZ, conditioned_mv.shape[1])
    events = finder.push(conditioned_mv, missing, beats, readable, len(conditioned_mv)) + finder.finish()
    return sorted(events, key=lambda event: (event.start_s, event.kind))


class Recorded:
    """A recording under construction: leads of beats that are there from the start, and what is done to them."""

    def __init__(self, seconds, beats_s, width_s=0.015, leads=1, seed=1):
        self.times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        self.signals_mv = np.random.default_rng(seed).normal(scale=0.01, size=(len(self.times_s), leads))
        self.missing = np.zeros(self.signals_mv.shape, dtype=bool)
        self.beats_s = np.asarray(beats_s, dtype=float)
        self.readable = np.ones(len(self.beats_s), dtype=bool)
        self.add_waves(self.beats_s, width_s, 1.0)
        self.add_waves(self.beats_s + 0.26, 0.04, 0.2)

    def add_waves(self, times_s, width_s, height_mv):
        for time_s in np.atleast_1d(times_s):
            self.signals_mv += height_mv * np.exp(-0.5 * ((self.times_s[:, np.newaxis] - time_s) / width_s) ** 2)

    def inside(self, start_s, end_s):
        return (self.times_s >= start_s) & (self.times_s < end_s)

    def swing(self, start_s, end_s, frequency_hz=5.0, leads=slice(None)):
        """Replace the signal by fibrillation: a swing whose rate and height wander. A detector finds beats in it."""
        inside = self.inside(start_s, end_s)
        since_s = self.times_s[inside] - start_s
        height_mv = 0.6 + 0.2 * np.sin(2 * np.pi * 0.4 * since_s)
        swing_mv = height_mv * np.sin(2 * np.pi * frequency_hz * since_s + 0.8 * np.sin(2 * np.pi * 0.3 * since_s))
        self.signals_mv[np.ix_(inside, np.arange(self.signals_mv.shape[1])[leads])] = swing_mv[:, np.newaxis]

    def tachycardia(self, start_s, end_s, bpm=180):
        """Replace the signal by wide beats, one like the other, each at once after the one before."""
        inside = self.inside(start_s, end_s)
        rr_s = np.random.default_rng(4).normal(60 / bpm, 0.02 * 60 / bpm, size=round((end_s - start_s) * bpm / 60))
        since_s = self.times_s[inside, np.newaxis] - (start_s + 0.1 + np.cumsum(rr_s) - rr_s)
        beats_mv = np.exp(-0.5 * (since_s / 0.045) ** 2) - 0.8 * np.exp(-0.5 * ((since_s - 0.15) / 0.06) ** 2)
        self.signals_mv[inside] = 1.5 * beats_mv.sum(axis=1, keepdims=True)

    def unread(self, start_s, end_s):
        self.readable &= ~((self.beats_s >= start_s) & (self.beats_s < end_s))

    @property
    def arguments(self):
        beats = np.round(self.beats_s * RATE_HZ).astype(int)
        return self.signals_mv, self.missing, beats, self.readable

    def events(self):
        return find_events(*self.arguments)

    def events_in_chunks(self, chunk, lag):
        """As live: beats come when their samples have, the detector is some samples late."""
        signals_mv, missing, beats, readable = self.arguments
        finder, events, handed = EventFinder(RATE_HZ, signals_mv.shape[1]), [], 0
        for end in range(chunk, len(signals_mv) + chunk, chunk):
            known = int(np.searchsorted(beats, end - lag))
            fresh, new = slice(end - chunk, end), slice(handed, known)
            events += finder.push(signals_mv[fresh], missing[fresh], beats[new], readable[new], end - lag)
            handed = known
        rest = slice(handed, None)
        events += finder.push(signals_mv[:0], missing[:0], beats[rest], readable[rest], len(signals_mv))
        return sorted(events + finder.finish(), key=lambda event: (event.start_s, event.kind))


def regular(start_s, end_s, rr_s=0.8):
    return np.arange(start_s, end_s, rr_s)


def assert_about(events, kind, start_s, end_s, within_s=1.5):
    assert [event.kind for event in events] == [kind], events
    assert events[0].start_s == pytest.approx(start_s, abs=within_s)
    assert events[0].end_s == pytest.approx(end_s, abs=within_s)


@pytest.mark.parametrize("rr_s", [0.3, 0.5, 0.8, 1.5, 2.6])
@pytest.mark.parametrize("leads", [1, 2])
def test_beats_at_any_rate_are_no_event(rr_s, leads):
    assert Recorded(60, regular(0.5, 60, rr_s), leads=leads).events() == []


def test_bigeminy_and_a_run_of_wide_beats_are_no_event():
    recorded = Recorded(60, regular(0.5, 60, 1.2))
    early_s = regular(1.0, 60, 1.2)
    recorded.add_waves(early_s, 0.05, 1.5)
    recorded.beats_s, recorded.readable = np.sort([*recorded.beats_s, *early_s]), np.ones(100, dtype=bool)
    assert recorded.events() == []
    assert Recorded(30, regular(0.5, 30, 0.36), width_s=0.03).events() == []


def test_a_pause_of_four_seconds_is_an_asystole_from_beat_to_beat():
    shorter = Recorded(40, [*regular(0.5, 20), 19.7 + 3.9, *regular(25, 40)])
    assert shorter.events() == []
    longer = Recorded(40, [*regular(0.5, 20), 19.7 + 4.2, *regular(25, 40)])
    assert longer.events() == [Event(ASYSTOLE, 19.7, 23.9)]


def test_p_waves_alone_are_an_asystole():
    recorded = Recorded(40, [*regular(0.5, 20), *regular(30, 40)])
    recorded.add_waves(regular(20, 30), 0.03, 0.12)
    assert recorded.events() == [Event(ASYSTOLE, 19.7, 30.0)]


def test_what_a_detector_makes_of_silence_does_not_hide_an_asystole():
    recorded = Recorded(40, regular(0.5, 40))
    silent = recorded.inside(20.2, 29.8)
    recorded.signals_mv[silent] = np.random.default_rng(2).normal(scale=0.01, size=(silent.sum(), 1))
    recorded.unread(20.2, 29.8)
    assert_about(recorded.events(), ASYSTOLE, 19.7, 30.1, within_s=0.01)


def test_an_asystole_may_last_until_the_recording_ends():
    assert_about(Recorded(31.5, regular(0.5, 20)).events(), ASYSTOLE, 19.7, 31.5, within_s=0.01)


@pytest.mark.parametrize("loose", [False, True])
def test_a_lead_that_comes_off_is_unreadable_and_no_asystole(loose):
    recorded = Recorded(40, [*regular(0.5, 20), *regular(30, 40)])
    off = recorded.inside(20.5, 29.5)
    recorded.signals_mv[off] = 0.3
    recorded.missing[off] = not loose
    assert_about(recorded.events(), UNREADABLE, 20.5, 29.5)


def test_one_lead_that_is_left_is_enough():
    recorded = Recorded(40, regular(0.5, 40), leads=2)
    recorded.missing[recorded.inside(10, 30), 0] = True
    assert recorded.events() == []


@pytest.mark.parametrize("frequency_hz", [2.5, 4.0, 7.0])
def test_a_swing_at_one_frequency_is_fibrillation(frequency_hz):
    recorded = Recorded(60, regular(0.5, 60), leads=2)
    recorded.swing(20, 40, frequency_hz)
    recorded.unread(20, 40)
    assert_about(recorded.events(), FIBRILLATION, 20, 40)


def test_fibrillation_that_no_beat_was_found_in():
    recorded = Recorded(60, [*regular(0.5, 20), *regular(40.5, 60)])
    recorded.swing(20, 40)
    assert_about(recorded.events(), FIBRILLATION, 20, 40)


def test_fibrillation_from_the_start():
    recorded = Recorded(40, [])
    recorded.swing(0, 40)
    assert recorded.events() == [Event(FIBRILLATION, 0.0, 40.0)]


@pytest.mark.parametrize("bpm", [130, 180, 240])
def test_a_swing_of_which_one_is_like_the_other_is_a_ventricular_tachycardia(bpm):
    recorded = Recorded(60, regular(0.5, 60), leads=2)
    recorded.tachycardia(20, 40, bpm)
    recorded.unread(20, 40)
    assert_about(recorded.events(), TACHYCARDIA, 20, 40)


def test_tachycardia_turns_into_fibrillation():
    recorded = Recorded(60, regular(0.5, 60))
    recorded.tachycardia(15, 30)
    recorded.swing(30, 60)
    recorded.unread(15, 60)
    found = recorded.events()
    assert [event.kind for event in found] == [TACHYCARDIA, FIBRILLATION]
    assert found[0].end_s == found[1].start_s == pytest.approx(30, abs=3)


@pytest.mark.parametrize("bpm", [100, 110, 125, 150, 180])
@pytest.mark.parametrize("height_mv", [0.6, 1.2])
def test_fast_beats_with_tall_t_waves_are_neither(bpm, height_mv):
    beats_s = regular(0.5, 60, 60 / bpm)
    recorded = Recorded(60, beats_s)
    recorded.add_waves(beats_s + 0.2, 0.045, height_mv)
    assert recorded.events() == []


def test_fast_irregular_beats_with_tall_t_waves_are_neither():
    beats_s = 0.5 + np.cumsum(np.random.default_rng(3).normal(0.5, 0.045, size=120))
    recorded = Recorded(60, beats_s[beats_s < 59.5])
    recorded.add_waves(recorded.beats_s + 0.22, 0.055, 1.3)
    assert recorded.events() == []


def test_jolts_of_an_electrode_are_no_fibrillation():
    recorded = Recorded(300, regular(0.5, 300, 0.5))
    recorded.signals_mv += 0.4 * make_noise("electrode_motion", len(recorded.times_s), 1, RATE_HZ, seed=1)
    recorded.readable[::2] = False
    assert sum(event.end_s - event.start_s for event in recorded.events() if event.kind != UNREADABLE) <= 6


@pytest.mark.parametrize("frequency_hz", [0.25, 1, 2, 3, 5, 8, 10])
@pytest.mark.parametrize("wave", [np.sin, signal.square, lambda phase: signal.sawtooth(phase, 0.5)])
def test_a_generator_has_no_events(frequency_hz, wave):
    generated = wave(2 * np.pi * frequency_hz * np.arange(40 * 360) / 360)[:, np.newaxis]
    nothing = np.empty(0, dtype=int)
    events = find_events(*condition(generated, Fraction(360), CONFIG.beat), nothing, nothing.astype(bool))
    assert {event.kind for event in events} <= {UNREADABLE}


def test_a_short_swing_or_one_in_a_single_lead_is_no_fibrillation():
    short = Recorded(60, regular(0.5, 60))
    short.swing(20.2, 22.8)
    other = Recorded(60, regular(0.5, 60), leads=2)
    other.swing(20, 40, leads=[1])
    assert short.events() == other.events() == []


@pytest.mark.parametrize("noise_mv", [0.0, 0.002, 0.05, 0.3])
def test_before_the_first_beats_there_is_no_asystole(noise_mv):
    recorded = Recorded(40, regular(20.5, 40))
    before = recorded.inside(0, 20)
    recorded.signals_mv[before] = np.random.default_rng(2).normal(scale=noise_mv, size=(before.sum(), 1))
    assert_about(recorded.events(), UNREADABLE, 0, 20)


def test_a_signal_that_is_too_low_to_be_judged_has_no_asystole():
    recorded = Recorded(30, [])
    recorded.add_waves(regular(0.5, 30), 0.015, 1.0)
    recorded.signals_mv *= 1e-3  # volts that were taken for millivolts
    assert recorded.events() == [Event(UNREADABLE, 0.0, 30.0)]


@pytest.mark.parametrize("lost", [True, False], ids=["missing", "noise"])
def test_after_an_unreadable_stretch_asystole_waits_for_beats(lost):
    recorded = Recorded(80, [*regular(0.5, 20), *regular(40.5, 50), *regular(60.5, 80)])
    off = recorded.inside(20.5, 26)
    recorded.missing[off] = lost
    recorded.signals_mv[off] = 0.5 * make_noise("muscle", off.sum(), 1, RATE_HZ, seed=1)
    found = recorded.events()
    assert [event.start_s for event in found if event.kind == ASYSTOLE] == [pytest.approx(49.3)]
    assert found[0].kind == UNREADABLE


def test_beats_that_cannot_be_read_are_unreadable_from_two_seconds_on():
    recorded = Recorded(60, regular(0.5, 60))
    recorded.unread(10.0, 11.0)  # a single beat
    recorded.unread(20.4, 26.0)
    assert_about(recorded.events(), UNREADABLE, 20, 26)


def test_noise_without_beats_is_unreadable():
    recorded = Recorded(40, [*regular(0.5, 20), *regular(30, 40)])
    loud = recorded.inside(20.5, 29.5)
    recorded.signals_mv[loud] = 0.5 * make_noise("muscle", loud.sum(), 1, RATE_HZ, seed=1)
    assert_about(recorded.events(), UNREADABLE, 20.5, 29.5, within_s=2)


def test_a_gain_that_is_too_small_is_unreadable_and_no_asystole():
    recorded = Recorded(30, regular(0.5, 30))
    recorded.signals_mv *= 0.01
    recorded.readable[:] = False
    assert_about(recorded.events(), UNREADABLE, 0, 30)


def test_asystole_follows_fibrillation():
    recorded = Recorded(60, regular(0.5, 20))
    recorded.swing(20, 40)
    found = recorded.events()
    assert [event.kind for event in found] == [FIBRILLATION, ASYSTOLE]
    assert found[1].start_s == pytest.approx(40, abs=1.5)
    assert found[1].end_s == 60


def troubled():
    recorded = Recorded(120.3, [*regular(0.5, 20), *regular(27, 40), *regular(60, 120)], leads=2)
    recorded.swing(40, 52)
    recorded.tachycardia(105, 113)
    recorded.missing[recorded.inside(70, 75)] = True
    recorded.unread(90, 97)
    return recorded


@pytest.mark.parametrize("chunk", [1, 7, 59, 60, 61, 120, 500, 5000, 20000])
@pytest.mark.parametrize("lag", [0, 37, 400])
def test_a_stream_finds_what_a_file_holds_however_it_is_cut(chunk, lag):
    recorded = troubled()
    expected = recorded.events()
    assert {event.kind for event in expected} == {ASYSTOLE, TACHYCARDIA, FIBRILLATION, UNREADABLE}
    assert recorded.events_in_chunks(chunk, lag) == expected


def test_what_lasts_is_told_before_it_ends():
    recorded = Recorded(30, regular(0.5, 20))
    signals_mv, missing, beats, readable = recorded.arguments
    finder = EventFinder(RATE_HZ, 1)
    finder.push(signals_mv[: 23 * RATE_HZ], missing[: 23 * RATE_HZ], beats, readable, 23 * RATE_HZ)
    assert finder.ongoing == []
    rest = slice(23 * RATE_HZ, 25 * RATE_HZ)
    assert finder.push(signals_mv[rest], missing[rest], beats[:0], readable[:0], 25 * RATE_HZ) == []
    assert finder.ongoing == [Event(ASYSTOLE, 19.7, 25.0)]


def test_fibrillation_is_told_within_six_seconds():
    recorded = Recorded(60, regular(0.5, 20))
    recorded.swing(20, 60)
    signals_mv, missing, beats, readable = recorded.arguments
    finder, known = EventFinder(RATE_HZ, 1), 26 * RATE_HZ
    finder.push(signals_mv[:known], missing[:known], beats, readable, known)
    assert [event.kind for event in finder.ongoing] == [FIBRILLATION]


def test_memory_does_not_grow():
    recorded = Recorded(60, regular(0.4, 60))  # 75 beats a minute
    signals_mv, missing, beats, readable = recorded.arguments
    finder, sizes = EventFinder(RATE_HZ, 1), []
    for minute in range(20):
        first = minute * len(signals_mv)
        finder.push(signals_mv, missing, beats + first, readable, first + len(signals_mv))
        sizes.append(len(pickle.dumps(finder)))
    assert max(sizes[5:]) <= sizes[4] + 100


@pytest.mark.parametrize("samples", [0, 1, 50])
def test_a_recording_of_less_than_a_step(samples):
    empty = np.empty(0, dtype=int)
    signals_mv = np.random.default_rng(1).normal(size=(samples, 2))
    assert find_events(signals_mv, np.zeros((samples, 2), dtype=bool), empty, empty.astype(bool)) == []


def real_events(name, folder, leads):
    files = find_record(name, [folder], "atr")
    chosen, annotations, _ = read_record(files, load_config(overrides=[f"records.lead_count={leads}"]))
    conditioned_mv, missing = condition(chosen.signals_mv, chosen.sampling_rate_hz, CONFIG.beat)
    table = cut_at_annotations(chosen, annotations, CONFIG).table
    beats = np.round(table["fiducial_s"].to_numpy() * RATE_HZ).astype(int)
    return find_events(conditioned_mv, missing, beats, np.ones(len(beats), dtype=bool))


def test_all_flutter_of_a_real_record_is_found_and_no_more(real_records):
    events = [event for event in real_events("mitdb/207", real_records, leads=2) if event.kind == FIBRILLATION]
    assert len(events) == len(FLUTTER_S)
    for event, (start_s, end_s) in zip(events, FLUTTER_S, strict=True):
        assert event.start_s == pytest.approx(start_s, abs=4)  # the run of beats before some of it is as fast
        assert event.end_s == pytest.approx(end_s, abs=2)


# Fast atrial fibrillation, bigeminy, couplets and runs, atrial flutter, wide beats throughout.
@pytest.mark.parametrize("name", ["106", "203", "208", "209", "223", "109"])
def test_other_rhythms_of_real_records_are_no_fibrillation(real_records, name):
    assert FIBRILLATION not in {event.kind for event in real_events(f"mitdb/{name}", real_records, leads=2)}


@pytest.mark.parametrize(("name", "start_s", "end_s"), [("cu01", 214.2, 508.9), ("cu05", 358.8, 446.4)])
def test_fibrillation_of_another_database_is_found(real_records, name, start_s, end_s):
    folder = real_records / "ecg-samples"
    if not (folder / "cudb" / f"{name}.dat").is_file():
        pytest.skip("no sample of the CU Ventricular Tachyarrhythmia Database beside mitdb")
    longest = max(real_events(f"cudb/{name}", folder, leads=1), key=lambda event: event.end_s - event.start_s)
    assert longest.kind == FIBRILLATION
    assert longest.start_s == pytest.approx(start_s, abs=4)
    assert longest.end_s == pytest.approx(end_s, abs=2)
