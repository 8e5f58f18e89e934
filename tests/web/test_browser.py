"""The web application in a real browser, the system's Chromium: from a dropped file to a downloaded decision."""

import functools
import io

import edfio
import pandas as pd
import pytest
import wfdb

from tests.web.web_parts import changed, drop, dropped, says


@pytest.mark.parametrize("page", [(1280, "light"), (390, "dark")], ids=["desktop", "phone"], indirect=True)
def test_from_a_dropped_record_to_a_downloaded_decision(page, finished, tmp_path):
    drop(page, finished, "hea", "dat", "atr")
    page.wait_for_selector("#paper svg .signal")
    assert page.inner_text("#headline h3") == "s007"
    says(page, "#beat-words", "annotated as")
    for figure in ("#overview-figure", "#beat-figure", "#signal-figure"):
        page.wait_for_selector(f"{figure} .js-line, {figure} .points")
        assert page.locator(figure).bounding_box()["height"] > 350  # makes room for what it draws

    whole = "cells => cells.every(cell => cell.scrollHeight <= cell.clientHeight)"
    assert page.locator("#groups-grid .ag-cell[col-id=name]").evaluate_all(whole)  # names of groups are not cut

    changed(page, "#beat-words h3", lambda: page.keyboard.press("n"))
    assert "right" in changed(page, "#undo", lambda: page.keyboard.press("r"))
    says(page, "#outcome", "marked right")
    changed(page, "#beat-words h3", lambda: page.click("#earlier"))
    page.get_by_role("tab", name="Beats").click()
    changed(page, "#beat-words h3", page.locator("#beats-grid .ag-cell[col-id=time_s]").nth(5).click)
    page.wait_for_function(
        "() => document.getElementById('strip').getBoundingClientRect().top < innerHeight / 2"
    )  # in sight

    flagged = int(page.inner_text("#outcome .tiles dd >> nth=0"))
    changed(page, "#outcome", lambda: page.press("#threshold [role=slider]", "Home"))
    assert int(page.inner_text("#outcome .tiles dd >> nth=0")) > flagged
    changed(page, "#outcome", lambda: page.click("#reset"))

    with page.expect_download() as waiting:
        page.click("#download-annotations")
    waiting.value.save_as(tmp_path / "s007.anomaly")
    annotations = wfdb.rdann(str(tmp_path / "s007"), "anomaly")
    assert annotations.symbol.count("Q") == flagged
    assert sum(note.endswith("marked right") for note in annotations.aux_note) == 1


def marks_of(page):
    """The marks that the server has, by row."""
    key = page.evaluate("JSON.parse(sessionStorage.getItem('opened'))")
    answer = page.request.get(f"{page.url}recordings/{key}/beats")
    return pd.read_csv(io.BytesIO(answer.body()), keep_default_na=False)["mark"]


def sent(page):
    """Wait until all marks are on the server."""
    page.wait_for_function("() => sessionStorage.getItem('unsent') === '[]'")


def test_marks_are_not_lost(page, finished):
    dropped(page, finished)
    page.fill("#threshold-field", "0")  # so that there are enough
    says_flagged = changed(page, "#beats-words", lambda: page.keyboard.press("Enter"))
    assert int(says_flagged.split()[0]) > 20
    page.evaluate("document.activeElement.blur()")
    for _ in range(15):  # faster than the server answers
        page.keyboard.press("r")
        page.keyboard.press("n")
        page.wait_for_timeout(80)
    sent(page)
    assert (marks_of(page) == "right").sum() == 15

    assert "redo" in changed(page, "#redo", lambda: page.keyboard.press("Control+z")).lower()
    sent(page)
    assert (marks_of(page) == "right").sum() == 14
    changed(page, "#redo", lambda: page.keyboard.press("Control+Shift+z"))
    sent(page)
    assert (marks_of(page) == "right").sum() == 15

    beat = page.inner_text("#beat-words h3")
    page.reload()
    says(page, "#beat-words", beat)  # the same beat, at the same threshold
    says(page, "#worklist-grid", "15 of")
    assert page.input_value("#threshold-field") == "0"
    page.fill("#threshold-field", "")
    changed(page, "#beats-words", lambda: page.keyboard.press("Enter"))
    assert float(page.input_value("#threshold-field")) > 0  # that of the model again

    page.context.set_offline(True)
    page.wait_for_selector("#offline:not([hidden])")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("w")
    says(page, "#unsent", "1 not saved yet")
    page.context.set_offline(False)
    page.wait_for_selector("#offline", state="hidden")
    says(page, "#message", "answers again")
    sent(page)
    assert (marks_of(page) == "wrong").sum() == 1
    page.errors.clear()  # of requests to a server that was not there


def test_groups_and_lists(page, finished):
    dropped(page, finished)
    row = page.locator("#groups-grid .ag-cell[col-id=name]").first
    count = int(page.locator("#groups-grid .ag-cell[col-id=count]").first.inner_text())
    row.click()
    says(page, "#group-words", "group 1")
    page.keyboard.press("Shift+W")  # all that is chosen; w alone marks the beat
    says(page, "#groups-grid", "✗ wrong")
    sent(page)
    assert (marks_of(page) == "wrong").sum() == count
    says(page, "#undo", "group 1")
    page.check("#unmarked")
    page.get_by_role("tab", name="Beats").click()
    page.click("#undo")
    sent(page)
    says(page, "#beats-words", "without a mark")

    cell = page.locator("#beats-grid .ag-cell[col-id=score]").first
    cell.click()
    page.locator("#beats-grid .ag-cell[col-id=score]").nth(3).click(modifiers=["Shift"])
    page.click("#beats-right")
    says(page, "#undo", "4 beats")
    sent(page)
    assert (marks_of(page) == "right").sum() == 4

    cell.focus()
    beat = page.inner_text("#beat-words h3")
    page.keyboard.press("ArrowDown")
    changed(page, "#beat-words h3", lambda: page.keyboard.press("Enter"))
    assert page.inner_text("#beat-words h3") != beat
    assert page.evaluate("document.activeElement.closest('#beats-grid') !== null")

    page.fill("#go-to", "0:01:00")
    changed(page, "#beat-words h3", lambda: page.keyboard.press("Enter"))
    assert page.inner_text("#beat-words h3").startswith(("0:00:59", "0:01:00"))
    page.fill("#go-to", "noon")
    page.keyboard.press("Enter")
    says(page, "#message", "noon")
    page.click("#dismiss")

    before = marks_of(page)
    page.click("#open-title")  # folded while a recording is shown
    for typed_in in (
        *("#records", "#reviewer", "#go-to", "#filter-called", "#threshold-field", "#threshold [role=slider]"),
        *("#worklist-grid .ag-cell[col-id=state]", "#speed"),
    ):
        page.locator(typed_in).first.focus()
        for key in "rwun":
            page.keyboard.press(key)
    page.keyboard.press("Escape")
    sent(page)
    assert marks_of(page).equals(before)
    for nothing_typed in ("[role=tab][data-active]", "#unmarked", "#beats-grid .ag-cell[col-id=score]"):
        page.locator(nothing_typed).first.focus()
        for key in "wr":
            changed(page, "#undo", functools.partial(page.keyboard.press, key))


def test_the_worklist(page, finished):
    drop(page, finished, "hea", "dat", names=("s007", "s008"))
    says(page, "#headline h3", "s007")
    page.locator("#worklist-grid .ag-row", has_text="s008").filter(has_text="analysed").first.wait_for()
    page.locator("#worklist-grid .ag-row", has_text="s008").locator(".name").first.click()
    says(page, "#headline h3", "s008")

    page.click("#open-title")  # folded while a recording is shown
    page.click("#open-records", force=True)  # without a choice, or without records
    page.route("**/recordings", lambda route: None)  # an upload that takes long
    drop(page, finished, "hea", "dat")
    with page.expect_event("requestfailed") as stopped:
        page.click("#cancel")
    assert stopped.value.url.endswith("/recordings")
    says(page, "#message", "stopped")
    page.unroute("**/recordings")
    assert page.inner_text("#headline h3") == "s008"

    rows = page.locator("#worklist-grid .ag-row").count()
    page.locator("#worklist-grid .ag-row", has_text="s008").get_by_role("button").first.click()
    says(page, "#delete-words", "s008")
    page.click("#delete-yes")
    page.wait_for_selector("#recording-parts", state="hidden")
    page.wait_for_function("(rows) => document.querySelectorAll('#worklist-grid .ag-row').length < rows", arg=rows)


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
    page.click("#dismiss")
    failed = page.locator("#worklist-grid .ag-row", has_text="damaged").first
    failed.locator(".name").first.click()
    says(page, "#message", "Not analysed: ")
    with page.expect_response("**/analyse") as asked:
        failed.get_by_role("button", name="Analyse damaged").click()
    assert asked.value.status == 204


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
    """What is seen of the signal, once a condition on its start and end holds and that is drawn, with a margin."""
    state = """() => {
      const drawn = document.querySelector("#signal-figure .js-plotly-plot");
      const [curve, [start, end]] = [drawn._fullData.find((curve) => curve.meta), drawn.layout.xaxis.range];
      const [first, last] = [curve.x0, curve.x0 + curve.dx * (curve.y.length - 1)];
      const whole = Math.abs(first - Math.max(0, 2 * start - end)) < 0.2 && last > end - 0.2;
      return whole && (CONDITION) ? [start, end, first, last] : null;
    }""".replace("CONDITION", condition)
    return page.wait_for_function(state).json_value()


def test_the_signal_stays_where_the_user_moves_it(page):
    page.click("#open-example")
    page.wait_for_selector("#signal-figure .js-line")
    page.wait_for_selector("#beat-words h3")  # before a beat is chosen there is none to go to
    page.click("#move-beat")
    start_s, end_s, *_ = seen_s(page, "Math.abs(end - start - 10) < 0.01")
    page.locator("#signal-figure").scroll_into_view_if_needed()
    box = page.locator("#signal-figure .nsewdrag").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 1)  # scrolls the page
    assert seen_s(page, "true")[:2] == [start_s, end_s]
    page.keyboard.down("Control")
    page.mouse.wheel(0, 300)
    page.keyboard.up("Control")
    start_s, end_s, *_ = seen_s(page, "end - start > 10.5")
    page.keyboard.press("+")
    nearer_s = seen_s(page, f"end - start < {0.6 * (end_s - start_s)}")[:2]
    assert nearer_s == pytest.approx([0.75 * start_s + 0.25 * end_s, 0.25 * start_s + 0.75 * end_s])

    page.mouse.down()  # while it is dragged, what comes into sight is drawn already
    page.mouse.move(box["x"] + 10, box["y"] + 10, steps=4)
    axis = "document.querySelector('#signal-figure .js-plotly-plot')._fullLayout.xaxis.range"
    page.wait_for_function(f"{axis}[0] > {nearer_s[0] + 1}")
    drawn = "document.querySelector('#signal-figure .js-plotly-plot')._fullData.find((curve) => curve.meta)"
    assert page.evaluate(f"{axis}[1] < {drawn}.x0 + {drawn}.dx * {drawn}.y.length")
    page.mouse.up()

    page.click("#signal-callipers")
    says(page, "#signal-readout", "Between the callipers")
    page.keyboard.press("Shift+ArrowRight")
    assert "ms" in page.evaluate("document.activeElement.getAttribute('aria-valuetext')")


def test_with_the_keyboard_alone(page):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "open-example":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#paper svg .signal")
    changed(page, "#beat-words h3", lambda: page.keyboard.press("n"))
    page.keyboard.press("w")
    says(page, "#undo", "wrong")
    seen = set()
    for _ in range(70):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('role')"))
    assert {"next", "mark-right", "groups-right", "move-in", "slider", "download-report", "play"} <= seen
