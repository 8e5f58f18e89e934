"""The signal in which beats are detected: how steep the leads are in the band of the QRS complex, all in one.

Two stages: the slope strength of each lead (band-pass, derivative, absolute value, moving average; Hamilton 2002), and
what the leads have in common, weighted by how far each lead's QRS complexes lately stood out.
"""

from __future__ import annotations

import bottleneck
import numpy as np
from scipy import ndimage, signal

# QRS complexes have most of their energy here, P and T waves below, muscle noise above (Hamilton 2002).
_QRS_BAND_HZ = (8.0, 16.0)
_BAND_HALF_LENGTH_S = 0.065  # of the band-pass filter: longer ones smear a complex
_SMOOTHING_HALF_LENGTH_S = 0.06  # the moving average spans a complex, about 0.1 s, so that it has one peak

# Leads are weighted by their last blocks of this length, each of which holds a beat.
BLOCK_S = 2.0
_BLOCKS = 5
_SUNK = 0.4  # share of the peaks of blocks with beats below which the others, after silence, rule the recent peaks
_LEAST_BLOCKS = 3  # with beats, by which it is known how high they are: a jolt before silence makes one
_LEAST_BEAT_MV = 0.01  # reached by a QRS complex of 0.05 mV from peak to peak, the least that can be judged
_DEAD_LEAD_MV = 1e-3  # a lead that stays below this shows no beats
_UNKNOWN_PEAK_MV = 1.0  # taken for the recent peaks of a lead that showed none
# The peak of a stretch without beats exceeds its median by less: it does not say how high the next beats may be.
LEAST_STANDING = 4.0
# What exceeds the recent peaks of a lead by more counts for no more: an artefact in one lead must not outweigh the
# others. On DS1 and the paced records 1.0 to 1.3 serve alike, no limit at all leaves more beats missed.
_LARGEST_SHARE = 1.2

# 2^-20 mV, about a nanovolt: differences in the last digits, as between a record filtered as a whole and in
# pieces, vanish. With signals below 2^24 units (16 mV) and these taps no sum exceeds the 53 bits of float64.
_UNITS_PER_MV = 2.0**20
_LARGEST_MV = 16.0
_BAND_TAP_UNITS = 2.0**14
_SMOOTHING_TAPS_SUM = 2.0**12


class SlopeStrength:
    """How steep each lead is around each sample, in the band of the QRS complex.

    In millivolts: of a lasting sine in the middle of that band, the mean of its absolute value comes out.
    """

    def __init__(self, sampling_rate_hz: int, leads: int) -> None:
        self._band_taps = _slope_taps(sampling_rate_hz)
        half_length = round(_SMOOTHING_HALF_LENGTH_S * sampling_rate_hz)
        smoothing = signal.windows.hann(2 * half_length + 3)[1:-1]
        self._smoothing_taps = np.rint(smoothing / smoothing.sum() * _SMOOTHING_TAPS_SUM)
        self._reach = len(self._band_taps) // 2 + half_length
        self._signal = np.zeros((0, leads))
        self._missing = np.zeros((0, leads), dtype=bool)

    def push(self, conditioned_mv: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Shape ``(samples, leads)``, from where the last ended; NaN where missing samples had a part in it."""
        units = np.rint(np.clip(conditioned_mv, -_LARGEST_MV, _LARGEST_MV) * _UNITS_PER_MV)
        if not len(self._signal):  # before the first sample the signal was the same
            units = np.concatenate([units[:1].repeat(self._reach, axis=0), units])
            missing = np.concatenate([missing[:1].repeat(self._reach, axis=0), missing])
        self._signal = np.concatenate([self._signal, units])
        self._missing = np.concatenate([self._missing, missing])
        return self._strength()

    def finish(self) -> np.ndarray:
        """As `push`, for the last samples: after them the signal stays the same."""
        if len(self._signal):
            self._signal = np.concatenate([self._signal, self._signal[-1:].repeat(self._reach, axis=0)])
            self._missing = np.concatenate([self._missing, self._missing[-1:].repeat(self._reach, axis=0)])
        return self._strength()

    def _strength(self) -> np.ndarray:
        ready = len(self._signal) - 2 * self._reach
        if ready <= 0:
            return np.zeros((0, self._signal.shape[1]))
        slopes = np.stack([np.abs(np.convolve(lead, self._band_taps, "valid")) for lead in self._signal.T])
        strength = np.stack([np.convolve(lead, self._smoothing_taps, "valid") for lead in slopes], axis=1)
        strength /= _UNITS_PER_MV * _BAND_TAP_UNITS * _SMOOTHING_TAPS_SUM
        if self._missing.any():
            spread = ndimage.maximum_filter1d(self._missing.view(np.uint8), 2 * self._reach + 1, axis=0)
            strength[spread[self._reach : self._reach + ready] > 0] = np.nan
        self._signal, self._missing = self._signal[ready:], self._missing[ready:]
        return strength


def _slope_taps(sampling_rate_hz: int) -> np.ndarray:
    """Integer taps of a band-pass filter and derivative in one, without any gain for a constant."""
    half_length = round(_BAND_HALF_LENGTH_S * sampling_rate_hz)
    band = signal.firwin(2 * half_length + 1, _QRS_BAND_HZ, fs=sampling_rate_hz, pass_zero=False)
    gain = np.abs(signal.freqz(np.convolve(band, [1, 0, -1]), worN=4096)[1]).max()
    return np.convolve(np.rint(band / gain * _BAND_TAP_UNITS), [1, 0, -1])


class Consensus:
    """The detection signal: the leads' slope strengths, each against its recent peaks, in a power mean.

    With an exponent of one half, what stands in one lead alone counts for less than what stands in all: a QRS complex
    is seen by every lead, an artefact often by one. A lead weighs more the farther its peaks lately stood out from its
    median. Peaks and medians of a block come from the blocks before it, those of the first block from itself.
    """

    def __init__(self, sampling_rate_hz: int, leads: int) -> None:
        self._block = round(BLOCK_S * sampling_rate_hz)
        self._strength = np.zeros((0, leads))  # from the start of the current block
        self._passed_on = 0  # so many samples of it
        self._peaks = np.zeros((0, leads))  # of the blocks before
        self._medians = np.zeros((0, leads))
        self._usual = np.zeros((0, leads)), np.zeros((0, leads)), np.zeros(0)  # what `_find_usual` gave for them

    def push(self, strength: np.ndarray, last: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Combine the next samples; give the mean of the leads, and how high it lately was between the beats.

        NaN where no lead has a signal.
        """
        self._strength = np.concatenate([self._strength, strength])
        complete = len(self._strength) // self._block
        blocks = self._strength[: complete * self._block].reshape(complete, self._block, self._strength.shape[1])
        if not complete and not len(self._peaks):
            if not last or not len(self._strength):
                return np.zeros(0), np.zeros(0)
            blocks = self._strength[np.newaxis]  # shorter than a block, and all that there is
        before = len(self._peaks)
        if len(blocks):
            self._peaks = np.concatenate([self._peaks, np.fmax.reduce(blocks, axis=1)])
            self._medians = np.concatenate([self._medians, bottleneck.nanmedian(blocks, axis=1)])
            self._usual = self._find_usual()
        peaks, weights, background = self._usual

        block_of = np.arange(self._passed_on, len(self._strength)) // self._block
        known = np.maximum(before + block_of - 1, 0)
        coming = self._strength[self._passed_on :]
        detection = _power_mean(coming, peaks[known], weights[known])
        detection[np.isnan(coming).all(axis=1)] = np.nan  # no lead is there
        self._strength = self._strength[complete * self._block :]
        self._passed_on = len(self._strength)
        self._peaks, self._medians = self._peaks[-_BLOCKS:], self._medians[-_BLOCKS:]
        self._usual = peaks[-_BLOCKS:], weights[-_BLOCKS:], background[-_BLOCKS:]
        return detection, background[known]

    def _find_usual(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find the recent peaks and the weights of the leads, and the background of their mean, for each block."""
        peaks, medians = _recent_median(self._peaks), _recent_median(self._medians)
        weights = _lead_weights(peaks, medians)
        beats = self._peaks > np.fmax(LEAST_STANDING * self._medians, _LEAST_BEAT_MV)
        seen = _recent_median(np.where(beats, self._peaks, np.nan), least=_LEAST_BLOCKS)
        # In silence or noise no lead's peaks say how high its beats may be; just after it, those of some blocks do.
        unknown = np.isnan(seen).all(axis=1, keepdims=True)
        peaks = np.where(unknown, np.fmax(peaks, _UNKNOWN_PEAK_MV), np.where(peaks < _SUNK * seen, seen, peaks))
        # The lower of the last block's and the usual: it rises late and falls at once, so that after a burst of noise
        # the detector hears again.
        return peaks, weights, _power_mean(np.fmin(self._medians, medians), peaks, weights)


def _recent_median(values: np.ndarray, least: int = 1) -> np.ndarray:
    """Median of each block and the ``_BLOCKS - 1`` before it; NaN where fewer of them have a value."""
    padded = np.concatenate([np.full((_BLOCKS - 1, values.shape[1]), np.nan), values])
    return np.asarray(bottleneck.move_median(padded, _BLOCKS, min_count=least, axis=0)[_BLOCKS - 1 :])


def _lead_weights(peaks: np.ndarray, medians: np.ndarray) -> np.ndarray:
    """Weights of shape ``(blocks, leads)``: by how many times the recent peaks of a lead exceed its median."""
    alive = peaks > _DEAD_LEAD_MV  # not NaN either
    weights = np.where(alive, peaks / np.fmax(medians, _DEAD_LEAD_MV), 0.0)
    weights[~alive.any(axis=1)] = 1.0
    return weights


def _power_mean(values: np.ndarray, peaks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Power mean, with an exponent of one half, of the leads' shares of their peaks, in millivolts of a mean peak.

    All arrays of shape ``(samples, leads)``; 0 where no lead is there.
    """
    roots, weight, per_peak = np.zeros(len(values)), np.zeros(len(values)), np.zeros(len(values))
    # Lead by lead: a sum that is left to numpy may add in another order in a longer array.
    peaks = np.where(peaks > _DEAD_LEAD_MV, peaks, _UNKNOWN_PEAK_MV)
    for lead_values, lead_peaks, lead_weights in zip(values.T, peaks.T, weights.T, strict=True):
        there = ~np.isnan(lead_values)
        counting = np.where(there, lead_weights, 0.0)
        roots += counting * np.sqrt(np.minimum(np.where(there, lead_values, 0.0) / lead_peaks, _LARGEST_SHARE))
        weight += counting
        per_peak += counting / lead_peaks
    weight, per_peak = np.where(weight > 0, weight, 1.0), np.where(weight > 0, per_peak, 1.0)
    return np.asarray(np.square(roots / weight) * (weight / per_peak))
