"""Take the pictures of the web application for the README: ``make screenshots``.

They show the simulated example, judged by the model of the settings, in the system's Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from waitress import create_server

from ecg_anomaly import commandline
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import check_detector
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.state import ServerState

_HOST, _THREADS = "127.0.0.1", 16
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_BROWSER_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")

_IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
_PICTURES = {"web.png": (1280, 1600), "web-phone.png": (390, 1400)}  # width and height
_SETTLED_MS = 1500
_PATIENCE_MS = 120_000  # the model may still be loading
_COLOURS = 160  # in a picture: more than the page has, and less than half of the size


def take_pictures(config: Config) -> None:
    """Take all pictures with a model.

    Raises
    ------
    UserError
        When there is no browser or no model.
    """
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        raise UserError("there is no Chromium; install it (Debian: apt-get install chromium)")
    with _served(config) as address, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=_BROWSER_OPTIONS)
        for name, (width, height) in _PICTURES.items():
            _take(browser, address, _IMAGES / name, width, height)
        browser.close()


@contextmanager
def _served(config: Config) -> Iterator[str]:
    """Serve the application while the block runs; give its address."""
    check_detector(config)
    state = ServerState(config)
    server = create_server(create_app(state, ()).server, host=_HOST, port=0, threads=_THREADS)
    threading.Thread(target=server.run, daemon=True).start()
    try:
        yield f"http://{_HOST}:{server.effective_port}"
    finally:
        server.close()
        state.close()


def _take(browser: Browser, address: str, target: Path, width: int, height: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(address)
    page.click("#open-example")
    page.wait_for_selector("#paper svg .signal")
    page.keyboard.press("n")
    page.keyboard.press("r")
    page.keyboard.press("n")
    page.wait_for_selector("#signal-figure .js-line")
    page.wait_for_timeout(_SETTLED_MS)
    page.evaluate("document.getElementById('overview').scrollIntoView()")
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.quantize(_COLOURS).save(target, optimize=True)
    page.close()


if __name__ == "__main__":
    sys.exit(commandline.run_script(take_pictures, __doc__))
