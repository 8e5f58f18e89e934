"""Playing a record: what the screen shows is what the analysis of the whole record says."""

import math
import threading
import time

import numpy as np
import pytest

from ecg_anomaly.detector.stream import analyse
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.messages import BEAT
from ecg_anomaly.live.sources import Replay
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.web import figures
from ecg_anomaly.web.player import SHOWN_S, Players, Shown


@pytest.fixture(scope="module")
def recording(finished):
    return open_recording(finished.records / "simdb/s007")


def wait_for(condition):
    deadline = time.monotonic() + 600
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def test_a_record_is_played_to_its_end(recording, detector):
    players = Players(lambda: detector)
    key = players.play(Replay(recording, math.inf))
    wait_for(lambda: not players.shown(key).goes_on)
    shown = players.shown(key)
    whole = analyse(detector, recording.sampling_rate_hz, recording.blocks(300), len(recording.leads)).beats
    assert shown.words.startswith("The record has ended")
    assert f"{len(whole)} beats, {whole['flagged'].sum()} flagged" in shown.words
    assert shown.times_s[0] == pytest.approx(shown.end_s - SHOWN_S)
    last = whole[whole["time_s"] > shown.end_s - SHOWN_S]
    np.testing.assert_allclose(shown.beat_s, last["time_s"])
    np.testing.assert_array_equal(shown.flagged, last["flagged"])
    flagged = whole["time_s"][whole["flagged"]].tolist()
    news = [message.time_s for message in shown.news if message.kind == BEAT]
    assert news == flagged[::-1][: len(news)]
    assert news
    figure = figures.live(shown)
    assert len(figure["data"][0]["x"]) == last["flagged"].sum()
    assert figure["layout"]["xaxis"]["range"][1] == pytest.approx(shown.end_s)


def test_the_live_picture_keeps_peaks():
    times_s = np.arange(10_000) / 1000
    signals_mv = np.zeros((10_000, 1))
    signals_mv[[1234, 7777]] = [[2.5], [-1.5]]
    shown = Shown(("II",), times_s, signals_mv, np.empty(0), np.empty(0, dtype=bool), end_s=10.0)
    lead = figures.live(shown)["data"][-1]
    assert len(lead["x"]) < 2000
    assert (lead["y"].max(), lead["y"].min()) == (2.5, -1.5)
    assert lead["x"][lead["y"].argmax()] == pytest.approx(1.234)


def test_it_stops_when_it_is_stopped(recording, detector):
    players = Players(lambda: detector)
    key = players.play(Replay(recording, 1.0))
    wait_for(lambda: players.shown(key).end_s > 0.5)
    players.stop(key)
    wait_for(lambda: not players.shown(key).goes_on)
    assert players.shown(key).words.startswith("Stopped")
    assert players.shown(key).end_s < 60
    assert figures.live(players.shown(key))["data"]


def test_too_many_at_once_are_refused(recording, detector):
    ready = threading.Event()

    def slowly():
        ready.wait(60)
        return detector

    players = Players(slowly)
    try:
        with pytest.raises(UserError, match="being played"):
            for _ in range(20):
                players.play(Replay(recording, 1.0))
    finally:
        players.close()
        ready.set()


def test_nothing_is_shown_of_what_is_not_played():
    players = Players(lambda: None)
    assert players.shown("nobody") is None
    players.stop("nobody")
