"""A browser, the system's Chromium, and the web application served to it: for pictures and measurements of the page."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright
from waitress import create_server

from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import check_detector
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.state import ServerState

_HOST, _THREADS = "127.0.0.1", 16
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_BROWSER_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_PATIENCE_MS = 600_000  # a day takes a while on a busy machine


@contextmanager
def browsing() -> Iterator[Browser]:
    """Start the browser while the block runs; `UserError` when there is none."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        raise UserError("there is no Chromium; install it (Debian: apt-get install chromium)")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=_BROWSER_OPTIONS)
        yield browser
        browser.close()


@contextmanager
def served(config: Config) -> Iterator[tuple[str, ServerState]]:
    """Serve the application while the block runs; give its address, and what it knows. `UserError` without a model."""
    check_detector(config)
    state = ServerState(config)
    server = create_server(create_app(state, ()).server, host=_HOST, port=0, threads=_THREADS)
    threading.Thread(target=server.run, daemon=True).start()
    try:
        yield f"http://{_HOST}:{server.effective_port}", state
    finally:
        server.close()
        state.close()


def open_page(browser: Browser, address: str, width: int, height: int) -> Page:
    """Open the page of the application, in a window of a size and in light colours."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector("#files")
    return page
