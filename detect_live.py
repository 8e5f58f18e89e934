"""Say which beats are not normal while the signal arrives, with a trained model; Ctrl-C ends it.

The signal comes from a recording that is replayed (--replay mitdb/208), from lines of samples on standard input
(--stdin), or from a stream of the Lab Streaming Layer (--lsl NAME). With --output, NAME.beats.csv, NAME.anomaly (WFDB
annotations), NAME.summary.json and NAME.html are written when it ends, as detect_anomalies.py does for a file.
"""

import functools
import math
import sys
import time
from datetime import datetime
from pathlib import Path

from ecg_anomaly import commandline


def add_options(parser):
    """Add what says where the signal comes from, and where results go."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--replay", metavar="RECORDING", help="a recording, by path or as mitdb/208")
    source.add_argument(
        "--stdin", action="store_true", help="a line per sample, one number per lead, on standard input"
    )
    source.add_argument("--lsl", metavar="NAME", help="name or source id of a stream of the Lab Streaming Layer")
    parser.add_argument("--speed", type=_speed, help="of a replay, times the real one; max: as fast as possible")
    parser.add_argument("--leads", type=lambda text: tuple(text.split(",")), default=(), help="leads to use, as II,V1")
    parser.add_argument("--sampling-rate", type=float, metavar="HZ", help="lines per second on standard input")
    parser.add_argument("--gain", type=float, metavar="UNITS", help="units per millivolt where the source does not say")
    parser.add_argument("--duration", type=float, metavar="SECONDS", default=math.inf, help="end after so much signal")
    parser.add_argument("--view", choices=("terminal",), help="draw the signal while it comes")
    parser.add_argument("--output", metavar="FOLDER", help="where results go; default: nothing is written")
    parser.add_argument("--name", help="what the files are called; default: as the recording or stream, or stdin")
    parser.add_argument("--force", action="store_true", help="replace results that are there")


def detect(config, options):
    """Follow the source until it ends or Ctrl-C, say what is found, and write the files."""
    from ecg_anomaly.batch import Request, check_free
    from ecg_anomaly.handover.model import check_detector, read_detector
    from ecg_anomaly.live.opening import Named, open_source
    from ecg_anomaly.live.recorder import Recorder
    from ecg_anomaly.live.session import Session
    from ecg_anomaly.live.views import open_view

    config = check_detector(config, commandline.warn)
    request = Request(Path(options.output or ""), options.leads, options.sampling_rate, options.gain, options.force)
    source = open_source(Named(options.replay, options.speed, options.lsl), request, config)
    name, rate_hz, leads = options.name or source.name, source.sampling_rate_hz, source.leads
    view = open_view(options.view, name, source, functools.partial(print, flush=True))
    if options.output:
        check_free([name], request)
    session = Session(read_detector(config), rate_hz, leads, look_at_start=options.replay is None)
    recorder = Recorder(request, name, rate_hz, leads) if options.output else None
    try:
        follow(source, session, recorder, view, options)
    finally:  # whatever ends it: what was recorded is kept
        if recorder and recorder.finish([*source.notes, *session.notes]):
            print(f"Wrote the results to {options.output}")


def follow(source, session, recorder, view, options):
    """Analyse what comes until the source ends, Ctrl-C, or enough has come; say and keep what is found."""
    import numpy as np

    from ecg_anomaly.live.interrupts import ending_signals
    from ecg_anomaly.live.sources import Portion

    def take(signals_mv, news):
        if recorder:
            recorder.add(signals_mv, news.findings)
        now = None if options.replay else datetime.now()
        for message in news.messages:
            view.say(session.tally.stamp(message.time_s, now), message)
        view.show(signals_mv, news, session.tally, time.monotonic())

    start = f"{source.name}: {', '.join(source.leads)} at {float(source.sampling_rate_hz):g} Hz; Ctrl-C ends"
    nothing = np.empty((0, len(source.leads)))
    with ending_signals() as ended, view:
        take(nothing, session.push(Portion(nothing, (start, *source.notes)), time.monotonic()))
        try:
            for portion in source.portions():
                take(portion.signals_mv, session.push(portion, time.monotonic()))
                if ended.is_set() or session.tally.duration_s >= options.duration:
                    break
        finally:
            take(nothing, session.finish())
    print(session.tally.words())


def _speed(text):
    return math.inf if text in ("max", "0") else float(text)


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(detect, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
