"""The tables of ``report.html``, as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import NORMAL_CLASS
from ecg_anomaly.detector.measures import MEASURES, component_values
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.evaluation.metrics import ANOMALOUS_CLASSES, class_counts
from ecg_anomaly.evaluation.noise_stress import CLEAN, pooled
from ecg_anomaly.evaluation.summary import Figures, component_name, figure_at, text_table, threshold_words
from ecg_anomaly.records.splits import SPLITS
from ecg_anomaly.reports import pages, styles
from ecg_anomaly.words import UNDEFINED, baseline_name, clock, interval, listed, number, percent, score_text

HIGHEST_SCORES = 50
WORST_RECORDS = 5  # in which the QRS detector finds the fewest beats
MOST_RECORDS = 100  # that are listed

_CLASSES_AND_ALL = (*ANOMALOUS_CLASSES, "all")
_AVERAGES: Figures = {
    **{
        (name.replace("_", " "), "all anomalous" if key == "all" else styles.class_name(key)): ((name, key), percent)
        for name in ("sensitivity", "positive_predictivity")
        for key in _CLASSES_AND_ALL
    },
    ("false-positive rate", styles.class_name(NORMAL_CLASS)): (("false_positive_rate",), percent),
}
_QRS_SHARES = {"QRS sensitivity": "sensitivity", "QRS positive predictivity": "positive_predictivity"}
_QRS_BEATS = ("annotated", "detected", "missed", "extra")
_NOISE: Figures = {
    "false alarms per hour": (("false_alarms_per_hour",), score_text),
    **{f"sensitivity {key}": ((f"sensitivity_{key}",), percent) for key in ("S", "V")},
    "sensitivity all": (("sensitivity",), percent),
    **{title: ((f"qrs_{key}",), percent) for title, key in _QRS_SHARES.items()},
    "unreadable": (("unreadable_share",), percent),
}


def main_figures(metrics: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Collect the figures that open the page, each beside the baselines'.

    ``baselines`` are those of `Results.baselines_compared`. Each figure has ``name``, ``value``, ``interval`` (95 %,
    empty where it is unknown), ``note``, ``others`` (pairs of a baseline's name and its value) and ``condition`` (under
    which these compare).
    """
    at_threshold, intervals = "at the threshold", metrics["confidence_intervals"]
    at_random = f"at random {percent(metrics['prevalence'])}, the prevalence"
    same_alarms, same_sensitivity = "at the same false alarms per hour", "at the same sensitivity to all"
    rows: list[tuple[str, tuple[str, ...], Callable[[Any], str], str, str]] = [
        ("false alarms per hour", ("false_alarms_per_hour",), score_text, at_threshold, same_sensitivity),
        ("precision", ("precision",), percent, at_threshold, same_sensitivity),
        ("AUC", ("auc",), number, "at random 0.500", ""),
        ("average precision", ("average_precision",), number, at_random, ""),
        *(
            (f"sensitivity to {styles.class_name(name)}", ("sensitivity", name), percent, at_threshold, same_alarms)
            for name in ("V", "S")
        ),
    ]
    return [
        {
            "name": name,
            "value": form(figure_at(metrics, keys)),
            "interval": "" if keys[1:] else interval(intervals[keys[0]], form),
            "note": note,
            "others": [(baseline_name(key), form(figure_at(its, keys))) for key, its in baselines.items()],
            "condition": condition,
        }
        for name, keys, form, note, condition in rows
    ]


def average_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate figures per class: gross ones pool all beats, average ones are the mean over the records."""
    return text_table({"gross": metrics, "average": metrics["average_over_records"]}, _AVERAGES).T


def beats_table(beats: pd.DataFrame) -> pd.DataFrame:
    """Count records, and beats of each class, per split."""
    rows = {}
    for split in SPLITS:
        chosen = beats[beats["split"] == split]
        counts = class_counts(chosen["aami_class"].to_numpy())
        row = {"records": f"{chosen['record'].nunique():,}", "beats": f"{len(chosen):,}"}
        row |= {styles.class_name(name): f"{count:,}" for name, count in counts.items()}
        row["anomalous"] = percent(1 - counts[NORMAL_CLASS] / len(chosen)) if len(chosen) else UNDEFINED
        rows[split] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def highest_rows(scores: pd.DataFrame, count: int = HIGHEST_SCORES) -> np.ndarray:
    """Find the beats with the highest anomaly scores, the highest first: their rows, shape ``(count,)``."""
    return np.argsort(-scores["anomaly_score"].to_numpy(dtype=float), kind="stable")[:count]


def highest_scores(top: pd.DataFrame, components: Sequence[str]) -> pd.DataFrame:
    """Tabulate beats, those of `highest_rows` with all columns of ``scores.csv``, as text.

    ``components`` are the parts of the anomaly score.
    """
    parts = pd.DataFrame(component_values(top), index=top.index)
    largest = parts[list(MEASURES)].idxmax(axis="columns")
    columns: pages.Columns = {
        "record": ("record", str),
        "time": ("time_s", clock),
        "symbol": ("symbol", str),
        "class": ("aami_class", str),
        **pages.SCORE_AND_THRESHOLD,
        "flagged": ("flagged", {True: "yes", False: "no"}.get),
        "called": ("called", str),
        "most unusual": ("largest", styles.question),
        **{component_name(name): (name, score_text) for name in components},
        **pages.RR_INTERVALS,
    }
    return pages.as_text(top.join(parts).assign(largest=largest), columns)


def worst_detected(per_record: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the records with the most missed and extra beats; no row where there are none."""
    if "missed" not in per_record.columns:
        return pd.DataFrame()
    wrong = per_record.assign(wrong=per_record["missed"] + per_record["extra"])
    worst = wrong[wrong["wrong"] > 0].sort_values("wrong", ascending=False, kind="stable").head(WORST_RECORDS)
    shares: pages.Columns = {
        title: (f"qrs_{key}", lambda share: percent(share, 2)) for title, key in _QRS_SHARES.items()
    }
    counts: pages.Columns = {name: (name, "{:,}".format) for name in _QRS_BEATS}
    return pages.as_text(worst, {"record": ("record", str), **shares, **counts})


def noise_table(noise: pd.DataFrame) -> pd.DataFrame:
    """Tabulate what is found at each strength of each kind of noise, all records of ``noise.csv`` pooled."""
    rows = {
        "none" if its["noise"] == CLEAN else f"{styles.NOISE_NAMES[its['noise']]}, {its['snr_db']:g} dB": its
        for its in pooled(noise).to_dict("records")
    }
    return text_table(rows, _NOISE)


def main_settings(manifest: Mapping[str, Any], threshold: FittedThreshold) -> list[tuple[str, str]]:
    """Say in words what a reader wants to know first of the settings."""
    config = manifest["config"]
    beat, model, records = config["beat"], config["model"], config["records"]
    window = f"{beat['window_before_s']:g} s before to {beat['window_after_s']:g} s after the fiducial point"
    return [
        ("protocol", config["split"]["protocol"].replace("_", " ")),
        ("window", f"{window}, {beat['sampling_rate_hz']} Hz, {beat['low_cut_hz']:g} to {beat['high_cut_hz']:g} Hz"),
        ("leads", f"{records['lead_count']}, of {', '.join(records['leads'])}, then as in the header"),
        ("scaling", beat["scaling"].replace("_", " ")),
        ("network", f"{model['architecture'].replace('_', ' ')} autoencoder, {model['latent_size']} latent numbers"),
        ("anomaly score", " + ".join(map(component_name, config["scoring"]["components"]))),
        ("threshold", threshold_words(threshold)),
    ]


def settings_table(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the settings that shaped the scores as ``section.key`` and value."""
    flat = pd.json_normalize({name: manifest["config"][name] for name in manifest["shaped_by"]}).to_dict("records")[0]
    return [(str(key), _setting_text(value)) for key, value in flat.items()]


def _setting_text(value: Any) -> str:
    if isinstance(value, list) and len(value) > MOST_RECORDS:
        return listed(value, MOST_RECORDS)
    return value if isinstance(value, str) else json.dumps(value)


def per_record_table(per_record: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the figures of each record; of a great many, those with the lowest AUC."""
    per_record = per_record.loc[per_record["auc"].sort_values(kind="stable").index[:MOST_RECORDS].sort_values()]
    titles = {"auc": "AUC", "average_precision": "average precision"}
    table = pd.DataFrame({"record": per_record["record"].astype(str)})
    for name, values in per_record.drop(columns="record").items():
        count: Callable[[Any], str] = "{:,}".format if pd.api.types.is_integer_dtype(values) else number
        form = percent if str(name).startswith(("sensitivity", "precision", "false_positive", "qrs_")) else count
        table[titles.get(str(name), str(name).replace("_", " "))] = values.map(form)
    return table


def classification_table(report: pd.DataFrame) -> pd.DataFrame:
    """Tabulate ``classification_report.csv``."""
    table = report.map(number)
    table["support"] = report["support"].map("{:,.0f}".format)
    if "accuracy" in report.index:  # scikit-learn repeats the one number in every column
        table.loc["accuracy", table.columns != "f1-score"] = ""
    return table
