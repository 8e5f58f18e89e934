"""Signals at one sampling rate and in one band, so that records of any kind compare.

Everything here looks at most one second ahead: a stream can do the same, one second late.
"""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
from scipy import ndimage, signal

from ecg_anomaly.config import Beat

# The steepest point of a QRS complex is sought in slopes smoothed over this time: shorter than a complex,
# longer than the steps between two samples, so that the two flanks of an R wave count as one.
_SLOPE_SMOOTHING_S = 0.1
_RESAMPLING_REACH = 10  # samples of the lower rate that the resampling filter looks to either side
_FLAT_S = 3.0  # a lead that does not change at all for so long has come off, or its amplifier is at its limit
_SHORT_GAP_S = 0.04  # a gap up to this, or of one sample, is bridged by a straight line, and the signal counts as there


def condition(signals_mv: np.ndarray, sampling_rate_hz: Fraction, settings: Beat) -> tuple[np.ndarray, np.ndarray]:
    """Bring whole signals to one sampling rate and band; see `Conditioner`."""
    conditioner = Conditioner(signals_mv.shape[1], sampling_rate_hz, settings)
    parts = conditioner.push(signals_mv), conditioner.finish()
    conditioned, missing = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return conditioned, missing


class Conditioner:
    """Bring signals to one sampling rate and band as they arrive.

    What comes out is the same to the bit, in whatever portions the signal came.

    Parameters
    ----------
    leads
        How many leads there are.
    sampling_rate_hz
        Samples per second of the signals.
    settings
        Samples per second afterwards, the band that is kept, and how far its filter looks to either side.
    """

    def __init__(self, leads: int, sampling_rate_hz: Fraction, settings: Beat):
        self._leads = leads
        ratio = Fraction(settings.sampling_rate_hz) / sampling_rate_hz
        self._gaps = _GapFiller(leads, max(1, int(_SHORT_GAP_S * sampling_rate_hz)))
        self._flats = _FlatFinder(leads, int(_FLAT_S * sampling_rate_hz))
        self._resampler = _FirFilter(_resampling_taps(ratio), ratio.numerator, ratio.denominator, leads)
        self._band_pass = _FirFilter(_band_pass_taps(settings), 1, 1, leads)
        self._flags = _FlagResampler(leads, float(1 / ratio))

    def push(self, signals_mv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take the next samples.

        Parameters
        ----------
        signals_mv
            Shape ``(samples, leads)``, NaN where samples are missing.

        Returns
        -------
        conditioned : ndarray
            Shape ``(samples at the new rate, leads)``, in millivolts, without NaN: what no later sample changes.
        missing : ndarray of bool
            The same shape: where the signal was missing for longer than a few samples, and the last value before is
            held instead; or has not changed for some seconds.
        """
        conditioned = self._filter(signals_mv, last=False)
        return conditioned, self._flags.take(len(conditioned))

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the rest, as `push` does; beyond the end the signal is taken to stay as it is."""
        last = self._filter(np.empty((0, self._leads)), last=True)
        rest = self._band_pass.push(self._resampler.finish())
        conditioned = np.concatenate([last, rest, self._band_pass.finish()])
        return conditioned, self._flags.take(len(conditioned))

    def _filter(self, signals_mv: np.ndarray, last: bool) -> np.ndarray:
        filled, missing = self._gaps.fill(signals_mv, last)
        self._flags.push(missing | self._flats.find(np.where(missing, np.nan, filled)))
        return self._band_pass.push(self._resampler.push(filled))


def steepest_points(signals_mv: np.ndarray, near: np.ndarray, reach: int, sampling_rate_hz: int) -> np.ndarray:
    """Find the steepest point of the QRS complex near each beat, over all leads together.

    Annotations and detectors mark different points of a QRS complex; windows that are cut around the
    steepest stretch compare whatever marked the beat.

    Parameters
    ----------
    signals_mv
        Shape ``(samples, leads)``, band-pass filtered.
    near
        Shape ``(beats,)``: the sample of each annotation or detection; so are the points.
    reach
        How many samples a point may lie from there.
    """
    slope_power = np.sum(np.gradient(signals_mv, axis=0) ** 2, axis=1)
    steepness = ndimage.convolve1d(slope_power, _slope_smoothing(sampling_rate_hz), mode="nearest")
    around = near[:, np.newaxis] + np.arange(-reach, reach + 1)
    # Equal maxima (a flat stretch) go to the one nearest to the annotation.
    candidates = steepness[np.clip(around, 0, len(steepness) - 1)]
    best = candidates == candidates.max(axis=1, keepdims=True)
    distance = np.where(best, np.abs(around - near[:, np.newaxis]), reach + 1)
    return np.asarray(np.clip(near - reach + distance.argmin(axis=1), 0, len(steepness) - 1))


@functools.cache
def _slope_smoothing(sampling_rate_hz: int) -> np.ndarray:
    smoothing = signal.windows.hann(max(3, round(_SLOPE_SMOOTHING_S * sampling_rate_hz)) + 2)[1:-1]
    return np.asarray(smoothing / smoothing.sum())


class _GapFiller:
    """Takes the offset of each lead away (its first value), bridges gaps of up to ``longest`` samples, fills others.

    A gap that may still turn out to be short is kept back until its end is known.
    """

    def __init__(self, leads: int, longest: int):
        self._longest = longest
        self._offset_mv = np.full(leads, np.nan)
        self._last_mv = np.zeros(leads)
        self._lasting = np.zeros(leads, dtype=np.int64)  # missing samples at the end of what was given
        self._kept_back = np.empty((0, leads))

    def fill(self, signals_mv: np.ndarray, last: bool) -> tuple[np.ndarray, np.ndarray]:
        """Give the next samples without NaN, and which of them are missing; with ``last``, all that are left."""
        signals_mv = np.concatenate([self._kept_back, signals_mv]) if len(self._kept_back) else signals_mv
        missing = ~np.isfinite(signals_mv)
        for lead in np.nonzero(np.isnan(self._offset_mv) & ~missing.all(axis=0))[0]:
            self._offset_mv[lead] = signals_mv[missing[:, lead].argmin(), lead]
        # The offset goes first: the branches of the polyphase filter differ a little in gain and make a ripple of it.
        filled = signals_mv - np.nan_to_num(self._offset_mv)
        certain = len(filled)
        if missing.any():
            certain = certain if last else self._certain(missing)
            for damaged in np.flatnonzero(missing.any(axis=0)).tolist():
                filled[:, damaged], missing[:, damaged] = self._bridge(damaged, filled[:, damaged], missing[:, damaged])
        self._kept_back = signals_mv[certain:].copy()
        filled, missing = filled[:certain], missing[:certain]
        if certain:
            self._last_mv = filled[-1].copy()
            self._lasting = _set_at_end(missing, self._lasting)
        return filled, missing

    def _certain(self, missing: np.ndarray) -> int:
        """How many samples come before all gaps that are not over but short so far, and before gaps that meet those."""
        certain, kept = len(missing), -1
        while certain != kept:
            kept = certain
            at_end = _set_at_end(missing[:kept], self._lasting) if kept else self._lasting
            certain -= int(at_end[at_end <= self._longest].max(initial=0))
        return certain

    def _bridge(self, lead: int, filled_mv: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw a line across the short gaps of a lead; hold the last value in the others, which stay missing."""
        number = np.arange(len(missing))
        before = np.maximum.accumulate(np.where(missing, -1, number))
        after = np.minimum.accumulate(np.where(missing, len(missing), number)[::-1])[::-1]
        known_mv = np.append(filled_mv, [np.nan, self._last_mv[lead]])  # after the end, and at -1: before the start
        missing_before = np.where(before < 0, self._lasting[lead], 0)
        short = missing & (after < len(missing)) & (after - before - 1 + missing_before <= self._longest)
        rise = np.where(short, (number - before) / (after - before + ~missing), 0.0)
        step_mv = np.where(short, known_mv[after] - known_mv[before], 0.0)
        # Held, not drawn to the next value: what comes after a long gap is not known when the gap begins.
        return known_mv[before] + rise * step_mv, missing & ~short


class _FlatFinder:
    """Finds where each lead has kept one value for so many samples."""

    def __init__(self, leads: int, longest: int):
        self._longest = longest
        self._last_mv = np.full((1, leads), np.nan)
        self._equal = np.zeros(leads, dtype=np.int64)  # samples at the end of those so far that are equal

    def find(self, signals_mv: np.ndarray) -> np.ndarray:
        """Take the next samples, shape ``(samples, leads)``, NaN where they are missing; give flags of that shape."""
        if not len(signals_mv):
            return np.zeros(signals_mv.shape, dtype=bool)
        before, last_mv, self._last_mv = self._equal, self._last_mv, signals_mv[-1:].copy()
        if len(signals_mv) > 1 and not np.any(signals_mv[-2] == signals_mv[-1]):  # most often
            self._equal = np.ones_like(before)
        else:
            self._equal = _set_at_end(signals_mv == self._last_mv, np.where(last_mv[0] == self._last_mv[0], before, 0))
        if len(signals_mv) + before.max() <= self._longest:
            return np.zeros(signals_mv.shape, dtype=bool)
        changes = np.diff(signals_mv, axis=0, prepend=last_mv) != 0
        number = np.arange(len(signals_mv))[:, np.newaxis]
        changed = np.maximum.accumulate(np.where(changes, number, -before), axis=0)
        return np.asarray(number - changed >= self._longest)


def _set_at_end(flags: np.ndarray, lasting: np.ndarray) -> np.ndarray:
    """Count the set flags that each lead ends with, with those ``lasting`` from before; shape ``(leads,)``."""
    if not flags[-1].any():
        return np.zeros_like(lasting)
    whole = flags.all(axis=0)
    return np.asarray(np.where(whole, len(flags) + lasting, flags[::-1].argmin(axis=0)))


class _FirFilter:
    """A linear-phase FIR filter that changes the sampling rate by ``up / down``, in portions.

    `scipy.signal.upfirdn` adds up the products for a sample in the same order wherever a portion begins;
    a filter by Fourier transforms does not. Before its start and after its end a signal stays as it is there.
    """

    def __init__(self, taps: np.ndarray, up: int, down: int, leads: int):
        self._up, self._down = up, down
        self._half_length = len(taps) // 2  # at the rate between, ``up`` times that of the input
        # Zeros in front bring the middle of the filter onto one of the samples that are kept.
        zeros = -self._half_length % down
        self._taps = np.concatenate([np.zeros(zeros), taps])
        self._delay = (self._half_length + zeros) // down  # of the output, in samples of the output
        reach = -(-self._half_length // up)  # in samples of the input
        self._padding = reach + -reach % down
        self._begin = -self._padding  # of the buffer, in samples of the input: a multiple of `down`
        self._buffer = np.empty((0, leads))
        self._given = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        if not len(self._buffer) and len(samples):
            self._buffer = np.repeat(samples[:1], self._padding, axis=0)
        self._buffer = np.concatenate([self._buffer, samples])
        taken = self._begin + len(self._buffer)
        return self._give(-((self._half_length - taken * self._up) // self._down))

    def finish(self) -> np.ndarray:
        taken = self._begin + len(self._buffer)
        self._buffer = np.concatenate([self._buffer, np.repeat(self._buffer[-1:], self._padding + 1, axis=0)])
        return self._give(-(-taken * self._up // self._down))

    def _give(self, end: int) -> np.ndarray:
        """Filter up to the output sample ``end``, and forget what no later one needs."""
        if end <= self._given:
            return self._buffer[:0]
        ahead = self._delay - self._begin * self._up // self._down
        filtered = signal.upfirdn(self._taps, self._buffer, self._up, self._down, axis=0)
        portion = filtered[self._given + ahead : end + ahead]
        self._given = end
        needed = (end * self._down - self._half_length) // self._up
        begin = max(self._begin, needed - needed % self._down)
        self._buffer = self._buffer[begin - self._begin :]
        self._begin = begin
        return np.asarray(portion)


class _FlagResampler:
    """Brings flags to another sampling rate: set where any of the samples that one stands for is.

    ``step`` is how many samples of the input one of the output stands for.
    """

    def __init__(self, leads: int, step: float):
        self._step = step
        self._reach = int(np.ceil(step))
        self._begin = self._given = 0
        self._buffer = np.empty((0, leads), dtype=bool)

    def push(self, flags: np.ndarray) -> None:
        self._buffer = np.concatenate([self._buffer, flags])

    def take(self, samples: int) -> np.ndarray:
        taken = self._begin + len(self._buffer)
        nearest = np.round(np.arange(self._given, self._given + samples) * self._step).astype(int)
        chosen = np.minimum(nearest, taken - 1) - self._begin
        if self._buffer.any():
            size = 2 * self._reach + 1
            flags = ndimage.maximum_filter1d(self._buffer.view(np.uint8), size, axis=0, mode="nearest")[chosen] > 0
        else:
            flags = np.zeros((samples, self._buffer.shape[1]), dtype=bool)
        self._given += samples
        needed = max(self._begin, int(self._given * self._step) - 2 * self._reach)
        self._buffer = self._buffer[needed - self._begin :]
        self._begin = needed
        return np.asarray(flags)


def _resampling_taps(ratio: Fraction) -> np.ndarray:
    """Low-pass filter of `scipy.signal.resample_poly`: windowed sinc, Kaiser window with beta 5."""
    if ratio == 1:
        return np.ones(1)
    factor = max(ratio.numerator, ratio.denominator)
    taps = signal.firwin(2 * _RESAMPLING_REACH * factor + 1, 1 / factor, window=("kaiser", 5.0))
    return np.asarray(taps * ratio.numerator)


def _band_pass_taps(settings: Beat) -> np.ndarray:
    """Difference of two low-pass filters (window method, Hamming): a constant offset is removed exactly."""
    rate_hz = settings.sampling_rate_hz
    length = 2 * round(settings.filter_half_length_s * rate_hz) + 1
    low, high = (signal.firwin(length, cut_hz, fs=rate_hz) for cut_hz in (settings.low_cut_hz, settings.high_cut_hz))
    return np.asarray(high - low)
