import hashlib
import multiprocessing
import os
import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from tqdm import tqdm

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.physionet import PhysioNetDatabase
from tests.conftest import ROOT

PREFIX = "/files/mitdb/1.0.0/"
LARGE = 400_000


class Server(ThreadingHTTPServer):
    """Serves files as PhysioNet does, and fails on demand."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}
        self.ranges = True
        self.break_after = []  # of the next answers with a .dat file: bytes until the connection breaks
        self.damaged = 0  # how many of the next answers with a .dat file are damaged
        self.statuses = []  # of the next answers
        self.may_send = threading.Event()  # until then, .dat files wait
        self.may_send.set()
        self.stall_after = None  # bytes of a .dat file after which the server falls silent
        self.stop = threading.Event()
        self.asked = []  # (name, Range header) of each request
        self.encodings = set()  # that requests accepted

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/files"

    def publish(self, files):
        sums = "".join(f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in files.items())
        self.files = {**files, "SHA256SUMS.txt": sums.encode()}

    def ranges_asked(self, name):
        return [asked_range for asked, asked_range in self.asked if asked == name]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path.removeprefix(PREFIX)
        self.server.asked.append((name, self.headers["Range"]))
        self.server.encodings.add(self.headers["Accept-Encoding"])
        content = self.server.files.get(name)
        if self.server.statuses:
            self._answer(self.server.statuses.pop(0), b"")
        elif content is None:
            self._answer(404, b"not here")
        elif self.headers["Range"] and self.server.ranges:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            self._answer(206 if start < len(content) else 416, content[start:], name)
        else:
            self._answer(200, content, name)

    def _answer(self, status, body, name=""):
        server, is_signal = self.server, name.endswith(".dat")
        if is_signal and server.damaged:
            server.damaged -= 1
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = server.break_after.pop(0) if is_signal and server.break_after else len(body)
        if is_signal:
            server.may_send.wait()
        for start in range(0, sent, 50_000):
            if is_signal and server.stall_after is not None and start >= server.stall_after:
                server.stop.wait()
                break
            try:
                self.wfile.write(body[start : min(start + 50_000, sent)])
            except OSError:
                break
        else:
            self.close_connection = sent < len(body)
            return
        self.close_connection = True


class Recorder:
    """A progress bar that remembers."""

    def __init__(self):
        self.descriptions = []
        self.received = 0

    def set_description(self, text, /):
        self.descriptions.append(text)

    def update(self, received, /):
        self.received += received


def database(server, **settings):
    session = requests.Session()
    session.trust_env = False  # a proxy of the environment does not reach this machine's own server
    defaults = {"version": "1.0.0", "url": server.url, "timeout_s": 60.0, "pause_s": 0.0, "session": session}
    return PhysioNetDatabase("mitdb", **{**defaults, **settings})


@pytest.fixture(scope="module")
def contents():
    noise = random.Random(0).randbytes(LARGE)
    return {
        "RECORDS": b"100\n101\nx_mitdb/x_108\n",
        "100.hea": b"100 2 360 650000\n",
        "100.dat": noise,
        "101.dat": noise[::-1],
        "x_mitdb/x_108.hea": b"x_108 2 360 108000\n",
        "empty.atr": b"",
    }


@pytest.fixture
def server(contents):
    with Server() as server:
        server.publish(contents)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.stop.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def real_records():
    """The folder of real mitdb records, with the checksums that PhysioNet publishes."""
    folders = [os.environ.get("ECG_RECORDS"), ROOT / "data/raw", ROOT.parent / "shared"]
    needed = ["RECORDS", "SHA256SUMS.txt", "100.hea", "100.atr", "100.dat"]
    for folder in filter(None, folders):
        if all((Path(folder) / "mitdb" / name).is_file() for name in needed):
            return Path(folder) / "mitdb"
    return pytest.skip("no folder mitdb with SHA256SUMS.txt in ECG_RECORDS, data/raw or ../shared")


def fails_with(words, function, *arguments):
    with pytest.raises(UserError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def names_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_lists_the_records(server):
    assert database(server).list_records() == ["mitdb/100", "mitdb/101", "mitdb/x_mitdb/x_108"]


def test_a_slash_after_the_url_changes_nothing(server):
    assert len(database(server, url=server.url + "/").list_records()) == 3


def test_downloads_what_is_missing(server, contents, tmp_path):
    progress = Recorder()
    names = ["100.hea", "100.dat", "empty.atr", "x_mitdb/x_108.hea", "100.hea"]
    database(server).download(names, tmp_path / "raw/mitdb", progress)
    for name in names:
        assert (tmp_path / "raw/mitdb" / name).read_bytes() == contents[name]
    assert not list(tmp_path.rglob("*.part"))
    assert progress.received == sum(len(contents[name]) for name in set(names))
    assert progress.descriptions[:2] == ["mitdb/100.hea (1 of 4)", "mitdb/100.dat (2 of 4)"]


def test_downloads_a_real_record(server, real_records, tmp_path):
    names = ["100.hea", "100.atr", "100.dat"]
    server.files = {name: (real_records / name).read_bytes() for name in ["RECORDS", "SHA256SUMS.txt", *names]}
    server.break_after = [1_000_000]
    mitdb = database(server)
    assert len(mitdb.list_records()) == 48
    mitdb.download(names, tmp_path, Recorder())
    for name in names:
        assert (tmp_path / name).read_bytes() == server.files[name]


@pytest.mark.parametrize("disable", [True, False])
def test_a_tqdm_bar_shows_progress(server, tmp_path, capsys, disable):
    with tqdm(unit="B", unit_scale=True, disable=disable) as bar:
        database(server).download(["100.dat"], tmp_path, bar)
    shown = capsys.readouterr().err
    assert ("mitdb/100.dat (1 of 1)" in shown) is not disable
    assert ("400k" in shown) is not disable


def test_a_file_that_is_there_stays_as_it_is(server, tmp_path):
    mine = tmp_path / "100.dat"
    mine.write_bytes(b"my own version")
    os.utime(mine, (1e9, 1e9))
    database(server).download(["100.dat", "100.hea"], tmp_path, Recorder())
    assert mine.read_bytes() == b"my own version"
    assert mine.stat().st_mtime == 1e9
    assert not server.ranges_asked("100.dat")


def test_a_file_that_appears_during_the_download_stays_as_it_is(server, tmp_path):
    class Colleague(Recorder):
        def update(self, received, /):
            (tmp_path / "100.dat").write_bytes(b"copied by hand")

    database(server).download(["100.dat"], tmp_path, Colleague())
    assert (tmp_path / "100.dat").read_bytes() == b"copied by hand"
    assert not list(tmp_path.glob("*.part"))


def test_nothing_missing_needs_no_network(server, tmp_path):
    (tmp_path / "100.dat").touch()
    database(server).download(["100.dat"], tmp_path, Recorder())
    assert not server.asked
    assert names_in(tmp_path) == ["100.dat"]


def test_a_broken_connection_is_continued(server, contents, tmp_path):
    server.break_after = [200_000]
    progress = Recorder()
    database(server).download(["100.dat"], tmp_path, progress)
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]
    first, second = server.ranges_asked("100.dat")
    assert first is None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 200_000
    assert server.encodings == {"identity"}  # the rest of a compressed answer would be no rest of the file
    assert progress.received == LARGE


def test_breaks_that_bring_something_new_are_not_counted(server, contents, tmp_path):
    server.break_after = [70_000] * 5
    database(server, retries=1).download(["100.dat"], tmp_path, Recorder())
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]
    assert len(server.ranges_asked("100.dat")) == 6


def test_a_server_without_ranges_sends_the_whole_file_anew(server, contents, tmp_path):
    server.ranges = False
    server.break_after = [200_000]
    database(server).download(["100.dat"], tmp_path, Recorder())
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]
    assert server.ranges_asked("100.dat")[1] is not None


@pytest.mark.parametrize("ranges", [True, False])
def test_gives_up_when_the_connection_keeps_breaking(server, tmp_path, ranges):
    server.ranges = ranges
    server.break_after = [150_000] + [150_000 if not ranges else 0] * 99
    fails_with(
        [f"{server.url}/mitdb/1.0.0/100.dat", "connection", "run again"],
        database(server, retries=2).download,
        ["100.dat"],
        tmp_path,
        Recorder(),
    )
    assert len(server.ranges_asked("100.dat")) == 3  # one that brought something, two that did not
    assert (tmp_path / "100.dat.part").stat().st_size > 0
    assert not (tmp_path / "100.dat").exists()


@pytest.mark.parametrize(
    ("already", "expected_ranges"),
    [
        (slice(0, 123_456), ["bytes=123456-"]),
        (slice(0, LARGE), [f"bytes={LARGE}-"]),  # killed just before it was moved into place
        (slice(0, 0), [None]),
        (slice(5, 123_456), ["bytes=123451-", None]),  # not the beginning of this file
    ],
)
def test_continues_what_an_earlier_run_left(server, contents, tmp_path, already, expected_ranges):
    (tmp_path / "100.dat.part").write_bytes(contents["100.dat"][already])
    database(server).download(["100.dat"], tmp_path, Recorder())
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]
    assert server.ranges_asked("100.dat") == expected_ranges
    assert not (tmp_path / "100.dat.part").exists()


def test_a_remainder_that_is_too_long_is_thrown_away(server, contents, tmp_path):
    (tmp_path / "100.dat.part").write_bytes(contents["100.dat"] + b"more")
    database(server).download(["100.dat"], tmp_path, Recorder())
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]


def download_elsewhere(url, folder):
    session = requests.Session()
    session.trust_env = False
    other = PhysioNetDatabase("mitdb", "1.0.0", url, session=session, timeout_s=600.0)
    other.download(["100.dat", "101.dat"], folder, tqdm(disable=True))


def wait_until(condition, process):
    while not condition():
        assert process.is_alive()
        time.sleep(0.01)


def test_continues_after_a_kill(server, contents, tmp_path):
    server.stall_after = 300_000
    process = multiprocessing.get_context("spawn").Process(target=download_elsewhere, args=(server.url, tmp_path))
    process.start()
    part = tmp_path / "100.dat.part"
    wait_until(lambda: part.exists() and part.stat().st_size, process)
    process.kill()
    process.join()
    kept = part.stat().st_size
    assert kept > 0
    server.stall_after = None
    database(server).download(["100.dat"], tmp_path, Recorder())
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]
    assert server.ranges_asked("100.dat")[1:] == [f"bytes={kept}-"]


def test_two_processes_share_the_work(server, contents, tmp_path):
    class Second(Recorder):
        def set_description(self, text, /):
            server.may_send.set()  # both are at the same file now

    server.may_send.clear()
    process = multiprocessing.get_context("spawn").Process(target=download_elsewhere, args=(server.url, tmp_path))
    process.start()
    wait_until((tmp_path / "100.dat.part").exists, process)
    database(server).download(["100.dat", "101.dat"], tmp_path, Second())
    process.join()
    assert process.exitcode == 0
    asked = Counter(name for name, _ in server.asked)
    assert asked["SHA256SUMS.txt"] == 2
    assert asked["100.dat"] == asked["101.dat"] == 1
    for name in ["100.dat", "101.dat"]:
        assert (tmp_path / name).read_bytes() == contents[name]


def test_a_damaged_file_is_fetched_once_more(server, contents, tmp_path):
    server.damaged = 1
    database(server).download(["100.dat"], tmp_path, Recorder())
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]
    assert server.ranges_asked("100.dat") == [None, None]


def test_a_file_that_is_always_damaged_is_an_error(server, tmp_path):
    server.damaged = 99
    fails_with(
        [f"{server.url}/mitdb/1.0.0/100.dat", "damaged", "later"],
        database(server).download,
        ["100.hea", "100.dat"],
        tmp_path,
        Recorder(),
    )
    assert len(server.ranges_asked("100.dat")) == 2
    assert [name for name in names_in(tmp_path) if not name.startswith(".")] == ["100.hea"]


def test_no_server(tmp_path):
    with Server() as gone:
        pass
    fails_with(
        [gone.url, "no connection", "check the network", "paths.records"],
        database(gone).download,
        ["100.dat"],
        tmp_path / "mitdb",
        Recorder(),
    )
    fails_with([f"{gone.url}/mitdb/1.0.0/RECORDS"], database(gone).list_records)
    assert not (tmp_path / "mitdb").exists()


def test_an_unknown_version_is_not_found(server):
    fails_with(["/mitdb/9.9.9/RECORDS", "404", "physionet.databases"], database(server, version="9.9.9").list_records)
    assert len(server.asked) == 1


def test_a_busy_server_is_asked_again(server):
    server.statuses = [503, 429]
    assert len(database(server).list_records()) == 3
    server.statuses = [503] * 4
    fails_with(["503", "run again"], database(server).list_records)


def test_a_silent_server(server, tmp_path):
    class Session(requests.Session):
        def get(self, url, timeout, **options):
            return super().get(url, timeout=0.2 if url.endswith(".dat") else timeout, **options)

    session = Session()
    session.trust_env = False
    server.stall_after = 0
    fails_with(
        ["100.dat", "connection"],
        database(server, session=session, retries=1).download,
        ["100.dat"],
        tmp_path,
        Recorder(),
    )


def test_what_is_no_web_address(server):
    fails_with(["ftp//nowhere", "physionet.url"], database(server, url="ftp//nowhere").list_records)


def test_a_file_that_the_database_does_not_list(server, tmp_path):
    fails_with(
        [f"{server.url}/mitdb/1.0.0/SHA256SUMS.txt", "999.dat"],
        database(server).download,
        ["100.hea", "999.dat"],
        tmp_path,
        Recorder(),
    )
    assert not names_in(tmp_path)


def test_a_login_page_instead_of_checksums(server, tmp_path):
    server.files = dict.fromkeys(server.files, b"<html>Please sign in</html>")
    fails_with(["SHA256SUMS.txt", "no checksums"], database(server).download, ["100.hea"], tmp_path, Recorder())
    fails_with(["RECORDS", "Please sign in"], database(server).list_records)


def test_other_spellings_of_checksum_lines(server, tmp_path):
    digest = hashlib.sha256(b"abc").hexdigest()
    lines = f"{digest.upper()}  a.hea\r\n{digest} *b.hea\n\n{digest} ./c.hea\n"
    server.files = {"SHA256SUMS.txt": lines.encode(), **dict.fromkeys(["a.hea", "b.hea", "c.hea"], b"abc")}
    database(server).download(["a.hea", "b.hea", "c.hea"], tmp_path, Recorder())
    assert all((tmp_path / name).read_bytes() == b"abc" for name in ["a.hea", "b.hea", "c.hea"])


@pytest.mark.parametrize(
    "name",
    ["../evil.dat", "a/../../evil.dat", "/etc/evil", "..", "", "a//b", "C:\\evil", "..\\evil", "a\x00", ".lock", "~/a"],
)
def test_names_that_lead_elsewhere_are_refused(server, tmp_path, name):
    server.publish({name: b"evil", "RECORDS": f"100\n{name}x\n".encode() if name else b".\n"})
    fails_with(["mitdb", "no name"], database(server).download, [name], tmp_path / "mitdb", Recorder())
    assert not names_in(tmp_path)
    if name not in ("..", ""):
        fails_with(["RECORDS", "no name"], database(server).list_records)


@contextmanager
def file_size_limit(size):
    resource = pytest.importorskip("resource", reason="only POSIX can limit the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_error_of_the_system_and_can_be_continued(server, contents, tmp_path):
    with file_size_limit(200_000), pytest.raises(OSError) as caught:
        database(server).download(["100.dat"], tmp_path, Recorder())
    assert not isinstance(caught.value, requests.RequestException)
    assert 0 < (tmp_path / "100.dat.part").stat().st_size <= 200_000
    database(server).download(["100.dat"], tmp_path, Recorder())
    assert (tmp_path / "100.dat").read_bytes() == contents["100.dat"]
    assert server.ranges_asked("100.dat")[1] is not None
