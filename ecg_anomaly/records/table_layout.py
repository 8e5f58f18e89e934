"""How a table of samples is written: separator, decimal mark, header, and what its columns are."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.units import millivolts_per

# What stands in a table for a sample that is missing, beside an empty cell; pandas quotes an empty row of one column.
MISSING = ('""', "nan", "na", "n/a", "#n/a", "null", "none", "-", "--", "---", "?", "*")

_HEAD_BYTES = 65_536  # enough for hundreds of rows of twelve leads
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_CLOCK = re.compile(r"\d+(:\d{1,2}){1,2}([.,]\d+)?")
_TIME_UNITS = ("s", "sec", "secs", "seconds", "ms", "msec", "milliseconds", "us", "µs", "microseconds", "ns")
_COMMENT = ("#", "%")


@dataclass(frozen=True)
class CsvLayout:
    """How one table is written."""

    path: Path
    encoding: str
    separator: str  # between cells; a space means any white space
    decimal: str
    quote: str | None  # what may enclose a cell; None if nothing does
    skipped_lines: int  # before the first row
    names: tuple[str, ...]  # of each column in the header; empty if it has none
    units: tuple[str, ...]  # likewise
    rows: tuple[tuple[str, ...], ...]  # the first rows as text

    def cells(self, column: int) -> list[str]:
        """List the cells of a column in the first rows that are not missing."""
        return [row[column] for row in self.rows if column < len(row) and not is_missing(row[column])]

    def kind(self, column: int) -> str:
        """Tell what most cells of a column are: ``number``, ``clock``, ``date``, ``text``, or ``empty``."""
        kinds = Counter(cell_kind(cell, self.decimal) for cell in self.cells(column))
        return kinds.most_common(1)[0][0] if kinds else "empty"


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for a missing value."""
    return not cell or cell.lower() in MISSING


def cell_kind(cell: str, decimal: str) -> str:
    """Tell whether a cell is a ``number``, a ``clock``, a ``date`` or other ``text``."""
    try:
        float(cell.replace(decimal, ".") if decimal == "," else cell)
    except ValueError:
        if _CLOCK.fullmatch(cell):
            return "clock"
        return "date" if _DATE.fullmatch(cell) else "text"
    return "number"


def read_layout(path: Path) -> CsvLayout:
    """Find out how a table is written, from its first lines; a `UserError` says if it is no text, or has no numbers."""
    lines, encoding = _head(path)
    body = [line for line in lines if line.strip()]
    if not body:
        raise UserError(f"{path}: holds no row; export the recording again")
    separator, decimal = _separator(body[len(body) // 2 :])
    quote = next((mark for mark in "\"'" if mark in body[-1]), None)
    rows = [_split(line, separator, quote) for line in lines]
    first = _first_row(rows, decimal)
    if first == len(rows):
        raise UserError(
            f"{path}: holds no numbers, its last line looked at is {lines[-1][:60]!r}; is it a table of samples?"
        )
    width = max(len(row) for row in rows[first:])
    names, units = _header(lines[:first], separator, width)
    table = tuple(tuple(row) for row in rows[first:] if row)
    return CsvLayout(path, encoding, separator, decimal, quote, first, names, units, table)


def _head(path: Path) -> tuple[list[str], str]:
    with path.open("rb") as file:
        raw = file.read(_HEAD_BYTES)
        whole = not file.read(1)
    encoding = "utf-8-sig"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(raw, final=whole)
    except UnicodeDecodeError:
        encoding = "cp1252"  # which writes a micro sign in one byte
        text = raw.decode(encoding, errors="replace")
    if "\0" in text:
        raise UserError(f"{path}: is no text file; give a table of samples with one row per sample")
    lines = re.split(r"\r\n|\n|\r", text)
    return lines[:-1] if len(lines) > 1 and (not whole or not lines[-1]) else lines, encoding


def _separator(lines: list[str]) -> tuple[str, str]:
    """Find the separator and the decimal mark, from lines that hold rows."""
    separator = next((mark for mark in "\t;" if all(mark in line for line in lines)), None)
    if separator is None:
        separator = "," if all("," in line for line in lines) else " "
    commas = separator != "," and any(re.search(r"\d,\d", line) for line in lines)
    return separator, "," if commas else "."


def _split(line: str, separator: str, quote: str | None) -> list[str]:
    if separator == " ":
        return [cell.strip("\"'") for cell in line.split()]
    try:
        cells = next(csv.reader([line], delimiter=separator, quotechar=quote or '"'), [])
    except csv.Error:
        cells = line.split(separator)
    return [cell.strip() for cell in cells] if line.strip() else []


def _first_row(rows: list[list[str]], decimal: str) -> int:
    """Find the first of the rows that reach to the end: lines with numbers, as wide as the last of them."""
    filled = [len(row) for row in rows if row]
    width = Counter(filled[len(filled) // 2 :]).most_common(1)[0][0]
    first = len(rows)
    for index in range(len(rows) - 1, -1, -1):
        row = rows[index]
        if row and not _is_data(row, width, decimal):
            break
        first = index if row else first
    if first + 1 < len(rows) and _is_header(rows[first], rows[first + 1], decimal):
        return first + 1
    return first


def _is_data(row: list[str], width: int, decimal: str) -> bool:
    numbers = any(cell_kind(cell, decimal) == "number" for cell in row if not is_missing(cell))
    return numbers or (len(row) == width and all(is_missing(cell) for cell in row))


def _is_header(row: list[str], following: list[str], decimal: str) -> bool:
    # A header may hold numbers: "time,0,1".
    return any(
        not is_missing(name) and cell_kind(name, decimal) == "text" and cell_kind(cell, decimal) != "text"
        for name, cell in zip(row, following, strict=False)
        if not is_missing(cell)
    )


def _header(lines: list[str], separator: str, width: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read names and units from the lines before the rows, as far as they are as wide as the rows."""
    blank = max((number for number, line in enumerate(lines, start=1) if not line.strip()), default=0)
    tables = [_header_cells(line, separator) for line in lines[blank:]]  # what an empty line parts is no header
    tables = [cells for cells in tables[-2:] if len(cells) == width or (separator == "," and len(cells) == width - 1)]
    tables = [[*cells, ""] if len(cells) < width else cells for cells in tables]
    units = [""] * width
    if len(tables) == 2 and _are_units(tables[1]):
        units = [_bare(cell) for cell in tables.pop()]
    named = [name_and_unit(cell) for cell in (tables[-1] if tables else [""] * width)]
    names, own_units = zip(*named, strict=True)
    return names, tuple(unit or own for unit, own in zip(units, own_units, strict=True))


def _header_cells(line: str, separator: str) -> list[str]:
    plain = line.lstrip("".join(_COMMENT)).strip() if line.startswith(_COMMENT) else line
    if separator != " ":
        return [cell.strip(" \"'") for cell in _split(plain, separator, '"')]
    wide = re.split(r"\s{2,}|\t", plain.strip())  # names that hold a space: "Elapsed time   MLII"
    return [cell.strip(" \"',") for cell in (wide if len(wide) > 1 else plain.split())]


def _are_units(cells: list[str]) -> bool:
    return any(millivolts_per(cell) is not None for cell in cells) and not any(
        len(_bare(cell)) > len("hh:mm:ss.mmm") for cell in cells
    )


def _bare(unit: str) -> str:
    return unit.strip("()[] \"'")


def name_and_unit(cell: str) -> tuple[str, str]:
    """Split ``II (uV)`` or ``ecg_mV`` into name and unit; what follows without brackets is a unit if it is known."""
    if cell.endswith((")", "]")):
        opening = max(cell.rfind("("), cell.rfind("["))
        return (cell[:opening].strip(), cell[opening + 1 : -1].strip()) if opening >= 0 else (cell, "")
    if cell.lower() != "v" and millivolts_per(cell) is not None:  # a column that is called after its unit; V is a lead
        return "", cell
    name, separator, last = cell.replace("/", "_").replace(" ", "_").rpartition("_")
    unit = last.lower()
    if separator and unit != "v" and (unit in _TIME_UNITS or millivolts_per(unit) is not None):
        return cell[: len(name)], last
    return cell, ""
