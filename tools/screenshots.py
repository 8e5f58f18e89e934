"""Take the pictures of the web application for the README: ``make screenshots``.

They show the review of three records of MIT-BIH, from the drop to the page to print, or of the simulated example where
the records are not there, in a wide and in a narrow window.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from ecg_anomaly import commandline
from ecg_anomaly.config import Config
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.web.warm_up import warm_up
from tools.application import served
from tools.browser import browsing, open_page

_IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
_SIZES = {"": (1280, 1250), "-phone": (390, 1400)}  # what ends the name of a picture: width and height of the window
_SETTLED_MS = 2000
_COLOURS = 96  # in a picture: more than the page has, and less than half of the size
_EXAMPLE_MINUTES, _EXAMPLE_SEED = 10.0, 3


def take_pictures(config: Config) -> None:
    """Take all pictures with a model.

    Raises
    ------
    UserError
        When there is no browser or no model.
    """
    with tempfile.TemporaryDirectory() as folder:
        headers = _records(config, Path(folder))
        for end, (width, height) in _SIZES.items():
            with served(config) as (address, state), browsing() as browser:
                warm_up(state)
                _review(browser, address, headers, end, width, height)


def _records(config: Config, folder: Path) -> list[Path]:
    """Give the headers of the records that are reviewed, one for each way of looking at them."""
    for records in config.paths.record_folders:
        headers = [records / "mitdb" / f"{name}.hea" for name in ("208", "119", "207")]
        if all(header.is_file() for header in headers):
            return headers
    return [folder / "simdb" / f"{write_database(folder / 'simdb', 1, _EXAMPLE_MINUTES, _EXAMPLE_SEED)[0]}.hea"] * 3


def _review(browser: Browser, address: str, headers: list[Path], end: str, width: int, height: int) -> None:
    """Review the records one after the other, and take a picture of each way of looking at one."""
    page = open_page(browser, address, width, height)
    for header, (name, look) in zip(headers, _LOOKS.items(), strict=True):
        files = [header.with_suffix(suffix) for suffix in (".hea", ".dat", ".atr")]
        page.set_input_files("#files", [str(file) for file in files if file.is_file()])
        page.locator("#headline h3", has_text=header.stem).wait_for()
        page.wait_for_timeout(_SETTLED_MS)
        look(page)
        page.evaluate("document.getElementById('beats').scrollIntoView()")
        page.wait_for_timeout(_SETTLED_MS)
        _save(page, f"{name}{end}.png")
    page.goto(f"{address}{page.get_attribute('#download-print', 'href')}")
    page.wait_for_timeout(_SETTLED_MS)
    _save(page, f"web-print{end}.png")
    page.close()


def _mark_groups(page: Page) -> None:
    page.locator("#groups-grid .ag-row .ag-selection-checkbox").first.click()
    page.click("#groups-right")


def _mark_beats(page: Page) -> None:
    page.get_by_role("tab", name="Beats").click()
    page.locator("section#strip").focus()
    for key in ("r", "n", "r", "n", "w", "n"):
        page.keyboard.press(key)
        page.wait_for_timeout(_SETTLED_MS / 10)


def _look_at_events(page: Page) -> None:
    page.get_by_role("tab", name="Events").click()
    rows = page.locator("#events-grid .ag-center-cols-container .ag-row")
    flutter = rows.filter(has_text="flutter")
    (flutter if flutter.count() else rows).first.click()


_LOOKS: dict[str, Callable[[Page], None]] = {
    "web": _mark_groups,
    "web-beats": _mark_beats,
    "web-events": _look_at_events,
}


def _save(page: Page, name: str) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.quantize(_COLOURS).save(_IMAGES / name, optimize=True)


if __name__ == "__main__":
    sys.exit(commandline.run_script(take_pictures, __doc__))
