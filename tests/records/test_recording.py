import tracemalloc
import warnings
from fractions import Fraction

import edfio
import numpy as np
import pandas as pd
import pytest
import wfdb

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import lead_name, looks_like_ecg, looks_like_other_signal, millivolts_per
from ecg_anomaly.records.edf_reader import _gaps
from ecg_anomaly.records.recording import open_recording
from tests.device_files import write_acq, write_ishne, write_opensignals

RATE_HZ = 250
SECONDS = 8
SAMPLES = RATE_HZ * SECONDS


def ecg(leads=2, samples=SAMPLES, seed=1):
    """Signals in millivolts, rounded to microvolts so that every format can hold them."""
    steps = np.random.default_rng(seed).normal(scale=0.05, size=(samples, leads))
    return np.round(np.sin(np.cumsum(steps, axis=0)), 3)


def whole(recording, seconds=1.7):
    """Read all blocks, and check that they are as long as they should be."""
    blocks = list(recording.blocks(seconds))
    lengths = {len(block) for block in blocks[:-1]}
    assert lengths <= {round(seconds * recording.sampling_rate_hz)}
    assert all(block.dtype == np.float64 and block.shape[1] == len(recording.leads) for block in blocks)
    signals = np.concatenate(blocks)
    assert len(signals) == recording.samples
    return signals


def no_unit(leads):
    return f"no unit is given for {leads}, and millivolts are taken; --gain says how many units make one"


def told(recording):
    """Give the notes but for the one on units, which most tables here are without."""
    return tuple(note for note in recording.notes if note != no_unit(", ".join(recording.leads)))


def refused(path, **options):
    """Open a recording that must be refused; return what the user is told."""
    with pytest.raises(UserError) as caught:
        whole(open_recording(path, **options))
    message = str(caught.value)
    assert "\n" not in message
    return message


# WFDB


def write_wfdb(folder, name="r", signals=None, leads=("II", "V1"), units=None, fmt="16", rate_hz=RATE_HZ, **options):
    signals = ecg(len(leads)) if signals is None else signals
    wfdb.wrsamp(
        name,
        rate_hz,
        list(units or ["mV"] * len(leads)),
        list(leads),
        p_signal=signals,
        fmt=[fmt] * len(leads),
        adc_gain=[1000.0] * len(leads),
        baseline=[0] * len(leads),
        write_dir=str(folder),
        **options,
    )
    return folder / name


@pytest.mark.parametrize("given", ["r", "r.hea", "r.dat"])
def test_wfdb_record_is_read_by_any_of_its_names(given, tmp_path):
    signals = ecg()
    write_wfdb(tmp_path, signals=signals)

    recording = open_recording(str(tmp_path / given))
    assert (recording.name, recording.leads, recording.samples) == ("r", ("II", "V1"), SAMPLES)
    assert recording.sampling_rate_hz == Fraction(RATE_HZ)
    assert recording.notes == ()
    np.testing.assert_allclose(whole(recording), signals, atol=1e-9)


@pytest.mark.parametrize("fmt", ["16", "24", "32", "212", "516"])
def test_wfdb_formats_give_what_was_written_with_gaps(fmt, tmp_path):
    signals = ecg()
    signals[300:350] = np.nan
    signals[700:, 1] = np.nan
    recording = open_recording(write_wfdb(tmp_path, signals=signals, fmt=fmt))
    np.testing.assert_allclose(whole(recording, 1.004), signals, atol=1e-9)


def test_missing_samples_of_eight_bits_are_nan(tmp_path):
    signals = np.random.default_rng(3).normal(size=(2500, 1))
    signals[100:110] = np.nan
    wfdb.wrsamp("r", RATE_HZ, ["mV"], ["I"], p_signal=signals, fmt=["80"], write_dir=str(tmp_path))
    found = whole(open_recording(tmp_path / "r"))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found)), np.arange(100, 110))


@pytest.mark.parametrize(("rate_hz", "expected"), [(360, Fraction(360)), (257.5, Fraction(515, 2)), (128, 128)])
def test_wfdb_sampling_rate_is_exact(rate_hz, expected, tmp_path):
    assert open_recording(write_wfdb(tmp_path, rate_hz=rate_hz)).sampling_rate_hz == expected


def test_wfdb_signals_in_any_unit_of_voltage_are_read_in_millivolts(tmp_path):
    signals = np.random.default_rng(2).normal(size=(2500, 4)) * [1, 1000, 0.001, 80]
    units, leads = ["mV", "uV", "V", "mmHg"], ["I", "II", "V1", "ABP"]
    wfdb.wrsamp("r", RATE_HZ, units, leads, p_signal=signals, fmt=["16"] * 4, write_dir=str(tmp_path))
    recording = open_recording(tmp_path / "r")
    assert recording.leads == ("I", "II", "V1")
    np.testing.assert_allclose(recording.read(), signals[:, :3] * [1, 0.001, 1000], atol=1e-3)


def test_wfdb_format_of_differences_is_read_right_from_any_sample(tmp_path):
    digital = np.cumsum(np.random.default_rng(2).integers(-100, 100, size=SAMPLES))
    np.diff(digital, prepend=0).astype(np.int8).tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text(f"r 1 {RATE_HZ} {SAMPLES}\nr.dat 8 200/mV 12 0 0 0 0 II\n")
    np.testing.assert_allclose(whole(open_recording(tmp_path / "r"))[:, 0], digital / 200)


def test_wfdb_header_may_have_a_dot_in_its_name(tmp_path):
    path = write_wfdb(tmp_path).with_suffix(".hea")
    path.rename(tmp_path / "patient.1.hea")
    assert open_recording(tmp_path / "patient.1").name == "patient.1"


@pytest.mark.parametrize("fmt", ["16", "24", "212", "516"])
@pytest.mark.parametrize("length", ["", " 0"])
def test_wfdb_length_follows_from_the_size_of_the_file(fmt, length, tmp_path):
    signals = ecg()
    path = write_wfdb(tmp_path, signals=signals, fmt=fmt)
    change(path.with_suffix(".hea"), f" {RATE_HZ} {SAMPLES}", f" {RATE_HZ}{length}")
    recording = open_recording(path)
    np.testing.assert_allclose(whole(recording), signals, atol=1e-9)
    assert recording.notes == (f"its header does not say how long it is: {SAMPLES} samples, by the size of r.dat",)


def test_wfdb_channels_that_are_no_ecg_are_left_out_and_named(tmp_path):
    signals = ecg(5) * [1000, 1, 1, 1, 1]
    path = write_wfdb(
        tmp_path,
        signals=signals,
        leads=("II", "ABP", "Resp", "V5", "EEG"),
        units=("uV", "mmHg", "mV", "mV", "mV"),
        fmt="32",
    )

    recording = open_recording(path)
    assert recording.leads == ("II", "V5")
    assert recording.notes == (
        "left out channel ABP: its unit is mmHg, not a voltage",
        "left out channel Resp: by its name it is no ECG lead",
        "left out channel EEG: by its name it is no ECG lead",
    )
    np.testing.assert_allclose(whole(recording), signals[:, [0, 3]] * [0.001, 1], atol=1e-9)


def write_frames(folder, samples_per_frame=(4, 4, 1)):
    """Write a record of 62.5 frames a second, as bedside monitors make: two leads at 250 Hz, respiration at 62.5 Hz."""
    frames = SAMPLES // 4
    digital = [
        np.round(ecg(1, frames * count, count + index)[:, 0] * 200).astype(np.int64)
        for index, count in enumerate(samples_per_frame)
    ]
    wfdb.Record(
        record_name="frames",
        n_sig=3,
        fs=62.5,
        sig_len=frames,
        sig_name=["II", "V", "RESP"],
        units=["mV"] * 3,
        file_name=["frames.dat"] * 3,
        fmt=["16"] * 3,
        adc_gain=[200.0] * 3,
        baseline=[0] * 3,
        samps_per_frame=list(samples_per_frame),
        byte_offset=[None] * 3,
        adc_res=[16] * 3,
        adc_zero=[0] * 3,
        skew=[None] * 3,
        block_size=[0] * 3,
        init_value=[int(channel[0]) for channel in digital],
        checksum=[0] * 3,
        e_d_signal=digital,
    ).wrheader(str(folder))
    interleaved = np.concatenate([channel.reshape(frames, -1) for channel in digital], axis=1)
    interleaved.astype("<i2").tofile(folder / "frames.dat")
    return folder / "frames", digital


@pytest.mark.parametrize("seconds", [1.0, 0.9, 0.1])
def test_wfdb_frames_of_several_samples_are_read_at_the_rate_of_the_leads(seconds, tmp_path):
    path, digital = write_frames(tmp_path)

    recording = open_recording(path)
    assert (recording.leads, recording.sampling_rate_hz, recording.samples) == (("II", "V"), 250, SAMPLES)
    assert recording.notes == ("left out channel RESP: by its name it is no ECG lead",)
    np.testing.assert_allclose(whole(recording, seconds), np.stack(digital[:2], axis=1) / 200)


def write_segments(folder, layout):
    """Write three segments with a gap before the last; in a variable layout the second has one lead, in microvolts."""
    parts = [ecg(2, 900, seed) for seed in range(3)]
    write_wfdb(folder, "m_1", parts[0])
    if layout == "fixed":
        write_wfdb(folder, "m_2", parts[1])
        first = ""
    else:
        write_wfdb(folder, "m_2", parts[1][:, 1:] * 1000, leads=("V1",), units=("uV",), fmt="32")
        first = "m_0 0\n"
        (folder / "m_0.hea").write_text(f"m_0 2 {RATE_HZ} 0\n~ 0 1000/mV 0 0 0 0 0 II\n~ 0 1000/mV 0 0 0 0 0 V1\n")
        parts[1][:, 0] = np.nan
    write_wfdb(folder, "m_3", parts[2])
    count = 5 if first else 4
    (folder / "m.hea").write_text(f"m/{count} 2 {RATE_HZ} 3000\n{first}m_1 900\nm_2 900\n~ 300\nm_3 900\n")
    return folder / "m", np.concatenate([*parts[:2], np.full((300, 2), np.nan), parts[2]])


@pytest.mark.parametrize("layout", ["fixed", "variable"])
@pytest.mark.parametrize("seconds", [1.3, 3.6, 60])
def test_wfdb_segments_follow_each_other_with_their_gaps(layout, seconds, tmp_path):
    path, signals = write_segments(tmp_path, layout)
    recording = open_recording(path)
    assert (recording.name, recording.leads, recording.samples) == ("m", ("II", "V1"), 3000)
    np.testing.assert_allclose(whole(recording, seconds), signals, atol=1e-9)
    np.testing.assert_allclose(whole(recording.chosen(["V1"]), seconds), signals[:, 1:], atol=1e-9)


def test_wfdb_segments_of_another_length_or_unit_than_the_record_says_are_told(tmp_path):
    path, signals = write_segments(tmp_path, "variable")
    change(path.with_suffix(".hea"), f"{RATE_HZ} 3000", f"{RATE_HZ} 4000")
    change(path.with_suffix(".hea"), "m_3 900", "m_3 800")
    change(tmp_path / "m_2.hea", "/uV", "/degrees")
    recording = open_recording(path)
    assert recording.notes == (
        "m_2 has V1 in degrees, not in mV: it is missing there",
        "m_3 goes on for 100 samples behind its end here: left out",
        "its header says 4000 samples, its segments have 2900, and those are read",
    )
    signals[900:1800, 1] = np.nan
    np.testing.assert_allclose(whole(recording), signals[:2900], atol=1e-9)


def test_wfdb_segments_of_one_layout_agree_with_wfdb(tmp_path):
    path, _ = write_segments(tmp_path, "variable")
    by_wfdb = wfdb.rdrecord(str(path)).p_signal
    by_wfdb[900:1800, 1] /= 1000  # which mixes up units
    np.testing.assert_allclose(whole(open_recording(path)), by_wfdb)


def change(path, old, new):
    path.write_text(path.read_text().replace(old, new))


WFDB_FAULTS = {
    "signals cut": (
        lambda f: (f / "r.dat").write_bytes((f / "r.dat").read_bytes()[:-100]),
        "r.dat: is truncated: .* promises 2000 samples of each signal, the file has 1975",
    ),
    "signals gone": (lambda f: (f / "r.dat").unlink(), "r.dat: is missing"),
    "header of nonsense": (lambda f: (f / "r.hea").write_text("what is this?\n"), "r.hea: "),
    "empty header": (lambda f: (f / "r.hea").write_text(""), "r.hea: is empty"),
    "signals not described": (lambda f: change(f / "r.hea", "r 2 ", "r 3 "), "promises 3 signals and describes 2"),
    "no signal": (lambda f: (f / "r.hea").write_text(f"r 0 {RATE_HZ} 100\n"), "describes no signal"),
    "no rate": (lambda f: change(f / "r.hea", f" {RATE_HZ} ", " 0 "), "the sampling rate is 0"),
    "slow": (
        lambda f: change(f / "r.hea", f" {RATE_HZ} ", " 50 "),
        "is sampled at 50 Hz, and the analysis works with 100 to 1000 Hz",
    ),
    "short": (lambda f: change(f / "r.hea", f" {SAMPLES}", " 200"), r"is shorter than 1 s \(200 samples at 250 Hz\)"),
    "skew": (
        lambda f: change(f / "r.hea", "r.dat 16", "r.dat 16:9999"),
        "shifts a channel by more samples than it has",
    ),
    "pressure": (lambda f: change(f / "r.hea", "/mV", "/mmHg"), "holds no ECG lead"),
}


@pytest.mark.parametrize("fault", WFDB_FAULTS)
def test_damaged_wfdb_record_is_explained(fault, tmp_path):
    spoil, told = WFDB_FAULTS[fault]
    path = write_wfdb(tmp_path)
    spoil(tmp_path)
    with pytest.raises(UserError, match=told):
        open_recording(path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("m_2 900", "m_9 900", r"m_9\.hea: is missing"),
        ("m_3 900", "m_3 990", r"m_3\.hea: is shorter than the 990 samples"),
        ("m_2 900", "m 900", r"m\.hea: is a segment of .* and consists of segments itself"),
        ("~ 300", "~ 99999999", r"m\.hea: has a gap of 111 h"),
    ],
)
def test_damaged_segments_are_explained(old, new, told, tmp_path):
    path, _ = write_segments(tmp_path, "fixed")
    change(path.with_suffix(".hea"), old, new)
    with pytest.raises(UserError, match=told):
        open_recording(path)


# EDF and BDF


KINDS = {
    "edf": (edfio.Edf, edfio.EdfSignal, b"EDF+C", b"EDF+D"),
    "bdf": (edfio.Bdf, edfio.BdfSignal, b"BDF+C", b"BDF+D"),
}


def write_edf(path, signals=None, labels=("ECG II", "EKG V1"), units=None, rates=None, **options):
    """Write an EDF or BDF file by its extension; signals are in the unit of each channel."""
    file_class, signal_class, *_ = KINDS[path.suffix[1:].lower()]
    signals = ecg(len(labels)).T if signals is None else signals
    channels = [
        signal_class(
            np.asarray(signal),
            rate,
            label=label,
            physical_dimension=unit,
            physical_range=(-6000 * 2**-8, 6000 * 2**-8) if unit != "uV" else (-6000, 6000),
        )
        for signal, rate, label, unit in zip(
            signals, rates or [RATE_HZ] * len(labels), labels, units or ["mV"] * len(labels), strict=True
        )
    ]
    file_class(channels, data_record_duration=1, **options).write(path)
    return path


@pytest.mark.parametrize("name", ["r.edf", "r.bdf", "r.EDF"])
@pytest.mark.parametrize("annotated", [False, True])
def test_edf_and_bdf_give_what_was_written(name, annotated, tmp_path):
    signals = ecg().T
    annotations = [edfio.EdfAnnotation(2.5, None, "moved")] if annotated else None
    path = write_edf(tmp_path / name, signals, annotations=annotations)

    recording = open_recording(path)
    assert (recording.name, recording.leads, recording.samples) == ("r", ("II", "V1"), SAMPLES)
    assert (recording.sampling_rate_hz, recording.notes) == (RATE_HZ, ())
    resolution_mv = 2 * 6000 * 2**-8 / 2**16
    np.testing.assert_allclose(whole(recording), signals.T, atol=resolution_mv)
    np.testing.assert_allclose(whole(recording.chosen(["v1", "II"]), 0.3), signals.T[:, ::-1], atol=resolution_mv)


def test_edf_units_are_turned_into_millivolts(tmp_path):
    signals = ecg(3).T * [[1000], [1], [0.001]]
    path = write_edf(tmp_path / "r.bdf", signals, labels=("I", "II", "III"), units=("uV", "mV", "V"))
    np.testing.assert_allclose(whole(open_recording(path)), ecg(3), atol=0.01)


def test_edf_keeps_the_ecg_of_a_night_of_sleep_at_the_rate_of_most_leads(tmp_path):
    labels = ("EEG C3-A2", "ECG I", "ECG II", "ECG V5", "EMG chin", "SpO2", "Airflow")
    rates = (100, 250, 250, 500, 250, 10, 50)
    units = ("uV", "mV", "mV", "mV", "uV", "%", "mV")
    signals = [ecg(1, rate * SECONDS, index)[:, 0] for index, rate in enumerate(rates)]

    recording = open_recording(write_edf(tmp_path / "night.edf", signals, labels, units, rates))
    assert (recording.leads, recording.sampling_rate_hz) == (("I", "II"), 250)
    assert recording.notes == (
        "left out channel EEG C3-A2: by its name it is no ECG lead",
        "left out channel ECG V5: it is not sampled at 250 Hz as the leads are",
        "left out channel EMG chin: by its name it is no ECG lead",
        "left out channel SpO2: its unit is %, not a voltage",
        "left out channel Airflow: by its name it is no ECG lead",
    )
    np.testing.assert_allclose(whole(recording)[:, 1], signals[2], atol=1e-3)


def test_edf_channels_without_telling_names_are_all_leads(tmp_path):
    recording = open_recording(write_edf(tmp_path / "r.edf", labels=("Ch1", "")))
    assert recording.leads == ("Ch1", "lead 2")


def test_equal_names_are_told_apart(tmp_path):
    recording = open_recording(write_edf(tmp_path / "r.edf", labels=("ECG", "ECG")))
    assert recording.leads == ("ECG", "ECG (2)")
    np.testing.assert_allclose(whole(recording.chosen(["ecg (2)"]))[:, 0], ecg()[:, 1], atol=1e-3)


def test_edf_without_a_unit_is_taken_for_millivolts_and_says_so(tmp_path):
    recording = open_recording(write_edf(tmp_path / "r.edf", labels=("ECG",), units=("",)))
    assert recording.notes == (no_unit("ECG"),)


def overwrite(path, position, text):
    content = bytearray(path.read_bytes())
    content[position : position + len(text)] = text
    path.write_bytes(bytes(content))


def write_with_gaps(path, onsets):
    """Write a discontinuous file: its data records of one second begin at other times."""
    signals = ecg().T
    write_edf(path, signals, annotations=[])
    *_, continuous, discontinuous = KINDS[path.suffix[1:]]
    content = path.read_bytes().replace(continuous, discontinuous)
    header, data = content[: 256 * 4], content[256 * 4 :]
    length = len(data) // SECONDS
    records = [data[length * second : length * (second + 1)] for second in range(SECONDS)]
    for second, onset in enumerate(onsets):
        assert records[second].count(b"+%d\x14" % second) == 1
        records[second] = records[second].replace(b"+%d\x14" % second, b"+%d\x14" % onset)
    path.write_bytes(header + b"".join(records))
    return signals.T


@pytest.mark.parametrize("extension", ["edf", "bdf"])
def test_gaps_of_a_discontinuous_edf_are_missing_signal(extension, tmp_path):
    path = tmp_path / f"r.{extension}"
    signals = write_with_gaps(path, [0, 1, 2, 4, 5, 6, 8, 9])

    recording = open_recording(path)
    assert recording.samples == 10 * RATE_HZ
    assert recording.notes == ("missing signal: 2 gaps, 2.0 s together",)
    found = whole(recording)
    present = np.repeat([1, 1, 1, 0, 1, 1, 1, 0, 1, 1], RATE_HZ).astype(bool)
    np.testing.assert_array_equal(np.isnan(found[:, 0]), ~present)
    np.testing.assert_allclose(found[present], signals, atol=1e-3)


def test_discontinuous_edf_whose_times_overlap_is_refused(tmp_path):
    path = tmp_path / "r.edf"
    write_with_gaps(path, [0, 1, 2, 3, 4, 5, 7, 6])
    assert refused(path).startswith(f"{path}: data record 8 begins before the one before it ends")


@pytest.mark.parametrize(
    ("onset", "note"),
    [
        (b"+1e9", "1 data record without a time: put behind the one before"),
        (b"+6.9", "1 data record up to 0.100 s too early: put behind the one before"),
    ],
)
def test_damaged_time_of_a_data_record_is_mended(onset, note, tmp_path):
    path = tmp_path / "r.edf"
    signals = write_with_gaps(path, range(SECONDS))
    overwrite_onset(path, b"+7\x14\x14", onset)
    recording = open_recording(path)
    assert recording.notes == (note,)
    np.testing.assert_allclose(whole(recording), signals, atol=1e-3)


def test_gap_of_more_than_a_day_is_refused(tmp_path):
    path = tmp_path / "r.edf"
    write_with_gaps(path, range(SECONDS))
    overwrite_onset(path, b"+7\x14\x14", b"+99999")
    assert "a gap of 28 h" in refused(path)


def test_gaps_of_many_hours_around_seconds_of_signal_are_refused(tmp_path):
    onsets_s = np.array([0.0, 1, 80_001, 120_002])
    gaps_s, _ = _gaps(tmp_path, onsets_s[:3], Fraction(1), 250)  # a day may be missing
    assert gaps_s.tolist() == [0, 0, 79_999]
    with pytest.raises(UserError, match=r"has 4 s of signal and 33 h of gaps, the longest of 22\.2 h before"):
        _gaps(tmp_path, onsets_s, Fraction(1), 250)


def test_wfdb_header_of_stretches_without_signal_is_refused_before_they_are_made(tmp_path):
    wfdb.wrsamp("s1", 360, ["mV"], ["II"], p_signal=np.zeros((720, 1)), fmt=["16"], write_dir=str(tmp_path))
    path = tmp_path / "r.hea"
    path.write_text("r/2001 1 360\ns1 720\n" + "~ 31000000\n" * 2000)
    assert "has 2 s of signal and 47,840 h of gaps, the longest of 23.9 h before segment 3" in refused(path)
    path.write_text("r/20001 1 360\ns1 720\n" + "~ 31000000\n" * 20_000)
    assert "promises more than 20,000 segments" in refused(path)


def overwrite_onset(path, old, new):
    content = path.read_bytes()
    where = content.rindex(old)
    path.write_bytes((content[:where] + new + content[where + 2 :])[: len(content)])


def test_unfinished_edf_is_as_long_as_its_data(tmp_path):
    path = write_edf(tmp_path / "r.edf")
    overwrite(path, 236, b"-1      ")
    assert open_recording(path).samples == SAMPLES


def test_bytes_behind_the_end_of_an_edf_are_left_out(tmp_path):
    path = write_edf(tmp_path / "r.edf")
    path.write_bytes(path.read_bytes() + b"surplus")
    recording = open_recording(path)
    assert (recording.samples, recording.notes) == (SAMPLES, ("after the last data record, 7 bytes left out",))


@pytest.mark.parametrize(
    ("promised", "bytes_left", "seconds", "note"),
    [
        (b"8", -1, 7, "7 of 8 data records are there and are read; the one after them is cut, and left out"),
        (b"8", -1000, 7, "7 of 8 data records are there and are read"),
        (b"6", None, 8, "the header promises 6 data records; 8 are there and are read"),
        (b"0", None, 8, "the header promises 0 data records; 8 are there and are read"),
        (b"many", None, 8, "the header gives the number of data records not as a number; all that are there are read"),
    ],
)
def test_edf_of_another_length_than_promised_is_read_as_far_as_it_is_whole(
    promised, bytes_left, seconds, note, tmp_path
):
    path = write_edf(tmp_path / "r.edf")
    path.write_bytes(path.read_bytes()[:bytes_left])
    overwrite(path, 236, promised.ljust(8))
    recording = open_recording(path)
    assert recording.notes == (note,)
    np.testing.assert_allclose(whole(recording), ecg()[: seconds * RATE_HZ], atol=1e-3)


@pytest.mark.parametrize(
    ("where", "field", "notes"),
    [
        (0, b"1.0     ", ("the file begins with '1.0     '; it is read as EDF all the same",)),
        (184, b"        ", ()),
        (244, b"1,0     ", ("numbers in the header have decimal commas, and are read as with points",)),
    ],
)
def test_odd_header_of_an_edf_is_mended(where, field, notes, tmp_path):
    path = write_edf(tmp_path / "r.edf")
    overwrite(path, where, field)
    recording = open_recording(path)
    assert recording.notes == notes
    np.testing.assert_allclose(whole(recording), ecg(), atol=1e-3)


@pytest.mark.parametrize("name", ["r.rec", "r.EDF", "r", "r.dat", "r.csv"])
def test_edf_is_known_by_how_it_begins(name, tmp_path):
    path = write_edf(tmp_path / "r.edf").rename(tmp_path / name)
    np.testing.assert_allclose(whole(open_recording(path)), ecg(), atol=1e-3)


EDF_FAULTS = {
    "no EDF": (lambda p: p.write_bytes(b"\0time,II\n" * 200), "is no EDF or BDF file"),
    "cut header": (lambda p: p.write_bytes(p.read_bytes()[:500]), "its header is damaged"),
    "no data": (lambda p: (p.write_bytes(p.read_bytes()[:768]), overwrite(p, 236, b"-1      ")), "is without samples"),
    "cut data": (lambda p: p.write_bytes(p.read_bytes()[: 768 + 999]), "is without samples"),
    "number of samples": (lambda p: overwrite(p, 768 - 32 * 2 - 16, b"-5      "), "its header is damaged"),
    "duration": (lambda p: overwrite(p, 244, b"0       "), "its data records last 0 s"),
    "ranges": (lambda p: overwrite(p, 768 - 512 + 104 * 2, b"7       " * 4), "its range in the header is empty"),
    "gaps not told": (lambda p: overwrite(p, 192, b"EDF+D"), "says that it has gaps"),
}


@pytest.mark.parametrize("fault", EDF_FAULTS)
def test_damaged_edf_is_explained(fault, tmp_path):
    spoil, told = EDF_FAULTS[fault]
    path = write_edf(tmp_path / "r.edf")
    spoil(path)
    assert told in refused(path)


# Tables of samples


def write_csv(path, table, **options):
    options = {"index": False, **options}
    table.to_csv(path, **options)
    return path


def table_of(signals, names=("II", "V1"), rate_hz=RATE_HZ, time="time"):
    table = pd.DataFrame(signals, columns=list(names))
    if time:
        table.insert(0, time, np.arange(len(table)) / rate_hz)
    return table


@pytest.mark.parametrize(
    "written",
    [
        {"sep": ","},
        {"sep": ";"},
        {"sep": "\t"},
        {"sep": " "},
        {"sep": ";", "decimal": ","},
        {"sep": "\t", "decimal": ","},
        {"sep": ",", "lineterminator": "\r\n"},
        {"sep": ",", "encoding": "utf-8-sig"},
        {"sep": ",", "encoding": "utf-16"},
        {"sep": ",", "quoting": 1},
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_table_gives_what_was_written_however_it_is_written(written, header, tmp_path):
    signals = ecg()
    recording = open_recording(write_csv(tmp_path / "r.csv", table_of(signals), header=header, **written))
    assert recording.leads == (("II", "V1") if header else ("lead 1", "lead 2"))
    assert (recording.name, recording.sampling_rate_hz, recording.samples) == ("r", RATE_HZ, SAMPLES)
    np.testing.assert_allclose(whole(recording), signals, atol=1e-9)


@pytest.mark.parametrize("extension", [".csv", ".tsv", ".TXT"])
def test_table_without_times_needs_the_sampling_rate(extension, tmp_path):
    path = write_csv(tmp_path / f"r{extension}", table_of(ecg(), time=None), sep="\t")
    assert refused(path) == f"{path}: has no column of times; give the sampling rate with --sampling-rate"

    recording = open_recording(path, sampling_rate_hz=RATE_HZ)
    np.testing.assert_allclose(whole(recording), ecg(), atol=1e-9)
    assert recording.sampling_rate_hz == RATE_HZ


def test_column_of_numbers_alone_is_a_lead(tmp_path):
    path = tmp_path / "r.txt"
    np.savetxt(path, ecg(1))
    recording = open_recording(path, 360)
    assert (recording.leads, recording.sampling_rate_hz) == (("lead 1",), 360)
    np.testing.assert_allclose(whole(recording), ecg(1))


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("time_ms", lambda s: s * 1000),
        ("Time (ms)", lambda s: s * 1000),
        ("Time [s]", lambda s: s),
        ("seconds", lambda s: s),
        ("t", lambda s: s * 1000),  # its steps of 4 can only be milliseconds
        ("timestamp", lambda s: 1_700_000_000 + s),
        ("Timestamp", lambda s: (1_700_000_000_000 + s * 1000).round().astype(np.int64)),
        ("timestamp", lambda s: (1_700_000_000_000_000_000 + s * 1e9).round().astype(np.int64)),
        ("datetime", lambda s: pd.Timestamp("2024-02-28T23:59:58") + pd.to_timedelta(s, unit="s")),
        (
            "when",
            lambda s: (pd.Timestamp("2024-02-28T23:59:58Z") + pd.to_timedelta(s, unit="s")).map(pd.Timestamp.isoformat),
        ),
        ("Elapsed time", lambda s: [f"{int(second // 60)}:{second % 60:06.3f}" for second in s]),
        (
            "clock",
            lambda s: (pd.Timestamp("2024-02-28T23:59:58") + pd.to_timedelta(s, unit="s")).strftime("%H:%M:%S.%f"),
        ),
    ],
)
def test_times_are_understood_in_any_unit(name, times, tmp_path):
    table = table_of(ecg(), time=None)
    table.insert(0, name, times(np.arange(SAMPLES) / RATE_HZ))
    recording = open_recording(write_csv(tmp_path / "r.csv", table))
    assert (recording.sampling_rate_hz, recording.samples, recording.leads) == (RATE_HZ, SAMPLES, ("II", "V1"))
    assert told(recording) == ()


@pytest.mark.parametrize("rate_hz", [128, 250, 257.5, 360, 500, 700, 800, 1000])
def test_times_rounded_to_milliseconds_give_the_exact_rate_and_no_gap(rate_hz, tmp_path):
    table = table_of(ecg(samples=20_000), rate_hz=rate_hz).round({"time": 3})
    recording = open_recording(write_csv(tmp_path / "r.csv", table))
    assert recording.sampling_rate_hz == Fraction(rate_hz)
    assert (recording.samples, told(recording)) == (20_000, ())


def test_jitter_of_times_is_no_gap(tmp_path):
    table = table_of(ecg())
    table["time"] += np.random.default_rng(1).normal(0, 0.2 / RATE_HZ, SAMPLES)
    recording = open_recording(write_csv(tmp_path / "r.csv", table))
    assert recording.samples == SAMPLES
    assert float(recording.sampling_rate_hz) == pytest.approx(RATE_HZ, rel=3e-4)


@pytest.mark.parametrize("seconds", [0.1, 1.7, 100])
def test_dropped_rows_are_missing_signal_in_their_place(seconds, tmp_path):
    signals = ecg()
    kept = np.ones(SAMPLES, dtype=bool)
    kept[[100, 700, 701]] = False
    kept[900:1300] = False
    path = write_csv(tmp_path / "r.csv", table_of(signals)[kept])

    recording = open_recording(path)
    expected = np.where(kept[:, np.newaxis], signals, np.nan)
    np.testing.assert_allclose(whole(recording, seconds), expected, atol=1e-9)
    assert told(recording) == ("403 rows (1.6 s) are not there by the times, and are missing signal",)


def test_numbered_samples_show_dropped_rows_too(tmp_path):
    table = table_of(ecg(), time=None)
    table.insert(0, "sample #", np.arange(SAMPLES))
    path = write_csv(tmp_path / "r.csv", table.drop(index=range(500, 600)))
    assert "give the sampling rate with --sampling-rate" in refused(path)
    recording = open_recording(path, 360)
    assert (recording.leads, recording.samples) == (("II", "V1"), SAMPLES)
    assert np.flatnonzero(np.isnan(whole(recording)[:, 0])).tolist() == list(range(500, 600))


def test_index_that_pandas_writes_is_no_lead(tmp_path):
    timed = open_recording(write_csv(tmp_path / "timed.csv", table_of(ecg()), index=True))
    assert timed.leads == ("II", "V1")
    plain = open_recording(write_csv(tmp_path / "plain.csv", table_of(ecg(), time=None), index=True), RATE_HZ)
    assert plain.leads == ("II", "V1")
    unnamed = pd.DataFrame(np.column_stack([np.arange(SAMPLES) / RATE_HZ, ecg()]))
    numbered = open_recording(write_csv(tmp_path / "numbered.csv", unnamed.rename(columns={0: "time"})))
    assert numbered.leads == ("1", "2")


def test_missing_values_are_nan_however_they_are_written(tmp_path):
    rows = [[f"{second / RATE_HZ:.3f}", "0.1", "0.2"] for second in range(SAMPLES)]
    for row, mark in enumerate(["", "NaN", "nan", "NA", "-", "?", "null", "inf", "--"], start=100):
        rows[row][1] = mark
    path = tmp_path / "r.csv"
    path.write_text("time,II,V1\n" + "\n".join(",".join(row) for row in rows) + "\n")
    recording = open_recording(path)
    found = whole(recording)
    assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == list(range(100, 109))
    assert told(recording) == ("numbers that no signal holds, which count as missing samples: 1 (line 109 'inf')",)
    assert not np.isnan(found[:, 1]).any()


@pytest.mark.parametrize(
    ("names", "options", "factor"),
    [
        (("II (uV)", "V1 [uV]"), {}, 1000),
        (("II_uV", "V1 (µV)"), {}, 1000),
        (("II_mV", "V1 (mV)"), {}, 1),
        (("II (V)", "V1 (volts)"), {}, 0.001),
        (("II", "V1"), {"gain": 200}, 200),
        (("II (uV)", "V1"), {"gain": 1000}, 1000),
    ],
)
def test_units_come_from_the_header_or_from_the_gain(names, options, factor, tmp_path):
    path = write_csv(tmp_path / "r.csv", table_of(ecg() * factor, names=names))
    recording = open_recording(path, **options)
    assert recording.leads == ("II", "V1")
    np.testing.assert_allclose(whole(recording), ecg(), atol=1e-6)


def test_column_called_after_its_unit_is_in_that_unit(tmp_path):
    path = write_csv(tmp_path / "r.csv", table_of(ecg() * [1000, 1], names=("uV", "V")))
    recording = open_recording(path)
    assert recording.leads == ("lead 1", "V")
    np.testing.assert_allclose(whole(recording), ecg(), atol=1e-6)


def test_micro_sign_of_windows_is_read(tmp_path):
    path = write_csv(tmp_path / "r.csv", table_of(ecg() * 1000, names=("II (µV)", "V1 (µV)")), encoding="cp1252")
    np.testing.assert_allclose(whole(open_recording(path)), ecg(), atol=1e-6)


PHYSIONET = {
    "csv": ("'Elapsed time','MLII','V5'\n'hh:mm:ss.mmm','mV','mV'\n", "'0:{:06.3f}',{:.3f},{:.3f}"),
    "txt": (
        "   Elapsed time    MLII      V5\n   hh:mm:ss.mmm    (mV)      (mV)\n",
        "       0:{:06.3f}    {:.3f}    {:.3f}",
    ),
}


@pytest.mark.parametrize("extension", PHYSIONET)
def test_tables_that_physionet_exports_are_read(extension, tmp_path):
    header, row = PHYSIONET[extension]
    signals = ecg()
    lines = [row.format(index / 360, *values) for index, values in enumerate(signals)]
    path = tmp_path / f"samples.{extension}"
    path.write_text(header + "\n".join(lines) + "\n")

    recording = open_recording(path)
    assert (recording.leads, recording.sampling_rate_hz, recording.samples) == (("MLII", "V5"), 360, SAMPLES)
    np.testing.assert_allclose(whole(recording), signals, atol=1e-9)


def test_lines_before_the_table_are_skipped(tmp_path):
    path = tmp_path / "watch.csv"
    lines = ["Name,Ann", "Sample Rate,512 hertz", 'Device,"Watch4,2"', "", "", "Lead,Lead I", "Unit,uV", ""]
    path.write_text("\n".join([*lines, *(f"{value * 1000:.1f}" for value in ecg(1)[:, 0])]) + "\n")
    recording = open_recording(path, sampling_rate_hz=512, gain=1000)
    assert (recording.leads, recording.sampling_rate_hz) == (("I",), 512)
    np.testing.assert_allclose(whole(recording), ecg(1), atol=1e-6)


def test_commented_header_is_a_header(tmp_path):
    path = tmp_path / "r.txt"
    table = table_of(ecg())
    np.savetxt(path, table.to_numpy(), header="made by savetxt\ntime II V1", fmt="%.6f")
    recording = open_recording(path)
    assert (recording.leads, recording.samples) == (("II", "V1"), SAMPLES)


def test_columns_that_hold_no_lead_are_left_out_and_named(tmp_path):
    table = table_of(ecg()).assign(label="N", HR=60, resp=0.5, **{"Pleth (NU)": 1.0})
    recording = open_recording(write_csv(tmp_path / "r.csv", table))
    assert recording.leads == ("II", "V1")
    assert told(recording) == (
        "left out channel label: it holds text, not numbers",
        "left out channel HR: by its name it is no ECG lead",
        "left out channel resp: by its name it is no ECG lead",
        "left out channel Pleth: by its name it is no ECG lead",
    )


def test_trailing_separators_make_no_column(tmp_path):
    path = write_csv(tmp_path / "r.csv", table_of(ecg()))
    path.write_text(path.read_text().replace("\n", ",\n"))
    recording = open_recording(path)
    assert (recording.leads, told(recording)) == (("II", "V1"), ())


CSV_FAULTS = {
    "broken numbers": (
        lambda lines: lines.__setitem__(slice(1500, 1700), ["5.996,1.2.3,x1"] * 200),
        "400 cells in 2000 rows hold no number (line 1501 'II: 1.2.3', line 1501 'V1: x1'",
    ),
    "broken rows": (
        lambda lines: lines.__setitem__(slice(1500, 1700), [f"{row}" for row in range(200)]),
        "200 of 2000 lines hold no row of numbers (line 1501 '0', line 1502 '1', line 1503 '2', ...); is it a table",
    ),
    "backwards": (lambda lines: lines.extend(lines[1000:1200]), "time goes backwards at line 2002"),
    "no signal": (
        lambda lines: lines.__setitem__(slice(1, None), [f"{i / 250},," for i in range(2000)]),
        "holds no signal",
    ),
    "no lead": (
        lambda lines: lines.__setitem__(slice(None), ["time,label", *(f"{i / 250},N" for i in range(2000))]),
        "holds no ECG lead (left out channel label: it holds text, not numbers)",
    ),
    "coarse": (
        lambda lines: lines.__setitem__(slice(1, None), [f"{i // 900},1,2" for i in range(2000)]),
        "its times do not tell its rows apart",
    ),
    "uneven": (
        lambda lines: lines.__setitem__(slice(1, None), [f"{i * i},1,2" for i in range(2000)]),
        "its times are uneven",
    ),
    "slow": (
        lambda lines: lines.__setitem__(slice(1, None), [f"{i / 20},1,2" for i in range(2000)]),
        "is sampled at 20 Hz",
    ),
}


@pytest.mark.parametrize("fault", CSV_FAULTS)
def test_damaged_table_is_explained(fault, tmp_path):
    spoil, told = CSV_FAULTS[fault]
    path = write_csv(tmp_path / "r.csv", table_of(ecg()))
    lines = path.read_text().splitlines()
    spoil(lines)
    path.write_text("\n".join(lines) + "\n")
    message = refused(path)
    assert message.startswith(f"{path}: ")
    assert told in message


def test_times_too_coarse_are_replaced_by_the_given_rate(tmp_path):
    table = table_of(ecg())
    table["time"] = np.floor(table["time"] / 4)
    recording = open_recording(write_csv(tmp_path / "r.csv", table), RATE_HZ)
    assert (recording.leads, recording.samples) == (("II", "V1"), SAMPLES)
    assert told(recording) == ("its times do not tell its rows apart, and are not used",)


def test_binary_file_called_csv_is_refused(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(bytes(range(256)) * 10)
    assert "is no text file" in refused(path)


def test_contradictions_are_refused(tmp_path):
    timed = write_csv(tmp_path / "timed.csv", table_of(ecg(), names=("II (uV)", "V1")))
    assert "is sampled at 250 Hz by its times, which --sampling-rate 360 contradicts" in refused(
        timed, sampling_rate_hz=360
    )
    assert "II is in uV by its own description, which --gain 200 contradicts" in refused(timed, gain=200)
    assert open_recording(timed, sampling_rate_hz=250, gain=1000).sampling_rate_hz == 250
    record = write_wfdb(tmp_path)
    assert "which --sampling-rate 360 contradicts" in refused(record, sampling_rate_hz=360)
    assert "II is in mV by its own description, which --gain 200 contradicts" in refused(record, gain=200)
    assert open_recording(record, sampling_rate_hz=250).sampling_rate_hz == 250


# Any kind


@pytest.mark.parametrize("options", [{"gain": 0}, {"gain": -1}, {"sampling_rate_hz": 0}, {"sampling_rate_hz": np.nan}])
def test_options_that_cannot_be_are_refused(options, tmp_path):
    assert refused(write_csv(tmp_path / "r.csv", table_of(ecg())), **options).endswith("give a number above 0")


@pytest.mark.parametrize("rate_hz", [50, 99, 1001, 5000])
def test_sampling_rate_out_of_range_is_refused(rate_hz, tmp_path):
    path = write_csv(tmp_path / "r.csv", table_of(ecg(), time=None))
    assert refused(path, sampling_rate_hz=rate_hz) == (
        f"{path}: is sampled at {rate_hz} Hz, and the analysis works with 100 to 1000 Hz; resample it"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("absent.csv", "is not there; check the path"),
        ("absent.edf", "is not there; check the path"),
        ("absent.hea", "the WFDB header .* is not there"),
        ("absent.dat", "the WFDB header .* is not there"),
        ("absent", "is not there, nor is a WFDB header"),
        ("folder", "is a folder"),
        ("folder.csv", "is a folder"),
        ("empty.csv", "is empty"),
        ("empty.edf", "is empty"),
        ("empty.hea", "is empty"),
        ("picture.png", r"is a picture \(PNG\); export the samples"),
        ("", "is a folder"),
    ],
)
def test_what_is_no_recording_is_explained(name, told, tmp_path):
    for folder in ("folder", "folder.csv"):
        (tmp_path / folder).mkdir()
    for empty in ("empty.csv", "empty.edf", "empty.hea"):
        (tmp_path / empty).touch()
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(UserError, match=told):
        open_recording(tmp_path / name)


def test_strange_signals_are_no_error(tmp_path):
    signals = ecg(3) * 1000
    signals[:, 0] = 5
    signals[100:900] = np.nan
    path = write_csv(tmp_path / "r.csv", table_of(signals, names=("I", "II", "III")))
    np.testing.assert_allclose(whole(open_recording(path)), signals, atol=1e-6)


def test_chosen_leads_are_refused_unless_they_are_there(tmp_path):
    recording = open_recording(write_wfdb(tmp_path))
    swapped = recording.chosen(["v1", "II"])
    assert swapped.leads == ("V1", "II")
    assert swapped.chosen(["II"]).leads == ("II",)
    np.testing.assert_array_equal(whole(swapped.chosen(["II"]))[:, 0], whole(recording)[:, 0])
    for leads, told in ((["V9"], "has no lead V9; it has II, V1"), ([], "at least one"), (["II", "ii"], "once")):
        with pytest.raises(UserError, match=told):
            recording.chosen(leads)


def peak_mb(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["wfdb", "edf", "bdf", "csv", "ishne", "acq", "h5"])
def test_long_recording_is_never_held_whole(kind, tmp_path):
    samples = 400_000 if kind == "csv" else 1_000_000
    signals = np.tile(ecg(2), (samples // SAMPLES, 1))
    if kind == "wfdb":
        path = write_wfdb(tmp_path, signals=signals)
    elif kind == "csv":
        path = tmp_path / "r.csv"
        path.write_text(
            "II,V1\n" + "".join(f"{first:.3f},{second:.3f}\n" for first, second in ecg(2)) * (samples // SAMPLES)
        )
    elif kind in ("ishne", "acq", "h5"):
        write = {"ishne": write_ishne, "acq": write_acq, "h5": write_opensignals}[kind]
        write(path := tmp_path / f"r.{kind}", ["II", "V1"], (signals * 400).astype(int), RATE_HZ)
    else:
        path = write_edf(tmp_path / f"r.{kind}", signals.T)
    size_mb = samples * 2 * 8 / 1e6

    def read():
        options = {"sampling_rate_hz": RATE_HZ} if kind == "csv" else {}
        assert sum(len(block) for block in open_recording(path, **options).blocks(60)) == samples

    read()  # once before, so that what libraries keep is not counted
    # A table is parsed 65,536 rows and an AcqKnowledge file 262,144 bytes at a time, whatever the length of a block.
    assert peak_mb(read) < (12 if kind in ("csv", "acq") else size_mb / 10)


def test_real_records_are_read_as_wfdb_reads_them(real_records):
    for name in ("100", "114"):
        path = real_records / "mitdb" / name
        recording = open_recording(path)
        np.testing.assert_array_equal(whole(recording, 600), wfdb.rdrecord(str(path)).p_signal)


# What labels and units say


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        *[(unit, 1) for unit in ("mV", "(mV)", "milliVolt")],
        *[(unit, 1e-3) for unit in ("uV", "µV", "μV", "Âµv", " UV ", "microvolts")],
        *[(unit, None) for unit in ("mmHg", "", "bpm", "m", "kV")],
        ("V", 1e3),
        ("nV", 1e-6),
    ],
)
def test_units_of_voltage_are_known_in_any_spelling(unit, factor):
    assert millivolts_per(unit) == factor


@pytest.mark.parametrize(
    ("label", "name"),
    [
        *[("ECG II", "II"), ("EKG V1", "V1"), ("ECG-aVR", "aVR"), ("Lead I", "I"), ("ECG lead V3R", "V3R")],
        *[("ecg_ii", "ii"), ("MLII", "MLII"), ("ECG", "ECG"), ("ECG1", "ECG1"), ("ECG II - Ref", "ECG II - Ref")],
        *[("  V 5 ", "V 5"), ("", ""), ("Ableitung II", "II"), ("Dérivation V1", "V1"), ("Derivação aVR", "aVR")],
    ],
)
def test_lead_names_lose_what_is_said_before_them(label, name):
    assert lead_name(label) == name


def test_labels_of_known_databases_look_like_ecg():
    leads = "I II III aVR aVL aVF V1 V6 MLII MLIII MCL1 CM5 CC5 ML5 MV2 vx E-S mod.V1 ECG1 ECG lead_II EKG"
    assert [label for label in leads.split() if not looks_like_ecg(label)] == []
    others = ["EEG C3-A2", "EOG(L)", "EMG", "Resp", "RESP", "ABP", "SpO2", "Pleth", "HR", "label", "THOR RES"]
    assert [label for label in others if looks_like_ecg(label) or not looks_like_other_signal(label)] == []


@pytest.fixture(autouse=True)
def _no_warning():
    """Nothing that a library warns of may reach the user, who cannot mend it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield
