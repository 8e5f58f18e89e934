"""The server: uploads, downloads, who is refused, and that nothing is fetched from elsewhere."""

import io
import re
import time

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import ids, jobs
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.callbacks_open import (
    EXAMPLE,
    find_record,
    open_example,
    open_record,
    record_names,
    say,
)
from ecg_anomaly.web.callbacks_signal import asked_range, next_view
from ecg_anomaly.web.jobs import ANALYSED, DONE, FAILED, Job, Jobs, Progress, analyse
from ecg_anomaly.web.library import LEFT_S, UNUSED_S, Library
from ecg_anomaly.web.rehearsal import rehearse
from ecg_anomaly.web.workbench import Workbench, workbench_for
from tests.web.web_parts import config_of, detector_of


class HereAndNow(Jobs):
    """Analyses at once, in this process."""

    detector = None

    def __init__(self, config):
        super().__init__(config)
        self.errors = {}

    def submit(self, job):
        try:
            analyse(self.detector, job)
        except UserError as error:
            self.errors[job.folder] = str(error)

    def wait(self, folder):
        pass

    def progress(self, folder):
        if folder in self.errors:
            return Progress(FAILED, error=self.errors[folder])
        return Progress(DONE, 1.0) if (folder / ANALYSED).is_dir() else Progress(jobs.CANCELLED)


@pytest.fixture(scope="module")
def bench(finished):
    made = Workbench(config_of(finished))
    made.jobs = HereAndNow(made.config)
    made.jobs.detector = detector_of(finished)
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(bench):
    return create_app(bench, ("127.0.0.1", "localhost")).server.test_client()


def upload(client, files, **fields):
    parts = [(io.BytesIO(content), name) for name, content in files.items()]
    return client.post("/recordings", data={"file": parts, **fields}, content_type="multipart/form-data")


@pytest.fixture(scope="module")
def key(client, finished):
    files = {f"s007.{kind}": (finished.records / f"simdb/s007.{kind}").read_bytes() for kind in ("hea", "dat", "atr")}
    return upload(client, files).get_json()["key"]


def test_a_record_that_is_dropped_is_analysed(bench, key):
    assert bench.progress(key).state == DONE
    stored = bench.stored(key)
    assert stored.summary["recording"] == "s007"
    assert stored.annotated is not None


def test_a_table_that_is_dropped_is_analysed(bench, client):
    rows = "".join(f"{number % 250 == 0:d}\n" for number in range(250 * 20))
    key = upload(client, {"../my table.csv": f"II\n{rows}".encode()}, sampling_rate="250").get_json()["key"]
    assert bench.progress(key).state == DONE, bench.progress(key).error
    assert bench.stored(key).summary["recording"] == "my_table"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.csv": b"hello\nworld\n"}, "a.csv"),
        ({"a.csv": b"II\n1\n2\n"}, "samples per second"),
        ({"a.edf": b"0" * 300}, "a.edf"),
        ({"a.hea": b"a 1 360 10\na.dat 212 200 12 0 0 0 0 MLII\n", "a.dat": b""}, "a"),
    ],
)
def test_what_is_damaged_is_told_without_paths(bench, client, files, words):
    key = upload(client, files).get_json()["key"]
    progress = bench.progress(key)
    assert progress.state == FAILED
    assert words in progress.error
    assert str(bench.library.folder(key).parent) not in progress.error
    assert "upload/" not in progress.error
    assert "--" not in progress.error


def test_what_is_no_recording_is_refused_and_leaves_nothing(bench, client):
    before = len(bench.library._entries)
    assert "needs a.dat" in upload(client, {"a.hea": b"a 1 360 10\na.dat 16\n"}).get_json()["error"]
    assert "no number" in upload(client, {"a.csv": b"1"}, gain="much").get_json()["error"]
    assert len(bench.library._entries) == before


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


def test_records_of_this_machine(bench, finished):
    assert "simdb/s001" in record_names(bench)
    assert find_record(bench, "simdb/s001") == finished.records / "simdb/s001.hea"
    for name in ("../simdb/s001", "simdb/nobody", "", None):
        with pytest.raises(UserError):
            find_record(bench, name)
    assert bench.stored(open_record(bench, "simdb/s001")).summary["recording"] == "s001"


def test_the_simulated_example(bench):
    stored = bench.stored(open_example(bench))
    assert stored.summary["recording"] == EXAMPLE
    assert stored.annotated is not None


def test_without_a_model_the_command_that_makes_one_is_told(finished, workspace):
    missing, there = config_of(workspace), config_of(finished)
    bench = workbench_for(missing, there)
    try:
        assert "train_model.py" in bench.problem
        with pytest.raises(UserError, match=r"train_model\.py"):
            open_record(bench, "simdb/s001")
        client = create_app(bench, ()).server.test_client()
        assert "Use the demo's model" in client.get("/_dash-layout").get_data(as_text=True)
        assert "train_model.py" in upload(client, {"a.csv": b"1"}).get_json()["error"]
    finally:
        bench.close()
    bench = workbench_for(missing, missing)
    layout = create_app(bench, ()).server.test_client().get("/_dash-layout").get_data(as_text=True)
    bench.close()
    assert "make demo" in layout


def test_recordings_are_deleted_when_their_time_is_over():
    now, forgotten = [0.0], []
    library = Library(forgotten.append, lambda: now[0])
    used, left, unused = (library.new() for _ in range(3))
    folder = library.folder(left)
    library.leave(left)
    now[0] = LEFT_S + 1
    library.sweep()
    assert not folder.exists()
    assert forgotten == [folder]
    with pytest.raises(UserError, match="open it again"):
        library.folder(left)
    now[0] = UNUSED_S - 1
    library.folder(used)
    now[0] = UNUSED_S + 1
    library.sweep()
    assert library.folder(used).is_dir()
    with pytest.raises(UserError):
        library.folder(unused)
    library.close()
    assert not folder.parent.exists()


def test_a_page_that_is_loaded_again_keeps_its_recording():
    now = [0.0]
    library = Library(lambda _: None, lambda: now[0])
    key = library.new()
    library.leave(key)
    now[0] = LEFT_S / 2
    library.folder(key)
    now[0] = 2 * LEFT_S
    library.sweep()
    assert library.folder(key).is_dir()
    library.close()


def test_too_many_recordings_are_refused():
    library = Library(lambda _: None)
    with pytest.raises(UserError, match="open already"):
        for _ in range(100):
            library.new()
    library.close()


def test_analyses_run_in_other_processes_and_can_be_cancelled(finished, bench):
    working = Jobs(bench.config)
    try:
        keys = [bench.library.new() for _ in range(10)]
        folders = [bench.library.folder(key) for key in keys]
        for folder in folders:
            working.submit(Job(folder, finished.records / "simdb/s007.hea", "s007"))
        with pytest.raises(UserError, match="try again"):
            working.submit(Job(folders[0], finished.records / "simdb/s007.hea", "s007"))
        for folder in folders[1:]:
            working.cancel(folder)
        deadline = time.monotonic() + 60
        while working.progress(folders[0]).state != DONE and time.monotonic() < deadline:
            time.sleep(0.1)
        assert working.progress(folders[0]) == Progress(DONE, 1.0)
        assert working.progress(folders[-1]).state == jobs.CANCELLED
        assert say(working.progress(folders[-1])) == "Cancelled."
    finally:
        working.close()
        for key in keys:
            bench.library.delete(key)


def test_a_process_that_was_ended_from_outside_is_replaced(finished, bench, tmp_path):
    working = Jobs(bench.config)
    try:
        folders = [tmp_path / "first", tmp_path / "second"]
        for folder in folders:
            folder.mkdir()
        working.submit(Job(folders[0], finished.records / "simdb/s007.hea", "s007"))
        for process in list(working._pool._processes.values()):
            process.kill()
        working.wait(folders[0])
        assert "ended from outside" in working.progress(folders[0]).error
        working.submit(Job(folders[1], finished.records / "simdb/s007.hea", "s007"))
        assert working.progress(folders[1]).state in (jobs.WAITING, jobs.RUNNING)
    finally:
        working.close()


def test_a_rehearsal_leaves_nothing(bench):
    before = len(bench.library._entries)
    rehearse(bench)
    assert len(bench.library._entries) == before


def test_what_plotly_tells_of_the_view():
    assert asked_range({"xaxis3.range[0]": 2, "xaxis3.range[1]": 4}, 60) == (2, 4)
    assert asked_range({"xaxis.autorange": True}, 60) == (0, 60)
    assert asked_range({"autosize": True}, 60) is None


def test_the_view_follows_the_chosen_beat():
    assert next_view(None, 100.0, ids.READY, 1000) == (70, 130)
    assert next_view((0, 20), 10.0, ids.BEAT, 1000) == (0, 20)
    assert next_view((0, 20), 100.0, ids.BEAT, 1000) == (90, 110)
    assert next_view((0, 20), 100.0, ids.MOVES["beat"], 1000) == (95, 105)
    assert next_view((0, 20), None, ids.MOVES["out"], 1000) == (0, 40)
