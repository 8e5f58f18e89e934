"""Tables of samples (CSV, TSV, text), read block by block."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from ecg_anomaly.errors import UserError
from ecg_anomaly.records import table_times
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.table_layout import MISSING, CsvLayout, read_layout

_CHUNK_ROWS = 65_536


@dataclass(frozen=True)
class CsvSource:
    """The columns of a table but for that of times; see `source.Source`."""

    channels: tuple[Channel, ...]
    samples: int  # of each
    notes: tuple[str, ...]
    layout: CsvLayout = field(repr=False)
    places: tuple[int, ...]  # where in the table the channels stand
    time: table_times.TimeColumn | None  # None if there is none, or if it is too coarse to be of use
    steps: table_times.Steps

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        start = 0
        block = np.full((min(length, self.samples), len(columns)), np.nan)
        wanted = [self.places[column] for column in columns]
        for places, values in _placed_rows(self.layout, wanted, self.time, self.steps):
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


def open_csv(path: Path, sampling_rate_hz: float | None) -> CsvSource:
    """Open a table of samples; parameters and errors as for `recording.open_recording`."""
    layout = read_layout(path)
    time = table_times.find_time_column(layout, sampling_rate_hz)
    columns = _columns(layout, time)
    faults = [_fault(layout, column) for column in columns]
    numbers = [column for column, fault in zip(columns, faults, strict=True) if not fault]
    notes, steps = [], None
    if time is not None:
        if time.guessed:
            notes.append(f"column {time.index + 1} has no name, and is taken for the time because it counts up evenly")
        first_s = time.seconds(next(_chunks(layout, [time.index]))[time.index])
        steps = table_times.find_steps(path, first_s, sampling_rate_hz)
        if steps is None:
            notes.append("its times do not tell its rows apart, and are not used")
            time = None
    if steps is None:
        if sampling_rate_hz is None:
            raise UserError(f"{path}: has no column of times; give the sampling rate with --sampling-rate")
        steps = table_times.Steps(Fraction(sampling_rate_hz).limit_denominator(1000), np.inf)
    rows = samples = 0
    for places, _ in _placed_rows(layout, numbers, time, steps):
        rows += len(places)
        samples = int(places[-1]) + 1
    if not rows:
        raise UserError(f"{path}: holds no row; export the recording again")
    if samples > rows:
        seconds = float((samples - rows) / steps.sampling_rate_hz)
        notes.append(f"{samples - rows} rows ({seconds:.1f} s) are not there by the times, and are missing signal")
    channels = tuple(
        Channel(
            layout.names[column], layout.units[column], steps.sampling_rate_hz, samples, fault, _doubt(layout, column)
        )
        for column, fault in zip(columns, faults, strict=True)
    )
    return CsvSource(channels, samples, tuple(notes), layout, tuple(columns), time, steps)


def _columns(layout: CsvLayout, time: table_times.TimeColumn | None) -> list[int]:
    """List the columns that are channels: not the time, nor what a separator at the end of each line makes."""
    return [
        index
        for index, name in enumerate(layout.names)
        if (time is None or index != time.index) and (name or layout.kind(index) != "empty")
    ]


def _fault(layout: CsvLayout, index: int) -> str:
    kind = layout.kind(index)
    return "" if kind in ("number", "empty") else f"it holds {kind}, not numbers"


def _doubt(layout: CsvLayout, index: int) -> str:
    if index == 0 and table_times.counts_up(layout, index):
        return "it counts the rows"
    if table_times.plain_name(layout.names[index]) in table_times.SAMPLE_NUMBERS | table_times.TIMES:
        return "by its name it is no ECG lead"
    return ""


def _placed_rows(
    layout: CsvLayout, columns: Sequence[int], time: table_times.TimeColumn | None, steps: table_times.Steps
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows with the sample that each is: shape ``(rows,)`` and ``(rows, columns)``, in the table's units."""
    last_s, last_place, line = np.nan, -1, layout.skipped_lines + 1
    for table in _chunks(layout, [*columns, *([] if time is None else [time.index])]):
        if table.empty:
            continue
        ahead = np.ones(len(table), dtype=np.int64)
        if time is not None:
            times_s = time.seconds(table[time.index])
            ahead = table_times.samples_ahead(layout.path, times_s, last_s, time, steps, line)
            last_s = times_s[-1]
        places = last_place + np.cumsum(ahead)
        yield places, _values(layout, table, columns, line)
        last_place = int(places[-1])
        line += len(table)


def _values(layout: CsvLayout, table: pd.DataFrame, columns: Sequence[int], line: int) -> np.ndarray:
    values = np.empty((len(table), len(columns)))
    for position, column in enumerate(columns):
        cells = table[column]
        values[:, position] = pd.to_numeric(cells, errors="coerce")
        wrong = np.isnan(values[:, position]) & cells.notna().to_numpy()
        if wrong.any():
            where = int(np.argmax(wrong))
            raise UserError(
                f"{layout.path}: line {line + where}, column {layout.names[column] or column + 1}: "
                f"{str(cells.iloc[where])[:40]!r} is no number; mend it, or leave the cell empty"
            )
    return np.where(np.abs(values) < table_times.LARGEST_NUMBER, values, np.nan)


def _chunks(layout: CsvLayout, columns: Iterable[int]) -> Iterator[pd.DataFrame]:
    """Read some columns, a few thousand rows at a time; columns are called by their number."""
    try:
        with layout.path.open(encoding=layout.encoding, errors="replace") as file:
            for _ in range(layout.skipped_lines):
                file.readline()
            with pd.read_csv(
                file,
                sep=r"\s+" if layout.separator == " " else layout.separator,
                header=None,
                names=list(range(len(layout.names))),
                usecols=sorted(columns),
                decimal=layout.decimal,
                quoting=csv.QUOTE_NONE if layout.quote is None else csv.QUOTE_MINIMAL,
                quotechar=layout.quote or '"',
                na_values=list(MISSING),
                skipinitialspace=True,
                skip_blank_lines=len(layout.names) > 1,  # an empty line of one column is a missing sample
                chunksize=_CHUNK_ROWS,
                index_col=False,
                low_memory=False,
            ) as reader:
                yield from reader
    except (ValueError, OSError, OverflowError) as error:  # what pandas raises for a table that it cannot parse
        message = str(error).replace("Error tokenizing data. C error: ", "").strip()
        raise UserError(f"{layout.path}: cannot be read as a table: {message}; export the recording again") from None
