"""The page ``report.html``: one file that works offline, made from what ``evaluate_model.py`` wrote."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from ecg_anomaly.evaluation import summary
from ecg_anomaly.records.splits import SPLITS
from ecg_anomaly.reports import interactive, panels, styles, tables
from ecg_anomaly.reports.examples import MISTAKES, MOST_OF_A_RECORD, RULES
from ecg_anomaly.reports.pages import page
from ecg_anomaly.reports.panels import Panel
from ecg_anomaly.reports.results import Results
from ecg_anomaly.words import CALLED, GUESS, listed, percent


def render(results: Results, drawn: Mapping[str, Panel]) -> str:
    """Make the page, with its static figures as `panels.all_panels` returns them."""
    metrics, threshold, manifest = results.metrics, results.threshold, results.manifest
    config = manifest["config"]
    alarms, strips = interactive.alarm_panel(results), interactive.strip_panels(results)
    names = ("roc_precision_recall", "confusion_matrix", "training_history", "score_distribution", "auc_per_record")
    ranking, confusion, history, distribution, records = (drawn[name] for name in names)
    return page(
        "report.html.jinja",
        {its.name: its.figure for its in (alarms, *strips) if its.figure is not None},
        simulated=styles.SIMULATED if results.simulated else "",
        made=manifest["made"],
        protocol=config["split"]["protocol"],
        tiles=tables.main_figures(metrics, results.baselines_compared()),
        threshold_set=summary.threshold_words(threshold),
        ranking=summary.ranking_table(metrics),
        named=summary.named_table(metrics),
        called=CALLED,
        guess=GUESS,
        at_threshold=summary.threshold_table(metrics),
        averages=tables.average_table(metrics),
        detectors=summary.detector_table(metrics),
        beats=tables.beats_table(results.beats),
        records_of={name: metrics["split"][name] for name in SPLITS if name in metrics["split"]},
        listed=functools.partial(listed, most=tables.MOST_RECORDS),
        classification=tables.classification_table(results.classification),
        main_settings=tables.main_settings(manifest, threshold),
        settings=tables.settings_table(manifest),
        versions=manifest["versions"],
        panels=[ranking, alarms, confusion, history, distribution, *strips, records],
        detection=summary.detection_table(metrics),
        worst_detected=tables.worst_detected(results.per_record),
        noise=drawn.get("noise"),
        noise_figures=None if results.noise is None else tables.noise_table(results.noise),
        rules=RULES,
        parts=panels.parts_panel(results.examples),
        examples=list(panels.example_panels(results.examples_of(RULES))),
        mistakes=MISTAKES,
        most_of_a_record=MOST_OF_A_RECORD,
        mistaken={rule: list(panels.example_panels(results.examples_of([rule]))) for rule in MISTAKES},
        highest=tables.highest_scores(results.highest, config["scoring"]["components"]),
        per_record=tables.per_record_table(results.per_record),
        records=len(results.per_record),
    )


def main_line(results: Results) -> str:
    """Say the main figures in one line."""
    metrics = results.metrics
    sensitivities = ", ".join(f"{key} {percent(metrics['sensitivity'][key])}" for key in ("V", "S"))
    line = f"{summary.headline(metrics)}; at the threshold sensitivity {sensitivities}"
    return f"{line} ({styles.SIMULATED})" if results.simulated else line
