"""Train the autoencoder on the normal beats of the training split."""

import sys

from ecg_anomaly import artifacts, commandline

SCRIPT = "train_model.py"


def train(config):
    """Write the model, its history and what scores need of normal beats to ``paths.models``."""
    from ecg_anomaly import beat_files, measures, model_files, splits
    from ecg_anomaly.config import SHAPES_MODEL

    processed = config.paths.processed
    artifacts.read_checked_manifest(processed, config, made_by="preprocess_data.py")
    inputs = dict([artifacts.folder_fingerprint(processed)])  # now: other beats may be cut while this one trains
    table = beat_files.read_table(processed)

    def read(split):
        beats = beat_files.whole_records(table, split)
        windows = beat_files.load_windows(processed, beats)
        normal = ((beats["split"] == split) & ~beats["anomalous"]).to_numpy()
        return beats, measures.pair_beats(beats, windows, config), normal

    beats, paired, normal = read(splits.TRAIN)
    _, validation, validating = read(splits.VALIDATION)
    validation = validation.chosen(validating)

    with artifacts.handover(config.paths.models) as output:
        from ecg_anomaly import autoencoder  # after the checks: importing TensorFlow takes seconds

        _print_line(f"Training on {normal.sum()} normal beats, validating on {validating.sum()}")
        trained = autoencoder.train(
            config.model, config.training, paired.chosen(normal), validation, _print_line, config.paths.tensorboard
        )
        measured = measures.measure(autoencoder.compiled(trained.model), beats, paired, config)

        trained.model.save(output.path(model_files.MODEL))
        trained.history.to_csv(output.path(model_files.HISTORY), index=False)
        model_files.write_reference(output, measures.learn_reference(measured, normal))
        if config.export.litert:
            from ecg_anomaly import litert

            _print_line("Converting the network for small devices")
            output.path(model_files.LITERT).write_bytes(litert.convert(trained.model))
            small = litert.convert_int8(trained.model, paired.chosen(normal), config.training.seed)
            output.path(model_files.LITERT_INT8).write_bytes(small)
            _print_line(f"Converted to {model_files.LITERT} and {model_files.LITERT_INT8}")
        output.copy(processed, beat_files.PREPROCESSING)
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
