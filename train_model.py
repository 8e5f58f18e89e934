"""Train the autoencoder on the normal beats of the training split."""

import sys

from ecg_anomaly import artifacts, commandline

SCRIPT = "train_model.py"


def train(config):
    """Write the model, its history and what scores need of normal beats to ``paths.models``."""
    import numpy as np

    from ecg_anomaly import beat_files, model_files, scoring
    from ecg_anomaly.config import SHAPES_MODEL

    processed = config.paths.processed
    manifest = artifacts.read_manifest(processed, made_by="preprocess_data.py")
    artifacts.check_settings(manifest, processed, config, made_by="preprocess_data.py")
    normal = np.asarray(beat_files.open_array(processed, "train", anomalous=False))
    validation = np.asarray(beat_files.open_array(processed, "validation", anomalous=False))

    with artifacts.handover(config.paths.models) as output:
        from ecg_anomaly import autoencoder  # after the checks: importing TensorFlow takes seconds

        print(f"Training on {len(normal)} normal beats, validating on {len(validation)} of other patients", flush=True)
        trained = autoencoder.train(
            config.model, config.training, normal, validation, _print_line, config.paths.tensorboard
        )
        errors = scoring.reconstruction_error(normal, autoencoder.reconstruct(trained.model, normal))

        trained.model.save(output.path(model_files.MODEL))
        trained.history.to_csv(output.path(model_files.HISTORY), index=False)
        model_files.write_reference(output, {"reconstruction": scoring.Surprise.of_reference(errors)})
        output.copy(processed, beat_files.PREPROCESSING)
        inputs = dict([artifacts.folder_fingerprint(processed)])
        output.describe(SCRIPT, config, SHAPES_MODEL, inputs, interrupted=trained.interrupted)
    best = trained.history["val_loss"].min()
    ending = "Interrupted" if trained.interrupted else "Done"
    print(f"{ending} after {len(trained.history)} epochs, best validation loss {best:.5f}.")
    print(f"Wrote the model to {config.paths.models}. Next: python evaluate_model.py")


def _print_line(line):
    print(line, flush=True)


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_script(train, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
