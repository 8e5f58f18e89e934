"""The page has no fault that axe finds, in every state, at both sizes, light and dark."""

import pytest

from tests.web.web_parts import drop, dropped, says

axe_of = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

# What the size of the window and the colours change is looked at in each; all else in one of each.
_FAULTS = {"resultTypes": ["violations"]}
_COLOURS = {**_FAULTS, "runOnly": ["color-contrast"]}
_LOOKS = ((1280, "light", _FAULTS), (390, "dark", _FAULTS), (1280, "dark", _COLOURS), (390, "light", _COLOURS))


def check(page, state, within=None):
    """Look with axe at a state of the page, or at the part of it that the state changes."""
    found = []
    for width, scheme, options in _LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colours on their way
        dark = "(scheme) => document.documentElement.dataset.mantineColorScheme === scheme"
        page.wait_for_function(dark, arg=scheme)
        violations = axe_of.Axe().run(page, context=within, options=options).response["violations"]
        found += [
            f"{state}, {width} px, {scheme}: {fault['id']} ({fault['impact']}): {node['html'][:200]}"
            for fault in violations
            for node in fault["nodes"]
        ]
    page.set_viewport_size({"width": 1280, "height": 900})
    assert found == []


def test_states_without_a_recording(page, finished, tmp_path):
    check(page, "empty")
    page.route("**/recordings", lambda route: None)  # an upload that takes long
    drop(page, finished, "hea", "dat")
    page.wait_for_selector("#working:not([hidden])")
    check(page, "working")
    page.click("#cancel")
    page.unroute("**/recordings")
    (tmp_path / "damaged.csv").write_text("no\nnumbers\n")
    page.set_input_files("#files", str(tmp_path / "damaged.csv"))
    says(page, "#message", "damaged")
    check(page, "failed")
    page.click("#dismiss")
    page.click("#play")
    page.wait_for_selector("#live-part:not([hidden]) .js-line")
    check(page, "live")


def test_states_with_a_recording(page, finished):
    dropped(page, finished)
    page.locator("#groups-grid .ag-cell[col-id=name]").first.click()
    page.keyboard.press("r")
    says(page, "#undo", "right")
    check(page, "groups")
    for tab in ("Events", "Beats"):
        page.get_by_role("tab", name=tab).click()
        check(page, tab, "#beats")
    page.click("#filter-called")
    page.wait_for_selector("[role=listbox]:visible, .mantine-MultiSelect-empty:visible")
    check(page, "a list of choices", "#beats")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete s007").first.click()  # of the window that was narrow, all are there again
    page.wait_for_selector("#delete-dialog[open]")
    check(page, "dialog", "#delete-dialog")
    page.click("#delete-no")
