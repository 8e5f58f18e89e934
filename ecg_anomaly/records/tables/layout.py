"""How a table of samples is written: separator, decimal mark, header, and what its columns are."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.lead_names import looks_like_ecg
from ecg_anomaly.records.tables.cells import cell_kind, is_missing, seconds_per
from ecg_anomaly.records.tables.header import (
    COMMENT,
    Header,
    is_statement,
    lists_channels,
    read_header,
    tells_start,
    without_mark,
)
from ecg_anomaly.records.tables.text import TextFile, open_text
from ecg_anomaly.records.units import millivolts_per

_HEAD_CHARACTERS = 65_536  # enough for hundreds of rows of twelve leads
_LONGEST_HEAD = 1 << 23  # where that much holds no numbers: an electrode that was off to begin with
_FEWEST_NUMBERS = 50  # lines with a digit that a head should have
_MOST = 0.7  # share of the lines that a separator is in
_HEADER_LINES = 4  # of names, of units, and of what else Shimmer tells of each column
_MANY_CELLS = 20  # of a row, in which a single one may be broken
_FOLLOWING = 5  # rows that should be like the first one
_EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_WRITTEN = ("clock", "date")
_PROCESSED = {"cal", "raw", "uncal", ""}  # how Shimmer says what became of each column
_SECTION = re.compile(r"\[(?!.?V\])[^\[\]]+\]|endofheader|-+|=+", re.IGNORECASE)  # before one column of samples
_COUNTS = {"adu", "counts", "adc", "lsb"}  # units behind a name without brackets; "raw" is what was not filtered
# Names that a device gives to its inputs, not a user to the signals.
_NUMBERED = re.compile(r"(?:ch|channel|analog|input|ai?)?[ _]?\d+", re.IGNORECASE)

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
class CsvLayout:
    """How one table is written."""

    text: TextFile
    separator: str  # between cells; a space means any white space
    decimal: str
    quote: str | None  # what may enclose a cell; None if nothing does
    edits: tuple[Edit, ...]  # to be made in each line before it is read
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
        return _commonest_kind(self.cells(column), self.decimal)

    def split(self, line: str) -> list[str]:
        """Split a line, edited as it should be, into its cells."""
        return _split(line, self.separator, self.quote)

    def edited(self, text: str) -> str:
        """Make the changes that lines of this table need."""
        for pattern, replacement in self.edits:
            text = pattern.sub(replacement, text)
        return text


def read_layout(path: Path) -> CsvLayout:
    """Find out how a table is written, from its first lines; a `UserError` says if it is no text, or has no numbers."""
    text = open_text(path)
    original = _head(text)
    if not any(line.strip() for line in original):
        raise UserError(f"{path}: holds no row; export the recording again")
    edits, labels = _edits(original)
    lines = "\n".join(original)
    for pattern, replacement in edits:
        lines = pattern.sub(replacement, lines)
    edited = lines.split("\n")
    separator = _separator(edited)
    quote = _quote(edited)
    rows = [_split(line, separator, quote) for line in edited]
    decimal = _decimal(rows, separator)
    table = _Table(rows, decimal)
    first = table.first_row(edited)
    if first is None:
        raise UserError(
            f"{path}: holds no numbers, its last line looked at is {original[-1][:60]!r}; is it a table of samples?"
        )
    if (surplus := table.written_width - table.width) > 1:  # of separators behind each row
        edits = (*edits, (re.compile(f"{re.escape(separator)}{{{surplus}}}$", re.MULTILINE), ""))
    above = original[:first]
    header = read_header(above)
    names, units = _named_columns(above, separator, table, header, labels)
    filled = [line for line in edited[first:] if line.strip()]
    return CsvLayout(
        text=text,
        separator=separator,
        decimal=decimal,
        quote=quote,
        edits=edits,
        above=tuple(above),
        header=header,
        names=names,
        units=units,
        rows=tuple(tuple(_fitted(row, table.width)) for row in rows[first:] if row),
        spaced=table.width > 1 or len(filled) < _MOST * len(edited[first:]),
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
    return sum(pattern.search(line) is not None for line in lines) > _MOST * len(lines)


def _separator(lines: Sequence[str]) -> str:
    """Find the separator: what stands in most of the lines that hold rows."""
    if (told := _EXCEL.fullmatch(lines[0].strip("\r\n "))) is not None:
        return told[1]
    filled = [line for line in lines if any(map(str.isdigit, line))] or [line for line in lines if line.strip()]
    rows = filled[2 * len(filled) // 3 :]
    if _in_most(_SPACED_COMMAS, rows):
        return " "
    return next((mark for mark in "\t;|," if sum(mark in line for line in rows) > _MOST * len(rows)), " ")


def _quote(lines: Sequence[str]) -> str | None:
    rows = lines[len(lines) // 2 :]
    return next((mark for mark in "\"'" if sum(mark in line for line in rows) > len(rows) / 2), None)


def _decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    cells = [cell for row in rows[len(rows) // 2 :] for cell in row]
    commas = sum(_COMMA_NUMBER.fullmatch(cell) is not None for cell in cells)
    points = sum(_POINT_NUMBER.fullmatch(cell) is not None for cell in cells)
    return "," if separator != "," and commas > points else "."


def _split(line: str, separator: str, quote: str | None) -> list[str]:
    if separator == " ":
        return [cell.strip("\"'") for cell in line.split()]
    try:
        cells = next(csv.reader([line], delimiter=separator, quotechar=quote or '"'), [])
    except csv.Error:
        cells = line.split(separator)
    return [cell.strip() for cell in cells] if line.strip() else []


def _fitted(row: list[str], width: int) -> list[str]:
    """Take empty cells from behind a row that is wider than the others."""
    while len(row) > width and not row[-1]:
        row = row[:-1]
    return row


class _Table:
    """Which of the first lines are rows."""

    def __init__(self, rows: Sequence[list[str]], decimal: str):
        self._decimal = decimal
        telling = [row for row in rows if any(self._kind(cell) not in ("text", "empty") for cell in row)]
        self.width = self.written_width = Counter(map(len, telling)).most_common(1)[0][0] if telling else 0
        filled = [row for row in rows if len(row) == self.width]
        while self.width > 1 and not any(row[self.width - 1] for row in filled):
            self.width -= 1  # a separator at the end of each line makes no column
        self._rows = [_fitted(row, self.width) for row in rows]
        columns = zip(*(row for row in self._rows if row and len(row) == self.width), strict=True)
        self._kinds = [
            _commonest_kind([cell for cell in column if not is_missing(cell)], decimal) for column in columns
        ]

    @property
    def date_and_clock(self) -> bool:
        """Whether the first two columns are one time, written with a space between date and clock."""
        return set(self._kinds[:2]) == set(_WRITTEN)

    def first_row(self, lines: Sequence[str]) -> int | None:
        """Find the first row: one that most of the rows after it are like."""
        alike = [bool(self.width) and self._is_row(row) for row in self._rows]
        filled = [index for index, row in enumerate(self._rows) if row]
        for place, index in enumerate(filled):
            following = [alike[later] for later in filled[place + 1 : place + 1 + _FOLLOWING]]
            if alike[index] and sum(following) >= len(following) / 2:
                return self._with_what_stands_before(index, lines)
        return None

    def _is_row(self, row: Sequence[str]) -> bool:
        if len(row) != self.width or row[0].startswith(COMMENT):
            return False
        kinds = [self._kind(cell) for cell in row]
        usual = zip(kinds, self._kinds, strict=True)
        strange = sum(kind not in ("empty", common) and common not in ("text", "empty") for kind, common in usual)
        return strange <= self.width // _MANY_CELLS and any(kind in ("number", *_WRITTEN) for kind in kinds)

    def _with_what_stands_before(self, first: int, lines: Sequence[str]) -> int:
        """Go back over rows that are damaged, or hold a mark for a missing sample, or forward over numbered columns."""
        row = self._rows[first]
        following = next((row for row in self._rows[first + 1 :] if row), [])
        if tells_start(lines[first]) and first + 2 < len(lines):
            return first + 2
        listed = self.width == 1 and lists_channels(lines[:first])
        numbers = first == 0 and _numbers_columns(row, following)
        if following and (numbers or _counts_samples(row, following, listed)):
            return first + 1
        later = Counter(line.strip() for line in lines)
        while first > 0 and (before := self._rows[first - 1]):
            text = lines[first - 1].strip()
            repeated = later[text] > 1 and (not text.isalnum() or (first > 1 and lines[first - 2].strip() == text))
            mark = len(before) == 1 and not before[0].startswith(COMMENT) and repeated
            timed = self._kinds[0] in ("number", *_WRITTEN) and self._kind(before[0]) == self._kinds[0]
            named = first > 1 and self._names_signals(self._rows[first - 2]) and not is_statement(text)
            damaged = (timed and len(before) == self.width > 1) or (named and not self._is_text(before))
            if not (mark or damaged):
                break
            first -= 1
        return first

    def _names_signals(self, row: Sequence[str]) -> bool:
        return (
            len(row) == self.width
            and self._is_text(row)
            and any(looks_like_ecg(name_and_unit(cell)[0]) for cell in row)
        )

    def _is_text(self, row: Sequence[str]) -> bool:
        return not any(self._kind(cell) == "number" for cell in row)

    def _kind(self, cell: str) -> str:
        return "empty" if is_missing(cell) else cell_kind(cell, self._decimal)


def _numbers_columns(row: Sequence[str], following: Sequence[str]) -> bool:
    """Tell whether a row numbers the columns, as pandas writes those that have no name."""
    bare = row[1:] if is_missing(row[0]) else row  # beside an index
    counts = any(list(bare) == [str(start + place) for place in range(len(bare))] for start in (0, 1))
    return counts and len(row) > 1 and not all(cell.lstrip("-").isdigit() for cell in following)


def _counts_samples(row: Sequence[str], following: Sequence[str], listed: bool) -> bool:
    """Tell whether a row says how many samples each column has, as AcqKnowledge writes below the names.

    A single column is ``listed`` as a channel above.
    """
    if listed:
        return row[0].isdigit() and not following[0].isdigit()
    counted = set(row[1:])
    return is_missing(row[0]) and not is_missing(following[0]) and len(counted) == 1 and row[-1].isdigit()


def _parts(cells: Sequence[str]) -> bool:
    """Tell whether a line above the rows counts samples, is a number, or only parts the names from the rows."""
    if len(cells) == 1:
        return re.fullmatch(r"[-=+:|.]{2,}|\d+(\.\d+)?", cells[0]) is not None
    ruled = all(re.fullmatch("[-=+:|]*", cell) for cell in cells) and max(map(len, cells)) > 1
    return ruled or (not cells[0] and len(set(cells[1:])) == 1 and cells[1].isdigit())


def _commonest_kind(cells: Sequence[str], decimal: str) -> str:
    """Tell what most cells are, but for a mark that stands for a missing sample beside numbers or times."""
    kinds: Counter[str] = Counter()
    for cell, count in Counter(cells).items():
        kinds[cell_kind(cell, decimal)] += count
    if kinds["text"] and len(kinds) > 1:
        marks = Counter(cell for cell in cells if cell_kind(cell, decimal) == "text").most_common(1)
        kinds["text"] -= sum(count for text, count in marks if not any(map(str.isdigit, text)))
    return kinds.most_common(1)[0][0] if kinds else "empty"


def _named_columns(
    above: Sequence[str], separator: str, table: _Table, header: Header, labels: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find names and units of columns in the lines above them, as far as those are as wide as the rows."""
    width = table.width
    while above and not above[-1].strip():
        above = above[:-1]
    blank = max((number for number, line in enumerate(above, start=1) if not line.strip()), default=0)
    said = max((number for number, line in enumerate(above, start=1) if is_statement(line)), default=0)
    lines = above[max(blank, said) :]  # what is parted from the rows names no columns
    tables = [_fitted(_header_cells(line, separator, width), width) for line in lines[-_HEADER_LINES:]]
    if separator == " " and table.date_and_clock:  # one name for both
        tables = [[cells[0], *cells] if len(cells) == width - 1 else cells for cells in tables]
    if separator == " ":  # R numbers the rows, and gives no name to that
        tables = [["", *cells] if len(cells) == width - 1 else cells for cells in tables]
    tables = [[*cells, ""] if separator == "," and len(cells) == width - 1 else cells for cells in tables]
    tables = [cells for cells in tables if not (width == 1 and _SECTION.fullmatch(cells[0])) and not _parts(cells)]
    tables = [cells for cells in tables if len(cells) == width and not {cell.lower() for cell in cells} <= _PROCESSED]
    own = [""] * width
    if len(tables) > 1 and _are_units(tables[-1]):
        own = [_bare(cell) for cell in tables.pop()]
    labels = [""] * (width - len(labels)) + labels if labels else []
    named = [name_and_unit(cell) for cell in (tables[-1] if tables else labels)]
    told = _aligned(header.names, width)
    names = [
        other if _NUMBERED.fullmatch(name) and other else name for (name, _), other in zip(named, told, strict=False)
    ]
    general = header.units * width if len(header.units) == 1 else _aligned(header.units, width)
    units = [unit or (named[column][1] if named else "") or general[column] for column, unit in enumerate(own)]
    return tuple(names) or told, tuple(units)


def _aligned(told: Sequence[str], width: int) -> tuple[str, ...]:
    """Give what a header says of its channels to the columns: the last ones, for times stand before them."""
    return ("",) * (width - len(told)) + tuple(told) if width - 2 <= len(told) <= width else ("",) * width


def _header_cells(line: str, separator: str, width: int) -> list[str]:
    plain = without_mark(line)
    if width == 1:
        return [plain.strip(" \"',;\t")]
    if separator != " ":
        return [cell.strip(" \"'") for cell in _split(plain, separator, '"')]
    wide = re.split(r"\s{2,}|\t", plain.strip())  # names that hold a space: "Elapsed time   MLII"
    return [cell.strip(" \"',") for cell in (wide if len(wide) > 1 else plain.split())]


def _are_units(cells: Sequence[str]) -> bool:
    return any(millivolts_per(_bare(cell)) is not None for cell in cells) and not any(
        len(_bare(cell)) > len("hh:mm:ss.mmm dd/mm/yyyy") for cell in cells
    )


def _bare(unit: str) -> str:
    return unit.strip("()[]* \"'")


def name_and_unit(cell: str) -> tuple[str, str]:
    """Split ``II (uV)`` or ``ecg_mV`` into name and unit; what follows without brackets is a unit if it is known."""
    if cell.endswith((")", "]")):
        opening = max(cell.rfind("("), cell.rfind("["))
        return (cell[:opening].strip(), cell[opening + 1 : -1].strip()) if opening >= 0 else (cell, "")
    if cell.lower() != "v" and millivolts_per(cell) is not None:  # a column that is called after its unit; V is a lead
        return "", cell
    name, separator, last = re.sub("[/ ,:]", "_", cell).rpartition("_")
    known = seconds_per(last) is not None or millivolts_per(last) is not None or last.lower() in _COUNTS
    if separator and known and (len(last) > 1 or last.lower() == "s"):
        return cell[: len(name)].strip(" _,").removesuffix(" in"), last
    return cell, ""
