import numpy as np
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.splits import assign_records, split_beats

ON_DISK = {"mitdb": ["mitdb/100", "mitdb/101", "mitdb/200"], "svdb": ["svdb/800", "svdb/801"]}


def patients(**splits):
    default = {"train": ["mitdb/100"], "validation": ["mitdb/101"], "test": ["mitdb/200"]}
    overrides = [f"split.{name}=[{', '.join(patterns)}]" for name, patterns in (default | splits).items()]
    return load_config(overrides=overrides).split


def random_beats(fold=0, seed=0, test_share=0.2, validation_share=0.1):
    values = {"protocol": "random_beats", "records": "['mitdb/*']", "fold": fold, "seed": seed}
    values |= {"test_share": test_share, "validation_share": validation_share}
    return load_config(overrides=[f"split.{name}={value}" for name, value in values.items()]).split


def assign(split):
    return assign_records(split, lambda database: ON_DISK.get(database, []))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("mitdb/200", ["mitdb/200"]),
        ("mitdb/999", ["mitdb/999"]),  # by its full name: to be downloaded
        ("mitdb/2*", ["mitdb/200"]),
        ("svdb/*", ["svdb/800", "svdb/801"]),
        ("svdb/80?", ["svdb/800", "svdb/801"]),
        ("svdb/80[1-9]", ["svdb/801"]),
    ],
)
def test_patterns_name_records(pattern, expected):
    assert [name for name, group in assign(patients(test=[f"'{pattern}'"])).items() if group == "test"] == expected


def test_every_record_is_in_the_split_that_names_it():
    split = patients(train=["'svdb/*'", "mitdb/100"], test=["mitdb/200", "mitdb/200"])
    assert assign(split) == {
        "svdb/800": "train",
        "svdb/801": "train",
        "mitdb/100": "train",
        "mitdb/101": "validation",
        "mitdb/200": "test",
    }


def test_pattern_that_matches_nothing_is_an_error():
    with pytest.raises(UserError, match=r"split\.train: svdb/9\* matches no record"):
        assign(patients(train=["'svdb/9*'"]))
    with pytest.raises(UserError, match=r"split\.test: edb/\* matches no record"):
        assign(patients(test=["'edb/*'"]))


@pytest.mark.parametrize("test", ["mitdb/100", "'mitdb/10*'"])
def test_record_in_two_splits_is_an_error(test):
    with pytest.raises(UserError, match=r"record mitdb/100 is in split\.train and in split\.test"):
        assign(patients(test=[test], validation=["svdb/800"]))


def test_under_patients_all_beats_follow_their_record():
    anomalous = np.array([True, False, False])
    assert split_beats("mitdb/100", "validation", anomalous, patients()).tolist() == ["validation"] * 3


def test_under_random_beats_records_are_shared_out():
    assert set(assign(random_beats()).values()) == {"records"}
    assert list(assign(random_beats())) == ON_DISK["mitdb"]


def test_anomalous_beats_and_a_share_of_the_normal_ones_are_tested():
    anomalous = np.random.default_rng(1).random(1500) < 0.3
    assigned = split_beats("mitdb/100", "records", anomalous, random_beats())
    normal = (~anomalous).sum()
    assert set(assigned[anomalous]) == {"test"}
    tested = (assigned[~anomalous] == "test").sum()
    assert tested == round(0.2 * normal)
    assert (assigned[~anomalous] == "validation").sum() == round(0.1 * (normal - tested))


@pytest.mark.parametrize("normal", [1, 4, 5, 99, 100, 1003])
@pytest.mark.parametrize("test_share", [0.2, 0.25, 0.1])
def test_folds_test_every_normal_beat_once(normal, test_share):
    anomalous = np.zeros(normal, dtype=bool)
    folds = range(round(1 / test_share))
    tested = [
        split_beats("mitdb/100", "records", anomalous, random_beats(fold, test_share=test_share)) == "test"
        for fold in folds
    ]
    assert np.sum(tested, axis=0).tolist() == [1] * normal
    assert max(np.sum(tested, axis=1)) - min(np.sum(tested, axis=1)) <= 1


def test_records_are_shared_out_differently_and_again_alike():
    anomalous = np.zeros(500, dtype=bool)
    first, again, seeded, other = (
        split_beats(record, "records", anomalous, random_beats(seed=seed))
        for record, seed in [("mitdb/100", 0), ("mitdb/100", 0), ("mitdb/100", 1), ("mitdb/101", 0)]
    )
    # A record's beats depend on nothing but its name: not on the order, nor on the records read before it.
    assert first.tolist() == again.tolist()
    assert first.tolist() != seeded.tolist()
    assert first.tolist() != other.tolist()


def test_beats_of_a_split_are_spread_over_the_record():
    assigned = split_beats("mitdb/100", "records", np.zeros(2000, dtype=bool), random_beats())
    for name in ("train", "validation", "test"):
        assert abs(np.flatnonzero(assigned == name).mean() - 1000) < 150


def test_record_without_normal_beats_is_tested_as_a_whole():
    assert set(split_beats("mitdb/100", "records", np.ones(7, dtype=bool), random_beats())) == {"test"}
    assert len(split_beats("mitdb/100", "records", np.zeros(0, dtype=bool), random_beats())) == 0
