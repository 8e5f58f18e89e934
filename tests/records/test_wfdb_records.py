from fractions import Fraction

import numpy as np
import pytest
import wfdb

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.wfdb_records import (
    RecordFiles,
    Recording,
    choose_leads,
    find_record,
    is_simulated,
    names_on_disk,
    read_annotations,
    read_recording,
)

SECONDS = 10


def write_record(folder, name="a1", units=("mV", "mV"), rate_hz=250, leads=("MLII", "V5"), signals=None, fmt="16"):
    """Write a WFDB record with beats at one per second; return where it lies."""
    database = folder / "db"
    database.mkdir(exist_ok=True, parents=True)
    samples = round(SECONDS * rate_hz)
    if signals is None:
        signals = np.random.default_rng(1).normal(size=(samples, len(units)))
    wfdb.wrsamp(
        name, rate_hz, list(units), list(leads), p_signal=signals, fmt=[fmt] * len(units), write_dir=str(database)
    )
    beats = np.arange(1, SECONDS) * round(rate_hz)
    wfdb.wrann(name, "atr", beats, symbol=["N"] * (len(beats) - 1) + ["V"], write_dir=str(database))
    return RecordFiles(f"db/{name}", database, "atr")


def recording(**leads):
    return Recording("db/x", Fraction(250), tuple(leads), np.array(list(leads.values()), dtype=float).T)


def test_signals_are_read_in_millivolts_and_channels_in_other_units_left_out(tmp_path):
    signals = np.random.default_rng(2).normal(size=(2500, 4)) * [1, 1000, 0.001, 80]
    files = write_record(tmp_path, units=("mV", "uV", "V", "mmHg"), leads=("I", "II", "V1", "ABP"), signals=signals)

    found = read_recording(files)

    assert (found.name, found.leads, found.sampling_rate_hz) == ("db/a1", ("I", "II", "V1"), 250)
    np.testing.assert_allclose(found.signals_mv, signals[:, :3] * [1, 0.001, 1000], atol=1e-3)


@pytest.mark.parametrize("fmt", ["16", "212", "24", "80"])
def test_missing_samples_are_nan_in_every_format(tmp_path, fmt):
    signals = np.random.default_rng(3).normal(size=(2500, 1))
    signals[100:110] = np.nan
    found = read_recording(write_record(tmp_path, units=("mV",), leads=("I",), signals=signals, fmt=fmt))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.signals_mv)), np.arange(100, 110))


@pytest.mark.parametrize(("rate_hz", "expected"), [(360, Fraction(360)), (257.5, Fraction(515, 2)), (128, 128)])
def test_sampling_rate_is_exact(tmp_path, rate_hz, expected):
    assert read_recording(write_record(tmp_path, rate_hz=rate_hz)).sampling_rate_hz == expected


def test_annotations_are_read(tmp_path):
    files = write_record(tmp_path)
    annotations = read_annotations(files, read_recording(files))
    assert annotations.samples.tolist() == [250 * second for second in range(1, 10)]
    assert "".join(annotations.symbols) == "NNNNNNNNV"


def test_annotation_behind_the_end_is_an_error_that_names_both_files(tmp_path):
    files = write_record(tmp_path)
    header = files.header.read_text()
    files.header.write_text(header.replace("a1 2 250 2500", "a1 2 250 2000"))
    with pytest.raises(UserError, match=r"a1\.atr: the last annotation stands at sample 2250, .*a1\.hea says .* 2000"):
        read_annotations(files, read_recording(files))


def test_truncated_signals_are_an_error_with_both_sizes(tmp_path):
    files = write_record(tmp_path)
    signals = files.signals()[0]
    signals.write_bytes(signals.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"a1\.dat: is truncated: .* promises 10000 bytes, the file has 9900"):
        read_recording(files)


def test_record_without_a_lead_in_volts_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no channel is in millivolts, but in mmHg"):
        read_recording(write_record(tmp_path, units=("mmHg",), leads=("ABP",)))


def test_names_come_from_headers_and_from_the_list_of_records(tmp_path):
    write_record(tmp_path / "one", "b2")
    write_record(tmp_path / "two", "a1")
    (tmp_path / "one" / "db" / "RECORDS").write_text("c3\nb2\n\n")
    names = names_on_disk("db", [tmp_path / "one", tmp_path / "two", tmp_path / "absent"])
    assert names == ["db/a1", "db/b2", "db/c3"]


def test_record_is_found_in_the_first_folder_that_has_all_of_it(tmp_path):
    incomplete, complete = (write_record(tmp_path / name) for name in ("one", "two"))
    folders = [tmp_path / "one", tmp_path / "two"]
    assert find_record("db/a1", folders, "atr") == incomplete

    incomplete.annotations.unlink()
    assert incomplete.missing() == [incomplete.annotations]
    assert find_record("db/a1", folders, "atr") == complete
    assert find_record("db/a1", folders[:1], "atr") is None
    assert find_record("db/a1", folders, "qrs") is None


def test_files_of_a_record_are_those_that_its_header_names(tmp_path):
    files = write_record(tmp_path)
    assert [path.name for path in files.all()] == ["a1.hea", "a1.dat", "a1.atr"]
    assert not files.missing()
    files.signals()[0].unlink()
    assert [path.name for path in files.missing()] == ["a1.dat"]


@pytest.mark.parametrize(
    ("leads", "preferred", "count", "expected"),
    [
        (("V5", "MLII"), ["MLII", "V1"], 2, ("MLII", "V5")),  # by preference
        (("v1", "mlii"), ["MLII", "V1"], 2, ("mlii", "v1")),  # whatever the case
        (("ECG1", "ECG2"), ["MLII"], 2, ("ECG1", "ECG2")),  # unlisted: as in the header
        (("i", "iii", "ii"), ["II"], 2, ("ii", "i")),  # listed first, then the rest
        (("I", "II", "III"), ["III"], 1, ("III",)),
        (("ECG",), ["MLII"], 2, ("ECG",)),  # a record may have fewer
    ],
)
def test_leads_are_taken_by_name_then_by_order(leads, preferred, count, expected):
    whole = recording(**{name: [0.0, index + 1.0] for index, name in enumerate(leads)})
    chosen, dead = choose_leads(whole, preferred, count)
    assert (chosen.leads, dead) == (expected, [])
    for column, name in enumerate(expected):
        assert chosen.signals_mv[1, column] == leads.index(name) + 1


def test_leads_without_a_signal_are_passed_over():
    nothing = [np.nan, np.nan, np.nan]
    chosen, dead = choose_leads(recording(MLII=[1, 1, 1], V1=nothing, V5=[0, np.nan, 1], I=[0, 1, 2]), ["MLII"], 2)
    assert chosen.leads == ("V5", "I")
    assert dead == ["MLII", "V1"]
    with pytest.raises(UserError, match="db/x: no lead holds a signal"):
        choose_leads(recording(MLII=[1, 1, 1], V1=nothing), ["MLII"], 2)


def test_simulated_records_are_known_by_their_database():
    assert is_simulated("simdb/s001")
    assert not is_simulated("mitdb/simdb")
