"""Streams of the Lab Streaming Layer, as LabRecorder writes them."""

import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.devices.xdf_reader import _BOUNDARY, open_xdf
from ecg_anomaly.records.recording import open_recording
from tests.device_files import MICROVOLTS, write_xdf, xdf_stream

RATE_HZ = 130


def steps(seconds=10, leads=1):
    return np.random.default_rng(1).integers(-400, 400, size=(seconds * RATE_HZ, leads))


def stamps_s(count, rate_hz=RATE_HZ):
    return 5000 + np.arange(count) / rate_hz


def read(source, columns=(0,)):
    return np.concatenate(list(source.blocks(list(columns), 500)))


def test_lost_packets_are_missing_samples(tmp_path):
    at_s = stamps_s(1300)
    at_s[400:] += 2.0
    at_s[900:] += 0.5
    write_xdf(tmp_path / "r.xdf", ["II"], steps(), RATE_HZ, at_s)
    source = open_xdf(tmp_path / "r.xdf")

    assert "2 gaps in stream my ECG, 2.5 s together, are missing signal" in source.notes
    assert source.channels[0].samples == 1300 + 325
    missing = np.isnan(read(source)[:, 0])
    np.testing.assert_array_equal(np.flatnonzero(missing), [*range(400, 660), *range(1160, 1225)])
    np.testing.assert_allclose(read(source)[~missing], steps() * MICROVOLTS)


def test_late_packets_are_no_gap(tmp_path):
    at_s = stamps_s(1300)
    at_s += np.repeat(np.random.default_rng(0).exponential(0.05, 26), 50)  # packets of 50 samples
    at_s[500:550] += 0.7
    write_xdf(tmp_path / "r.xdf", ["II"], steps(), RATE_HZ, np.maximum.accumulate(at_s))
    source = open_xdf(tmp_path / "r.xdf")
    assert [note for note in source.notes if "gap" in note] == []
    np.testing.assert_allclose(read(source), steps() * MICROVOLTS)


@pytest.mark.parametrize(("measured_hz", "taken_hz"), [(RATE_HZ * 1.002, RATE_HZ), (125, 125)])
def test_sampling_rate_is_the_one_promised_unless_time_stamps_say_another(measured_hz, taken_hz, tmp_path):
    write_xdf(tmp_path / "r.xdf", ["II"], steps(), RATE_HZ, stamps_s(1300, measured_hz))
    recording = open_recording(tmp_path / "r.xdf")
    assert float(recording.sampling_rate_hz) == pytest.approx(taken_hz, rel=1e-6)
    told = "stream my ECG promises 130 Hz; its time stamps say 125.00 Hz, which is taken" in recording.notes
    assert told == (taken_hz == 125)


def test_stream_that_promises_no_sampling_rate_is_read_by_its_time_stamps(tmp_path):
    at_s = stamps_s(1300)
    at_s[400:] += 2.0
    write_xdf(tmp_path / "r.xdf", ["II"], steps(), 0, at_s)
    source = open_xdf(tmp_path / "r.xdf")
    assert float(source.channels[0].sampling_rate_hz) == pytest.approx(RATE_HZ, rel=1e-4)
    assert "stream my ECG promises no sampling rate; its time stamps say 130.00 Hz, which is taken" in source.notes
    assert np.flatnonzero(np.isnan(read(source)[:, 0])).tolist() == [*range(400, 660)]


@pytest.mark.parametrize(
    ("kind", "names", "labels", "doubtful"),
    [
        ("ECG", ["II", "V1"], ["II", "V1"], False),
        ("ECG", ["ch 1", "Resp"], ["ECG ch 1", "Resp"], False),
        ("ECG", ["", ""], ["ECG 1", "ECG 2"], False),
        ("EEG", ["Fp1", "left"], ["Fp1", "left"], True),
        ("EEG", ["Fp1", "ECG"], ["Fp1", "ECG"], True),
    ],
)
def test_type_of_a_stream_tells_what_its_channels_are(kind, names, labels, doubtful, tmp_path):
    write_xdf(tmp_path / "r.xdf", names, steps(leads=2), RATE_HZ, kind=kind, markers=False)
    channels = open_xdf(tmp_path / "r.xdf").channels
    assert [channel.label for channel in channels] == labels
    assert [bool(channel.doubt) for channel in channels] == [doubtful, doubtful and names[1] != "ECG"]


@pytest.mark.parametrize(("late_s", "lacking"), [(2.0, 260), (100.0, 0)])
def test_streams_that_begin_together_are_put_beside_each_other(late_s, lacking, tmp_path):
    path = tmp_path / "r.xdf"
    write_xdf(path, ["II"], steps(), RATE_HZ, stamps_s(1300), markers=False)
    second = xdf_stream(2, "EEG", ["left"], steps(), RATE_HZ, stamps_s(1300) + late_s)
    path.write_bytes(path.read_bytes() + b"".join(second))
    source = open_xdf(path)
    assert [channel.label for channel in source.channels] == ["II", "my EEG left"]
    assert np.flatnonzero(np.isnan(read(source, [1])[:, 0])).tolist() == list(range(lacking))
    assert any("begins 100 s after the first" in note for note in source.notes) == (lacking == 0)


def test_streams_without_signal_are_named(tmp_path):
    path = tmp_path / "r.xdf"
    write_xdf(path, ["II"], steps(), RATE_HZ)
    assert open_xdf(path).notes == ("left out stream my Markers: it holds texts",)
    write_xdf(path, ["II"], steps()[:1], RATE_HZ)
    with pytest.raises(UserError, match=r"no stream that is a signal .*my ECG: it holds too few samples"):
        open_xdf(path)


@pytest.mark.parametrize(("lacking", "samples"), [(5, 1300), (1000, 1200), (5000, 900)])
def test_what_a_truncated_file_holds_is_read_and_told(lacking, samples, tmp_path):
    path = tmp_path / "r.xdf"
    write_xdf(path, ["II"], steps(), RATE_HZ, markers=False)
    path.write_bytes(path.read_bytes()[:-lacking])
    source = open_xdf(path)
    assert source.channels[0].samples == samples
    assert [note for note in source.notes if "the file is truncated or damaged: " in note] == [source.notes[0]]


def test_description_that_is_cut_off_costs_no_samples(tmp_path):
    path = tmp_path / "r.xdf"
    write_xdf(path, ["II"], steps(), RATE_HZ, markers=False)
    samples = len(path.read_bytes())
    write_xdf(path, ["II"], steps(), RATE_HZ)
    path.write_bytes(path.read_bytes()[: samples + 100])
    assert open_xdf(path).channels[0].samples == 1300


def test_damage_in_the_middle_is_told(tmp_path):
    path = tmp_path / "r.xdf"
    write_xdf(path, ["II"], steps(), RATE_HZ, markers=False)
    content = path.read_bytes()
    path.write_bytes(content + b"\x04\xff\xff\xff\xff\x03\0" + bytes(4) + _BOUNDARY + content[4:])
    source = open_xdf(path)
    assert "pyxdf says" in source.notes[0] and not any("truncated" in note for note in source.notes)
