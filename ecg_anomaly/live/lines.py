"""Samples that come as lines of text: from a serial port, a radio link, another program."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction

import numpy as np

from ecg_anomaly.config import Records
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.sources import PORTION_S, Columns, Portion, choose_columns, now_here
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import check_sampling_rate
from ecg_anomaly.records.tables.cells import LARGEST_NUMBER, is_missing
from ecg_anomaly.records.tables.columns import name_and_unit
from ecg_anomaly.records.tables.times import names_times, numbers_samples
from ecg_anomaly.words import count_text

WHERE = "standard input"  # in messages

_COMMENT = ("#", "%")
_PREAMBLE_LINES = 200  # what a device says while it starts
_READ_BYTES = 65_536
_READS_AT_ONCE = 16
_LONGEST_LINE_BYTES = 1_000_000  # what is longer is no line of samples

ReadBytes = Callable[[int], bytes]


class SampleLines:
    """One line of text per sample; a `LiveSignal`.

    A line has one number per lead, with a decimal point, between commas, semicolons, tabs or spaces. An empty cell, or
    ``nan``, is a missing sample; so is each lead in a line that is none of this, so that time goes on.

    Parameters
    ----------
    read
        Gives at most so many bytes as soon as there are any, and none at the end: ``os.read`` of an open file.
    sampling_rate_hz
        Lines per second.
    names, settings
        The leads to take, if a header names the columns; else what the columns are called, in their order. Without
        names, leads are chosen by ``records.leads``, at most ``records.lead_count``.
    gain
        Units per millivolt of columns whose header says no unit; ``None``: they are millivolts.

    Raises
    ------
    UserError
        When the first lines cannot be understood. The constructor waits for them.
    """

    name, origin, waits = "stdin", WHERE, True

    def __init__(
        self, read: ReadBytes, sampling_rate_hz: float, names: Sequence[str], gain: float | None, settings: Records
    ):
        check_sampling_rate(sampling_rate_hz, WHERE)
        self.sampling_rate_hz = Fraction(sampling_rate_hz).limit_denominator(1000)
        self._batches = _batches_of_lines(_read_in_background(read))
        skipped, header, self._first = _find_first_rows(self._batches)
        self._came = now_here()
        self._width = len(_values(self._first[0]))
        rate_hz = self.sampling_rate_hz
        self._columns, self._chosen = _choose_columns(header, self._width, rate_hz, names, gain, settings)
        self.leads = self._columns.leads
        self._number = skipped  # of the last line that was taken
        self._malformed = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Which columns were left out, and how many lines could not be read."""
        if not self._malformed:
            return self._chosen
        return (*self._chosen, f"lines that could not be read, and count as missing: {self._malformed:,}")

    def portions(self) -> Iterator[Portion]:
        """Yield the samples as their lines come, until the end of the text."""
        yield self._portion(self._first, self._came)
        for lines in self._batches:
            yield self._portion(lines, now_here())

    def _portion(self, lines: Sequence[str], came: datetime) -> Portion:
        rows, notes = [], []
        for line in lines:
            self._number += 1
            if line.startswith(_COMMENT) or not (line.strip() or self._width == 1):
                continue  # but an empty line of one lead is a missing sample
            row = _values(line)
            if len(row) != self._width:
                if not self._malformed:
                    notes.append(f"line {self._number} cannot be read ({line[:40]!r}), and counts as missing")
                self._malformed += 1
                row = [np.nan] * self._width
            rows.append(row)
        values = np.array(rows).reshape(len(rows), self._width)
        values[~(np.abs(values) < LARGEST_NUMBER)] = np.nan
        return Portion(self._columns.millivolts(values), tuple(notes), came)


def _choose_columns(
    header: Sequence[str], width: int, rate_hz: Fraction, names: Sequence[str], gain: float | None, settings: Records
) -> tuple[Columns, tuple[str, ...]]:
    """Find out what the numbers are; without a header, ``names`` names all of them."""
    if not header and names and len(names) != width:
        named, held = count_text(len(names), "lead"), count_text(width, "value")
        raise UserError(f"{WHERE}: --leads names {named}, and a line holds {held}; name all, in their order")
    labels = [name_and_unit(cell) for cell in header or names or [""] * width]
    channels = [Channel(name, unit, rate_hz, doubt=_doubt(name)) for name, unit in labels]
    asked = names if header or len(names) <= settings.lead_count else ()
    return choose_columns(channels, WHERE, asked, gain, settings)


def _doubt(name: str) -> str:
    return "by its name it is no signal" if names_times(name) or numbers_samples(name) else ""


def _find_first_rows(batches: Iterator[list[str]]) -> tuple[int, list[str], list[str]]:
    """Wait for two rows of one width: the first may be the rest of a line that was cut off.

    Gives how many lines stand before them, the names of the columns if the last of those has them, and the lines from
    the first row on, as far as they are there.
    """
    lines: list[str] = []
    widths: list[int] = []
    first = None
    while first is None and len(lines) <= _PREAMBLE_LINES and (batch := next(batches, None)) is not None:
        lines += batch
        widths += [len(_values(line)) for line in batch]
        pairs = enumerate(itertools.pairwise(widths))
        first = next((number for number, (width, following) in pairs if 0 < width == following), None)
    if first is None:
        filled = [number for number, line in enumerate(lines) if line.strip()]
        if not filled:
            raise UserError(f"{WHERE}: ended without a line; pipe samples into it")
        first = filled[-1]
        if not widths[first]:  # not even one sample
            raise UserError(
                f"{WHERE}: has no line of numbers with a decimal point among its first {len(lines)}, the last is "
                f"{lines[first][:60]!r}; is it one line per sample, as in 0.012,-0.105?"
            )
    return first, _header(lines[:first], widths[first]), lines[first:]


def _header(before: Sequence[str], width: int) -> list[str]:
    line = before[-1].lstrip("".join(_COMMENT)).strip() if before else ""
    cells = [line.strip("\"'")] if width == 1 else _cells(line)  # the name of a single column may hold a space
    return cells if len(cells) == width and not all(map(is_missing, cells)) else []


def _cells(line: str) -> list[str]:
    mark = next((mark for mark in "\t;," if mark in line), None)
    return [cell.strip().strip("\"'") for cell in line.split(mark)]


def _values(line: str) -> list[float]:
    """Read the numbers of a line, NaN where a cell is missing; none if it is no row."""
    try:
        return [np.nan if is_missing(cell) else float(cell) for cell in _cells(line)]
    except ValueError:
        return []


def _read_in_background(read: ReadBytes) -> queue.Queue[bytes]:
    """Read on a thread of its own, so that waiting for a source that stalls stops nothing else."""
    parts: queue.Queue[bytes] = queue.Queue(_READS_AT_ONCE)

    def read_all() -> None:
        part = b"started"
        while part:
            try:
                part = read(_READ_BYTES)
            except OSError:  # the other end is gone, as a device that is pulled out
                part = b""
            parts.put(part)

    threading.Thread(target=read_all, daemon=True).start()
    return parts


def _batches_of_lines(parts: queue.Queue[bytes]) -> Iterator[list[str]]:
    """Yield the lines that have come, none if nothing has, until the end."""
    rest, ended = b"", False
    while not ended:
        came = _gather(parts)
        ended = came[-1:] == [b""]
        *lines, rest = b"".join([rest, *came]).split(b"\n")
        if len(rest) > _LONGEST_LINE_BYTES:
            raise UserError(f"{WHERE}: a line does not end within a million bytes; is it text?")
        if ended and rest:
            lines.append(rest)
        yield [line.decode("utf-8", "replace").strip("\r\ufeff") for line in lines]


def _gather(parts: queue.Queue[bytes]) -> list[bytes]:
    """Take what comes in a short time; an empty part is the end."""
    until_s = time.monotonic() + PORTION_S
    came: list[bytes] = []
    with contextlib.suppress(queue.Empty):
        while len(came) < _READS_AT_ONCE and came[-1:] != [b""]:
            came.append(parts.get(timeout=max(0.0, until_s - time.monotonic())))
    return came
