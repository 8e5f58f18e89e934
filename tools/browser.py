"""A browser, the system's Chromium: for pictures, measurements and tests of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from ecg_anomaly.errors import UserError

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


def open_page(browser: Browser, address: str, width: int, height: int) -> Page:
    """Open the page of the application, in a window of a size and in light colours."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector("#files")
    return page
