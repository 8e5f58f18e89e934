"""How well scores and flags agree with the annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, classification_report, confusion_matrix, roc_auc_score, roc_curve

from ecg_anomaly.beats.labelled import CLASSES, NORMAL_CLASS
from ecg_anomaly.handover.scores import DetectionFigures, Figure, PerClass, RankingFigures, Rates, ThresholdFigures

ANOMALOUS_CLASSES = ("S", "V", "F")  # Q (paced and unclassifiable) is anomalous, but no class that detectors report
_EVERY = (*ANOMALOUS_CLASSES, "all")
FALSE_POSITIVE_RATES = (0.01, 0.02, 0.05)
_FEWEST_ANOMALIES = 5  # a record with no more has no AUC worth an average
_LABELS = ["normal", "anomalous"]


def ranking_figures(classes: np.ndarray, scores: np.ndarray, records: np.ndarray) -> RankingFigures:
    """Figures that need no threshold; those at a false-positive rate are read off the ROC curve.

    Classes (AAMI), scores (higher is more anomalous) and records have the shape ``(beats,)``.
    """
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
        "per_record_auc_mean": {"mean": _mean(per_record), "records": len(per_record)},
    }


def threshold_figures(classes: np.ndarray, flagged: np.ndarray) -> ThresholdFigures:
    """Figures at a threshold, from AAMI classes and flags of shape ``(beats,)``."""
    normal = classes == NORMAL_CLASS
    true_positives, wrong = int((flagged & ~normal).sum()), int((flagged == normal).sum())
    # The detector says that a beat is anomalous, not of which class, so that flagged beats of the other
    # anomalous classes count neither for nor against the positive predictivity of a class.
    predictivity = {name: _share(~normal[flagged & ((classes == name) | normal)]) for name in ANOMALOUS_CLASSES}
    precision = _share(~normal[flagged])
    return {
        "false_positive_rate": _share(flagged[normal]),
        "sensitivity": _sensitivity(classes, flagged),
        "positive_predictivity": {**predictivity, "all": precision},
        "precision": precision,
        "f1": ratio(2 * true_positives, 2 * true_positives + wrong),
    }


def average_over_records(beats: pd.DataFrame) -> Rates:
    """Average each record's figures over the records that define it, as AAMI EC57 does beside the gross figures.

    The beats have the columns ``record``, ``aami_class`` and ``flagged``.
    """
    figures = [its for _, _, its in _at_threshold_per_record(beats)]
    return {
        "false_positive_rate": _mean(its["false_positive_rate"] for its in figures),
        "sensitivity": {name: _mean(its["sensitivity"][name] for its in figures) for name in _EVERY},
        "positive_predictivity": {
            name: _mean(its["positive_predictivity"][name] for its in figures) for name in _EVERY
        },
    }


def class_counts(classes: np.ndarray) -> dict[str, int]:
    """Beats per AAMI class."""
    return {name: int((classes == name).sum()) for name in CLASSES}


def per_record(beats: pd.DataFrame) -> pd.DataFrame:
    """Give the figures of each record, a row each; empty where they are undefined, as with only one kind of beat.

    The beats have the columns ``record``, ``aami_class``, ``anomalous``, ``anomaly_score`` and ``flagged``.
    """
    return pd.DataFrame(
        {
            "record": record,
            "beats": len(group),
            "anomalous": int(group["anomalous"].sum()),
            "flagged": int(group["flagged"].sum()),
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
        classes, flagged = group["aami_class"].to_numpy(), group["flagged"].to_numpy(dtype=bool)
        yield str(record), group, threshold_figures(classes, flagged)


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
