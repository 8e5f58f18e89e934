"""Draw what evaluate_model.py found: plots/*.png and report.html, one page that works offline.

Needs the files of the earlier scripts alone, not the network.
"""

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
    from ecg_anomaly.handover.beats import load_windows, read_detection, read_table
    from ecg_anomaly.handover.model import read_history
    from ecg_anomaly.handover.scores import read_evaluation
    from ecg_anomaly.reports import examples, figure_data

    processed = config.paths.processed
    found = read_evaluation(config.paths.outputs, manifest["files"])
    scores = found.scores
    columns = [scores[name].to_numpy() for name in ("anomaly_score", "flagged", "aami_class", "threshold")]
    chosen = examples.choose_examples(*columns)
    rows = [example.row for example in chosen]
    record, reason = figure_data.strip_record(found.per_record, scores)
    excerpt = figure_data.excerpt_rows(scores, record)
    return figure_data.Results(
        scores=scores,
        baselines=found.baselines,
        metrics=found.metrics,
        threshold=found.threshold.to_json(),
        confusion=found.confusion,
        classification=found.classification,
        per_record=found.per_record,
        history=read_history(config.paths.models),
        beats=read_table(processed),
        examples=figure_data.example_beats(
            chosen,
            scores,
            load_windows(processed, scores.iloc[rows]),
            found.reconstructions[rows],
            config.beat,
            config.scoring.components,
        ),
        strip=figure_data.record_strip(
            scores, record, reason, excerpt, load_windows(processed, scores.iloc[excerpt]), config.beat
        ),
        manifest=manifest,
        noise=found.noise,
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
