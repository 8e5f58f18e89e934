"""Simulated shapes of beats: neighbours in the window, ventricular beats, P waves that came from elsewhere, fusions.

Beats are arrays of shape ``(examples, samples, leads)``, times those of samples relative to the steepest point of the
QRS complex, in seconds; a `Frame` says which. All values are scaled ones, with the height of the usual beat near 1.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy.draws import Draws

_ISOELECTRIC_S = (-0.085, -0.065)  # the PR segment, between P wave and QRS complex: the level of no voltage
_REACH_S = (-0.33, 0.68)  # a beat's waves lie within: from the P wave to the end of the T wave
_SLOPE_SMOOTHING_S, _SEARCH_S = 0.06, 0.1  # where the steepest point of a complex is looked for


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


def neighbour(beats: np.ndarray, at_s: np.ndarray, usual_s: np.ndarray, frame: Frame) -> np.ndarray:
    """Cut out what a beat that stands ``at_s`` away leaves in the window, without its level.

    ``usual_s`` is the interval at which the windows of the beats were cut: what lies farther from the beat than 0.4 of
    it before and 0.6 behind belongs to other beats. Both have the shape ``(examples,)``.
    """
    times_s = frame.times_s - at_s[:, np.newaxis]
    waves = at_times(beats, times_s, frame) - isoelectric(beats, frame)
    begin_s = np.maximum(_REACH_S[0], -0.4 * usual_s)[:, np.newaxis]
    end_s = np.minimum(min(_REACH_S[1], frame.times_s[-1]), 0.6 * usual_s)[:, np.newaxis]
    return np.asarray(waves * ramp(times_s, begin_s, 0.067) * ramp(-times_s, -end_s, 0.1))


def ventricular(own_beats: np.ndarray, others: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Waves of ventricular beats: wide, tall, without P wave, the T wave mostly against the complex; without level.

    The excitation spreads from muscle to muscle instead of through the conduction system: slowly, and from one side to
    the other, so that little of it cancels out, and the wall recovers in the order in which it was excited [1]_. The
    complexes are those of other patients, made wider (1.2 to 2 times), the patient's own, made wider still (1.4 to
    2.4), or sums of bumps.

    References
    ----------
    .. [1] Surawicz B, Knilans T. Chou's Electrocardiography in Clinical Practice. 6th ed. Saunders, 2008, ch. 17.
    """
    count, _, leads = own_beats.shape
    kind = draws.choice([0.5, 0.3, 0.2], count)[:, np.newaxis, np.newaxis]
    source = np.where(kind == 0, others, own_beats)
    stretch = np.where(kind[..., 0] == 0, draws.uniform(1.2, 2.0, count, 1), draws.uniform(1.4, 2.4, count, 1))
    complexes = np.where(kind == 2, _bumps(count, leads, frame, draws), _stretched(source, stretch, frame, draws))
    complexes = aligned(complexes * np.exp(0.4 * draws.normal(count, 1, leads)) * draws.sign(count, 1, leads), frame)
    heights = np.ptp(complexes, axis=1).max(axis=1) + 1e-3
    asked = np.ptp(own_beats, axis=1).max(axis=1) * draws.log_uniform(0.8, 3.2, count)
    complexes = complexes * (asked / heights)[:, np.newaxis, np.newaxis]
    return np.asarray(complexes + _opposed_t_waves(complexes, frame, draws), dtype=np.float32)


def aligned(complexes: np.ndarray, frame: Frame) -> np.ndarray:
    """Move the steepest point of complexes to the place where windows have it (see `conditioning.steepest_points`)."""
    slope_power = np.sum(np.gradient(complexes, axis=1) ** 2, axis=2)
    smooth = uniform_filter1d(slope_power, max(3, round(_SLOPE_SMOOTHING_S * frame.rate_hz)), axis=1)
    near = np.abs(frame.times_s) < _SEARCH_S
    shift_s = frame.times_s[np.where(near, smooth, -1).argmax(axis=1)]
    return at_times(complexes, frame.times_s + shift_s[:, np.newaxis], frame)


def _stretched(beats: np.ndarray, stretch: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Complexes of beats, made wider; without P and T wave."""
    times_s = frame.times_s / stretch
    begin_s = -draws.uniform(0.067, 0.1, len(beats), 1)
    inside = ramp(times_s, begin_s, 0.033) * ramp(-times_s, -0.12, 0.05)
    return np.asarray((at_times(beats, times_s, frame) - isoelectric(beats, frame)) * inside)


def _bumps(count: int, leads: int, frame: Frame, draws: Draws) -> np.ndarray:
    """Wide complexes of three bumps."""
    apart_s = draws.uniform(0.015, 0.05, count, 1)
    centres_s = (place * apart_s + 0.02 * draws.normal(count, 1) for place in (-1, 0, 1))
    bumps = (_bump(frame, centre_s, draws.uniform(0.015, 0.04, count, 1)) for centre_s in centres_s)
    return np.asarray(sum(draws.normal(count, 1, leads) * bump for bump in bumps))


def _opposed_t_waves(complexes: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """T waves with 0.05 to 0.45 of the height of the complex of their lead, and (in 85 %) the other sign."""
    count, _, leads = complexes.shape
    sign = np.sign(complexes.sum(axis=1, keepdims=True)) * np.where(draws.chance(0.85, count, 1, 1), -1, 1)
    height = sign * np.ptp(complexes, axis=1, keepdims=True) * draws.log_uniform(0.05, 0.45, count, 1, leads)
    return np.asarray(height * _bump(frame, draws.uniform(0.13, 0.28, count, 1), draws.uniform(0.045, 0.09, count, 1)))


def _bump(frame: Frame, centre_s: np.ndarray, width_s: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * ((frame.times_s - centre_s) / width_s) ** 2)[..., np.newaxis])


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
    """Draw small waves of 4 to 9 a second, of changing rate; and give their heights, ``(count, 1, leads)``."""
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


def sinus_p_wave(own_beats: np.ndarray, late_s: np.ndarray, frame: Frame) -> np.ndarray:
    """P wave of the sinus node, which goes on whatever the ventricles do: it comes when it was due.

    The beat in the window comes ``late_s`` (shape ``(examples,)``) after a normal one was due.
    """
    return at_times(p_wave(own_beats, frame), frame.times_s + late_s[:, np.newaxis], frame)


def fused(normal: np.ndarray, ventricular_: np.ndarray, share: np.ndarray, frame: Frame) -> np.ndarray:
    """Mix beats, behind the P wave: part of the ventricles is excited either way. Shares of the normal beat."""
    return np.asarray(normal + _behind_p_wave(frame) * (1 - share)[:, np.newaxis, np.newaxis] * (ventricular_ - normal))


def with_aberration(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Widen complexes (up to 1.5 times) and let them end late, where one bundle branch has not recovered yet."""
    count, _, leads = windows.shape
    inside = _behind_p_wave(frame) * ramp(-frame.times_s, -0.16, 0.06)
    stretched = at_times(own_beats, frame.times_s / draws.uniform(1.0, 1.5, count, 1), frame) - own_beats
    late = _bump(frame, draws.uniform(0.04, 0.07, count, 1), draws.uniform(0.012, 0.025, count, 1))
    return np.asarray(windows + inside * (stretched + 0.3 * draws.normal(count, 1, leads) * late), dtype=np.float32)


def with_block(windows: np.ndarray, waves: np.ndarray, own_beats: np.ndarray, frame: Frame) -> np.ndarray:
    """Put other complexes and T waves (``waves``) behind the P waves of beats, as bundle branch block does."""
    return np.asarray(windows + _behind_p_wave(frame) * (waves - own_beats))


def _behind_p_wave(frame: Frame) -> np.ndarray:
    return ramp(frame.times_s, -0.1, 0.03)
