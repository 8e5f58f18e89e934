"""The server: uploads, downloads, who is refused, and that nothing is fetched from elsewhere."""

import io
import json
import re
from concurrent import futures
from concurrent.futures import Future

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import ids
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.fields import Entered
from ecg_anomaly.web.jobs import DONE, FAILED
from ecg_anomaly.web.sections.signal import asked_range, next_view
from ecg_anomaly.web.state import EXAMPLE, ServerState
from ecg_anomaly.web.warm_up import warm_up
from ecg_anomaly.web.workspace import Workspace
from tests.web.web_parts import config_of

PATIENCE_S = 600  # for what is certain to come, on the busiest machine


class HereAndNow(futures.Executor):
    """Analyses at once, in this process."""

    def __init__(self, detector):
        self.detector = detector

    def submit(self, _call, work, job):
        done = Future()
        try:
            done.set_result(work(self.detector, job))
        except UserError as error:
            done.set_exception(error)
        return done


@pytest.fixture(scope="module")
def state(finished, detector):
    made = ServerState(config_of(finished))
    made.recordings.close()
    made.recordings = Workspace(lambda: HereAndNow(detector))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(state):
    return create_app(state, ("127.0.0.1", "localhost")).server.test_client()


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
    assert stored.summary["recording"] == "s007"
    assert stored.annotated is not None


def test_a_table_that_is_dropped_is_analysed(state, client):
    rows = "".join(f"{number % 250 == 0:d}\n" for number in range(250 * 20))
    key = upload(client, {"../my table.csv": f"II\n{rows}".encode()}, sampling_rate="250").get_json()["key"]
    assert state.recordings.progress(key).state == DONE, state.recordings.progress(key).words
    assert state.recordings.stored(key).summary["recording"] == "my_table"


def test_leads_are_asked_for(state, client, finished):
    files = {f"s007.{kind}": (finished.records / f"simdb/s007.{kind}").read_bytes() for kind in ("hea", "dat")}
    nobody = upload(client, files, leads="nobody").get_json()["key"]
    assert "has no lead nobody" in state.recordings.progress(nobody).words
    key = upload(client, files, leads=" v1 ").get_json()["key"]
    assert state.recordings.stored(key).summary["leads"] == ["V1"]


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
    monkeypatch.setitem(client.application.config, "MAX_CONTENT_LENGTH", 1000)
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


@pytest.mark.parametrize("path", ["nobody/beats", "{key}/secrets", "{key}/beats?threshold=x"])
def test_downloads_of_what_is_not_there(client, key, path):
    answer = client.get(f"/recordings/{path.format(key=key)}")
    assert answer.status_code == 404
    assert b"Traceback" not in answer.data


def test_other_sites_are_refused(client):
    assert client.get("/", headers={"Host": "evil.example:8050"}).status_code == 403
    assert client.post("/recordings", headers={"Origin": "http://evil.example"}).status_code == 403
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


def test_the_page_names_its_parts(client):
    layout = client.get("/_dash-layout").get_data(as_text=True)
    assert "Not a medical device." in layout
    assert layout.count("a guess from its shape and time, not a diagnosis") == 1
    for label in (
        "Zoom in",
        "Next page of the list",
        "Progress of the analysis",
        "Step through flagged beats and mark them",
        "The signal, to be zoomed and moved",
    ):
        assert f'"aria-label":"{label}"' in layout
    assert layout.count('"htmlFor"') >= 5
    names = [value for name, value in vars(ids).items() if name.isupper()]
    parts = [part for name in names for part in (name.values() if isinstance(name, dict) else [name])]
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
    assert (stored.summary["recording"], stored.summary["leads"]) == ("s001", ["V1"])


def test_the_simulated_example(state):
    stored = state.recordings.stored(state.open_record(EXAMPLE))
    assert stored.summary["recording"] == EXAMPLE
    assert stored.annotated is not None


def test_without_a_model_the_command_that_makes_one_is_told(finished, workspace):
    missing, there = config_of(workspace), config_of(finished)
    state = ServerState(missing, there)
    try:
        assert "train_model.py" in state.problem
        with pytest.raises(UserError, match=r"train_model\.py"):
            state.open_record("simdb/s001")
        client = create_app(state, ()).server.test_client()
        assert "Use the demo's model" in client.get("/_dash-layout").get_data(as_text=True)
        assert "train_model.py" in upload(client, {"a.csv": b"1"}).get_json()["error"]
    finally:
        state.close()
    state = ServerState(missing, missing)
    layout = create_app(state, ()).server.test_client().get("/_dash-layout").get_data(as_text=True)
    state.close()
    assert "make demo" in layout


def test_a_warm_up_leaves_nothing(state):
    before = open_folders(state)
    warm_up(state)
    assert open_folders(state) == before


def test_what_plotly_tells_of_the_view():
    assert asked_range({"xaxis.range[0]": 2, "xaxis.range[1]": 4}, 60) == (2, 4)
    assert asked_range({"xaxis.autorange": True}, 60) == (0, 60)
    assert asked_range({"autosize": True}, 60) is None


def test_the_view_follows_the_chosen_beat():
    assert next_view(None, 100.0, ids.READY, 1000) == (70, 130)
    seen = json.loads("[0, 20]")  # as the browser sends it back
    assert next_view(seen, 10.0, ids.BEAT, 1000) == (0, 20)
    assert next_view(seen, 100.0, ids.BEAT, 1000) == (90, 110)
    assert next_view(seen, 100.0, ids.MOVES["beat"], 1000) == (95, 105)
    assert next_view(seen, None, ids.MOVES["out"], 1000) == (0, 40)
