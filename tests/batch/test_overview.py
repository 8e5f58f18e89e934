import pandas as pd

from ecg_anomaly.batch.overview import OVERVIEW, Figures, is_overview, write_overview


def test_later_runs_add_and_replace_rows(tmp_path):
    write_overview(tmp_path, {"b": Figures(60.0, 9, 1, 60.0, 72.0, 0, 0.0), "a": Figures(error="a, b: is empty")})
    write_overview(tmp_path, {"a": Figures(1.5, 2, 0, None), "c/1": Figures(error="is gone")})
    table = pd.read_csv(tmp_path / OVERVIEW, index_col="recording", dtype={"error": str}).astype({"error": "object"})
    assert list(table.index) == ["a", "b", "c/1"]
    assert table["beats"].fillna(-1).tolist() == [2, 9, -1]
    assert table["error"].fillna("").tolist() == ["", "", "is gone"]
    assert is_overview(tmp_path / OVERVIEW)
    (tmp_path / OVERVIEW).write_text("my,own\n")
    assert not is_overview(tmp_path / OVERVIEW)
