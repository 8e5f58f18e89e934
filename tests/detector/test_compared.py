"""Beats beside what is usual for their patients."""

import numpy as np
import pandas as pd

from ecg_anomaly.config import load_config
from ecg_anomaly.detector.compared import compare_records, counting_beats, inputs_of
from ecg_anomaly.detector.tachogram import FEATURES


def records(counts=(60, 40), samples=24, leads=2):
    """Beats of some records, as rows of ``beats.csv`` and windows."""
    rng = np.random.default_rng(1)
    parts = []
    for number, count in enumerate(counts):
        rr_s = rng.normal(0.8, 0.05, count + 1)
        times_s = np.cumsum(rr_s[:-1])
        columns = {"time_s": times_s, "fiducial_s": times_s, "rr_before_s": rr_s[:-1], "rr_after_s": rr_s[1:]}
        parts.append(pd.DataFrame({"record": f"db/{number}", **columns, "anomalous": False, "split": "train"}))
    return pd.concat(parts, ignore_index=True), rng.random((sum(counts), samples, leads)).astype(np.float32)


def settings():
    return load_config(overrides=["beat={window_before_s: 0.1, window_after_s: 0.1}"])


def test_chosen_beats_are_compared_with_all():
    table, windows = records()
    chosen = np.random.default_rng(2).random(len(table)) < 0.3
    every, some = (compare_records(table, windows, settings(), rows) for rows in (None, chosen))

    np.testing.assert_array_equal(some.paired.own_beats, every.paired.own_beats[chosen])
    np.testing.assert_array_equal(some.timed.tachograms, every.timed.tachograms[chosen])


def test_a_record_knows_nothing_of_others():
    table, windows = records()
    alone = (table["record"] == "db/1").to_numpy()
    together = compare_records(table, windows, settings(), alone)
    by_itself = compare_records(table[alone].reset_index(drop=True), windows[alone], settings())

    np.testing.assert_array_equal(together.paired.spread, by_itself.paired.spread)
    np.testing.assert_array_equal(together.timed.early, by_itself.timed.early)


def test_inputs_of_networks_are_finite_numbers_of_32_bits():
    table, windows = records()
    compared = compare_records(table, windows, settings())
    inputs = inputs_of(compared.paired, compared.timed.tachograms)

    assert inputs["beat"].shape == inputs["own_beat"].shape == windows.shape
    assert inputs["rhythm"].shape == (100, FEATURES)
    assert {values.dtype for values in inputs.values()} == {np.dtype(np.float32)}
    assert all(np.isfinite(values).all() for values in inputs.values())


def test_known_normal_beats_are_those_of_training_and_validation():
    beats = pd.DataFrame(
        {
            "anomalous": [False, True, False, True, False, True],
            "split": ["train", "train", "validation", "validation", "test", "test"],
        }
    )
    known, earlier = (
        load_config(overrides=[f"patient.learn_from={choice}"]).patient
        for choice in ("known_normal_beats", "earlier_beats")
    )
    assert counting_beats(beats, known).tolist() == [True, False, True, False, False, False]
    assert counting_beats(beats, earlier).all()
