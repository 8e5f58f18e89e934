"""What a signal swings in that is seldom at the isoelectric line: tachycardia, flutter or fibrillation, or no heart.

How the limits were chosen: docs/explanation/experiments.md.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

TACHYCARDIA = "ventricular tachycardia"
FIBRILLATION = "fibrillation"  # ventricular flutter or fibrillation
GENERATOR = "generator"  # a sine or the like: no heart

_LEAST_CONCENTRATION = 0.5  # share of the power near the dominant frequency, after Barro et al., J Med Eng Technol 1989
_NEAR = (0.7, 1.4)  # times the dominant frequency
_SWINGS_HZ = (2.0, 9.0)  # where the dominant frequency of fibrillation lies
_SLOWEST_HZ = 0.7  # below is what the band-pass filter left of the baseline
# What swings is steep most of the time; narrow QRS complexes, with T waves however tall, are the steepest for a tenth.
_SLOPE_S = 0.025
_STEEP_SHARE = 0.3  # of the steepest slope
_LEAST_STEEP = 0.2  # share of the time
# Jolts of an electrode swing at many frequencies, from one to the next: this share and half of the correlation of one
# swing with the next are 0.75 together in 4 % of the windows that electrode motion of 0 dB makes of records of DS1, and
# in all of fibrillation and flutter in cu01, cu05 and mitdb/207.
_LEAST_ORDER = 0.75
# Nor is it fibrillation where there are beats that are alike, however irregular: so much of the power around them is
# that of their mean. One window in seventy of cu01 and cu05 has as much, one in twelve of the flutter in mitdb/207,
# where the others outvote it; and three in four of fast, irregular beats with T waves taller than their QRS complexes.
_COMPLEX_S = (0.1, 0.2)  # before and after a beat
_LEAST_BEATS = 5
_COMMON_SHARE = 0.92
# Tachycardia swings like fibrillation, but each cycle is like the one two seconds later, in height too, when it is
# sought near there: cycles vary by a few per cent, which adds up. Of fibrillation and flutter in cu01, cu05 and
# mitdb/207 one window in seventy reaches this for the two cycles about then; so does sinus rhythm, where less of the
# power is at one frequency.
_LATER_S = 2.0
_ALIKE = 0.75
_SEARCH = 0.15  # of a cycle, to either side
_SMOOTHED_S = 0.04  # a running mean over this time takes noise away
# Where every other swing is alike and the next one is less so, they are the QRS complexes and T waves of beats.
_EVERY_OTHER = 0.1
_TACHYCARDIA_HZ = (1.8, 4.2)  # 108 to 252 a minute
_LEAST_CONCENTRATION_ALIKE = 0.78
# No heart keeps time so well that swings at once, soon and after a longer time are equally alike: a generator does. Nor
# is fast flutter as steady as that: of the windows named above one in twenty reaches 0.94.
_STEADY = 0.97  # correlation
_SOON_S, _FAR_S = 1.2, 3.0
_LEAST_DRIFT = 0.001  # of the correlation
_LAG_REACH = 0.15


def swing_kind(signals_mv: np.ndarray, sampling_rate_hz: int) -> str | None:
    """Tell what swings in some seconds of signal.

    Parameters
    ----------
    signals_mv
        Shape ``(samples, leads)``, away from the isoelectric line most of the time.
    sampling_rate_hz
        Samples per second.

    Returns
    -------
    str or None
        `TACHYCARDIA`, `FIBRILLATION` or `GENERATOR`; ``None`` where there are beats, or noise.
    """
    dominant_hz, concentration = _dominant(signals_mv, sampling_rate_hz)
    at_rate = (dominant_hz >= _TACHYCARDIA_HZ[0]) & (dominant_hz <= _SWINGS_HZ[1])
    steep = _steep(signals_mv, sampling_rate_hz) >= _LEAST_STEEP
    if not np.all(at_rate & (concentration >= _LEAST_CONCENTRATION) & steep):
        return None
    cycle = sampling_rate_hz / dominant_hz
    at_once, soon, far = (
        _likeness(signals_mv, np.maximum(1, np.floor(after_s * dominant_hz)) * cycle)
        for after_s in (0, _SOON_S, _FAR_S)
    )
    slowest_hz = dominant_hz.min()  # one lead may swing twice in a cycle of another
    count = int(_LATER_S * slowest_hz)
    smooth_mv = ndimage.uniform_filter1d(signals_mv, max(1, round(_SMOOTHED_S * sampling_rate_hz)), axis=0)
    smooth_mv -= smooth_mv.mean(axis=0)
    following, *later = (_cycles_alike(smooth_mv, sampling_rate_hz / slowest_hz, n) for n in (1, count, count + 1))
    if max(later) >= _ALIKE and max(later) - max(following, min(later)) > _EVERY_OTHER:
        return None
    if min(later) < _ALIKE:
        swings = np.all(dominant_hz >= _SWINGS_HZ[0]) and concentration.mean() + at_once / 2 >= _LEAST_ORDER
        return FIBRILLATION if swings else None
    if concentration.mean() < _LEAST_CONCENTRATION_ALIKE:
        return None
    fast = slowest_hz > _TACHYCARDIA_HZ[1]
    if np.ptp([at_once, soon, far]) < _LEAST_DRIFT or (fast and min(at_once, soon) > _STEADY):
        return GENERATOR
    return FIBRILLATION if fast else TACHYCARDIA


def are_alike(signals_mv: np.ndarray, beats: np.ndarray, sampling_rate_hz: int) -> bool:
    """Tell whether beats look alike, in all leads together, although the swing does not.

    Parameters
    ----------
    signals_mv
        Shape ``(samples, leads)``.
    beats
        Shape ``(beats,)``: the sample of each.
    sampling_rate_hz
        Samples per second.
    """
    before, after = (round(reach_s * sampling_rate_hz) for reach_s in _COMPLEX_S)
    beats = beats[(beats >= before) & (beats + after <= len(signals_mv))]
    if len(beats) < _LEAST_BEATS:
        return False
    complexes_mv = signals_mv[beats[:, np.newaxis] + np.arange(-before, after)]
    complexes_mv -= complexes_mv.mean(axis=1, keepdims=True)
    common = np.square(complexes_mv.mean(axis=0)).sum() / np.square(complexes_mv).mean(axis=0).sum()
    return bool(common > _COMMON_SHARE)


def _dominant(signals_mv: np.ndarray, sampling_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the dominant frequency of each lead, in Hz, and the share of the power that is near it."""
    tapered = (signals_mv - signals_mv.mean(axis=0)) * np.hanning(len(signals_mv))[:, np.newaxis]
    padded = 4 * len(signals_mv)  # so that the dominant frequency is not rounded to the width of a bin
    frequency_hz = np.fft.rfftfreq(padded, 1 / sampling_rate_hz)
    power = np.abs(np.fft.rfft(tapered, padded, axis=0)) ** 2
    power[frequency_hz < _SLOWEST_HZ] = 0
    dominant_hz = frequency_hz[power.argmax(axis=0)]
    ratio = frequency_hz[:, np.newaxis] / dominant_hz
    near = (ratio > _NEAR[0]) & (ratio < _NEAR[1])
    return dominant_hz, (power * near).sum(axis=0) / power.sum(axis=0)


def _steep(signals_mv: np.ndarray, sampling_rate_hz: int) -> np.ndarray:
    """Share of the time that each lead is about as steep as it gets within a second."""
    smooth_mv = ndimage.uniform_filter1d(signals_mv, max(1, round(_SLOPE_S * sampling_rate_hz)), axis=0)
    span = max(1, round(_SLOPE_S * sampling_rate_hz))
    change_mv = np.abs(smooth_mv[span:] - smooth_mv[:-span])
    whole = len(change_mv) - len(change_mv) % sampling_rate_hz
    seconds = change_mv[:whole].reshape(-1, sampling_rate_hz, change_mv.shape[1])
    steepest_mv = np.median(seconds.max(axis=1), axis=0)
    return np.asarray(np.mean(change_mv > _STEEP_SHARE * steepest_mv, axis=0))


def _cycles_alike(signals_mv: np.ndarray, cycle: float, later: int) -> float:
    """Tell how like each cycle, of so many samples, is to the one so many later, in all leads, at the best place."""
    length, reach, lag = round(cycle), round(_SEARCH * cycle), round(later * cycle)
    cycles_mv = np.lib.stride_tricks.sliding_window_view(signals_mv, length, axis=0)
    power = np.square(cycles_mv).sum(axis=(1, 2))
    best = []
    for start in range(0, len(cycles_mv) - lag - reach, max(1, length // 2)):
        near = slice(start + lag - reach, start + lag + reach + 1)
        products = np.einsum("ij,kij->k", cycles_mv[start], cycles_mv[near])
        best.append(np.max(products / np.maximum(power[near], power[start])))
    return float(np.mean(best))


def _likeness(signals_mv: np.ndarray, lags: np.ndarray) -> float:
    """Correlate each lead with itself about so many samples later, at the best of the lags near; mean of the leads."""
    best = []
    for lead_mv, lag in zip((signals_mv - signals_mv.mean(axis=0)).T, lags, strict=True):
        near = range(round(lag * (1 - _LAG_REACH)) - 1, round(lag * (1 + _LAG_REACH)) + 2)
        pairs = ((lead_mv[:-shift], lead_mv[shift:]) for shift in near)
        likeness = [np.dot(x, y) / np.sqrt(np.dot(x, x) * np.dot(y, y)) for x, y in pairs]
        top = int(np.argmax(likeness[1:-1])) + 1
        # The vertex of the parabola through the highest three: a cycle need not be a whole number of samples.
        left, middle, right = likeness[top - 1 : top + 2]
        bend = left - 2 * middle + right
        best.append(middle - (left - right) ** 2 / (8 * bend) if bend < 0 else middle)
    return float(np.mean(best))
