"""The rows of a table, read block by block; what is no row is told from damaged rows, and accounted for."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.checks import same_rate
from ecg_anomaly.records.tables.account import LINE, MARKS, TOLD_CHARACTERS, Account
from ecg_anomaly.records.tables.cells import LARGEST_NUMBER, MISSING, cell_kind, is_missing
from ecg_anomaly.records.tables.columns import name_and_unit
from ecg_anomaly.records.tables.header import COMMENT, is_statement, read_header, without_mark
from ecg_anomaly.records.tables.layout import CsvLayout
from ecg_anomaly.records.tables.text import as_text

_REMARK = "#*"  # of LabChart, behind a row


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows."""

    values: np.ndarray  # shape (rows, columns), in the table's units, NaN where a sample is missing
    times: pd.Series  # the cells of the column of times; empty if there is none
    lines: np.ndarray  # shape (rows,): where each stands, the first line of the file is 1
    damaged: np.ndarray  # shape (rows,): whether the line holds no row, and stands for one whose samples are missing
    restarts: np.ndarray  # shape (rows,): whether the header was repeated right before it


class _Block:
    """What the lines of a block are, each an array of shape ``(lines,)``."""

    def __init__(self, lines: np.ndarray):
        self.lines = lines  # where they stand in the file
        self.kept = np.ones(len(lines), dtype=bool)  # rows
        self.damaged = np.zeros(len(lines), dtype=bool)  # of these, rows that hold nothing
        self.headers = np.zeros(len(lines), dtype=bool)  # what repeats the header


class RowReader:
    """Reads some columns of a table as numbers.

    Parameters
    ----------
    columns
        Which columns to read as numbers.
    written
        A column whose cells are to be given as text; ``None`` if there is none.
    account
        Where to enter what becomes of the lines.
    """

    def __init__(self, layout: CsvLayout, columns: Sequence[int], written: int | None, account: Account):
        self._layout = layout
        self._columns = list(columns)
        self._written = written
        self._account = account
        self._above = {without_mark(line).strip().lower() for line in layout.above if line.strip()}
        self._keys = {key for line in self._above if (key := _key(line)) is not None}
        # Of the lines above, those that have a digit in each cell, as the numbers of samples that AcqKnowledge writes.
        counted = layout.width > 1 or not layout.rows[0][0].isdigit()
        told = [line for line in layout.above if counted and len(layout.split(line)) >= layout.width]
        self._like_rows = [f"\n{line}\n".encode() for line in told if not re.search(r"[^\W\d]", line)]
        self._no_row = {" ": "nan " * layout.width}.get(
            layout.separator, layout.separator * (layout.width - 1)
        ) or "nan"
        self._shortest = min((len(row[-1]) for row in layout.rows if len(row) == layout.width), default=0)
        # What is left of a row that is written plainly when all but separators and line ends is taken out.
        plain = layout.separator != " " and layout.quote is None
        self._marks_of_a_row = layout.separator.encode() * (layout.width - 1) + b"\n" if plain else b""
        self._no_marks = bytes(set(range(256)) - set(layout.separator.encode() + b"\n"))
        self._kind = functools.lru_cache(MARKS)(self._kind_of)  # lines that mark missing samples are alike
        self._restarted = False  # whether the header was repeated since the last row

    def rows(self) -> Iterator[Rows]:
        """Yield the rows, in blocks."""
        line, ahead = 1, len(self._layout.above)
        for block, last in self._layout.text.blocks():
            ended = block.endswith(b"\n") if last else None
            data = block.rstrip(b"\n") + b"\n" if last else block
            if ahead:
                above = min(ahead, data.count(b"\n"))
                data = data.split(b"\n", above)[above]
                ahead -= above
                line += above
            if data:
                rows, lines = self._of_block(data, line, ended)
                line += lines
                yield rows

    def _of_block(self, data: bytes, line: int, ended: bool | None) -> tuple[Rows, int]:
        """Read a block of lines, the first of which is ``line``, and count them; ``ended`` tells how the last ends."""
        if self._layout.edits:
            text = as_text(data)
            self._enter_remarks(text, line)
            data = self._layout.edited(text).encode()
        odd = self._odd(data)
        block = _Block(line + np.arange(len(odd)))
        if odd.any() or ended is not None:
            data = self._without_odd_lines(as_text(data).split("\n")[:-1], odd, ended, block).encode()
        rows = np.flatnonzero(block.kept)
        table = self._parsed(data, len(rows))
        values = np.empty((len(rows), len(self._columns)))
        wrong = np.zeros(values.shape, dtype=bool)
        for position, column in enumerate(self._columns):
            values[:, position], wrong[:, position] = _numbers(table[column], self._layout.decimal)
        if not (values.max(initial=0) < LARGEST_NUMBER and values.min(initial=0) > -LARGEST_NUMBER):  # or NaN
            large = np.abs(values) >= LARGEST_NUMBER
            for row, position in np.argwhere(large).tolist():
                self._account.add("large", int(block.lines[rows[row]]), str(values[row, position]))
            values[large] = np.nan
        times = pd.Series(dtype=object) if self._written is None else table[self._written]
        if wrong.any():
            self._look_at_wrong_rows(as_text(data).split("\n"), table, wrong, rows, block)
            left = block.kept[rows]
            values, times = values[left], times[left] if len(times) else times
        self._account.rows += len(values)
        restarts = self._after_headers(block.headers, block.kept)
        return Rows(values, times, block.lines[block.kept], block.damaged[block.kept], restarts), len(odd)

    def _enter_remarks(self, text: str, line: int) -> None:
        if _REMARK in text:
            for place, row in enumerate(text.split("\n")):
                if _REMARK in row:
                    self._account.add("remark", line + place, row[row.index(_REMARK) :])

    def _without_odd_lines(self, texts: list[str], odd: np.ndarray, ended: bool | None, block: _Block) -> str:
        """Leave out lines that are no rows, and put rows of missing values where damaged ones are."""
        if ended is not None and self._is_cut(texts[-1], ended):
            self._account.add("cut", int(block.lines[-1]), texts[-1])
            block.kept[-1] = odd[-1] = False
        below = len(texts)
        while ended is not None and below and odd[below - 1] and self._is_below(texts[below - 1]):
            below -= 1
            self._account.add("footer", int(block.lines[below]), texts[below])
            block.kept[below] = odd[below] = False
        for place in np.flatnonzero(odd).tolist():
            self._enter(texts[place], place, block)
            texts[place] = self._no_row
        return "".join(f"{texts[place]}\n" for place in np.flatnonzero(block.kept))

    def _enter(self, text: str, place: int, block: _Block) -> None:
        """Enter a line that is no plain row."""
        kind, line = self._kind(text), int(block.lines[place])
        if kind == "another header":
            raise UserError(
                f"{self._layout.path}: line {line}, {text.strip()[:TOLD_CHARACTERS]!r}, says something else than the "
                "lines above the table; cut the file there"
            )
        self._account.add(kind, line, text)
        block.kept[place] = kind in ("damaged", "missing")
        block.headers[place] = kind == "header"
        block.damaged[place] = kind == "damaged"
        if kind == "damaged":
            self._account.mark(text.strip())

    def _look_at_wrong_rows(
        self, texts: list[str], table: pd.DataFrame, wrong: np.ndarray, rows: np.ndarray, block: _Block
    ) -> None:
        """Tell rows with single wrong cells from lines that are no rows though they have as many cells."""
        for row in np.flatnonzero(wrong.any(axis=1)).tolist():
            place, text = int(rows[row]), texts[row]
            if self._kind(text) != "damaged" or not self._holds_numbers(text):
                self._enter(text, place, block)
                continue
            for position in np.flatnonzero(wrong[row]):
                column = self._columns[position]
                cell = str(table[column].iloc[row]).strip()
                told = f"{self._layout.names[column] or f'column {column + 1}'}: {cell}"
                self._account.add("cell", int(block.lines[place]), told)
                self._account.mark(cell, column)

    def _odd(self, data: bytes) -> np.ndarray:
        """Tell which lines have not as many cells as a row, are empty, or are comments; shape ``(lines,)``."""
        if self._account.plain:
            return np.zeros(data.count(b"\n"), dtype=bool)
        marks = data.translate(None, self._no_marks)
        lines = len(marks) // self._layout.width
        strange = b"#" in data or b"%" in data or b"\0" in data or (self._layout.width == 1 and b"\n\n" in data)
        strange |= any(line in data for line in self._like_rows)
        if not strange and self._marks_of_a_row and marks == self._marks_of_a_row * lines:
            return np.zeros(lines, dtype=bool)
        return self._odd_line_by_line(data)

    def _odd_line_by_line(self, data: bytes) -> np.ndarray:
        raw = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(raw == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        odd = self._odd_by_cells(raw, raw == ord(self._layout.separator), ends)
        odd |= (ends == starts) | (raw[starts] == ord("#")) | (raw[starts] == ord("%"))
        for line in self._like_rows:
            where = data.find(line)
            while where >= 0:
                odd[np.searchsorted(ends, where + 1)] = True
                where = data.find(line, where + 1)
        return np.asarray(odd | (_count(raw == 0, ends) > 0))

    def _odd_by_cells(self, raw: np.ndarray, marks: np.ndarray, ends: np.ndarray) -> np.ndarray:
        odd = np.zeros(len(ends), dtype=bool)
        if self._layout.separator == " ":
            space = marks | (raw == ord("\t")) | (raw == ord("\n"))
            return np.asarray(_count(~space & np.concatenate([[True], space[:-1]]), ends) != self._layout.width)
        if self._layout.quote is not None:
            opened = np.cumsum(raw == ord(self._layout.quote))
            before = np.concatenate([[0], opened[ends[:-1]]])
            odd |= (opened[ends] - before) % 2 == 1
            marks = marks & ((opened - np.repeat(before, np.diff(ends, prepend=-1))) % 2 == 0)
        surplus = _count(marks, ends) - (self._layout.width - 1)
        closed = marks[np.maximum(ends - 1, 0)]  # a separator behind the last cell makes no further one
        return np.asarray(odd | (surplus < 0) | (surplus > closed))

    def _kind_of(self, line: str) -> str:
        """Tell what a line is that is no plain row."""
        bare = line.strip()
        if not bare.strip(",;\t "):
            return "missing" if bare or not self._layout.spaced else "blank"
        key = _key(bare.lower())
        if without_mark(bare).strip().lower() in self._above or key in self._keys or is_statement(bare):
            return "another header" if self._says_another_rate(bare) else "header"
        remark = bare.startswith(COMMENT) or (bare.startswith(";") and self._layout.separator != ";")
        return "comment" if remark else "another header" if self._names_others(line) else "damaged"

    def _says_another_rate(self, line: str) -> bool:
        said, told = read_header([line]).rates_hz, self._layout.header.rates_hz
        return bool(said and told) and not any(same_rate(said[0], told_hz) for told_hz in told)

    def _names_others(self, line: str) -> bool:
        """Tell whether a line names the same columns as the header, in another order or with other units."""
        layout, cells = self._layout, self._layout.split(line)
        told = [name.lower() for name in layout.names]
        if len(cells) != layout.width or not any(told):
            return False
        named = [name_and_unit(cell) for cell in cells]
        names = [name.lower() for name, _ in named]
        units = [unit or own for (_, unit), own in zip(named, layout.units, strict=True)]
        return sorted(names) == sorted(told) and (names != told or units != list(layout.units))

    def _is_cut(self, line: str, ended: bool) -> bool:
        if self._kind(line) != "damaged":
            return False
        cells = self._layout.split(line)
        told = any(map(str.isdigit, line))
        return told and (len(cells) < self._layout.width or (not ended and len(cells[-1]) < self._shortest))

    def _is_below(self, line: str) -> bool:
        """Tell whether one of the last lines is text below the table, rather than a mark for a missing sample."""
        known = line.strip() in self._account.marks.get(LINE, ())
        return not known and self._kind(line) == "damaged" and re.search(r"[^\W\d]|\x1a", line) is not None

    def _holds_numbers(self, line: str) -> bool:
        cells = self._layout.split(line)
        return any(cell_kind(cell, self._layout.decimal) != "text" for cell in cells if not is_missing(cell))

    def _after_headers(self, headers: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Tell which of the rows that are kept follow a header; shape ``(rows,)``."""
        if not self._restarted and not headers.any():
            return np.zeros(np.count_nonzero(kept), dtype=bool)
        before = np.concatenate([[0], np.cumsum(headers)[kept]])
        restarts = np.diff(before) > 0
        if len(restarts):
            restarts[0] |= self._restarted
        if len(headers):
            self._restarted = bool(headers[np.flatnonzero(kept)[-1] :].any()) if kept.any() else self._restarted
        return np.asarray(restarts)

    def _parsed(self, data: bytes, rows: int) -> pd.DataFrame:
        """Parse lines each of which is a row; columns are called by their number."""
        layout = self._layout
        columns = sorted({*self._columns, *([] if self._written is None else [self._written])})
        if not rows:
            return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
        try:
            table = pd.read_csv(
                io.BytesIO(data),
                sep=r"\s+" if layout.separator == " " else layout.separator,
                header=None,
                names=list(range(layout.width)),
                usecols=columns,
                decimal=layout.decimal,
                quoting=csv.QUOTE_NONE if layout.quote is None else csv.QUOTE_MINIMAL,
                quotechar=layout.quote or '"',
                na_values=list(MISSING),
                skipinitialspace=True,
                skip_blank_lines=False,
                index_col=False,
                low_memory=False,
                encoding_errors="replace",
            )
        except (ValueError, OverflowError):  # what pandas raises for a table that it cannot parse
            table = pd.DataFrame()
        if len(table) == rows:
            return table
        cells = [layout.split(line) for line in as_text(data).split("\n")[:-1]]
        return pd.DataFrame(
            {
                column: [row[column] if column < len(row) and not is_missing(row[column]) else None for row in cells]
                for column in columns
            },
            dtype=object,
        )


def _count(marked: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Count what is marked in each line, of which the ends are given."""
    return np.diff(np.searchsorted(np.flatnonzero(marked), ends), prepend=0)


def _numbers(cells: pd.Series, decimal: str) -> tuple[np.ndarray, np.ndarray | bool]:
    """Turn cells into numbers, NaN where they are none, and tell where something else stands."""
    if cells.dtype.kind in "fiu":
        return cells.to_numpy(dtype=float), False
    if decimal != ".":
        cells = cells.astype("string").str.replace(decimal, ".").astype(object)
    values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return values, np.isnan(values) & cells.notna().to_numpy()


def _key(line: str) -> str | None:
    """Take what stands before the mark of a statement: of "Interval=..." the interval."""
    found = re.match(r"([^\W\d][^:=\t]{2,60}?)\s*(?::=|:|=)", line)
    return None if found is None else found[1]
