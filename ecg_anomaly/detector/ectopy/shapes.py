"""Simulated shapes of beats: neighbours in the window, ventricular beats, P waves that came from elsewhere, fusions.

Beats are arrays of shape ``(examples, samples, leads)``, times those of samples relative to the steepest point of the
QRS complex, in seconds; a `Frame` says which. All values are scaled ones, with the height of the usual beat near 1.
"""

from __future__ import annotations

import numpy as np

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy.draws import Draws

_ISOELECTRIC_S = (-0.085, -0.065)  # the PR segment, between P wave and QRS complex: the level of no voltage
_REACH_S = (-0.33, 0.68)  # a beat's waves lie within: from the P wave to the end of the T wave
_P_WAVE_S = (-0.28, -0.065)


def isoelectric(beats: np.ndarray, frame: Frame) -> np.ndarray:
    """Level of the PR segment of each lead, shape ``(examples, 1, leads)``."""
    first, last = (
        int(np.clip(frame.before + time_s * frame.rate_hz, 0, frame.samples - 2)) for time_s in _ISOELECTRIC_S
    )
    return np.asarray(beats[:, first : last + 1].mean(axis=1, keepdims=True))


def at_times(beats: np.ndarray, times_s: np.ndarray, frame: Frame) -> np.ndarray:
    """Interpolate beats at times of shape ``(examples, times)``; beyond the window its last sample stays."""
    positions = np.clip(times_s * frame.rate_hz + frame.before, 0, frame.samples - 1.001)
    first = positions.astype(np.int64)
    share = (positions - first)[..., np.newaxis].astype(np.float32)
    examples = np.arange(len(beats))[:, np.newaxis]
    return np.asarray(beats[examples, first] * (1 - share) + beats[examples, first + 1] * share)


def ramp(times_s: np.ndarray, start_s: float | np.ndarray, length_s: float) -> np.ndarray:
    """Rise from 0 to 1 after ``start_s``; one more axis, for the leads."""
    return np.clip((times_s - start_s) / length_s, 0, 1)[..., np.newaxis].astype(np.float32)


def neighbour(beats: np.ndarray, at_s: np.ndarray, frame: Frame) -> np.ndarray:
    """What a beat that stands ``at_s`` (shape ``(examples,)``) away leaves in the window, without its level."""
    times_s = frame.times_s - at_s[:, np.newaxis]
    waves = at_times(beats, times_s, frame) - isoelectric(beats, frame)
    end_s = min(_REACH_S[1], frame.times_s[-1])
    return np.asarray(waves * ramp(times_s, _REACH_S[0], 0.067) * ramp(-times_s, -end_s, 0.1))


def ventricular(own_beats: np.ndarray, others: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Waves of ventricular beats: wide, without P wave, the T wave mostly against the QRS complex; without level.

    The excitation spreads from muscle to muscle instead of through the conduction system. Half are other patients'
    beats, made wider (1 to 2 times); some are the patient's own ones, made wider still (1.4 to 2.6); the rest
    are sums of bumps.
    """
    count, _, leads = own_beats.shape
    kind = draws.uniform(0, 1, count)
    foreign = (kind < 0.5)[:, np.newaxis, np.newaxis]
    source = np.where(foreign, others, own_beats)
    stretch = np.where(kind < 0.5, draws.uniform(1.0, 2.0, count), draws.uniform(1.4, 2.6, count))
    shift_s = 0.017 * draws.normal(count, 1)
    times_s = (frame.times_s - shift_s) / stretch[:, np.newaxis]
    waves = at_times(source, times_s, frame) - isoelectric(source, frame)
    has_no_p_wave = draws.chance(0.85, count, 1)
    complex_begins_s = np.where(has_no_p_wave, -draws.uniform(0.067, 0.108, count, 1), -np.inf)
    waves = waves * ramp(times_s, complex_begins_s, 0.033) * ramp(-times_s, -_REACH_S[1], 0.1)
    t_wave = draws.uniform(0.3, 2.0, count, 1, 1) * draws.sign(count, 1, 1)
    in_t_wave = ramp(times_s, 0.067, 0.05)
    height = np.exp(draws.uniform(-0.6, 0.8, count, 1, 1) + 0.4 * draws.normal(count, 1, leads))
    waves = waves * draws.sign(count, 1, leads) * height * (1 - in_t_wave + in_t_wave * t_wave)
    return np.where((kind > 0.8)[:, np.newaxis, np.newaxis], _bumps(count, leads, frame, draws), waves)


def _bumps(count: int, leads: int, frame: Frame, draws: Draws) -> np.ndarray:
    """Wide complexes of three bumps, and one for the T wave."""
    times_s, apart_s = frame.times_s, draws.uniform(0.017, 0.075, count, 1)
    waves = np.zeros((count, frame.samples, leads), dtype=np.float32)
    for place in (-1, 0, 1):
        centre_s = place * apart_s + 0.033 * draws.normal(count, 1)
        waves += _bump(times_s, centre_s, draws.uniform(0.018, 0.054, count, 1), 0.6, leads, draws)
    centre_s, width_s = draws.uniform(0.22, 0.38, count, 1), draws.uniform(0.058, 0.125, count, 1)
    return waves + _bump(times_s, centre_s, width_s, 0.35, leads, draws)


def _bump(
    times_s: np.ndarray, centre_s: np.ndarray, width_s: np.ndarray, height: float, leads: int, draws: Draws
) -> np.ndarray:
    curve = np.exp(-0.5 * ((times_s - centre_s) / width_s) ** 2)[..., np.newaxis]
    return np.asarray(height * draws.normal(len(curve), 1, leads) * curve, dtype=np.float32)


def p_wave(own_beats: np.ndarray, frame: Frame) -> np.ndarray:
    """P waves of own beats, above the line between their ends; zero elsewhere."""
    first, last = (
        int(np.clip(frame.before + time_s * frame.rate_hz, 0, frame.samples - 1)) for time_s in (-0.3, -0.067)
    )
    wave = np.zeros_like(own_beats)
    share = np.linspace(0, 1, last - first + 1, dtype=np.float32)[:, np.newaxis]
    line = own_beats[:, [first]] * (1 - share) + own_beats[:, [last]] * share
    wave[:, first : last + 1] = own_beats[:, first : last + 1] - line
    return wave


def fibrillatory_waves(count: int, leads: int, frame: Frame, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Small waves of 4 to 9 a second, of changing rate, in place of P waves; and their heights ``(count, 1, leads)``."""
    height = draws.uniform(0, 0.07, count, 1, leads)
    turns = 2 * np.pi * frame.times_s[np.newaxis, :, np.newaxis]
    wobble = 1.5 * np.sin(turns * draws.uniform(0.5, 2, count, 1, 1) + draws.uniform(0, 2 * np.pi, count, 1, 1))
    waves = np.sin(turns * draws.uniform(4, 9, count, 1, 1) + draws.uniform(0, 2 * np.pi, count, 1, leads) + wobble)
    return np.asarray(height * waves, dtype=np.float32), height


def with_other_p_wave(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Replace the P wave by one from another place of the atria: higher, lower or upside down, and shifted."""
    count, _, leads = windows.shape
    level = isoelectric(own_beats, frame)
    inside = ramp(frame.times_s, -0.267, 0.042) * ramp(-frame.times_s, 0.067, 0.033)
    height = draws.uniform(-1.0, 1.1, count, 1, 1) + 0.3 * draws.normal(count, 1, leads)
    shifted = at_times(own_beats, frame.times_s - 0.033 * draws.normal(count, 1), frame) - level
    return np.asarray(windows + (height * shifted - (own_beats - level)) * inside, dtype=np.float32)


def with_aberration(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Widen complexes a little (up to 1.35 times), as where one bundle branch has not recovered yet."""
    stretch = draws.uniform(1.0, 1.35, len(windows), 1)
    return np.asarray(windows + at_times(own_beats, frame.times_s / stretch, frame) - own_beats, dtype=np.float32)


def with_block(windows: np.ndarray, waves: np.ndarray, own_beats: np.ndarray, frame: Frame) -> np.ndarray:
    """Put other complexes and T waves (``waves``) behind the P waves of beats, as bundle branch block does."""
    behind = ramp(frame.times_s, -0.065, 0.03)
    return windows + behind * (waves - own_beats)


def jolts(count: int, leads: int, frame: Frame, draws: Draws) -> np.ndarray:
    """What a detector takes for a beat: a bump of any width, at most as high as a beat, alike in the leads or not."""
    width_s, height = draws.log_uniform(0.012, 0.15, count, 1), draws.log_uniform(0.03, 1.0, count, 1, 1)
    slope = np.tanh((frame.times_s - 0.02 * draws.normal(count, 1)) / width_s)
    shape = np.where(draws.chance(0.5, count, 1), slope, 1 - slope**2)[..., np.newaxis]
    return np.asarray(height * shape * draws.normal(count, 1, leads), dtype=np.float32)
