"""A signal that arrives, in Python."""

import queue

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.api.stream import Beat
from ecg_anomaly.detector.stream import COLUMNS
from ecg_anomaly.errors import UserError


def test_fields_of_a_beat_are_the_columns_of_the_table():
    assert Beat._fields == COLUMNS


def test_stream_says_of_beats_what_a_file_does(packaged, recorded, found):
    portions = np.array_split(recorded.signals_mv, 60)
    stream = packaged.stream(portions, sampling_rate_hz=360, leads=recorded.leads)
    table = pd.DataFrame(stream)

    expected = found.beats[list(COLUMNS)]
    assert table["sample"].equals(expected["sample"])
    np.testing.assert_allclose(table["anomaly_score"], expected["anomaly_score"], atol=1e-4)
    assert [table[name].dtype for name in ("sample", "flagged")] == [int, bool]
    kinds = found.events["kind"].isin(stream.events["kind"])
    pd.testing.assert_frame_equal(stream.events, found.events[kinds].reset_index(drop=True))


def test_portions_come_as_devices_give_them(packaged, recorded):
    signals_mv = recorded.signals_mv[:4000]
    (expected,) = {tuple(beat.sample for beat in packaged.stream(signals_mv, 360))}  # an array as a whole
    for portions, gain in (
        (signals_mv.tolist(), None),  # single samples
        ([signals_mv[:36], signals_mv[36:40], np.empty((0, 2)), signals_mv[40:]], None),
        ([pd.DataFrame(signals_mv * 200)], 200),
    ):
        stream = packaged.stream(sampling_rate_hz=360, leads="II,V1", gain=gain)
        beats = [beat for portion in portions for beat in stream.push(portion)] + stream.finish()
        assert tuple(beat.sample for beat in beats) == expected
        assert stream.finish() == []
    arriving = queue.Queue()
    for portion in [*np.array_split(signals_mv, 9), None]:
        arriving.put(portion)
    assert tuple(beat.sample for beat in packaged.stream(arriving, sampling_rate_hz=360)) == expected
    one = packaged.stream(list(signals_mv[:, 0]), sampling_rate_hz=360)  # numbers of one lead
    assert len(list(one)) == pytest.approx(len(expected), abs=2)
    assert one.leads == ("lead 1",)


def test_event_that_goes_on_has_no_end(packaged, recorded):
    stream = packaged.stream(sampling_rate_hz=360)
    stream.push(np.concatenate([recorded.signals_mv[:7200], np.full((3600, 2), np.nan)]))

    assert (stream.events["kind"].iloc[-1], np.isnan(stream.events["end_s"].iloc[-1])) == ("unreadable", True)
    stream.finish()
    assert stream.events["end_s"].notna().all()


def test_what_is_odd_is_a_warning_and_a_note(packaged, recorded):
    stream = packaged.stream(recorded.signals_mv[:7200] * 1000.5, 360, leads=["II", "V1"])
    with pytest.warns(UserWarning, match=r"lead II is .* are these microvolts\? gain=1000"):
        list(stream)
    assert len(stream.notes) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give them with sampling_rate_hz="),
        ({"sampling_rate_hz": 60}, "sampled at 60 Hz"),
        ({"sampling_rate_hz": 250, "leads": ["I", "II", "III"]}, "has 3 leads, the detector takes 2"),
    ],
)
def test_stream_that_cannot_be_is_told_at_once(packaged, arguments, message):
    with pytest.raises(UserError, match=message):
        packaged.stream(**arguments)


@pytest.mark.parametrize(
    ("portion", "message"),
    [
        (np.zeros((2, 36)), r"shape \(2, 36\), and the stream has 2 leads \(II, V1\)"),
        ([0.1, 0.2, 0.3], r"shape \(3, 1\), and the stream has 2 leads"),
        (np.arange(20).reshape(10, 2), "whole numbers"),
        (None, "no array of numbers"),
    ],
)
def test_portion_that_does_not_fit_is_told(packaged, portion, message):
    stream = packaged.stream(sampling_rate_hz=250, leads=["II", "V1"])
    with pytest.raises(UserError, match=message):
        stream.push(portion)
    assert stream.finish() == []


def test_stream_without_portions_or_after_its_end(packaged):
    with pytest.raises(UserError, match=r"no portions to read; .* push\(portion\)"):
        list(packaged.stream(sampling_rate_hz=250))
    stream = packaged.stream(np.zeros((1000, 3)), 250)
    with pytest.raises(UserError, match="has 3 leads"):
        list(stream)
    stream = packaged.stream([], 250)
    assert list(stream) == []
    with pytest.raises(UserError, match="has ended"):
        stream.push([0.1, 0.2])
