"""Compared beats in files: they are those that would be in memory, read as they are asked for."""

from pathlib import Path

import numpy as np
import pytest

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.config import Config, load_config
from ecg_anomaly.detector.compared import compare_records
from ecg_anomaly.handover import beats as handed_on
from ecg_anomaly.handover.beats import read_records
from ecg_anomaly.handover.compared import NormalBeats, known_records
from tests.conftest import Workspace


def config_of(run: Workspace, *overrides: str) -> Config:
    return load_config(overrides=run.settings(*overrides)[1::2])


def kept(config: Config, folder: Path, *splits: str) -> NormalBeats:
    normal = NormalBeats(folder, known_records(config.paths.processed), splits, config)
    normal.write()
    return normal


def assert_equal(ours: PerBeat, theirs: PerBeat):
    for its, other in zip(vars(ours).values(), vars(theirs).values(), strict=True):
        for name, values in vars(its).items():
            np.testing.assert_array_equal(values, getattr(other, name), err_msg=name)
            assert values.dtype == getattr(other, name).dtype
            assert values.flags.c_contiguous


def test_beats_in_files_are_those_in_memory(finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(handed_on, "BEATS_AT_ONCE", 37)  # so that records come in portions
    config = config_of(finished)
    normal = kept(config, tmp_path, "train", "validation")
    for split, count in (("train", 4), ("validation", 2)):
        records = read_records(finished.processed, split)
        whole = compare_records(records.table, records.windows, config, records.normal(split))
        ours = normal.of(split)
        assert normal.words(split) == f"{len(whole)} normal beats of {count} records"
        assert len(ours) == len(whole)
        assert_equal(ours.chosen(slice(None)), whole)
        assert_equal(ours.chosen(np.array([9, 3])), whole.chosen(np.array([9, 3])))


def test_beats_of_some_records_are_chosen_by_name(finished: Workspace, tmp_path: Path):
    config = config_of(finished)
    records = read_records(finished.processed, "train")
    whole = compare_records(records.table, records.windows, config, records.normal("train"))
    names = records.table.loc[records.normal("train"), "record"]
    some = ["simdb/s002", "simdb/s004"]
    ours = kept(config, tmp_path, "train").of("train", some)
    assert_equal(ours.chosen(slice(None)), whole.chosen(names.isin(some).to_numpy()))


def test_of_records_with_many_beats_some_are_taken_that_are_evenly_spread(finished: Workspace, tmp_path: Path):
    config = config_of(finished, "training.beats_per_record=20")
    normal = kept(config, tmp_path, "train")
    assert normal.words("train") == (
        "80 normal beats of 4 records; of 4 with more, 20 each (training.beats_per_record), evenly spread"
    )
    records = read_records(finished.processed, "train")
    chosen = np.concatenate(
        [
            rows[np.arange(20) * len(rows) // 20]
            for _, its in records.table[records.normal("train")].groupby("record")
            for rows in [its.index.to_numpy()]
        ]
    )
    mask = np.isin(np.arange(len(records.table)), chosen)
    assert_equal(normal.of("train").chosen(slice(None)), compare_records(records.table, records.windows, config, mask))
