"""What disturbs beats without making them anomalous: gain, posture, wander, noise, jolts, a lead that came off."""

from __future__ import annotations

import numpy as np

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.shapes import at_times, isoelectric, ramp


def disturbed(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Disturb beats of shape ``(examples, samples, leads)``, many a little, some much in one lead."""
    for disturb in (
        _shifted,
        _turned,
        _with_other_t_wave,
        _with_drift,
        _with_other_gain,
        _with_wander,
        _with_noise,
        _with_bad_lead,
    ):
        windows = disturb(windows, own_beats, frame, draws)
    return np.asarray(windows, dtype=np.float32)


def _shifted(windows: np.ndarray, _: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Shift some by up to 40 ms: where two slopes are alike, either may be found to be the steepest."""
    count = len(windows)
    shift_s = draws.uniform(-0.04, 0.04, count, 1) * draws.chance(0.02, count, 1)
    return at_times(windows, frame.times_s + shift_s, frame)


def _turned(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Mix a little of the other lead in: breath and posture turn the heart's axis."""
    count = len(windows)
    share = 0.06 * draws.normal(count, 1, 1) * draws.chance(0.3, count, 1, 1)
    return np.asarray(windows + share * (windows - isoelectric(own_beats, frame))[:, :, ::-1] * (windows.shape[2] > 1))


def _with_other_t_wave(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Raise or lower the T wave, which follows rate, posture and mood."""
    count, _, leads = windows.shape
    share = 0.15 * draws.normal(count, 1, leads) * draws.chance(0.3, count, 1, leads)
    return np.asarray(windows + share * ramp(frame.times_s, 0.117, 0.067) * (own_beats - isoelectric(own_beats, frame)))


def _with_drift(windows: np.ndarray, _: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Let electrodes drift: a random walk."""
    walk = draws.normal(*windows.shape).cumsum(axis=1) / np.sqrt(0.8 * frame.rate_hz)
    walk -= walk.mean(axis=1, keepdims=True)
    return np.asarray(windows + walk * _some(0.1, 0.18, windows, draws))


def _with_other_gain(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Change the height by some percent: breath moves the heart to and from the electrodes."""
    count, _, leads = windows.shape
    level = isoelectric(own_beats, frame)
    return np.asarray((windows - level) * np.exp(0.06 * draws.normal(count, 1, leads)) + level)


def _with_wander(windows: np.ndarray, _: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Add what the filter leaves of baseline wander: a part of a slow sine."""
    count, _, leads = windows.shape
    height = 0.12 * draws.normal(count, 1, leads) * draws.chance(0.3, count, 1, leads)
    turns = 2 * np.pi * frame.times_s[np.newaxis, :, np.newaxis] * draws.uniform(0.3, 1.0, count, 1, 1)
    return np.asarray(windows + height * np.sin(turns + draws.uniform(0, 2 * np.pi, count, 1, leads)))


def _with_noise(windows: np.ndarray, _: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Add white noise, as of muscles."""
    return np.asarray(windows + _some(0.25, 0.06, windows, draws) * draws.normal(*windows.shape))


def _with_bad_lead(windows: np.ndarray, _: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Add strong noise to one lead, of a colour from white to that of a jolt, which may hide its beat.

    The other lead has to be believed.
    """
    count, samples, leads = windows.shape
    if leads == 1:
        return windows
    frequency = np.fft.rfftfreq(samples)[np.newaxis, :, np.newaxis]
    frequency[:, 0] = frequency[:, 1]
    spectrum = np.fft.rfft(draws.normal(count, samples, 1), axis=1)
    noise = np.fft.irfft(spectrum / frequency ** draws.uniform(0, 2.0, count, 1, 1), samples, axis=1)
    noise /= noise.std(axis=1, keepdims=True)
    bad = draws.chance(0.01, count, 1, 1) & draws.one_lead(leads, count)
    height = draws.log_uniform(0.05, 4.0, count, 1, 1)
    hidden = bad * np.where(draws.chance(0.3, count, 1, 1), draws.uniform(0, 1, count, 1, 1), 0.0)
    return np.asarray(windows * (1 - hidden) + noise * height * bad)


def _some(share: float, most: float, windows: np.ndarray, draws: Draws) -> np.ndarray:
    """Strength of a disturbance per example and lead, up to ``most``: in a share of them, else 0."""
    count, _, leads = windows.shape
    chosen = draws.chance(share, count, 1, leads)
    return np.asarray(chosen * draws.uniform(0, most, count, 1, leads), dtype=np.float32)
