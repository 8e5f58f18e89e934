"""The web application, served while something looks at it: for pictures and measurements of the page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ecg_anomaly.config import Config
from ecg_anomaly.handover.model import check_detector
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.serving import make_server
from ecg_anomaly.web.state import ServerState

_HOST = "127.0.0.1"


@contextmanager
def served(config: Config) -> Iterator[tuple[str, ServerState]]:
    """Serve the application while the block runs; give its address, and what it knows. `UserError` without a model."""
    check_detector(config)
    state = ServerState(config)
    server = make_server(create_app(state, ()).server, _HOST, 0)
    threading.Thread(target=server.run, daemon=True).start()
    try:
        yield f"http://{_HOST}:{server.effective_port}", state
    finally:
        server.close()
        state.close()
