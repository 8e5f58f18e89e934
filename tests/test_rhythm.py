import numpy as np
import pandas as pd

from ecg_anomaly.config import load_config
from ecg_anomaly.rhythm import prematurity

RHYTHM = load_config(overrides=["rhythm.recent_beats=20"]).rhythm


def beats(rr_s, record="db/a"):
    rr_s = np.array(rr_s, dtype=float)
    return pd.DataFrame({"record": record, "time_s": 5.0 + rr_s.cumsum(), "rr_before_s": rr_s})


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
