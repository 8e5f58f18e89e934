"""Windows around detected beats, cut while the signal arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ecg_anomaly.beats.qrs import detect_beats
from ecg_anomaly.beats.quality import LEAST_QUALITY, beat_quality
from ecg_anomaly.beats.windows import cut_windows_mv, fiducial_points, reasons_to_leave_out
from ecg_anomaly.config import Beat, Rhythm

# More signal than the search for the steepest point looks at, to either side of the points among which it searches.
_MARGIN_S = 0.2
_ROUNDING = 2  # samples by which rounded reaches and windows may exceed their settings
# A detector marks a wide QRS complex farther from its steepest point than an annotator does.
_DETECTION_REACH_S = 0.1


@dataclass(frozen=True)
class CutBeats:
    """Beats with their windows; arrays of shape ``(beats,)`` unless said otherwise.

    Attributes
    ----------
    samples, times_s
        Where each beat stands, in samples of the recording and in seconds.
    rr_before_s, rr_after_s
        The RR intervals beside it; NaN where there is none.
    fiducials_s
        The steepest point of its QRS complex.
    left_out
        Why it cannot be judged; an empty string where it can.
    quality
        How well its best lead can be read: from 0 to 1.
    windows_mv
        Shape ``(beats, samples, leads)``: NaN where a lead has no signal.
    """

    samples: np.ndarray
    times_s: np.ndarray
    rr_before_s: np.ndarray
    rr_after_s: np.ndarray
    fiducials_s: np.ndarray
    left_out: np.ndarray
    quality: np.ndarray
    windows_mv: np.ndarray

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def readable(self) -> np.ndarray:
        """Bool: whether the beat can be judged."""
        return self.quality >= LEAST_QUALITY

    def chosen(self, rows: np.ndarray) -> CutBeats:
        """Choose some of the beats, by a mask or an index."""
        return CutBeats(*(values[rows] for values in vars(self).values()))

    @staticmethod
    def joined(parts: Sequence[CutBeats]) -> CutBeats:
        """Put beats that follow each other into one."""
        return CutBeats(
            *(np.concatenate(arrays) for arrays in zip(*(vars(part).values() for part in parts), strict=True))
        )


class BeatCutter:
    """Cuts a window around each beat as soon as its signal and the beat after it are there.

    Parameters
    ----------
    sampling_rate_hz
        Samples per second of the recording, in which beats are told.
    leads
        Number of leads.
    settings, rhythm
        Rate of the conditioned signal, window; the longest RR interval, after which a beat waits for no other.
    """

    def __init__(self, sampling_rate_hz: Fraction, leads: int, settings: Beat, rhythm: Rhythm):
        self._recording_rate_hz = sampling_rate_hz
        self._settings, self._rhythm = settings, rhythm
        self._rate_hz = settings.sampling_rate_hz
        self._reaches_s = (_DETECTION_REACH_S, settings.realign_s)
        self._conditioned = np.empty((0, leads))
        self._missing = np.empty((0, leads), dtype=bool)
        self._begin = 0  # of the buffers, in conditioned samples since the start
        self._waiting = np.empty(0, dtype=np.int64)  # beats without a window, in samples of the recording
        self._previous_s = np.nan  # the beat before those
        self._certain_s = 0.0
        self._no_beats = _no_beats(settings.samples, leads)

    def push(self, conditioned: np.ndarray, missing: np.ndarray, found: np.ndarray, certain_until: int) -> CutBeats:
        """Take what is new.

        Parameters
        ----------
        conditioned, missing
            Shape ``(samples, leads)``: the next samples, from `signals.Conditioner`.
        found
            Shape ``(beats,)``: beats in conditioned samples since the start, from `qrs.QrsDetector`.
        certain_until
            No beat before this sample is found any more.

        Returns
        -------
        CutBeats
            The beats that are complete now.
        """
        self._take(conditioned, missing, found)
        self._certain_s = certain_until / self._rate_hz
        return self._cut(self._complete(), self._begin + len(self._conditioned))

    def finish(self) -> CutBeats:
        """Cut the beats that were waiting when the signal ended, as `push` does."""
        end = self._begin + len(self._conditioned)
        self._certain_s = end / self._rate_hz
        return self._cut(len(self._waiting), end)

    @property
    def delivered_until_s(self) -> float:
        """All beats whose fiducial point lies before this time have been given."""
        times_s = self._waiting[:1] / float(self._recording_rate_hz)
        return float(min([self._certain_s, *times_s]) - sum(self._reaches_s))

    def _take(self, conditioned: np.ndarray, missing: np.ndarray, found: np.ndarray) -> None:
        self._conditioned = np.concatenate([self._conditioned, conditioned])
        self._missing = np.concatenate([self._missing, missing])
        samples = np.round(found * float(self._recording_rate_hz) / self._rate_hz).astype(np.int64)
        self._waiting = np.concatenate([self._waiting, samples])

    def _complete(self) -> int:
        """How many of the waiting beats have all that they need."""
        times_s = self._waiting / float(self._recording_rate_hz)
        settled = times_s + self._rhythm.longest_rr_s <= self._certain_s
        settled[:-1] = True  # the next beat is known
        end_s = (self._begin + len(self._conditioned)) / self._rate_hz
        # The search needs its margin, the window its length, both from the last point that the search may find.
        needed_s = sum(self._reaches_s) + max(_MARGIN_S, self._settings.window_after_s) + _ROUNDING / self._rate_hz
        there = times_s + needed_s <= end_s
        return int(np.argmin(np.append(settled & there, False)))

    def _cut(self, count: int, end: int) -> CutBeats:
        cut = self._cut_first(count, end) if count else self._no_beats
        self._forget()
        return cut

    def _cut_first(self, count: int, end: int) -> CutBeats:
        samples, times_s = self._waiting[:count], self._waiting / float(self._recording_rate_hz)
        before_s, after_s = self._intervals(times_s, count)
        fiducials = np.round(times_s[:count] * self._rate_hz).astype(np.int64) - self._begin
        fiducials = fiducial_points(self._conditioned, fiducials, self._reaches_s, self._rate_hz)
        windows_mv = cut_windows_mv(self._conditioned, self._missing, fiducials, self._settings)
        fiducials = fiducials + self._begin
        self._previous_s = times_s[count - 1]
        self._waiting = self._waiting[count:]
        return CutBeats(
            samples,
            times_s[:count].round(6),
            before_s.round(6),
            after_s.round(6),
            (fiducials / self._rate_hz).round(6),
            reasons_to_leave_out(fiducials, before_s, after_s, windows_mv, end, self._settings),
            beat_quality(windows_mv, self._rate_hz, self._settings.samples_before),
            windows_mv,
        )

    def _intervals(self, times_s: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """RR interval before and after each of the first beats, in seconds; NaN where there is none."""
        longest_s = self._rhythm.longest_rr_s
        between_s = np.minimum(np.diff(np.concatenate([[self._previous_s], times_s])), longest_s)
        # After the last beat nothing came, for so long at least.
        waited_s = self._certain_s - times_s[-1] if len(times_s) else np.nan
        after_s = np.append(between_s[1:], longest_s if waited_s >= longest_s else np.nan)
        return between_s[:count], after_s[:count]

    def _forget(self) -> None:
        """Drop the signal that no later beat needs."""
        first_s = min([self._certain_s, *(self._waiting[:1] / float(self._recording_rate_hz))])
        needed_s = first_s - sum(self._reaches_s) - self._settings.window_before_s - _MARGIN_S
        begin = max(self._begin, int(needed_s * self._rate_hz))
        self._conditioned = self._conditioned[begin - self._begin :]
        self._missing = self._missing[begin - self._begin :]
        self._begin = begin


def cut_detected_beats(
    conditioned: np.ndarray, missing: np.ndarray, sampling_rate_hz: Fraction, settings: Beat, rhythm: Rhythm
) -> CutBeats:
    """Detect and cut the beats of a whole record: what a stream of its signal gives in the end.

    Parameters
    ----------
    conditioned, missing
        Shape ``(samples, leads)``: the whole record, from `signals.condition`.
    sampling_rate_hz, settings, rhythm
        As for `BeatCutter`.
    """
    found = detect_beats(conditioned, missing, settings.sampling_rate_hz)
    cutter = BeatCutter(sampling_rate_hz, conditioned.shape[1], settings, rhythm)
    return CutBeats.joined([cutter.push(conditioned, missing, found, len(conditioned)), cutter.finish()])


def _no_beats(samples: int, leads: int) -> CutBeats:
    none = np.empty(0)
    windows_mv = np.empty((0, samples, leads))
    return CutBeats(np.empty(0, dtype=np.int64), none, none, none, none, np.empty(0, dtype=object), none, windows_mv)
