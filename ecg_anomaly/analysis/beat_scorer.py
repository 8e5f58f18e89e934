"""Scores beats while they arrive, with what the patient's earlier beats tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly import measures, thresholds
from ecg_anomaly.beats import Scale, find_scale, own_scale
from ecg_anomaly.config import Config
from ecg_anomaly.patient import PairedBeats, own_beats
from ecg_anomaly.rhythm import deviations, in_time
from ecg_anomaly.scoring import Surprise


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
        The content of ``threshold.json``.
    config
        The settings that it was trained and evaluated with.
    """

    reconstruct: measures.Reconstruct
    reference: Mapping[str, Surprise]
    threshold: dict[str, Any]
    config: Config


@dataclass(frozen=True)
class ScoredBeats:
    """Beats with their scores, and what they were compared with.

    Attributes
    ----------
    table
        One row per beat.
    paired
        The scaled windows, each beside the patient's own beat.
    reconstructions
        Shape ``(beats, samples, leads)``.
    """

    table: pd.DataFrame
    paired: PairedBeats
    reconstructions: np.ndarray


class BeatScorer:
    """Scores the beats of one recording in portions; the scores do not depend on the portions.

    It remembers as many earlier beats as the settings count and calls the functions that score whole records.
    """

    def __init__(self, detector: TrainedDetector):
        config = detector.config
        self._detector, self._config = detector, config
        # A deviation is compared with earlier ones, each of which came from the beats before it.
        rhythm, patient = config.rhythm.recent_beats, config.patient.recent_beats
        self._remembered = max(rhythm + max(rhythm, patient), thresholds.remembered(detector.threshold))
        self._started = False
        self._waiting: list[tuple[pd.DataFrame, np.ndarray]] = []  # the beats of the first seconds
        self._earlier = pd.DataFrame()
        self._windows = np.empty((0, config.beat.samples, config.records.lead_count), dtype=np.float32)
        self._times_s = np.empty(0)
        self._own_scale: Scale | None = None

    def push(self, table: pd.DataFrame, windows_mv: np.ndarray, until_s: float) -> ScoredBeats | None:
        """Score the next beats.

        Parameters
        ----------
        table
            One row per beat that can be judged, as `beat_cutter.BeatCutter` gives them.
        windows_mv
            Shape ``(beats, samples, leads)``.
        until_s
            All beats before this time have been given. The beats of the first ``beat.start_s`` seconds are
            compared with each other, and wait until all are there.

        Returns
        -------
        ScoredBeats or None
            The beats that are scored now; ``None`` if there is none.
        """
        if len(table):
            self._waiting.append((table, windows_mv))
        self._started |= until_s >= self._config.beat.start_s
        return self._score_waiting() if self._started else None

    def finish(self) -> ScoredBeats | None:
        """Score the beats that were waiting when the recording ended."""
        return self._score_waiting()

    def _score_waiting(self) -> ScoredBeats | None:
        if not self._waiting:
            return None
        tables, windows_mv = zip(*self._waiting, strict=True)
        self._waiting = []
        return self._score(pd.concat(tables, ignore_index=True), np.concatenate(windows_mv))

    def _score(self, table: pd.DataFrame, windows_mv: np.ndarray) -> ScoredBeats:
        config, start_s = self._config, self._config.beat.start_s
        table = table.assign(record="")  # the functions for many records want to know whose a beat is
        windows = self._scale(windows_mv, table["fiducial_s"].to_numpy())
        beats = pd.concat([self._earlier, table], ignore_index=True)
        all_windows = np.concatenate([self._windows, windows])
        since = len(beats) - len(table)

        counting = measures.counting_beats(beats, config.patient)
        timely = counting & in_time(beats, counting, config.rhythm, start_s)
        own = own_beats(all_windows, timely, beats["fiducial_s"].to_numpy(), config.patient, start_s, since)
        early, pause = deviations(beats, counting, config.rhythm, start_s)
        paired = PairedBeats(windows, own)
        measured = measures.measure_shape(self._detector.reconstruct, paired, early[since:], pause[since:])
        scored = measures.score_beats(table, measured, self._detector.reference, config.scoring.components)
        beats.loc[since:, "anomaly_score"] = scored["anomaly_score"].to_numpy()
        flagged = thresholds.flag_beats(beats, self._detector.threshold)[since:]
        scored = scored.assign(**{name: flagged[name].to_numpy() for name in ("threshold", "flagged")})

        self._earlier = beats.iloc[-self._remembered :].reset_index(drop=True)
        self._windows = all_windows[-self._remembered :]
        return ScoredBeats(scored.drop(columns="record"), paired, measured.reconstructions)

    def _scale(self, windows_mv: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        own, since = own_scale(windows_mv, self._config.beat), len(self._times_s)
        if self._own_scale is not None:
            earlier = self._own_scale
            own = Scale(
                np.concatenate([earlier.offset_mv, own.offset_mv]), np.concatenate([earlier.range_mv, own.range_mv])
            )
        all_times_s = np.concatenate([self._times_s, times_s])
        scale = find_scale(own, all_times_s, self._config.beat, since)
        kept = slice(-self._config.beat.scaling_beats, None)
        self._own_scale = Scale(own.offset_mv[kept], own.range_mv[kept])
        self._times_s = all_times_s[kept]
        return scale.apply(windows_mv, self._config.records.lead_count)
