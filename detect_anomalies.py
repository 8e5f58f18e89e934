"""Find the beats that are not normal in recordings that nobody annotated, with a trained model.

Reads WFDB records (mitdb/100), EDF and BDF files, and CSV files in millivolts. Writes to --output, per recording:
NAME.beats.csv, NAME.anomaly (WFDB annotations), NAME.summary.json and NAME.html.
"""

import sys

from ecg_anomaly import commandline


def add_options(parser):
    """Add what says which recordings, how to read them and where results go."""
    parser.add_argument("recordings", nargs="+", metavar="RECORDING", help="a WFDB record, an EDF, BDF or CSV file")
    parser.add_argument("--output", metavar="FOLDER", help="where results go; default: detected, in paths.outputs")
    parser.add_argument("--leads", type=lambda text: tuple(text.split(",")), default=(), help="leads to use, as II,V1")
    parser.add_argument("--sampling-rate", type=float, metavar="HZ", help="of a CSV file without a time column")
    parser.add_argument("--gain", type=float, metavar="UNITS", help="units per millivolt of a CSV file; default: 1")
    parser.add_argument("--force", action="store_true", help="replace results that are there")


def detect(config, options):
    """Analyse the recordings, say what was found, and return the exit status."""
    from pathlib import Path

    import pandas as pd
    from tqdm import tqdm

    from ecg_anomaly import batch
    from ecg_anomaly.handover.model import check_detector

    config = check_detector(config, commandline.warn)
    folder = Path(options.output or Path(config.paths.outputs) / "detected")
    request = batch.Request(folder, options.leads, options.sampling_rate, options.gain, options.force)
    batch.check_names(options.recordings, request)

    outcomes = []
    found = batch.detect_all(options.recordings, request, config)
    for outcome in tqdm(found, "recordings", total=len(options.recordings), disable=None):
        outcomes.append(outcome)
        for line in outcome.messages:
            tqdm.write(line)
    done = {outcome.path: outcome.summary for outcome in outcomes if outcome.summary}
    if done:
        table = pd.DataFrame(list(done.values()), index=list(done))
        print(table[["beats", "flagged", "flagged_per_hour", "unreadable_share"]].round(3).to_string())
        print(f"Wrote the results of {len(done)} recordings to {folder}")
    failed = len(outcomes) - len(done)
    if failed:
        print(f"{failed} of {len(outcomes)} recordings could not be analysed, see above")
    return commandline.EXIT_SOME_FAILED if failed else commandline.EXIT_SUCCESS


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(detect, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
