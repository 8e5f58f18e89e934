"""What the tests of the web application share: a recording that was analysed, a page in a browser."""

import socket
import subprocess
import sys

import pytest

from ecg_anomaly.findings.store import read_store
from ecg_anomaly.web.jobs import ANALYSED, Job, analyse, announce
from tests.conftest import ROOT
from tests.web.web_parts import PATIENCE_MS


@pytest.fixture(scope="session")
def stored(finished, detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording")
    job = Job(folder, finished.records / "simdb/s007", "s007")
    announce(job)
    analyse(detector, job)
    return read_store(folder / ANALYSED)


@pytest.fixture(scope="session")
def threshold(stored):
    return float(stored.threshold.threshold)


@pytest.fixture(scope="session")
def address(finished, tmp_path_factory):
    """Where the application is served, for all tests of a process."""
    for _ in range(10):  # a port that is free may be taken by another program meanwhile
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        kept = ["--workspace", str(tmp_path_factory.mktemp("workspace"))]  # what is marked stays, and not beside these
        command = [sys.executable, str(ROOT / "web_app.py"), *finished.settings(), "--port", str(port), *kept]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if said := server.stdout.readline():
            break
    assert "Open http://127.0.0.1:" in said
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(600)


@pytest.fixture(params=[(1280, "light")], ids=["desktop"])
def page(request, browser, address):
    """A page, which must have neither errors nor requests to other machines, nor be wider than its window."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.errors, addresses = [], []
    opened.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.on("request", lambda sent: addresses.append(sent.url))
    opened.goto(address)
    opened.wait_for_selector("#files")
    yield opened
    assert opened.errors == []
    assert {sent for sent in addresses if not sent.startswith((address, "data:", "blob:"))} == set()
    assert opened.evaluate("document.documentElement.scrollWidth") <= opened.viewport_size["width"]
    context.close()
