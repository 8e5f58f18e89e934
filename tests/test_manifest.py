"""Files that scripts hand on: whole or not at all, one writer at a time, checked before they are read."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ecg_anomaly
from ecg_anomaly.config import Config, load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import (
    FORMAT,
    check_input,
    fingerprint,
    folder_fingerprint,
    handover,
    read_checked_manifest,
    read_manifest,
    write_json,
)
from tests.conftest import ROOT

SCRIPT = "write.py"
KILLED = 9  # exit status of a process that ends at once, without tidying up, on every system


def write_folder(folder: Path, text: str, *settings: str, inputs: dict[str, str] | None = None) -> Config:
    """Write a folder of two files, as a script does."""
    config = load_config(None, settings)
    with handover(folder) as output:
        output.path("one.txt").write_text(text)
        output.path("deeper/two.txt").write_text(text)
        output.describe(SCRIPT, config, ["beat", "threshold"], inputs or {}, note=text)
    return config


def visible(folder: Path) -> list[str]:
    """Names of all files in a folder but for the lock, hidden ones too."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if path != ".lock")


def texts(folder: Path) -> set[str]:
    return {(folder / name).read_text() for name in ("one.txt", "deeper/two.txt")}


def refusal(check: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(UserError) as caught:
        check(*arguments)
    return str(caught.value)


def write_elsewhere(folder: Path, prepare: str = "") -> int:
    """Write a folder in a process of its own that runs `prepare` first; return its exit status."""
    program = f"""
import os
from pathlib import Path
from ecg_anomaly import manifest
from ecg_anomaly.config import load_config

def end(*_, **__):
    os._exit({KILLED})

{prepare}
with manifest.handover({str(folder)!r}) as output:
    for name in ("one.txt", "deeper/two.txt"):
        output.path(name).write_text("new")
    output.describe({SCRIPT!r}, load_config(), ["beat"], {{}})
"""
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, stderr=subprocess.DEVNULL).returncode


def test_files_appear_together_at_the_end(tmp_path: Path):
    with handover(tmp_path / "a" / "b") as output:
        output.path("one.txt").write_text("1")
        write_json(output.path("two.json"), {"a": 1})
        assert not (tmp_path / "a" / "b" / "one.txt").exists()
        output.describe(SCRIPT, load_config(), ["beat"], {})

    assert visible(tmp_path / "a" / "b") == ["manifest.json", "one.txt", "two.json"]


def test_manifest_tells_how_the_files_were_made(tmp_path: Path):
    config = write_folder(tmp_path, "new", "threshold.percentile=90", inputs={"record": "abc"})
    manifest = read_manifest(tmp_path, SCRIPT)

    assert manifest["script"] == SCRIPT
    assert manifest["config"] == config.model_dump()
    assert manifest["inputs"] == {"record": "abc"}
    assert manifest["note"] == "new"
    assert manifest["files"].keys() == {"one.txt", "deeper/two.txt"}
    assert manifest["files"]["one.txt"] == fingerprint(tmp_path / "one.txt")
    assert {"python", "numpy", "tensorflow"} <= manifest["versions"].keys()
    assert manifest["versions"]["ecg-anomaly-detector"] == ecg_anomaly.__version__


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_leaves_earlier_files_as_they_were(tmp_path: Path, error: type[BaseException]):
    write_folder(tmp_path, "old")

    with pytest.raises(error), handover(tmp_path) as output:
        output.path("one.txt").write_text("new")
        raise error

    assert texts(tmp_path) == {"old"}
    assert visible(tmp_path) == ["deeper/two.txt", "manifest.json", "one.txt"]
    read_manifest(tmp_path, SCRIPT)


def test_run_killed_while_it_writes_leaves_earlier_files_and_nothing_in_the_way(tmp_path: Path):
    write_folder(tmp_path, "old")

    assert write_elsewhere(tmp_path, "manifest.Handover.describe = end") == KILLED
    assert texts(tmp_path) == {"old"}
    read_manifest(tmp_path, SCRIPT)

    write_folder(tmp_path, "newer")
    assert texts(tmp_path) == {"newer"}
    assert visible(tmp_path) == ["deeper/two.txt", "manifest.json", "one.txt"]


def test_run_killed_while_files_move_into_place_is_never_taken_for_whole(tmp_path: Path):
    write_folder(tmp_path, "old")
    second_move = "move = Path.replace; Path.replace = lambda *a: move(*a) if a[0].name == 'two.txt' else end()"

    assert write_elsewhere(tmp_path, second_move) == KILLED
    assert texts(tmp_path) == {"old", "new"}
    assert refusal(read_manifest, tmp_path, SCRIPT) == (
        f"{tmp_path}: no finished results of {SCRIPT} are here; run python {SCRIPT}"
    )

    write_folder(tmp_path, "newer")
    assert texts(tmp_path) == {"newer"}
    read_manifest(tmp_path, SCRIPT)


def test_second_run_is_refused_while_the_first_writes(tmp_path: Path):
    with handover(tmp_path) as output:
        output.path("one.txt").write_text("first")
        assert write_elsewhere(tmp_path) == 1
        assert output.path("one.txt").read_text() == "first"
        message = refusal(lambda: handover(tmp_path).__enter__())
        output.describe(SCRIPT, load_config(), ["beat"], {})

    assert message.startswith(f"{tmp_path}: another run is writing here; wait until it ends")
    assert (tmp_path / "one.txt").read_text() == "first"


def test_full_disk_is_told_with_its_folder(tmp_path: Path):
    write_folder(tmp_path, "old")

    with pytest.raises(OSError, match="No space left on device") as caught, handover(tmp_path):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(tmp_path)

    with pytest.raises(OSError, match="not everything could be written") as caught, handover(tmp_path):
        raise OSError("96 requested and 12 written")
    assert caught.value.filename == str(tmp_path)
    assert texts(tmp_path) == {"old"}


def test_file_that_an_error_names_stays_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught, handover(tmp_path):
        (tmp_path / "none.txt").read_text()
    assert caught.value.filename == str(tmp_path / "none.txt")


def test_folder_that_was_never_written_is_refused(tmp_path: Path):
    message = f"{tmp_path / 'none'}: no finished results of {SCRIPT} are here; run python {SCRIPT}"
    assert refusal(read_manifest, tmp_path / "none", SCRIPT) == message


@pytest.mark.parametrize("name", ["one.txt", "deeper/two.txt"])
def test_missing_file_is_named(tmp_path: Path, name: str):
    write_folder(tmp_path, "old")
    (tmp_path / name).unlink()

    assert refusal(read_manifest, tmp_path, SCRIPT) == (f"{tmp_path / name}: is missing; run python {SCRIPT} again")


def test_edited_file_is_named(tmp_path: Path):
    write_folder(tmp_path, "old")
    (tmp_path / "one.txt").write_text("old ")

    assert refusal(read_manifest, tmp_path, SCRIPT) == (
        f"{tmp_path / 'one.txt'}: was changed after {SCRIPT} wrote it; run python {SCRIPT} again"
    )


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"files": [1], "shaped_by": [], "config": {}, "inputs": {}}']
)
def test_damaged_manifest_is_named(tmp_path: Path, content: str):
    write_folder(tmp_path, "old")
    (tmp_path / "manifest.json").write_text(content)

    assert refusal(read_manifest, tmp_path, SCRIPT) == (
        f"{tmp_path / 'manifest.json'}: is damaged; run python {SCRIPT} again"
    )


def test_other_settings_are_told_with_key_old_and_new_value(tmp_path: Path):
    write_folder(tmp_path, "old", "beat.window_before_s=0.4")
    config = load_config(None, ["beat={window_before_s: 0.25, scaling: beat_min_max}"])

    assert refusal(read_checked_manifest, tmp_path, config, SCRIPT) == (
        f'{tmp_path}: made with other settings: beat.scaling was "record_min_max" and is now "beat_min_max"; '
        f"beat.window_before_s was 0.4 and is now 0.25; run python {SCRIPT} again"
    )


def test_only_settings_that_shaped_the_files_count(tmp_path: Path):
    write_folder(tmp_path, "old")

    read_checked_manifest(tmp_path, load_config(None, ["training.epochs=1", "paths.models=x"]), SCRIPT)


def test_many_other_settings_fit_in_one_line(tmp_path: Path):
    write_folder(tmp_path, "old")
    changed = ["start_s: 1", "realign_s: 0", "low_cut_hz: 1", "high_cut_hz: 30", "scaling_beats: 5"]
    config = load_config(None, [f"beat={{{', '.join(changed)}}}"])

    message = refusal(read_checked_manifest, tmp_path, config, SCRIPT)
    assert message.count(" and is now ") == 3
    assert "(and 2 more)" in message


def test_files_of_an_older_version_without_a_setting_are_refused(tmp_path: Path):
    write_folder(tmp_path, "old")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    del manifest["config"]["beat"]["start_s"]
    write_json(tmp_path / "manifest.json", manifest)

    message = refusal(read_checked_manifest, tmp_path, load_config(), SCRIPT)
    assert "beat.start_s was null and is now 10.0" in message


def test_a_setting_that_came_later_is_taken_to_have_had_its_own_default(tmp_path: Path):
    with handover(tmp_path) as output:
        output.describe(SCRIPT, load_config(), ["training"], {})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    del manifest["config"]["training"]["beats_per_record"]
    write_json(tmp_path / "manifest.json", manifest)

    read_checked_manifest(tmp_path, load_config(), SCRIPT)
    message = refusal(read_checked_manifest, tmp_path, load_config(None, ["training.beats_per_record=9"]), SCRIPT)
    assert "training.beats_per_record was 5000 and is now 9" in message


@pytest.mark.parametrize("version", [None, FORMAT - 1, FORMAT + 1])
def test_files_of_another_version_are_refused(tmp_path: Path, version: int | None):
    write_folder(tmp_path, "old")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"format": version}))

    assert refusal(read_manifest, tmp_path, SCRIPT) == (
        f"{tmp_path}: was made by another version of this project; run python {SCRIPT} again"
    )


def test_other_inputs_are_told_with_their_folder(tmp_path: Path):
    source, result = tmp_path / "source", tmp_path / "result"
    write_folder(source, "old")
    write_folder(result, "made of it", inputs=dict([folder_fingerprint(source)]))
    manifest = read_manifest(result, SCRIPT)
    check_input(manifest, result, source, SCRIPT)

    write_folder(source, "old")  # the same content again is no change
    check_input(manifest, result, source, SCRIPT)

    write_folder(source, "new")
    assert refusal(check_input, manifest, result, source, SCRIPT) == (
        f"{result}: was made from other files than {source} has now; run python {SCRIPT} again"
    )
