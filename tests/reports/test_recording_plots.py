"""A recording in Matplotlib's figures."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from ecg_anomaly.beats.events import UNREADABLE, Event
from ecg_anomaly.reports.recording_plots import ShownFigure, plot_overview, plot_strip
from tests.reports.reviews import made_up_beats, reviewed_of


@pytest.fixture(scope="module")
def review():
    beats = made_up_beats()
    return reviewed_of(beats, events=(Event(UNREADABLE, 50.0, 60.0),), name="r$1$")


def test_overview_shows_rate_score_and_a_lane_for_each_kind_of_events(review):
    rate, scores, lanes = plot_overview(review).axes

    np.testing.assert_allclose(rate.lines[0].get_ydata(), 60)
    others, flagged, threshold = scores.lines
    assert (len(others.get_xdata()), len(flagged.get_xdata())) == (117, 3)
    assert threshold.get_label() == "threshold (5)"
    assert [label.get_text() for label in lanes.get_yticklabels()] == ["cannot be read", "couplet"]
    assert lanes.get_xlabel() == "time from the start (s)"
    assert r"r\$1\$" in rate.get_title("left")


def test_strip_is_true_to_scale(review):
    figure = plot_strip(review, 30.5, row=30)
    axes = figure.axes[0]
    width_mm, height_mm = (25.4 * inches for inches in figure.get_size_inches())

    assert width_mm == pytest.approx(np.diff(axes.get_xlim())[0])
    assert height_mm * axes.get_position().height == pytest.approx(-np.diff(axes.get_ylim())[0])
    lead = next(line for line in axes.lines if len(line.get_xdata()) > 1000)
    peaks = np.sort(np.argsort(lead.get_ydata())[:10])  # the y axis points down
    assert np.diff(lead.get_xdata()[peaks]) == pytest.approx(25)  # a second
    assert [text.get_text() for text in axes.texts if "unlike" in text.get_text()] == ["V unlike own"] * 2
    assert "beat 30 at 0:00:30: anomaly score 40.5" in figure.texts[0].get_text()


def test_figure_shows_itself_in_a_notebook(review):
    assert plot_overview(review)._repr_png_().startswith(b"\x89PNG")
    given = Figure()
    assert plot_strip(review, 5.0, leads=[1], figure=given) is given
    assert not isinstance(given, ShownFigure)
