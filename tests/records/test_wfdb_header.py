"""Headers as the standard has them, and as people write them: read, read with a note, or refused in words."""

from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.wfdb_header import read_header

SIGNAL = "r.dat 16 1000(-5)/mV 16 0 7 0 0 ECG lead II"


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "r.hea").write_bytes(content)
        return read_header(tmp_path / "r.hea")

    return read_text


@pytest.mark.parametrize(
    ("first", "rate_hz", "frames"),
    [
        ("r 1", 250, 0),
        ("r 1 360", 360, 0),
        ("r 1 360.", 360, 0),
        ("r 1 3.6e2 5000", 360, 5000),
        ("r 1 22.5 6749", Fraction(45, 2), 6749),
        ("r 1 360/360 5000", 360, 5000),
        ("r 1 500/256.410256(0.000000) 460800", 500, 460800),
        ("r 1 360 0", 360, 0),
        ("r 1 360 -1", 360, 0),
        ("r 1 360Hz 5000.0", 360, 5000),
        ("r 1 360 5000 12:34:56 08/05/2014", 360, 5000),
        ("r 1 360 5000 12:34:56.789 8/5/2014", 360, 5000),
        ("r 1 360 5000 34:56", 360, 5000),
        ("r 1 360 5000 7", 360, 5000),
        ("r\t1  360\t5000   ", 360, 5000),
        ("r of bed 3 1 360 5000", None, None),  # whose name has words: how many signals is in doubt
        ("my-record.v2 1 360 5000", 360, 5000),
    ],
)
def test_first_line_of_the_standard_needs_no_note(first, rate_hz, frames, read):
    if rate_hz is None:
        with pytest.raises(UserError, match="promises 3 signals and describes 1"):
            read(f"{first}\n{SIGNAL}\n")
        return
    header = read(f"{first}\n{SIGNAL}\n")
    assert (header.frame_rate_hz, header.frames, len(header.signals)) == (rate_hz, frames, 1)
    assert len(header.notes) == (first == "r 1")  # nothing but a missing sampling rate is told


@pytest.mark.parametrize(
    "when",
    [
        *(
            "2014-05-08 05:05:15",
            "08/05/2014 05:05:15",
            "05/23/2014",
            "12:34:56 2014/05/08",
            "12:34:56 8.5.2014",
            "2006",
        ),
        *("12:34:56 08/05/2014 Monday", "12:34:61", "12:34:56 31/02/2014", "[12:34:56", "not known", "0:0:0 0/0/0"),
    ],
)
def test_date_that_cannot_be_read_is_not_needed(when, read):
    header = read(f"r 1 360 5000 {when} \n{SIGNAL}\n")
    assert (header.frame_rate_hz, header.frames) == (360, 5000)
    assert header.notes == (f"its header's date {when!r} cannot be read, and is not needed",)


def test_time_in_place_of_the_length_is_no_length(read):
    assert read(f"r 1 360 12:34:56\n{SIGNAL}\n").frames == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (SIGNAL, ("16", 1, 0, 0, 1000, -5, "mV", 7, "ECG lead II")),
        ("r.dat 212x4:2+24 200/uV", ("212", 4, 2, 24, 200, 0, "uV", 0, "")),
        ("A1.mat 16+24 1000/mV 16 12 -375 0 0 ECG", ("16", 1, 0, 24, 1000, 12, "mV", -375, "ECG")),
        ("r.dat 16 31.8(-93)/mV 8 0 0 8577 0 II,", ("16", 1, 0, 0, 31.8, -93, "mV", 0, "II")),
        ("r.dat 16 2e2", ("16", 1, 0, 0, 200, 0, "mV", 0, "")),
        ("r.dat 16 -200(0)/µV 16 3", ("16", 1, 0, 0, -200, 0, "µV", 3, "")),
        ("r.dat 16 200.5(1024.0)/mV 11 1024 995 -22131 0 MLII", ("16", 1, 0, 0, 200.5, 1024, "mV", 995, "MLII")),
        ("r.dat 16 1000 II", ("16", 1, 0, 0, 1000, 0, "mV", 0, "II")),
        ("a b.c.dat 80 1/mmHg 8 0 0 0 0 ABP, left  arm", ("80", 1, 0, 0, 1, 0, "mmHg", 0, "ABP, left arm")),
        ("~ 0 200/mV 0 0 0 0 0 V1", ("0", 1, 0, 0, 200, 0, "mV", 0, "V1")),
    ],
)
def test_signals_are_described_with_what_the_standard_says_for_the_rest(line, expected, read):
    header = read(f"r 1 360 5000\n{line}\n")
    signal = header.signals[0]
    storage = signal.fmt, signal.samples_per_frame, signal.skew, signal.offset
    assert (*storage, signal.gain, signal.baseline, signal.unit, signal.initial, signal.label) == expected
    assert header.notes == ()


@pytest.mark.parametrize("line", ["r.dat 16", "r.dat 16 0", "r.dat 16 0(0)/mV 16 0 0 0 0 II", "r.dat 16 II"])
def test_signal_without_a_gain_gets_that_of_the_standard_with_a_note(line, read):
    header = read(f"r 1 360 5000\n{line}\n")
    assert header.signals[0].gain == 200
    assert len(header.notes) == 1
    assert "gives no gain of" in header.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        f"\n# made by hand\nr 1 360 5000\n\n# a comment\n  {SIGNAL}  \n\n",
        f"r 1 360 5000\r\n{SIGNAL}\r\n",
        f"\ufeffr 1 360 5000\n{SIGNAL}",
        f"r 1 360 5000\n{SIGNAL}\n".encode("utf-16"),
        f"r 1 360 5000\n{SIGNAL}\n# Größe: 1,80 m\n".encode("latin-1"),
    ],
)
def test_comments_blank_lines_and_encodings_do_not_matter(text, read):
    header = read(text)
    assert (header.frames, header.signals[0].label, header.notes) == (5000, "ECG lead II", ())


def test_words_behind_the_signals_are_left_out_with_a_note(read):
    header = read(f"r 1 360 5000\n{SIGNAL}\nAge: 66\nSex: M\n")
    assert header.notes == ("its header ends with 2 lines that describe no signal, left out as a comment",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a WFDB header"),
        (f"r 1 360{' ' * 20_000}5000\n{SIGNAL}", "has a line of more than 10000 characters"),
        (f"r 1 1e999999999 5000\n{SIGNAL}", "its sampling rate '1e999999999' cannot be read"),
        (f"r 1 360 5000\nr.dat 16 200/mV 16 0 {'9' * 400} 0 0 II", "r.hea: "),
        ("shopping list\n", "is not a WFDB header"),
        ("# r 1 360 5000\n", "is not a WFDB header"),
        (bytes(range(256)), "is not a WFDB header"),
        (f"r 1 fast 5000\n{SIGNAL}\n", "its sampling rate 'fast' cannot be read"),
        (f"r 1 360,5 5000\n{SIGNAL}\n", "its sampling rate '360,5' cannot be read"),
        (f"r 1 -360 5000\n{SIGNAL}\n", "the sampling rate is -360 Hz"),
        (f"r 2 360 5000\n{SIGNAL}\n", "promises 2 signals and describes 1"),
        (f"r 1 360 5000\n{SIGNAL}\n{SIGNAL}\n", "promises 1 signal and describes 2"),
        ("r 1 360 5000\nr.dat sixteen 200/mV\n", "its line 'r.dat sixteen 200/mV' describes no signal"),
        ("r 1 360 5000\nr.dat 17 200/mV\n", "its line 'r.dat 17 200/mV' describes no signal"),
        ("r 1 360 5000\nr.dat 16 x200/mV 16 0 0 0 0 II\n", "the gain 'x200/mV' of signal 1 cannot be read"),
        ("r 1 360 5000\n../r.dat 16 200/mV\n", "names the signal file '../r.dat', which is no file beside it"),
        ("r 1 360 5000\nC:\\r.dat 16 200/mV\n", "which is no file beside it"),
        ("r/2 1 360 5000\nr_1 5000\n", "promises 2 segments and describes 1"),
        ("r/1 1 360 5000\nr_1 many\n", "its line 'r_1 many' describes no segment"),
        ("r/0 1 360 5000\n", "describes no segment with signals"),
    ],
)
def test_header_that_leaves_samples_in_doubt_is_refused_in_words(text, told, read, tmp_path):
    with pytest.raises(UserError) as caught:
        read(text)
    assert str(caught.value).startswith(f"{tmp_path / 'r.hea'}: ")
    assert told in str(caught.value)


def write(folder, *lines, **files):
    (folder / "r.hea").write_text("\n".join(lines) + "\n")
    for name, steps in files.items():
        steps.tofile(folder / f"{name}.dat")
    return open_recording(folder / "r")


def steps_of(samples, channels=1):
    return np.random.default_rng(1).integers(-900, 900, size=(samples, channels)).astype("<i2")


def test_micro_sign_of_a_unit_is_not_lost(tmp_path):
    steps = steps_of(1000)
    recording = write(tmp_path, "r 1 250 1000", "r.dat 16 1/µV 16 0 0 0 0 II", r=steps)
    np.testing.assert_allclose(recording.read(), steps / 1000)


def test_frames_of_one_lead_are_read_at_its_own_rate(tmp_path):
    steps = steps_of(360 * 16 // 16)
    recording = write(tmp_path, "r 1 22.5", "r.dat 16x16 200/mV 16 0 0 0 0 II", r=np.tile(steps, (2, 1)))
    assert (recording.sampling_rate_hz, recording.samples) == (360, 720)
    np.testing.assert_allclose(recording.read()[:, 0], np.tile(steps[:, 0], 2) / 200)


def test_channels_of_files_that_take_turns_are_not_mixed_up(tmp_path):
    one, two = steps_of(1000, 2), 2 * steps_of(1000, 1)
    lines = [f"{name}.dat 16 200/mV 16 0 0 0 0 {lead}" for name, lead in (("a", "I"), ("b", "II"), ("a", "III"))]
    recording = write(tmp_path, "r 3 250 1000", *lines, a=one, b=two)
    np.testing.assert_allclose(recording.read() * 200, np.stack([one[:, 0], two[:, 0], one[:, 1]], axis=1))


def test_skewed_channels_are_put_right_in_any_block_and_end_as_missing(tmp_path):
    steps = steps_of(1000, 2)
    lines = [f"r.dat 16{skew} 200/mV 16 0 0 0 0 {lead}" for lead, skew in (("I", ":30"), ("II", ""))]
    recording = write(tmp_path, "r 2 250 1000", *lines, r=steps)
    read = np.concatenate(list(recording.blocks(0.5)))
    np.testing.assert_allclose(read[:970, 0] * 200, steps[30:, 0])
    assert np.isnan(read[970:, 0]).all()
    np.testing.assert_allclose(read[:, 1] * 200, steps[:, 1])


def test_length_is_that_of_the_shortest_file_where_the_header_gives_none(tmp_path):
    lines = [f"{name}.dat 16 200/mV 16 0 0 0 0 {lead}" for name, lead in (("a", "I"), ("b", "II"))]
    recording = write(tmp_path, "r 2 250", *lines, a=steps_of(1000), b=steps_of(900))
    assert recording.samples == 900
    assert recording.notes == (
        "its header does not say how long it is: 900 samples, by the size of b.dat",
        "a.dat goes on for 100 samples behind the end of the record: left out",
    )


def test_samples_behind_the_end_that_the_header_says_are_told(tmp_path):
    recording = write(tmp_path, "r 1 250 600", "r.dat 16 200/mV 16 0 0 0 0 II", r=steps_of(1000))
    assert recording.samples == 600
    assert recording.notes == ("r.dat goes on for 400 samples behind the end of the record: left out",)
