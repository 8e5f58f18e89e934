"""Train the autoencoder on the normal beats of the training split."""

import sys

from ecg_anomaly import commandline
from ecg_anomaly.manifest import folder_fingerprint, handover, read_checked_manifest

SCRIPT = "train_model.py"


def train(config):
    """Write the model, its history and what scores need of normal beats to ``paths.models``."""
    from ecg_anomaly.config import SHAPES_MODEL
    from ecg_anomaly.detector import measures
    from ecg_anomaly.detector.scorer import compare_records
    from ecg_anomaly.handover.beats import PREPROCESSING, load_windows, read_table, whole_records
    from ecg_anomaly.handover.model import HISTORY, LITERT, LITERT_INT8, MODEL, write_reference
    from ecg_anomaly.records import splits

    processed = config.paths.processed
    read_checked_manifest(processed, config, made_by="preprocess_data.py")
    inputs = dict([folder_fingerprint(processed)])  # now: other beats may be cut while this one trains
    table = read_table(processed)

    def read(split):
        beats = whole_records(table, split)
        windows = load_windows(processed, beats)
        normal = ((beats["split"] == split) & ~beats["anomalous"]).to_numpy()
        return compare_records(beats, windows, config), normal

    compared, normal = read(splits.TRAIN)
    paired = compared.paired
    validation, validating = read(splits.VALIDATION)
    validation = validation.paired.chosen(validating)

    with handover(config.paths.models) as output:
        from ecg_anomaly.detector import autoencoder  # after the checks: importing TensorFlow takes seconds

        _print_line(f"Training on {normal.sum()} normal beats, validating on {validating.sum()}")
        trained = autoencoder.train(
            config.model, config.training, paired.chosen(normal), validation, _print_line, config.paths.tensorboard
        )
        measured = measures.measure(autoencoder.compiled(trained.model), paired, compared.timed)

        trained.model.save(output.path(MODEL))
        trained.history.to_csv(output.path(HISTORY), index=False)
        write_reference(output, measures.learn_reference(measured, normal))
        if config.export.litert:
            from ecg_anomaly.detector import litert

            _print_line("Converting the network for small devices")
            output.path(LITERT).write_bytes(litert.convert(trained.model))
            small = litert.convert_int8(trained.model, paired.chosen(normal), config.training.seed)
            output.path(LITERT_INT8).write_bytes(small)
            _print_line(f"Converted to {LITERT} and {LITERT_INT8}")
        output.copy(processed, PREPROCESSING)
        output.describe(SCRIPT, config, SHAPES_MODEL, inputs, interrupted=trained.interrupted)
    best = trained.history["val_loss"].min()
    ending = "Interrupted" if trained.interrupted else "Done"
    print(f"{ending} in epoch {len(trained.history)}, best validation loss {best:.5f}.")
    print(f"Wrote the model to {config.paths.models}. Next: python evaluate_model.py")


def _print_line(line):
    print(line, flush=True)


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_script(train, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
