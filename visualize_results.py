"""Draw what evaluate_model.py found: plots/*.png and report.html, one page that works offline.

Needs the files of the earlier scripts alone, not the network.
"""

import json
import sys
from pathlib import Path

from ecg_anomaly import commandline
from ecg_anomaly.manifest import (
    check_input,
    folder_fingerprint,
    handover,
    read_checked_manifest,
    read_manifest,
    write_whole,
)

SCRIPT = "visualize_results.py"
SCORED_BY = "evaluate_model.py"
PLOTS = "plots"
REPORT = "report.html"


def visualize(config):
    """Write the plots and the report into ``paths.outputs``, and say where they are."""
    from ecg_anomaly import config as settings
    from ecg_anomaly.reports import plots, report

    outputs = Path(config.paths.outputs)
    results = read_results(config, _check_inputs(config))
    with handover(outputs / PLOTS) as output:
        figures = plots.all_figures(results)
        for name, figure in figures.items():
            figure.savefig(output.path(f"{name}.png"), dpi=plots.DOTS_PER_INCH)
        output.describe(SCRIPT, config, settings.SHAPES_SCORES, dict([folder_fingerprint(outputs)]))
        write_whole(outputs / REPORT, report.render(results))
    print(f"Drew {len(results.scores):,} beats of {results.scores['record'].nunique()} records")
    print(f"Wrote {len(figures)} plots to {outputs / PLOTS}")
    print(report.main_line(results))
    print(f"Open the report: {(outputs / REPORT).resolve()}")


def read_results(config, manifest):
    """Read the hand-over files, and the windows of the beats that are shown."""
    import numpy as np
    import pandas as pd

    from ecg_anomaly.evaluation import noise_stress
    from ecg_anomaly.handover.beats import load_windows, read_csv, read_detection, read_table
    from ecg_anomaly.handover.model import HISTORY, METRICS, THRESHOLD
    from ecg_anomaly.reports import examples, figure_data

    outputs, processed = Path(config.paths.outputs), config.paths.processed
    scores = read_csv(outputs / "scores.csv")
    per_record = read_csv(outputs / "per_record.csv")

    columns = [scores[name].to_numpy() for name in ("anomaly_score", "flagged", "aami_class", "threshold")]
    chosen = examples.choose_examples(*columns)
    rows = [example.row for example in chosen]
    record, reason = figure_data.strip_record(per_record, scores)
    excerpt = figure_data.excerpt_rows(scores, record)
    return figure_data.Results(
        scores=scores,
        baselines=read_csv(outputs / "baseline_scores.csv").drop(columns=["record", "sample"]),
        metrics=json.loads((outputs / METRICS).read_text(encoding="utf-8")),
        threshold=json.loads((outputs / THRESHOLD).read_text(encoding="utf-8")),
        confusion=pd.read_csv(outputs / "confusion_matrix.csv", index_col=0),
        classification=pd.read_csv(outputs / "classification_report.csv", index_col=0),
        per_record=per_record,
        history=pd.read_csv(Path(config.paths.models) / HISTORY),
        beats=read_table(processed),
        examples=figure_data.example_beats(
            chosen,
            scores,
            load_windows(processed, scores.iloc[rows]),
            np.load(outputs / "reconstructions.npy", mmap_mode="r")[rows],
            config.beat,
            config.scoring.components,
        ),
        strip=figure_data.record_strip(
            scores, record, reason, excerpt, load_windows(processed, scores.iloc[excerpt]), config.beat
        ),
        manifest=manifest,
        noise=read_csv(outputs / noise_stress.TABLE) if noise_stress.TABLE in manifest["files"] else None,
        detection=read_detection(processed, config),
    )


def _check_inputs(config):
    outputs = config.paths.outputs
    manifest = read_checked_manifest(outputs, config, made_by=SCORED_BY)
    earlier = ((config.paths.processed, "preprocess_data.py"), (config.paths.models, "train_model.py"))
    for folder, script in earlier:
        read_manifest(folder, made_by=script)
        check_input(manifest, outputs, folder, made_by=SCORED_BY)
    return manifest


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_script(visualize, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
