import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover import beats as handed_on
from ecg_anomaly.handover.beats import (
    BeatWriter,
    array_name,
    check_splits,
    find_records,
    load_windows,
    open_array,
    read_portions,
    read_table,
)
from ecg_anomaly.manifest import handover, write_json

SAMPLES, LEADS = 7, 2


def beats(record, splits, anomalous, first_value):
    """A record whose windows hold ascending numbers, so that each is known again."""
    table = pd.DataFrame(
        {
            "record": record,
            "sample": np.arange(len(splits)) * 300,
            "symbol": ["V" if flag else "N" for flag in anomalous],
            "anomalous": anomalous,
            "split": splits,
            "range_mv_2": np.nan,
        }
    )
    windows = np.zeros((len(splits), SAMPLES, LEADS), dtype=np.float32)
    windows += first_value + np.arange(len(splits))[:, np.newaxis, np.newaxis]
    return table, windows


@pytest.fixture
def folder(tmp_path):
    with handover(tmp_path / "beats") as output:
        with BeatWriter(output, SAMPLES, LEADS) as writer:
            writer.append(*beats("db/a", ["train", "test", "train", "test"], [False, True, False, False], 0))
            writer.append(*beats("db/b", ["train", "train", "test"], [False, True, True], 10))
        write_json(output.path("manifest.json"), {})
    assert writer.beats == 7
    return tmp_path / "beats"


def test_every_beat_has_its_row_in_the_array_of_its_split_and_label(folder):
    table = read_table(folder)
    assert table["row"].tolist() == [0, 0, 1, 0, 2, 0, 1]
    assert list(table.columns).index("row") == list(table.columns).index("split") + 1
    for beat, value in zip(table.itertuples(), [0, 1, 2, 3, 10, 11, 12], strict=True):
        window = open_array(folder, beat.split, beat.anomalous)[beat.row]
        assert (window == value).all()


def test_arrays_are_plain_npy_files_of_float32(folder):
    shapes = {
        ("train", False): 3,
        ("train", True): 1,
        ("validation", False): 0,
        ("validation", True): 0,
        ("test", False): 1,
        ("test", True): 2,
    }
    for (split, anomalous), rows in shapes.items():
        array = np.load(folder / array_name(split, anomalous))
        assert (array.shape, array.dtype) == ((rows, SAMPLES, LEADS), np.float32)
        assert open_array(folder, split, anomalous).shape == array.shape
    assert isinstance(open_array(folder, "train", False), np.memmap)


def test_windows_are_loaded_in_the_order_of_the_table(folder):
    shuffled = read_table(folder).sample(frac=1, random_state=1)
    windows = load_windows(folder, shuffled)
    expected = np.array([0, 1, 2, 3, 10, 11, 12])[shuffled.index]
    np.testing.assert_array_equal(windows[:, 0, 0], expected)
    assert load_windows(folder, shuffled[:0]).shape == (0, SAMPLES, LEADS)


def test_records_are_read_one_by_one(folder, monkeypatch):
    monkeypatch.setattr(handed_on, "BEATS_AT_ONCE", 3)
    first, second = find_records(folder)
    assert (first.record, first.beats, second.record, second.beats) == ("db/a", 4, "db/b", 3)
    whole = read_table(folder)
    for record, its in ((second, whole[4:]), (first, whole[:4])):
        portions = list(read_portions(folder, record))
        assert len(portions[0]) == 3
        pd.testing.assert_frame_equal(pd.concat(portions), its.reset_index(drop=True))
    assert list(next(read_portions(folder, first, ["split", "record"])).columns) == ["record", "split"]


def test_records_with_a_comma_in_their_names_are_told_apart(tmp_path):
    with handover(tmp_path / "beats") as output:
        with BeatWriter(output, SAMPLES, LEADS) as writer:
            for name in ("db/a,1", "db/a,2", "db/a"):
                writer.append(*beats(name, ["train"] * 2, [False] * 2, 0))
        write_json(output.path("manifest.json"), {})
    assert [(its.record, its.beats) for its in find_records(tmp_path / "beats")] == [
        ("db/a,1", 2),
        ("db/a,2", 2),
        ("db/a", 2),
    ]


def test_table_keeps_text_and_missing_values(tmp_path):
    table, windows = beats("db/a", ["train"] * 3, [False] * 3, 0)
    table["symbol"] = ["NA", '"', "/"]
    with handover(tmp_path / "beats") as output:
        with BeatWriter(output, SAMPLES, LEADS) as writer:
            writer.append(table, windows)
        write_json(output.path("manifest.json"), {})
    read = read_table(tmp_path / "beats")
    assert read["symbol"].tolist() == ["NA", '"', "/"]
    assert read["anomalous"].dtype == bool
    assert read["range_mv_2"].isna().all()


@pytest.mark.parametrize("missing", ["train", "validation", "test"])
def test_split_without_normal_beats_is_an_error(missing):
    counts = pd.DataFrame({"normal": 5, "anomalous": 3}, index=["train", "validation", "test"])
    settings = load_config(overrides=["split.validation=[mitdb/114]"]).split
    check_splits(counts, settings)
    counts.loc[missing, "normal"] = 0
    with pytest.raises(UserError, match=rf"split\.{missing}: its records have no normal beat"):
        check_splits(counts, settings)
    with pytest.raises(UserError, match=rf"split\.{missing}"):
        check_splits(counts.drop(missing), settings)


def test_split_without_records_needs_no_normal_beats():
    counts = pd.DataFrame({"normal": 5, "anomalous": 3}, index=["train", "test"])
    check_splits(counts, load_config(overrides=["split.validation=[]"]).split)
