"""Does a beat look like this patient's beats? What the patient's beats looked like so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.history import EarlierBeats
from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Patient

_RECENT_BEATS = 16  # what the patient's beats looked like just now: a turn in bed changes them at once
EARLIER_DISTANCES = 8  # of the beats before: where they are far from the own beat as well, it is noise or a run
_DISTANCE_FROM_S, _LEAST_DISTANCE = -0.3, 1e-6  # far below any distance of a real beat, so that its log exists
_USUAL_SPREAD = 0.05  # of a scaled beat, where nothing is known of the patient's


@dataclass(frozen=True)
class PairedBeats(PerBeat):
    """Beats, each beside what the patient's beats looked like until it came.

    All of shape ``(beats, samples, leads)``, float32; a lead that the record lacks is all zeros.
    """

    windows: np.ndarray
    own_beats: np.ndarray  # the median of the patient's beats of the last minutes
    recent_beats: np.ndarray  # that of the last few
    spread: np.ndarray  # how far the patient's beats usually lie from the own beat
    # Shape (beats, 8): log_distance of each of the beats before, the latest last; the others have the shape of windows.
    earlier_distances: np.ndarray


class OwnBeat:
    """The patient's own beat when each beat of a record comes: the median of those before it, whatever their label.

    Parameters
    ----------
    settings
        How many earlier beats count.
    start_s
        Beats before this time are compared with all of them, and have to be pushed together.
    frame
        When the samples of a window are.
    """

    def __init__(self, settings: Patient, start_s: float, frame: Frame):
        self._frame, self._start_s = frame, start_s
        self._distances: np.ndarray | None = None
        self._usual, self._spread = (EarlierBeats(settings.recent_beats, start_s) for _ in range(2))
        self._recent = EarlierBeats(_RECENT_BEATS, start_s)

    def push(self, windows: np.ndarray, in_time: np.ndarray, times_s: np.ndarray) -> PairedBeats:
        """Put the next beats beside the patient's own.

        Parameters
        ----------
        windows
            Shape ``(beats, samples, leads)``, scaled; a missing lead is all zeros.
        in_time
            Shape ``(beats,)``, bool: the others do not count; a beat that comes early is seldom the usual one.
        times_s
            Shape ``(beats,)``: when the beats come.
        """
        lost = ~windows.any(axis=1, keepdims=True)  # a lead that came off says nothing about the patient
        early = ~in_time[:, np.newaxis, np.newaxis]
        seen = np.where(lost | early, np.float32(np.nan), windows)
        own = self._push(self._usual, seen, times_s)
        # Where no earlier beat counts, the beat has only itself to be compared with.
        own = np.where(np.isnan(own), windows, own)
        recent = self._push(self._recent, seen, times_s)
        spread = self._push(self._spread, np.abs(seen - own), times_s)
        return PairedBeats(
            windows,
            own,
            np.where(np.isnan(recent), own, recent),
            np.where(np.isnan(spread), np.float32(_USUAL_SPREAD), spread) * ~lost,
            self._earlier_distances(log_distance(windows, own, self._frame), times_s),
        )

    def _earlier_distances(self, distances: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        if not len(distances):
            return np.empty((0, EARLIER_DISTANCES), dtype=np.float32)
        if self._distances is None:  # what was usual in the first seconds stands for the beats before them
            start = max(1, int(np.searchsorted(times_s, self._start_s)))
            self._distances = np.full(EARLIER_DISTANCES, np.median(distances[:start]), dtype=np.float32)
        known = np.concatenate([self._distances, distances])
        self._distances = known[-EARLIER_DISTANCES:]
        return np.lib.stride_tricks.sliding_window_view(known, EARLIER_DISTANCES)[:-1]

    @staticmethod
    def _push(earlier: EarlierBeats, values: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        return np.asarray(earlier.push(values.reshape(len(values), -1), times_s), np.float32).reshape(values.shape)


def log_distance(windows: np.ndarray, own_beats: np.ndarray, frame: Frame) -> np.ndarray:
    """Log of the mean squared distance to the patient's own beat, each without offset; shape ``(beats,)``.

    The mean of the logarithms over the leads that are there, so that one noisy lead does not rule; from 0.3 s before
    the fiducial point on, since what comes earlier belongs to the beat before.
    """
    first = int(np.searchsorted(frame.times_s, _DISTANCE_FROM_S))
    residual = windows[:, first:] - own_beats[:, first:]
    residual = residual - residual.mean(axis=1, keepdims=True)
    present = windows.any(axis=1)
    logs = np.log(np.square(residual).mean(axis=1) + _LEAST_DISTANCE) * present
    return np.asarray(logs.sum(axis=1) / np.maximum(present.sum(axis=1), 1), dtype=np.float32)
