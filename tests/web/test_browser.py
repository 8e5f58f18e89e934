"""The web application in a real browser, the system's Chromium: from a dropped file to a downloaded decision."""

import shutil
import socket
import subprocess
import sys

import edfio
import pandas as pd
import pytest
import wfdb

from tests.conftest import ROOT

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def address(finished):
    for _ in range(10):  # a port that is free may be taken by another program meanwhile
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, str(ROOT / "web_app.py"), *finished.settings(), "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if said := server.stdout.readline():
            break
    assert "Open http://127.0.0.1:" in said
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(600)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = running.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture(params=[(1280, "light")], ids=["desktop"])
def page(request, browser, address):
    """A page, which must have neither errors nor requests to other machines, nor be wider than its window."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    errors, addresses = [], []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda sent: addresses.append(sent.url))
    opened.goto(address)
    opened.wait_for_selector("#files")
    yield opened
    assert errors == []
    assert {sent for sent in addresses if not sent.startswith((address, "data:", "blob:"))} == set()
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def drop(page, finished, *kinds):
    page.set_input_files("#files", [str(finished.records / f"simdb/s007.{kind}") for kind in kinds])


def changed(page, selector, act):
    before = page.inner_text(selector)
    act()
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).innerText !== before", arg=[selector, before]
    )
    return page.inner_text(selector)


def says(page, selector, words):
    playwright.expect(page.locator(selector)).to_contain_text(words, timeout=PATIENCE_MS)


@pytest.mark.parametrize("page", [(1280, "light"), (390, "dark")], ids=["desktop", "phone"], indirect=True)
def test_from_a_dropped_record_to_a_downloaded_decision(page, finished, tmp_path):
    drop(page, finished, "hea", "dat", "atr")
    page.wait_for_selector("#paper svg .signal")
    assert page.inner_text("#headline h3") == "s007"
    assert "annotated as" in page.inner_text("#beat-words")
    for figure in ("#overview-figure", "#beat-figure", "#signal-figure"):
        page.wait_for_selector(f"{figure} .js-line, {figure} .points")
        assert page.locator(figure).bounding_box()["height"] > 350  # makes room for what it draws

    changed(page, "#beat-words h3", lambda: page.keyboard.press("n"))
    assert "right" in changed(page, "#list", lambda: page.keyboard.press("r"))
    changed(page, "#beat-words h3", lambda: page.click("#earlier"))
    changed(page, "#beat-words h3", page.locator("#list button[data-beat]").first.click)

    flagged = int(page.inner_text("#outcome .tiles dd >> nth=0"))
    page.focus("#threshold-value [role=slider]")
    changed(page, "#outcome", lambda: page.keyboard.press("Home"))
    assert int(page.inner_text("#outcome .tiles dd >> nth=0")) > flagged
    changed(page, "#outcome", lambda: page.click("#reset"))

    with page.expect_download() as waiting:
        page.click("#download-annotations")
    waiting.value.save_as(tmp_path / "s007.anomaly")
    annotations = wfdb.rdann(str(tmp_path / "s007"), "anomaly")
    assert annotations.symbol.count("Q") == flagged
    assert sum(note.endswith("marked right") for note in annotations.aux_note) == 1

    page.click("#close")
    page.wait_for_selector("#recording-parts", state="hidden")


def write_csv(path, record):
    pd.DataFrame(record.p_signal, columns=record.sig_name).to_csv(path, index=False)


def write_edf(path, record):
    signals = [
        edfio.EdfSignal(values, record.fs, label=name, physical_dimension="mV", physical_range=(-10, 10))
        for values, name in zip(record.p_signal.T, record.sig_name, strict=True)
    ]
    edfio.Edf(signals).write(path)


def write_bdf(path, record):
    signals = [
        edfio.BdfSignal(values, record.fs, label=name, physical_dimension="mV", physical_range=(-10, 10))
        for values, name in zip(record.p_signal.T, record.sig_name, strict=True)
    ]
    edfio.Bdf(signals).write(path)


def test_files_of_other_formats(page, finished, tmp_path):
    record = wfdb.rdrecord(str(finished.records / "simdb/s007"), sampto=360 * 40)
    for kind, write in (("csv", write_csv), ("edf", write_edf), ("bdf", write_bdf)):
        path = tmp_path / f"dropped_{kind}.{kind}"
        write(path, record)
        page.set_input_files("#files", str(path))
        if kind == "csv":
            says(page, "#message", "“samples per second”")
            page.fill("#rate", "360")  # in fields that have opened; the others agree with it
            page.click("#again")
        says(page, "#headline h3", f"dropped_{kind}")
        page.wait_for_selector("#list table, #list p")
        says(page, "#headline", "MLII, V1")
        says(page, "#headline", "0:00:40")


def test_damaged_files(page, tmp_path):
    for name, content, words in (
        ("damaged.csv", "no\nnumbers\n", "damaged.csv"),
        ("damaged.edf", "0       ", "damaged.edf"),
        ("damaged.zip", "PK\3\4", "damaged.zip: is a ZIP archive; unpack it"),
    ):
        (tmp_path / name).write_text(content)
        page.set_input_files("#files", str(tmp_path / name))
        says(page, "#message", words)
        assert page.is_hidden("#recording-parts")


def test_signals_without_their_header(page, finished):
    drop(page, finished, "dat")
    says(page, "#message", "header")


def test_a_record_is_played(page):
    page.click("#play")
    page.wait_for_selector("#live-part:not([hidden]) .js-line")
    says(page, "#live-state", "Playing")
    page.click("#stop")
    says(page, "#live-state", "Stopped")


def seen_s(page, condition):
    """What is seen of the signal, once a condition on its start and end holds and just that is drawn."""
    state = """() => {
      const drawn = document.querySelector("#signal-figure .js-plotly-plot");
      const [times, [start, end]] = [drawn.data[1].x, drawn.layout.xaxis.range];
      const whole = Math.abs(times[0] - start) < 0.1 && Math.abs(times[times.length - 1] - end) < 0.1;
      return whole && (CONDITION) ? [start, end] : null;
    }""".replace("CONDITION", condition)
    return page.wait_for_function(state).json_value()


def test_the_signal_stays_where_the_user_moves_it(page):
    page.click("#open-example")
    page.wait_for_selector("#signal-figure .js-line")
    page.wait_for_selector("#beat-words h3")  # before a beat is chosen there is none to go to
    page.click("#move-beat")
    seen_s(page, "Math.abs(end - start - 10) < 0.01")
    page.locator("#signal-figure").scroll_into_view_if_needed()
    box = page.locator("#signal-figure .nsewdrag").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 300)
    start_s, end_s = seen_s(page, "end - start > 10.5")
    page.keyboard.press("+")
    nearer_s = seen_s(page, f"end - start < {0.6 * (end_s - start_s)}")
    assert nearer_s == pytest.approx([0.75 * start_s + 0.25 * end_s, 0.25 * start_s + 0.75 * end_s])


def test_with_the_keyboard_alone(page):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "open-example":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#paper svg .signal")
    changed(page, "#beat-words h3", lambda: page.keyboard.press("n"))
    page.keyboard.press("w")
    says(page, "#list", "✗ wrong")
    seen = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('role')"))
    assert {"next", "mark-right", "move-in", "slider", "download-report", "play"} <= seen
