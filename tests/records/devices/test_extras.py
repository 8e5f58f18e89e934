"""Libraries that only some formats need."""

import logging
import sys
from pathlib import Path

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.devices.extras import library, listening


def test_library_that_is_not_there_is_named_with_the_command(monkeypatch):
    assert library("json", Path("r.h5"), "an HDF5 file").__name__ == "json"
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError) as caught:
        library("h5py", Path("r.h5"), "an HDF5 file")
    assert str(caught.value) == (
        "r.h5: is an HDF5 file, and reading it needs h5py; install it in the project's folder with: "
        'pip install ".[formats]"'
    )


def test_what_a_library_logs_is_collected_and_not_printed(capfd):
    logger = logging.getLogger("a.library")
    logger.addHandler(logging.StreamHandler())
    with listening("a.library") as told:
        logger.warning("odd\n  chunk")
        logger.info("nothing")
    assert told == ["odd chunk"]
    assert capfd.readouterr().err == ""
    logger.warning("heard again")
    assert "heard again" in capfd.readouterr().err
