"""How well scores and flags agree with the annotations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, classification_report, confusion_matrix, roc_auc_score, roc_curve

from ecg_anomaly.beats.labelled import CLASSES

ANOMALOUS_CLASSES = ("S", "V", "F")  # Q (paced and unclassifiable) is anomalous, but no class that detectors report
FALSE_POSITIVE_RATES = (0.01, 0.02, 0.05)
_FEWEST_ANOMALIES = 5  # a record with no more has no AUC worth an average
_LABELS = ["normal", "anomalous"]


def ranking_figures(classes: np.ndarray, scores: np.ndarray, records: np.ndarray) -> dict[str, Any]:
    """Figures that need no threshold.

    Parameters
    ----------
    classes
        Shape ``(beats,)``: AAMI classes.
    scores
        Shape ``(beats,)``: higher is more anomalous.
    records
        Shape ``(beats,)``: the record of each beat.

    Returns
    -------
    dict
        ``auc``, ``average_precision``, ``sensitivity_at_fpr`` (read off the ROC curve) and
        ``per_record_auc_mean`` with the number of records that have enough anomalous beats;
        ``None`` where a figure is undefined because only one kind of beat is there.
    """
    anomalous = classes != CLASSES[0]
    per_record = [
        float(roc_auc_score(anomalous[rows], scores[rows]))
        for rows in pd.Series(records).groupby(records, sort=False).indices.values()
        if anomalous[rows].sum() > _FEWEST_ANOMALIES and not anomalous[rows].all()
    ]
    return {
        "auc": _auc(anomalous, scores),
        "average_precision": float(average_precision_score(anomalous, scores)) if anomalous.any() else None,
        "sensitivity_at_fpr": {str(rate): sensitivity_at(rate, classes, scores) for rate in FALSE_POSITIVE_RATES},
        "per_record_auc_mean": {
            "mean": float(np.mean(per_record)) if per_record else None,
            "records": len(per_record),
        },
    }


def threshold_figures(classes: np.ndarray, flagged: np.ndarray) -> dict[str, Any]:
    """Figures at a threshold.

    Parameters
    ----------
    classes
        Shape ``(beats,)``: AAMI classes.
    flagged
        Shape ``(beats,)``, bool.

    Returns
    -------
    dict
        ``false_positive_rate``, ``sensitivity`` and ``positive_predictivity`` per class and of ``all`` anomalous
        beats, ``precision`` (the same as the latter), ``f1``;
        ``None`` where a figure is undefined.
    """
    anomalous = classes != CLASSES[0]
    true_positives = int((flagged & anomalous).sum())
    wrong = int((flagged != anomalous).sum())
    return {
        "false_positive_rate": _share(flagged[~anomalous]),
        "sensitivity": _per_class(classes, flagged),
        "positive_predictivity": _positive_predictivity(classes, flagged),
        "precision": _share(anomalous[flagged]),
        "f1": 2 * true_positives / (2 * true_positives + wrong) if true_positives + wrong else None,
    }


def average_over_records(beats: pd.DataFrame) -> dict[str, Any]:
    """Average each record's figures, as AAMI EC57 does beside the gross figures, which pool all beats.

    Parameters
    ----------
    beats
        The columns ``record``, ``aami_class`` and ``flagged``.

    Returns
    -------
    dict
        ``false_positive_rate``, and ``sensitivity`` and ``positive_predictivity`` per class; each the mean over
        the records in which it is defined.
    """
    figures = [
        threshold_figures(group["aami_class"].to_numpy(), group["flagged"].to_numpy(dtype=bool))
        for _, group in beats.groupby("record", sort=False)
    ]
    per_class = {
        name: {key: _mean([figure[name][key] for figure in figures]) for key in (*ANOMALOUS_CLASSES, "all")}
        for name in ("sensitivity", "positive_predictivity")
    }
    return {"false_positive_rate": _mean([figure["false_positive_rate"] for figure in figures]), **per_class}


def class_counts(classes: np.ndarray) -> dict[str, int]:
    """Beats per AAMI class."""
    return {name: int((classes == name).sum()) for name in CLASSES}


def per_record(beats: pd.DataFrame) -> pd.DataFrame:
    """Figures of each record.

    Parameters
    ----------
    beats
        The columns ``record``, ``aami_class``, ``anomalous``, ``anomaly_score`` and ``flagged``.

    Returns
    -------
    DataFrame
        One row per record; empty where a figure is undefined because the record has only one kind of beat.
    """
    rows = []
    for record, group in beats.groupby("record", sort=False):
        anomalous, scores = group["anomalous"].to_numpy(dtype=bool), group["anomaly_score"].to_numpy()
        figures = threshold_figures(group["aami_class"].to_numpy(), group["flagged"].to_numpy(dtype=bool))
        rows.append(
            {
                "record": record,
                "beats": len(group),
                "anomalous": int(anomalous.sum()),
                "flagged": int(group["flagged"].sum()),
                "auc": _auc(anomalous, scores),
                "average_precision": float(average_precision_score(anomalous, scores)) if anomalous.any() else None,
                "false_positive_rate": figures["false_positive_rate"],
                **{f"sensitivity_{name}": figures["sensitivity"][name] for name in ANOMALOUS_CLASSES},
                "sensitivity": figures["sensitivity"]["all"],
            }
        )
    return pd.DataFrame(rows)


def detection_per_record(counts: pd.DataFrame) -> pd.DataFrame:
    """Say how well the QRS detector finds the beats of each record.

    Parameters
    ----------
    counts
        One row per record: ``record``, and the beats that are ``annotated``, ``detected`` and ``matched`` (both).

    Returns
    -------
    DataFrame
        ``record, annotated, detected, missed, extra, qrs_sensitivity, qrs_positive_predictivity``; NaN where a share
        is undefined.
    """
    annotated, detected, matched = (counts[name] for name in ("annotated", "detected", "matched"))
    return pd.DataFrame(
        {
            "record": counts["record"],
            "annotated": annotated,
            "detected": detected,
            "missed": annotated - matched,
            "extra": detected - matched,
            "qrs_sensitivity": matched / annotated.where(annotated > 0),
            "qrs_positive_predictivity": matched / detected.where(detected > 0),
        }
    )


def detection_figures(counts: pd.DataFrame) -> dict[str, Any]:
    """Say how well the QRS detector finds beats: gross (all records pooled) and on average, as AAMI EC57 does.

    Parameters
    ----------
    counts
        As for `detection_per_record`.

    Returns
    -------
    dict
        ``annotated, detected, missed, extra`` (beats), ``sensitivity``, ``positive_predictivity``, and both as
        ``average_over_records``; ``None`` where a share is undefined.
    """
    records = detection_per_record(counts)
    pooled = detection_per_record(counts.drop(columns="record").sum().to_frame().T.assign(record=""))
    names = {"sensitivity": "qrs_sensitivity", "positive_predictivity": "qrs_positive_predictivity"}
    return {
        **{name: int(records[name].sum()) for name in ("annotated", "detected", "missed", "extra")},
        **{name: _mean(pooled[column].dropna().tolist()) for name, column in names.items()},
        "average_over_records": {name: _mean(records[column].dropna().tolist()) for name, column in names.items()},
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


def _auc(anomalous: np.ndarray, scores: np.ndarray) -> float | None:
    if anomalous.all() or not anomalous.any():
        return None
    return float(roc_auc_score(anomalous, scores))


def sensitivity_at(rate: float, classes: np.ndarray, scores: np.ndarray) -> dict[str, float | None]:
    """Share of each class above the lowest threshold that keeps the false-positive rate; see `ranking_figures`."""
    anomalous = classes != CLASSES[0]
    if anomalous.all() or not anomalous.any():
        return dict.fromkeys((*ANOMALOUS_CLASSES, "all"))
    false_positive_rates, _, thresholds = roc_curve(anomalous, scores, drop_intermediate=False)
    threshold = thresholds[np.searchsorted(false_positive_rates, rate, side="right") - 1]
    return _per_class(classes, scores >= threshold)


def _per_class(classes: np.ndarray, flagged: np.ndarray) -> dict[str, float | None]:
    shares = {name: _share(flagged[classes == name]) for name in ANOMALOUS_CLASSES}
    return {**shares, "all": _share(flagged[classes != CLASSES[0]])}


def _positive_predictivity(classes: np.ndarray, flagged: np.ndarray) -> dict[str, float | None]:
    """Share of a class among the flagged beats of that class and the falsely flagged ones.

    The detector says that a beat is anomalous, not of which class, so that flagged beats of the other
    anomalous classes count neither for nor against a class.
    """
    normal = classes == CLASSES[0]
    shares = {name: _share(~normal[flagged & ((classes == name) | normal)]) for name in ANOMALOUS_CLASSES}
    return {**shares, "all": _share(~normal[flagged])}


def _mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _share(flags: np.ndarray) -> float | None:
    return float(flags.mean()) if len(flags) else None
