"""Tables of what was found."""

from ecg_anomaly.api.tables import events_table, groups_table
from ecg_anomaly.beats.events import ASYSTOLE, Event
from ecg_anomaly.findings.rhythms import RUN, Rhythm


def test_events_and_rhythms_stand_in_one_table():
    table = events_table([Rhythm(RUN, 7.0, 9.0, 5, 150.0, "V"), Event(ASYSTOLE, 1.0, 6.0)])

    assert table["words"].tolist() == ["asystole (no beats)", "run of 5 premature beats (V), 150 bpm"]
    assert table["beats"].isna().tolist() == [True, False]
    assert table["beats"][1] == 5


def test_tables_without_rows_have_the_same_columns():
    assert events_table([]).dtypes.equals(events_table([Event(ASYSTOLE, 1.0, 6.0)]).dtypes)
    assert groups_table([]).dtypes["flagged"].name == "bool"
