import numpy as np
import pytest

from ecg_anomaly.records.tables.looks import ColumnLook

ROWS = np.arange(3000)


@pytest.mark.parametrize(
    ("name", "values", "doubt"),
    [
        ("x", np.sin(ROWS / 7), ""),
        ("x", np.cumsum(np.random.default_rng(1).normal(size=3000)), ""),
        ("x", np.round(np.sin(ROWS / 7) * 9), ""),
        ("x", ROWS * 0.004, "it only counts up"),
        ("x", ROWS % 256, "it only counts up"),
        ("ECG", ROWS, "it only counts up"),
        ("x", ROWS // 500 % 2, "it holds only 0, 1"),
        ("x", np.full(3000, 5.5), "it holds only 5.5"),
        ("x", ROWS // 500 % 4, "it holds only 0, 1, 2, 3"),
        ("x", np.where(ROWS < 2000, 512, np.round(np.sin(ROWS / 7) * 99)), ""),  # electrodes that are put on late
        ("II", ROWS // 500 % 2, ""),
        ("label", ROWS // 500 % 2, ""),  # which its name says better
        ("Timestamp", np.sin(ROWS), "by its name it holds times"),
        ("x", ROWS % 16, "it only counts up"),
        ("x", np.where(ROWS % 2, 0.1, 0.2) + ROWS // 300, ""),  # a square wave
        ("sample", np.sin(ROWS), ""),
        ("Sample Index", np.sin(ROWS), "by its name it numbers the samples"),
        ("", np.full(3000, np.nan), "it is empty"),
        ("II", np.full(3000, np.nan), ""),
    ],
)
def test_values_that_no_lead_has_are_doubted(name, values, doubt):
    look = ColumnLook(name)
    for part in np.split(values.astype(float), range(400, 3000, 400)):
        look.add(part)
    assert look.doubt == doubt
