"""How a table of samples is written: its dialect, its header, and what its columns are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.tables.cells import is_missing
from ecg_anomaly.records.tables.columns import named_columns
from ecg_anomaly.records.tables.dialect import MOST, Dialect, fitted, read_dialect
from ecg_anomaly.records.tables.first_lines import FirstLines, commonest_kind
from ecg_anomaly.records.tables.header import Header, read_header
from ecg_anomaly.records.tables.text import TextFile, open_text

_HEAD_CHARACTERS = 65_536  # enough for hundreds of rows of twelve leads
_LONGEST_HEAD = 1 << 23  # where that much holds no numbers: an electrode that was off to begin with
_FEWEST_NUMBERS = 50  # lines with a digit that a head should have


@dataclass(frozen=True)
class CsvLayout(Dialect):
    """How one table is written."""

    text: TextFile
    above: tuple[str, ...]  # the lines before the first row
    header: Header
    names: tuple[str, ...]  # of each column; empty if it has none
    units: tuple[str, ...]  # likewise
    rows: tuple[tuple[str, ...], ...] = field(repr=False)  # the first lines from the first row on, as cells
    spaced: bool  # whether empty lines only part rows; else, in a table of one column, each is a missing sample

    @property
    def path(self) -> Path:
        """The file."""
        return self.text.path

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.names)

    def cells(self, column: int) -> list[str]:
        """List the cells of a column in the first rows that are not missing."""
        return [row[column] for row in self.rows if len(row) == self.width and not is_missing(row[column])]

    def kind(self, column: int) -> str:
        """Tell what most cells of a column are: ``number``, ``clock``, ``date``, ``text``, or ``empty``."""
        return commonest_kind(self.cells(column), self.decimal)


def read_layout(path: Path) -> CsvLayout:
    """Find out how a table is written, from its first lines; a `UserError` says if it is no text, or has no numbers."""
    text = open_text(path)
    original = _head(text)
    if not any(line.strip() for line in original):
        raise UserError(f"{path}: holds no row; export the recording again")
    dialect, labels = read_dialect(original)
    edited = dialect.edited("\n".join(original)).split("\n")
    rows = [dialect.split(line) for line in edited]
    table = FirstLines(rows, dialect.decimal)
    first = table.first_row(edited)
    if first is None:
        raise UserError(
            f"{path}: holds no numbers, its last line looked at is {original[-1][:60]!r}; is it a table of samples?"
        )
    edits = dialect.edits
    if (surplus := table.written_width - table.width) > 1:  # of separators behind each row
        edits = (*edits, (re.compile(f"{re.escape(dialect.separator)}{{{surplus}}}$", re.MULTILINE), ""))
    above = original[:first]
    header = read_header(above)
    names, units = named_columns(above, dialect.separator, table.width, table.date_and_clock, header, labels)
    filled = [line for line in edited[first:] if line.strip()]
    return CsvLayout(
        separator=dialect.separator,
        decimal=dialect.decimal,
        quote=dialect.quote,
        edits=edits,
        text=text,
        above=tuple(above),
        header=header,
        names=names,
        units=units,
        rows=tuple(tuple(fitted(row, table.width)) for row in rows[first:] if row),
        spaced=table.width > 1 or len(filled) < MOST * len(edited[first:]),
    )


def _head(text: TextFile) -> list[str]:
    """Read the first lines, until there are enough with numbers among them."""
    lines: list[str] = []
    held = numbers = 0
    for block in text.texts(_HEAD_CHARACTERS):
        lines += block.split("\n") if not block.endswith("\n") else block[:-1].split("\n")
        held += len(block)
        numbers = sum(any(map(str.isdigit, line[:200])) for line in lines)
        if numbers >= _FEWEST_NUMBERS or held > _LONGEST_HEAD:
            break
    return lines
