"""Find the beats that are not normal in recordings that nobody annotated, with a trained model.

Reads WFDB records (mitdb/100), EDF, BDF, tables and files of many devices; searches folders and patterns for them.
Writes to --output, per recording: NAME.beats.csv, NAME.anomaly (WFDB annotations), NAME.summary.json and NAME.html.
"""

import sys

from ecg_anomaly import commandline


def add_options(parser):
    """Add what says which recordings, how to read them and where results go."""
    parser.add_argument("recordings", nargs="*", metavar="RECORDING", help="a recording; a folder or pattern of some")
    parser.add_argument("--from", dest="listed", metavar="LIST", help="a file that names some, one a line; -: stdin")
    parser.add_argument("--output", metavar="FOLDER", help="where results go; default: detected, in paths.outputs")
    parser.add_argument("--leads", help="leads to use, as II,V1")
    parser.add_argument("--sampling-rate", type=float, metavar="HZ", help="of a table without times")
    parser.add_argument("--gain", type=float, metavar="UNITS", help="units per millivolt, where no voltage is given")
    parser.add_argument("--force", action="store_true", help="replace results that are there")


def detect(config, options):
    """Analyse the recordings, say what was found, and return the exit status."""
    from contextlib import closing
    from pathlib import Path

    from tqdm import tqdm

    from ecg_anomaly import batch
    from ecg_anomaly.handover.model import check_detector
    from ecg_anomaly.processes import stopped_by_termination

    config = check_detector(config, commandline.warn)
    folder = Path(options.output or Path(config.paths.outputs) / "detected")
    leads = commandline.asked_leads(options.leads)
    request = batch.Request(folder, leads, options.sampling_rate, options.gain, options.force)
    recordings = batch.find(options.recordings, options.listed, commandline.warn)
    done = batch.Tally(len(recordings), folder)
    try:
        with stopped_by_termination(), closing(batch.detect_all(recordings, request, config)) as found:
            for outcome in tqdm(found, "recordings", total=len(recordings), disable=None):
                done.add(outcome)
                for line in outcome.messages:
                    tqdm.write(line)
    except KeyboardInterrupt:
        commandline.warn(done.stopped())
        return commandline.EXIT_INTERRUPTED
    print(done.words())
    return commandline.EXIT_SOME_FAILED if done.failed else commandline.EXIT_SUCCESS


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(detect, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
