"""Cut records into labelled, scaled beats and split them into training, validation and test beats.

Records that paths.records lacks are downloaded from PhysioNet (or, for the database simdb, simulated).
"""

import sys

from ecg_anomaly import commandline
from ecg_anomaly.manifest import handover

SCRIPT = "preprocess_data.py"


def preprocess(config, options):
    """Write the hand-over files of ``paths.processed`` and say what is in them."""
    from ecg_anomaly.cluster import shared_out

    with shared_out(options.cluster, config, commandline.warn) as sharing:
        _preprocess(sharing.config, sharing.executors, sharing.ahead)


def _preprocess(config, executors, ahead):
    from tempfile import TemporaryDirectory

    from tqdm import tqdm

    from ecg_anomaly import config as settings
    from ecg_anomaly.beats import preprocessing
    from ecg_anomaly.beats.counts import PreprocessingSummary
    from ecg_anomaly.handover.beats import TABLE, BeatWriter, check_splits, write_detection
    from ecg_anomaly.records import fetching

    sources = fetching.locate_records(config, report=print)
    summary, inputs, detections = PreprocessingSummary(), {}, []
    with handover(config.paths.processed) as output:
        scratch = TemporaryDirectory(dir=output.path(TABLE).parent)
        with scratch as folder, BeatWriter(output, config.beat.samples, config.records.lead_count) as writer:
            processed = preprocessing.process_records([*sources], [*sources.values()], config, folder, executors, ahead)
            for record in tqdm(processed, "records", total=len(sources), unit="record", disable=None):
                summary.add(record)
                if record.beats is not None:
                    for rows, windows in record.beats.parts():
                        writer.append(rows, windows)
                    inputs.update(record.inputs)
                    detections += [record.detection] if record.detection else []
        check_splits(summary.per_split(), config.split, summary.skipped)
        if detections:
            write_detection(output, detections)
        output.describe(SCRIPT, config, settings.SHAPES_BEATS, inputs, skipped=summary.skipped)
    following = commandline.command_of("train_model.py")
    print(f"{summary.text()}\n\nWrote {writer.beats:,} beats to {config.paths.processed}. Next: {following}")


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(preprocess, commandline.add_cluster_option, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
