"""When recordings say that they start, and where that is not believed."""

from datetime import date, datetime, time, timezone

import numpy as np
import pytest

from ecg_anomaly.records.edf_header import read_start
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.start_times import later, start_of_fields, start_time
from ecg_anomaly.records.wfdb_header import parse_header

NOON, MOMENT = time(12, 5), datetime(2024, 5, 2, 12, 5)


@pytest.mark.parametrize(
    ("day", "clock", "start"),
    [
        (date(2024, 5, 2), NOON, MOMENT),
        (date(2024, 5, 2), time(0), datetime(2024, 5, 2)),
        (date(1985, 1, 1), NOON, NOON),  # anonymous
        (date(2142, 5, 2), NOON, NOON),  # moved away, as in MIMIC
        (None, NOON, NOON),
        (None, time(0), None),
        (date(2024, 5, 2), None, None),
    ],
)
def test_days_that_stand_for_none_are_left_out(day, clock, start):
    assert start_time(day, clock) == start


def test_numbers_of_a_header():
    assert start_of_fields((2024, 5, 2), (12, 5, 0)) == MOMENT
    assert start_of_fields((0, 0, 0), (12, 5, 0)) == NOON
    assert start_of_fields((2024, 5, 2), (-9, 0, 0)) is None


def test_a_first_sample_may_come_later():
    assert later(MOMENT, 1.5) == datetime(2024, 5, 2, 12, 5, 1, 500_000)
    assert later(time(23, 59, 59), 2.0) == time(0, 0, 1)
    assert later(None, 2.0) is None


@pytest.mark.parametrize(
    ("when", "start"),
    [
        ("12:05:00 02/05/2024", MOMENT),
        ("12:05:00.5 01/01/2024", time(12, 5, 0, 500_000)),
        ("12:05:00", NOON),
        ("12:05", None),  # minutes and seconds
        ("0:0:0", None),
        ("", None),
    ],
)
def test_wfdb(when, start, tmp_path):
    assert parse_header(tmp_path / "r.hea", f"r 1 360 10 {when}\nr.dat 16\n".encode()).start_time == start


@pytest.mark.parametrize(
    ("identification", "day", "clock", "start"),
    [
        ("", "02.05.24", "12.05.00", MOMENT),
        ("Startdate 02-MAY-2024", "02.05.24", "12.05.00", MOMENT),
        ("Startdate X X X X", "01.01.85", "12.05.00", NOON),
        ("", "02.05.85", "12.05.00", datetime(1985, 5, 2, 12, 5)),
        ("", "02/05/24", "12:05:00", MOMENT),
        ("", "", "", None),
        ("", "00.00.00", "00.00.00", None),
    ],
)
def test_edf(identification, day, clock, start):
    assert read_start(f"{'':88}{identification:80}{day:8}{clock:8}".encode()) == start


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("2024-05-02T12:05:{:06.3f}", MOMENT),
        ("2024-05-02 12:05:{:06.3f}Z", MOMENT.replace(tzinfo=timezone.utc)),
        ("22.05.2024 12:05:{:06.3f}", MOMENT.replace(day=22)),
        ("02.05.2024 12:05:{:06.3f}", NOON),  # in May or in February
        ("12:05:{:06.3f}", NOON),
        ("12:05:{:06.3f} PM", NOON),
        ("0:00:{:06.3f}", None),  # from the start
        ("0:12:{:06.3f}", None),
        ("75:{:06.3f}", None),
        ("171465150{:.3f}", MOMENT.replace(tzinfo=timezone.utc)),
        ("{:.3f}", None),
        ("8{:.3f}", None),
    ],
)
def test_tables(form, start, tmp_path):
    seconds = np.arange(300) / 100
    rows = [f"{form.format(at_s)};{np.sin(9 * at_s):.4f}" for at_s in seconds]
    (tmp_path / "r.csv").write_text("\n".join(["time;ECG (mV)", *rows, ""]))
    assert open_recording(tmp_path / "r.csv").start_time == start
