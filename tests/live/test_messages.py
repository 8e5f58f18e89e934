"""What is said of findings: each thing once, when it is certain, and again when it is over or was none."""

import pandas as pd
import pytest

from ecg_anomaly.beats.events import ASYSTOLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.detector.stream import COLUMNS, Findings
from ecg_anomaly.live.messages import BEAT, EVENT, Announcer


@pytest.fixture
def announcer():
    return Announcer()


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
