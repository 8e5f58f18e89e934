"""What is said of findings: each thing once, when it is certain, and again when it is over or was none."""

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.events import ASYSTOLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.stream import COLUMNS, Findings
from ecg_anomaly.live.messages import BEAT, EVENT, Announcer


@pytest.fixture
def announcer():
    return Announcer(load_config().rhythm_events)


@pytest.fixture
def announce(announcer):
    """Announce what a second of signal has brought; give the texts about events, or of another kind."""

    def texts(flagged_s=(), over=(), ongoing=(), kind=EVENT):
        beats = pd.DataFrame(dict.fromkeys(COLUMNS, 1.0), index=range(len(flagged_s)))
        beats = beats.assign(time_s=list(flagged_s), flagged=True, readable=True, called="V", reason="rhythm")
        announcer.tally.duration_s += 1.0
        messages = announcer.announce(Findings(beats, list(over)), list(ongoing))
        return [message.text for message in messages if message.kind == kind]

    return texts


def test_the_heart_rate_comes_from_intervals_that_are_known(announcer):
    beats = pd.DataFrame(dict.fromkeys(COLUMNS, 1.0), index=range(3))
    beats = beats.assign(rr_before_s=[0.8, float("nan"), 0.8], flagged=False, readable=True)
    announcer.announce(Findings(beats, []), [])
    assert announcer.tally.heart_rate_bpm == pytest.approx(75)


def test_a_flagged_beat_is_told_with_what_it_is_called_and_why(announce):
    assert announce([3.0], kind=BEAT) == [
        "beat flagged, score 1 (threshold 1), like a ventricular beat, rhythm: early or late"
    ]


def test_an_event_is_announced_when_it_is_certain_and_when_it_is_over(announcer, announce):
    assert announce(ongoing=[Event(ASYSTOLE, 61.0, 65.0)]) == ["lasts: asystole (no beats)"]
    assert announce(ongoing=[Event(ASYSTOLE, 61.0, 66.0)]) == []
    assert announce(over=[Event(ASYSTOLE, 61.0, 66.5)]) == ["over: asystole (no beats), from 0:01:01 for 5.5 s"]
    assert announce() == []
    assert announcer.tally.events == 1


def test_silence_that_turns_out_to_be_fibrillation_is_taken_back(announce):
    announce(ongoing=[Event(ASYSTOLE, 3.0, 7.0)])
    assert announce(ongoing=[Event(FIBRILLATION, 4.0, 8.0)]) == [
        "taken back: asystole (no beats) at 0:00:03 was none, as what followed shows",
        "lasts: ventricular flutter or fibrillation",
    ]


def test_what_lies_within_a_fibrillation_counts_no_longer(announcer, announce):
    announce(flagged_s=[3.0, 4.0, 4.5])
    announce(ongoing=[Event(FIBRILLATION, 4.0, 8.0)])
    assert announcer.tally.flagged == 3
    assert announce(flagged_s=[8.0], over=[Event(FIBRILLATION, 4.0, 8.0)]) == [
        "over: ventricular flutter or fibrillation, from 0:00:04 for 4.0 s; 2 beats flagged within are none"
    ]
    assert (announcer.tally.beats, announcer.tally.flagged) == (2, 2)
    announce(flagged_s=[5.0])  # those of the first seconds come late
    assert (announcer.tally.beats, announcer.tally.flagged) == (2, 2)


@pytest.mark.parametrize("portion", [1, 2, 4, 12])
def test_runs_are_told_when_they_are_over_and_pauses(announcer, portion):
    called = ["", "V", "V", "", "V", "V", "V", "V", "", "S", "V", "V"]
    rr_s = np.array([0.5, *[0.5] * 7, 2.5, 0.5, 0.5, 0.5])
    beats = pd.DataFrame(dict.fromkeys(COLUMNS, 1.0), index=range(12)).assign(
        time_s=rr_s.cumsum(), rr_before_s=rr_s, readable=True, called=called, flagged=[name != "" for name in called]
    )
    beats["reason"] = np.where(beats["flagged"], "rhythm", "")
    parts = [beats[first : first + portion] for first in range(0, 12, portion)]
    messages = [message for part in parts for message in announcer.announce(Findings(part, []), [])]
    assert [(message.time_s, message.text) for message in messages if message.kind == EVENT] == [
        (4.0, "over: run of 4 premature beats (V), 120 bpm, from 0:00:02"),
        (6.5, "over: pause of 2.5 s, from 0:00:04"),
    ]
