"""Finds beats in conditioned signals as they come; a whole record is a stream that comes at once.

Four stages follow each other, and each passes on what is certain:

1. the slope strength of each lead: band-pass, derivative, absolute value, moving average (Hamilton 2002);
2. the detection signal: what the leads have in common, weighted by how far each lead's QRS complexes lately stood out;
3. peaks: largest values within the refractory period;
4. decisions: a threshold between the recent beats and the recent noise, rejection of T waves, search-back
   (Pan & Tompkins 1985, Hamilton & Tompkins 1986).

Equal signals give equal beats however they are cut into chunks: every value depends on a fixed stretch of samples
around its position and on the blocks before it, and sums run over whole numbers (multiples of a nanovolt, integer
filter taps), which float64 adds without rounding in whatever order.

References
----------
J. Pan, W. J. Tompkins: A real-time QRS detection algorithm. IEEE Trans. Biomed. Eng. 32(3), 1985.
P. S. Hamilton, W. J. Tompkins: Quantitative investigation of QRS detection rules using the MIT/BIH arrhythmia
database. IEEE Trans. Biomed. Eng. 33(12), 1986.
P. S. Hamilton: Open source ECG analysis. Computers in Cardiology 29, 2002.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import bottleneck
import numpy as np
from scipy import ndimage, signal

# QRS complexes have most of their energy here, P and T waves below, muscle noise above (Hamilton 2002).
_QRS_BAND_HZ = (8.0, 16.0)
_BAND_HALF_LENGTH_S = 0.065  # of the band-pass filter: longer ones smear a complex
_SMOOTHING_HALF_LENGTH_S = 0.06  # the moving average spans a complex, about 0.1 s, so that it has one peak

# No two beats come closer: the ventricles cannot be excited again so soon (Pan & Tompkins 1985).
_REFRACTORY_S = 0.2
# Nearer to a beat than this, a peak is a T wave unless it is about as steep as the beat (Pan & Tompkins 1985).
_T_WAVE_S = 0.36
_T_WAVE_SHARE = 0.45

# The threshold stands at this share of the way from the recent noise peaks to the recent beats (Pan & Tompkins 1985).
_THRESHOLD_SHARE = 0.25
_RECENT = 8  # beats, noise peaks and RR intervals whose medians count (Hamilton & Tompkins 1986)
# No beat may be less than this many times the recent median of the detection signal: noise alone seldom stands out
# so far, a QRS complex fills a tenth of an RR interval and stands out by ten times.
_BACKGROUND_FACTOR = 3.0
# Nor less than this: a QRS complex of 0.1 mV from peak to peak reaches about 0.02 mV, 2 µV of noise about 0.002 mV.
_FLOOR_MV = 0.005

# Noise is over where this part of the signal around a peak, within the refractory period, is less than a share of the
# recent background, from which what was taken for beats did not stand out.
_QUIET_PART = 0.4
_QUIET_SHARE = 0.25

_LATE = 1.5  # RR intervals without a beat after which one is searched for (Pan & Tompkins 1985: 1.66)
_SEARCH_BACK_SHARE = 0.5  # of the threshold that a beat found so must reach (Pan & Tompkins 1985)
# From then on the threshold falls by half in this time: large artefacts must not deafen the detector for long.
_HALF_LIFE_S = 0.5
# A longer RR interval is a pause or a gap in the signal, and says nothing of the usual one.
_LONGEST_RR_S = 2.0
_FIRST_RR_S = 1.0  # taken to be usual before any is known

_LEARNING_S = 2.0  # holds a beat at 30 per minute; the first beats are decided when it has passed
# Leads are weighted by their last blocks of this length, each of which holds a beat.
_BLOCK_S = 2.0
_BLOCKS = 5
_SUNK = 0.4  # share of the peaks of blocks with beats below which the others, after silence, rule the recent peaks
_LEAST_BLOCKS = 3  # with beats, by which it is known how high they are: a jolt before silence makes one
_LEAST_BEAT_MV = 0.01  # reached by a QRS complex of 0.05 mV from peak to peak, the least that can be judged
_DEAD_LEAD_MV = 1e-3  # a lead that stays below this shows no beats
_UNKNOWN_PEAK_MV = 1.0  # taken for the recent peaks of a lead that showed none
# The peak of a stretch without beats exceeds its median by less: it does not say how high the next beats may be.
_LEAST_STANDING = 4.0
# What exceeds the recent peaks of a lead by more counts for no more: an artefact in one lead must not outweigh the
# others. On DS1 and the paced records 1.0 to 1.3 serve alike, no limit at all leaves more beats missed.
_LARGEST_SHARE = 1.2

# 2^-20 mV, about a nanovolt: differences in the last digits, as between a record filtered as a whole and in
# pieces, vanish. With signals below 2^24 units (16 mV) and these taps no sum exceeds the 53 bits of float64.
_UNITS_PER_MV = 2.0**20
_LARGEST_MV = 16.0
_BAND_TAP_UNITS = 2.0**14
_SMOOTHING_TAPS_SUM = 2.0**12

_PIECE = 2**16  # samples that are worked on at once: bounds the memory, whatever is pushed


class QrsDetector:
    """Detects beats in a stream of conditioned signal.

    A beat comes out when the signal up to 0.35 s after it has come in; later only in the first seconds, until the
    level of the beats is learnt, and when search-back finds it after 1.5 of the usual RR intervals.

    Parameters
    ----------
    sampling_rate_hz
        Samples per second, more than twice the upper end of the QRS band (16 Hz).
    leads
        Number of leads.
    """

    def __init__(self, sampling_rate_hz: int, leads: int) -> None:
        self._leads = leads
        self._slopes = _SlopeStrength(sampling_rate_hz, leads)
        self._detection = _Consensus(sampling_rate_hz, leads)
        self._peaks = _PeakFinder(sampling_rate_hz)
        self._decisions = _Decisions(sampling_rate_hz)

    def push(self, conditioned_mv: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Take in the next samples.

        Parameters
        ----------
        conditioned_mv
            Shape ``(samples, leads)``: as `conditioning.condition` makes it, without NaN; any number of samples.
        missing
            The same shape: where there was no signal.

        Returns
        -------
        ndarray of int64
            Shape ``(beats,)``: samples since the start of the stream at which beats stand that are certain now,
            increasing and after all returned before.
        """
        if conditioned_mv.ndim != 2 or conditioned_mv.shape[1] != self._leads or missing.shape != conditioned_mv.shape:
            raise ValueError(f"signals {conditioned_mv.shape}, missing {missing.shape}, want (samples, {self._leads})")
        beats: list[int] = []
        for start in range(0, len(conditioned_mv), _PIECE):
            piece = slice(start, start + _PIECE)
            slopes = self._slopes.push(conditioned_mv[piece], missing[piece])
            peaks = self._peaks.push(*self._detection.push(slopes))
            beats += self._decisions.push(peaks, self._peaks.known_until)
        return np.array(beats, dtype=np.int64)

    def finish(self) -> np.ndarray:
        """Give the beats that were still uncertain when the signal ended, as `push` does; it is the last call."""
        slopes = self._slopes.finish()
        peaks = self._peaks.push(*self._detection.push(slopes, last=True))
        peaks += self._peaks.finish()
        return np.array(self._decisions.push(peaks, self._peaks.known_until, last=True), dtype=np.int64)

    @property
    def certain_until(self) -> int:
        """No beat before this sample can be reported any more."""
        return self._decisions.certain_until


def detect_beats(conditioned_mv: np.ndarray, missing: np.ndarray, sampling_rate_hz: int) -> np.ndarray:
    """Detect the beats of a whole record, amid the steepest stretch of each QRS complex; as `QrsDetector.push`."""
    detector = QrsDetector(sampling_rate_hz, conditioned_mv.shape[1])
    return np.concatenate([detector.push(conditioned_mv, missing), detector.finish()])


class _SlopeStrength:
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


class _Consensus:
    """The detection signal: the leads' slope strengths, each against its recent peaks, in a power mean.

    With an exponent of one half, what stands in one lead alone counts for less than what stands in all: a QRS complex
    is seen by every lead, an artefact often by one. A lead weighs more the farther its peaks lately stood out from its
    median. Peaks and medians of a block come from the blocks before it, those of the first block from itself.
    """

    def __init__(self, sampling_rate_hz: int, leads: int) -> None:
        self._block = round(_BLOCK_S * sampling_rate_hz)
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
        beats = self._peaks > np.fmax(_LEAST_STANDING * self._medians, _LEAST_BEAT_MV)
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


class _Peak(NamedTuple):
    """A peak of the detection signal; heights in millivolts."""

    position: int
    height: float
    background: float
    around: float  # the background beside the peak


class _Edge(NamedTuple):
    """Where the signal of all leads is lost, or is there again."""

    position: int
    lost: bool


class _PeakFinder:
    """Finds the samples of the detection signal that no other within the refractory period exceeds.

    Where there is no signal (NaN), there is no peak; the edges of such a gap stand between the peaks.
    """

    def __init__(self, sampling_rate_hz: int) -> None:
        self._reach = round(_REFRACTORY_S * sampling_rate_hz)
        self._detection = np.zeros(self._reach)  # nothing comes before the signal
        self._background = np.zeros(self._reach)
        self._around = np.arange(2 * self._reach + 1)
        self._lost = False  # just before `known_until`
        self.known_until = 0  # all peaks before this sample have been passed on

    def push(self, detection: np.ndarray, background: np.ndarray) -> list[_Peak | _Edge]:
        """Take in the next samples of both; return the peaks and edges that are certain now, in order."""
        self._detection = np.concatenate([self._detection, detection])
        self._background = np.concatenate([self._background, background])
        ready = len(self._detection) - 2 * self._reach
        if ready <= 0:
            return []
        middle = self._detection[self._reach : self._reach + ready]
        lost = np.isnan(self._detection)
        edges = self._edges(lost[self._reach : self._reach + ready])
        heard = np.where(lost, 0.0, self._detection)
        highest = ndimage.maximum_filter1d(heard, self._reach, mode="constant")
        # highest[i] spans reach samples around i; shifted, the reach samples before and after each middle sample.
        before = highest[self._reach // 2 :][:ready]
        after = highest[self._reach + 1 + self._reach // 2 :][:ready]
        # Of equal samples the first is the peak.
        found = np.flatnonzero((middle > _FLOOR_MV) & (middle > before) & (middle >= after))
        positions = (found + self.known_until).tolist()
        backgrounds = self._background[self._reach + found].tolist()
        part = int(_QUIET_PART * len(self._around))
        around = np.partition(self._detection[found[:, np.newaxis] + self._around], part, axis=1)[:, part].tolist()
        self.known_until += ready
        self._detection, self._background = self._detection[ready:], self._background[ready:]
        peaks = map(_Peak, positions, middle[found].tolist(), backgrounds, around)
        return sorted([*edges, *peaks], key=lambda mark: mark.position) if edges else list(peaks)

    def finish(self) -> list[_Peak | _Edge]:
        """Return the last peaks: nothing comes after the signal."""
        return self.push(np.zeros(self._reach), np.zeros(self._reach))

    def _edges(self, lost: np.ndarray) -> list[_Edge]:
        if not (self._lost or lost.any()):
            return []
        places = np.flatnonzero(np.diff(lost, prepend=self._lost))
        self._lost = bool(lost[-1])
        return [_Edge(int(place) + self.known_until, bool(lost[place])) for place in places]


class _Decisions:
    """Decides which peaks are beats, one after the other."""

    def __init__(self, sampling_rate_hz: int) -> None:
        self._rate_hz = sampling_rate_hz
        self._queue: deque[_Peak | _Edge] = deque()  # not decided yet
        self._doubtful: list[_Peak] = []  # below the threshold, but search-back may take one
        self._beat_heights: deque[float] = deque(maxlen=_RECENT)  # empty until the level is learnt
        self._noise_heights: deque[float] = deque([0.0], maxlen=_RECENT)
        self._rr_intervals: deque[float] = deque([_FIRST_RR_S * sampling_rate_hz], maxlen=_RECENT)
        self._last_beat: _Peak | None = None
        self._anew_at = -np.inf  # when noise was over the last time
        self._back = -np.inf  # when the signal was there again after the last gap
        self._due = 0.0  # when search-back takes place, unless a beat comes before
        self._overdue = False  # searched back in vain since
        self._known_until = 0

    @property
    def certain_until(self) -> int:
        """No beat before this sample will be reported."""
        first = self._doubtful[0] if self._doubtful else self._queue[0] if self._queue else None
        return self._known_until if first is None else first.position

    def push(self, peaks: list[_Peak | _Edge], known_until: int, last: bool = False) -> list[int]:
        """Take in the next peaks, with no other before ``known_until``; return the beats that are certain now."""
        self._queue += peaks
        self._known_until = known_until
        if not self._beat_heights and not self._learn(last):
            return []
        beats: list[int] = []
        while True:
            if self._queue and (self._overdue or self._queue[0].position <= self._due):
                if self._noise_is_over(self._queue[0]):
                    self._start_anew(self._queue[0].position)
                    if not self._learn(last):
                        return beats
                beat = self._pass(self._queue.popleft())
            elif not self._overdue and self._known_until > self._due:
                beat = self._search_back()
            else:
                return beats
            if beat is not None:
                beats.append(beat.position)

    def _learn(self, last: bool) -> bool:
        """Take the highest of the first peaks for the level of the beats, once they are known."""
        while self._queue and isinstance(self._queue[0], _Edge):
            self._queue.popleft()
        if not self._queue:
            return False
        until = self._queue[0].position + round(_LEARNING_S * self._rate_hz)
        if self._known_until < until and not last:
            return False
        peaks = [mark for mark in self._queue if isinstance(mark, _Peak) and mark.position < until]
        self._beat_heights.append(max(peak.height for peak in peaks))
        self._due = until
        return True

    def _noise_is_over(self, mark: _Peak | _Edge) -> bool:
        lately = mark.position < self._anew_at + 2 * _BLOCK_S * self._rate_hz  # the background is still that of noise
        return isinstance(mark, _Peak) and not lately and self._background(mark) < mark.background

    def _background(self, peak: _Peak) -> float:
        if peak.around > _QUIET_SHARE * peak.background:
            return peak.background
        noise = _upper_median(self._beat_heights) < _LEAST_STANDING * peak.background
        return peak.around if noise else peak.background

    def _start_anew(self, position: int) -> None:
        """Learn again: what was taken for beats was noise."""
        self._forget()
        self._rr_intervals = deque([_FIRST_RR_S * self._rate_hz], maxlen=_RECENT)
        self._doubtful, self._last_beat, self._overdue, self._anew_at = [], None, False, position

    def _pass(self, mark: _Peak | _Edge) -> _Peak | None:
        if isinstance(mark, _Peak):
            return self._judge(mark)
        # In a gap no beat is due; when it is over one is, as after a beat.
        self._doubtful, self._overdue, self._back = [], False, mark.position
        self._due = np.inf if mark.lost else mark.position + _LATE * _upper_median(self._rr_intervals)
        return None

    def _judge(self, peak: _Peak) -> _Peak | None:
        usual, threshold = self._thresholds(peak)
        if not self._is_t_wave(peak):
            if peak.height > threshold:
                if peak.height <= usual:  # beats are much smaller than they were
                    self._forget()
                return self._accept(peak)
            if not self._overdue and peak.height > _SEARCH_BACK_SHARE * threshold:
                self._doubtful.append(peak)
                return None
        self._noise_heights.append(peak.height)
        return None

    def _forget(self) -> None:
        """Drop what was learnt: it holds no longer."""
        self._beat_heights.clear()
        self._noise_heights.clear()
        self._noise_heights.append(0.0)

    def _search_back(self) -> _Peak | None:
        """Take the highest doubtful peak as the beat that was due; later ones are judged anew."""
        doubtful, self._doubtful = self._doubtful, []
        self._overdue = not doubtful
        if self._overdue:
            return None
        highest = max(doubtful, key=lambda peak: peak.height)
        position = doubtful.index(highest)
        self._noise_heights.extend(peak.height for peak in doubtful[:position])
        self._queue.extendleft(reversed(doubtful[position + 1 :]))
        return self._accept(highest)

    def _accept(self, beat: _Peak) -> _Peak:
        self._noise_heights.extend(peak.height for peak in self._doubtful)
        self._doubtful = []
        if self._last_beat is not None and self._back <= self._last_beat.position:
            rr_interval = beat.position - self._last_beat.position
            if rr_interval <= _LONGEST_RR_S * self._rate_hz:
                self._rr_intervals.append(rr_interval)
        self._beat_heights.append(beat.height)
        self._last_beat = beat
        self._due = beat.position + _LATE * _upper_median(self._rr_intervals)
        self._overdue = False
        return beat

    def _thresholds(self, peak: _Peak) -> tuple[float, float]:
        """Height that a beat must exceed: by what was learnt, and as it has fallen since a beat was due."""
        level = _upper_median(self._beat_heights)
        noise = min(_upper_median(self._noise_heights), level)
        share = _THRESHOLD_SHARE * (level - noise)
        least = _BACKGROUND_FACTOR * self._background(peak)
        usual = max(noise + share, least)
        if not self._overdue:
            return usual, usual
        fallen = 0.5 ** ((peak.position - self._due) / (_HALF_LIFE_S * self._rate_hz))
        return usual, max(noise + share * fallen, least)

    def _is_t_wave(self, peak: _Peak) -> bool:
        reach = _T_WAVE_S * self._rate_hz
        if peak.position - self._back < reach:  # its beat may have come in the gap
            return peak.height < _T_WAVE_SHARE * _upper_median(self._beat_heights)
        if self._last_beat is None or peak.position - self._last_beat.position >= reach:
            return False
        return peak.height < _T_WAVE_SHARE * self._last_beat.height


def _upper_median(values: deque[float]) -> float:
    return sorted(values)[len(values) // 2]
