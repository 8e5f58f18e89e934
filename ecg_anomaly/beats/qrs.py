"""Finds beats in conditioned signals as they come; a whole record is a stream that comes at once.

Four stages follow each other, and each passes on what is certain (the first two are in `detection_signal`):

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

import numpy as np
from scipy import ndimage

from ecg_anomaly.beats.detection_signal import BLOCK_S, LEAST_STANDING, Consensus, SlopeStrength

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
        self._slopes = SlopeStrength(sampling_rate_hz, leads)
        self._detection = Consensus(sampling_rate_hz, leads)
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
        lately = mark.position < self._anew_at + 2 * BLOCK_S * self._rate_hz  # the background is still that of noise
        return isinstance(mark, _Peak) and not lately and self._background(mark) < mark.background

    def _background(self, peak: _Peak) -> float:
        if peak.around > _QUIET_SHARE * peak.background:
            return peak.background
        noise = _upper_median(self._beat_heights) < LEAST_STANDING * peak.background
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
