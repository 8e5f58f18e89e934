"""From the samples of a recording without annotations to scored beats and events, while they arrive.

A file and a live signal take the same way: a file is a signal that comes in large portions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from ecg_anomaly.analysis.beat_cutter import BeatCutter
from ecg_anomaly.analysis.beat_scorer import BeatScorer, ScoredBeats, TrainedDetector
from ecg_anomaly.analysis.events import Event, EventFinder
from ecg_anomaly.measures import MEASURES, surprise_column
from ecg_anomaly.qrs import QrsDetector
from ecg_anomaly.quality import LEAST_QUALITY, lead_quality
from ecg_anomaly.records import lead_order
from ecg_anomaly.signals import Conditioner

COLUMNS = (
    *("sample", "time_s", "rr_before_s", "rr_after_s", "quality", "readable", "reconstruction_error"),
    *(surprise_column(component) for component in MEASURES),
    *("anomaly_score", "threshold", "flagged", "reason"),
)
_FEW_MV = 1e-3  # a lead that spans less has no signal


@dataclass(frozen=True)
class Findings:
    """What has become known of a recording.

    Attributes
    ----------
    beats
        One row per beat, with `COLUMNS`. A beat that cannot be read is not flagged; ``reason`` is the question
        whose answer was the most surprising for a flagged beat, and empty for others.
    events
        Asystole, fibrillation and unreadable stretches that are over.
    """

    beats: pd.DataFrame
    events: list[Event]


class Analysis:
    """Analyses one recording in portions; the findings do not depend on the portions.

    Parameters
    ----------
    detector
        A trained detector.
    sampling_rate_hz
        Samples per second of the recording.
    leads
        Number of leads, at most ``records.lead_count``.
    """

    def __init__(self, detector: TrainedDetector, sampling_rate_hz: Fraction, leads: int):
        beat = detector.config.beat
        band_hz = (beat.low_cut_hz, beat.high_cut_hz)
        self._rate_hz = beat.sampling_rate_hz
        self._components = detector.config.scoring.components
        self._conditioner = Conditioner(
            leads, sampling_rate_hz, beat.sampling_rate_hz, band_hz, beat.filter_half_length_s
        )
        self._qrs = QrsDetector(beat.sampling_rate_hz, leads)
        self._cutter = BeatCutter(sampling_rate_hz, leads, beat, detector.config.rhythm)
        self._scorer = BeatScorer(detector)
        self._events = EventFinder(beat.sampling_rate_hz, leads)

    def push(self, signals_mv: np.ndarray) -> Findings:
        """Take the next samples, of shape ``(samples, leads)`` in millivolts, NaN where they are missing."""
        conditioned, missing = self._conditioner.push(signals_mv)
        found = self._qrs.push(conditioned, missing)
        table, windows_mv = self._cutter.push(conditioned, missing, found, self._qrs.certain_until)
        return self._judge(conditioned, missing, table, windows_mv)

    def finish(self) -> Findings:
        """Tell the rest when the recording has ended."""
        conditioned, missing = self._conditioner.finish()
        found = np.concatenate([self._qrs.push(conditioned, missing), self._qrs.finish()])
        first, first_mv = self._cutter.push(conditioned, missing, found, self._qrs.certain_until)
        last, last_mv = self._cutter.finish()
        table, windows_mv = pd.concat([first, last], ignore_index=True), np.concatenate([first_mv, last_mv])
        rest = self._judge(conditioned, missing, table, windows_mv)
        beats = pd.concat([rest.beats, self._beats(self._scorer.finish())], ignore_index=True)
        return Findings(beats, rest.events + self._events.finish())

    def _judge(
        self, conditioned: np.ndarray, missing: np.ndarray, table: pd.DataFrame, windows_mv: np.ndarray
    ) -> Findings:
        """Judge what has just been cut: its quality, the events around it, the scores of what can be scored."""
        table = self._judge_quality(table, windows_mv)
        events = self._find_events(conditioned, missing, table)
        kept = (table["left_out"] == "").to_numpy()
        scored = self._scorer.push(table[kept], windows_mv[kept], self._cutter.delivered_until_s)
        return Findings(self._beats(scored), events)

    def _judge_quality(self, table: pd.DataFrame, windows_mv: np.ndarray) -> pd.DataFrame:
        quality = lead_quality(windows_mv, self._rate_hz).max(axis=1)
        return table.assign(quality=quality, readable=quality >= LEAST_QUALITY)

    def _find_events(self, conditioned: np.ndarray, missing: np.ndarray, table: pd.DataFrame) -> list[Event]:
        known_until = max(0, int(self._cutter.delivered_until_s * self._rate_hz))
        beats = np.round(table["fiducial_s"].to_numpy() * self._rate_hz).astype(np.int64)
        return self._events.push(conditioned, missing, beats, table["readable"].to_numpy(dtype=bool), known_until)

    def _beats(self, scored: ScoredBeats | None) -> pd.DataFrame:
        if scored is None:
            return pd.DataFrame(columns=list(COLUMNS))
        table = scored.table
        flagged = table["flagged"].to_numpy(dtype=bool) & table["readable"].to_numpy(dtype=bool)
        surprises = table[[surprise_column(component) for component in self._components]].to_numpy()
        reasons = np.array(self._components, dtype=object)[surprises.argmax(axis=1)]
        return table.assign(flagged=flagged, reason=np.where(flagged, reasons, ""))[list(COLUMNS)]


def analyse(
    detector: TrainedDetector, sampling_rate_hz: Fraction, blocks: Iterable[np.ndarray], leads: int
) -> Findings:
    """Analyse a whole recording, which comes in blocks of shape ``(samples, leads)``, in millivolts."""
    analysis = Analysis(detector, sampling_rate_hz, leads)
    parts = [analysis.push(block) for block in blocks]
    parts.append(analysis.finish())
    tables = [part.beats for part in parts if len(part.beats)] or [parts[-1].beats]
    events = sorted((event for part in parts for event in part.events), key=lambda event: event.start_s)
    return Findings(pd.concat(tables, ignore_index=True), events)


def choose_leads(names: Sequence[str], start_mv: np.ndarray, preferred: Sequence[str], count: int) -> list[str]:
    """Choose the leads to analyse.

    Parameters
    ----------
    names
        Names of the leads of the recording.
    start_mv
        Shape ``(samples, leads)``: the start of the recording; leads without a signal there are passed over, unless
        all are.
    preferred
        Names of leads to take first, in this order, whatever their case; then the others in the recording's order.
    count
        How many to take at most.
    """
    order = lead_order(names, preferred)
    alive = [lead for lead in order if _holds_signal(start_mv[:, lead])]
    return [names[lead] for lead in (alive or order)[:count]]


def _holds_signal(lead_mv: np.ndarray) -> bool:
    valid = lead_mv[np.isfinite(lead_mv)]
    return bool(len(valid)) and float(np.ptp(valid)) > _FEW_MV
