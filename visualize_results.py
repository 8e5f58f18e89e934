"""Draw what evaluate_model.py found: plots/*.png and report.html, one page that works offline.

Needs the files of the earlier scripts alone, not the network.
"""

import sys
from pathlib import Path

from ecg_anomaly import commandline, manifest

SCRIPT = "visualize_results.py"
SCORED_BY = "evaluate_model.py"
PLOTS = "plots"
REPORT = "report.html"


def visualize(config):
    """Write the plots and the report into ``paths.outputs``, and say where they are."""
    from ecg_anomaly import config as settings
    from ecg_anomaly.reports import panels, report
    from ecg_anomaly.reports.results import read_results
    from ecg_anomaly.words import count_text

    outputs = Path(config.paths.outputs)
    results = read_results(config, _check_inputs(config))
    with manifest.handover(outputs / PLOTS) as output:
        drawn = panels.all_panels(results)
        for name, panel in drawn.items():
            panel.save(output.path(f"{name}.png"))
        output.describe(SCRIPT, config, settings.SHAPES_SCORES, dict([manifest.folder_fingerprint(outputs)]))
        manifest.write_whole(outputs / REPORT, report.render(results, drawn))
    beats, records = len(results.scores), results.scores["record"].nunique()
    print(f"Drew {count_text(beats, 'beat')} of {count_text(records, 'record')}")
    print(f"Wrote {len(drawn)} plots to {outputs / PLOTS}")
    print(report.main_line(results))
    print(f"Open the report: {(outputs / REPORT).resolve()}")


def _check_inputs(config):
    outputs = config.paths.outputs
    scored = manifest.read_checked_manifest(outputs, config, made_by=SCORED_BY)
    for folder, script in ((config.paths.processed, "preprocess_data.py"), (config.paths.models, "train_model.py")):
        manifest.read_manifest(folder, made_by=script)
        manifest.check_input(scored, outputs, folder, made_by=SCORED_BY)
    return scored


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_script(visualize, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
