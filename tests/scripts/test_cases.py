"""Recordings that came out wrong for somebody once: what is right, on the real ones where they are there.

A folder per case, beside ``mitdb``: the files, ``options.txt`` and ``expected.txt``. The tests of each reader write
files of the same kinds themselves.
"""

import argparse
import shlex
from typing import NamedTuple

import numpy as np
import pytest

from detect_anomalies import add_options
from ecg_anomaly.batch.opening import open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.beats.cutter import cut_beats
from ecg_anomaly.commandline import asked_leads
from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError

CONFIG = load_config(overrides=["records.lead_count=1"])


class Right(NamedTuple):
    """What a user should get."""

    seconds: float
    lead: str
    beats: int  # that can be judged
    notes: tuple[str, ...] = ()  # a part of each, in their order


NO_UNIT, DATE, LENGTH = "no unit is given for", "date", "does not say how long"
IN_ONE_LINE = "line 3002"

CASES = {
    "apple_watch/ecg_2026-03-14.csv": Right(30, "I", 32),
    "comment_line/x.csv": Right(60, "ECG", 68, (IN_ONE_LINE, NO_UNIT)),
    "date_formats/atm.csv": Right(10, "MLII", 9, ("not V5",)),
    **{
        f"date_formats/{form}.csv": Right(10, "ECG", 9)
        for form in ("clock_colon_ms", "de", "dmy", "matlab", "slash_ymd", "us_ampm")
    },
    "duplicate_times/x.csv": Right(60, "ecg", 68, ("placed evenly: 215",)),
    "ecg_and_label/x.csv": Right(20, "ECG", 21, ("left out channel label", "left out channel anomaly", NO_UNIT)),
    "edf_truncated/x.edf": Right(119, "ECG", 137, ("119 of 120 data records",)),
    "gaps_flagged/x.edf": Right(6300, "ECG", 682, ("19 gaps, 5700.0 s",)),
    "header_repeat/x.csv": Right(60, "ECG", 68, (IN_ONE_LINE, NO_UNIT)),
    "labchart/x.txt": Right(15, "ECG", 15, ("time", "left out channel Resp")),
    "nan_each_2s/x.csv": Right(60, "ECG", 68, (NO_UNIT,)),
    "time_column_as_lead/x.csv": Right(20, "ECG", 21, (NO_UNIT,)),
    "unit_adu/x.csv": Right(20, "ECG", 21),
    "volts_without_unit/x.csv": Right(20, "ecg", 0, (NO_UNIT, "are these volts? --gain 0.001")),
    "wfdb_date/A00001.hea": Right(30, "ECG", 32, (DATE,)),
    "wfdb_date/S0287ECG.hea": Right(10, "V1", 6, (DATE, "not ECG")),
    "wfdb_no_length/mgh061.hea": Right(10, "II", 6, (LENGTH, "not V1")),
    "wfdb_no_length/x01.hea": Right(10, "ECG", 6, (LENGTH,)),
}


@pytest.fixture
def opened(real_records):
    def open_case(name):
        path = real_records / "cases" / name
        if not path.is_file():
            pytest.skip("the cases are not here: put their folder beside mitdb")
        parser = argparse.ArgumentParser()
        add_options(parser)
        given = parser.parse_args([str(path), *shlex.split((path.parent / "options.txt").read_text())])
        return open_leads(path, Request(path, asked_leads(given.leads), given.sampling_rate, given.gain), CONFIG)

    return open_case


@pytest.mark.parametrize("name", CASES)
def test_what_came_out_wrong_once_is_right(name, opened):
    right, recording = CASES[name], opened(name)
    assert (recording.samples / float(recording.sampling_rate_hz), recording.leads) == (right.seconds, (right.lead,))
    assert len(recording.notes) == len(right.notes), recording.notes
    assert all(part in note for part, note in zip(right.notes, recording.notes, strict=True)), recording.notes

    cut = cut_beats(recording.read(), recording.sampling_rate_hz, CONFIG.beat, CONFIG.rhythm)
    judged = (cut.left_out == "") & cut.readable
    assert np.count_nonzero(judged) == right.beats
    assert np.count_nonzero(~cut.readable & (cut.left_out == "")) == 0


def test_cut_beats_are_told_from_recordings(opened):
    with pytest.raises(UserError, match="188 columns without names: are these cut beats, one per row"):
        opened("rows_are_beats/mitbih_train.csv")
