import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording

RATE_HZ = 250
ROWS = 2000
SECONDS = np.arange(ROWS) / RATE_HZ
ECG_MV = np.round(np.sin(np.cumsum(np.random.default_rng(6).normal(scale=0.05, size=ROWS))), 3)


def opened(path, times, ecg_mv=ECG_MV, name="time", between=None):
    """Open a table of times and samples, in which lines stand ``between`` rows, by the number of the row after them."""
    lines = [f"{time},{value}" for time, value in zip(times, ecg_mv, strict=True)]
    for row, line in sorted((between or {}).items(), reverse=True):
        lines.insert(row, line)
    path.write_text("\n".join([f"{name},ECG (mV)", *lines]) + "\n")
    return open_recording(path)


def seconds(times):
    return [f"{time:.4f}" for time in times]


def clock(times, form="{:02d}:{:02d}:{:06.3f}"):
    return [form.format(int(time // 3600) % 24, int(time // 60) % 60, time % 60) for time in times]


REPEATED_S = SECONDS.copy()
REPEATED_S[::100] = SECONDS[np.arange(ROWS)[::100] - (np.arange(ROWS)[::100] > 0)]
PACKETS_S = np.repeat(SECONDS[::20], 20) + np.repeat(np.random.default_rng(7).uniform(0, 0.03, ROWS // 20), 20)


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("time", seconds(REPEATED_S)),
        ("time", seconds(PACKETS_S)),
        ("time", seconds(np.floor(SECONDS * 10) / 10)),
        ("micros", np.round((SECONDS - 3) * 1e6).astype(int) % 2**32),
        ("millis", np.round((SECONDS - 3) * 1e3).astype(int) % 2**32),
        ("ms", np.round((SECONDS - 3) * 1e3).astype(int) % 2**16),
        ("Time", clock(SECONDS + 86_395)),
        ("Time", clock((SECONDS + 46_795 - 3600) % 43_200 + 3600)),  # twelve hours, then one, without AM and PM
        ("ms", np.round(SECONDS * 1e3).astype(int) % 1000),  # beside a clock of whole seconds
        ("Time (min)", [f"{time / 60:.8f}" for time in SECONDS]),
        ("t [h]", [f"{time / 3600:.9f}" for time in SECONDS]),
        ("Time", [f"{43_749.46 + time / 86_400:.11f}" for time in SECONDS]),  # days of Excel
    ],
)
def test_odd_times_invent_no_missing_row(name, times, tmp_path):
    recording = opened(tmp_path / "r.csv", times, name=name)
    assert recording.sampling_rate_hz == RATE_HZ
    np.testing.assert_array_equal(recording.read()[:, 0], ECG_MV)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_rows_lost_here_and_there_are_missing_in_their_places(share, tmp_path):
    kept = np.random.default_rng(8).uniform(size=ROWS) >= share
    kept[[0, -1]] = True
    recording = opened(tmp_path / "r.csv", seconds(SECONDS[kept]), ECG_MV[kept])
    assert recording.sampling_rate_hz == RATE_HZ
    np.testing.assert_array_equal(recording.read()[:, 0], np.where(kept, ECG_MV, np.nan))


def test_lost_packets_are_missing_in_their_place(tmp_path):
    kept = np.ones(ROWS, dtype=bool)
    kept[800:840] = False
    recording = opened(tmp_path / "r.csv", seconds(np.repeat(SECONDS[::20], 20)[kept]), ECG_MV[kept])
    np.testing.assert_array_equal(recording.read()[:, 0], np.where(kept, ECG_MV, np.nan))
    assert recording.notes == (
        "20.0 rows on average have one time; they are placed evenly, at 250 Hz",
        "40 rows (0.2 s) are not there by the times, and are missing signal",
    )


@pytest.mark.parametrize("time", ["0.0", "99999", "lost", ""])
def test_single_times_out_of_order_leave_the_rows_where_they_are(time, tmp_path):
    times = seconds(SECONDS)
    times[1200] = time
    recording = opened(tmp_path / "r.csv", times)
    np.testing.assert_array_equal(recording.read()[:, 0], ECG_MV)
    assert "rows whose time cannot be read or lies out of order" in " ".join(recording.notes) or time == "lost"


@pytest.mark.parametrize("between", [{}, {1000: "time,ECG (mV)"}, {1000: "restart\ntime,ECG (mV)"}])
def test_time_that_begins_again_is_a_gap_that_is_told(between, tmp_path):
    times = seconds(np.concatenate([SECONDS[:1000], SECONDS[: ROWS - 1000]]))
    recording = opened(tmp_path / "r.csv", times, between=between)
    found_mv = recording.read()[:, 0]
    assert len(found_mv) == pytest.approx(ROWS + RATE_HZ, abs=1)
    np.testing.assert_array_equal(found_mv[~np.isnan(found_mv)], ECG_MV)
    line = 1002 + sum(text.count("\n") + 1 for text in between.values())
    assert f"times at which time begins again, taken for a gap of a second: 1 (line {line})" in recording.notes


def test_rows_a_day_apart_are_refused_before_the_days_are_made(tmp_path):
    times = np.append(SECONDS, SECONDS[-1] + 86_000 * np.arange(1, 50))
    told = r"has 8 s of signal and 1,171 h of gaps, the longest of 23.9 h before line \d+, whose time is so much later"
    with pytest.raises(UserError, match=told):
        opened(tmp_path / "r.csv", seconds(times), np.append(ECG_MV, np.zeros(49)))


def test_rows_that_are_there_twice_are_read_once(tmp_path):
    rows = np.sort(np.concatenate([np.arange(ROWS), np.arange(50, ROWS, 100)]))
    recording = opened(tmp_path / "r.csv", seconds(SECONDS[rows]), ECG_MV[rows])
    np.testing.assert_array_equal(recording.read()[:, 0], ECG_MV)
    assert " ".join(recording.notes).endswith("no room beside it, left out: 20 (line 53, line 154, line 255, ...)")


def test_rows_that_come_faster_later_on_are_refused(tmp_path):
    times = np.concatenate([np.arange(1850), 1850 + np.arange(150) / 5]) / RATE_HZ
    with pytest.raises(UserError, match="at 250 Hz first, and faster after line 1"):
        opened(tmp_path / "r.csv", seconds(times))


def test_time_that_goes_back_without_beginning_again_is_refused(tmp_path):
    with pytest.raises(UserError, match="time goes backwards at line 1002; sort the rows"):
        opened(tmp_path / "r.csv", seconds(np.concatenate([SECONDS[:1000], SECONDS[500:1500]])))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("Timestamp", "T+{}", "column Timestamp holds 'T+0', which is no time that is understood"),
        ("Date", "2026-03-14", "column Date holds times that do not tell its rows apart"),
        ("x", "so {} so", "has no column of times"),
    ],
)
def test_times_that_are_not_understood_are_told_with_their_column(name, text, told, tmp_path):
    with pytest.raises(UserError, match="give the sampling rate with --sampling-rate") as caught:
        opened(tmp_path / "r.csv", [text.format(row) for row in range(ROWS)], name=name)
    assert told in str(caught.value)
