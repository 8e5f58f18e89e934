"""Whatever stands in a file, its reader gives signals or tells the user what is wrong; nothing else, and at once."""

import io
import time
import warnings

import edfio
import numpy as np
import pytest
import wfdb
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording
from tests.device_files import WRITERS

ROWS = 300
RATE_HZ = 250
FUZZ = settings(
    max_examples=150,
    deadline=None,  # which is of the clock on the wall; see `read_or_refuse`
    derandomize=True,  # the same examples on every machine: a failure can be looked at
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read_or_refuse(path, **options):
    """Read a file block by block; fail on anything but signals or one line for the user, and if it takes long."""
    started_s = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a warning would reach the user
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            recording = open_recording(path, **options)
            blocks = list(recording.blocks(60))
    except UserError as error:
        assert str(error)
        return None
    finally:
        assert time.process_time() - started_s < 2
    assert sum(map(len, blocks)) == recording.samples > 0
    assert all(block.shape[1] == len(recording.leads) > 0 and not np.isinf(block).any() for block in blocks)
    assert len(set(recording.leads)) == len(recording.leads)
    return recording


def mutate(content, changes):
    """Overwrite, cut out or insert bytes."""
    changed = bytearray(content)
    for kind, share, replacement in changes:
        position = int(share * len(changed))
        removed = {"overwrite": len(replacement), "insert": 0, "cut": 10 * len(replacement)}[kind]
        changed[position : position + removed] = b"" if kind == "cut" else replacement
    return bytes(changed)


def changes_of(replacements):
    share = st.floats(0, 1, exclude_max=True)
    return st.lists(st.tuples(st.sampled_from(["overwrite", "insert", "cut"]), share, replacements), max_size=4)


def table():
    rows = [f"{row / RATE_HZ:.3f},{np.sin(row / 9):.3f},{np.cos(row / 9):.3f}" for row in range(ROWS)]
    return "\n".join(["time,II,V1 (uV)", *rows, ""]).encode()


def edf_file(file_class, signal_class, annotated):
    time_s = np.arange(4 * RATE_HZ) / RATE_HZ
    signals = [
        signal_class(np.sin(time_s * rate), RATE_HZ, label=label, physical_dimension="mV", physical_range=(-2, 2))
        for label, rate in (("ECG II", 7), ("ECG V1", 9))
    ]
    target = io.BytesIO()
    file_class(signals, annotations=[] if annotated else None, data_record_duration=1).write(target)
    content = target.getvalue()
    return content.replace(b"EDF+C", b"EDF+D").replace(b"BDF+C", b"BDF+D")


EDF_FILES = {
    "edf": edf_file(edfio.Edf, edfio.EdfSignal, False),
    "gaps.edf": edf_file(edfio.Edf, edfio.EdfSignal, True),
    "bdf": edf_file(edfio.Bdf, edfio.BdfSignal, False),
    "gaps.bdf": edf_file(edfio.Bdf, edfio.BdfSignal, True),
}


def test_files_that_are_mutated_are_valid_to_begin_with(tmp_path):
    for name, content in {**EDF_FILES, "csv": table()}.items():
        path = tmp_path / f"r.{name}"
        path.write_bytes(content)
        assert read_or_refuse(path).leads == ("II", "V1")


CELL = st.one_of(
    st.floats().map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        ["", "nan", "-", "1e999", "0x10", "1_0", "12:00:00.5", "2024-01-01T00:00:00", "24:61", "mV", "'", '"', "#"]
    ),
    st.text(max_size=5),
)


@FUZZ
@given(
    rows=st.lists(st.lists(CELL, max_size=4), max_size=30),
    separator=st.sampled_from([",", ";", "\t", " ", ", "]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    repetitions=st.sampled_from([1, 20]),
    rate_hz=st.sampled_from([None, 100, RATE_HZ]),
    gain=st.sampled_from([None, 200]),
)
@example(rows=[["'1"]], separator=",", line_end="\n", repetitions=1, rate_hz=RATE_HZ, gain=None)
@example(rows=[["1", "2"], ['"3', "4"]], separator=",", line_end="\n", repetitions=20, rate_hz=100, gain=None)
def test_any_table_is_read_or_refused(rows, separator, line_end, repetitions, rate_hz, gain, tmp_path):
    path = tmp_path / "r.csv"
    text = line_end.join(separator.join(row) for row in rows * repetitions)
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    read_or_refuse(path, sampling_rate_hz=rate_hz, gain=gain)


@FUZZ
@given(content=st.binary(max_size=500), extension=st.sampled_from(["csv", "txt", "edf", "bdf", "hea"]))
def test_any_bytes_are_refused_or_read(content, extension, tmp_path):
    path = tmp_path / f"r.{extension}"
    path.write_bytes(content)
    read_or_refuse(path, sampling_rate_hz=100 if extension in ("csv", "txt") else None)


@FUZZ
@given(
    changes=changes_of(
        st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([b"\n", b",", b"9e99", b"\0", b'"', b"-"]))
    )
)
def test_damaged_table_is_read_or_refused(changes, tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(mutate(table(), changes))
    read_or_refuse(path)


NUMBERS_IN_HEADER = st.sampled_from(
    [b"-1      ", b"0       ", b"1e99    ", b"nan     ", b"99999999", b"inf     ", b"0.001   "]
)


@FUZZ
@given(
    name=st.sampled_from(sorted(EDF_FILES)),
    changes=changes_of(st.one_of(st.binary(min_size=1, max_size=8), NUMBERS_IN_HEADER)),
    fields=st.lists(st.tuples(st.integers(0, 127), NUMBERS_IN_HEADER), max_size=2),
)
def test_damaged_edf_is_read_or_refused(name, changes, fields, tmp_path):
    content = bytearray(mutate(EDF_FILES[name], changes))
    for field, number in fields:  # the header consists of fields of eight bytes and of multiples of them
        content[8 * field : 8 * field + 8] = number
    path = tmp_path / f"r.{name}"
    path.write_bytes(content)
    read_or_refuse(path)


@pytest.fixture(scope="module")
def wfdb_record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    signals = np.sin(np.arange(2 * ROWS) / 9).reshape(-1, 2)
    wfdb.wrsamp("r", RATE_HZ, ["mV"] * 2, ["II", "V1"], p_signal=signals, fmt=["212"] * 2, write_dir=str(folder))
    return folder / "r.hea", (folder / "r.hea").read_bytes()


@FUZZ
@given(
    changes=changes_of(st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([b"0", b"-", b"\n", b"/", b" 9"])))
)
def test_damaged_wfdb_header_is_read_or_refused(changes, wfdb_record):
    path, content = wfdb_record
    path.write_bytes(mutate(content, changes))
    read_or_refuse(path)


@pytest.fixture(scope="module")
def device_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    steps = np.round(300 * np.sin(np.arange(2 * ROWS) / 9)).astype(int).reshape(-1, 2)
    for name, write in WRITERS.items():
        write(folder / name, ["I", "II"], steps, RATE_HZ)
    return {name: (folder / name).read_bytes() for name in WRITERS}


@settings(FUZZ, max_examples=25)
@pytest.mark.parametrize("name", sorted(WRITERS))
@given(changes=changes_of(st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([b"\0", b"\xff" * 4, b"-"]))))
def test_damaged_device_file_is_read_or_refused(name, changes, device_files, tmp_path):
    (tmp_path / name).write_bytes(mutate(device_files[name], changes))
    read_or_refuse(tmp_path / name)


@settings(FUZZ, max_examples=25)
@given(name=st.sampled_from(sorted(WRITERS)), share=st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_truncated_device_file_is_read_or_refused(name, share, device_files, tmp_path):
    content = device_files[name]
    (tmp_path / name).write_bytes(content[: max(1, round(share * len(content)))])
    read_or_refuse(tmp_path / name)
