"""HDF5 files of OpenSignals."""

import h5py
import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.devices.opensignals_reader import open_opensignals
from tests.device_files import write_opensignals

STEPS = np.random.default_rng(0).integers(-400, 400, size=(600, 2))


def read(source, columns):
    return np.concatenate(list(source.blocks(columns, 250)))


@pytest.mark.parametrize(
    ("device", "millivolts"), [("biosignalsplux", 3000 / 1000 / 2**16), ("bitalino_rev", 3300 / 1100 / 2**16)]
)
def test_ecg_of_a_known_sensor_is_converted(device, millivolts, tmp_path):
    write_opensignals(tmp_path / "r.h5", ["II", "V1"], STEPS, 200, device)
    source = open_opensignals(tmp_path / "r.h5")
    assert [(c.label, c.unit, c.samples, c.sampling_rate_hz) for c in source.channels] == [
        ("ECG II", "mV", 600, 200),
        ("ECG V1", "mV", 600, 200),
    ]
    assert source.notes == ("converted from counts to mV as the data sheet of the ECG sensor says: ECG II, ECG V1",)
    np.testing.assert_allclose(read(source, [1, 0]), STEPS[:, [1, 0]] * millivolts)


def test_resolutions_of_digital_lines_stand_before_those_of_channels(tmp_path):
    path = tmp_path / "r.h5"
    write_opensignals(path, ["II"], STEPS[:, :1], 200)
    with h5py.File(path, "a") as file:
        file["00:07:80:3B:46:38"].attrs["resolution"] = [4, 1, 1, 1, 1, 16]
    np.testing.assert_allclose(read(open_opensignals(path), [0]), STEPS[:, :1] * 3300 / 1100 / 2**16)


def test_other_channels_stay_counts(tmp_path):
    path = tmp_path / "r.h5"
    write_opensignals(path, ["II", "V1"], STEPS, 200, "somedevice")
    with h5py.File(path, "a") as file:
        group = file["00:07:80:3B:46:38"]
        group["raw/channel_2"].attrs["sensor"] = "EDA"
        group["raw/channel_10"] = STEPS[:500, :1]
        group["raw/channel_11"] = STEPS  # two columns
        file.create_group("another").attrs["sampling rate"] = 100
    source = open_opensignals(path)
    assert [(c.label, c.unit) for c in source.channels] == [
        ("ECG II", "counts"),
        ("CH2", "counts"),
        ("channel_10", "counts"),
        ("channel_11", "counts"),
    ]
    assert [bool(c.doubt) for c in source.channels] == [False, True, False, False]
    assert [c.fault for c in source.channels] == ["", "", "", "it does not hold a number per sample"]
    assert source.notes == ("channels end before the longest one: channel_10 by 0.5 s; what they lack is missing",)
    found = read(source, [1, 2])
    np.testing.assert_array_equal(found[:, 0], STEPS[:, 1] + 2**15)
    np.testing.assert_array_equal(np.isnan(found[:, 1]), np.arange(600) >= 500)


def test_channels_of_several_devices_are_read(tmp_path):
    path = tmp_path / "r.h5"
    write_opensignals(path, ["II"], STEPS[:, :1], 200)
    with h5py.File(path, "a") as file:
        file.copy("00:07:80:3B:46:38", "00:07:80:3B:46:39")
    assert len(open_opensignals(path).channels) == 2


@pytest.mark.parametrize("fill", [lambda file: None, lambda file: file.create_dataset("ecg", data=STEPS)])
def test_hdf5_of_another_program_is_explained(fill, tmp_path):
    path = tmp_path / "r.h5"
    with h5py.File(path, "w") as file:
        fill(file)
    with pytest.raises(UserError, match=r"is an HDF5 file, but none of OpenSignals .*; export the recording as EDF"):
        open_opensignals(path)


def test_damaged_texts_do_not_hang(tmp_path):
    path = tmp_path / "r.h5"
    write_opensignals(path, ["II"], STEPS[:, :1], 200)
    content = bytearray(path.read_bytes())
    content[content.index(b"GCOL") + 24] = 152  # the length of the first text
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged: its texts cannot be read"):
        open_opensignals(path)


def test_truncated_file_is_explained(tmp_path):
    path = tmp_path / "r.h5"
    write_opensignals(path, ["II"], STEPS[:, :1], 200)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read"):
        open_opensignals(path)


def test_samples_that_are_promised_alone_are_no_signal(tmp_path):
    path = tmp_path / "r.h5"
    write_opensignals(path, ["II"], STEPS[:, :1], 200)
    with h5py.File(path, "a") as file:
        raw = file["00:07:80:3B:46:38/raw"]
        promised = raw.create_dataset("channel_2", shape=(10**10, 1), dtype="<u2", chunks=(10**6, 1))
        promised.attrs.update({"label": "CH2", "sensor": "ECG V1"})
    first, second = open_opensignals(path).channels
    assert (first.samples, first.fault) == (len(STEPS), "")
    assert second.fault == "its samples are not in the file"
