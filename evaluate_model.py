"""Score the test beats, set the threshold from normal validation beats, and compare with the annotations."""

import sys

from ecg_anomaly import commandline
from ecg_anomaly.manifest import check_input, folder_fingerprint, handover, read_checked_manifest

SCRIPT = "evaluate_model.py"


def evaluate(config):
    """Write scores, reconstructions and figures to ``paths.outputs`` and print the figures."""
    import numpy as np

    from ecg_anomaly.config import SHAPES_SCORES
    from ecg_anomaly.detector import thresholds
    from ecg_anomaly.evaluation import baselines, noise_stress, single_lead
    from ecg_anomaly.evaluation.figures import evaluated_beats, judge
    from ecg_anomaly.handover.beats import load_windows, open_array, read_detection, read_table, whole_records
    from ecg_anomaly.handover.model import METRICS, THRESHOLD, read_network, read_reference
    from ecg_anomaly.records.catalogue import record_fingerprints

    processed, models = config.paths.processed, config.paths.models
    stressed = noise_stress.find_sources(config)
    inputs = _check_inputs(config) | record_fingerprints(stressed)
    with handover(config.paths.outputs) as output:
        from ecg_anomaly.detector.scorer import (  # after the checks: TensorFlow, which comes next, takes seconds
            TrainedDetector,
            score_records,
        )

        beats = read_table(processed)
        reconstruct, reference = read_network(config), read_reference(models)

        def score(split):
            whole = whole_records(beats, split)
            windows = load_windows(processed, whole)
            scored = score_records(TrainedDetector(reconstruct, reference, config), whole, windows)
            return whole.assign(**scored.columns()), scored.measured, windows

        whole, measured, windows = score("test")
        # Under random_beats every record has beats of all splits, and is scored already.
        validation = whole if config.split.protocol == "random_beats" else score("validation")[0]
        threshold = thresholds.find_threshold(validation, config.threshold, config.beat.start_s)
        counted = evaluated_beats(whole)
        table = thresholds.flag_beats(whole, threshold)[counted].reset_index(drop=True)
        normal_beats = np.asarray(open_array(processed, "train", anomalous=False))
        simple = baselines.baseline_scores(whole, counted, normal_beats, windows[counted], config)

        judged = judge(table, simple, config, read_detection(processed, config))
        judged.figures["split"] = {name: sorted(set(rows["record"])) for name, rows in beats.groupby("split")}
        judged.figures["single_lead"] = single_lead.single_lead_figures(
            reconstruct, whole, windows, counted, reference, threshold, config
        )
        noise = _stress(stressed, threshold, config)

        table.to_csv(output.path("scores.csv"), index=False)
        np.save(output.path("reconstructions.npy"), measured.reconstructions[counted])
        table[["record", "sample"]].assign(**simple).to_csv(output.path("baseline_scores.csv"), index=False)
        output.write_json(THRESHOLD, threshold)
        output.write_json(METRICS, judged.figures)
        judged.confusion.to_csv(output.path("confusion_matrix.csv"))
        judged.report.to_csv(output.path("classification_report.csv"))
        judged.per_record.to_csv(output.path("per_record.csv"), index=False)
        if len(noise):
            noise.to_csv(output.path(noise_stress.TABLE), index=False)
        output.describe(SCRIPT, config, SHAPES_SCORES, inputs)
    _print_figures(judged, threshold, noise)
    print(f"Wrote scores and figures to {config.paths.outputs}. Next: python visualize_results.py")


def _check_inputs(config):
    processed, models = config.paths.processed, config.paths.models
    for folder, script in ((processed, "preprocess_data.py"), (models, "train_model.py")):
        manifest = read_checked_manifest(folder, config, made_by=script)
    check_input(manifest, models, processed, made_by="train_model.py")
    return dict(map(folder_fingerprint, (processed, models)))


def _stress(sources, threshold, config):
    """Add noise to the records that the settings name, if any."""
    import pandas as pd
    from tqdm import tqdm

    from ecg_anomaly.evaluation import noise_stress

    if not sources:
        return pd.DataFrame()
    total = len(sources) * len(noise_stress.conditions(config.noise))
    rows = tqdm(noise_stress.stress(sources, threshold, config), "noise", total=total, disable=None)
    return noise_stress.with_figures(pd.DataFrame(rows))


def _print_figures(judged, threshold, noise):
    from ecg_anomaly.evaluation import noise_stress
    from ecg_anomaly.evaluation.figures import detection_table, main_figures

    figures = judged.figures
    print(f"{'Simulated records. ' if figures['simulated'] else ''}{judged.beats} test beats\n")
    if "detection" in figures:
        print("Beats found from the signal alone: {missed} missed, {extra} extra".format(**figures["detection"]))
        print(detection_table(figures["detection"]).round(4).to_string(), end="\n\n")
    print(main_figures(figures).round(3).to_string(), end="\n\n")
    labels = ", set with labels of anomalous beats" if threshold["uses_labels"] else ""
    print(f"At the threshold ({threshold['method']}{labels}):\n")
    tables = {"": judged.confusion, " ": judged.report, "per record": judged.per_record.set_index("record")}
    if len(noise):
        tables["with noise added"] = noise_stress.pooled(noise).set_index(["noise", "snr_db"])[
            list(noise_stress.FIGURES)
        ]
    for title, printed in tables.items():
        print(f"{title.strip()}\n{printed.round(3).to_string(na_rep='')}\n".lstrip("\n"))


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_script(evaluate, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
