"""Files that may not be read: told so, by whichever way they are opened."""

import builtins
import io
import os

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.simulate import write_database


@pytest.fixture
def forbid(monkeypatch):
    """Have the system refuse to open a file; a test may run as one who may read all."""

    def refuse(name):
        def refusing(real):
            def opened(path, *arguments, **options):
                if not isinstance(path, int) and os.fspath(path).endswith(name):
                    raise PermissionError(13, "Permission denied", os.fspath(path))
                return real(path, *arguments, **options)

            return opened

        monkeypatch.setattr(io, "open", refusing(io.open))
        monkeypatch.setattr(builtins, "open", refusing(open))
        monkeypatch.setattr("numpy.fromfile", refusing(__import__("numpy").fromfile))

    return refuse


@pytest.mark.parametrize("kind", ["hea", "dat"])
def test_a_record_of_somebody_else(tmp_path, forbid, kind):
    (name,) = write_database(tmp_path, 1, 0.5, 1)
    forbid(f".{kind}")
    with pytest.raises(UserError) as caught:
        open_recording(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}.{kind}: cannot be read: permission denied; check who may read it"


@pytest.mark.parametrize("name", ["a.csv", "a.edf"])
def test_a_file_of_somebody_else(tmp_path, forbid, name):
    (tmp_path / name).write_text("1")
    forbid(name)
    with pytest.raises(UserError, match=f"{name}: cannot be read: permission denied; check who may read it"):
        open_recording(tmp_path / name)
