"""Score the test beats, set the threshold from patients that a training left out, and compare with the annotations."""

import sys

from ecg_anomaly import commandline
from ecg_anomaly.manifest import check_input, folder_fingerprint, handover, read_checked_manifest

SCRIPT = "evaluate_model.py"


def evaluate(config, options):
    """Write scores, reconstructions and figures to ``paths.outputs`` and print the figures."""
    from ecg_anomaly.cluster import shared_out

    with shared_out(options.cluster, config, commandline.warn) as sharing:
        _evaluate(sharing.config, sharing.scoring)
    print(f"Wrote scores and figures to {config.paths.outputs}. Next: {commandline.command_of('visualize_results.py')}")


def _evaluate(config, calls):
    import dataclasses

    import pandas as pd
    from tqdm import tqdm

    from ecg_anomaly.config import SHAPES_SCORES
    from ecg_anomaly.evaluation import noise_stress
    from ecg_anomaly.evaluation.evaluate import evaluate_detector
    from ecg_anomaly.evaluation.summary import summary
    from ecg_anomaly.handover.scores import write_evaluation
    from ecg_anomaly.records.catalogue import record_fingerprints

    stressed = noise_stress.find_sources(config)
    inputs = _check_inputs(config) | record_fingerprints(stressed)
    with handover(config.paths.outputs) as output:
        found = evaluate_detector(output, config, calls)
        if stressed:
            total = len(stressed) * len(noise_stress.noises(config.noise))
            rows = tqdm(noise_stress.stress(stressed, found.threshold, config, calls), "noise", total, disable=None)
            found = dataclasses.replace(found, noise=noise_stress.with_figures(pd.DataFrame(rows)))
        write_evaluation(output, found)
        output.describe(SCRIPT, config, SHAPES_SCORES, inputs)
    print(summary(found))


def _check_inputs(config):
    processed, models = config.paths.processed, config.paths.models
    for folder, script in ((processed, "preprocess_data.py"), (models, "train_model.py")):
        manifest = read_checked_manifest(folder, config, made_by=script)
    check_input(manifest, models, processed, made_by="train_model.py")
    return dict(map(folder_fingerprint, (processed, models)))


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(evaluate, commandline.add_cluster_option, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
