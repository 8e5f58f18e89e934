"""Figures of the page: what they leave out, and stretches that are asked for."""

import dataclasses
import json

import numpy as np
import pytest

from ecg_anomaly.web import figures
from ecg_anomaly.web.player import Shown


def test_a_view_keeps_extremes_and_gaps(stored):
    signals_mv = [np.tile(signal_mv, 30) for signal_mv in stored.signals_mv]
    signals_mv[0][12_345] = 40.0
    signals_mv[0][50_000:90_000] = np.nan
    long = dataclasses.replace(stored, signals_mv=signals_mv)
    lead = figures.signal(long, stored.beats, (0.0, long.duration_s))["data"][1]
    assert np.nanmax(lead["y"]) == 40.0
    assert len(lead["x"]) <= 2 * 2400
    inside = (lead["x"] > 50_100 / long.sampling_rate_hz) & (lead["x"] < 89_900 / long.sampling_rate_hz)
    assert np.isnan(lead["y"][inside]).all()


@pytest.mark.parametrize("span", [(-5.0, 2.0), (1.0, 1.001), (60.0, 1e9)])
def test_views_beyond_the_recording(stored, span):
    leads = figures.signal(stored, stored.beats, span)["data"][1:]
    assert len(leads) == len(stored.signals_mv)
    assert all(len(lead["x"]) == len(lead["y"]) for lead in leads)
    assert all((lead["x"] <= stored.duration_s).all() for lead in leads)


def test_names_of_leads_are_no_links_in_any_figure(stored):
    link = '<a href="https://example.org">II</a>'
    linked = dataclasses.replace(stored, leads=[link, link], summary={**stored.summary, "leads": [link, link]})
    nothing = np.empty(0)
    shown = Shown((link,), np.arange(9.0), np.zeros((9, 1)), nothing, nothing.astype(bool))
    for figure in (figures.signal(linked, stored.beats, (0, 5)), figures.beat(linked, 3), figures.live(shown)):
        drawn = json.dumps(figure, default=np.ndarray.tolist)
        assert "&lt;a href" in drawn
        assert "<a" not in drawn
    assert "<a href" not in figures.paper(linked, stored.beats, 3)


def test_zooming_and_moving_stay_within_the_recording():
    assert figures.moved(40, 60, "in", 100) == (45, 55)
    assert figures.moved(40, 60, "out", 100) == (30, 70)
    assert figures.moved(0, 20, "left", 100) == (0, 20)
    assert figures.moved(80, 100, "right", 100) == (80, 100)
    assert figures.moved(80, 100, "all", 100) == (0, 100)
    assert figures.moved(50, 51, "in", 100) == (50, 51)
    assert figures.within(0.2, 60, 10) == (0, 10)
