import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.per_beat import in_each_record
from ecg_anomaly.config import load_config
from ecg_anomaly.detector import rhythm
from ecg_anomaly.detector.rhythm import PatientRhythm

RHYTHM = load_config(overrides=["rhythm.recent_beats=20", "rhythm.least_spread=0.1", "rhythm.in_time=0.8"]).rhythm
ALL = np.ones(100, dtype=bool)


def beats(rr_s, record="db/a"):
    """Beats with these intervals before them; the last is followed by one as long as the first."""
    rr_s = np.array(rr_s, dtype=float)
    times_s = 5.0 + rr_s.cumsum()
    return pd.DataFrame({"record": record, "time_s": times_s, "rr_before_s": rr_s, "rr_after_s": [*rr_s[1:], rr_s[0]]})


def prematurity(table, settings, start_s):
    return in_each_record(
        lambda rr_s, times_s: rhythm.prematurity(rr_s, times_s, settings, start_s), table, "rr_before_s", "time_s"
    )


def timing(table, counting, settings, start_s, since=None):
    """The timing of one record, or of its beats from ``since`` on when those before have come already."""
    columns = [*(table[name].to_numpy() for name in ("time_s", "rr_before_s", "rr_after_s")), counting]
    compared = PatientRhythm(settings, start_s)
    if since is None:
        return compared.push(*columns)
    compared.push(*(column[:since] for column in columns))
    return compared.push(*(column[since:] for column in columns))


def test_by_hand():
    early = prematurity(beats([0.8, 0.8, 0.8, 0.4, 1.2, 0.8]), RHYTHM, start_s=7.0)
    np.testing.assert_allclose(early, [0, 0, 0, np.log(2), -np.log(1.5), 0], atol=1e-12)


def test_beats_of_the_start_share_one_rhythm():
    # 5.4, 6.4 and 7.4 s are the start; its median interval is 1.0.
    early = prematurity(beats([0.4, 1.0, 1.0, 0.5]), RHYTHM, start_s=7.5)
    np.testing.assert_allclose(early, [np.log(2.5), 0, 0, np.log(2)], atol=1e-12)


def test_only_recent_beats_make_the_rhythm():
    rr_s = [1.0] * 30 + [0.5] * 30
    early = prematurity(beats(rr_s), RHYTHM, start_s=10.0)
    np.testing.assert_allclose(early[30:40], np.log(2), atol=1e-12)
    np.testing.assert_allclose(early[41:], 0, atol=1e-12)


def test_records_do_not_see_each_other():
    fast, slow = beats(np.full(20, 0.5)), beats(np.full(20, 1.2), record="db/b")
    early = prematurity(pd.concat([fast, slow]), RHYTHM, start_s=10.0)
    np.testing.assert_allclose(early, 0, atol=1e-12)


def test_later_beats_do_not_count_after_the_start():
    rng = np.random.default_rng(1)
    rr_s = rng.uniform(0.6, 1.0, size=60)
    changed = np.concatenate([rr_s[:40], rng.uniform(0.2, 2.0, size=20)])
    first, second = (prematurity(beats(intervals), RHYTHM, start_s=10.0) for intervals in (rr_s, changed))
    np.testing.assert_array_equal(first[:40], second[:40])
    assert (first[40:] != second[40:]).all()


def test_deviations_from_a_steady_rhythm_by_hand():
    timed = timing(beats([0.8] * 20 + [0.4, 1.2] + [0.8] * 20), ALL[:42], RHYTHM, start_s=10.0)
    early, pause = timed.early, timed.pause
    np.testing.assert_allclose(early[[19, 20, 21, 22]], [0, np.log(2) / 0.1, -np.log(1.5) / 0.1, 0], atol=1e-9)
    np.testing.assert_allclose(pause[[18, 19, 20, 21]], np.log([1, 0.5, 3, 2 / 3]) / 0.1, atol=1e-9)


def test_early_beat_is_less_conspicuous_in_an_irregular_rhythm():
    rng = np.random.default_rng(2)
    steady, irregular = (np.append(0.8 * np.exp(spread * rng.normal(size=60)), 0.4) for spread in (0.01, 0.3))
    early, other = (
        timing(beats(rr_s), ALL[: len(rr_s)], RHYTHM, start_s=10.0).early[-1] for rr_s in (steady, irregular)
    )
    assert early > 5
    assert abs(other) < early / 2


def test_beats_in_time_are_no_earlier_than_usual():
    timely = timing(beats([0.8] * 20 + [0.65, 0.8, 0.6, 1.0, 2.0]), ALL[:25], RHYTHM, start_s=10.0).in_time
    assert timely[:20].all()
    assert timely[20:].tolist() == [True, True, False, True, True]


def test_deviations_of_a_beat_are_known_when_the_next_one_comes():
    rng = np.random.default_rng(3)
    rr_s = rng.uniform(0.6, 1.0, size=60)
    first = beats(rr_s)
    second = beats(np.concatenate([rr_s[:40], rng.uniform(0.2, 2.0, size=20)]))
    second.loc[39, "rr_after_s"] = first.loc[39, "rr_after_s"]
    before, after = (timing(table, ALL[:60], RHYTHM, 10.0) for table in (first, second))
    for measure in ("early", "pause", "in_time"):
        np.testing.assert_array_equal(getattr(before, measure)[:40], getattr(after, measure)[:40])


def test_only_beats_that_count_tell_the_rhythm():
    # A patient with as many short intervals as long ones, of which only the long ones are known to be normal.
    rr_s = [1.0, 0.5] * 20
    known = np.array([True, False] * 20)
    timed = timing(beats(rr_s), known, RHYTHM, start_s=10.0)
    np.testing.assert_allclose(timed.early[20:], [0, np.log(2) / 0.1] * 10, atol=1e-9)
    np.testing.assert_array_equal(timed.in_time[20:], known[20:])


def test_an_interval_that_is_unknown_is_the_usual_one_and_tells_nothing():
    table = beats(np.random.default_rng(5).uniform(0.7, 0.9, size=60))
    table.loc[39, "rr_after_s"] = table.loc[40, "rr_before_s"] = np.nan
    whole, shorter = timing(table, ALL[:60], RHYTHM, 10.0), timing(table.drop(40), ALL[:59], RHYTHM, 10.0)
    assert whole.early[40] == 0
    assert whole.in_time[40]
    assert np.isfinite([whole.early, whole.pause]).all()
    assert np.isfinite(whole.tachograms).all()
    np.testing.assert_array_equal(whole.tachograms[41:], shorter.tachograms[40:])
    alone = timing(table.assign(rr_before_s=np.nan, rr_after_s=np.nan), ALL[:60], RHYTHM, 10.0)
    assert not alone.early.any()
    assert not alone.pause.any()


def test_without_any_beat_that_counts_each_is_in_time():
    timed = timing(beats([0.8, 0.4, 1.2]), ~ALL[:3], RHYTHM, start_s=10.0)
    assert timed.in_time.all()
    np.testing.assert_array_equal(timed.early, 0)
    np.testing.assert_allclose(timed.pause, np.log([0.5, 3, 2 / 3]) / 0.1)


@pytest.mark.parametrize("since", [20, 58, 59])
def test_the_last_beats_alone_are_the_same(since):
    table = beats(np.random.default_rng(4).uniform(0.4, 1.2, size=60))
    whole, last = (timing(table, ALL[:60], RHYTHM, 10.0, first) for first in (None, since))
    for measure in ("early", "pause", "in_time"):
        np.testing.assert_allclose(getattr(last, measure), getattr(whole, measure)[since:], atol=1e-12)
