import numpy as np
import pytest

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy import shapes
from ecg_anomaly.detector.ectopy.draws import Draws
from tests.detector.ectopy.hand_made import FRAME, P_WAVE, QRS, T_WAVE, waves, windows

TIMES_S = FRAME.times_s
MANY = 1000
OWN = np.repeat(waves(TIMES_S)[np.newaxis], MANY, axis=0)
SLOW, FAST = np.full(MANY, 1.5), np.full(MANY, 0.6)  # usual RR intervals in seconds
HEIGHT = np.ptp(OWN[0], axis=0).max()


def widths_s(beats: np.ndarray) -> np.ndarray:
    """Seconds between the first and the last point of each complex that is half as high as its highest."""
    inside = np.abs(TIMES_S) < 0.2
    size = np.abs(beats[:, inside]).max(axis=2)
    high = size > 0.5 * size.max(axis=1, keepdims=True)
    return (high.shape[1] - high[:, ::-1].argmax(axis=1) - high.argmax(axis=1)) / FRAME.rate_hz


def between(beats: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    return beats[:, (start_s <= TIMES_S) & (end_s >= TIMES_S)]


def test_level_is_that_of_the_pr_segment():
    np.testing.assert_allclose(shapes.isoelectric(OWN + np.float32([0.3, -0.2]), FRAME)[0], [[0.3, -0.2]], atol=0.01)


def test_beats_are_interpolated_at_any_time_and_end_with_their_last_sample():
    times_s = np.array([[-0.4, -0.16, 0.0, 0.26, 3.0]])
    found = shapes.at_times(OWN[:1], times_s, FRAME)
    np.testing.assert_allclose(found[0], waves(times_s)[0], atol=0.01)
    half = shapes.at_times(OWN[:1], np.array([[1 / 240]]), FRAME)[0, 0]
    np.testing.assert_allclose(half, OWN[0, 48:50].mean(axis=0), atol=1e-3)


def test_ramp_rises_after_its_start():
    np.testing.assert_allclose(shapes.ramp(np.array([-1, 0, 0.5, 1, 2.0]), 0.0, 1.0)[:, 0], [0, 0, 0.5, 1, 1])


@pytest.mark.parametrize("at_s", [-0.35, 0.42])
def test_neighbour_lands_where_it_stands(at_s):
    left = shapes.neighbour(OWN, np.full(MANY, at_s), SLOW, FRAME)
    np.testing.assert_allclose(left[0], waves(TIMES_S - at_s), atol=0.06)


def test_neighbour_leaves_nothing_from_afar_and_no_level():
    np.testing.assert_allclose(shapes.neighbour(OWN, np.full(MANY, -1.5), SLOW, FRAME), 0, atol=1e-6)
    at_s = np.full(MANY, -0.35)
    shifted, plain = (shapes.neighbour(beats, at_s, SLOW, FRAME) for beats in (OWN + 0.4, OWN))
    np.testing.assert_allclose(shifted, plain, atol=1e-5)


def test_neighbour_of_a_fast_heart_brings_no_neighbours_of_its_own():
    crowded = windows(np.full((MANY, 2), 0.6))
    left = shapes.neighbour(crowded, np.full(MANY, -0.35), FAST, FRAME)
    assert np.abs(between(left, 0.06, 0.5)).max() < 0.05  # the beat after it, whose QRS complex stood at 0.25 s
    np.testing.assert_allclose(
        between(left, -0.4, -0.1)[0], between(waves(TIMES_S + 0.35)[np.newaxis], -0.4, -0.1)[0], atol=0.02
    )


@pytest.fixture(scope="module")
def ventricular() -> np.ndarray:
    return shapes.ventricular(OWN, OWN[:, :, ::-1], FRAME, Draws(1))


def test_ventricular_beats_are_wide_and_tall(ventricular):
    own_s = widths_s(OWN[:1])[0]
    assert np.median(widths_s(ventricular)) > 1.5 * own_s
    assert np.quantile(widths_s(ventricular), 0.1) > own_s
    heights = np.ptp(ventricular, axis=1).max(axis=1) / HEIGHT
    assert np.median(heights) > 1.1
    assert heights.min() > 0.5


def test_ventricular_beats_have_no_p_wave(ventricular):
    height = np.abs(ventricular).max(axis=(1, 2))
    assert np.quantile(np.abs(between(ventricular, -0.4, -0.2)).max(axis=(1, 2)) / height, 0.95) < 0.05


def test_t_waves_of_ventricular_beats_are_mostly_opposed(ventricular):
    area, t_area = (between(ventricular, *span).sum(axis=1) for span in ((-0.1, 0.1), (0.18, 0.5)))
    clear = (np.abs(area) > 1) & (np.abs(t_area) > 0.5)
    assert clear.mean() > 0.5
    assert np.mean((area * t_area < 0)[clear]) > 0.7


def test_steepest_points_of_ventricular_beats_stand_where_windows_have_them(ventricular):
    slope_power = (np.gradient(between(ventricular, -0.1, 0.1), axis=1) ** 2).sum(axis=2)
    found_s = slope_power.argmax(axis=1) / FRAME.rate_hz - 0.1
    assert np.quantile(np.abs(found_s), 0.8) < 0.025


def test_p_wave_is_that_of_the_beat_alone():
    found = shapes.p_wave(OWN, FRAME)[0]
    expected = waves(TIMES_S, parts=[P_WAVE])
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_other_p_wave_leaves_complex_and_t_wave():
    changed = shapes.with_other_p_wave(OWN, OWN, FRAME, Draws(1))
    np.testing.assert_allclose(between(changed, -0.06, 0.5), between(OWN, -0.06, 0.5), atol=1e-5)
    p_wave = np.ptp(between(changed - OWN, -0.28, -0.07), axis=1).max(axis=1)
    assert np.median(p_wave) > 0.05
    peaks = between(changed, -0.25, -0.09)[:, :, 0]
    assert np.mean(peaks.min(axis=1) < -0.03) > 0.1  # some are upside down


def test_sinus_p_wave_comes_when_it_was_due():
    made = shapes.sinus_p_wave(OWN, np.full(MANY, -0.3), FRAME)  # the beat came 0.3 s early
    np.testing.assert_allclose(made[0], waves(TIMES_S - 0.3, parts=[P_WAVE]), atol=0.01)


def test_fibrillatory_waves_are_small_and_of_4_to_9_a_second():
    made, height = shapes.fibrillatory_waves(MANY, 2, FRAME, Draws(1))
    assert (np.abs(made) <= height + 1e-6).all()
    assert height.max() < 0.15
    power = (np.abs(np.fft.rfft(made * np.hanning(FRAME.samples)[:, np.newaxis], axis=1)) ** 2).sum(axis=(0, 2))
    frequency_hz = np.fft.rfftfreq(FRAME.samples, 1 / FRAME.rate_hz)
    assert power[(frequency_hz > 2.5) & (frequency_hz < 12)].sum() > 0.9 * power.sum()


def test_fusion_lies_between_its_parents_and_keeps_the_p_wave(ventricular):
    share = Draws(2).uniform(0.2, 0.8, MANY)
    made = shapes.fused(OWN, ventricular, share, FRAME)
    assert (made >= np.minimum(OWN, ventricular) - 1e-5).all()
    assert (made <= np.maximum(OWN, ventricular) + 1e-5).all()
    np.testing.assert_allclose(between(made, -0.4, -0.11), between(OWN, -0.4, -0.11), atol=1e-6)
    middle = share[:, np.newaxis] * OWN[:, 48] + (1 - share)[:, np.newaxis] * ventricular[:, 48]
    np.testing.assert_allclose(made[:, 48], middle, atol=1e-5)


def test_aberration_widens_the_complex_alone():
    made = shapes.with_aberration(OWN, OWN, FRAME, Draws(1))
    for span in ((-0.4, -0.11), (0.25, 0.5)):
        np.testing.assert_allclose(between(made, *span), between(OWN, *span), atol=0.02)
    assert widths_s(made).mean() > widths_s(OWN).mean()


@pytest.mark.parametrize("frame", [Frame(36, 96, 120), Frame(100, 225, 250)], ids=["shorter window", "250 Hz"])
@pytest.mark.parametrize("leads", [1, 3])
def test_shapes_follow_frame_and_leads(frame, leads):
    own = np.repeat(waves(frame.times_s, leads)[np.newaxis], 200, axis=0)
    made = shapes.ventricular(own, own, frame, Draws(1))
    shape = (200, frame.samples, leads)
    for beats in (
        made,
        shapes.p_wave(own, frame),
        shapes.fibrillatory_waves(200, leads, frame, Draws(1))[0],
        shapes.with_other_p_wave(own, own, frame, Draws(1)),
        shapes.with_aberration(own, own, frame, Draws(1)),
    ):
        assert beats.shape == shape
        assert beats.dtype == np.float32
        assert np.isfinite(beats).all()
    at_s = np.full(200, -0.29)
    left = shapes.neighbour(own, at_s, np.full(200, 1.0), frame)
    assert frame.times_s[np.abs(left[0, :, 0]).argmax()] == pytest.approx(-0.29, abs=0.01)


def test_waves_have_their_places_in_hand_made_beats():
    for at_s, _, heights in (P_WAVE, QRS, T_WAVE):
        found = OWN[0, round(at_s * FRAME.rate_hz) + FRAME.before]
        np.testing.assert_allclose(found, heights[:2], atol=0.02)


def test_block_keeps_the_p_wave_and_changes_what_follows(ventricular):
    made = shapes.with_block(OWN, ventricular, OWN, FRAME)
    np.testing.assert_allclose(between(made, -0.4, -0.11), between(OWN, -0.4, -0.11), atol=1e-6)
    np.testing.assert_allclose(between(made, -0.06, 0.5), between(ventricular, -0.06, 0.5), atol=1e-5)
