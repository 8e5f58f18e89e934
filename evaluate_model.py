"""Score the test beats, set the threshold from normal validation beats, and compare with the annotations."""

import sys

from ecg_anomaly import artifacts, commandline

SCRIPT = "evaluate_model.py"


def evaluate(config):
    """Write scores, reconstructions and figures to ``paths.outputs`` and print the figures."""
    from pathlib import Path

    import numpy as np

    from ecg_anomaly import baselines, beat_files, evaluation, metrics, model_files, thresholds
    from ecg_anomaly.config import SHAPES_SCORES

    processed, models = config.paths.processed, config.paths.models
    for folder, script in ((processed, "preprocess_data.py"), (models, "train_model.py")):
        manifest = artifacts.read_checked_manifest(folder, config, made_by=script)
    artifacts.check_input(manifest, models, processed, made_by="train_model.py")
    inputs = dict(artifacts.folder_fingerprint(folder) for folder in (processed, models))

    with artifacts.handover(config.paths.outputs) as output:
        from ecg_anomaly import autoencoder, measures  # after the checks: importing TensorFlow takes seconds

        beats = beat_files.read_table(processed)
        normal_beats = np.asarray(beat_files.open_array(processed, "train", anomalous=False))
        model_path = Path(models) / model_files.MODEL
        model = autoencoder.load(model_path, config.model.architecture, normal_beats.shape[1:])
        reconstruct = autoencoder.compiled(model)
        reference = model_files.read_reference(models)

        def score(split):
            whole = beat_files.whole_records(beats, split)
            windows = beat_files.load_windows(processed, whole)
            paired = measures.pair_beats(whole, windows, config)
            measured = measures.measure(reconstruct, whole, paired, config)
            return measures.score_beats(whole, measured, reference, config.scoring.components), windows, measured

        whole, windows, measured = score("test")
        # Under random_beats every record has beats of all splits, and is scored already.
        validation = whole if config.split.protocol == "random_beats" else score("validation")[0]
        threshold = thresholds.find_threshold(validation, config.threshold, config.beat.start_s)
        tested = (whole["split"] == "test").to_numpy()
        simple = baselines.baseline_scores(whole, tested, normal_beats, windows[tested], config)
        table = thresholds.flag_beats(whole, threshold)[tested].reset_index(drop=True)

        figures = evaluation.evaluate(table, simple, config)
        figures["split"] = {name: sorted(set(rows["record"])) for name, rows in beats.groupby("split")}
        anomalous, flagged = table["anomalous"].to_numpy(dtype=bool), table["flagged"].to_numpy(dtype=bool)
        confusion, report = metrics.confusion(anomalous, flagged), metrics.report(anomalous, flagged)
        per_record = metrics.per_record(table)

        table.to_csv(output.path("scores.csv"), index=False)
        np.save(output.path("reconstructions.npy"), measured.reconstructions[tested])
        table[["record", "sample"]].assign(**simple).to_csv(output.path("baseline_scores.csv"), index=False)
        output.write_json(model_files.THRESHOLD, threshold)
        output.write_json("metrics.json", figures)
        confusion.to_csv(output.path("confusion_matrix.csv"))
        report.to_csv(output.path("classification_report.csv"))
        per_record.to_csv(output.path("per_record.csv"), index=False)
        output.describe(SCRIPT, config, SHAPES_SCORES, inputs)
    print(f"{'Simulated records. ' if figures['simulated'] else ''}{len(table)} test beats\n")
    print(evaluation.main_figures(figures).round(3).to_string(), end="\n\n")
    labels = ", set with labels of anomalous beats" if threshold["uses_labels"] else ""
    print(f"At the threshold ({threshold['method']}{labels}):\n")
    for title, printed in (
        ("", confusion),
        ("", report.round(3)),
        ("per record", per_record.set_index("record").round(3)),
    ):
        print(f"{title}\n{printed.to_string(na_rep='')}\n".lstrip("\n"))
    print(f"Wrote scores and figures to {config.paths.outputs}. Next: python visualize_results.py")


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_script(evaluate, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
