"""Signals at one sampling rate and in one band, so that records of any kind compare.

Everything here looks at most one second ahead: a stream can do the same, one second late.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
from scipy import ndimage, signal

# The steepest point of a QRS complex is sought in slopes smoothed over this time: shorter than a complex,
# longer than the steps between two samples, so that the two flanks of an R wave count as one.
_SLOPE_SMOOTHING_S = 0.1


def condition(
    signals_mv: np.ndarray,
    sampling_rate_hz: Fraction,
    target_rate_hz: int,
    band_hz: tuple[float, float],
    half_length_s: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Bring signals to one sampling rate and band.

    Parameters
    ----------
    signals_mv
        Shape ``(samples, leads)``, NaN where samples are missing.
    sampling_rate_hz, target_rate_hz
        Samples per second before and after.
    band_hz
        Frequencies between which the signal is kept.
    half_length_s
        How far the filter looks to either side.

    Returns
    -------
    conditioned : ndarray
        Shape ``(samples at the new rate, leads)``, in millivolts, without NaN.
    missing : ndarray of bool
        The same shape: where the signal was missing and the last value before is held instead.
    """
    missing = ~np.isfinite(signals_mv)
    filled = _fill_gaps(signals_mv, missing)
    # The offset goes first: the branches of the polyphase filter differ a little in gain and make a ripple of it.
    resampled = resample(filled - filled[:1], sampling_rate_hz, target_rate_hz)
    conditioned = band_pass(resampled, target_rate_hz, band_hz, half_length_s)
    return conditioned, _nearest_samples(missing, len(resampled), float(sampling_rate_hz) / target_rate_hz)


def resample(signals: np.ndarray, sampling_rate_hz: Fraction, target_rate_hz: int) -> np.ndarray:
    """Change the sampling rate of signals of shape ``(samples, leads)`` with a polyphase FIR filter.

    The filter looks ten samples of the lower rate to either side (``scipy.signal.resample_poly``).
    """
    ratio = Fraction(target_rate_hz) / sampling_rate_hz
    if ratio == 1:
        return signals
    return np.asarray(signal.resample_poly(signals, ratio.numerator, ratio.denominator, axis=0, padtype="edge"))


def band_pass(
    signals: np.ndarray, sampling_rate_hz: int, band_hz: tuple[float, float], half_length_s: float
) -> np.ndarray:
    """Filter signals of shape ``(samples, leads)`` with a linear-phase FIR filter of finite support.

    The filter is the difference of two low-pass filters (window method, Hamming), so that a constant
    offset is removed exactly, however short the filter is.
    """
    half_length = round(half_length_s * sampling_rate_hz)
    taps = [signal.firwin(2 * half_length + 1, cut_hz, fs=sampling_rate_hz) for cut_hz in band_hz]
    padded = np.pad(signals, ((half_length, half_length), (0, 0)), mode="edge")
    return np.asarray(signal.oaconvolve(padded, (taps[1] - taps[0])[:, np.newaxis], mode="valid", axes=0))


def steepest_points(signals_mv: np.ndarray, near: np.ndarray, reach: int, sampling_rate_hz: int) -> np.ndarray:
    """Find the steepest point of the QRS complex near each beat, over all leads together.

    Annotations and detectors mark different points of a QRS complex; windows that are cut around the
    steepest stretch compare whatever marked the beat.

    Parameters
    ----------
    signals_mv
        Shape ``(samples, leads)``, band-pass filtered.
    near
        Shape ``(beats,)``: the sample of each annotation or detection.
    reach
        How many samples the point may lie from there.
    sampling_rate_hz
        Samples per second.

    Returns
    -------
    ndarray of int
        Shape ``(beats,)``: samples of the points.
    """
    slope_power = np.sum(np.gradient(signals_mv, axis=0) ** 2, axis=1)
    width = max(3, round(_SLOPE_SMOOTHING_S * sampling_rate_hz))
    smoothing = signal.windows.hann(width + 2)[1:-1]
    steepness = ndimage.convolve1d(slope_power, smoothing / smoothing.sum(), mode="nearest")
    around = near[:, np.newaxis] + np.arange(-reach, reach + 1)
    # Equal maxima (a flat stretch) go to the one nearest to the annotation.
    candidates = steepness[np.clip(around, 0, len(steepness) - 1)]
    best = candidates == candidates.max(axis=1, keepdims=True)
    distance = np.where(best, np.abs(around - near[:, np.newaxis]), reach + 1)
    return np.asarray(np.clip(near - reach + distance.argmin(axis=1), 0, len(steepness) - 1))


def _fill_gaps(signals_mv: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if not missing.any():
        return signals_mv
    # Held, not drawn to the next value: what comes after a long gap is not known when the gap begins.
    return pd.DataFrame(signals_mv).mask(missing).ffill().bfill().fillna(0.0).to_numpy()


def _nearest_samples(flags: np.ndarray, samples: int, step: float) -> np.ndarray:
    # A sample at the new rate is missing when any sample that it stands for is.
    if not flags.any():
        return np.zeros((samples, flags.shape[1]), dtype=bool)
    reach = int(np.ceil(step))
    spread = ndimage.maximum_filter1d(flags.astype(np.uint8), 2 * reach + 1, axis=0, mode="nearest")
    nearest = np.minimum(np.round(np.arange(samples) * step).astype(int), len(flags) - 1)
    return np.asarray(spread[nearest] > 0)
