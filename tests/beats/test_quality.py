from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.beats.conditioning import condition
from ecg_anomaly.beats.labelled import cut_at_annotations
from ecg_anomaly.beats.preprocessing import read_record
from ecg_anomaly.beats.quality import LEAST_QUALITY, beat_quality, lead_quality
from ecg_anomaly.config import load_config
from ecg_anomaly.records import noise
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.catalogue import find_record
from ecg_anomaly.records.recording import Recording
from ecg_anomaly.records.simulate import simulate_record

CONFIG = load_config()
BEAT = CONFIG.beat
RATE_HZ = BEAT.sampling_rate_hz
SECONDS = np.arange(BEAT.samples) / RATE_HZ - BEAT.window_before_s
LEVELS_DB = (24, 18, 12, 6, 0)
IN_BAND = ("muscle", "electrode_motion")  # baseline wander is what the band-pass filter takes away


def wave(center_s, width_s, height_mv):
    return height_mv * np.exp(-0.5 * ((SECONDS - center_s) / width_s) ** 2)


NARROW = wave(-0.16, 0.02, 0.1) + wave(0, 0.012, 1.2) + wave(0.03, 0.01, -0.3) + wave(0.28, 0.05, 0.3)
WIDE = wave(0, 0.05, 1.5) + wave(0.25, 0.08, -0.6)  # a ventricular beat: 200 ms, with the T wave the other way


def windows(*leads):
    return np.stack(leads, axis=-1)[np.newaxis]


def quality(*leads):
    return lead_quality(windows(*leads), RATE_HZ)[0]


def simulated(patient=1):
    record = simulate_record(patient, 2.0, seed=1)
    recording = Recording("simdb/s", Fraction(360), record.leads[:2], record.signals_mv[:, :2])
    return recording, Annotations(np.array(record.samples), np.array(record.symbols, dtype=object))


def real(folder, name):
    return read_record(find_record(f"mitdb/{name}", [folder], "atr"), CONFIG)[:2]


def with_noise(recording, annotations, kind, snr_db, seed=1):
    rate_hz = float(recording.sampling_rate_hz)
    added = noise.make_noise(kind, *recording.signals_mv.shape, rate_hz, seed)
    beats = annotations.samples[np.isin(annotations.symbols, list(CONFIG.labels.aami))]
    noisy_mv = noise.add_noise(recording.signals_mv, added, snr_db, beats, rate_hz)
    return Recording(recording.name, recording.sampling_rate_hz, recording.leads, noisy_mv)


def cut(recording, annotations):
    """Windows around the annotated beats and the class of each, as the pipeline cuts them."""
    table = cut_at_annotations(recording, annotations, CONFIG).table
    conditioned_mv, _ = condition(recording.signals_mv, recording.sampling_rate_hz, BEAT)
    fiducials = np.round(table["fiducial_s"].to_numpy() * RATE_HZ).astype(int)
    around = fiducials[:, np.newaxis] + np.arange(BEAT.samples) - BEAT.samples_before
    return conditioned_mv[around], table["aami_class"].to_numpy()


def judge(windows_mv):
    return beat_quality(windows_mv, RATE_HZ, BEAT.samples_before)


def unreadable_share(windows_mv):
    return np.mean(judge(windows_mv) < LEAST_QUALITY)


def test_follows_the_formula():
    rng = np.random.default_rng(4)
    lead = NARROW + rng.normal(scale=0.05, size=len(NARROW))
    mirrored = [*lead[4::-1], *lead, *lead[:-6:-1]]  # 11 samples are 0.09 s; what lies beyond the window is its mirror
    smooth = [sum(mirrored[sample : sample + 11]) / 11 for sample in range(len(lead))]
    deviation = sorted(abs(value - mean) for value, mean in zip(lead, smooth, strict=True))
    ratio = (deviation[53] + deviation[54]) / 2 / (max(lead) - min(lead))
    assert quality(lead)[0] == pytest.approx(1 / (1 + (ratio / 0.044) ** 2))


def test_clean_beats_are_clean_and_noise_is_not():
    assert quality(NARROW, WIDE).min() > 0.9
    for kind in IN_BAND:
        lead = noise.make_noise(kind, 30 * RATE_HZ, 1, RATE_HZ, seed=3)
        qualities = lead_quality(lead[: len(lead) // BEAT.samples * BEAT.samples].reshape(-1, BEAT.samples, 1), RATE_HZ)
        assert np.mean(qualities < LEAST_QUALITY) > 0.9


def test_neither_offset_polarity_nor_size_matters():
    lead = NARROW + np.random.default_rng(2).normal(scale=0.05, size=len(NARROW))
    np.testing.assert_allclose(quality(lead, -lead, lead + 3, 5 * lead), quality(lead)[0])


def test_each_lead_is_judged_by_itself():
    hidden = NARROW + np.random.default_rng(2).normal(scale=0.5, size=len(NARROW))
    both = quality(NARROW, hidden)
    assert both[0] > 0.9
    assert both[1] < LEAST_QUALITY
    np.testing.assert_array_equal(both, [quality(NARROW)[0], quality(hidden)[0]])


@pytest.mark.parametrize(
    "lead",
    [np.full_like(NARROW, np.nan), np.zeros_like(NARROW), np.full_like(NARROW, 7.0), 1e-2 * NARROW, 1e3 * NARROW],
    ids=["missing", "silent", "stuck", "far too small", "a thousand times too large"],
)
def test_what_is_no_ecg_has_no_quality(lead):
    assert quality(lead, NARROW).tolist() == [0.0, quality(NARROW)[0]]


def test_no_beats_have_no_quality():
    assert lead_quality(np.empty((0, BEAT.samples, 2)), RATE_HZ).shape == (0, 2)
    assert judge(np.empty((0, BEAT.samples, 2))).shape == (0,)


def test_quality_of_a_beat_is_that_of_its_best_lead():
    hidden = NARROW + np.random.default_rng(2).normal(scale=0.5, size=len(NARROW))
    missing = np.full_like(NARROW, np.nan)
    assert judge(windows(hidden, NARROW))[0] == judge(windows(NARROW, missing))[0] == quality(NARROW)[0]
    assert judge(windows(missing, missing))[0] == 0


@pytest.mark.parametrize("beat", [NARROW, WIDE, -NARROW, 0.1 * WIDE], ids=["narrow", "wide", "inverted", "small"])
def test_a_beat_that_is_found_beside_its_complex_cannot_be_read(beat):
    assert judge(windows(beat))[0] >= LEAST_QUALITY
    late = np.roll(beat, round(0.3 * RATE_HZ))  # a jolt in the pause before it was taken for the beat
    assert lead_quality(windows(late), RATE_HZ)[0, 0] > 0.8
    assert judge(windows(late))[0] < LEAST_QUALITY


def test_prominence_follows_the_formula():
    change = [abs(later - sooner) for sooner, later in zip(WIDE, WIDE[3:], strict=False)]  # 3 samples are 25 ms
    usual = sorted(change)[int(2 / 3 * (len(change) - 1))]
    steepest = max(change[48 - 7 - 1 : 48 + 7])  # within 60 ms of the fiducial point
    assert judge(windows(WIDE))[0] == pytest.approx(1 / (1 + (usual / steepest / 0.3) ** 2))


@pytest.mark.parametrize("kind", IN_BAND)
def test_quality_falls_as_noise_rises(kind):
    recording, annotations = simulated()
    noisy = [cut(with_noise(recording, annotations, kind, snr_db), annotations)[0] for snr_db in LEVELS_DB]
    medians = [np.median(lead_quality(windows_mv, RATE_HZ)) for windows_mv in noisy]
    assert medians == sorted(medians, reverse=True)
    assert medians[0] > 0.8
    assert medians[-1] < LEAST_QUALITY
    shares = [unreadable_share(windows_mv) for windows_mv in noisy]
    assert shares == sorted(shares)
    assert shares[1] < 0.02
    assert shares[2] < 0.1
    assert shares[-1] > 0.3


def test_what_the_filter_takes_away_costs_no_quality():
    recording, annotations = simulated()
    clean = judge(cut(recording, annotations)[0])
    for snr_db in LEVELS_DB:
        noisy, _ = cut(with_noise(recording, annotations, "baseline_wander", snr_db), annotations)
        assert np.median(judge(noisy)) > np.median(clean) - 0.02
        assert unreadable_share(noisy) == 0


def test_annotated_beats_of_every_class_are_readable(real_records):
    beats = [cut(*real(real_records, name)) for name in ("102", "106", "119", "208", "223")]
    unreadable = np.concatenate([judge(windows_mv) < LEAST_QUALITY for windows_mv, _ in beats])
    classes = np.concatenate([classes for _, classes in beats])
    for aami_class in "NSVFQ":
        assert np.mean(unreadable[classes == aami_class]) <= 0.005, aami_class


@pytest.mark.parametrize("kind", noise.KINDS)
def test_at_12_db_at_most_a_tenth_is_unreadable(real_records, kind):
    shares = []
    for name in ("119", "208", "215"):
        recording, annotations = real(real_records, name)
        shares.append(unreadable_share(cut(with_noise(recording, annotations, kind, 12), annotations)[0]))
    assert np.mean(shares) <= 0.1
