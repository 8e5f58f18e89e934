"""What is wrong with the signal itself: a source that stalls, a lead that came off, odd leads."""

from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.live.watches import LeadWatch, StallWatch, StartLook
from ecg_anomaly.records.simulate import simulate_record


def test_a_stall_is_told_once_and_when_it_is_over():
    watch = StallWatch()
    looks = [(True, 0.0), (False, 2.9), (False, 3.1), (False, 8.0), (True, 12.4), (True, 12.5), (False, 13.0)]
    told = [list(watch.look(came, now_s)) for came, now_s in looks]
    assert told == [[], [], ["no data for 3 s; waiting"], [], ["data come again, after 12 s"], [], []]


def test_a_source_that_never_begins_stalls():
    watch = StallWatch()
    assert [len(list(watch.look(False, now_s))) for now_s in (100.0, 102.0, 103.5, 110.0)] == [0, 0, 1, 0]


def signals_mv():
    signals_mv = np.random.default_rng(1).normal(size=(3000, 2))
    signals_mv[480:1200, 0] = np.nan  # from 4.8 s to 12 s
    signals_mv[1500:1600, 1] = np.nan  # one second is too short to tell
    signals_mv[2000:2500, 1] = 5.0  # a constant is no signal either
    return signals_mv


@pytest.mark.parametrize("portion", [1, 7, 100, 3000])
def test_a_lead_that_comes_off_and_is_back(portion):
    watch = LeadWatch(["II", "V1"], 100.0)
    told = [told for part in np.split(signals_mv(), range(portion, 3000, portion)) for told in watch.push(part)]
    assert told == [
        (5.0, "lead II came off, it has no signal"),
        (12.0, "lead II is back"),
        (20.0, "lead V1 came off, it has no signal"),
        (25.0, "lead V1 is back"),
    ]


def test_what_is_odd_is_told_once():
    config = load_config()
    upside_down_mv = simulate_record(7, 1.5, seed=1).signals_mv * [-1, 1000]
    look = StartLook(["II", "V1"], Fraction(360), config)
    told = [look.push(part) for part in np.split(upside_down_mv, range(3600, len(upside_down_mv), 3600))]
    assert [len(texts) for texts in told] == [0, 0, 0, 0, 0, 2, 0, 0, 0]
    assert "II looks upside down" in told[5][0]
    assert "--gain 1000 takes a lead" in told[5][1]
    assert look.finish() == []

    short = StartLook(["II", "V1"], Fraction(360), config)
    assert short.push(upside_down_mv[:7200]) == []
    assert len(short.finish()) == 2
