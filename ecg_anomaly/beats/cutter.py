"""Beats with their windows: cut where they are annotated or detected, in a whole record or while the signal arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ecg_anomaly.beats.conditioning import Conditioner
from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.qrs import QrsDetector
from ecg_anomaly.beats.quality import LEAST_QUALITY, beat_quality
from ecg_anomaly.beats.windows import cut_windows_mv, fiducial_points
from ecg_anomaly.config import Beat, Rhythm

NO_RR_INTERVAL = "first or last beat, without an RR interval on either side"
NO_WINDOW = "window reaches beyond the record"
NO_SIGNAL = "no lead has a signal in the window"

# More signal than the search for the steepest point looks at, to either side of the points among which it searches.
_MARGIN_S = 0.2
_ROUNDING = 2  # samples by which rounded reaches and windows may exceed their settings
# A detector marks a wide QRS complex farther from its steepest point than an annotator does.
_DETECTION_REACH_S = 0.1


@dataclass(frozen=True)
class CutBeats(PerBeat):
    """Beats with their windows; arrays of shape ``(beats,)`` unless said otherwise."""

    samples: np.ndarray  # where each stands, in samples of the recording
    times_s: np.ndarray  # and in seconds
    # The RR intervals beside it; NaN where there is none, and where it is unknown: a gap in the signal may hide beats.
    rr_before_s: np.ndarray
    rr_after_s: np.ndarray
    fiducials_s: np.ndarray  # the steepest point of its QRS complex
    left_out: np.ndarray  # why it cannot be judged; an empty string where it can
    quality: np.ndarray  # how well its best lead can be read, from 0 to 1; NaN where it is annotated: nobody asked
    windows_mv: np.ndarray  # shape (beats, samples, leads): NaN where a lead has no signal

    @property
    def readable(self) -> np.ndarray:
        """Bool: whether the beat can be judged."""
        return self.quality >= LEAST_QUALITY


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
    detected
        Whether a detector marked the beats; else they are annotated, and behind the last nothing is known.
    """

    def __init__(self, sampling_rate_hz: Fraction, leads: int, settings: Beat, rhythm: Rhythm, detected: bool = True):
        self._recording_rate_hz = float(sampling_rate_hz)
        self._settings, self._rhythm, self._detected = settings, rhythm, detected
        self._rate_hz = settings.sampling_rate_hz
        self._reaches_s = (_DETECTION_REACH_S, settings.realign_s) if detected else (settings.realign_s,)
        self._conditioned = np.empty((0, leads))
        self._missing = np.empty((0, leads), dtype=bool)
        self._lost = np.empty(0, dtype=np.int64)  # how many samples up to each, itself too, no lead has a signal at
        self._begin = 0  # of the buffers, in conditioned samples since the start
        self._waiting = np.empty(0, dtype=np.int64)  # beats without a window, in samples of the recording
        self._previous_s = np.nan  # the beat before those
        self._lost_before = 0  # samples without a signal up to there
        self._certain_s = 0.0
        self._nothing = self._cut(0)

    def push(self, conditioned: np.ndarray, missing: np.ndarray, samples: np.ndarray, certain_until: int) -> CutBeats:
        """Take what is new.

        Parameters
        ----------
        conditioned, missing
            Shape ``(samples, leads)``: the next samples, from `conditioning.Conditioner`.
        samples
            Shape ``(beats,)``: the next beats, in samples of the recording since its start.
        certain_until
            No beat before this conditioned sample is found any more.

        Returns
        -------
        CutBeats
            The beats that are complete now.
        """
        self._conditioned = np.concatenate([self._conditioned, conditioned])
        self._missing = np.concatenate([self._missing, missing])
        self._lost = np.concatenate([self._lost, np.cumsum(missing.all(axis=1)) + self._lost[-1:].sum()])
        self._waiting = np.concatenate([self._waiting, samples])
        self._certain_s = certain_until / self._rate_hz
        count = self._complete()
        if count:
            return self._cut(count)
        self._forget()
        return self._nothing  # most portions of a live signal complete no beat

    def finish(self) -> CutBeats:
        """Cut the beats that were waiting when the signal ended, as `push` does."""
        self._certain_s = self._end / self._rate_hz
        return self._cut(len(self._waiting))

    @property
    def delivered_until_s(self) -> float:
        """All beats whose fiducial point lies before this time have been given."""
        return self._first_waiting_s - sum(self._reaches_s)

    @property
    def _end(self) -> int:
        """Conditioned samples so far."""
        return self._begin + len(self._conditioned)

    @property
    def _first_waiting_s(self) -> float:
        return float(min([self._certain_s, *(self._waiting[:1] / self._recording_rate_hz)]))

    def _complete(self) -> int:
        """How many of the waiting beats have all that they need."""
        times_s = self._waiting / self._recording_rate_hz
        settled = times_s + self._rhythm.longest_rr_s <= self._certain_s
        settled[:-1] = True  # the next beat is known
        # The search needs its margin, the window its length, both from the last point that the search may find.
        needed_s = sum(self._reaches_s) + max(_MARGIN_S, self._settings.window_after_s) + _ROUNDING / self._rate_hz
        there = times_s + needed_s <= self._end / self._rate_hz
        return int(np.argmin(np.append(settled & there, False)))

    def _cut(self, count: int) -> CutBeats:
        """Cut the first of the waiting beats, and forget the signal that no later one needs."""
        samples, times_s = self._waiting[:count], self._waiting[:count] / self._recording_rate_hz
        before_s, after_s, alone = self._intervals(count)
        near = np.round(times_s * self._rate_hz).astype(np.int64) - self._begin
        fiducials = fiducial_points(self._conditioned, near, self._reaches_s, self._rate_hz) if count else near
        windows_mv = cut_windows_mv(self._conditioned, self._missing, fiducials, self._settings)
        fiducials = fiducials + self._begin
        cut = CutBeats(
            samples,
            times_s.round(6),
            before_s.round(6),
            after_s.round(6),
            (fiducials / self._rate_hz).round(6),
            _reasons_to_leave_out(fiducials, alone, windows_mv, self._end, self._settings),
            self._quality(windows_mv),
            windows_mv,
        )
        if count:
            self._previous_s, self._lost_before = times_s[-1], self._lost_until(times_s[-1:])[0]
        self._waiting = self._waiting[count:]
        self._forget()
        return cut

    def _quality(self, windows_mv: np.ndarray) -> np.ndarray:
        if self._detected and len(windows_mv):
            return beat_quality(windows_mv, self._rate_hz, self._settings.samples_before)
        return np.full(len(windows_mv), np.nan)

    def _intervals(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """RR interval before and after each of the first beats, in seconds, and whether it lacks either neighbour."""
        longest_s, times_s = self._rhythm.longest_rr_s, self._waiting / self._recording_rate_hz
        between_s = np.minimum(np.diff(np.concatenate([[self._previous_s], times_s])), longest_s)
        # After the last beat nothing came, for so long at least.
        over = self._detected and len(times_s) and self._certain_s - times_s[-1] >= longest_s
        before_s, after_s = between_s, np.append(between_s[1:], longest_s if over else np.nan)
        alone = np.isnan(before_s) | np.isnan(after_s[: len(before_s)])
        lost = np.append(self._lost_before, self._lost_until(times_s))
        before_s = np.where(lost[1:] > lost[:-1], np.nan, before_s)
        # Whether the next beat comes still later is not known when this one has waited for so long.
        lost_after = self._lost_until(times_s + after_s)
        after_s = np.where(lost_after > lost[1:], np.nan, after_s)
        return before_s[:count], after_s[:count], alone[:count]

    def _lost_until(self, times_s: np.ndarray) -> np.ndarray:
        """How many samples before each time no lead has a signal at, for times that the signal has come to."""
        places = np.nan_to_num(times_s * self._rate_hz).astype(np.int64) - 1 - self._begin
        return self._lost[np.clip(places, 0, len(self._lost) - 1)] if len(self._lost) else np.zeros_like(places)

    def _forget(self) -> None:
        needed_s = self._first_waiting_s - sum(self._reaches_s) - self._settings.window_before_s - _MARGIN_S
        begin = max(self._begin, int(needed_s * self._rate_hz))
        self._conditioned = self._conditioned[begin - self._begin :]
        self._missing = self._missing[begin - self._begin :]
        self._lost = self._lost[begin - self._begin :]
        self._begin = begin


def cut_beats(
    signals_mv: np.ndarray,
    sampling_rate_hz: Fraction,
    settings: Beat,
    rhythm: Rhythm,
    annotated: np.ndarray | None = None,
) -> CutBeats:
    """Cut the beats of a whole record: what a stream of its signal gives in the end.

    Parameters
    ----------
    signals_mv
        Shape ``(samples, leads)``: the whole record, NaN where samples are missing.
    sampling_rate_hz, settings, rhythm
        As for `BeatCutter`.
    annotated
        Shape ``(beats,)``: where somebody has marked the beats, increasing samples; ``None`` to detect them.
    """
    leads = signals_mv.shape[1]
    return CutBeats.joined(list(cut_blocks([signals_mv], leads, sampling_rate_hz, settings, rhythm, annotated)))


def cut_blocks(
    blocks: Iterable[np.ndarray],
    leads: int,
    sampling_rate_hz: Fraction,
    settings: Beat,
    rhythm: Rhythm,
    annotated: np.ndarray | None = None,
) -> Iterator[CutBeats]:
    """Cut the beats of a record that comes in blocks, of shape ``(samples, leads)``; else as `cut_beats`.

    Yields them as they are complete; those of the first seconds (``beat.start_s``) together.
    """
    cutter = BeatCutter(sampling_rate_hz, leads, settings, rhythm, detected=annotated is None)
    detector, given, end, waiting = QrsDetector(settings.sampling_rate_hz, leads), 0, 0, list[CutBeats]()
    for conditioned, missing, last in _conditioned(blocks, Conditioner(leads, sampling_rate_hz, settings)):
        end += len(conditioned)
        if annotated is None:
            found = [detector.push(conditioned, missing), *([detector.finish()] if last else [])]
            samples = recording_samples(np.concatenate(found), sampling_rate_hz, settings)
            certain_until = detector.certain_until
        else:
            position = annotated / float(sampling_rate_hz) * settings.sampling_rate_hz
            known = len(annotated) if last else int(np.searchsorted(position, end))
            samples, given = annotated[given:known], known
            # The last one waits for the next, after however long a pause.
            certain_until = end if known in (0, len(annotated)) else int(position[known - 1])
        waiting.append(cutter.push(conditioned, missing, samples, certain_until))
        if last:
            waiting.append(cutter.finish())
        if last or cutter.delivered_until_s >= settings.start_s:
            yield CutBeats.joined(waiting)
            waiting = []


def _conditioned(
    blocks: Iterable[np.ndarray], conditioner: Conditioner
) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Condition blocks as they come; true with the rest, after the last of them."""
    for block in blocks:
        yield *conditioner.push(block), False
    yield *conditioner.finish(), True


def recording_samples(found: np.ndarray, sampling_rate_hz: Fraction, settings: Beat) -> np.ndarray:
    """Turn conditioned samples, of shape ``(beats,)``, into the samples of the recording at the same times."""
    return np.asarray(np.round(found * float(sampling_rate_hz) / settings.sampling_rate_hz).astype(np.int64))


def _reasons_to_leave_out(
    fiducials: np.ndarray, alone: np.ndarray, windows_mv: np.ndarray, end: int, settings: Beat
) -> np.ndarray:
    """Why each beat cannot be judged; an empty string where it can."""
    reasons = np.full(len(fiducials), "", dtype=object)
    first = fiducials - settings.samples_before
    reasons[np.isnan(windows_mv).all(axis=(1, 2))] = NO_SIGNAL
    reasons[(first < 0) | (first + settings.samples > end)] = NO_WINDOW
    reasons[alone] = NO_RR_INTERVAL
    return reasons
