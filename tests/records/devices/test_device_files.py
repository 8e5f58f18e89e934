"""Recordings as devices and hospital systems write them: written by the tests, and real ones where they are."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records import kinds
from ecg_anomaly.records.recording import open_recording
from tests.conftest import ROOT
from tests.device_files import MICROVOLTS, WRITERS, write_acq, write_opensignals, write_xdf

RATE_HZ = 250
SECONDS = 3
LEADS = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
DERIVED = ("III", "aVR", "aVL", "aVF")
NOT_CLINICAL = {write_acq, write_opensignals, write_xdf}  # which derive no leads
LIBRARIES = {"x.acq": "bioread", "x.h5": "h5py", "x.xdf": "pyxdf", "x.dcm": "pydicom"}


def steps(leads=8):
    """Make leads that differ, in whole steps, of shape (samples, leads)."""
    time_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    return np.stack([np.round(400 * np.sin((5 + lead) * time_s)) for lead in range(leads)], axis=1).astype(int)


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_written_is_read(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path, LEADS, steps(), RATE_HZ)
    recording = open_recording(path)

    derived = () if WRITERS[name] in NOT_CLINICAL else DERIVED
    assert recording.leads == (*LEADS, *derived)
    assert (recording.sampling_rate_hz, recording.samples) == (RATE_HZ, SECONDS * RATE_HZ)
    found_mv = np.concatenate(list(recording.blocks(1.1)))
    written_mv = steps() * MICROVOLTS / 1000
    if name == "x.h5":  # of BITalino, by its data sheet
        written_mv = steps() / 2**16 * 3.3 / 1100 * 1000
    np.testing.assert_allclose(found_mv[:, : len(LEADS)], written_mv, atol=1e-9)
    if derived:
        np.testing.assert_allclose(found_mv[:, len(LEADS)], written_mv[:, 1] - written_mv[:, 0], atol=1e-9)
        assert "were derived from I and II" in recording.notes[-1]


@pytest.mark.parametrize("name", WRITERS)
def test_kind_is_told_by_the_beginning_whatever_the_name(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path, LEADS[:3], steps(3), RATE_HZ)
    kind = kinds.kind_of(path)
    for other in ("r", "r.dat", "r.csv", "r.edf", "r.txt.gz"):
        assert kinds.kind_of(path.rename(tmp_path / other)) == kind
        path = tmp_path / other


@pytest.mark.parametrize("name", WRITERS)
def test_missing_library_is_named_with_the_command(name, tmp_path, monkeypatch):
    path = tmp_path / name
    WRITERS[name](path, LEADS[:1], steps(1), RATE_HZ)
    library = LIBRARIES.get(name, "ecgdatakit")
    monkeypatch.setitem(sys.modules, library, None)
    if name == "x.ecg":  # which the package reads itself
        assert open_recording(path).samples == SECONDS * RATE_HZ
        return
    with pytest.raises(UserError, match=rf'needs {library}; .* pip install "\.\[formats\]"'):
        open_recording(path)


@pytest.fixture(scope="module")
def device_files() -> Path:
    """The folder of real files: ``device-files`` in ECG_RECORDS, else data/raw, else ../shared."""
    named = os.environ.get("ECG_RECORDS")
    for folder in [Path(named)] if named else [ROOT / "data" / "raw", ROOT.parent / "shared"]:
        if (folder / "device-files").is_dir():
            return folder / "device-files"
    pytest.skip("files of devices are not here: set ECG_RECORDS to a folder that holds device-files")


# Name, leads that are stored, sampling rate in Hz, seconds, and how far lead II reaches within a second in mV (median),
# decoded from the bytes of the files by hand.
REAL_FILES = [
    ("aecg.xml", 12, 500, 10.0, 0.925),
    ("dicom.dcm", 12, 500, 10.0, 1.371),
    ("muse.xml", 8, 500, 10.0, 1.371),
    ("scp.scp", 12, 500, 10.0, 0.925),
    ("sierra.xml", 12, 500, 11.0, 1.08),
    ("ishne.ecg", 12, 1000, 95.573, 0.88),
]


@pytest.mark.parametrize(("name", "stored", "rate_hz", "seconds", "height_mv"), REAL_FILES)
def test_real_file_is_read(name, stored, rate_hz, seconds, height_mv, device_files):
    recording = open_recording(device_files / name)
    assert (recording.sampling_rate_hz, recording.samples) == (rate_hz, seconds * rate_hz)
    assert len(recording.leads) == 12 and set(DERIVED) < set(recording.leads)
    assert any("derived from I and II" in note for note in recording.notes) == (stored == 8)
    signals_mv = dict(zip(recording.leads, recording.read().T, strict=True))
    windows = signals_mv["II"][: len(signals_mv["II"]) // rate_hz * rate_hz].reshape(-1, rate_hz)
    assert np.nanmedian(np.ptp(windows, axis=1)) == pytest.approx(height_mv, rel=0.001)
    # The devices round each lead by itself; the Holter filters them.
    differences_mv = signals_mv["III"] - (signals_mv["II"] - signals_mv["I"])
    assert np.nanmax(np.abs(differences_mv)) < (0.6 if name == "ishne.ecg" else 0.02)


def test_real_files_of_one_ecg_in_two_formats_are_the_same(device_files):
    for one, other in (("aecg.xml", "scp.scp"), ("muse.xml", "dicom.dcm")):
        first, second = (open_recording(device_files / name).chosen(LEADS) for name in (one, other))
        np.testing.assert_allclose(first.read(), second.read(), atol=1e-9)
