"""Scores beats while they arrive, with what the patient's earlier beats tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.cutter import CutBeats
from ecg_anomaly.beats.windows import Scale, find_scale, own_scale
from ecg_anomaly.config import Config
from ecg_anomaly.detector import measures
from ecg_anomaly.detector.measures import Measured
from ecg_anomaly.detector.patient import PairedBeats, own_beats
from ecg_anomaly.detector.rhythm import Timing, timing_of_patient
from ecg_anomaly.detector.surprise import Surprise, anomaly_score
from ecg_anomaly.detector.thresholds import FittedThreshold, thresholds_of_patient


@dataclass(frozen=True)
class TrainedDetector:
    """All that scoring a new recording needs.

    Attributes
    ----------
    reconstruct
        Runs beats through the autoencoder.
    reference
        How surprising the values of each measure are.
    threshold
        Where the score is cut.
    config
        The settings that it was trained and evaluated with.
    """

    reconstruct: measures.Reconstruct
    reference: Mapping[str, Surprise]
    threshold: FittedThreshold
    config: Config


@dataclass(frozen=True)
class ScoredBeats:
    """Beats with their scores, and what they were compared with; arrays of shape ``(beats,)``.

    Attributes
    ----------
    cut
        The beats as they were cut.
    paired
        The scaled windows, each beside the patient's own beat.
    measured
        What was measured of them.
    surprises
        How surprising the answer to each question is, by the name of the component.
    anomaly_score, threshold
        A beat is flagged where the score is above the threshold.
    """

    cut: CutBeats
    paired: PairedBeats
    measured: Measured
    surprises: dict[str, np.ndarray]
    anomaly_score: np.ndarray
    threshold: np.ndarray


class BeatScorer:
    """Scores the beats of one recording in portions; the scores do not depend on the portions.

    It remembers as many earlier beats as the settings count and calls the functions that score whole records.
    """

    def __init__(self, detector: TrainedDetector):
        config = detector.config
        self._detector, self._config = detector, config
        # A deviation is compared with earlier ones, each of which came from the beats before it.
        self._times_s = _Memory(2 * config.rhythm.recent_beats)
        self._rr_before_s = _Memory(2 * config.rhythm.recent_beats)
        self._fiducials_s = _Memory(config.patient.recent_beats)
        self._in_time = _Memory(config.patient.recent_beats)
        self._windows = _Memory(config.patient.recent_beats)
        self._score_times_s = _Memory(detector.threshold.recent_beats or 0)
        self._scores = _Memory(detector.threshold.recent_beats or 0)
        self._scale_times_s = _Memory(config.beat.scaling_beats)
        self._offset_mv = _Memory(config.beat.scaling_beats)
        self._range_mv = _Memory(config.beat.scaling_beats)
        self._started = False
        self._waiting: list[CutBeats] = []  # the beats of the first seconds

    def push(self, cut: CutBeats, until_s: float) -> ScoredBeats | None:
        """Score the next beats.

        Parameters
        ----------
        cut
            Beats that can be judged.
        until_s
            All beats before this time have been given. The beats of the first ``beat.start_s`` seconds are
            compared with each other, and wait until all are there.

        Returns
        -------
        ScoredBeats or None
            The beats that are scored now; ``None`` if there is none.
        """
        if len(cut):
            self._waiting.append(cut)
        self._started |= until_s >= self._config.beat.start_s
        return self.finish() if self._started else None

    def finish(self) -> ScoredBeats | None:
        """Score the beats that were waiting when the recording ended."""
        if not self._waiting:
            return None
        cut, self._waiting = CutBeats.joined(self._waiting), []
        timed = self._time(cut)
        paired = self._pair(cut, self._scale(cut), timed.in_time)
        measured = measures.measure_shape(self._detector.reconstruct, paired, timed)
        surprises = measures.find_surprises(measured, self._detector.reference)
        score = anomaly_score(surprises, self._config.scoring.components)
        return ScoredBeats(cut, paired, measured, surprises, score, self._threshold(cut, score))

    def _time(self, cut: CutBeats) -> Timing:
        since = len(self._times_s)
        times_s, before_s = self._times_s.with_new(cut.times_s), self._rr_before_s.with_new(cut.rr_before_s)
        # What came after earlier beats is not looked at again.
        after_s = np.concatenate([np.ones(since), cut.rr_after_s])
        counting = np.ones(len(times_s), dtype=bool)
        return timing_of_patient(
            times_s, before_s, after_s, counting, self._config.rhythm, self._config.beat.start_s, since
        )

    def _scale(self, cut: CutBeats) -> np.ndarray:
        own, since = own_scale(cut.windows_mv, self._config.beat), len(self._scale_times_s)
        times_s = self._scale_times_s.with_new(cut.fiducials_s)
        all_own = Scale(self._offset_mv.with_new(own.offset_mv), self._range_mv.with_new(own.range_mv))
        scale = find_scale(all_own, times_s, self._config.beat, since)
        return scale.apply(cut.windows_mv, self._config.records.lead_count)

    def _pair(self, cut: CutBeats, windows: np.ndarray, in_time: np.ndarray) -> PairedBeats:
        since, settings = len(self._fiducials_s), self._config.patient
        times_s, timely = self._fiducials_s.with_new(cut.fiducials_s), self._in_time.with_new(in_time)
        all_windows = self._windows.with_new(windows)
        own = own_beats(all_windows, timely, times_s, settings, self._config.beat.start_s, since)
        return PairedBeats(windows, own)

    def _threshold(self, cut: CutBeats, score: np.ndarray) -> np.ndarray:
        since = len(self._scores)
        times_s, scores = self._score_times_s.with_new(cut.times_s), self._scores.with_new(score)
        return thresholds_of_patient(scores, times_s, self._detector.threshold, since)


class _Memory:
    """The last values of something that beats have, along the first axis."""

    def __init__(self, length: int):
        self._length = length
        self._values: np.ndarray | None = None

    def __len__(self) -> int:
        return 0 if self._values is None else len(self._values)

    def with_new(self, values: np.ndarray) -> np.ndarray:
        """Give what is remembered and new values behind it; then remember the last of both."""
        both = values if self._values is None else np.concatenate([self._values, values])
        self._values = both[max(0, len(both) - self._length) :]
        return both
