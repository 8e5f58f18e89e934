"""What pip installs: from pyproject.toml the same as from requirements.txt, and all that the package reads."""

import subprocess
import sys

import pytest
from packaging.requirements import Requirement

import ecg_anomaly
from tests.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest there

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_pyproject_and_requirements_ask_for_the_same():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [line.partition("#")[0].strip() for line in lines]
    required = sorted(map(str, map(Requirement, filter(None, listed))))

    project = PYPROJECT["project"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    assert sorted(map(str, map(Requirement, [*project["dependencies"], *extras]))) == required


def test_version_stands_in_one_place():
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "ecg_anomaly/__init__.py"
    newest = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n## [")[2]
    assert newest.startswith(f"{ecg_anomaly.__version__}]")


def test_names_are_read_when_they_are_used_first():
    heavy = {"numpy", "pandas", "pydantic", "matplotlib", "ecg_anomaly.api"}
    line = f"import ecg_anomaly, sys; print(*({heavy} & {{*sys.modules}}))"
    assert subprocess.check_output([sys.executable, "-c", line], cwd=ROOT, text=True) == "\n"

    assert {*ecg_anomaly._PLACES, "UserError"} == set(ecg_anomaly.__all__) <= set(dir(ecg_anomaly))
    for name in ecg_anomaly.__all__:
        assert getattr(ecg_anomaly, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        _ = ecg_anomaly.fit
