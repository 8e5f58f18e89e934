"""Say which beats are not normal while the signal arrives, with a trained model; Ctrl-C ends it.

The signal comes from a recording that is replayed (--replay mitdb/208), from lines of samples on standard input
(--stdin), or from a stream of the Lab Streaming Layer (--lsl NAME); several recordings or streams may be followed. With
--output, NAME.beats.csv, NAME.anomaly (WFDB annotations), NAME.summary.json and NAME.html are written when it ends, as
detect_anomalies.py does for a file. The same command takes up again what was cut off; --finish makes its files.
"""

import sys
from pathlib import Path

from ecg_anomaly import commandline
from ecg_anomaly.live.options import add_options


def detect(config, options):
    """Follow the sources until they end or Ctrl-C, say what is found, write the files and return the exit status."""
    from ecg_anomaly.batch.request import Request
    from ecg_anomaly.handover.model import check_detector, read_detector
    from ecg_anomaly.live.following import follow
    from ecg_anomaly.live.opening import open_sources
    from ecg_anomaly.live.recorder import finish_left
    from ecg_anomaly.live.start import start_all

    config = check_detector(config, commandline.warn)
    leads = commandline.asked_leads(options.leads)
    request = Request(Path(options.output or ""), leads, options.sampling_rate, options.gain, options.force)
    if options.finish:
        failed = finish_left(options.output, options.name, read_detector(config), print)
        return commandline.EXIT_SOME_FAILED if failed else commandline.EXIT_SUCCESS
    opened = open_sources(options, request, config)
    started = start_all(opened, options, request, lambda: read_detector(config), commandline.warn)
    failed = len(opened) - len(started)
    try:
        follow(started, options.duration)
    finally:  # whatever ends it: what was recorded is kept
        for followed in started:
            before = f"{followed.name}  " if len(opened) > 1 else ""
            print(f"{before}{followed.session.tally.words()}")
            if followed.finish(request.folder):
                print(f"{before}Wrote the results to {options.output}")
            if followed.error:
                commandline.warn(f"{before}{followed.error}")
                failed += 1
    if failed == len(opened):
        return commandline.EXIT_USER_ERROR
    return commandline.EXIT_SOME_FAILED if failed else commandline.EXIT_SUCCESS


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(detect, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
