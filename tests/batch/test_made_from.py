import dataclasses
from pathlib import Path

import pytest

from ecg_anomaly.batch.made_from import Inputs, difference, made_with
from ecg_anomaly.batch.request import Request
from ecg_anomaly.errors import UserError
from tests.conftest import Workspace
from tests.test_workers import config_of


@pytest.fixture
def record(tmp_path):
    (tmp_path / "a.hea").write_text("a 1 360 2\na.dat 16 200 16 0 0 0 0 II\n")
    (tmp_path / "a.dat").write_bytes(b"1234")
    return tmp_path / "a"


def grow(file: Path):
    with file.open("ab") as opened:
        opened.write(b"56")


def replace(file: Path):
    file.with_suffix(".new").write_bytes(file.read_bytes())
    file.with_suffix(".new").replace(file)


@pytest.mark.parametrize("change", [grow, replace, Path.unlink])
def test_a_recording_that_changes_is_noticed(record, change):
    inputs = Inputs.of(record)
    assert [(file["name"], file["bytes"]) for file in inputs.files] == [("a.hea", 37), ("a.dat", 4)]
    inputs.check_unchanged()
    change(record.with_suffix(".dat"))
    with pytest.raises(UserError, match="a: was changed while it was read"):
        inputs.check_unchanged()


def test_what_shapes_results_tells_them_apart(finished: Workspace):
    config, request = config_of(finished), Request(Path("out"))
    made = made_with(request, config)
    assert difference(made, made_with(Request(Path("other"), force=True), config)) == ""
    assert difference(made, made_with(dataclasses.replace(request, leads=("II",)), config)) == "settings"
    other = config.model_copy(update={"rhythm_events": config.rhythm_events.model_copy(update={"pause_s": 9.0})})
    assert difference(made, made_with(request, other)) == "settings"
    shapes_nothing = config.model_copy(update={"noise": config.noise.model_copy(update={"seed": 9})})
    assert difference(made, made_with(request, shapes_nothing)) == ""
    assert difference(made, {**made, "model": "another"}) == "model"
    assert difference(made, {**made, "version": "9"}) == "version"
