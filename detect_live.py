"""Say which beats are not normal while the signal arrives, with a trained model; Ctrl-C ends it.

The signal comes from a recording that is replayed (--replay mitdb/208), from lines of samples on standard input
(--stdin), or from a stream of the Lab Streaming Layer (--lsl NAME). With --output, NAME.beats.csv, NAME.anomaly (WFDB
annotations), NAME.summary.json and NAME.html are written when it ends, as detect_anomalies.py does for a file.
"""

import sys
from pathlib import Path

from ecg_anomaly import commandline
from ecg_anomaly.live.options import add_options


def detect(config, options):
    """Follow the source until it ends or Ctrl-C, say what is found, and write the files."""
    from ecg_anomaly.batch.request import Request
    from ecg_anomaly.batch.results import check_free
    from ecg_anomaly.handover.model import check_detector, read_detector
    from ecg_anomaly.live.following import follow
    from ecg_anomaly.live.opening import open_source
    from ecg_anomaly.live.recorder import Recorder
    from ecg_anomaly.live.session import Session
    from ecg_anomaly.live.views import open_view

    config = check_detector(config, commandline.warn)
    leads = commandline.asked_leads(options.leads)
    request = Request(Path(options.output or ""), leads, options.sampling_rate, options.gain, options.force)
    source = open_source(options, request, config)
    name, rate_hz, leads = options.name or source.name, source.sampling_rate_hz, source.leads
    view = open_view(options.view, name, source)
    if options.output:
        check_free([name], request)
    detector = read_detector(config)
    session = Session(detector, rate_hz, leads, look_at_start=options.replay is None)
    recorder = Recorder(request, name, detector, rate_hz, leads) if options.output else None
    try:
        follow(source, session, recorder, view, options.duration)
        print(session.tally.words())
    finally:  # whatever ends it: what was recorded is kept
        if recorder and recorder.finish([*source.notes, *session.notes], getattr(source, "start_time", None)):
            print(f"Wrote the results to {options.output}")


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(detect, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
