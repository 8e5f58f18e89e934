"""How the cells of a table are written: what parts and encloses them, decimal marks, and what stands around a row."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 0.7  # share of the lines that a separator is in
_EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE)

# Changes to each line of some dialects before it is read.
Edit = tuple[re.Pattern[str], str]
_ARROW = re.compile(r"^(\S+(?: \S+)?)[ \t]+->[ \t]*", re.MULTILINE)  # of a serial monitor: "12:34:56.789 -> 512"
_LABEL = re.compile(r"(?:^|(?<=[\t ,;]))([^\W\d][\w+-]*)[:=][ ]*(?=[-+.\d])", re.MULTILINE)  # "ecg:512,resp:300"
_MINUS = re.compile("\N{MINUS SIGN}")
_OBJECT = re.compile(r"^\s*\{.*\}\s*,?\s*$")  # '{"t": 0.004, "ecg": 0.1}'
_BRACES = re.compile(r"^[ \t]*\{|\}[ \t]*,?[ \t]*$|\"", re.MULTILINE)
_COMMA_PAIR = re.compile(r"(\d),(\d+)(?=,|$)", re.MULTILINE)  # a comma both for the decimals and between the cells
_QUOTED_COMMA = re.compile(r'"([-+]?\d+),(\d+(?:[eE][-+]?\d+)?)"')
_COMMA_PAIRS = re.compile(r"^[-+]?\d+,\d+(?:,[-+]?\d+,\d+)*$")
_SPACED_COMMAS = re.compile(r"^\s*[-+]?\d+,\d+(?:\s+[-+]?\d+(?:,\d+)?)+\s*$")
_COMMA_NUMBER = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
_POINT_NUMBER = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
_REMARK = re.compile(r"[\t ,;]*#\*.*$", re.MULTILINE)  # of LabChart, behind a row


@dataclass(frozen=True)
class Dialect:
    """How the lines of one table are written."""

    separator: str  # between cells; a space means any white space
    decimal: str
    quote: str | None  # what may enclose a cell; None if nothing does
    edits: tuple[Edit, ...]  # to be made in each line before it is read

    def split(self, line: str) -> list[str]:
        """Split a line, edited as it should be, into its cells."""
        return split(line, self.separator, self.quote)

    def edited(self, text: str) -> str:
        """Make the changes that lines of this table need."""
        for pattern, replacement in self.edits:
            text = pattern.sub(replacement, text)
        return text


def read_dialect(lines: Sequence[str]) -> tuple[Dialect, list[str]]:
    """Find out how lines are written, and the labels that stand before each number."""
    edits, labels = _edits(lines)
    edited = Dialect(" ", ".", None, edits).edited("\n".join(lines)).split("\n")
    separator, quote = _separator(edited), _quote(edited)
    decimal = _decimal([split(line, separator, quote) for line in edited], separator)
    return Dialect(separator, decimal, quote, edits), labels


def _edits(lines: Sequence[str]) -> tuple[tuple[Edit, ...], list[str]]:
    """Find the changes that lines need before they are cells, and the labels that stand before each number."""
    filled = [line for line in lines if any(map(str.isdigit, line))]
    edits: list[Edit] = [(_REMARK, "")] if any("#*" in line for line in lines) else []
    if _in_most(_ARROW, filled):
        edits.append((_ARROW, r"\1\t"))
        filled = [_ARROW.sub("", line) for line in filled]
    labels = []
    if _in_most(_OBJECT, filled):
        edits.append((_BRACES, ""))
        filled = [_BRACES.sub("", line) for line in filled]
    if _in_most(_LABEL, filled):
        edits.append((_LABEL, ""))
        labels = next(filter(None, map(_LABEL.findall, reversed(filled))))
    if _in_most(_MINUS, filled):
        edits.append((_MINUS, "-"))
    if _in_most(_QUOTED_COMMA, filled):
        edits.append((_QUOTED_COMMA, r"\1.\2"))
    elif _in_most(_COMMA_PAIRS, filled) and any(re.search(r"-0,|,0\d", line) for line in filled[len(filled) // 2 :]):
        edits.append((_COMMA_PAIR, r"\1.\2"))
    return tuple(edits), labels


def _in_most(pattern: re.Pattern[str], lines: Sequence[str]) -> bool:
    return sum(pattern.search(line) is not None for line in lines) > MOST * len(lines)


def _separator(lines: Sequence[str]) -> str:
    """Find the separator: what stands in most of the lines that hold rows."""
    if (told := _EXCEL.fullmatch(lines[0].strip("\r\n "))) is not None:
        return told[1]
    filled = [line for line in lines if any(map(str.isdigit, line))] or [line for line in lines if line.strip()]
    rows = filled[2 * len(filled) // 3 :]
    if _in_most(_SPACED_COMMAS, rows):
        return " "
    return next((mark for mark in "\t;|," if sum(mark in line for line in rows) > MOST * len(rows)), " ")


def _quote(lines: Sequence[str]) -> str | None:
    rows = lines[len(lines) // 2 :]
    return next((mark for mark in "\"'" if sum(mark in line for line in rows) > len(rows) / 2), None)


def _decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    cells = [cell for row in rows[len(rows) // 2 :] for cell in row]
    commas = sum(_COMMA_NUMBER.fullmatch(cell) is not None for cell in cells)
    points = sum(_POINT_NUMBER.fullmatch(cell) is not None for cell in cells)
    return "," if separator != "," and commas > points else "."


def split(line: str, separator: str, quote: str | None) -> list[str]:
    """Split a line into its cells; a space means any white space."""
    if separator == " ":
        return [cell.strip("\"'") for cell in line.split()]
    try:
        cells = next(csv.reader([line], delimiter=separator, quotechar=quote or '"'), [])
    except csv.Error:
        cells = line.split(separator)
    return [cell.strip() for cell in cells] if line.strip() else []


def fitted(row: list[str], width: int) -> list[str]:
    """Take empty cells from behind a row that is wider than the others."""
    while len(row) > width and not row[-1]:
        row = row[:-1]
    return row
