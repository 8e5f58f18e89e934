"""The numbers behind the figures that take more than a table to draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tsdownsample import MinMaxDownsampler

from ecg_anomaly import words
from ecg_anomaly.beats.labelled import CLASSES
from ecg_anomaly.config import Beat
from ecg_anomaly.detector.measures import MEASURES, component_values
from ecg_anomaly.detector.thresholds import recorded_hours
from ecg_anomaly.evaluation.metrics import ANOMALOUS_CLASSES
from ecg_anomaly.reports import styles
from ecg_anomaly.reports.examples import Example

STRIP_POINTS = 2000  # per outcome
EXCERPT_S = 20.0
AROUND_S = 2.0  # of the signal are shown on either side of an example
MOST_LEADS = 3  # of twelve leads, the figures show the ones that matter most

_ALARM_POINTS = 600
_CURVE_STEPS = 2000  # of an axis from 0 to 1


@dataclass(frozen=True)
class AlarmCurves:
    """Sensitivity to each class against false alarms, as the threshold is raised or lowered."""

    per_hour: np.ndarray  # shape (points,): false alarms per hour of recording, rising
    sensitivity: dict[str, np.ndarray]  # per class that has beats: shape (points,)
    per_hour_at_threshold: float  # false alarms per hour that the threshold as it is gives
    at_threshold: dict[str, float]  # and the sensitivity to each class
    none: float  # where no false alarm at all stands on a logarithmic axis, below a single one

    def position(self, per_hour: np.ndarray | float) -> np.ndarray:
        """Where false alarms per hour stand on the logarithmic axis."""
        return np.maximum(per_hour, self.none)

    def ticks(self) -> tuple[list[float], list[str]]:
        """Positions and labels of the axis: none at all, and the powers of ten."""
        decades = 10.0 ** np.arange(np.ceil(np.log10(2 * self.none)), np.floor(np.log10(self.per_hour[-1])) + 1)
        return [self.none, *decades], ["none", *(f"{decade:,g}" for decade in decades)]


@dataclass(frozen=True)
class ScoreAxis:
    """An axis that shows small and very large scores: linear below ``unit``, logarithmic far above it."""

    unit: float

    def position(self, scores: np.ndarray | pd.Series | float) -> np.ndarray:
        """Where scores stand on the axis."""
        return np.asarray(np.arcsinh(np.asarray(scores, dtype=float) / self.unit))

    def ticks(self, lowest: float, highest: float, count: int) -> tuple[np.ndarray, list[str]]:
        """Positions and labels of round scores between two scores, not closer than ``count`` even ones would be."""
        reach = max(abs(lowest), abs(highest), self.unit)
        decades = 10.0 ** np.arange(np.floor(np.log10(self.unit)) - 1, np.ceil(np.log10(reach)) + 1)
        magnitudes = np.concatenate([decades, 5 * decades, 2 * decades])  # the roundest first
        candidates = np.concatenate([[0.0], magnitudes, -magnitudes])
        closest = float(self.position(highest) - self.position(lowest)) / count
        kept: list[float] = []
        for value in candidates[(candidates >= lowest) & (candidates <= highest)]:
            if all(abs(self.position(value) - self.position(other)) >= closest for other in kept):
                kept.append(float(value))
        return self.position(np.sort(kept)), [words.score_text(value) for value in sorted(kept)]


@dataclass(frozen=True)
class ExampleBeat:
    """A beat beside its reconstruction, and the signal around it."""

    example: Example  # the rules that chose it
    record: str
    time_s: float  # seconds from the start of its record
    symbol: str
    score: float
    threshold: float
    called: str  # what it is called, empty where it is not flagged
    reason: str  # the question whose answer was the most surprising
    rr_before_s: float
    rr_after_s: float
    parts: dict[str, float]  # what each component of the score says, by its name
    window_s: np.ndarray  # shape (samples,): seconds from the fiducial point
    leads: tuple[int, ...]  # numbers of the leads that are shown, from 1
    beat_mv: np.ndarray  # shape (samples, shown leads)
    reconstruction_mv: np.ndarray  # shape (samples, shown leads)
    around: pd.DataFrame  # the beats nearby, with the column ``outcome``, and ``fiducial_s`` from its own
    around_s: np.ndarray  # shape (longer,): seconds from the fiducial point
    around_mv: np.ndarray  # shape (longer, shown leads); NaN between windows

    @property
    def flagged(self) -> bool:
        """Whether its score is above the threshold."""
        return bool(self.called)

    @property
    def verdict(self) -> str:
        """Whether it was flagged, what it is called, and by which question."""
        return f"flagged, called {self.called}; {styles.question(self.reason)}" if self.called else "not flagged"

    @property
    def rules(self) -> str:
        """The rules that chose it, in words."""
        return ", ".join(self.example.rules)

    @property
    def words(self) -> str:
        """Which beat it is, with its score."""
        return f"{self.record}  {words.clock(self.time_s)}  {self.symbol}  score {words.score_text(self.score)}"

    @property
    def intervals(self) -> str:
        """The RR intervals beside it."""
        before, after = (
            "unknown" if np.isnan(rr_s) else f"{rr_s:.2f} s" for rr_s in (self.rr_before_s, self.rr_after_s)
        )
        return f"RR {before} before, {after} after"


@dataclass(frozen=True)
class RecordOverTime:
    """One record over time, and an excerpt of its signal."""

    record: str
    reason: str  # the rule by which it was chosen
    beats: pd.DataFrame  # scores with the column ``outcome``; of many beats the lowest and the highest of each moment
    thinned: bool  # whether beats were left out
    threshold: float
    excerpt_beats: pd.DataFrame  # the beats of the excerpt, with the column ``outcome``
    excerpt_s: np.ndarray  # shape (samples,): seconds from the start of the record
    leads: tuple[int, ...]  # numbers of the leads that are shown, from 1
    excerpt_mv: np.ndarray  # shape (samples, shown leads); NaN between windows

    @property
    def unit(self) -> tuple[str, float]:
        """The unit of the axis of time, and its seconds."""
        return time_unit(self.beats["time_s"].iloc[-1])

    def score_ticks(self, axis: ScoreAxis) -> tuple[np.ndarray, list[str]]:
        """Positions and labels of the axis of the scores."""
        scores = self.beats["anomaly_score"]
        return axis.ticks(min(0.0, scores.min()), scores.max(), 7)


def alarm_curves(scores: pd.DataFrame) -> AlarmCurves | None:
    """Trace how many anomalous beats are found for how many false alarms per hour.

    ``scores`` has a row per beat, with the columns ``rr_before_s``, ``aami_class``, ``anomaly_score``, ``threshold``
    (NaN for a beat that was missed, which no threshold finds) and ``flagged``. Gives ``None`` without normal beats,
    without beats of class S, V or F, or when no time passes.
    """
    classes, hours = scores["aami_class"].to_numpy(), recorded_hours(scores)
    normal = classes == CLASSES[0]
    shown = [name for name in ANOMALOUS_CLASSES if (classes == name).any()]
    if not shown or not normal.any() or not hours > 0:
        return None
    found = scores["anomaly_score"].where(scores["threshold"].notna(), -np.inf).to_numpy(dtype=float)
    flagged = scores["flagged"].to_numpy(dtype=bool)
    # Each normal beat's score in turn is where all is cut, and last of all nowhere; even steps on the log axis.
    highest_first = np.append(np.sort(found[normal])[::-1], -np.inf)
    steps = np.geomspace(1, len(highest_first), _ALARM_POINTS).round().astype(int) - 1
    cuts = highest_first[np.unique(steps)]
    return AlarmCurves(
        per_hour=_counts_above(found[normal], cuts) / hours,
        sensitivity={name: _counts_above(found[classes == name], cuts) / (classes == name).sum() for name in shown},
        per_hour_at_threshold=float(flagged[normal].sum() / hours),
        at_threshold={name: float(flagged[classes == name].mean()) for name in shown},
        none=0.5 / hours,
    )


def score_axis(scores: np.ndarray, threshold: float) -> ScoreAxis:
    """Axis for scores: its linear part ends at the threshold, where the interesting scores begin."""
    finite = np.abs(scores[np.isfinite(scores)])
    unit = abs(threshold) or (float(np.median(finite)) if len(finite) else 0.0)
    return ScoreAxis(unit or 1.0)


def ranked_records(per_record: pd.DataFrame) -> pd.DataFrame:
    """Keep the records that have an AUC, the lowest first."""
    return per_record.dropna(subset="auc").sort_values(["auc", "record"], kind="stable", ignore_index=True)


def outcomes(scores: pd.DataFrame) -> np.ndarray:
    """Name what became of each beat: one of ``styles.OUTCOMES``, shape ``(beats,)``."""
    anomalous, flagged = (scores[name].to_numpy(dtype=bool) for name in ("anomalous", "flagged"))
    names = np.array([[styles.NOT_FLAGGED, styles.FALSE_ALARM], [styles.OVERLOOKED, styles.FOUND]])
    return np.asarray(names[anomalous.astype(int), flagged.astype(int)])


def by_outcome(beats: pd.DataFrame) -> Iterator[tuple[str, styles.Sign, pd.DataFrame]]:
    """Yield each outcome with its sign and its beats, from their column ``outcome``."""
    return ((name, sign, beats[beats["outcome"] == name]) for name, sign in styles.OUTCOMES.items())


def in_millivolts(scaled: np.ndarray, windows: np.ndarray, beats: pd.DataFrame) -> np.ndarray:
    """Turn scaled windows or reconstructions, shape ``(beats, samples, leads)``, back into millivolts.

    A lead that is all zeros in ``windows`` is missing: NaN. ``beats`` has ``offset_mv_1``, ``range_mv_1``, ... for
    each lead.
    """
    leads = range(1, scaled.shape[2] + 1)
    offset_mv = beats[[f"offset_mv_{lead}" for lead in leads]].to_numpy(dtype=float)
    range_mv = beats[[f"range_mv_{lead}" for lead in leads]].to_numpy(dtype=float)
    missing = ~np.any(windows != 0, axis=1, keepdims=True)
    return np.where(missing, np.nan, scaled * range_mv[:, np.newaxis] + offset_mv[:, np.newaxis])


def rows_around(scores: pd.DataFrame, row: int) -> np.ndarray:
    """Rows of the beats of the same record within `AROUND_S` of a beat, which is among them."""
    near = (scores["time_s"] - scores["time_s"].iloc[row]).abs() <= AROUND_S
    return np.flatnonzero(near & (scores["record"] == scores["record"].iloc[row]))


def example_beat(
    example: Example,
    around: pd.DataFrame,
    windows: np.ndarray,
    reconstruction: np.ndarray,
    beat: Beat,
    components: Sequence[str],
) -> ExampleBeat:
    """Lay a chosen beat beside its reconstruction, shape ``(samples, leads)``, scaled.

    ``around`` are the beats of `rows_around`, which are the index, with all columns of ``scores.csv``, ``windows``
    theirs, scaled, of shape ``(beats, samples, leads)``; ``components`` are the parts of the score.
    """
    own = int(np.flatnonzero(around.index == example.row)[0])
    around = around.reset_index(drop=True).assign(outcome=outcomes)
    row = around.iloc[own]
    leads = _leads_with_most_error(windows[own], reconstruction)
    around_s, around_mv = _paste(around, windows, beat)
    values = {name: float(its[own]) for name, its in component_values(around).items()}
    one = around.iloc[[own]]
    return ExampleBeat(
        example=example,
        record=row["record"],
        time_s=row["time_s"],
        symbol=row["symbol"],
        score=row["anomaly_score"],
        threshold=row["threshold"],
        called=row["called"],
        reason=max(MEASURES, key=values.__getitem__),
        rr_before_s=row["rr_before_s"],
        rr_after_s=row["rr_after_s"],
        parts={name: values[name] for name in components},
        window_s=(np.arange(windows.shape[1]) - beat.samples_before) / beat.sampling_rate_hz,
        leads=tuple((leads + 1).tolist()),
        beat_mv=in_millivolts(windows[[own]], windows[[own]], one)[0][:, leads],
        reconstruction_mv=in_millivolts(reconstruction[np.newaxis], windows[[own]], one)[0][:, leads],
        around=around.assign(fiducial_s=around["fiducial_s"] - row["fiducial_s"]),
        around_s=around_s - row["fiducial_s"],
        around_mv=around_mv[:, leads],
    )


def strip_record(per_record: pd.DataFrame, scores: pd.DataFrame) -> tuple[str, str]:
    """Choose the record that is shown over time, and say by which rule.

    The record with the median AUC of those that have normal and anomalous beats (of two, the lower one);
    where no record has both, the one with the highest score.
    """
    ranked = ranked_records(per_record)
    if not len(ranked):
        highest = scores["record"].iloc[scores["anomaly_score"].argmax()]
        return str(highest), "it has the highest score, and no record has normal and anomalous beats"
    middle = ranked.iloc[(len(ranked) - 1) // 2]
    if len(ranked) == 1:
        reason = "it is the one record with normal and anomalous beats"
    else:
        these = f"the {len(ranked)} records with normal and anomalous beats"
        reason = f"its AUC, {middle['auc']:.3f}, is the median of {these}"
    return str(middle["record"]), reason


def excerpt_rows(scores: pd.DataFrame, record: str) -> np.ndarray:
    """Rows of a record's beats within ten seconds of its highest score."""
    rows = np.flatnonzero(scores["record"] == record)
    times_s = scores["time_s"].to_numpy(dtype=float)[rows]
    centre_s = times_s[scores["anomaly_score"].to_numpy(dtype=float)[rows].argmax()]
    start_s = max(times_s[0], min(centre_s - EXCERPT_S / 2, times_s[-1] - EXCERPT_S))
    return np.asarray(rows[(times_s >= start_s) & (times_s <= start_s + EXCERPT_S)])


def record_strip(
    scores: pd.DataFrame, record: str, reason: str, rows: np.ndarray, windows: np.ndarray, beat: Beat
) -> RecordOverTime:
    """Lay out the record that `strip_record` chose, with the excerpt that `excerpt_rows` chose.

    ``windows`` are those of its rows, scaled, of shape ``(excerpt beats, samples, leads)``.
    """
    beats = scores[scores["record"] == record].reset_index(drop=True).assign(outcome=outcomes)
    shown = np.concatenate([_thinned(its) for _, _, its in by_outcome(beats)])
    excerpt_beats = scores.iloc[rows].reset_index(drop=True).assign(outcome=outcomes)
    excerpt_s, excerpt_mv = _paste(excerpt_beats, windows, beat)
    present = np.flatnonzero(np.isfinite(excerpt_mv).any(axis=0))[:MOST_LEADS]
    return RecordOverTime(
        record=record,
        reason=reason,
        beats=beats.iloc[np.sort(shown)].reset_index(drop=True),
        thinned=len(shown) < len(beats),
        threshold=float(beats["threshold"].iloc[0]),
        excerpt_beats=excerpt_beats,
        excerpt_s=excerpt_s,
        leads=tuple((present + 1).tolist()),
        excerpt_mv=excerpt_mv[:, present],
    )


def thinned_curve(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep of a curve of shares the points that an eye can tell from the one before, and the last."""
    steps = np.round(np.column_stack([x, y]) * _CURVE_STEPS)
    kept = np.append(True, np.diff(steps, axis=0).any(axis=1))
    kept[-1] = True
    return x[kept], y[kept]


def time_unit(reach_s: float) -> tuple[str, float]:
    """Name the unit that suits times up to this one (``s``, ``min`` or ``h``), and say how many seconds it has."""
    return ("h", 3600.0) if reach_s > 3 * 3600 else ("min", 60.0) if reach_s > 180 else ("s", 1.0)


def _counts_above(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    return np.asarray(len(values) - np.searchsorted(np.sort(values), cuts, side="right"))


def _thinned(beats: pd.DataFrame) -> np.ndarray:
    """Index of the beats that are drawn: all, or the lowest and the highest of each moment."""
    if len(beats) <= STRIP_POINTS:
        return beats.index.to_numpy()
    times_s, scores = (beats[name].to_numpy(dtype=float) for name in ("time_s", "anomaly_score"))
    kept = MinMaxDownsampler().downsample(times_s, scores, n_out=STRIP_POINTS)  # type: ignore[no-untyped-call]
    return np.asarray(beats.index[np.unique(kept)])


def _paste(beats: pd.DataFrame, windows: np.ndarray, beat: Beat) -> tuple[np.ndarray, np.ndarray]:
    """Lay windows in millivolts where they were cut; NaN is left in between."""
    windows_mv = in_millivolts(windows, windows, beats)
    first = np.round(beats["fiducial_s"].to_numpy(dtype=float) * beat.sampling_rate_hz).astype(int)
    first -= beat.samples_before
    start, samples = first.min(), windows.shape[1]
    signal_mv = np.full((first.max() - start + samples, windows.shape[2]), np.nan)
    for position, window_mv in zip(first - start, windows_mv, strict=True):
        stretch = slice(position, position + samples)
        signal_mv[stretch] = np.where(np.isnan(window_mv), signal_mv[stretch], window_mv)
    return (start + np.arange(len(signal_mv))) / beat.sampling_rate_hz, signal_mv


def _leads_with_most_error(window: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
    present = np.flatnonzero((window != 0).any(axis=0))
    errors = np.mean((window - reconstruction)[:, present] ** 2, axis=0)
    return np.sort(present[np.argsort(-errors, kind="stable")[:MOST_LEADS]])
