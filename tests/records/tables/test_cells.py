import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.records.tables.cells import DAY_S, WrittenTimes, cell_kind

NINE_S = 9 * 3600 + 41 * 60 + 51.5


@pytest.mark.parametrize(
    ("written", "kind", "seconds"),
    [
        ("14.03.2026 09:41:51,500", "date", NINE_S),
        ("14/03/2026 09:41:51.5", "date", NINE_S),
        ("03/14/2026 09:41:51.500 AM", "date", NINE_S),
        ("3/14/2026, 9:41:51.5 PM", "date", NINE_S + DAY_S / 2),
        ("14-Mar-2026 09:41:51.500", "date", NINE_S),
        ("14. März 2026 09:41:51.5", "text", np.nan),
        ("Mar 14, 2026 09:41:51.500", "date", NINE_S),
        ("2026/03/14 09:41:51.500", "date", NINE_S),
        ("20260314 094151.500", "date", NINE_S),
        ("2026-03-14T09:41:51.500Z", "date", NINE_S),
        ("[09:41:51.500 14/03/2026]", "date", NINE_S),
        ("'[09:41:51.500 14/03/2026]'", "date", NINE_S),
        ("09:41:51:500", "clock", NINE_S),
        ("12:00:01.5 a.m.", "clock", 1.5),
        ("1:01.5", "clock", 61.5),
        ("2026-14-03 09:41:51.500", "date", NINE_S),
        ("0 days 00:01:01.500000", "clock", 61.5),
        ("1 day, 0:01:01.500000", "clock", 61.5),
        ("2026-03-14", "date", 0),
        ("1.2.3", "text", np.nan),
        ("V1", "text", np.nan),
        ("12:34:56 -> 512", "text", np.nan),
        ("0.5", "number", np.nan),
    ],
)
def test_times_are_read_as_people_write_them(written, kind, seconds):
    assert cell_kind(written, ".") == kind
    if kind in ("clock", "date"):
        assert WrittenTimes([written]).seconds(pd.Series([written]))[0] % DAY_S == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "dates",
    [
        ["03/04/2026 23:59:59.9", "03/05/2026 00:00:00.1"],  # nothing but the next day tells which is the month
        ["04/03/2026 23:59:59.9", "05/03/2026 00:00:00.1"],
        ["30/04/2026 23:59:59.9", "01/05/2026 00:00:00.1"],
        ["30.04.26 23:59:59.9", "01.05.26 00:00:00.1"],
        ["30-Apr-2026 23:59:59.9", "01-May-2026 00:00:00.1"],
    ],
)
def test_midnight_is_a_moment_in_any_order_of_day_and_month(dates):
    seconds = WrittenTimes(dates[:1]).seconds(pd.Series([*dates, "lost"]))
    assert np.diff(seconds[:2]) == pytest.approx(0.2)
    assert np.isnan(seconds[2])
