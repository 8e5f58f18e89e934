"""Tables as devices and programs write them: rate, names, units and rows are what the file says."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording

RATE_HZ = 250
ROWS = 600
ECG_MV = np.round(np.sin(np.cumsum(np.random.default_rng(4).normal(scale=0.05, size=ROWS))), 3)
OTHER = np.round(np.cos(np.cumsum(np.random.default_rng(5).normal(scale=0.02, size=ROWS))), 4)
SECONDS = np.arange(ROWS) / RATE_HZ


NOTHING = [""] * ROWS


def rows(*columns, mark=","):
    return "".join(mark.join(cells) + "\n" for cells in zip(*columns, strict=True))


def texts(values, form="{:.3f}"):
    return [form.format(value) for value in values]


def comma(values, form="{:.3f}"):
    return [text.replace(".", ",") for text in texts(values, form)]


def apple(header, values):
    return "\n".join([*header, ""]) + "\n" + "\n".join(values) + "\n"


OPEN_SIGNALS = json.dumps(
    {
        "00:07:80:3B": {
            "sensor": ["EDA", "ECG"],
            "device": "bitalino_rev",
            "column": ["nSeq", "I1", "A1", "A2"],
            "label": ["A1", "A2"],
            "resolution": [4, 1, 10, 10],
            "sampling rate": RATE_HZ,
        }
    }
)
COUNTS = np.round(ECG_MV * 341).astype(int) + 512
BLUETOOTH_S = 1.7e9 + np.repeat(SECONDS[::10], 10)

# By name: the text, and the lead that is found in it.
DIALECTS = {
    "apple": (
        apple(
            ["Name,Ann", 'Device,"Watch6,7"', "Sample Rate,250 hertz", "", "", "Lead,Lead I", "Unit,µV"],
            texts(ECG_MV * 1000),
        ),
        "I",
    ),
    "apple in German": (
        apple(
            ["Name,Ann", 'Messrate,"250 Hertz"', "", "Ableitung,Ableitung I", "Einheit,µV"],
            [f'"{value}"' for value in comma(ECG_MV * 1000)],
        ),
        "I",
    ),
    "apple in German, without quotes": (
        apple(["Messrate,250 Hertz", "Ableitung,Lead I", "Einheit,µV"], comma(ECG_MV * 1000)),
        "I",
    ),
    "apple between semicolons": (
        apple(["Abtastrate;250 Hz", "Ableitung;Lead I", "Einheit;mV"], comma(ECG_MV)),
        "I",
    ),
    "apple in French": (
        apple(["Fréquence d'échantillonnage,250 hertz", "Dérivation,Lead I", "Unité,µV"], texts(ECG_MV * 1000)),
        "I",
    ),
    "apple in Chinese": (
        apple(["采样率,250赫兹", "导联,Lead I", "单位,µV"], texts(ECG_MV * 1000)),
        "I",
    ),
    "labchart": (
        "Interval=\t0.004 s\nExcelDateTime=\t4.3749464322749809e+04\t10/11/19 11:08:37.485584\n"
        "TimeFormat=\tStartOfBlock\nChannelTitle=\tECG\tResp\nRange=\t2.000 mV\t10.000 V\nUnitName=\tmV\t*\n"
        "TopValue=\t*\t*\n" + rows(texts(SECONDS, "{:g}"), texts(ECG_MV), texts(OTHER), mark="\t"),
        "ECG",
    ),
    "acqknowledge": (
        "walk.acq\n4 msec/sample\n2 channels\nECG - ECG100C\nmV\nRSP, X\nVolts\nmin\tCH1\tCH2\t\n\t600\t600\t\n"
        + rows(texts(SECONDS / 60, "{:.9f}"), texts(ECG_MV), texts(OTHER), [""] * ROWS, mark="\t"),
        "ECG - ECG100C",
    ),
    "acqknowledge without times": (
        "walk.acq\n250 samples/second\n1 channels\nECG\nuV\nCH1\n" + rows(texts(ECG_MV * 1000)),
        "ECG",
    ),
    "opensignals": (
        f"# OpenSignals Text File Format. Version 1\n# {OPEN_SIGNALS}\n# EndOfHeader\n"
        + rows(
            texts(np.arange(ROWS) % 16, "{}"),
            ["0"] * ROWS,
            texts(OTHER * 100 + 500, "{:.0f}"),
            texts(COUNTS, "{}"),
            mark="\t",
        ),
        "ECG",
    ),
    "openbci": (
        "%OpenBCI Raw EXG Data\n%Number of channels = 2\n%Sample Rate = 250 Hz\n%Board = OpenBCI_GUI$BoardCytonSerial\n"
        "Sample Index, EXG Channel 0, Accel Channel 0, Timestamp, Other, Timestamp (Formatted)\n"
        + rows(
            texts(np.arange(ROWS) % 256, "{}"),
            texts(ECG_MV * 1000, " {}"),
            texts(OTHER, " {}"),
            texts(BLUETOOTH_S, " {:.4f}"),
            [" 0.0"] * ROWS,
            [f" 2026-03-14 09:41:{second:06.3f}" for second in SECONDS],
        ),
        "EXG Channel 0",
    ),
    "shimmer": (
        "sep=\t\n"
        + "\t".join(f"Shimmer_5FB3_{name}_CAL" for name in ("Timestamp_Unix", "ECG_LL-RA_24BIT", "Accel_LN_X"))
        + "\nCAL\tCAL\tCAL\nms\tmV\tm/(s^2)\n"
        + rows(texts(1.7e12 + 1000 * SECONDS, "{:.3f}"), texts(ECG_MV), texts(OTHER), mark="\t"),
        "Shimmer_5FB3_ECG_LL-RA_24BIT_CAL",
    ),
    "biosppy": (
        "# Simple Text Format\n# Sampling Rate (Hz):= 250.00\n# Resolution:= 12\n# Labels:= ECG\n"
        + rows(texts(ECG_MV)),
        "ECG",
    ),
    "excel": (
        "sep=;\nZeit [s];EKG [mV]\n" + rows(comma(SECONDS), comma(ECG_MV), mark=";"),
        "EKG",
    ),
    "keys": ("Fs=250\nsubject: 7\n\nECG (mV)\n" + rows(texts(ECG_MV)), "ECG"),
    "keys of a logger": ("# sampling_rate: 250\n# unit: uV\nECG\n" + rows(texts(ECG_MV * 1000)), "ECG"),
    "frequency": ("frequency,250\ntime,ecg\n" + rows(texts(SECONDS), texts(ECG_MV)), "ecg"),
    "polar": (
        "Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]\n"
        + rows(
            [f"2026-03-14T09:41:{second:06.3f}" for second in np.repeat(SECONDS[::50], 50)],
            texts(6e17 + SECONDS * 1e9, "{:.0f}"),
            texts(SECONDS * 1000, "{:.1f}"),
            texts(ECG_MV * 1000, "{:.0f}"),
            mark=";",
        ),
        "ecg",
    ),
    "physionet": (
        "'Elapsed time','MLII'\n'hh:mm:ss.mmm','mV'\n" + rows(texts(SECONDS, "'0:{:06.3f}'"), texts(ECG_MV)),
        "MLII",
    ),
    "rdsamp": (
        "     Time and date           MLII\n (hh:mm:ss.mmm dd/mm/yyyy)  (mV)\n"
        + rows([f"[17:00:{second:06.3f} 15/08/1994]" for second in SECONDS], texts(ECG_MV), mark="    "),
        "MLII",
    ),
    "rows numbered by R": (
        '"time" "ECG"\n' + rows(texts(np.arange(ROWS) + 1, '"{}"'), texts(SECONDS), texts(ECG_MV), mark=" "),
        "ECG",
    ),
    "Russian": ("Время;ЭКГ (мкВ)\n" + rows(comma(SECONDS), comma(ECG_MV * 1000), mark=";"), "ЭКГ"),
    "Chinese": ("时间(秒),呼吸,心电(毫伏)\n" + rows(texts(SECONDS), texts(OTHER), texts(ECG_MV)), "心电"),
    "start and rate above": (f"ECG\n1544027337.000\n{RATE_HZ}.000\n" + rows(texts(ECG_MV)), "ECG"),
    "AcqKnowledge without times": (
        f"r.acq\n4 msec/sample\n1 channels\nECG\nmV\nCH1\n{ROWS}\n" + rows(texts(ECG_MV)),
        "ECG",
    ),
    "AcqKnowledge in minutes": (
        f"min,CH1,\n,{ROWS},\n" + rows(texts(SECONDS / 60, "{:.8f}"), texts(ECG_MV), NOTHING),
        "CH1",
    ),
    "more commas than columns": (
        "time,ECG,,,\n" + rows(texts(SECONDS), texts(ECG_MV), NOTHING, NOTHING),
        "ECG",
    ),
    "ruled": (
        "| time | ECG |\n|------|-----|\n" + rows(NOTHING, texts(SECONDS), texts(ECG_MV), NOTHING, mark="|"),
        "ECG",
    ),
    "date and time joined": (
        "Time;ECG (Mikrovolt)\n"
        + rows([f"2026.03.14-09:41:{second:06.3f}" for second in SECONDS], texts(ECG_MV * 1000), mark=";"),
        "ECG",
    ),
    "serial plotter with leads off": (
        "".join(f"t:{s * 1000:.0f},ecg:{mv:.3f},LO+:0,LO-:0\n" for s, mv in zip(SECONDS, ECG_MV, strict=True)),
        "ecg",
    ),
    "serial monitor": (
        "".join(f"10:15:{second:06.3f} -> {value:.3f}\n" for second, value in zip(SECONDS, ECG_MV, strict=True)),
        "lead 1",
    ),
    "serial plotter": (
        "".join(f"t:{second * 1000:.0f}\tecg:{value:.3f}\n" for second, value in zip(SECONDS, ECG_MV, strict=True)),
        "ecg",
    ),
    "commas for everything": ("time,ECG\n" + rows(comma(SECONDS), comma(ECG_MV)), "ECG"),
    "spaces and decimal commas": (rows(comma(SECONDS), comma(ECG_MV), mark="  "), "lead 1"),
    "pandas without names": ("0,1,2\n" + rows(texts(SECONDS), texts(ECG_MV), texts(OTHER)), "1"),
    "date and time apart": (
        "Date,Time,ECG\n" + rows(["14.03.2026"] * ROWS, [f"09:41:{second:06.3f}" for second in SECONDS], texts(ECG_MV)),
        "ECG",
    ),
    "index beside millis": (
        "Sample Index,millis,ECG\n"
        + rows(texts(np.arange(ROWS), "{}"), texts(SECONDS * 1000, "{:.0f}"), texts(ECG_MV)),
        "ECG",
    ),
    "bursts": ("unix,ECG\n" + rows(texts(BLUETOOTH_S, "{:.3f}"), texts(ECG_MV)), "ECG"),
    "tenths of a second": (
        "Timestamp,ECG\n"
        + rows([f"14/03/2026 09:41:{second:04.1f}" for second in np.repeat(SECONDS[::25], 25)], texts(ECG_MV)),
        "ECG",
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_devices_write_is_read_without_options(dialect, tmp_path):
    text, lead = DIALECTS[dialect]
    path = tmp_path / "r.txt"
    path.write_text(text)
    unnamed = lead in ("1", "lead 1")  # the signal would have to tell which columns are leads
    recording = open_recording(path, gain=341 if dialect == "opensignals" else None, leads=[lead] if unnamed else [])
    assert (recording.leads, recording.sampling_rate_hz, recording.samples) == ((lead,), RATE_HZ, ROWS)
    tolerance_mv, offset_mv = (0.002, 512 / 341) if dialect == "opensignals" else (1e-6, 0)
    np.testing.assert_allclose(recording.read()[:, 0] - offset_mv, ECG_MV, atol=tolerance_mv)


IN_BURSTS = {"bursts", "tenths of a second"}
TIMELESS = {name for name in DIALECTS if name.startswith(("apple", "keys"))} | {
    "AcqKnowledge without times",
    "start and rate above",
    "opensignals",
    "biosppy",
    "acqknowledge without times",
}
JUNK = [
    "!",
    "# moved",
    "% moved",
    "ERROR: no answer",
    "",
    "the header",
    "x1,y2;z3",
    "1.2.3",
    "\0\0\0",
    '"',
    "#* moved",
    "--;",
]


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    dialect=st.sampled_from(sorted(DIALECTS)),
    junk=st.lists(
        st.tuples(st.integers(1, ROWS - 2), st.sampled_from(JUNK), st.booleans()),
        max_size=12,
        unique_by=lambda each: each[0],
    ),
)
def test_junk_amid_the_rows_changes_no_sample(dialect, junk, tmp_path):
    text, lead = DIALECTS[dialect]
    lines = text.splitlines()
    above = len(lines) - ROWS
    replaced = {place for place, _, instead in junk if instead}
    for place, what, instead in sorted(junk, reverse=True):
        lines[above + place : above + place + instead] = [lines[above - 1] if what == "the header" and above else what]
    path = tmp_path / "r.csv"
    path.write_text("\n".join(lines) + "\n")
    try:
        recording = open_recording(path, gain=341 if dialect == "opensignals" else None, leads=[lead])
    except UserError as error:
        assert "line " in str(error)
        return
    found_mv = recording.read()[:, 0] - (512 / 341 if dialect == "opensignals" else 0)
    tolerance_mv = 0.002 if dialect == "opensignals" else 1e-6
    assert abs(recording.sampling_rate_hz - RATE_HZ) <= 6 * (dialect in IN_BURSTS)  # rows are lost in so short a file
    clean_mv = ECG_MV.copy()
    clean_mv[list(replaced)] = np.nan
    if dialect in TIMELESS | IN_BURSTS:
        np.testing.assert_allclose(found_mv[~np.isnan(found_mv)], clean_mv[~np.isnan(clean_mv)], atol=tolerance_mv)
    else:
        np.testing.assert_allclose(found_mv, clean_mv, atol=tolerance_mv)


def test_a_column_with_broken_numbers_leaves_the_others_as_they_are(tmp_path):
    other = [f"{value}x{row}" if row % 9 == 0 else value for row, value in enumerate(texts(OTHER))]
    path = tmp_path / "r.csv"
    path.write_text("time,ECG,x\n" + rows(texts(SECONDS), texts(ECG_MV), other))
    recording = open_recording(path)
    np.testing.assert_array_equal(recording.read()[:, 0], ECG_MV)
    assert "left out channel x: many of its cells hold no number" in recording.notes


@pytest.mark.parametrize("first", ["abc,0.1", "0.1", "!"])
def test_a_first_row_that_is_damaged_is_a_row(first, tmp_path):
    path = tmp_path / "r.csv"
    lines = rows(texts(ECG_MV), texts(OTHER)).splitlines()
    lines[0] = first
    lines[50] = "!"
    path.write_text("ECG,V1\n" + "\n".join(lines) + "\n")
    recording = open_recording(path, RATE_HZ)
    assert (recording.leads, recording.samples) == (("ECG", "V1"), ROWS)


def test_what_a_device_says_right_above_the_rows_is_no_row(tmp_path):
    path = tmp_path / "r.csv"
    for above in ("Device,X\nSample Rate,250\n", "Name,Ann\nAge,45\n", "time,ECG\n# made,1\n"):
        path.write_text(above + rows(texts(SECONDS), texts(ECG_MV)))
        recording = open_recording(path, RATE_HZ)
        assert recording.samples == ROWS
        np.testing.assert_array_equal(recording.read()[:, -1], ECG_MV)


def test_a_comment_without_words_names_no_columns(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("#\ntime,ECG\n#\n" + rows(texts(SECONDS), texts(ECG_MV), mark=","))
    assert open_recording(path).leads == ("ECG",)


@pytest.mark.parametrize("again", ["fs=500", "V1,ECG (mV)", "ECG (uV),V1"])
def test_a_header_amid_the_rows_that_says_something_else_is_refused(again, tmp_path):
    path, table = tmp_path / "r.csv", rows(texts(ECG_MV), texts(OTHER))
    path.write_text(f"fs=250\nECG (mV),V1\n{table}{again}\n{table}")
    with pytest.raises(UserError, match=f"line {ROWS + 3}, .* says something else than the lines above the table"):
        open_recording(path)


def test_bytes_that_were_never_written_are_a_damaged_line(tmp_path):
    path, table = tmp_path / "r.csv", rows(texts(SECONDS), texts(ECG_MV)).encode()
    path.write_bytes(b"time,ECG\n" + table[:3000] + b"\0" * 4096 + b"\n" + table[6000:])
    assert open_recording(path).samples == ROWS


def test_many_different_lines_that_are_no_rows_are_too_many(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("time,ECG\n" + rows(texts(SECONDS), texts(ECG_MV)) * 40 + rows(texts(np.arange(1500)), mark=" "))
    with pytest.raises(UserError, match="1499 of 25499 lines hold no row of numbers"):
        open_recording(path)


def test_an_option_that_contradicts_the_header_is_told(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("ECG sampling rate: 250 Hz\nACC sampling rate: 125 Hz\nECG\n" + rows(texts(ECG_MV)))
    with pytest.raises(UserError, match="250 Hz by its header, which --sampling-rate 360 contradicts"):
        open_recording(path, 360)
    assert "its header says 250 Hz first, which is used, and 125 Hz" in " ".join(open_recording(path).notes)
    assert open_recording(path, 125).sampling_rate_hz == 125
