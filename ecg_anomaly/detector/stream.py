"""From the samples of a recording without annotations to scored beats and events, while they arrive.

A file and a live signal take the same way: a file is a signal that comes in large portions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.conditioning import Conditioner
from ecg_anomaly.beats.cutter import BeatCutter, CutBeats, recording_samples
from ecg_anomaly.beats.events import Event, EventFinder
from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.qrs import QrsDetector
from ecg_anomaly.beats.windows import Scaler
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import ComparedBeats, PatientMemory, ScaledBeats
from ecg_anomaly.detector.measures import LOG_ODDS, MEASURES, surprise_column
from ecg_anomaly.detector.naming import call_beats
from ecg_anomaly.detector.scorer import ScoredBeats, TrainedDetector, score_compared
from ecg_anomaly.detector.thresholds import flags

_SURPRISES = tuple(surprise_column(question) for question in MEASURES)
_SCORED = (
    *("sample", "time_s", "rr_before_s", "rr_after_s", "quality", "readable", "reconstruction_error"),
    *(*_SURPRISES, *LOG_ODDS, "anomaly_score"),
)
COLUMNS = (*_SCORED, "threshold", "flagged", "called", "reason")


@dataclass(frozen=True)
class BeatShapes(PerBeat):
    """What beats look like and were compared with, scaled; all of shape ``(beats, samples, leads)``."""

    windows: np.ndarray
    own_beats: np.ndarray  # the patient's own beat when each comes
    reconstructions: np.ndarray  # what the autoencoder makes of each


@dataclass(frozen=True)
class Findings:
    """What has become known of a recording.

    A beat that cannot be read is not flagged. ``called`` is what `naming.call_beats` calls a flagged beat, ``reason``
    the question whose answer was the most surprising; both are empty where a beat is not flagged.
    """

    beats: pd.DataFrame  # one row per beat, with `COLUMNS`
    events: list[Event]  # those that are over
    shapes: BeatShapes | None = None  # of the same beats, where they were kept


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
        self._recording_rate_hz, self._settings = sampling_rate_hz, beat
        self._conditioner = Conditioner(leads, sampling_rate_hz, beat)
        self._qrs = QrsDetector(beat.sampling_rate_hz, leads)
        self._cutter = BeatCutter(sampling_rate_hz, leads, beat, detector.config.rhythm)
        self._detector, self._beats = detector, _ArrivingBeats(detector.config)
        self._events = EventFinder(beat.sampling_rate_hz, leads)

    def push(self, signals_mv: np.ndarray) -> Findings:
        """Take the next samples, of shape ``(samples, leads)`` in millivolts, NaN where they are missing."""
        return score_together([self.take(signals_mv)])[0]

    def take(self, signals_mv: np.ndarray) -> Taken:
        """Take the next samples, as `push` does; what is found in them `score_together` tells."""
        conditioned, missing = self._conditioner.push(signals_mv)
        cut = self._cut(conditioned, missing, self._qrs.push(conditioned, missing))
        events = self._find_events(conditioned, missing, cut)
        return self._taken(cut, self._cutter.delivered_until_s, events)

    def finish(self) -> Findings:
        """Give the rest when the recording has ended."""
        conditioned, missing = self._conditioner.finish()
        found = np.concatenate([self._qrs.push(conditioned, missing), self._qrs.finish()])
        cut = CutBeats.joined([self._cut(conditioned, missing, found), self._cutter.finish()])
        events = self._find_events(conditioned, missing, cut) + self._events.finish()
        return score_together([self._taken(cut, np.inf, events)])[0]

    @property
    def ongoing(self) -> list[Event]:
        """Events that are certain but not over."""
        return self._events.ongoing

    def _cut(self, conditioned: np.ndarray, missing: np.ndarray, found: np.ndarray) -> CutBeats:
        samples = recording_samples(found, self._recording_rate_hz, self._settings)
        return self._cutter.push(conditioned, missing, samples, self._qrs.certain_until)

    def _find_events(self, conditioned: np.ndarray, missing: np.ndarray, cut: CutBeats) -> list[Event]:
        rate_hz = self._settings.sampling_rate_hz
        known_until = max(0, int(self._cutter.delivered_until_s * rate_hz))
        beats = np.round(cut.fiducials_s * rate_hz).astype(np.int64)
        return self._events.push(conditioned, missing, beats, cut.readable, known_until)

    def _taken(self, cut: CutBeats, until_s: float, events: list[Event]) -> Taken:
        return Taken(self._detector, self._beats.push(cut.chosen(cut.left_out == ""), until_s), events)


@dataclass(frozen=True)
class Taken:
    """What an analysis has taken: beats, compared with the patient's, that are not scored yet."""

    detector: TrainedDetector
    beats: tuple[CutBeats, ComparedBeats] | None
    events: list[Event]


def score_together(taken: Sequence[Taken]) -> list[Findings]:
    """Score the beats that analyses with one detector have taken: of many patients at once, in a fraction of the time.

    Gives the findings of each; they do not depend on the others.
    """
    coming = [its.beats for its in taken if its.beats is not None]
    if not coming:
        return [Findings(_NO_BEATS, its.events, _no_shapes(its.detector.config)) for its in taken]
    detector = taken[0].detector
    cut = CutBeats.joined([its for its, _ in coming])
    scored = score_compared(detector, ComparedBeats.joined([its for _, its in coming]))
    beats = _table(cut, scored, detector.threshold.threshold)
    shapes = BeatShapes(scored.paired.windows, scored.paired.own_beats, scored.measured.reconstructions)
    if len(taken) == 1:
        return [Findings(beats, taken[0].events, shapes)]
    ends = np.cumsum([0 if its.beats is None else len(its.beats[0]) for its in taken])
    rows = [slice(*ends_of) for ends_of in itertools.pairwise([0, *ends.tolist()])]
    return [
        Findings(beats.iloc[its_rows].reset_index(drop=True), its.events, shapes.chosen(its_rows))
        for its, its_rows in zip(taken, rows, strict=True)
    ]


_NO_BEATS = pd.DataFrame(columns=list(COLUMNS))


def _no_shapes(config: Config) -> BeatShapes:
    nothing = np.empty((0, config.beat.samples, config.records.lead_count), dtype=np.float32)
    return BeatShapes(nothing, nothing, nothing)


class _ArrivingBeats:
    """Scales the beats of one recording and compares them with earlier ones; those of the first seconds wait."""

    def __init__(self, config: Config):
        self._config = config
        self._scaler = Scaler(config.beat)
        self._memory = PatientMemory(config)
        self._started = False
        self._waiting: list[CutBeats] = []

    def push(self, cut: CutBeats, until_s: float) -> tuple[CutBeats, ComparedBeats] | None:
        """Compare the next beats, all of those before ``until_s``; ``None`` where there are none."""
        if len(cut):
            self._waiting.append(cut)
        self._started |= until_s >= self._config.beat.start_s
        if not self._started or not self._waiting:
            return None
        cut, self._waiting = CutBeats.joined(self._waiting), []
        return cut, self._memory.compare(self._scaled(cut))

    def _scaled(self, cut: CutBeats) -> ScaledBeats:
        scale = self._scaler.push(cut.windows_mv, cut.fiducials_s)
        windows = scale.apply(cut.windows_mv, self._config.records.lead_count)
        counting = np.ones(len(cut), dtype=bool)
        return ScaledBeats(cut.times_s, cut.fiducials_s, cut.rr_before_s, cut.rr_after_s, counting, windows)


def _table(cut: CutBeats, scored: ScoredBeats, threshold: float) -> pd.DataFrame:
    columns = (
        *(cut.samples, cut.times_s, cut.rr_before_s, cut.rr_after_s, cut.quality, cut.readable),
        *scored.columns().values(),
    )
    scored_beats = dict(zip(_SCORED, columns, strict=True))
    return pd.DataFrame(scored_beats | _judgements(scored_beats, threshold))


def judge(beats: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Give beats that are scored, with the last of `COLUMNS` as they are at a threshold."""
    return beats.assign(**_judgements(beats, threshold))


def _judgements(beats: Mapping[str, Any] | pd.DataFrame, threshold: float) -> dict[str, np.ndarray]:
    """Give the last of `COLUMNS`, of a table or of its columns: a portion of a stream is too short for many tables."""
    score, quality, *surprises = (np.asarray(beats[name]) for name in ("anomaly_score", "quality", *_SURPRISES))
    flagged = flags(score, threshold, quality)
    reasons = np.array(list(MEASURES), dtype=object)[np.argmax(surprises, axis=0)]
    called = call_beats({**{name: beats[name] for name in LOG_ODDS}, "flagged": flagged})
    reason = np.where(flagged, reasons, "")
    return {"threshold": np.full(len(score), threshold), "flagged": flagged, "called": called, "reason": reason}


def analyse_blocks(
    detector: TrainedDetector, sampling_rate_hz: Fraction, blocks: Iterable[np.ndarray], leads: int
) -> Iterator[Findings]:
    """Analyse a whole recording, which comes in blocks of shape ``(samples, leads)``, in millivolts.

    Yields
    ------
    Findings
        What has become known with each block, and at the end.
    """
    analysis = Analysis(detector, sampling_rate_hz, leads)
    yield from map(analysis.push, blocks)
    yield analysis.finish()


def analyse(
    detector: TrainedDetector, sampling_rate_hz: Fraction, blocks: Iterable[np.ndarray], leads: int
) -> Findings:
    """Analyse a whole recording as `analyse_blocks` does, and give all findings at once, without shapes."""
    parts = [(part.beats, part.events) for part in analyse_blocks(detector, sampling_rate_hz, blocks, leads)]
    tables = [beats for beats, _ in parts if len(beats)] or [_NO_BEATS]
    events = sorted((event for _, events in parts for event in events), key=lambda event: event.start_s)
    return Findings(pd.concat(tables, ignore_index=True), events)
