"""The page ``report.html``: one file that works offline, made from what ``evaluate_model.py`` wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ecg_anomaly.beats.labelled import CLASSES
from ecg_anomaly.detector.measures import surprise_column
from ecg_anomaly.evaluation.noise_stress import CLEAN, pooled
from ecg_anomaly.records.splits import SPLITS
from ecg_anomaly.reports import figure_data, report_figures, styles
from ecg_anomaly.reports.examples import RULES
from ecg_anomaly.reports.figure_data import Results
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.reports.report_figures import Panel
from ecg_anomaly.words import UNDEFINED, clock, count_text, interval, is_number, number, ordinal, percent, score_text

HIGHEST_SCORES = 50
WORST_RECORDS = 5  # in which the QRS detector finds the fewest beats

_TEMPLATE = "report.html.jinja"
_SENSITIVITIES = ("S", "V", "F", "all")
_THRESHOLDS = {  # in words, by method; what stands in braces is in threshold.json
    "adaptive": "median of the patient's last {recent_beats} scores + {threshold} (mean over {patients} of the "
    "{percentile} percentile of how far normal beats lie above that median)",
    "percentile": "{threshold}, the {percentile} percentile of {normal_beats} of {patients}",
    "mean_std": "{threshold}, the mean and {standard_deviations} standard deviations of {normal_beats} of {patients}",
    "false_alarms_per_hour": "{threshold}, above which normal beats of {patients} raise {false_alarms_per_hour} false "
    "alarms per hour",
    "best_f1": "{threshold}, which gives the best F1 on the labelled beats of {patients}",
}


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
    metrics, threshold = results.metrics, results.threshold
    panels = report_figures.all_panels(results)
    questions, examples = (
        report_figures.question_panel(results.examples),
        report_figures.example_panels(results.examples),
    )
    noise = [] if results.noise is None else [report_figures.noise_panel(results.noise)]
    return (
        environment()
        .get_template(_TEMPLATE)
        .render(
            simulated=styles.SIMULATED if results.simulated else "",
            made=results.manifest.get("made", ""),
            protocol=results.manifest["config"].get("split", {}).get("protocol", "patients"),
            uses_labels=bool(threshold.get("uses_labels")),
            tiles=main_figures(metrics, results.baselines_compared()),
            threshold_set=threshold_words(threshold),
            at_threshold=threshold_table(metrics),
            averages=average_table(metrics),
            without=without_record_table(metrics),
            detectors=detector_table(metrics),
            at_rates=fixed_rate_table(metrics),
            beats=beats_table(results.beats),
            records_of={name: _part(metrics, "split").get(name, []) for name in SPLITS},
            classification=_classification_table(results.classification),
            main_settings=main_settings(results.manifest, results.threshold),
            settings=settings_table(results.manifest),
            versions=results.manifest.get("versions", {}),
            panels=panels,
            detection=detection_table(metrics),
            worst_detected=worst_detected(results.per_record),
            noise=noise,
            noise_figures=None if results.noise is None else noise_table(results.noise),
            rules=RULES,
            questions=questions,
            examples=examples,
            highest=highest_scores(results.scores, results.components),
            per_record=_per_record_table(results.per_record),
            figures=_figures_json([*panels, *noise, questions, *examples]),
            plotly=Markup(get_plotlyjs()),
        )
    )


def main_line(results: Results) -> str:
    """Say the main figures in one line."""
    metrics = results.metrics
    sensitivities = ", ".join(f"{key} {percent(_look_up(metrics, 'sensitivity', key))}" for key in ("S", "V", "F"))
    line = (
        f"AUC {number(metrics.get('auc'))}, AP {number(metrics.get('average_precision'))}; at the threshold "
        f"sensitivity {sensitivities}, false-positive rate {percent(metrics.get('false_positive_rate'))}"
    )
    return f"{line} ({styles.SIMULATED})" if results.simulated else line


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
        ``name``, ``value``, ``interval`` (95 %, empty where it is unknown), ``note``, ``others`` (pairs of a
        baseline's name and its value) and ``condition`` (under which these compare).
    """
    at_threshold = "at the threshold"
    at_random = f"at random {percent(metrics.get('prevalence'))}, the prevalence"
    wanted: list[tuple[str, tuple[str, ...], Callable[[Any], str], str, str]] = [
        ("AUC", ("auc",), number, "at random 0.500", ""),
        ("average precision", ("average_precision",), number, at_random, ""),
    ]
    for aami_class in ("S", "V", "F"):
        name = f"sensitivity to {styles.class_name(aami_class)}"
        keys = ("sensitivity", aami_class)
        wanted.append((name, keys, percent, at_threshold, "at the same false-positive rate"))
    rate = ("false_positive_rate",)
    note = f"{at_threshold}; false alarms per hour: {score_text(metrics.get('false_alarms_per_hour'))}"
    wanted.append(("false-positive rate", rate, percent, note, "at the same sensitivity to all"))
    return [
        {
            "name": name,
            "value": form(_look_up(metrics, *keys)),
            "interval": interval(_look_up(metrics, "confidence_intervals", *keys), form),
            "note": note,
            "others": [(styles.detector_name(key), form(_look_up(its, *keys))) for key, its in baselines.items()],
            "condition": condition,
        }
        for name, keys, form, note, condition in wanted
    ]


def detector_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate how well the score_text, its components, the sum without each, and the baselines rank beats."""
    detectors: dict[str, Mapping[str, Any]] = {styles.SCORE: metrics}
    for name, its in _part(metrics, "components").items():
        detectors[f"{styles.detector_name(name)} surprise alone"] = its
        if isinstance(without := its.get("without"), Mapping):
            detectors[f"{styles.SCORE} without {styles.detector_name(name)}"] = without
    detectors |= {f"baseline: {styles.detector_name(name)}": its for name, its in _part(metrics, "baselines").items()}
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
    """Tabulate what the threshold reaches, and between what it lies for other patients."""
    row = {"false-positive rate": percent(metrics.get("false_positive_rate"))}
    row["false alarms per hour"] = score_text(metrics.get("false_alarms_per_hour"))
    row |= {f"sensitivity {key}": percent(_look_up(metrics, "sensitivity", key)) for key in _SENSITIVITIES}
    row |= {"precision": percent(metrics.get("precision")), "F1": number(metrics.get("f1"))}
    rows = {"figure": row}
    intervals = _part(metrics, "confidence_intervals")
    known = {"false-positive rate": "false_positive_rate", "sensitivity all": "sensitivity"}
    between = {title: interval(intervals.get(name), percent) for title, name in known.items()}
    if any(between.values()):
        rows["95 % interval"] = {title: between.get(title, "") for title in row}
    return pd.DataFrame.from_dict(rows, orient="index")


def average_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate gross and average figures per class; no row where neither average nor predictivity is known.

    Gross figures pool all beats, average figures are the mean over the records.
    """
    averages = _part(metrics, "average_over_records")
    if not averages and not _part(metrics, "positive_predictivity"):
        return pd.DataFrame()
    wanted: dict[tuple[str, str], tuple[str, ...]] = {
        (title, "all anomalous" if key == "all" else styles.class_name(key)): (name, key)
        for title, name in (("sensitivity", "sensitivity"), ("positive predictivity", "positive_predictivity"))
        for key in _SENSITIVITIES
    }
    wanted["false-positive rate", styles.class_name(CLASSES[0])] = ("false_positive_rate",)
    rows = {
        row: {"gross": percent(_look_up(metrics, *keys)), "average": percent(_look_up(averages, *keys))}
        for row, keys in wanted.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def without_record_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate the figures of all test records beside those without one of them; no row where none is left out."""
    without = _part(metrics, "without_record")
    if not without:
        return pd.DataFrame()
    rows = {
        name: {
            "AUC": number(its.get("auc")),
            "average precision": number(its.get("average_precision")),
            "mean AUC per record": number(_look_up(its, "per_record_auc_mean", "mean")),
            "false-positive rate": percent(its.get("false_positive_rate")),
            "false alarms per hour": score_text(its.get("false_alarms_per_hour")),
            **{f"sensitivity {key}": percent(_look_up(its, "sensitivity", key)) for key in _SENSITIVITIES},
        }
        for name, its in {"all records": metrics, **{f"without {name}": its for name, its in without.items()}}.items()
        if isinstance(its, Mapping)
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def fixed_rate_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate the sensitivities that the score and the baselines reach at given false-positive rates."""
    detectors = {styles.SCORE: metrics}
    detectors |= {styles.detector_name(name): its for name, its in _part(metrics, "baselines").items()}
    rows = {
        (f"{float(rate):.0%}", name): {f"sensitivity {key}": percent(values.get(key)) for key in _SENSITIVITIES}
        for rate in _part(metrics, "sensitivity_at_fpr")
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


def highest_scores(scores: pd.DataFrame, components: Sequence[str], count: int = HIGHEST_SCORES) -> pd.DataFrame:
    """Tabulate the beats with the highest scores, as text, the highest first.

    Parameters
    ----------
    scores
        ``scores.csv``.
    components
        The questions that the anomaly score adds up.
    count
        How many beats, at most.
    """
    top = scores.sort_values("anomaly_score", ascending=False, kind="stable").head(count)
    surprises = figure_data.counted_surprises(top, components)
    most = surprises.idxmax(axis="columns").map(styles.question) if len(surprises.columns) else None
    columns = {
        "record": top["record"],
        "time": top["time_s"].map(clock),
        "symbol": top["symbol"],
        "class": top["aami_class"],
        styles.SCORE: top["anomaly_score"].map(score_text),
        "threshold": top["threshold"].map(score_text),
        "flagged": top["flagged"].map({True: "yes", False: "no"}),
        **({} if most is None else {"largest surprise": most}),
        **{surprise_column(str(name)).replace("_", " "): surprises[name].map(score_text) for name in surprises},
        "RR before (s)": top["rr_before_s"].map("{:.2f}".format),
        "RR after (s)": top["rr_after_s"].map("{:.2f}".format),
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def detection_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate how well the QRS detector finds beats; no row where test beats are the annotated ones."""
    found = _part(metrics, "detection")
    if not found:
        return pd.DataFrame()
    rows = {"gross": found, "average": _part(found, "average_over_records")}
    return pd.DataFrame.from_dict(
        {
            name: {
                "QRS sensitivity": percent(its.get("sensitivity"), 2),
                "QRS positive predictivity": percent(its.get("positive_predictivity"), 2),
                **{key: f"{its[key]:,}" if key in its else "" for key in ("annotated", "detected", "missed", "extra")},
            }
            for name, its in rows.items()
        },
        orient="index",
    )


def worst_detected(per_record: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the records with the most missed and extra beats; no row where there are none."""
    if "missed" not in per_record.columns:
        return pd.DataFrame()
    wrong = per_record.assign(wrong=per_record["missed"] + per_record["extra"])
    worst = wrong[wrong["wrong"] > 0].sort_values("wrong", ascending=False, kind="stable").head(WORST_RECORDS)
    return pd.DataFrame(
        {
            "record": worst["record"],
            "QRS sensitivity": worst["qrs_sensitivity"].map(lambda share: percent(share, 2)),
            "QRS positive predictivity": worst["qrs_positive_predictivity"].map(lambda share: percent(share, 2)),
            **{name: worst[name].map("{:,}".format) for name in ("annotated", "detected", "missed", "extra")},
        }
    )


def noise_table(noise: pd.DataFrame) -> pd.DataFrame:
    """Tabulate what is found at each strength of each kind of noise, all records of ``noise.csv`` pooled."""
    rows = {
        "none" if its["noise"] == CLEAN else f"{styles.NOISE_NAMES[its['noise']]}, {its['snr_db']:g} dB": {
            "false alarms per hour": score_text(its["false_alarms_per_hour"]),
            **{f"sensitivity {key}": percent(its[f"sensitivity_{key}"]) for key in ("S", "V")},
            "sensitivity all": percent(its["sensitivity"]),
            "QRS sensitivity": percent(its["qrs_sensitivity"]),
            "QRS positive predictivity": percent(its["qrs_positive_predictivity"]),
            "unreadable": percent(its["unreadable_share"]),
        }
        for its in pooled(noise).to_dict("records")
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def main_settings(manifest: Mapping[str, Any], threshold: Mapping[str, Any]) -> list[tuple[str, str]]:
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


def threshold_words(threshold: Mapping[str, Any]) -> str:
    """Say in words how the threshold was set, from ``threshold.json``."""
    method = str(threshold.get("method", "threshold"))
    words = {name: f"{value:g}" for name, value in threshold.items() if is_number(value)}
    forms: dict[str, Callable[[Any], str]] = {
        "threshold": score_text,
        "percentile": ordinal,
        "patients": lambda count: count_text(count, "validation patient"),
        "normal_beats": lambda count: count_text(count, "normal beat"),
    }
    words |= {name: form(threshold[name]) for name, form in forms.items() if name in words}
    try:
        how = _THRESHOLDS[method].format(**words)
    except KeyError:  # another method, or a file that does not say all
        how = words.get("threshold", UNDEFINED)
    return f"{method.replace('_', ' ')}: {how}"


def settings_table(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the settings that shaped the scores as ``section.key`` and value."""
    sections = {name: manifest["config"].get(name, {}) for name in manifest["shaped_by"]}
    return list(_flat(sections))


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
            is_rate = str(name).startswith(("sensitivity", "false_positive", "qrs_"))
            table[title] = per_record[name].map(_rate_or_count(is_rate, per_record[name]))
    return table


def _rate_or_count(is_rate: bool, values: pd.Series) -> Callable[[Any], str]:
    if is_rate:
        return percent
    return "{:,}".format if pd.api.types.is_integer_dtype(values) else number


def _part(metrics: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Part of the metrics, empty where older files lack it."""
    part = metrics.get(key)
    return part if isinstance(part, Mapping) else {}


def _look_up(mapping: Mapping[str, Any], *keys: str) -> Any:
    value: Any = mapping
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


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
