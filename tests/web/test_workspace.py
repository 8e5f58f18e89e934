"""The workspace: what is in it stays, whatever happens to the server, until it is deleted."""

import dataclasses
import gc
import multiprocessing
import shutil
import sqlite3
import time
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from ecg_anomaly import workers
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.marks import RIGHT, WRONG, marks_of
from ecg_anomaly.findings.review import review
from ecg_anomaly.processes import EndedError, process_pool
from ecg_anomaly.web import jobs
from ecg_anomaly.web.fields import Entered
from ecg_anomaly.web.jobs import ANALYSED, DONE, FAILED, RUNNING, WAITING, Job, Progress
from ecg_anomaly.web.workspace import Workspace
from ecg_anomaly.workers import detector_pool
from tests.web.web_parts import config_of

PATIENCE_S = 600  # for what is certain to come, on the busiest machine


class Copying(futures.Executor):
    """Takes the results of an analysis for those of any."""

    def __init__(self, analysed):
        self.analysed = analysed

    def submit(self, _call, _work, job):
        shutil.copytree(self.analysed.parent, job.folder / ANALYSED)
        done = Future()
        counted = jobs.counts(review(jobs.read_store(job.folder / ANALYSED)))
        done.set_result(jobs.Analysed(**dataclasses.asdict(counted), model="a model"))
        return done


class Waiting(futures.Executor):
    """Takes note of what it is asked to analyse, and does nothing."""

    def __init__(self):
        self.analyses = []
        self.ended = False

    def submit(self, *_):
        self.analyses.append(Future())
        return self.analyses[-1]

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.ended = cancel_futures


@pytest.fixture
def analysed(stored):
    return Copying(Path(stored.shapes.filename))


@pytest.fixture
def workspace(analysed, tmp_path):
    made = Workspace(lambda: analysed, tmp_path / "workspace")
    yield made
    made.close()


def room(workspace, name="a"):
    with workspace.opening() as (key, folder):
        (folder / "upload").mkdir()
        (folder / "upload/recording.csv").write_text("1")
        workspace.analyse(Job(folder, folder / "upload/recording.csv", name, Entered(("II",), 250.0)))
    return key


def marks(workspace, key):
    return marks_of(workspace.history(key).actions)


def test_the_worklist_counts_what_there_is(workspace, stored):
    first, second = room(workspace, "first"), room(workspace, "second")
    entries = workspace.entries()
    assert [entry.name for entry in entries] == ["second", "first"]
    reviewed = review(stored)
    flagged = int(reviewed.beats["flagged"].sum())
    for entry in entries:
        assert entry.progress.state == DONE
        assert (entry.beats, entry.flagged, entry.marked) == (len(stored.beats), flagged, 0)
        assert entry.events == len(stored.events) + len(reviewed.rhythms)
        assert entry.duration_s == stored.duration_s
        assert entry.added.tzinfo is not None
    row = int(reviewed.beats["flagged"].to_numpy().argmax())
    workspace.mark(second, [row], WRONG, "a beat")
    assert not workspace.review(second).beats["flagged"].iloc[row]
    assert workspace.review(first).beats["flagged"].iloc[row]
    assert [entry.marked for entry in workspace.entries()] == [1, 0]
    assert workspace.entries()[0].flagged > 0


def test_a_killed_server_loses_nothing(workspace, analysed, tmp_path, threshold):
    key = room(workspace)
    workspace.mark(key, [3, 1, 3], RIGHT, "beats at 0:01", "me")
    workspace.choose_threshold(key, threshold + 1)
    with workspace.opening() as (half, folder):
        (folder / "upload").touch()
        shutil.copytree(workspace.root, tmp_path / "killed")  # as the disk is when nothing is closed
    later = Workspace(lambda: analysed, tmp_path / "killed")
    assert [entry.key for entry in later.entries()] == [key]
    (action,) = later.history(key).actions
    assert (action.rows, action.mark, action.what, action.by) == ((1, 3), RIGHT, "beats at 0:01", "me")
    assert action.at.tzinfo is not None
    assert later.threshold(key) == later.review(key).threshold == threshold + 1
    later.choose_threshold(key, None)
    assert later.review(key).threshold == threshold
    assert not (later.root / "recordings" / half).exists()  # it had not arrived
    later.close()


def test_marks_over_many_connections_are_all_kept(workspace):
    key = room(workspace)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda row: workspace.mark(key, [row], RIGHT, f"beat {row}"), range(80)))
    assert marks(workspace, key) == dict.fromkeys(range(80), RIGHT)
    assert workspace.history(key).version == 80


def test_what_is_kept_is_read_while_a_change_waits_for_the_disk(workspace):
    key = room(workspace)
    workspace.mark(key, [1], WRONG, "a beat")
    workspace.review(key)
    with ThreadPoolExecutor(1) as thread, workspace._database._writing() as connection:
        connection.execute("DELETE FROM recording")  # which a disk that is busy takes its time for
        for read in (workspace.review, workspace.history, workspace.progress, lambda _key: workspace.entries()):
            assert thread.submit(read, key).result(PATIENCE_S)
    assert workspace.entries() == []


def test_undo_and_redo(workspace):
    key = room(workspace)
    workspace.undo(key)
    workspace.mark(key, [1, 2], WRONG, "group 1")
    workspace.mark(key, [2], RIGHT, "beat 2")
    assert workspace.history(key).undo == "beat 2: right"
    workspace.undo(key)
    assert marks(workspace, key) == {1: WRONG, 2: WRONG}
    assert (workspace.history(key).undo, workspace.history(key).redo) == ("group 1: wrong", "beat 2: right")
    workspace.undo(key)
    assert marks(workspace, key) == {}
    assert workspace.history(key).redo == "group 1: wrong"
    workspace.redo(key)
    workspace.redo(key)
    workspace.redo(key)
    assert marks(workspace, key) == {1: WRONG, 2: RIGHT}
    workspace.undo(key)
    workspace.mark(key, [1], "", "beat 1")
    assert workspace.history(key).redo == ""
    assert workspace.history(key).undo == "beat 1: no mark"
    assert marks(workspace, key) == {2: WRONG}


def test_a_mark_that_is_sent_again_is_one(workspace):
    key = room(workspace)
    for _ in range(2):
        workspace.mark(key, [1], WRONG, "beat 1")
    workspace.undo(key)
    assert marks(workspace, key) == {}


@pytest.mark.parametrize("rows", [[], [1.5], [10**9], [-1], ["1"], [True], [None]])
def test_only_beats_that_are_there_are_marked(workspace, rows):
    key = room(workspace)
    with pytest.raises(UserError):
        workspace.mark(key, rows, WRONG, "beats")
    with pytest.raises(UserError, match="no mark"):
        workspace.mark(key, [1], "maybe", "beats")
    assert workspace.history(key).actions == ()


@pytest.mark.parametrize("threshold", ["1", float("nan"), float("inf"), True])
def test_a_threshold_is_a_number(workspace, threshold):
    key = room(workspace)
    for use in (workspace.review, workspace.choose_threshold):
        with pytest.raises(UserError, match="no threshold"):
            use(key, threshold)


def test_what_is_deleted_leaves_nothing_on_the_disk_or_in_memory(workspace):
    key, other = room(workspace), room(workspace)
    workspace.mark(key, [1], WRONG, "a beat")
    workspace.review(key)
    folder = workspace.folder(key)
    mapped = Path("/proc/self/maps")
    if mapped.exists():
        assert key in mapped.read_text()
    workspace.delete(key)
    workspace.delete(key)
    for gone in ("..", "", None, "../recordings", f"{other}/analysed"):
        workspace.delete(gone)
    gc.collect()
    if mapped.exists():
        assert key not in mapped.read_text()
    assert [path.name for path in folder.parent.iterdir()] == [other]
    assert [entry.key for entry in workspace.entries()] == [other]
    for use in (workspace.folder, workspace.review, workspace.history, workspace.undo, workspace.progress):
        with pytest.raises(UserError, match="open it again"):
            use(key)


def test_what_is_refused_leaves_nothing_and_locks_nobody_out(workspace):
    other = room(workspace)
    for _ in range(50):
        with pytest.raises(UserError, match="no"), workspace.opening():
            raise UserError("no")
    assert [path.name for path in (workspace.root / "recordings").iterdir()] == [other]
    for _ in range(30):
        room(workspace)
    assert len(workspace.entries()) == 31


def test_a_workspace_has_one_server(workspace):
    with pytest.raises(UserError, match=r"another server uses this workspace.*--workspace"):
        Workspace(Waiting, workspace.root)


def test_a_workspace_of_another_version_is_told(tmp_path):
    Workspace(Waiting, tmp_path).close()
    with sqlite3.connect(tmp_path / "worklist.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match=r"another version.*--workspace"):
        Workspace(Waiting, tmp_path)
    (tmp_path / "worklist.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(UserError, match=r"worklist.sqlite.*--workspace"):
        Workspace(Waiting, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be used as a workspace"):
        Workspace(Waiting, tmp_path / "file")


def test_a_temporary_workspace_stays_only_for_its_marks(analysed):
    unmarked = Workspace(lambda: analysed)
    room(unmarked)
    assert not unmarked.close()
    assert not unmarked.root.exists()
    marked = Workspace(lambda: analysed)
    marked.mark(room(marked), [1], WRONG, "a beat")
    assert marked.close()
    assert len(Workspace(lambda: analysed, marked.root).entries()) == 1
    shutil.rmtree(marked.root)


def test_what_was_cut_off_can_be_analysed_again(analysed, tmp_path):
    working = Waiting()
    cut_off = Workspace(lambda: working, tmp_path)
    key = room(cut_off, "day")
    assert cut_off.progress(key).state == WAITING
    (cut_off.folder(key) / "incomplete").mkdir()
    assert cut_off.close()
    assert working.ended
    assert working.analyses[0].cancelled()
    workspace = Workspace(lambda: analysed, tmp_path)
    assert workspace.progress(key).state == FAILED
    assert "analyse it again" in workspace.progress(key).words
    assert workspace.entries()[0].beats is None
    with pytest.raises(UserError):
        workspace.review(key)
    workspace.analyse_again(key)
    assert workspace.progress(key).state == DONE
    assert sorted(path.name for path in workspace.folder(key).iterdir()) == ["analysed", "progress", "upload"]
    workspace.close()


def test_why_an_analysis_failed_is_remembered(tmp_path):
    working = Waiting()
    workspace = Workspace(lambda: working, tmp_path)
    key = room(workspace)
    working.analyses[0].set_exception(UserError("no ECG"))
    workspace.close()
    again = Workspace(Waiting, tmp_path)
    assert again.progress(key) == Progress(FAILED, 0.0, "Not analysed: no ECG")
    again.analyse_again(key)
    assert again.progress(key).state == WAITING
    again.close()


def test_one_that_waits_while_another_one_s_process_ends_is_started_again(tmp_path):
    working = Waiting()
    workspace = Workspace(lambda: working, tmp_path)
    running, waiting = room(workspace, "running"), room(workspace, "waiting")
    (workspace.folder(running) / "progress").write_text("0.5")
    for started in (2, 3, 4, 5):
        for analysis in list(working.analyses):
            if not analysis.done():
                analysis.set_exception(BrokenProcessPool())
        deadline = time.monotonic() + PATIENCE_S
        while len(working.analyses) <= started < 5 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert "ended from outside" in workspace.progress(running).words
        assert workspace.progress(waiting).state == (WAITING if started < 5 else FAILED)
    workspace.close()


def test_two_pages_that_ask_for_an_analysis_again_start_one(tmp_path):
    working = Waiting()
    workspace = Workspace(lambda: working, tmp_path)
    key = room(workspace)
    working.analyses[0].set_exception(UserError("no ECG"))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(workspace.analyse_again, [key] * 8))
    assert len(working.analyses) == 2
    workspace.close()


def test_closing_waits_for_no_process(finished, tmp_path):
    workspace = Workspace(lambda: process_pool(1, "spawn", time.sleep, PATIENCE_S), tmp_path)
    begin(workspace, finished)
    workspace.close()
    assert Workspace(Waiting, tmp_path).entries()[0].progress.state == FAILED


@pytest.fixture
def working(finished, monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 1)  # each takes seconds to start
    workspace = Workspace(lambda: detector_pool(config_of(finished)))
    yield workspace
    workspace.close()


def begin(workspace, finished):
    with workspace.opening() as (key, folder):
        return key, workspace.analyse(Job(folder, finished.records / "simdb/s007.hea", "s007"))


def test_analyses_run_in_other_processes_and_can_be_cancelled(finished, working):
    (key, first), *others = (begin(working, finished) for _ in range(10))
    assert working.progress(key).state in (WAITING, RUNNING)
    for other, _ in others:
        working.delete(other)
    first.result(PATIENCE_S)
    assert working.progress(key) == Progress(DONE, 1.0, "Analysed.")
    ended = futures.wait([analysis for _, analysis in others], PATIENCE_S)
    assert not ended.not_done
    assert [path.name for path in (working.root / "recordings").iterdir()] == [key]


def test_a_process_that_was_ended_from_outside_is_replaced(finished):
    starts_s = iter([PATIENCE_S, 0])
    working = Workspace(lambda: process_pool(1, "spawn", time.sleep, next(starts_s)))
    others = set(multiprocessing.active_children())
    key, analysis = begin(working, finished)
    started = set(multiprocessing.active_children()) - others
    assert started
    for process in started:
        process.kill()
    with pytest.raises(BrokenProcessPool):
        analysis.result(PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while "cannot be analysed" not in working.progress(key).words:  # it is started again, by itself
        assert time.monotonic() < deadline
        time.sleep(0.05)
    _, analysis = begin(working, finished)
    with pytest.raises(AssertionError):  # in a new process, which has no detector
        analysis.result(PATIENCE_S)
    working.close()


def test_work_ends_wherever_it_is_when_it_is_taken_back(detector, tmp_path, monkeypatch):
    def read_forever(*_):
        jobs.end(tmp_path)
        while True:
            time.sleep(0.01)

    monkeypatch.setattr(jobs, "read_annotated", read_forever)
    (tmp_path / "flat.csv").write_text("time,II\n" + "".join(f"{i / 250},0.0\n" for i in range(5000)))
    job = Job(tmp_path, tmp_path / "flat.csv", "flat")
    jobs.announce(job)
    with pytest.raises(EndedError):
        jobs.analyse(detector, job)
    assert not (tmp_path / ANALYSED).exists()
