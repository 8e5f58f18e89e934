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
    from ecg_anomaly.handover.beats import read_records
    from ecg_anomaly.handover.model import LITERT, LITERT_INT8, write_litert, write_model
    from ecg_anomaly.records.splits import TRAIN, VALIDATION

    processed = config.paths.processed
    read_checked_manifest(processed, config, made_by="preprocess_data.py")
    inputs = dict([folder_fingerprint(processed)])  # now: other beats may be cut while this one trains
    training, validation = (read_records(processed, split) for split in (TRAIN, VALIDATION))
    normal, stopping = training.normal(TRAIN), validation.normal(VALIDATION)
    compared, others = (compare_records(records.table, records.windows, config) for records in (training, validation))
    paired, unseen = compared.paired, others.paired.chosen(stopping)

    with handover(config.paths.models) as output:
        from ecg_anomaly.detector import autoencoder  # after the checks: importing TensorFlow takes seconds

        _print_line(f"Training on {normal.sum()} normal beats, validating on {stopping.sum()}")
        settings = (config.model, config.training, paired.chosen(normal), unseen)
        trained = autoencoder.train(*settings, _print_line, config.paths.tensorboard)
        measured = measures.measure(autoencoder.compiled(trained.model), paired, compared.timed)
        write_model(output, trained, measures.learn_reference(measured, normal))
        if config.training.litert:
            from ecg_anomaly.detector import litert

            _print_line("Converting the network for small devices")
            small = litert.convert_int8(trained.model, paired.chosen(normal), config.training.seed)
            write_litert(output, litert.convert(trained.model), small)
            _print_line(f"Converted to {LITERT} and {LITERT_INT8}")
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
