"""The page ``report.html``: one file that works offline, made from what ``evaluate_model.py`` wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ecg_anomaly import report_figures, styles
from ecg_anomaly.beats import CLASSES
from ecg_anomaly.figure_data import Results
from ecg_anomaly.report_figures import Panel
from ecg_anomaly.splits import SPLITS

HIGHEST_SCORES = 50
UNDEFINED = "-"  # a figure that no beat defines: the sensitivity to a class without beats

_TEMPLATE = "report.html.jinja"
_THRESHOLD_WORDS = ("threshold", "method", "uses_labels")
_SURPRISE = "_surprise"
_SENSITIVITIES = ("S", "V", "F", "all")


def render(results: Results) -> str:
    """Make the page.

    Parameters
    ----------
    results
        What the page shows.

    Returns
    -------
    str
        HTML that fetches nothing: style, scripts and data are inside.
    """
    panels = report_figures.all_panels(results)
    examples = report_figures.example_panels(results.examples)
    return (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            simulated=styles.SIMULATED if results.simulated else "",
            made=results.manifest.get("made", ""),
            protocol=results.manifest["config"].get("split", {}).get("protocol", "patients"),
            threshold=results.threshold,
            tiles=main_figures(results.metrics, results.baselines_compared()),
            at_threshold=threshold_table(results.metrics),
            detectors=detector_table(results.metrics),
            at_rates=fixed_rate_table(results.metrics),
            beats=beats_table(results.beats),
            records_of={name: results.metrics.get("split", {}).get(name, []) for name in SPLITS},
            classification=_classification_table(results.classification),
            main_settings=main_settings(results.manifest, results.threshold),
            settings=settings_table(results.manifest),
            versions=results.manifest.get("versions", {}),
            panels=panels,
            examples=examples,
            highest=highest_scores(results.scores),
            per_record=_per_record_table(results.per_record),
            figures=_figures_json([*panels, *examples]),
            plotly=Markup(get_plotlyjs()),
        )
    )


def main_figures(metrics: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Collect the figures that open the page, each beside the baselines'.

    Parameters
    ----------
    metrics
        ``metrics.json``.
    baselines
        What `Results.baselines_compared` returns.

    Returns
    -------
    list of dict
        ``name``, ``value``, ``note``, ``others`` (pairs of a baseline's name and its value) and ``condition``
        (under which these compare).
    """
    at_random = f"at random {percent(metrics.get('prevalence'))}, the prevalence"
    wanted: list[tuple[str, tuple[str, ...], Callable[[Any], str], str, str]] = [
        ("AUC", ("auc",), number, "at random 0.500", ""),
        ("average precision", ("average_precision",), number, at_random, ""),
    ]
    for aami_class in ("S", "V", "F"):
        name = f"sensitivity to {styles.class_name(aami_class)}"
        keys = ("sensitivity", aami_class)
        wanted.append((name, keys, percent, "at the threshold", "at the same false-positive rate"))
    rate = ("false_positive_rate",)
    wanted.append(("false-positive rate", rate, percent, "at the threshold", "at the same sensitivity to all"))
    return [
        {
            "name": name,
            "value": form(_look_up(metrics, *keys)),
            "note": note,
            "others": [(styles.detector_name(key), form(_look_up(its, *keys))) for key, its in baselines.items()],
            "condition": condition,
        }
        for name, keys, form, note, condition in wanted
    ]


def detector_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate how well the score, its components, the sum without each, and the baselines rank beats."""
    detectors: dict[str, Mapping[str, Any]] = {styles.SCORE: metrics}
    for name, its in metrics.get("components", {}).items():
        detectors[f"{styles.detector_name(name)} surprise alone"] = its
        if isinstance(without := its.get("without"), Mapping):
            detectors[f"{styles.SCORE} without {styles.detector_name(name)}"] = without
    detectors |= {f"baseline: {styles.detector_name(name)}": its for name, its in metrics.get("baselines", {}).items()}
    rows = {
        name: {
            "AUC": number(its.get("auc")),
            "average precision": number(its.get("average_precision")),
            "mean AUC per record": number(_look_up(its, "per_record_auc_mean", "mean")),
        }
        for name, its in detectors.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def threshold_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate what the threshold reaches: one row."""
    row = {"threshold": number(metrics.get("threshold"))}
    row["false-positive rate"] = percent(metrics.get("false_positive_rate"))
    row |= {f"sensitivity {key}": percent(_look_up(metrics, "sensitivity", key)) for key in _SENSITIVITIES}
    row |= {"precision": percent(metrics.get("precision")), "F1": number(metrics.get("f1"))}
    return pd.DataFrame([row])


def fixed_rate_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate the sensitivities that the score and the baselines reach at given false-positive rates."""
    detectors = {styles.SCORE: metrics}
    detectors |= {styles.detector_name(name): its for name, its in metrics.get("baselines", {}).items()}
    rows = {
        (f"{float(rate):.0%}", name): {f"sensitivity {key}": percent(values.get(key)) for key in _SENSITIVITIES}
        for rate in metrics.get("sensitivity_at_fpr", {})
        for name, its in detectors.items()
        if isinstance(values := _look_up(its, "sensitivity_at_fpr", rate), Mapping)
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def beats_table(beats: pd.DataFrame) -> pd.DataFrame:
    """Count records, and beats of each class, per split."""
    rows = {}
    for split in SPLITS:
        chosen = beats[beats["split"] == split]
        classes = chosen["aami_class"].value_counts()
        row = {"records": f"{chosen['record'].nunique():,}", "beats": f"{len(chosen):,}"}
        row |= {styles.class_name(name): f"{int(classes.get(name, 0)):,}" for name in CLASSES}
        row["anomalous"] = percent(1 - classes.get(CLASSES[0], 0) / len(chosen)) if len(chosen) else UNDEFINED
        rows[split] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def highest_scores(scores: pd.DataFrame, count: int = HIGHEST_SCORES) -> pd.DataFrame:
    """Tabulate the beats with the highest scores, as text, the highest first."""
    top = scores.sort_values("anomaly_score", ascending=False, kind="stable").head(count)
    surprises = [str(name) for name in top.columns if str(name).endswith(_SURPRISE)]
    columns = {
        "record": top["record"],
        "time": top["time_s"].map(styles.clock),
        "symbol": top["symbol"],
        "class": top["aami_class"],
        "anomaly score": top["anomaly_score"].map(styles.score_text),
        **{f"{name.removesuffix(_SURPRISE)} surprise": top[name].map(styles.score_text) for name in surprises},
        "RR before (s)": top["rr_before_s"].map("{:.2f}".format),
        "RR after (s)": top["rr_after_s"].map("{:.2f}".format),
        "flagged": top["flagged"].map({True: "yes", False: "no"}),
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def main_settings(manifest: Mapping[str, Any], threshold: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say in words what a reader wants to know first of the settings."""
    config = manifest["config"]
    beat, model, records = config["beat"], config["model"], config["records"]
    window = f"{beat['window_before_s']:g} s before to {beat['window_after_s']:g} s after the fiducial point"
    words = {key: f"{key} {value}" for key, value in threshold.items() if key not in _THRESHOLD_WORDS}
    method = str(threshold.get("method", ""))
    how = ", ".join([*([] if method in words else [method]), *words.values()]).replace("_", " ")
    return [
        ("protocol", config["split"]["protocol"].replace("_", " ")),
        ("window", f"{window}, {beat['sampling_rate_hz']} Hz, {beat['low_cut_hz']:g} to {beat['high_cut_hz']:g} Hz"),
        ("leads", f"{records['lead_count']}, of {', '.join(records['leads'])}, then as in the header"),
        ("scaling", beat["scaling"].replace("_", " ")),
        ("network", f"{model['architecture']} autoencoder, {model['latent_size']} latent numbers"),
        ("anomaly score", " + ".join(f"{name} surprise" for name in config["scoring"]["components"])),
        ("threshold", f"{styles.score_text(threshold['threshold'])} ({how})"),
    ]


def settings_table(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the settings that shaped the scores as ``section.key`` and value."""
    sections = {name: manifest["config"].get(name, {}) for name in manifest["shaped_by"]}
    return list(_flat(sections))


def number(value: Any) -> str:
    """Write a share or area with three decimals."""
    return f"{value:.3f}" if _is_number(value) else UNDEFINED


def percent(value: Any) -> str:
    """Write a share in percent."""
    return f"{value:.1%}" if _is_number(value) else UNDEFINED


def _environment() -> Environment:
    # Names of records and symbols come from users' files: everything is escaped.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _figures_json(panels: Sequence[Panel]) -> Markup:
    figures = {panel.key: panel.figure.to_json() for panel in panels if panel.figure is not None}
    text = "{" + ",".join(f"{json.dumps(key)}:{figure}" for key, figure in figures.items()) + "}"
    # Within a script element only "<" could end it.
    return Markup(text.replace("<", "\\u003c"))


def _per_record_table(per_record: pd.DataFrame) -> pd.DataFrame:
    counts = {"beats", "anomalous"}
    shares = {"auc": "AUC", "average_precision": "average precision"}
    table = pd.DataFrame({"record": per_record["record"].astype(str)})
    for name in per_record.columns.drop("record"):
        title = shares.get(name, str(name).replace("_", " "))
        if name in counts:
            table[title] = per_record[name].map("{:,}".format)
        else:
            is_rate = str(name).startswith(("sensitivity", "false_positive"))
            table[title] = per_record[name].map(_rate_or_count(is_rate, per_record[name]))
    return table


def _rate_or_count(is_rate: bool, values: pd.Series) -> Callable[[Any], str]:
    if is_rate:
        return percent
    return "{:,}".format if pd.api.types.is_integer_dtype(values) else number


def _look_up(mapping: Mapping[str, Any], *keys: str) -> Any:
    value: Any = mapping
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _classification_table(report: pd.DataFrame) -> pd.DataFrame:
    table = report.map(number)
    if "support" in report.columns:
        table["support"] = report["support"].map("{:,.0f}".format)
    if "accuracy" in report.index:  # scikit-learn repeats the one number in every column
        table.loc["accuracy", table.columns != "f1-score"] = ""
    return table


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)
