"""The figures of a run in words and tables of text, for the terminal and the report alike."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.evaluation.metrics import FALSE_ALARMS_PER_HOUR, MOST_IN_QUIET_RECORD, SENSITIVITY_V
from ecg_anomaly.evaluation.noise_stress import FIGURES, pooled
from ecg_anomaly.handover.scores import Evaluation, Metrics, RankingFigures, RunFigures
from ecg_anomaly.words import baseline_name, count_text, interval, number, ordinal, percent, score_text

# Figures of metrics.json by their titles: where they stand, and how they are written.
Figures = Mapping[Any, tuple[tuple[str, ...], Callable[[Any], str]]]
_AT_THRESHOLD: Figures = {
    "false alarms per hour": (("false_alarms_per_hour",), score_text),
    "precision": (("precision",), percent),
    **{f"sensitivity {key}": (("sensitivity", key), percent) for key in ("V", "S", "F", "all")},
    "false-positive rate": (("false_positive_rate",), percent),
    "F1": (("f1",), number),
}
_RANKING: Figures = {
    "AUC": (("auc",), number),
    "AP": (("average_precision",), number),
    "AUC per record": (("per_record_auc_mean", "mean"), number),
    **{
        f"{key} at {rate}/h": (("sensitivity_at_false_alarms_per_hour", str(rate), key), percent)
        for key in ("V", "S")
        for rate in FALSE_ALARMS_PER_HOUR
    },
    f"per hour at V {100 * SENSITIVITY_V:g} %": (
        ("false_alarms_per_hour_at_sensitivity_V", str(SENSITIVITY_V)),
        score_text,
    ),
}
_NAMED: Figures = {
    f"{name} {title}": ((name, key), percent)
    for name in ("V", "S")
    for title, key in (("sensitivity", "sensitivity"), ("positive predictivity", "positive_predictivity"))
}
_DETECTION: Figures = {
    **{
        f"QRS {title}": ((key,), functools.partial(percent, decimals=2))
        for title, key in (("sensitivity", "sensitivity"), ("positive predictivity", "positive_predictivity"))
    },
    **{key: ((key,), "{:,}".format) for key in ("annotated", "detected", "missed", "extra")},
}
_INTERVALS = {  # of the columns of `threshold_table`
    "false alarms per hour": ("false_alarms_per_hour", score_text),
    "precision": ("precision", percent),
    "sensitivity all": ("sensitivity", percent),
    "false-positive rate": ("false_positive_rate", percent),
}
_LEFT_OUT = "left out of training"  # patients, or under random_beats beats, from which the threshold is set
_THRESHOLDS = {  # in words, by method; what stands in braces is in threshold.json
    "percentile": "{threshold}, the {percentile} percentile of {normal_beats} of {patients}",
    "false_alarms_per_hour": "{threshold}, above which {normal_beats} of {patients} raise {false_alarms_per_hour} "
    "false alarms per hour",
}

# How unusual a beat is by each question; any other component has the name of its key.
_COMPONENTS = {"reconstruction": "unusual shape", "patient": "unusual for the patient", "rhythm": "unusual rhythm"}


def headline(figures: RunFigures) -> str:
    """Say in one line what a user notices first, and how well the score ranks beats."""
    return (
        f"{score_text(figures['false_alarms_per_hour'])} false alarms per hour, "
        f"precision {percent(figures['precision'])}; "
        f"AUC {number(figures['auc'])}, AP {number(figures['average_precision'])}"
    )


def ranking_table(figures: Metrics) -> pd.DataFrame:
    """Tabulate how well the anomaly score ranks the test beats, those of patients left out, and without one record."""
    rows: dict[str, RankingFigures] = {"test records": figures}
    if figures["left_out"]["auc"] is not None:  # under random_beats only normal beats are left out
        rows[_LEFT_OUT] = figures["left_out"]
    return text_table(rows | _without_record(figures), _RANKING)


def threshold_table(figures: Metrics) -> pd.DataFrame:
    """Tabulate what the threshold reaches: on which beats, and between what it lies for other patients."""
    quiet = figures["quiet_records"]
    rows = {
        "test records": figures,
        "95 % interval": {},
        f"{count_text(quiet['records'], 'record')} with at most {MOST_IN_QUIET_RECORD} anomalous beats": quiet,
        _LEFT_OUT: figures["left_out"],
        **_without_record(figures),
    }
    table = text_table(rows, _AT_THRESHOLD)
    for title, (name, form) in _INTERVALS.items():
        table.loc["95 % interval", title] = interval(figures["confidence_intervals"][name], form)
    return table


def named_table(figures: RunFigures) -> pd.DataFrame:
    """Tabulate how well beats are called V and S: gross, and on average over the records."""
    named = figures["named"]
    return text_table({"gross": named, "average": named["average_over_records"]}, _NAMED)


def detector_table(figures: RunFigures) -> pd.DataFrame:
    """Tabulate how well the anomaly score, its components, the sum without each, and the baselines rank beats."""
    rows: dict[str, RankingFigures] = {"anomaly score": figures}
    for name, its in figures["components"].items():
        rows[f"{component_name(name)} alone"] = its
        if its["without"]:
            rows[f"anomaly score without {component_name(name)}"] = its["without"]
    rows |= {f"baseline: {baseline_name(name)}": its for name, its in figures["baselines"].items()}
    return text_table(rows, _RANKING)


def detection_table(figures: Metrics) -> pd.DataFrame:
    """Tabulate how well the QRS detector finds beats; no row where test beats are the annotated ones."""
    found = figures.get("detection")
    return text_table({"gross": found, "average": found["average_over_records"]} if found else {}, _DETECTION)


def component_name(key: str) -> str:
    """Name a component of the anomaly score, from its key in the files."""
    return _COMPONENTS.get(key, key)


def threshold_words(threshold: FittedThreshold) -> str:
    """Say in words how the threshold was set, and how steady its rate of false alarms is."""
    rates = {name: score_text(rate) for name, rate in threshold.rates_per_hour.items()}
    values = {
        "threshold": score_text(threshold.threshold),
        "patients": count_text(threshold.patients, "patient"),
        "normal_beats": count_text(threshold.normal_beats, "normal beat"),
        "false_alarms_per_hour": score_text(threshold.false_alarms_per_hour),
        "percentile": "" if threshold.percentile is None else ordinal(threshold.percentile),
    }
    return (
        f"{threshold.method.replace('_', ' ')}: {_THRESHOLDS[threshold.method].format(**values)}; over these patients "
        f"the rate has the 5th, 50th and 95th percentiles {rates['5']}, {rates['50']} and {rates['95']} per hour"
    )


def summary(found: Evaluation) -> str:
    """Say in words and tables what was found."""
    figures = found.metrics
    simulated, beats = "Simulated records. " if figures["simulated"] else "", sum(figures["beats"].values())
    parts = [f"{simulated}{count_text(beats, 'test beat')}: {headline(figures)}"]
    if "detection" in figures:
        parts.append(f"Beats found from the signal alone\n{detection_table(figures).to_string()}")
    parts += [
        f"How well the score ranks beats; sensitivity at so many false alarms an hour\n"
        f"{ranking_table(figures).to_string()}",
        f"Beats called V and S, counted as AAMI EC57 does\n{named_table(figures).to_string()}",
        f"At the threshold, {threshold_words(found.threshold)}\n{threshold_table(figures).to_string()}",
        f"The score, its components and the baselines\n{detector_table(figures).to_string()}",
        _rounded(found.confusion),
        _rounded(found.classification),
        f"per record\n{_rounded(found.per_record.set_index('record'))}",
    ]
    if found.noise is not None:
        gross = pooled(found.noise).set_index(["noise", "snr_db"])
        parts.append(f"with noise added\n{_rounded(gross[list(FIGURES)])}")
    return "\n\n".join(parts) + "\n"


def text_table(rows: Mapping[Any, Mapping[Any, Any]], figures: Figures) -> pd.DataFrame:
    """Write the same figures of each row; where a row has none of that name, nothing."""
    texts = {
        name: {title: form(figure_at(its, keys)) if keys[0] in its else "" for title, (keys, form) in figures.items()}
        for name, its in rows.items()
    }
    return pd.DataFrame.from_dict(texts, orient="index")


def figure_at(values: Any, keys: Sequence[str]) -> Any:
    """Find a figure where its keys lead."""
    return functools.reduce(operator.getitem, keys, values)


def _without_record(figures: RunFigures) -> dict[str, Any]:
    return {f"test records without {name}": its for name, its in figures["without_record"].items()}


def _rounded(table: pd.DataFrame) -> str:
    return table.round(3).to_string(na_rep="")
