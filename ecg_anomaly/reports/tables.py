"""The tables of ``report.html``, as text."""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ecg_anomaly.beats.labelled import NORMAL_CLASS
from ecg_anomaly.detector.measures import surprise_column
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.evaluation.metrics import ANOMALOUS_CLASSES, class_counts
from ecg_anomaly.evaluation.noise_stress import CLEAN, pooled
from ecg_anomaly.records.splits import SPLITS
from ecg_anomaly.reports import pages, styles
from ecg_anomaly.words import UNDEFINED, clock, count_text, interval, is_number, number, ordinal, percent, score_text

HIGHEST_SCORES = 50
WORST_RECORDS = 5  # in which the QRS detector finds the fewest beats

# Figures of metrics.json by their titles: where they stand, and how they are written.
_Figures = Mapping[Any, tuple[tuple[str, ...], Callable[[Any], str]]]
_CLASSES_AND_ALL = (*ANOMALOUS_CLASSES, "all")
_RANKING: _Figures = {
    "AUC": (("auc",), number),
    "average precision": (("average_precision",), number),
    "mean AUC per record": (("per_record_auc_mean", "mean"), number),
}
_SENSITIVITIES: _Figures = {f"sensitivity {key}": (("sensitivity", key), percent) for key in _CLASSES_AND_ALL}
_AT_THRESHOLD: _Figures = {
    "false-positive rate": (("false_positive_rate",), percent),
    "false alarms per hour": (("false_alarms_per_hour",), score_text),
    **_SENSITIVITIES,
}
_PRECISION: _Figures = {"precision": (("precision",), percent), "F1": (("f1",), number)}
_AVERAGES: _Figures = {
    **{
        (name.replace("_", " "), "all anomalous" if key == "all" else styles.class_name(key)): ((name, key), percent)
        for name in ("sensitivity", "positive_predictivity")
        for key in _CLASSES_AND_ALL
    },
    ("false-positive rate", styles.class_name(NORMAL_CLASS)): (("false_positive_rate",), percent),
}
_QRS_SHARES = {"QRS sensitivity": "sensitivity", "QRS positive predictivity": "positive_predictivity"}
_QRS_BEATS = ("annotated", "detected", "missed", "extra")
_DETECTION: _Figures = {
    **{title: ((key,), functools.partial(percent, decimals=2)) for title, key in _QRS_SHARES.items()},
    **{key: ((key,), "{:,}".format) for key in _QRS_BEATS},
}
_NOISE: _Figures = {
    "false alarms per hour": (("false_alarms_per_hour",), score_text),
    **{f"sensitivity {key}": ((f"sensitivity_{key}",), percent) for key in ("S", "V")},
    "sensitivity all": (("sensitivity",), percent),
    **{title: ((f"qrs_{key}",), percent) for title, key in _QRS_SHARES.items()},
    "unreadable": (("unreadable_share",), percent),
}
_THRESHOLDS = {  # in words, by method; what stands in braces is in threshold.json
    "adaptive": "median of the patient's last {recent_beats} scores + {threshold} (mean over {patients} of the "
    "{percentile} percentile of how far normal beats lie above that median)",
    "percentile": "{threshold}, the {percentile} percentile of {normal_beats} of {patients}",
    "mean_std": "{threshold}, the mean and {standard_deviations} standard deviations of {normal_beats} of {patients}",
    "false_alarms_per_hour": "{threshold}, above which normal beats of {patients} raise {false_alarms_per_hour} false "
    "alarms per hour",
    "best_f1": "{threshold}, which gives the best F1 on the labelled beats of {patients}",
}


def main_figures(metrics: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Collect the figures that open the page, each beside the baselines'.

    ``baselines`` are those of `Results.baselines_compared`. Each figure has ``name``, ``value``, ``interval`` (95 %,
    empty where it is unknown), ``note``, ``others`` (pairs of a baseline's name and its value) and ``condition`` (under
    which these compare).
    """
    at_threshold, intervals = "at the threshold", metrics["confidence_intervals"]
    at_random = f"at random {percent(metrics['prevalence'])}, the prevalence"
    alarms = f"{at_threshold}; false alarms per hour: {score_text(metrics['false_alarms_per_hour'])}"
    same_rate, same_sensitivity = "at the same false-positive rate", "at the same sensitivity to all"
    rows: list[tuple[str, tuple[str, ...], Callable[[Any], str], str, str]] = [
        ("AUC", ("auc",), number, "at random 0.500", ""),
        ("average precision", ("average_precision",), number, at_random, ""),
        *(
            (f"sensitivity to {styles.class_name(name)}", ("sensitivity", name), percent, at_threshold, same_rate)
            for name in ANOMALOUS_CLASSES
        ),
        ("false-positive rate", ("false_positive_rate",), percent, alarms, same_sensitivity),
    ]
    return [
        {
            "name": name,
            "value": form(_at(metrics, keys)),
            "interval": "" if keys[1:] else interval(intervals[keys[0]], form),
            "note": note,
            "others": [(styles.detector_name(key), form(_at(its, keys))) for key, its in baselines.items()],
            "condition": condition,
        }
        for name, keys, form, note, condition in rows
    ]


def detector_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate how well the score, its components, the sum without each, and the baselines rank beats."""
    detectors: dict[str, Mapping[str, Any]] = {styles.SCORE: metrics}
    for name, its in metrics["components"].items():
        detectors[f"{styles.detector_name(name)} surprise alone"] = its
        if its["without"]:
            detectors[f"{styles.SCORE} without {styles.detector_name(name)}"] = its["without"]
    detectors |= {f"baseline: {styles.detector_name(name)}": its for name, its in metrics["baselines"].items()}
    return _table(detectors, _RANKING)


def threshold_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate what the threshold reaches, and between what it lies for other patients."""
    table = _table({"figure": metrics}, {**_AT_THRESHOLD, **_PRECISION})
    known = {"false-positive rate": "false_positive_rate", "sensitivity all": "sensitivity"}
    between = {title: interval(metrics["confidence_intervals"][name], percent) for title, name in known.items()}
    if any(between.values()):
        table.loc["95 % interval"] = pd.Series(between).reindex(table.columns, fill_value="")
    return table


def average_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate figures per class: gross ones pool all beats, average ones are the mean over the records."""
    return _table({"gross": metrics, "average": metrics["average_over_records"]}, _AVERAGES).T


def without_record_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate the figures of all test records beside those without one of them; no row where none is left out."""
    without = {f"without {name}": its for name, its in metrics["without_record"].items()}
    rows = {"all records": metrics, **without} if without else {}
    return _table(rows, {**_RANKING, **_AT_THRESHOLD})


def fixed_rate_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate the sensitivities that the score and the baselines reach at given false-positive rates."""
    detectors = {styles.SCORE: metrics}
    detectors |= {styles.detector_name(name): its for name, its in metrics["baselines"].items()}
    rows = {
        (f"{float(rate):.0%}", name): {"sensitivity": its["sensitivity_at_fpr"][rate]}
        for rate in metrics["sensitivity_at_fpr"]
        for name, its in detectors.items()
    }
    return _table(rows, _SENSITIVITIES)


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


def highest_scores(scores: pd.DataFrame, components: Sequence[str], count: int = HIGHEST_SCORES) -> pd.DataFrame:
    """Tabulate the beats of ``scores.csv`` with the highest scores, as text, the highest first.

    ``components`` are the questions that the anomaly score adds up.
    """
    surprises = [surprise_column(name) for name in components]
    top = scores.sort_values("anomaly_score", ascending=False, kind="stable").head(count)
    largest = top[surprises].astype(float).set_axis(list(components), axis="columns").idxmax(axis="columns")
    columns: pages.Columns = {
        "record": ("record", str),
        "time": ("time_s", clock),
        "symbol": ("symbol", str),
        "class": ("aami_class", str),
        **pages.SCORE_AND_THRESHOLD,
        "flagged": ("flagged", {True: "yes", False: "no"}.get),
        "largest surprise": ("largest", styles.question),
        **{name.replace("_", " "): (name, score_text) for name in surprises},
        **pages.RR_INTERVALS,
    }
    return pages.as_text(top.assign(largest=largest), columns)


def detection_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate how well the QRS detector finds beats; no row where test beats are the annotated ones."""
    found = metrics.get("detection")
    return _table({"gross": found, "average": found["average_over_records"]} if found else {}, _DETECTION)


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
    return _table(rows, _NOISE)


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
        ("anomaly score", " + ".join(f"{name} surprise" for name in config["scoring"]["components"])),
        ("threshold", threshold_words(threshold)),
    ]


def threshold_words(threshold: FittedThreshold) -> str:
    """Say in words how the threshold was set."""
    values = {name: f"{value:g}" for name, value in threshold.to_json().items() if is_number(value)}
    values["threshold"] = score_text(threshold.threshold)
    values["patients"] = count_text(threshold.patients, "validation patient")
    values["normal_beats"] = count_text(threshold.normal_beats, "normal beat")
    if threshold.percentile is not None:
        values["percentile"] = ordinal(threshold.percentile)
    return f"{threshold.method.replace('_', ' ')}: {_THRESHOLDS[threshold.method].format(**values)}"


def settings_table(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the settings that shaped the scores as ``section.key`` and value."""
    flat = pd.json_normalize({name: manifest["config"][name] for name in manifest["shaped_by"]}).to_dict("records")[0]
    return [(str(key), value if isinstance(value, str) else json.dumps(value)) for key, value in flat.items()]


def per_record_table(per_record: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the figures of each record."""
    titles = {"auc": "AUC", "average_precision": "average precision"}
    table = pd.DataFrame({"record": per_record["record"].astype(str)})
    for name, values in per_record.drop(columns="record").items():
        count: Callable[[Any], str] = "{:,}".format if pd.api.types.is_integer_dtype(values) else number
        form = percent if str(name).startswith(("sensitivity", "false_positive", "qrs_")) else count
        table[titles.get(str(name), str(name).replace("_", " "))] = values.map(form)
    return table


def classification_table(report: pd.DataFrame) -> pd.DataFrame:
    """Tabulate ``classification_report.csv``."""
    table = report.map(number)
    table["support"] = report["support"].map("{:,.0f}".format)
    if "accuracy" in report.index:  # scikit-learn repeats the one number in every column
        table.loc["accuracy", table.columns != "f1-score"] = ""
    return table


def _table(rows: Mapping[Any, Mapping[Any, Any]], figures: _Figures) -> pd.DataFrame:
    """Write the same figures of each row; where a row has none of that name, nothing."""
    texts = {
        name: {title: form(_at(its, keys)) if keys[0] in its else "" for title, (keys, form) in figures.items()}
        for name, its in rows.items()
    }
    return pd.DataFrame.from_dict(texts, orient="index")


def _at(values: Any, keys: Sequence[str]) -> Any:
    return functools.reduce(operator.getitem, keys, values)
