"""The server: uploads, downloads, who is refused, and that nothing is fetched from elsewhere."""

import base64
import hashlib
import io
import json
import logging
import re
from collections import defaultdict
from contextlib import ExitStack
from graphlib import TopologicalSorter
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.web import ids
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.fields import Entered
from ecg_anomaly.web.jobs import DONE, FAILED
from ecg_anomaly.web.sections.signal import asked_range, next_view
from ecg_anomaly.web.server import MOST_BYTES_ELSEWHERE
from ecg_anomaly.web.serving import LogLines
from ecg_anomaly.web.state import EXAMPLE, ServerState
from ecg_anomaly.web.values import number_of, row_of
from ecg_anomaly.web.warm_up import warm_up
from ecg_anomaly.web.workspace import Workspace
from tests.web.web_parts import HereAndNow, config_of
from tools.page import Page

PATIENCE_S = 600  # for what is certain to come, on the busiest machine


@pytest.fixture(scope="module")
def state(finished, detector):
    made = ServerState(config_of(finished))
    made.recordings.close()
    made.recordings = Workspace(lambda: HereAndNow(detector))
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(state):
    return create_app(state, ("127.0.0.1", "localhost"))


@pytest.fixture(scope="module")
def client(app):
    made = app.server.test_client()
    made.get("/_dash-layout")  # its callbacks are there then
    return made


def open_folders(state):
    """Folders of the recordings of the worklist, and of whatever was left behind."""
    return sorted(path.name for path in (state.recordings.root / "recordings").iterdir())


def upload(client, files, **fields):
    parts = [(io.BytesIO(content), name) for name, content in files.items()]
    return client.post("/recordings", data={"file": parts, **fields}, content_type="multipart/form-data")


@pytest.fixture(scope="module")
def key(client, finished):
    files = {f"s007.{kind}": (finished.records / f"simdb/s007.{kind}").read_bytes() for kind in ("hea", "dat", "atr")}
    return upload(client, files).get_json()["key"]


def test_a_record_that_is_dropped_is_analysed(state, key):
    assert state.recordings.progress(key).state == DONE
    stored = state.recordings.stored(key)
    assert stored.name == "s007"
    assert stored.annotated is not None


def test_a_table_that_is_dropped_is_analysed(state, client):
    rows = "".join(f"{number % 250 == 0:d}\n" for number in range(250 * 20))
    key = upload(client, {"../my table.csv": f"II\n{rows}".encode()}, sampling_rate="250").get_json()["key"]
    assert state.recordings.progress(key).state == DONE, state.recordings.progress(key).words
    assert state.recordings.stored(key).name == "my_table"


def test_leads_are_asked_for(state, client, finished):
    files = {f"s007.{kind}": (finished.records / f"simdb/s007.{kind}").read_bytes() for kind in ("hea", "dat")}
    nobody = upload(client, files, leads="nobody").get_json()["key"]
    assert "has no lead nobody" in state.recordings.progress(nobody).words
    key = upload(client, files, leads=" v1 ").get_json()["key"]
    assert state.recordings.stored(key).judged_leads == ["V1"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.csv": b"hello\nworld\n"}, "a.csv"),
        ({"a.csv": b"II\n1\n2\n"}, "“samples per second”"),
        ({"a.edf": b"0" * 300}, "a.edf"),
        ({"a.hea": b"a 1 360 10\na.dat 212 200 12 0 0 0 0 MLII\n", "a.dat": b""}, "a"),
    ],
)
def test_what_is_damaged_is_told_without_paths(state, client, files, words):
    key = upload(client, files).get_json()["key"]
    progress = state.recordings.progress(key)
    assert progress.state == FAILED
    assert words in progress.words
    assert str(state.recordings.folder(key).parent) not in progress.words
    assert "upload/" not in progress.words
    assert "--" not in progress.words


def test_what_is_no_recording_is_refused_and_leaves_nothing(state, client):
    before = open_folders(state)
    assert "needs a.dat" in upload(client, {"a.hea": b"a 1 360 10\na.dat 16\n"}).get_json()["error"]
    assert "no number" in upload(client, {"a.csv": b"1"}, gain="much").get_json()["error"]
    assert open_folders(state) == before


def test_too_much_is_refused_before_it_is_read(client, monkeypatch):
    monkeypatch.setattr("ecg_anomaly.web.uploads.MOST_BYTES", 1000)
    answer = upload(client, {"a.csv": b"1" * 2000})
    assert answer.status_code == 413
    assert "not taken" in answer.get_json()["error"]


def test_what_does_not_fit_on_the_disk_is_refused(client, monkeypatch):
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("ecg_anomaly.web.uploads.shutil.disk_usage", lambda _: full)
    assert "free some space" in upload(client, {"a.csv": b"1"}).get_json()["error"]


@pytest.mark.parametrize("kind", ["beats", "annotations", "report"])
def test_downloads(client, key, kind):
    answer = client.get(f"/recordings/{key}/{kind}?threshold=3.5")
    assert answer.status_code == 200
    assert "s007." in answer.headers["Content-Disposition"]
    assert len(answer.data) > 500


def test_a_download_has_the_name_of_the_recording_whatever_its_letters(client):
    rows = "".join(f"{number % 250 == 0:d}\n" for number in range(250 * 20))
    key = upload(client, {"患者7.csv": f"II\n{rows}".encode()}, sampling_rate="250").get_json()["key"]
    for kind, ending in (("beats", ".beats.csv"), ("annotations", ".anomaly")):
        answer = client.get(f"/recordings/{key}/{kind}")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].endswith("filename*=UTF-8''" + quote(f"患者7{ending}"))


def test_the_page_to_print(client, key):
    post = {"rows": [1], "mark": "wrong", "what": "beat 1", "by": "Dr Who"}
    client.post(f"/recordings/{key}/marks", json=post)
    answer = client.get(f"/recordings/{key}/print?threshold=2.5")
    client.post(f"/recordings/{key}/undo")
    page = answer.get_data(as_text=True)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert "Dr Who" in page
    assert "models, trained 20" in page


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/recordings/nobody/beats", 404, "not there any more"),
        ("/recordings/{key}/secrets", 404, "no such file"),
        ("/recordings/{key}/beats?threshold=x", 400, "no number"),
        ("/recordings/{key}/beats?threshold=nan", 400, "no threshold"),
        ("/secrets", 404, "no such page"),
    ],
)
def test_what_is_not_there_is_said(client, key, path, status, words):
    answer = client.get(path.format(key=key))
    assert answer.status_code == status
    assert words in answer.get_json()["error"]


def test_marks_go_to_everything_that_is_taken_along(client, key):
    def post(action, **body):
        return client.post(f"/recordings/{key}/{action}", json=body)

    def table():
        return pd.read_csv(io.BytesIO(client.get(f"/recordings/{key}/beats").data), keep_default_na=False)

    flagged = np.flatnonzero(table()["flagged"])[:2].tolist()
    answer = post("marks", rows=flagged, mark="wrong", what="group 1", by="me").get_json()
    assert answer == {"version": answer["version"], "undo": "group 1: wrong", "redo": ""}
    assert table()["mark"][flagged].tolist() == ["wrong", "wrong"]
    assert not table()["flagged"][flagged].any()
    assert post("undo", version=answer["version"] - 1).get_json() == answer  # of a page that shows another state
    assert post("undo", version=answer["version"]).get_json()["redo"] == "group 1: wrong"
    assert table()["flagged"][flagged].all()
    assert post("redo").get_json()["undo"] == "group 1: wrong"
    assert post("undo").get_json()["undo"] == ""


NO_MARKS = ["{", "[]", '{"rows": 1}', '{"rows": [1], "mark": 1}', '{"rows": [0.5], "mark": ""}']
NO_MARKS += ["[" * 200_000, '{"rows": [1], "mark": "right", "what": "\\ud800"}']  # the page would send them for ever


@pytest.mark.parametrize("body", NO_MARKS, ids=lambda body: body[:50])
def test_marks_that_are_none(client, key, body):
    answer = client.post(f"/recordings/{key}/marks", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json()["error"]
    assert client.post("/recordings/nobody/undo").status_code == 404


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"output": "ready.data", "inputs": [1]}'])
def test_what_the_page_never_sends_is_refused(client, body):
    answer = client.post("/_dash-update-component", data=body, content_type="application/json")
    assert answer.status_code == 400


def part(named, values):
    name = f"{named['id']}.{named['property']}"
    return {"id": named["id"], "property": named["property"], "value": values.get(name)}


@pytest.fixture(scope="module")
def ask(app, client):
    """Ask for a callback, by what it writes, with values of its parts; the others are empty."""

    def asked(output, values=None, changed=()):
        written = [
            dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in output.strip(".").split("...")
        ]
        known = app.callback_map[output]
        body = {
            "output": output,
            "outputs": written if output.startswith("..") else written[0],
            **{what: [part(named, values or {}) for named in known[what]] for what in ("inputs", "state")},
            "changedPropIds": list(changed),
        }
        return client.post("/_dash-update-component", json=body)

    return asked


HOLD_LISTS = ("view.data", "on-paper.data", "marked.data")  # whose content is checked where it is used


def test_values_that_no_part_holds_are_refused_and_nothing_fails(app, ask, caplog):
    checked = 0
    for output, known in app.callback_map.items():
        if "callback" not in known:  # the page's scripts answer it
            continue
        inputs = [f"{part['id']}.{part['property']}" for part in known["inputs"]]
        for changed in ([], inputs[:1], inputs[-1:]):
            assert ask(output, {}, changed).status_code in (200, 204), (output, changed)
        assert ask(output, {}, ["nobody.data"]).status_code == 400
        for name in [*inputs, *(f"{part['id']}.{part['property']}" for part in known["state"])]:
            if name.endswith(".children"):  # which nobody reads
                continue
            for odd in (float("nan"), "\ud800", [{"points": []}])[: 2 if name in HOLD_LISTS else 3]:
                checked += 1
                assert ask(output, {name: odd}).status_code == 400, (name, odd)
    assert checked > 200
    assert [record for record in caplog.records if record.exc_info] == []


def test_nothing_on_the_page_depends_on_itself(app):
    """Requests of a circle wait for each other; Dash forgets them when another one is asked for again meanwhile."""
    before = defaultdict(set)
    for output, known in app.callback_map.items():
        written = {name.partition("@")[0] for name in output.strip(".").split("...")}
        read = {f"{part['id']}.{part['property']}" for part in known["inputs"]}
        for name in written:
            before[name] |= read - written  # what a callback both reads and writes makes it wait for nothing
    assert list(TopologicalSorter(before).static_order())


def test_what_failed_before_a_page_was_loaded_is_no_news(state, client, app, ask):
    upload(client, {"broken.csv": b"hello\nworld\n"})
    (grid,) = (part for part in parts_of(client.get("/_dash-layout").get_json()) if part.get("id") == "worklist-grid")
    (follow,) = (output for output in app.callback_map if output.startswith("..worklist-grid.rowData..."))
    known = {"worklist-grid.rowData": grid["rowData"]}
    assert "broken" in grid["rowData"][0]["reason"]
    for rows, told in ((known, False), ({"worklist-grid.rowData": grid["rowData"][1:]}, True)):
        answer = ask(follow, rows).get_json()["response"]
        assert ("message" in answer) == told
        assert answer["worklist-grid"]["rowData"] == grid["rowData"]


def parts_of(layout):
    """The properties of all parts of a page."""
    if isinstance(layout, dict):
        yield layout.get("props", {})
    for value in layout.values() if isinstance(layout, dict) else layout if isinstance(layout, list) else []:
        yield from parts_of(value)


def test_bodies_without_files_are_small(client):
    body = "x" * (MOST_BYTES_ELSEWHERE + 1)
    for path in ("/_dash-update-component", "/recordings/x/marks", "/"):
        assert client.post(path, data=body, content_type="application/json").status_code in (405, 413)


def test_what_a_browser_may_keep(client, key):
    page = client.get("/").get_data(as_text=True)
    scripts = re.findall(r'<script src="([^"]+)', page)
    for address in scripts:
        answer = client.get(address, headers={"Accept-Encoding": "gzip, br"})
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        assert len(answer.data) < 1000 or answer.headers["Content-Encoding"] == "br"
    for path in ("/", "/_dash-layout", f"/recordings/{key}/beats", "/alive", "/nothing"):
        assert client.get(path).headers["Cache-Control"] == "no-store"


def test_other_sites_are_refused(client):
    assert client.get("/", headers={"Host": "evil.example:8050"}).status_code == 400
    assert client.delete("/recordings/x", headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get("/", headers={"Host": "localhost:8050"}).status_code == 200


def test_nothing_is_fetched_from_elsewhere(client):
    page = client.get("/")
    markup = page.get_data(as_text=True)
    fetched = re.findall(r"<(?:script|link|img|iframe)[^>]*\b(?:src|href)=[\"']([^\"']+)", markup)
    assert len(fetched) > 5
    assert all(address.startswith(("/", "data:")) for address in fetched)
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for address in fetched:
        if "/assets/" in address:
            content = client.get(address).get_data(as_text=True)
            assert not re.search(r"https?://", content)
            assert not re.search(r"@import|url\(\s*['\"]?//", content)


def names_in(named):
    for value in named.values():
        yield from names_in(value) if isinstance(value, dict) else [value]


def test_the_page_names_its_parts(client):
    layout = json.dumps(client.get("/_dash-layout").get_json(), ensure_ascii=False, separators=(",", ":"))
    assert "Not a medical device." in layout
    assert layout.count("a guess from its shape and time, not a diagnosis") == 1
    for label in (
        "Zoom in",
        "Recordings",
        "Progress of the upload",
        "Mark the chosen groups: ✓ Right",
        "Step through the list and mark beats",
        "The signal, to be zoomed and moved",
    ):
        assert f'"aria-label":"{label}"' in layout
    parts = list(names_in({name: value for name, value in vars(ids).items() if name.isupper()}))
    assert len(parts) > 50
    assert [part for part in parts if f'"id":"{part}"' not in layout] == []


def test_every_key_of_the_page_has_its_button(client):
    script = client.get("/assets/page.js").get_data(as_text=True)
    keys = re.search(r"const KEYS = {(.*?)};", script, re.DOTALL).group(1)
    buttons = re.findall(r": \"([\w-]+)\"", keys)
    layout = client.get("/_dash-layout").get_data(as_text=True)
    assert len(buttons) == 11
    assert all(f'"id":"{button}"' in layout for button in buttons)


def test_records_of_this_machine(state, finished):
    assert "simdb/s001" in state.records()
    assert state.find_record("simdb/s001") == finished.records / "simdb/s001.hea"
    for name in ("../simdb/s001", "simdb/nobody", "", None):
        with pytest.raises(UserError):
            state.find_record(name)
    stored = state.recordings.stored(state.open_record("simdb/s001", Entered(("V1",))))
    assert (stored.name, stored.judged_leads) == ("s001", ["V1"])


def test_the_simulated_example(state):
    stored = state.recordings.stored(state.open_record(EXAMPLE))
    assert stored.name == EXAMPLE
    assert stored.annotated is not None


@pytest.fixture
def with_detector_of():
    """Make the page of a server with some settings: what it says, its state, and its client."""
    with ExitStack() as servers:

        def made(config):
            state = ServerState(config)
            servers.callback(state.close)
            client = create_app(state, ()).server.test_client()
            return client.get("/_dash-layout").get_data(as_text=True), state, client

        yield made


def test_where_nobody_trained_the_packaged_detector_is_used(workspace, finished, with_detector_of, capsys):
    nowhere = [f"paths.{name}={workspace.folder / name}" for name in ("models", "outputs")]
    page, state, _ = with_detector_of(load_config(None, nowhere))
    assert state.is_packaged
    assert not state.problem
    assert "detector that comes with the package judges" in page
    assert "detector that comes with the package is used" in capsys.readouterr().err
    page, state, _ = with_detector_of(config_of(finished))
    assert not state.is_packaged
    assert "comes with the package" not in page


def test_without_a_detector_it_is_said_what_to_do(workspace, with_detector_of):
    page, state, client = with_detector_of(config_of(workspace))  # settings that the packaged one was not made with
    assert "There is no detector yet" in page
    assert "run the four scripts" in state.problem
    assert upload(client, {"a.csv": b"1"}).get_json()["error"] == state.problem
    with pytest.raises(UserError, match="run the four scripts"):
        state.open_record("simdb/s001")


def test_a_warm_up_leaves_nothing(state):
    before = open_folders(state)
    warm_up(state)
    assert open_folders(state) == before


def test_what_plotly_tells_of_the_view():
    assert asked_range({"xaxis.range[0]": 2, "xaxis.range[1]": 4}, 60) == (2, 4)
    assert asked_range({"xaxis.autorange": True}, 60) == (0, 60)
    assert asked_range({"autosize": True}, 60) is None


def test_the_view_follows_the_chosen_beat():
    assert next_view(None, 100.0, None, {ids.READY}, 1000) == (70, 130)
    seen = json.loads("[0, 20]")  # as the browser sends it back
    assert next_view(seen, 10.0, None, {ids.BEAT}, 1000) == (0, 20)
    assert next_view(seen, 100.0, None, {ids.BEAT}, 1000) == (90, 110)
    assert next_view(seen, 100.0, None, {ids.MOVES["beat"]}, 1000) == (95, 105)
    assert next_view(seen, None, None, {ids.MOVES["out"]}, 1000) == (0, 40)


def test_log_lines_cannot_be_forged():
    record = logging.LogRecord("x", logging.ERROR, "", 0, "GET %s", ("/\x1b[2J\r\n2026 ERROR: forged\u202e",), None)
    assert LogLines("%(levelname)s: %(message)s").format(record).split("\n") == [
        r"ERROR: GET /\x1b[2J\r",
        r"    2026 ERROR: forged\u202e",
    ]


@pytest.mark.parametrize("value", [1.5, 10**9, -1, "1", None, True, [1]])
def test_no_beat(value):
    with pytest.raises(UserError, match="there is no beat"):
        row_of(value, 5)


@pytest.mark.parametrize("value", [0, 11, float("nan"), "2", None, True])
def test_no_speed(value):
    assert number_of(10, "speed", 1, 10) == 10
    with pytest.raises(UserError, match="no speed; name a number from 1 to 10"):
        number_of(value, "speed", 1, 10)


def test_the_page_that_measurements_use_is_answered_as_a_browser_is(app, finished):
    page = Page(app)
    key = page.open(finished.records / "simdb/s008.hea")
    page.mark(key, 3, "wrong")
    page.change(ids.MOVES["out"], "n_clicks", 1)
    assert "marked wrong" in json.dumps(page.properties[ids.OUTCOME, "children"])
