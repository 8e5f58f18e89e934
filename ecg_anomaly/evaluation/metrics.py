"""How well scores and flags agree with the annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, classification_report, confusion_matrix, roc_auc_score, roc_curve

from ecg_anomaly.beats.labelled import CLASSES, NORMAL_CLASS
from ecg_anomaly.detector.naming import S, V
from ecg_anomaly.detector.thresholds import recorded_hours
from ecg_anomaly.handover.scores import (
    DetectionFigures,
    Figure,
    NamedFigures,
    PerClass,
    QuietFigures,
    RankingFigures,
    Rates,
    ScoreFigures,
    Shares,
    ThresholdFigures,
)

ANOMALOUS_CLASSES = ("S", "V", "F")  # Q (paced and unclassifiable) is anomalous, but no class that detectors report
_EVERY = (*ANOMALOUS_CLASSES, "all")
FALSE_POSITIVE_RATES = (0.01, 0.02, 0.05)
FALSE_ALARMS_PER_HOUR = (10, 20, 60)
SENSITIVITY_V = 0.95
MOST_IN_QUIET_RECORD = 6  # anomalous beats in a record such as a nearly healthy user has
_FEWEST_ANOMALIES = 5  # a record with no more has no AUC worth an average
# AAMI EC57: a beat of these classes that is called V or S was called so wrongly; others count on neither side.
_WRONGLY_CALLED = {V: ("N", "S"), S: ("N", "V", "F")}
_LABELS = ["normal", "anomalous"]


def ranking_figures(beats: pd.DataFrame, scores: np.ndarray) -> RankingFigures:
    """Figures that need no threshold; those at a false-positive rate are read off the ROC curve.

    The beats have the columns ``record``, ``aami_class`` and ``rr_before_s``; their scores (higher is more anomalous)
    the shape ``(beats,)``.
    """
    classes, records, hours = beats["aami_class"].to_numpy(), beats["record"].to_numpy(), recorded_hours(beats)
    anomalous = classes != NORMAL_CLASS
    per_record = [
        float(roc_auc_score(anomalous[rows], scores[rows]))
        for rows in pd.Series(records).groupby(records, sort=False).indices.values()
        if anomalous[rows].sum() > _FEWEST_ANOMALIES and not anomalous[rows].all()
    ]
    return {
        "auc": _auc(anomalous, scores),
        "average_precision": _average_precision(anomalous, scores),
        "sensitivity_at_fpr": {str(rate): sensitivity_at(rate, classes, scores) for rate in FALSE_POSITIVE_RATES},
        "sensitivity_at_false_alarms_per_hour": {
            str(rate): sensitivity_at_alarms(rate, classes, scores, hours) for rate in FALSE_ALARMS_PER_HOUR
        },
        "false_alarms_per_hour_at_sensitivity_V": {
            str(SENSITIVITY_V): _alarms_at_sensitivity(scores[classes == V], scores[~anomalous], hours)
        },
        "per_record_auc_mean": {"mean": _mean(per_record), "records": len(per_record)},
    }


def threshold_figures(classes: np.ndarray, flagged: np.ndarray, hours: float) -> ThresholdFigures:
    """Figures at a threshold, from AAMI classes and flags of shape ``(beats,)``, and the hours of their recording."""
    normal = classes == NORMAL_CLASS
    true_positives, wrong = int((flagged & ~normal).sum()), int((flagged == normal).sum())
    # Of flags, whatever the beats are called: flagged beats of the other anomalous classes count neither for nor
    # against the positive predictivity of a class.
    predictivity = {name: _share(~normal[flagged & ((classes == name) | normal)]) for name in ANOMALOUS_CLASSES}
    precision = _share(~normal[flagged])
    return {
        "false_alarms_per_hour": ratio(int((flagged & normal).sum()), hours),
        "false_positive_rate": _share(flagged[normal]),
        "sensitivity": _sensitivity(classes, flagged),
        "positive_predictivity": {**predictivity, "all": precision},
        "precision": precision,
        "f1": ratio(2 * true_positives, 2 * true_positives + wrong),
    }


def score_figures(beats: pd.DataFrame) -> ScoreFigures:
    """Figures of the anomaly score, with and without the threshold; the beats have the columns of ``scores.csv``."""
    return {**_at_threshold(beats), **ranking_figures(beats, beats["anomaly_score"].to_numpy())}


def average_over_records(beats: pd.DataFrame) -> Rates:
    """Average each record's figures over the records that define it, as AAMI EC57 does beside the gross figures.

    The beats have the columns ``record``, ``aami_class``, ``rr_before_s`` and ``flagged``.
    """
    figures = [its for _, _, its in _at_threshold_per_record(beats)]
    return {
        "false_positive_rate": _mean(its["false_positive_rate"] for its in figures),
        "sensitivity": {name: _mean(its["sensitivity"][name] for its in figures) for name in _EVERY},
        "positive_predictivity": {
            name: _mean(its["positive_predictivity"][name] for its in figures) for name in _EVERY
        },
    }


def named_figures(beats: pd.DataFrame) -> NamedFigures:
    """Say how well beats are called V and S, gross and averaged over records, counted as AAMI EC57 does.

    The beats have the columns ``record``, ``aami_class`` and ``called``. A beat of class Q counts on neither side, nor
    does a fusion beat that is called V.
    """
    gross, per_record = _named(beats), [_named(its) for _, its in beats.groupby("record", sort=False)]
    average: dict[str, Shares] = {
        name: {
            "sensitivity": _mean(its[name]["sensitivity"] for its in per_record),
            "positive_predictivity": _mean(its[name]["positive_predictivity"] for its in per_record),
        }
        for name in gross
    }
    return {"V": gross[V], "S": gross[S], "average_over_records": average}


def quiet_figures(beats: pd.DataFrame) -> QuietFigures:
    """Give figures of the records with at most `MOST_IN_QUIET_RECORD` anomalous beats, pooled.

    The beats have the columns ``record``, ``aami_class``, ``anomalous``, ``rr_before_s`` and ``flagged``.
    """
    quiet = beats[beats.groupby("record")["anomalous"].transform("sum") <= MOST_IN_QUIET_RECORD]
    figures = _at_threshold(quiet)
    return {
        "records": int(quiet["record"].nunique()),
        "false_alarms_per_hour": figures["false_alarms_per_hour"],
        "precision": figures["precision"],
        "sensitivity": figures["sensitivity"],
    }


def class_counts(classes: np.ndarray) -> dict[str, int]:
    """Beats per AAMI class."""
    return {name: int((classes == name).sum()) for name in CLASSES}


def per_record(beats: pd.DataFrame) -> pd.DataFrame:
    """Give the figures of each record, a row each; empty where they are undefined, as with only one kind of beat.

    The beats have the columns ``record``, ``aami_class``, ``anomalous``, ``rr_before_s``, ``anomaly_score`` and
    ``flagged``.
    """
    return pd.DataFrame(
        {
            "record": record,
            "beats": len(group),
            "anomalous": int(group["anomalous"].sum()),
            "flagged": int(group["flagged"].sum()),
            "false_alarms_per_hour": figures["false_alarms_per_hour"],
            "precision": figures["precision"],
            "auc": _auc(group["anomalous"], group["anomaly_score"]),
            "average_precision": _average_precision(group["anomalous"], group["anomaly_score"]),
            "false_positive_rate": figures["false_positive_rate"],
            **{f"sensitivity_{name}": figures["sensitivity"][name] for name in ANOMALOUS_CLASSES},
            "sensitivity": figures["sensitivity"]["all"],
        }
        for record, group, figures in _at_threshold_per_record(beats)
    )


def detection_per_record(counts: pd.DataFrame) -> pd.DataFrame:
    """Say how well the QRS detector finds the beats of each record; a share is NaN where it is undefined.

    The counts have one row per record: ``record``, and its beats that are ``annotated``, ``detected`` and ``matched``
    (both).
    """
    annotated, detected, matched = (counts[name] for name in ("annotated", "detected", "matched"))
    return counts[["record", "annotated", "detected"]].assign(
        missed=annotated - matched,
        extra=detected - matched,
        qrs_sensitivity=matched / annotated.where(annotated > 0),
        qrs_positive_predictivity=matched / detected.where(detected > 0),
    )


def detection_figures(counts: pd.DataFrame) -> DetectionFigures:
    """Say how well the QRS detector finds beats, gross and on average; arguments as for `detection_per_record`."""
    table = detection_per_record(counts)
    annotated, detected, missed, extra = (int(n) for n in table[["annotated", "detected", "missed", "extra"]].sum())
    return {
        "annotated": annotated,
        "detected": detected,
        "missed": missed,
        "extra": extra,
        "sensitivity": ratio(annotated - missed, annotated),
        "positive_predictivity": ratio(detected - extra, detected),
        "average_over_records": {
            "sensitivity": _mean(table["qrs_sensitivity"].dropna()),
            "positive_predictivity": _mean(table["qrs_positive_predictivity"].dropna()),
        },
    }


def confusion(anomalous: np.ndarray, flagged: np.ndarray) -> pd.DataFrame:
    """Count beats by label (rows) and flag (columns), from arrays of shape ``(beats,)``."""
    counts = confusion_matrix(anomalous, flagged, labels=[False, True])
    return pd.DataFrame(counts, index=pd.Index(_LABELS, name="annotated"), columns=["not flagged", "flagged"])


def report(anomalous: np.ndarray, flagged: np.ndarray) -> pd.DataFrame:
    """Precision, recall, F1 and support of both labels, as in scikit-learn's classification report."""
    figures = classification_report(
        anomalous, flagged, labels=[False, True], target_names=_LABELS, output_dict=True, zero_division=0
    )
    return pd.DataFrame(figures).T.rename_axis("label")


def _at_threshold_per_record(beats: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, ThresholdFigures]]:
    for record, group in beats.groupby("record", sort=False):
        yield str(record), group, _at_threshold(group)


def _at_threshold(beats: pd.DataFrame) -> ThresholdFigures:
    classes, flagged = beats["aami_class"].to_numpy(), beats["flagged"].to_numpy(dtype=bool)
    return threshold_figures(classes, flagged, recorded_hours(beats))


def _named(beats: pd.DataFrame) -> dict[str, Shares]:
    """Sensitivity and positive predictivity of each name, all beats pooled."""
    classes, called = beats["aami_class"].to_numpy(), beats["called"].to_numpy()
    figures: dict[str, Shares] = {}
    for name, wrong in _WRONGLY_CALLED.items():
        its = called == name
        right = int((its & (classes == name)).sum())
        figures[name] = {
            "sensitivity": ratio(right, int((classes == name).sum())),
            "positive_predictivity": ratio(right, right + int((its & np.isin(classes, wrong)).sum())),
        }
    return figures


def _auc(anomalous: np.ndarray | pd.Series, scores: np.ndarray | pd.Series) -> Figure:
    return float(roc_auc_score(anomalous, scores)) if anomalous.any() and not anomalous.all() else None


def _average_precision(anomalous: np.ndarray | pd.Series, scores: np.ndarray | pd.Series) -> Figure:
    return float(average_precision_score(anomalous, scores)) if anomalous.any() else None


def sensitivity_at(rate: float, classes: np.ndarray, scores: np.ndarray) -> PerClass:
    """Share of each class above the lowest threshold that keeps the false-positive rate; see `ranking_figures`."""
    anomalous = classes != NORMAL_CLASS
    if anomalous.all() or not anomalous.any():
        return dict.fromkeys(_EVERY)
    false_positive_rates, _, thresholds = roc_curve(anomalous, scores, drop_intermediate=False)
    threshold = thresholds[np.searchsorted(false_positive_rates, rate, side="right") - 1]
    return _sensitivity(classes, scores >= threshold)


def sensitivity_at_alarms(per_hour: float, classes: np.ndarray, scores: np.ndarray, hours: float) -> PerClass:
    """Share of each class above all normal beats but those that may raise so many false alarms per hour.

    Classes and scores as for `sensitivity_at`; ``hours`` of recording.
    """
    normal = np.sort(scores[classes == NORMAL_CLASS])[::-1]
    if not len(normal) or not hours > 0:
        return dict.fromkeys(_EVERY)
    return _sensitivity(classes, scores > normal[min(int(per_hour * hours), len(normal) - 1)])


def _alarms_at_sensitivity(of_class: np.ndarray, normal: np.ndarray, hours: float) -> Figure:
    """Count the normal beats per hour above the score that all but 5 % of a class reach."""
    if not len(of_class) or not len(normal):
        return None
    return ratio(int((normal > np.quantile(of_class, 1 - SENSITIVITY_V)).sum()), hours)


def _sensitivity(classes: np.ndarray, flagged: np.ndarray) -> PerClass:
    shares = {name: _share(flagged[classes == name]) for name in ANOMALOUS_CLASSES}
    return {**shares, "all": _share(flagged[classes != NORMAL_CLASS])}


def ratio(part: float, whole: float) -> Figure:
    """Divide, where there is something to divide by."""
    return part / whole if whole else None


def _mean(values: Iterable[Figure]) -> Figure:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _share(flags: np.ndarray) -> Figure:
    return float(flags.mean()) if len(flags) else None
