"""The live view in the terminal: curves of braille dots, marks, counts and messages."""

import gc
import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from ecg_anomaly.detector.stream import Findings
from ecg_anomaly.live import views
from ecg_anomaly.live.messages import BEAT, Message, Tally
from ecg_anomaly.live.session import News
from ecg_anomaly.live.views import TerminalView, draw_curve


def dots(lines):
    """Take a drawing apart into dots, shape ``(4 * lines, 2 * characters)``."""
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    codes = np.array([[ord(character) - 0x2800 for character in line] for line in lines])
    set_ = codes[:, np.newaxis, :, np.newaxis] & bits[:, np.newaxis]
    return (set_ > 0).reshape(4 * len(lines), -1)


def test_a_ramp_is_a_diagonal():
    drawn = dots(draw_curve(np.linspace(0, 1, 400), 0.0, 1.0, 10, 5))
    assert drawn.shape == (20, 20)
    for column, expected in enumerate(range(19, -1, -1)):
        rows = np.flatnonzero(drawn[:, column])
        assert rows.min() <= expected <= rows.max()
        assert len(rows) <= 2


def test_a_spike_is_one_line_from_top_to_bottom():
    values = np.zeros(400)
    values[205] = 1.0
    drawn = dots(draw_curve(values, 0.0, 1.0, 10, 5))
    assert drawn[:, 10].all()
    assert drawn.sum() == 20 + 19


def test_missing_samples_are_a_gap():
    values = np.ones(400)
    values[100:300] = np.nan
    drawn = dots(draw_curve(values, 0.0, 1.0, 10, 5))
    np.testing.assert_array_equal(drawn.any(axis=0), np.repeat([True, False, True], [6, 9, 5]))
    assert not dots(draw_curve(np.full(400, np.nan), 0.0, 1.0, 10, 5)).any()


@pytest.fixture
def console():
    return Console(file=io.StringIO(), force_terminal=True, width=90, color_system=None)


def beats(rows):
    return pd.DataFrame(rows, columns=["time_s", "readable", "flagged"])


def test_what_is_shown(console):
    news = News(Findings(beats([(8.5, True, False), (9.0, True, True), (9.5, False, False)]), []), [])
    tally = Tally(12.0, 1234, 17, 2, 1, 71.6)
    with TerminalView("patient 7", ["II", "V1", "V5"], 250.0, console) as view:
        view.say("0:00:09.0", Message(9.0, BEAT, "beat flagged, score 20"))
        view.show(np.random.default_rng(1).normal(size=(3000, 3)), news, tally, 1.0)
        view.show(np.zeros((25, 3)), News(Findings(pd.DataFrame(), []), []), tally, 1.1)  # too soon to draw again
    drawn = console.file.getvalue()
    for words in ("patient 7, last 10 s", "II, ", "V1, ", "♥ 72/min", "1,234 beats", "17 flagged", "2 unreadable"):
        assert words in drawn
    assert "0:00:09.0  beat flagged, score 20" in drawn
    assert "V5" not in drawn  # no room
    marks = next(line for line in drawn.splitlines() if "·" in line)
    assert [marks.index(mark) for mark in "·▼?"] == [2 + int((at_s - 2) / 10 * 86) for at_s in (8.5, 9.0, 9.5)]


def test_nothing_has_come_yet(console):
    with TerminalView("live", ["II"], 250.0, console) as view:
        view.show(np.empty((0, 1)), News(Findings(pd.DataFrame(), []), []), Tally(), 1.0)
    assert "♥ --/min" in console.file.getvalue()


def test_what_came_long_ago_is_forgotten(console):
    news = [News(Findings(beats([(second + 0.5, True, False)]), []), []) for second in range(200)]

    def show(seconds, signal_mv, now_s=0.0):
        """Show a second with a beat each; give the memory that is taken then."""
        for second in seconds:
            view.show(np.full((250, 1), signal_mv), news[second], Tally(second + 1.0), now_s)
        gc.collect()
        # Of what views keep: other threads of the process allocate too.
        own = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, views.__file__)])
        return sum(trace.size for trace in own.traces)

    tracemalloc.start()
    with TerminalView("live", ["II"], 250.0, console) as view:
        before = show(range(50), 3.0)
        after = show(range(50, 199), 0.0)
        show([199], 0.0, now_s=1.0)
    tracemalloc.stop()
    assert after - before < 10_000
    marks, scale = (next(line for line in console.file.getvalue().splitlines()[::-1] if part in line) for part in "·I")
    assert marks.count("·") == 10
    assert "II, 0.0 mV" in scale
