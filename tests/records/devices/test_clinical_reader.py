"""Resting ECGs that ecgdatakit parses: what the reader makes of them."""

import json
import struct
from fractions import Fraction

import numpy as np
import pydicom
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records import kinds
from ecg_anomaly.records.devices.clinical_reader import open_clinical
from tests.device_files import (
    MICROVOLTS,
    write_aecg,
    write_dicom,
    write_kardia,
    write_mfer,
    write_muse,
    write_scp,
    write_sierra,
)

RATE_HZ = 250
STEPS = np.random.default_rng(0).integers(-400, 400, size=(750, 3))
LEADS = ["I", "II", "V1"]


def read(source, columns=(0, 1, 2)):
    return np.concatenate(list(source.blocks(list(columns), 400)))


def change(path, old, new):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def test_average_beats_are_not_read_and_checksums_are_counted(tmp_path):
    write_muse(tmp_path / "r.xml", LEADS, STEPS, RATE_HZ)
    source = open_clinical(tmp_path / "r.xml", kinds.MUSE)
    assert source.notes == ("checksums that do not match: 3; the file is damaged, or they were never computed",)
    np.testing.assert_allclose(read(source), STEPS * MICROVOLTS)


def test_lead_that_begins_late_lacks_its_first_samples(tmp_path):
    write_scp(tmp_path / "r.scp", LEADS, STEPS, RATE_HZ, late=200)
    found = read(open_clinical(tmp_path / "r.scp", kinds.SCP))
    expected = STEPS * MICROVOLTS
    expected[:200, 2] = np.nan
    np.testing.assert_allclose(found, expected)


def test_bytes_after_the_end_are_told(tmp_path):
    write_scp(tmp_path / "r.scp", LEADS, STEPS, RATE_HZ)
    with (tmp_path / "r.scp").open("ab") as file:
        file.write(bytes(7))
    assert open_clinical(tmp_path / "r.scp", kinds.SCP).notes == (
        "7 bytes after the end of the recording were left out",
    )


def test_sampling_rates_are_not_rounded(tmp_path):
    write_dicom(tmp_path / "r.dcm", LEADS, STEPS, "333.3")
    assert open_clinical(tmp_path / "r.dcm", kinds.DICOM).channels[0].sampling_rate_hz == Fraction("333.3")

    write_aecg(tmp_path / "r.xml", LEADS, STEPS, 400 / 3)
    source = open_clinical(tmp_path / "r.xml", kinds.AECG)
    assert (source.channels[0].sampling_rate_hz, source.notes) == (Fraction(400, 3), ())

    write_kardia(tmp_path / "r.json", LEADS, STEPS, 300.5)
    assert open_clinical(tmp_path / "r.json", kinds.KARDIA).channels[0].sampling_rate_hz == Fraction("300.5")

    write_mfer(tmp_path / "r.mwf", LEADS, STEPS, 300)  # 3333 microseconds
    assert float(open_clinical(tmp_path / "r.mwf", kinds.MFER).channels[0].sampling_rate_hz) == pytest.approx(300.03)


@pytest.mark.parametrize(("rate_hz", "interval_us", "taken_hz"), [(256, 3906, 256), (125, 8003, 124.953)])
def test_whole_microseconds_of_scp_are_understood(rate_hz, interval_us, taken_hz, tmp_path):
    path = tmp_path / "r.scp"
    write_scp(path, LEADS, STEPS, rate_hz)
    change(path, struct.pack("<2H", 2500, 1_000_000 // rate_hz), struct.pack("<2H", 2500, interval_us))
    assert float(open_clinical(path, kinds.SCP).channels[0].sampling_rate_hz) == pytest.approx(taken_hz, abs=1e-3)


@pytest.mark.parametrize("at_end", [True, False])
def test_calibration_pulse_is_left_out(at_end, tmp_path):
    steps = STEPS.copy()
    pulse = slice(650, 750) if at_end else slice(0, 100)
    steps[pulse] = np.repeat([0, 400, 0], [20, 50, 30])[:, np.newaxis]
    write_sierra(tmp_path / "r.xml", LEADS, steps, RATE_HZ)
    source = open_clinical(tmp_path / "r.xml", kinds.SIERRA)
    from_s, to_s = (2.6, 3.0) if at_end else (0.0, 0.4)
    assert source.notes == (
        f"from {from_s:.2f} to {to_s:.2f} s all leads hold the device's calibration pulse; left out",
    )
    expected = steps * MICROVOLTS
    expected[pulse] = np.nan
    np.testing.assert_allclose(read(source), expected)


def test_flat_end_is_no_calibration_pulse(tmp_path):
    steps = STEPS.copy()
    steps[600:] = 0
    write_sierra(tmp_path / "r.xml", LEADS, steps, RATE_HZ)
    source = open_clinical(tmp_path / "r.xml", kinds.SIERRA)
    assert source.notes == ()
    np.testing.assert_allclose(read(source), steps * MICROVOLTS)


def test_counts_without_a_scale_are_counts(tmp_path):
    write_kardia(tmp_path / "r.json", LEADS, STEPS, RATE_HZ)
    document = json.loads((tmp_path / "r.json").read_text())
    del document["data"]["raw"]["amplitudeResolution"]
    document["data"]["raw"]["samples"]["leadI"][5] = None
    (tmp_path / "r.json").write_text(json.dumps(document))
    source = open_clinical(tmp_path / "r.json", kinds.KARDIA)
    assert {channel.unit for channel in source.channels} == {"counts"}
    assert "has no amplitudeResolution" in source.notes[0] and "lead I has missing samples" in source.notes[0]
    expected = STEPS.astype(float)
    expected[5, 0] = np.nan
    np.testing.assert_array_equal(read(source), expected)


def test_other_groups_of_a_dicom_are_told(tmp_path):
    write_dicom(tmp_path / "r.dcm", LEADS, STEPS, RATE_HZ)
    dataset = pydicom.dcmread(tmp_path / "r.dcm")
    dataset.WaveformSequence.append(dataset.WaveformSequence[0])
    dataset.save_as(tmp_path / "r.dcm")
    assert "1 additional multiplex group(s)" in open_clinical(tmp_path / "r.dcm", kinds.DICOM).notes[0]


def test_dicom_as_sent_over_a_network_is_read(tmp_path):
    write_dicom(tmp_path / "r.dcm", LEADS, STEPS, RATE_HZ)
    dataset = pydicom.dcmread(tmp_path / "r.dcm")
    del dataset.file_meta
    for implicit in (True, False):
        dataset.save_as(tmp_path / "bare.dcm", implicit_vr=implicit, little_endian=True, enforce_file_format=False)
        assert kinds.kind_of(tmp_path / "bare.dcm") == kinds.DICOM
        np.testing.assert_allclose(read(open_clinical(tmp_path / "bare.dcm", kinds.DICOM)), STEPS * MICROVOLTS)


def test_dicom_of_a_picture_is_told(tmp_path):
    write_dicom(tmp_path / "r.dcm", LEADS, STEPS, RATE_HZ)
    dataset = pydicom.dcmread(tmp_path / "r.dcm")
    del dataset.WaveformSequence
    dataset.save_as(tmp_path / "r.dcm")
    with pytest.raises(UserError, match="is DICOM without a waveform, a picture or a document; export the ECG"):
        open_clinical(tmp_path / "r.dcm", kinds.DICOM)


def test_electrodes_that_were_off_are_told(tmp_path):
    write_muse(tmp_path / "r.xml", LEADS, STEPS, RATE_HZ)
    change(tmp_path / "r.xml", b"<LeadID>V1</LeadID>", b"<LeadID>V1</LeadID><LeadOff>TRUE</LeadOff>")
    assert open_clinical(tmp_path / "r.xml", kinds.MUSE).notes[-1] == "by the file, electrodes were off in V1"


@pytest.mark.parametrize(
    ("write", "kind", "old", "new", "told"),
    [
        (write_aecg, kinds.AECG, b"</digits>", b"x</digits>", "cannot be read as HL7 aECG: Invalid digits in lead"),
        (write_aecg, kinds.AECG, b"</series>", b"", "Malformed XML: mismatched tag"),
        (write_muse, kinds.MUSE, b"<SampleBase>250", b"<SampleBase>0.1", "lead I has no sampling rate"),
        (write_muse, kinds.MUSE, b"Rhythm", b"Median", "No rhythm waveform"),
        (write_scp, kinds.SCP, struct.pack("<I", 750), struct.pack("<I", 2**31), "cannot be read as SCP-ECG"),
        (write_scp, kinds.SCP, struct.pack("<II", 1, 750), struct.pack("<II", 10**9 - 749, 10**9), "begins 999999250"),
    ],
)
def test_damaged_file_is_explained_in_one_line(write, kind, old, new, told, tmp_path):
    path = tmp_path / "r.x"
    write(path, LEADS, STEPS, RATE_HZ)
    change(path, old, new)
    with pytest.raises(UserError, match=told) as caught:
        open_clinical(path, kind)
    assert str(caught.value).count(str(path)) == 1 and "\n" not in str(caught.value)
