"""Serve the web application on this machine: drop a recording, see which beats are not normal, and why.

Uses the detector that was trained here, or else the one that comes with the package; --config configs/demo.yaml uses
that of `make demo`. Ctrl-C ends it; recordings and marks stay in the folder of --workspace.
"""

import signal
import sys
from pathlib import Path

from ecg_anomaly import commandline

LOOPBACK = ("127.0.0.1", "localhost")


def add_options(parser):
    """Add where the application is served."""
    parser.add_argument("--port", type=int, default=8050, help="default: 8050")
    parser.add_argument("--host", default=LOOPBACK[0], help="of another address: whoever reaches it can use it")
    parser.add_argument("--workspace", type=Path, metavar="FOLDER", help="where recordings and marks stay")
    count = commandline.positive_count
    parser.add_argument("--workers", type=count, metavar="N", help="recordings at a time; default: one per core")
    parser.add_argument("--debug", action="store_true", help="Dash's development server, with its tools")


def serve(config, options):
    """Serve until Ctrl-C."""
    from ecg_anomaly.web.app import create_app
    from ecg_anomaly.web.serving import check_free_port, make_server
    from ecg_anomaly.web.state import ServerState
    from ecg_anomaly.web.warm_up import start_warm_up

    host, port = options.host, options.port
    check_free_port(host, port)
    if host not in LOOPBACK:
        print(f"Warning: whoever reaches {host} can open and see recordings here; there is no password")
    state = ServerState(config, options.workspace, options.workers)
    app = create_app(state, LOOPBACK if host in LOOPBACK else ())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(commandline.EXIT_INTERRUPTED))  # as Ctrl-C does
    try:
        start_warm_up(state)
        if options.debug:  # a reloader would load the model twice, the check of versions asks another machine
            app.run(host, port, debug=True, use_reloader=False, dev_tools_disable_version_check=True)
        else:
            server = make_server(app.server, host, port)
            print(f"Open http://{host}:{port} in a browser; Ctrl-C ends it\n{state.recordings.words}", flush=True)
            server.run()
    finally:
        if state.close():
            print(f"Recordings and marks stay: go on with --workspace {state.recordings.root}")


def main(argv=None):
    """Run the script; return its exit status."""
    return commandline.run_with_options(serve, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
