"""Playing a record: what the screen shows is what the analysis of the whole record says."""

import math
import threading
import time
from datetime import datetime

import numpy as np
import pytest

from ecg_anomaly.detector.stream import analyse
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.messages import BEAT
from ecg_anomaly.live.sources import Portion, Replay
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.web import figures
from ecg_anomaly.web.player import SHOWN_S, Players, Shown, StoredSignal


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
    key = players.play(lambda: Replay(recording, math.inf))
    wait_for(lambda: not players.shown(key).goes_on)
    shown = players.shown(key)
    whole = analyse(detector, recording.sampling_rate_hz, recording.blocks(300), len(recording.leads)).beats
    assert shown.state == "The record has ended"
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
    key = players.play(lambda: Replay(recording, 1.0))
    wait_for(lambda: players.shown(key).end_s > 0.5)
    players.stop(key)
    wait_for(lambda: not players.shown(key).goes_on)
    assert players.shown(key).state == "Stopped"
    assert players.shown(key).end_s < 60
    assert figures.live(players.shown(key))["data"]


def test_it_is_paused_and_goes_on_from_elsewhere(recording, detector):
    players = Players(lambda: detector)
    key = players.play(lambda: Replay(recording, 1.0))
    wait_for(lambda: players.shown(key).end_s > 0.2)
    players.pause(key)
    assert players.shown(key).state == "Paused"
    players.seek(key, 90.0)
    wait_for(lambda: players.shown(key).end_s == 90.0)
    shown = players.shown(key)  # it is still paused, and what came before is seen
    assert (shown.state, shown.goes_on, shown.times_s[0]) == ("Paused", True, pytest.approx(80.0))
    assert "since 0:00:30" in shown.words
    assert "starts anew at 0:00:30" in shown.news[0].text
    assert all(message.time_s >= 90 for message in shown.news[: shown.said - 1])

    players.change_speed(key, 10.0)
    players.pause(key)
    wait_for(lambda: players.shown(key).end_s > 90.5)
    players.seek(key, -60.0, from_here=True)
    wait_for(lambda: players.shown(key).end_s < 90)
    for elsewhere_s in (-1.0, 1e9, math.nan, math.inf):
        with pytest.raises(UserError, match="name a time within"):
            players.seek(key, elsewhere_s)
    players.stop(key)
    for act in (players.pause, lambda key: players.seek(key, 5.0)):
        with pytest.raises(UserError, match="press Play first"):
            act(key)


def test_what_is_judged_from_within_is_judged_as_a_recording_that_starts_there(recording, detector):
    players = Players(lambda: detector)
    key = players.play(lambda: Replay(recording, math.inf, 90.0))
    wait_for(lambda: not players.shown(key).goes_on)
    rate_hz = recording.sampling_rate_hz
    rest_mv = recording.read()[int(30 * rate_hz) :]
    beats = analyse(detector, rate_hz, [rest_mv], len(recording.leads)).beats
    shown = players.shown(key)
    last = beats[beats["time_s"] + 30 > shown.end_s - SHOWN_S]
    np.testing.assert_allclose(shown.beat_s, last["time_s"] + 30)
    np.testing.assert_array_equal(shown.flagged, last["flagged"])


def test_an_analysed_recording_is_played_in_the_leads_that_were_judged(recording, stored, detector):
    again = StoredSignal(stored)
    assert (again.leads, again.sampling_rate_hz, again.samples) == (
        tuple(stored.judged_leads),
        recording.sampling_rate_hz,
        recording.samples,
    )
    signals_mv = np.concatenate(list(again.blocks(7.0)))
    np.testing.assert_allclose(signals_mv, recording.read()[:, : len(again.leads)], atol=1e-5)


class Streaming:
    """A stream that says nothing."""

    name, notes, leads, sampling_rate_hz = "stream", ("left out channel 3",), ("II",), 360

    def portions(self):
        while True:
            time.sleep(0.01)
            yield Portion(np.empty((0, 1)), until=datetime(2026, 3, 4, 14, 3, 22))


def test_a_stream_cannot_be_steered(detector):
    players = Players(lambda: detector)
    key = players.play(Streaming)
    wait_for(lambda: players.shown(key).said)
    assert players.shown(key).news[0].text == "left out channel 3"
    wait_for(lambda: players.shown(key).counts)
    assert players.shown(key).words.startswith("14:03:22, 0:00:00: 0 beats")
    for act in (players.pause, lambda key: players.seek(key, 5.0)):
        with pytest.raises(UserError, match="as it comes"):
            act(key)
    players.change_speed(key, 2.0)  # of the next recording
    players.close()


def test_why_it_is_not_played_is_shown(detector):
    def missing():
        raise UserError("stream a: is not there")

    players = Players(lambda: detector)
    key = players.play(missing)
    wait_for(lambda: not players.shown(key).goes_on)
    assert players.shown(key).state == "Not played: stream a: is not there"


def test_the_model_is_loaded_once(recording, detector):
    loaded = []

    def read():
        loaded.append(True)
        return detector

    players = Players(read)
    players.warm_up(recording)
    for key in [players.play(lambda: Replay(recording, 1.0)) for _ in range(2)]:
        wait_for(lambda key=key: players.shown(key).end_s > 0)
    players.close()
    assert len(loaded) == 1


def test_too_many_at_once_are_refused(recording, detector):
    ready = threading.Event()

    def slowly():
        ready.wait(60)
        return detector

    players = Players(slowly)
    try:
        with pytest.raises(UserError, match="being played"):
            for _ in range(20):
                players.play(lambda: Replay(recording, 1.0))
    finally:
        players.close()
        ready.set()


def test_nothing_is_shown_of_what_is_not_played():
    players = Players(lambda: None)
    assert players.shown("nobody") is None
    players.stop("nobody")
