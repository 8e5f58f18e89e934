"""ISHNE Holter files."""

import struct
from binascii import crc_hqx

import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.devices.ishne_reader import open_ishne
from tests.device_files import MICROVOLTS, write_ishne

LEADS = ["II", "V1", "V5"]
STEPS = np.random.default_rng(0).integers(-2000, 2000, size=(1000, 3))


@pytest.fixture
def path(tmp_path):
    write_ishne(tmp_path / "r.ecg", LEADS, STEPS, 200)
    return tmp_path / "r.ecg"


def overwrite(path, where, form, *values):
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, where, *values)
    path.write_bytes(content)


def read(source, columns=(0, 1, 2)):
    return np.concatenate(list(source.blocks(list(columns), 300)))


def test_samples_are_read_in_blocks_and_lead_faults_are_missing(path):
    overwrite(path, 531 + 6 * 700 + 2, "<h", -32768)
    source = open_ishne(path)
    assert source.notes == ()
    assert [(c.label, c.unit, c.samples, c.sampling_rate_hz) for c in source.channels] == [
        (name, "nV", 1000, 200) for name in LEADS
    ]
    expected = STEPS[:, [2, 1]] * MICROVOLTS * 1000
    expected[700, 1] = np.nan
    np.testing.assert_allclose(read(source, [2, 1]), expected)


@pytest.mark.parametrize("byte_order", ["<H", ">H"])
def test_checksum_of_a_sound_header_may_stand_in_either_order(byte_order, path):
    checksum = struct.unpack_from("<H", path.read_bytes(), 8)
    overwrite(path, 8, byte_order, *checksum)
    assert open_ishne(path).notes == ()


@pytest.mark.parametrize(
    ("where", "form", "value", "note"),
    [
        (14, "<i", 5000, "the header promises 5000 samples per lead; 1000 are there and are read"),
        (8, "<H", 1, "the checksum of the header does not match it: parts of it may be damaged"),
        (22, "<i", 600, "the header says twice where samples begin, and not the same: byte 531 is taken"),
    ],
)
def test_damaged_header_is_told(where, form, value, note, path):
    overwrite(path, where, form, value)
    if where != 8:
        overwrite(path, 8, "<H", 0)  # not computed
    source = open_ishne(path)
    assert source.notes == (note,)
    np.testing.assert_allclose(read(source), STEPS * MICROVOLTS * 1000)


def test_checksum_tells_where_samples_begin(path):
    overwrite(path, 10, "<i", 100)  # which is not the size of the text
    overwrite(path, 8, "<H", crc_hqx(path.read_bytes()[10:531], 0xFFFF))
    source = open_ishne(path)
    assert source.notes == ()
    np.testing.assert_allclose(read(source), STEPS * MICROVOLTS * 1000)


def test_number_of_samples_of_all_leads_together_is_understood(path):
    overwrite(path, 14, "<i", 3000)
    overwrite(path, 8, "<H", 0)
    assert open_ishne(path).notes == ()


def test_truncated_file_is_read_as_far_as_it_is_whole(path):
    path.write_bytes(path.read_bytes()[:-7])
    source = open_ishne(path)
    assert source.notes == (
        "the 5 bytes after the last whole sample of all leads were left out",
        "the header promises 1000 samples per lead; 998 are there and are read",
    )
    np.testing.assert_allclose(read(source), STEPS[:998] * MICROVOLTS * 1000)


def test_leads_without_name_or_scale_are_what_the_file_says(path):
    overwrite(path, 158, "<3h", 0, -9, 2)
    overwrite(path, 206, "<3h", 0, 2500, 2500)
    channels = open_ishne(path).channels
    assert [(c.label, c.unit, bool(c.doubt)) for c in channels] == [
        ("ECG 1", "counts", False),
        ("ECG 2", "nV", True),
        ("ECG X", "nV", False),
    ]


@pytest.mark.parametrize(
    ("where", "form", "value", "told"),
    [
        (0, "<8s", b"ISHNE2.0", "is no ISHNE file of ECG"),
        (156, "<h", 13, "its header is damaged: it says 13 leads at 200 Hz"),
        (272, "<h", -1, "its header is damaged"),
        (10, "<iiii", (2**30, 0, 0, 2**30), "its header is damaged: it says that samples begin"),
    ],
)
def test_what_cannot_be_read_is_explained(where, form, value, told, path):
    overwrite(path, where, form, *(value if isinstance(value, tuple) else (value,)))
    with pytest.raises(UserError, match=told):
        open_ishne(path)


@pytest.mark.parametrize(("kept", "told"), [(300, "is truncated"), (531, "holds no samples")])
def test_file_without_samples_is_explained(kept, told, path):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=told):
        open_ishne(path)
