"""Train the autoencoder on normal beats and simulated ectopic ones, and score patients that a training left out."""

import sys

from ecg_anomaly import commandline
from ecg_anomaly.manifest import folder_fingerprint, handover, read_checked_manifest

SCRIPT = "train_model.py"


def train(config):
    """Write the model, its history and what scores and threshold need to ``paths.models``."""
    from ecg_anomaly.config import SHAPES_MODEL
    from ecg_anomaly.handover.model import LITERT, LITERT_INT8, write_history
    from ecg_anomaly.training import train_model

    processed = config.paths.processed
    read_checked_manifest(processed, config, made_by="preprocess_data.py")
    inputs = dict([folder_fingerprint(processed)])  # now: other beats may be cut while this one trains
    with handover(config.paths.models) as output:
        trained = train_model(output, config, _print_line)
        write_history(output, trained.history)
        output.describe(SCRIPT, config, SHAPES_MODEL, inputs, interrupted=trained.interrupted)
    if config.training.litert:
        _print_line(f"Converted to {LITERT} and {LITERT_INT8}")
    ending = "Interrupted" if trained.interrupted else "Done"
    last = trained.history.iloc[-1]
    print(f"{ending} in epoch {len(trained.history)}, loss of patients left out {last['val_loss']:.5f}.")
    print(f"Wrote the model to {config.paths.models}. Next: {commandline.command_of('evaluate_model.py')}")


def _print_line(line):
    print(line, flush=True)


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_script(train, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
