import pickle
from itertools import pairwise

import numpy as np
import pytest

from ecg_anomaly.beats import conditioning, qrs
from ecg_anomaly.beats.detection_signal import Consensus, SlopeStrength
from ecg_anomaly.beats.preprocessing import read_record
from ecg_anomaly.config import load_config
from ecg_anomaly.records.catalogue import find_record

RATE_HZ = 120
LATENCY_S = 0.35
CLOSE_S = 0.15  # a detection this near to a beat has found it
SETTINGS = load_config()


def signal_with_beats(beats_s, duration_s, leads=2, amplitude_mv=1.0, rate_hz=RATE_HZ):
    """Conditioned signal with a P wave, a QRS complex and a T wave at each beat, and a little noise."""
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    waves = [(0.15, -0.16, 0.025), (-0.15, -0.025, 0.01), (1.0, 0.0, 0.012), (-0.25, 0.025, 0.01), (0.3, 0.27, 0.05)]
    phases = times_s[:, np.newaxis] - np.asarray(beats_s)
    beats = sum(height * np.exp(-(((phases - place) / width) ** 2) / 2) for height, place, width in waves).sum(axis=1)
    noise = np.random.default_rng(0).normal(size=(len(times_s), leads)) * 0.005
    return amplitude_mv * (beats[:, np.newaxis] * np.linspace(1.0, 0.6, leads) + noise)


def detect_beats(conditioned_mv, missing, rate_hz):
    """All beats of a whole record."""
    detector = qrs.QrsDetector(rate_hz, conditioned_mv.shape[1])
    return np.concatenate([detector.push(conditioned_mv, missing), detector.finish()])


def detect_s(signal_mv, missing=None, rate_hz=RATE_HZ):
    missing = np.zeros(signal_mv.shape, dtype=bool) if missing is None else missing
    return detect_beats(signal_mv, missing, rate_hz) / rate_hz


def unmatched(reference_s, detected_s):
    """How many beats were missed, and how many detections are false; each beat is found once."""
    missed, free = 0, list(detected_s)
    for beat_s in reference_s:
        nearest = min(free, key=lambda found_s: abs(found_s - beat_s), default=np.inf)
        if abs(nearest - beat_s) <= CLOSE_S:
            free.remove(nearest)
        else:
            missed += 1
    return missed, len(free)


def push_in_chunks(signal_mv, missing, lengths):
    """Beats from a stream in chunks: with each how far the stream was, and certain_until after each chunk."""
    detector = qrs.QrsDetector(RATE_HZ, signal_mv.shape[1])
    beats, pushed_at, certain, start = [], [], [], 0
    for length in lengths:
        chunk = slice(start, start + length)
        start = min(start + length, len(signal_mv))
        found = detector.push(signal_mv[chunk], missing[chunk])
        assert found.dtype == np.int64
        beats += found.tolist()
        pushed_at += [start] * len(found)
        certain.append((detector.certain_until, len(beats)))
    assert start == len(signal_mv)
    last = detector.finish().tolist()
    return np.array(beats + last), np.array(pushed_at), certain


def random_lengths(total, longest, seed):
    rng = np.random.default_rng(seed)
    lengths = []
    while sum(lengths) < total:
        lengths.append(int(min(np.exp(rng.uniform(0, np.log(longest + 1))), longest)))
    return lengths


def real_record(folder, name, annotator="atr", lead_count=2):
    """Conditioned signal, missing samples and times of the annotated beats of a record, with default settings."""
    files = find_record(name, [folder, folder / "ecg-samples"], annotator)
    if files is None:
        pytest.skip(f"{name} is not here")
    settings = load_config(overrides=[f"records.lead_count={lead_count}"])
    chosen, annotations, _ = read_record(files, settings)
    conditioned, missing = conditioning.condition(chosen.signals_mv, chosen.sampling_rate_hz, SETTINGS.beat)
    beats = [symbol in SETTINGS.labels.aami for symbol in annotations.symbols]
    return conditioned, missing, annotations.samples[beats] / float(chosen.sampling_rate_hz)


@pytest.fixture(scope="module")
def difficult_signal():
    """A signal that visits every state: beats, a pause, noise, an artefact, plateaus and gaps."""
    rng = np.random.default_rng(5)
    beats_s = np.cumsum(rng.uniform(0.5, 1.1, size=100))
    signal_mv = signal_with_beats(beats_s[(beats_s < 30) | (beats_s > 36)], 80)
    signal_mv[40 * RATE_HZ : 45 * RATE_HZ] += rng.normal(size=(5 * RATE_HZ, 2))
    signal_mv[50 * RATE_HZ : 50 * RATE_HZ + 20] += 40.0
    signal_mv[55 * RATE_HZ : 57 * RATE_HZ] = np.round(signal_mv[55 * RATE_HZ : 57 * RATE_HZ], 1)
    missing = np.zeros(signal_mv.shape, dtype=bool)
    missing[60 * RATE_HZ : 64 * RATE_HZ, 0] = True
    missing[66 * RATE_HZ : 69 * RATE_HZ] = True
    signal_mv[60 * RATE_HZ : 64 * RATE_HZ, 0] = signal_mv[60 * RATE_HZ, 0]
    signal_mv[66 * RATE_HZ : 69 * RATE_HZ] = signal_mv[66 * RATE_HZ]
    return signal_mv, missing


@pytest.mark.parametrize("length", [1, 12, 239, 240, 241, 5000])
def test_equal_chunks_of_any_length_give_the_same_beats(difficult_signal, length):
    signal_mv, missing = difficult_signal
    beats, _, _ = push_in_chunks(signal_mv, missing, [length] * -(-len(signal_mv) // length))
    np.testing.assert_array_equal(beats, detect_beats(signal_mv, missing, RATE_HZ))


@pytest.mark.parametrize("seed", range(10))
def test_random_chunks_give_the_same_beats(difficult_signal, seed):
    signal_mv, missing = difficult_signal
    lengths = random_lengths(len(signal_mv), longest=5000, seed=seed)
    beats, _, _ = push_in_chunks(signal_mv, missing, lengths)
    np.testing.assert_array_equal(beats, detect_beats(signal_mv, missing, RATE_HZ))


def test_detection_signal_is_the_same_to_the_last_bit_in_chunks(difficult_signal):
    signal_mv, missing = difficult_signal

    def detection(lengths):
        slopes, mean = SlopeStrength(RATE_HZ, 2), Consensus(RATE_HZ, 2)
        ends = np.cumsum(lengths)
        chunks = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
        parts = [mean.push(slopes.push(signal_mv[chunk], missing[chunk])) for chunk in chunks]
        parts.append(mean.push(slopes.finish(), last=True))
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    whole = detection([len(signal_mv)])
    assert len(whole[0]) == len(signal_mv)
    for seed in range(5):
        chunked = detection(random_lengths(len(signal_mv), longest=900, seed=seed))
        for values, same in zip(chunked, whole, strict=True):
            np.testing.assert_array_equal(values, same)


def test_rounding_differences_of_the_conditioning_change_nothing(difficult_signal):
    signal_mv, missing = difficult_signal
    other = signal_mv + np.random.default_rng(1).normal(size=signal_mv.shape) * 1e-13
    np.testing.assert_array_equal(detect_s(other, missing), detect_s(signal_mv, missing))


def test_certain_until_grows_and_no_later_beat_comes_before_it(difficult_signal):
    signal_mv, missing = difficult_signal
    beats, _, certain = push_in_chunks(signal_mv, missing, [6] * (len(signal_mv) // 6))
    until = [sample for sample, _ in certain]
    assert all(earlier <= later for earlier, later in pairwise(until))
    assert all((beats[told:] >= sample).all() for sample, told in certain)
    assert np.all(np.diff(beats) > 0)


def test_certain_until_passes_a_pause_before_it_ends():
    signal_mv = signal_with_beats([*np.arange(0.5, 10, 0.8), *np.arange(16, 20, 0.8)], 20)
    detector = qrs.QrsDetector(RATE_HZ, 2)
    detector.push(signal_mv[: 13 * RATE_HZ], np.zeros((13 * RATE_HZ, 2), dtype=bool))
    assert detector.certain_until > 12 * RATE_HZ


def test_beats_come_out_in_time():
    signal_mv = signal_with_beats(np.arange(0.5, 29, 0.8), 30)
    missing = np.zeros(signal_mv.shape, dtype=bool)
    beats, pushed_at, _ = push_in_chunks(signal_mv, missing, [1] * len(signal_mv))
    late = (pushed_at - beats[: len(pushed_at)]) / RATE_HZ
    learnt = beats[: len(pushed_at)] > 3 * RATE_HZ
    assert learnt.sum() > 30
    assert late[learnt].max() <= LATENCY_S
    assert pushed_at[0] <= 3 * RATE_HZ


@pytest.mark.parametrize("rate_hz", [90, 120, 128, 200, 250])
@pytest.mark.parametrize("leads", [1, 2, 12])
def test_every_beat_is_found_at_its_r_peak(rate_hz, leads):
    beats_s = np.arange(0.5, 29.6, 0.83)
    found_s = detect_s(signal_with_beats(beats_s, 30, leads, rate_hz=rate_hz), rate_hz=rate_hz)
    np.testing.assert_allclose(found_s, beats_s, atol=0.02)


@pytest.mark.parametrize("bpm", [30, 60, 120, 200, 240])
def test_slow_and_fast_rhythms_are_found(bpm):
    beats_s = np.arange(0.5, 59.5, 60 / bpm)
    assert unmatched(beats_s, detect_s(signal_with_beats(beats_s, 60))) == (0, 0)


@pytest.mark.parametrize("amplitude_mv", [0.1, 0.3, 3.0, 10.0, -1.0])
def test_amplitude_and_polarity_change_nothing(amplitude_mv):
    beats_s = np.arange(0.5, 29.6, 0.83)
    found_s = detect_s(signal_with_beats(beats_s, 30, amplitude_mv=amplitude_mv))
    assert unmatched(beats_s, found_s) == (0, 0)


def test_t_waves_taller_than_the_r_waves_are_no_beats():
    beats_s = np.arange(0.5, 59, 0.9)
    times_s = np.arange(60 * RATE_HZ)[:, np.newaxis] / RATE_HZ
    t_waves = np.exp(-(((times_s - beats_s - 0.28) / 0.045) ** 2) / 2).sum(axis=1, keepdims=True)
    assert unmatched(beats_s, detect_s(signal_with_beats(beats_s, 60) + t_waves)) == (0, 0)


def test_a_small_beat_is_found_by_search_back():
    beats_s = np.arange(0.5, 29.6, 0.8)
    small_s = beats_s[20]
    signal_mv = signal_with_beats(np.delete(beats_s, 20), 30) + 0.18 * signal_with_beats([small_s], 30)
    missing = np.zeros(signal_mv.shape, dtype=bool)
    beats, pushed_at, _ = push_in_chunks(signal_mv, missing, [1] * len(signal_mv))
    assert unmatched(beats_s, beats / RATE_HZ) == (0, 0)
    assert pushed_at[20] / RATE_HZ > small_s + LATENCY_S  # the threshold alone does not find it
    assert pushed_at[20] / RATE_HZ < beats_s[19] + 1.6 * 0.8 + LATENCY_S


@pytest.mark.parametrize("noise_mv", [0.0, 0.002, 0.005, 0.01])
def test_no_beats_are_invented_in_asystole(noise_mv):
    signal_mv = signal_with_beats(np.arange(0.5, 20, 0.8), 120)
    signal_mv[21 * RATE_HZ :] = np.random.default_rng(2).normal(size=(99 * RATE_HZ, 2)) * noise_mv
    assert detect_s(signal_mv).max() < 20


@pytest.mark.parametrize("value_mv", [0.0, 0.3])
def test_a_signal_that_never_changes_has_no_beats(value_mv):
    assert not len(detect_s(np.full((20 * RATE_HZ, 2), value_mv)))


@pytest.mark.parametrize("factor", [0.1, 0.2, 5.0, 10.0])
def test_a_changed_amplitude_is_followed_within_seconds(factor):
    beats_s = np.arange(0.5, 89.5, 0.8)
    signal_mv = signal_with_beats(beats_s, 90)
    signal_mv[30 * RATE_HZ : 60 * RATE_HZ] *= factor
    found_s = detect_s(signal_mv)
    for start_s, end_s in [(0, 29), (36, 59), (66, 90)]:  # six seconds to follow
        part = (beats_s > start_s) & (beats_s < end_s)
        found_part = (found_s > start_s) & (found_s < end_s)
        assert unmatched(beats_s[part], found_s[found_part]) == (0, 0)


@pytest.mark.parametrize("seconds", [5, 10, 30])
@pytest.mark.parametrize(("noise_mv", "leads"), [(0.01, 1), (0.1, 2), (3.0, 1), (3.0, 2)])
def test_beats_after_noise_or_silence_are_found_at_once(seconds, noise_mv, leads):
    beats_s = np.arange(0.5, 89.5, 0.8)
    signal_mv = signal_with_beats(beats_s, 90, leads)
    noise = slice(40 * RATE_HZ, (40 + seconds) * RATE_HZ)
    signal_mv[noise] = noise_mv * np.random.default_rng(3).normal(size=(seconds * RATE_HZ, leads))
    found_s, start_s = detect_s(signal_mv), 40 + seconds + 0.3
    assert unmatched(beats_s[beats_s > start_s + 0.5], found_s[found_s > start_s + 0.5]) == (0, 0)


@pytest.mark.parametrize("end_s", [70.34, 70.42, 70.5, 70.58])
def test_a_t_wave_whose_beat_lies_in_a_gap_is_no_beat(end_s):
    beats_s = np.arange(0.3, 89.5, 0.8)  # one at 70.7
    signal_mv = signal_with_beats(beats_s, 90)
    missing = np.zeros(signal_mv.shape, dtype=bool)
    missing[round(30.2 * RATE_HZ) : round((end_s + 0.34) * RATE_HZ)] = True
    found_s = detect_s(signal_mv, missing)
    assert unmatched(beats_s[(beats_s < 30) | (beats_s > 71)], found_s) == (0, 0)


@pytest.mark.parametrize("start_s", [0, 30])
def test_an_artefact_does_not_deafen(start_s):
    beats_s = np.arange(0.5, 89.5, 0.8)
    signal_mv = signal_with_beats(beats_s, 90)
    burst = slice(start_s * RATE_HZ, (start_s + 10) * RATE_HZ)
    signal_mv[burst] += 5 * np.random.default_rng(3).normal(size=(10 * RATE_HZ, 2))
    found_s = detect_s(signal_mv)
    later_s = start_s + 17
    assert unmatched(beats_s[beats_s > later_s], found_s[found_s > later_s]) == (0, 0)


@pytest.mark.parametrize("spoil", ["dead", "missing", "noisy"])
@pytest.mark.parametrize("lead", [0, 1])
def test_a_spoilt_lead_does_not_spoil_the_other(spoil, lead):
    beats_s = np.arange(0.5, 59.5, 0.8)
    signal_mv = signal_with_beats(beats_s, 60)
    missing = np.zeros(signal_mv.shape, dtype=bool)
    noise_mv = np.random.default_rng(4).normal(size=len(signal_mv))
    signal_mv[:, lead] = {"dead": 0.5, "missing": noise_mv * 10, "noisy": noise_mv}[spoil]
    missing[:, lead] = spoil == "missing"
    assert unmatched(beats_s, detect_s(signal_mv, missing)) == (0, 0)


def test_a_gap_makes_no_beats_and_those_after_it_are_found():
    beats_s = np.delete(np.arange(0.5, 59.5, 0.8), 24)  # none at the edge of the gap
    signal_mv = signal_with_beats(beats_s, 60)
    missing = np.zeros(signal_mv.shape, dtype=bool)
    missing[20 * RATE_HZ : 40 * RATE_HZ] = True
    signal_mv[20 * RATE_HZ : 40 * RATE_HZ] = 3.0  # steps at both ends
    there = beats_s[(beats_s < 19.6) | (beats_s > 40.3)]
    assert unmatched(there, detect_s(signal_mv, missing)) == (0, 0)


@pytest.mark.parametrize("samples", [0, 1, 30, 239])
def test_very_short_signals_are_no_mistake(samples):
    signal_mv = signal_with_beats([0.6], 3)[:samples]
    expected = 1 if samples > 100 else 0
    assert len(detect_s(signal_mv)) == expected


def test_wrong_shapes_are_refused():
    detector = qrs.QrsDetector(RATE_HZ, 2)
    with pytest.raises(ValueError, match=r"\(samples, 2\)"):
        detector.push(np.zeros((10, 3)), np.zeros((10, 3), dtype=bool))
    with pytest.raises(ValueError, match="missing"):
        detector.push(np.zeros((10, 2)), np.zeros(10, dtype=bool))


def test_memory_does_not_grow_with_the_stream():
    signal_mv = np.tile(signal_with_beats(np.arange(0.5, 59.5, 0.8), 60), (60, 1))
    missing = np.zeros(signal_mv.shape, dtype=bool)
    detector, sizes = qrs.QrsDetector(RATE_HZ, 2), []
    for minute in range(60):
        part = slice(minute * 60 * RATE_HZ, (minute + 1) * 60 * RATE_HZ)
        detector.push(signal_mv[part], missing[part])
        sizes.append(len(pickle.dumps(detector)))
    assert max(sizes[5:]) <= sizes[4] + 100
    assert sizes[4] < signal_mv[: 8 * RATE_HZ].nbytes  # a few seconds of signal, at several stages


@pytest.mark.parametrize(
    ("name", "annotator", "most_missed", "most_false"),
    [
        ("mitdb/101", "atr", 2, 6),
        ("mitdb/119", "atr", 0, 1),  # premature beats that are twice as high; the last beat is not annotated
        ("mitdb/208", "atr", 10, 15),
        ("svdb/801", "atr", 0, 2),
        ("ludb/2", "ii", 0, 2),  # its first and last beats are not annotated
    ],
)
def test_beats_of_real_records_are_found(real_records, name, annotator, most_missed, most_false):
    signal_mv, missing, beats_s = real_record(real_records, name, annotator)
    found_s = detect_beats(signal_mv, missing, RATE_HZ) / RATE_HZ
    missed, false = unmatched(beats_s, found_s)
    assert missed <= most_missed
    assert false <= most_false


def test_chunks_of_a_real_record_give_the_same_beats(real_records):
    signal_mv, missing, _ = real_record(real_records, "mitdb/203")
    signal_mv, missing = signal_mv[: 600 * RATE_HZ], missing[: 600 * RATE_HZ]
    whole = detect_beats(signal_mv, missing, RATE_HZ)
    for longest in (150, 5000):
        beats, _, _ = push_in_chunks(signal_mv, missing, random_lengths(len(signal_mv), longest, seed=longest))
        np.testing.assert_array_equal(beats, whole)


def test_polarity_and_amplitude_of_a_real_record_hardly_matter(real_records):
    signal_mv, missing, _ = real_record(real_records, "mitdb/223")
    beats = detect_beats(signal_mv, missing, RATE_HZ)
    np.testing.assert_array_equal(detect_beats(-signal_mv, missing, RATE_HZ), beats)
    for factor in (0.3, 3.0):
        scaled = detect_beats(factor * signal_mv, missing, RATE_HZ)
        assert sum(unmatched(beats / RATE_HZ, scaled / RATE_HZ)) <= 0.002 * len(beats)
