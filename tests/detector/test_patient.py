"""The patient's own beat: the median of earlier beats in time."""

import numpy as np
import pandas as pd

from ecg_anomaly.beats.per_beat import rows_of_each_record
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.patient import OwnBeat

FRAME = Frame(2, 4, 10)
SETTINGS = load_config(overrides=["patient.recent_beats=3"]).patient


def beats_every_second(count, record="db/a"):
    return pd.DataFrame({"record": record, "fiducial_s": np.arange(count) + 0.5})


def constant_windows(values, leads=1):
    return np.repeat(np.array(values, dtype=np.float32)[:, np.newaxis, np.newaxis], leads, axis=2).repeat(4, axis=1)


def own_values(windows, in_time=None, start_s=0.0, beats=None):
    beats = beats_every_second(len(windows)) if beats is None else beats
    in_time = np.ones(len(windows), dtype=bool) if in_time is None else np.array(in_time)
    parts = [
        OwnBeat(SETTINGS, start_s, FRAME)
        .push(windows[rows], in_time[rows], beats["fiducial_s"].to_numpy()[rows])
        .own_beats
        for rows in rows_of_each_record(beats["record"])
    ]
    return np.concatenate(parts)[:, 0]


def test_own_beat_is_the_median_of_the_last_beats():
    own = own_values(constant_windows([1, 2, 9, 4, 5, 6]))[:, 0]

    np.testing.assert_array_equal(own, [1, 1, 1.5, 2, 4, 5])


def test_beats_in_the_start_share_one_own_beat():
    own = own_values(constant_windows([1, 2, 9, 4, 5]), start_s=3.0)[:, 0]

    np.testing.assert_array_equal(own, [2, 2, 2, 2, 4])


def test_early_beats_do_not_count():
    own = own_values(constant_windows([1, 50, 1, 50, 2, 7]), in_time=[True, False, True, False, True, True])[:, 0]

    np.testing.assert_array_equal(own, [1, 1, 1, 1, 1, 1.5])


def test_records_do_not_share_an_own_beat():
    beats = pd.concat([beats_every_second(2, "db/a"), beats_every_second(2, "db/b")], ignore_index=True)

    np.testing.assert_array_equal(own_values(constant_windows([1, 1, 8, 8]), beats=beats)[:, 0], [1, 1, 8, 8])


def test_a_lead_that_comes_off_does_not_change_the_own_beat():
    windows = constant_windows([1, 1, 1, 1], leads=2) + np.float32([0, 4])
    windows[1, :, 1] = 0  # the second lead came off

    own = own_values(windows)

    np.testing.assert_array_equal(own, [[1, 5]] * 4)


def test_a_missing_lead_stays_zero():
    windows = constant_windows([1, 2, 3], leads=2)
    windows[:, :, 1] = 0

    np.testing.assert_array_equal(own_values(windows)[:, 1], 0)
