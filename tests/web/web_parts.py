"""What the tests of the web application share."""

from concurrent import futures

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from tests.conftest import Workspace

PATIENCE_MS = 120_000  # with a page, on a machine that is busy


class HereAndNow(futures.Executor):
    """Analyses at once, in this process."""

    def __init__(self, detector):
        self.detector = detector

    def submit(self, _call, work, job):
        done = futures.Future()
        try:
            done.set_result(work(self.detector, job))
        except UserError as error:
            done.set_exception(error)
        return done


def config_of(workspace: Workspace):
    """Settings of a workspace, as a script loads them."""
    return load_config(None, workspace.settings()[1::2])


def drop(page, finished, *kinds, names=("s007",)):
    """Drop a record of a finished workspace, or several, on a page: their files of these kinds."""
    page.set_input_files("#files", [str(finished.records / f"simdb/{name}.{kind}") for name in names for kind in kinds])


def dropped(page, finished):
    """Drop a record, and wait until its groups and the first beat are there."""
    drop(page, finished, "hea", "dat")
    page.wait_for_selector("#groups-grid .mean-beat")
    page.wait_for_selector("#beat-words h3")
    page.wait_for_function("() => /without a mark/.test(document.getElementById('beats-words').textContent)")


def says(page, selector, words):
    """Wait until a part of a page says something."""
    script = "([selector, words]) => document.querySelector(selector)?.innerText.includes(words)"
    page.wait_for_function(script, arg=[selector, words])


def changed(page, selector, act):
    """Do something, wait until a part of a page says something else, and give what it says."""
    before = page.inner_text(selector)
    act()
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).innerText !== before", arg=[selector, before]
    )
    return page.inner_text(selector)
