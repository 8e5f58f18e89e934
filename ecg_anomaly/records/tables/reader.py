"""Tables of samples (CSV, TSV, text, logs), read block by block."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import check_asked_rate, check_missing, same_rate
from ecg_anomaly.records.source import Source
from ecg_anomaly.records.tables.account import Account
from ecg_anomaly.records.tables.layout import CsvLayout, read_layout
from ecg_anomaly.records.tables.looks import ColumnLook
from ecg_anomaly.records.tables.places import Places
from ecg_anomaly.records.tables.rows import RowReader, Rows
from ecg_anomaly.records.tables.steps import Steps, find_steps
from ecg_anomaly.records.tables.times import FoundTimes, TimeColumn, find_times, unwrapped
from ecg_anomaly.records.tables.wide import open_wide
from ecg_anomaly.words import StartTime, count_text

_MOST_WRONG = 0.05  # of the rows that may hold what is no number, beside a mark for missing samples
_FEW_WRONG = 3


@dataclass(frozen=True)
class CsvSource:
    """The columns of a table but for that of times; see `source.Source`."""

    channels: tuple[Channel, ...]
    samples: int  # of each
    notes: tuple[str, ...]
    layout: CsvLayout = field(repr=False)
    places: tuple[int, ...]  # where in the table the channels stand
    start_time: StartTime | None
    time: TimeColumn | None  # None if there is none, or if it is too coarse to be of use
    steps: Steps
    plain: bool  # whether every line is a plain row

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        start = 0
        block = np.full((min(length, self.samples), len(columns)), np.nan)
        wanted = [self.places[column] for column in columns]
        for places, values in _placed_rows(self.layout, wanted, self.time, self.steps, Account(self.plain)):
            done, end = 0, int(np.searchsorted(places, self.samples))  # the file may have grown since it was opened
            while done < end:
                stop = min(end, int(np.searchsorted(places, start + length)))
                block[places[done:stop] - start] = values[done:stop]
                done = stop
                if done < end:  # the next row belongs to a later block
                    yield block
                    start += length
                    block = np.full((min(length, self.samples - start), len(columns)), np.nan)
        yield block


def open_csv(path: Path, sampling_rate_hz: float | None) -> Source:
    """Open a table of samples; parameters and errors as for `recording.open_recording`."""
    layout = read_layout(path)
    told_hz = layout.header.sampling_rate_hz
    if (wide := open_wide(layout, sampling_rate_hz)) is not None:
        return wide
    found = find_times(layout, sampling_rate_hz or told_hz)
    time, steps, notes = _steps(layout, found, sampling_rate_hz)
    columns = _columns(layout, found.column)
    faults = {column: _fault(layout, column) for column in columns}
    looks = {column: ColumnLook(layout.names[column]) for column in columns if not faults[column]}
    account = Account()
    rows, samples = _look_through(_placed_rows(layout, list(looks), time, steps, account), list(looks.values()))
    if not rows:
        raise UserError(f"{path}: holds no row; export the recording again")
    _check_account(layout, account, faults, list(looks))
    longest_s, line = account.longest_gap
    where = f"line {line}, whose time is so much later than that of the line before"
    check_missing(account.missing_s, float(rows / steps.sampling_rate_hz), longest_s, path, where)
    notes += ["the compressed file is cut off; what comes before is read"] if layout.text.cut_off else []
    notes += [*account.notes(), *_missing(samples - rows, steps)]
    described = [(layout.names[column], layout.units[column], steps.sampling_rate_hz, samples) for column in columns]
    doubts = [looks[column].doubt if column in looks else "" for column in columns]
    start = None if time is None else time.start(layout.cells(time.index)[0])
    channels = tuple(map(Channel, *zip(*described, strict=True), faults.values(), doubts)) if columns else ()
    return CsvSource(channels, samples, tuple(notes), layout, tuple(columns), start, time, steps, not account.counts)


def _look_through(placed: Iterator[tuple[np.ndarray, np.ndarray]], looks: Sequence[ColumnLook]) -> tuple[int, int]:
    """Look at each column of all rows, and count rows and samples."""
    rows = samples = 0
    for places, values in placed:
        for position, look in enumerate(looks):
            look.add(values[:, position])
        rows += len(places)
        samples = int(places[-1]) + 1 if len(places) else samples
    return rows, samples


def _missing(rows: int, steps: Steps) -> list[str]:
    """Say how many rows are missing by the times."""
    if rows <= 0:
        return []
    verb = "is" if rows == 1 else "are"
    told = f"{count_text(rows, 'row')} ({float(rows / steps.sampling_rate_hz):.1f} s)"
    return [f"{told} {verb} not there by the times, and {verb} missing signal"]


def _steps(layout: CsvLayout, found: FoundTimes, asked_hz: float | None) -> tuple[TimeColumn | None, Steps, list[str]]:
    """Find out when rows were sampled: by their times, by the header or by the option; and say what is odd about it."""
    told_hz = _told_rate(layout, asked_hz)
    notes = list(layout.header.notes)
    if found.column is not None:
        steps, odd = _steps_by_times(layout, found.column, asked_hz, told_hz)
        notes += odd
        if steps is not None:
            return found.column, steps, notes
    elif found.complaint:
        notes.append(f"{found.complaint}, and is not used")
    rate_hz = asked_hz or told_hz
    if rate_hz is None:
        why = found.complaint or "has no column of times"
        raise UserError(f"{layout.path}: {why}; give the sampling rate with --sampling-rate")
    if asked_hz is None and len(layout.header.rates_hz) > 1:
        others = " and ".join(f"{other_hz:g}" for other_hz in layout.header.rates_hz[1:])
        notes.append(f"its header says {rate_hz:g} Hz first, which is used, and {others} Hz; --sampling-rate chooses")
    return None, Steps(Fraction(str(rate_hz)).limit_denominator(1000)), notes


def _told_rate(layout: CsvLayout, asked_hz: float | None) -> float | None:
    """Tell the sampling rate of the header; of several the first, or the one that is asked for."""
    told_hz = layout.header.sampling_rate_hz
    if asked_hz is None or told_hz is None:
        return told_hz
    told_hz = min(layout.header.rates_hz, key=lambda rate_hz: abs(rate_hz - asked_hz))
    check_asked_rate(asked_hz, told_hz, layout.path, "its header", "the header")
    return told_hz


def _steps_by_times(
    layout: CsvLayout, time: TimeColumn, asked_hz: float | None, told_hz: float | None
) -> tuple[Steps | None, list[str]]:
    """Find out how far rows lie apart by their times, if they tell it; and say what is odd about them."""
    notes = [time.note] if time.note else []
    steps = find_steps(layout.path, _first_times(layout, time), asked_hz, told_hz)
    if steps is None:
        return None, [*notes, "its times do not tell its rows apart, and are not used"]
    rate_hz = float(steps.sampling_rate_hz)
    if steps.in_bursts:
        notes.append(
            f"{steps.rows_at_once:.1f} rows on average have one time; they are placed evenly, at {rate_hz:g} Hz"
        )
    if told_hz is not None and not same_rate(told_hz, rate_hz):
        notes.append(f"its header says {told_hz:g} Hz and its times {rate_hz:g} Hz; its times are used")
    return steps, notes


def _first_times(layout: CsvLayout, time: TimeColumn) -> np.ndarray:
    rows = next(_rows(layout, [], time, Account()), None)
    return np.empty(0) if rows is None else unwrapped(np.where(rows[0].damaged, np.nan, rows[1]), time.wrap_s)


def _columns(layout: CsvLayout, time: TimeColumn | None) -> list[int]:
    """List the columns that are channels: not the time, nor what a separator at the end of each line makes."""
    return [
        index
        for index, name in enumerate(layout.names)
        if (time is None or index != time.index) and (name or layout.kind(index) != "empty")
    ]


def _fault(layout: CsvLayout, index: int) -> str:
    kind = layout.kind(index)
    if kind in ("number", "empty"):
        return ""
    return f"it holds {'text' if kind == 'text' else 'times'}, not numbers"


def _rows(
    layout: CsvLayout, columns: Sequence[int], time: TimeColumn | None, account: Account
) -> Iterator[tuple[Rows, np.ndarray]]:
    """Yield rows with some columns, and the time of each, of shape ``(rows,)``, empty without a column of times."""
    counted = time is not None and time.written is None
    wanted = [*columns, *([time.index] if time is not None and counted else [])]
    reader = RowReader(layout, wanted, time.index if time is not None and not counted else None, account)
    for rows in reader.rows():
        times_s = np.empty(0) if time is None else time.seconds(rows.values[:, -1] if counted else rows.times)
        yield dataclasses.replace(rows, values=rows.values[:, : len(columns)]), times_s


def _placed_rows(
    layout: CsvLayout, columns: Sequence[int], time: TimeColumn | None, steps: Steps, account: Account
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows with the sample that each is: shape ``(rows,)`` and ``(rows, columns)``, in the table's units."""
    places = Places(layout.path, time, steps, account)
    blocks = _rows(layout, columns, time, account)
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        next_s = following[1][0] if following is not None and len(following[1]) else np.nan
        placed, kept = places.of(*block, next_s)
        yield placed, block[0].values[kept]
        block = following


def _check_account(layout: CsvLayout, account: Account, faults: dict[int, str], numbers: Sequence[int]) -> None:
    """Tell columns whose numbers are broken in many rows, and refuse what is no table of samples."""
    most = max(_FEW_WRONG, _MOST_WRONG * account.rows)
    faults.update({column: "many of its cells hold no number" for column in numbers if account.broken(column) > most})
    if account.broken() > most or (numbers and all(faults[column] for column in numbers)):
        if account.broken() > most:
            count = f"{account.counts['damaged']} of {account.rows} lines"
            told = f"{count} hold no row of numbers ({account.told('damaged')})"
        else:
            told = f"{account.counts['cell']} cells in {account.rows} rows hold no number ({account.told('cell')})"
        raise UserError(f"{layout.path}: {told}; is it a table of samples?")
