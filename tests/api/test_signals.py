"""Whatever a program holds as a signal."""

from datetime import date, datetime, time, timezone
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import wfdb

from ecg_anomaly.api.signals import Reading, open_signal
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.simulate import write_database

RATE_HZ = 250
SIGNAL_MV = np.random.default_rng(1).normal(size=(500, 2))


def opened(signal, *reading, name=None):
    return open_signal(signal, Reading.of(*reading, *[None] * (4 - len(reading))), name, 2)


def raw_of(signals_mv, kinds=("ecg", "eeg"), names=("ECG", "Fp1"), day=None, first_time=0.0):
    """What a ``Raw`` of MNE has, in volts; the second half of the first second is marked as bad."""

    def get_data(picks, start, stop, reject_by_annotation, verbose):
        assert reject_by_annotation == "NaN"
        return np.where(np.arange(len(signals_mv)) < 125, signals_mv.T / 1000, np.nan)[picks, start:stop]

    info = {"sfreq": float(RATE_HZ), "meas_date": day}
    has = {"info": info, "ch_names": list(names), "n_times": len(signals_mv), "first_time": first_time}
    return SimpleNamespace(**has, filenames=("a/night.fif",), get_channel_types=lambda: list(kinds), get_data=get_data)


def test_leads_name_the_columns_of_an_array():
    recording = opened(SIGNAL_MV, RATE_HZ, ["II", "resp"])

    assert (recording.name, recording.leads, recording.asked) == ("signal", ("II", "resp"), ("II", "resp"))
    np.testing.assert_array_equal(recording.read(), SIGNAL_MV)
    assert opened(SIGNAL_MV, RATE_HZ).leads == ("lead 1", "lead 2")
    many = opened(np.tile(SIGNAL_MV, 2), RATE_HZ, "II,resp,V1,V2")
    assert (many.leads, many.asked) == (("II", "V1", "V2"), ())  # chosen by name where there are more than are judged


@pytest.mark.parametrize(
    "signal",
    [
        SIGNAL_MV[:, 0],
        SIGNAL_MV[:, 0].tolist(),
        pd.Series(SIGNAL_MV[:, 0], name="V5"),
        np.ma.masked_greater(SIGNAL_MV[:, :1], 1.5),
        [None if value > 1.5 else value for value in SIGNAL_MV[:, 0]],
    ],
)
def test_one_lead_may_be_many_things(signal):
    recording = opened(signal, RATE_HZ)
    read = recording.read()[:, 0]
    assert recording.leads == (getattr(signal, "name", None) or "lead 1",)
    np.testing.assert_array_equal(read, np.where(np.isnan(read), np.nan, SIGNAL_MV[:, 0]))


def test_gain_makes_millivolts_of_counts():
    counts = np.rint(SIGNAL_MV * 200).astype(np.int16)
    np.testing.assert_allclose(opened(counts, RATE_HZ, None, 200).read(), SIGNAL_MV, atol=0.003)
    for signal in (counts, counts.astype(float), pd.DataFrame(counts)):
        with pytest.raises(UserError, match="whole numbers, which millivolts are not; say with gain="):
            opened(signal, RATE_HZ)


def test_table_has_leads_among_its_columns():
    table = pd.DataFrame(SIGNAL_MV, columns=["II", "V5"]).assign(time=np.arange(500) / RATE_HZ, label="N")
    recording = opened(table, RATE_HZ)

    assert recording.leads == ("II", "V5")
    assert recording.notes[0] == "left out column label: it holds no numbers"
    assert opened(table, RATE_HZ, ["v5"]).asked == ("V5",)
    with pytest.raises(UserError, match="has no lead V9; it has II, V5"):
        opened(table, RATE_HZ, ["V9"])


def test_missing_and_infinite_samples_are_told():
    signal_mv = SIGNAL_MV.copy()
    signal_mv[:25, 0], signal_mv[7, 1] = np.nan, np.inf
    recording = opened(signal_mv, RATE_HZ)

    assert recording.notes == (
        "0.1 s of lead 1 are missing (NaN)",
        "0.004 s of lead 2 are infinite, and taken as missing",
    )
    assert np.isnan(recording.read()).sum() == 26


@pytest.mark.parametrize(
    ("signal", "reading", "message"),
    [
        (SIGNAL_MV, (), "samples per second; give them with sampling_rate_hz="),
        (SIGNAL_MV.T, (RATE_HZ,), r"\(2, 500\), which are 2 samples of 500 leads; give one row for each sample"),
        (SIGNAL_MV[np.newaxis], (RATE_HZ,), r"shape \(1, 500, 2\)"),
        (SIGNAL_MV[:0], (RATE_HZ,), "is empty"),
        (SIGNAL_MV[:200], (RATE_HZ,), "shorter than 1 s"),
        (SIGNAL_MV * np.nan, (RATE_HZ,), "all samples are missing"),
        (SIGNAL_MV, (RATE_HZ, ["II"]), "has 2 leads .* and leads= names 1"),
        (SIGNAL_MV, (RATE_HZ, ["II", "ii"]), "names II twice"),
        (SIGNAL_MV, ("250",), "sampling_rate_hz is '250'"),
        (SIGNAL_MV, (50,), "sampled at 50 Hz, and the analysis works with 100 to 1000"),
        (SIGNAL_MV, (RATE_HZ, None, -1), "gain is -1"),
        (SIGNAL_MV, (RATE_HZ, None, None, "today"), "start_time is 'today'"),
        (SIGNAL_MV > 0, (RATE_HZ,), "no array of numbers"),
        ((SIGNAL_MV, {"fs": 250}), (RATE_HZ,), r"no array of numbers \(tuple\)"),
        (pd.DataFrame({"label": ["N"]}), (RATE_HZ,), "a table without numbers"),
        (wfdb.Record(record_name="r1", n_sig=0, fs=250), (), "r1: lacks signals"),
        (raw_of(SIGNAL_MV), (500,), "night: is sampled at 250 Hz"),
        (raw_of(SIGNAL_MV), (None, None, None, time(1)), "start_time is for an array or a table"),
        ("not/there.edf", (), "is not there"),
    ],
)
def test_what_cannot_be_read_is_told(signal, reading, message):
    with pytest.raises(UserError, match=message):
        opened(signal, *reading)


def test_record_of_wfdb_is_read_as_its_file(tmp_path):
    (name,) = write_database(tmp_path, patients=1, minutes=0.5, seed=1)
    path = tmp_path / name
    expected = opened(path)
    for how in ({}, {"physical": False}, {"smooth_frames": False}, {"physical": False, "smooth_frames": False}):
        recording = opened(wfdb.rdrecord(str(path), **how))
        assert (recording.name, recording.leads, recording.sampling_rate_hz) == (name, expected.leads, 360)
        np.testing.assert_allclose(recording.read(), expected.read(), atol=1e-9)


def test_record_says_units_and_start():
    record = wfdb.Record(
        record_name="r1", p_signal=SIGNAL_MV * 1000, fs=RATE_HZ, units=["uV"] * 2, sig_name=["II", "V1"], n_sig=2
    )
    record.base_date, record.base_time = date(2024, 5, 2), time(14, 3)
    recording = opened(record)
    np.testing.assert_allclose(recording.read(), SIGNAL_MV)
    assert recording.start_time == datetime(2024, 5, 2, 14, 3)
    bare = opened(wfdb.Record(p_signal=SIGNAL_MV, fs=RATE_HZ))
    assert (bare.name, bare.leads, bare.notes[0][:16]) == ("signal", ("lead 1", "lead 2"), "no unit is given")


def test_raw_of_mne_is_in_volts_and_says_what_is_an_ecg():
    start = datetime(2024, 5, 2, 14, 3, tzinfo=timezone.utc)
    recording = opened(raw_of(SIGNAL_MV, day=start, first_time=10.0))

    assert (recording.name, recording.leads) == ("night", ("ECG",))
    assert recording.notes == ("left out channel Fp1: its type is eeg, not ecg",)
    assert recording.start_time == start.replace(second=10)
    read = np.concatenate(list(recording.blocks(0.3)))[:, 0]
    np.testing.assert_allclose(read, np.where(np.arange(500) < 125, SIGNAL_MV[:, 0], np.nan))
    untyped = opened(raw_of(SIGNAL_MV, kinds=("eeg", "mag"), names=("II", "V1")))
    assert untyped.leads == ("II",)


def test_real_raw_of_mne_is_one():
    mne = pytest.importorskip("mne", reason="mne is not installed")
    info = mne.create_info(["ECG", "EEG 1"], RATE_HZ, ["ecg", "eeg"])
    raw = mne.io.RawArray(SIGNAL_MV.T / 1000, info, verbose="error")
    raw.set_annotations(mne.Annotations([0.5], [1.5], ["BAD_contact"]))
    recording = opened(raw)
    np.testing.assert_allclose(recording.read()[:125, 0], SIGNAL_MV[:125, 0])
    assert np.isnan(recording.read()[125:]).all()
