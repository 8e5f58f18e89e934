from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_anomaly.records.tables.account import Account
from ecg_anomaly.records.tables.layout import read_layout
from ecg_anomaly.records.tables.rows import RowReader

LINES = st.sampled_from(
    [
        "0.004,0.1,0.2",
        "0.1,0.2",
        "1,2,3,4",
        "",
        "# moved",
        "time,II,V1",
        "!",
        "a,b,c",
        ",,",
        "0.1,x,0.2",
        "1,2,3,",
        "0.1",
    ]
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lines=st.lists(LINES, max_size=30), ended=st.booleans())
def test_every_line_is_accounted_for(lines, ended, tmp_path):
    table = ["time,II,V1", *(f"{row / 250:.3f},0.25,0.5" for row in range(60)), *lines]
    path = tmp_path / "r.csv"
    path.write_text("\n".join(table) + "\n" * ended)
    account = Account()
    rows = list(RowReader(read_layout(path), [0, 1, 2], None, account).rows())
    blank_at_the_end = len(table) - len("\n".join(table).rstrip("\n").split("\n"))
    left_out = sum(account.counts[kind] for kind in ("header", "comment", "blank", "cut", "footer"))
    assert 1 + account.rows + left_out + blank_at_the_end == len(table)
    assert sum(len(part.lines) for part in rows) == account.rows
    told = " ".join(account.notes())
    assert all(f"line {number} " in told for part in rows for number in part.lines[part.damaged][:1])
