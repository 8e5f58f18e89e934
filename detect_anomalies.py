"""Find the beats that are not normal in recordings that nobody annotated, with a trained model.

Reads WFDB records (mitdb/100), EDF, BDF, tables and files of many devices; searches folders and patterns for them.
Writes to --output, per recording: NAME.beats.csv, NAME.anomaly (WFDB annotations), NAME.summary.json and NAME.html;
of several recordings also recordings.summary.csv, a table with a row for each.
"""

import sys

from ecg_anomaly import commandline
from ecg_anomaly.batch.options import add_options


def detect(config, options):
    """Analyse the recordings, say what was found, and return the exit status."""
    from contextlib import closing

    from tqdm import tqdm

    from ecg_anomaly.batch.naming import find
    from ecg_anomaly.batch.options import request_of
    from ecg_anomaly.batch.outcome import Tally
    from ecg_anomaly.batch.results import OutputError
    from ecg_anomaly.batch.running import detect_all
    from ecg_anomaly.cluster import shared_out
    from ecg_anomaly.handover.model import check_detector
    from ecg_anomaly.processes import stopped_by_termination
    from ecg_anomaly.storage import local_name, place

    folder = place(local_name(options.output or f"{config.paths.outputs}/detected"))
    config = check_detector(config, commandline.warn)
    recordings = find(options.recordings, options.listed, commandline.warn)
    request = request_of(options, folder, len(recordings))
    done = Tally(recordings, folder)
    try:
        with stopped_by_termination(), shared_out(options.cluster, config, commandline.warn) as sharing:
            outcomes = detect_all(recordings, request, config, workers=options.workers, calls=sharing.detecting)
            with closing(outcomes):
                for outcome in tqdm(outcomes, "recordings", total=len(recordings), disable=None):
                    done.add(outcome)
                    for line in outcome.messages:
                        tqdm.write(line)
    except KeyboardInterrupt:
        commandline.warn(done.stopped())
        return commandline.EXIT_INTERRUPTED
    except OutputError:
        commandline.warn(done.stopped())
        raise
    print(done.words())
    return commandline.EXIT_SOME_FAILED if done.failed else commandline.EXIT_SUCCESS


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(detect, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
