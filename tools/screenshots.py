"""Take the pictures of the web application for the README: ``make screenshots``.

They show the simulated example, judged by the model of the settings, in the system's Chromium.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ecg_anomaly import commandline
from ecg_anomaly.config import DEFAULT_CONFIG, Config
from ecg_anomaly.errors import UserError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_BROWSER_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_OPENS = "Open "  # what web_app.py says before the address

_ROOT = DEFAULT_CONFIG.parent
_IMAGES = _ROOT / "docs" / "images"
_PICTURES = {"web.png": (1280, 1600), "web-phone.png": (390, 1400)}  # width and height
_SETTLED_MS = 1500
_PATIENCE_MS = 120_000  # the model may still be loading
_COLOURS = 160  # in a picture: more than the page has, and less than half of the size
_PORT = "8051"


def take_pictures(config: Config) -> None:
    """Take all pictures with a model.

    Raises
    ------
    UserError
        When there is no browser, or the application does not start.
    """
    from playwright.sync_api import sync_playwright

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
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(config.model_dump_json())  # JSON is YAML
        file.flush()
        command = [sys.executable, str(_ROOT / "web_app.py"), "--config", file.name, "--port", _PORT]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None  # a pipe was asked for
        line = server.stdout.readline()
    try:
        if not line.startswith(_OPENS):
            raise UserError(f"the application does not start: {line.strip() or 'see above'}")
        yield line.split()[1]
    finally:
        server.terminate()
        server.wait()


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit status."""
    return commandline.run_script(take_pictures, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
