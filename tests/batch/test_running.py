"""Batches that are cut off, refused, gone on with: what is done stays whole."""

import errno
import functools
import multiprocessing
import os
import shutil
import signal
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from filelock import FileLock

from ecg_anomaly import workers
from ecg_anomaly.batch import running
from ecg_anomaly.batch.request import Named, Request
from ecg_anomaly.batch.results import OutputError
from ecg_anomaly.batch.running import detect_all
from ecg_anomaly.errors import UserError
from ecg_anomaly.processes import process_pool
from tests.conftest import Workspace
from tests.test_processes import AtOnce
from tests.test_workers import config_of

NAMES = ("s007", "s008")
ENDINGS = ("beats.csv", "anomaly", "summary.json")
Usage = namedtuple("Usage", "free")


@pytest.fixture
def recordings(finished: Workspace, tmp_path):
    """Two copies of records that a test may change."""
    (tmp_path / "records").mkdir()
    for name in NAMES:
        for ending in ("hea", "dat"):
            shutil.copy(finished.records / "simdb" / f"{name}.{ending}", tmp_path / "records")
    return [Named(tmp_path / "records" / f"{name}.hea", name) for name in NAMES]


@pytest.fixture
def detect(finished: Workspace, detector, monkeypatch, tmp_path):
    """Analyse recordings in this process, but for other executors; give what became of each by its name."""
    monkeypatch.setattr(workers, "read_detector", lambda *_: detector)

    def run(recordings, executors=AtOnce, **options):
        request = Request(tmp_path / "out", pages="none", **options)
        calls = functools.partial(workers.with_detector, executors=executors, workers=1)
        outcomes = detect_all(recordings, request, config_of(finished), calls=calls)
        return {outcome.recording.name: outcome for outcome in outcomes}

    return run


def files_in(folder: Path):
    return {path.name for path in folder.iterdir()} - {".lock"}


def whole(*names):
    return {f"{name}.{ending}" for name in names for ending in ENDINGS} | {"recordings.summary.csv"}


def test_a_run_goes_on_where_another_ended(detect, recordings, tmp_path):
    out = tmp_path / "out"
    first = detect(recordings[:1], executors=None)
    written = (out / "s007.beats.csv").stat().st_mtime_ns
    with pytest.raises(UserError, match=r"s007\.beats\.csv: is there already; add --resume"):
        detect(recordings)
    both = detect(recordings, resume=True)
    assert [(both[name].kept, both[name].again) for name in NAMES] == [(True, ""), (False, "")]
    assert both["s007"].summary["beats"] == first["s007"].summary["beats"]
    assert (out / "s007.beats.csv").stat().st_mtime_ns == written
    assert files_in(out) == whole(*NAMES)

    shutil.copy(recordings[1].path.with_suffix(".dat"), recordings[0].path.with_suffix(".dat"))
    (out / "s008.anomaly").unlink()
    again = detect(recordings, resume=True)
    assert [again[name].again for name in NAMES] == ["input", "files"]
    assert again["s007"].summary["beats"] == again["s008"].summary["beats"] != first["s007"].summary["beats"]
    assert files_in(out) == whole(*NAMES)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_worker_that_is_killed_is_replaced_and_the_batch_goes_on(detect, recordings, tmp_path, monkeypatch):
    killed, analyse = tmp_path / "killed", running.analyse_to_store

    def kill(folder, detector, recording, *arguments, **options):
        analyse(folder, detector, recording, *arguments, **options)
        if recording.name == "s008" or not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(running, "analyse_to_store", kill)
    found = detect(recordings, functools.partial(process_pool, 1, "fork"))
    assert found["s007"].summary["beats"] > 100
    assert "s008.hea: the process that analysed it was ended from outside 3 times" in found["s008"].error
    assert files_in(tmp_path / "out") == whole("s007")
    assert multiprocessing.active_children() == []


def test_a_recording_that_grows_while_it_is_read_gets_no_result(detect, recordings, tmp_path, monkeypatch):
    analyse = running.analyse_to_store

    def grow(folder, detector, recording, *arguments, **options):
        analyse(folder, detector, recording, *arguments, **options)
        with recording.path.with_suffix(".dat").open("ab") as file:
            file.write(b"0")

    monkeypatch.setattr(running, "analyse_to_store", grow)
    assert "s007.hea: was changed while it was read" in detect(recordings[:1])["s007"].error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (MemoryError(), "there is too little memory"),
        (PermissionError(errno.EACCES, "Permission denied", "x.dat"), r"x\.dat: Permission denied"),
        (ZeroDivisionError("division by zero"), r"please report it: ZeroDivisionError: .* \(test_running\.py, line"),
    ],
)
def test_what_is_wrong_with_one_recording_ends_no_batch(detect, recordings, monkeypatch, problem, words):
    def fail(*_, **__):
        raise problem

    monkeypatch.setattr(running, "analyse_to_store", fail)
    found = detect(recordings)
    for name in NAMES:
        with pytest.raises(UserError, match=words):
            raise UserError(found[name].error)


def test_a_disk_that_fills_ends_the_batch_with_what_is_done(detect, recordings, tmp_path, monkeypatch):
    write = running.make_files

    def fill(staging, reviewed, request, name, *arguments):
        if name == "s008":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(staging, reviewed, request, name, *arguments)

    monkeypatch.setattr(running, "make_files", fill)
    with pytest.raises(OutputError, match=r"can no longer be written: No space left on device; .* --resume"):
        detect(recordings)
    assert {f"s007.{ending}" for ending in ENDINGS} <= files_in(tmp_path / "out") <= whole("s007")


def test_a_full_disk_is_told_before_any_work(detect, recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000))
    with pytest.raises(UserError, match=r"the disk is full: 0\.00 GB are free"):
        detect(recordings)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told(detect, recordings, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"out: results cannot be written there: .*; name another folder with --output"):
        detect(recordings)


def test_two_runs_do_not_share_a_folder(detect, recordings, tmp_path):
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(UserError, match="out: another run is writing here"):
        detect(recordings)


def test_what_is_not_finished_is_deleted_when_a_batch_is_stopped(finished: Workspace, tmp_path, monkeypatch):
    def analyse(_work, calls, *_, **__):
        for number, (recording, staging, *_) in enumerate(calls):
            (staging / "own" / "analysed").mkdir(parents=True)
            yield number, running.Outcome(recording, error=str(staging))

    monkeypatch.setattr(running, "with_detector", analyse)
    recordings = [Named(tmp_path / name, name) for name in NAMES]
    for folder, left in ((tmp_path / "new", None), (tmp_path, {".lock", "recordings.summary.csv"})):
        outcomes = detect_all(recordings, Request(folder), config_of(finished))
        assert Path(next(outcomes).error).is_dir()
        outcomes.close()
        assert left is None or {path.name for path in folder.iterdir()} - {"new"} == left
