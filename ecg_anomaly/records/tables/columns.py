"""Names and units of columns, in the lines above a table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecg_anomaly.records.tables.cells import seconds_per
from ecg_anomaly.records.tables.dialect import fitted, split
from ecg_anomaly.records.tables.header import Header, is_statement, without_mark
from ecg_anomaly.records.units import millivolts_per

_HEADER_LINES = 4  # of names, of units, and of what else Shimmer tells of each column
_PROCESSED = {"cal", "raw", "uncal", ""}  # how Shimmer says what became of each column
_SECTION = re.compile(r"\[(?!.?V\])[^\[\]]+\]|endofheader|-+|=+", re.IGNORECASE)  # before one column of samples
_COUNTS = {"adu", "counts", "adc", "lsb"}  # units behind a name without brackets; "raw" is what was not filtered
# Names that a device gives to its inputs, not a user to the signals.
_NUMBERED = re.compile(r"(?:ch|channel|analog|input|ai?)?[ _]?\d+", re.IGNORECASE)


def named_columns(
    above: Sequence[str], separator: str, width: int, joined: bool, header: Header, labels: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find names and units of columns in the lines above them, as far as those are as wide as the rows.

    Parameters
    ----------
    joined
        Whether the first two columns are one time, with one name.
    labels
        What stands before each number of a row.
    """
    tables = _lines_of_names(above, separator, width, joined)
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


def _lines_of_names(above: Sequence[str], separator: str, width: int, joined: bool) -> list[list[str]]:
    """Split the last lines above the rows into cells, and leave out those that name no columns."""
    while above and not above[-1].strip():
        above = above[:-1]
    blank = max((number for number, line in enumerate(above, start=1) if not line.strip()), default=0)
    said = max((number for number, line in enumerate(above, start=1) if is_statement(line)), default=0)
    lines = above[max(blank, said) :]  # what is parted from the rows names no columns
    tables = [fitted(_header_cells(line, separator, width), width) for line in lines[-_HEADER_LINES:]]
    if separator == " " and joined:  # one name for both
        tables = [[cells[0], *cells] if len(cells) == width - 1 else cells for cells in tables]
    if separator == " ":  # R numbers the rows, and gives no name to that
        tables = [["", *cells] if len(cells) == width - 1 else cells for cells in tables]
    tables = [[*cells, ""] if separator == "," and len(cells) == width - 1 else cells for cells in tables]
    tables = [cells for cells in tables if len(cells) == width and not {cell.lower() for cell in cells} <= _PROCESSED]
    return [cells for cells in tables if not (width == 1 and _SECTION.fullmatch(cells[0])) and not _parts(cells)]


def _parts(cells: Sequence[str]) -> bool:
    """Tell whether a line above the rows counts samples, is a number, or only parts the names from the rows."""
    if len(cells) == 1:
        return re.fullmatch(r"[-=+:|.]{2,}|\d+(\.\d+)?", cells[0]) is not None
    ruled = all(re.fullmatch("[-=+:|]*", cell) for cell in cells) and max(map(len, cells)) > 1
    return ruled or (not cells[0] and len(set(cells[1:])) == 1 and cells[1].isdigit())


def _aligned(told: Sequence[str], width: int) -> tuple[str, ...]:
    """Give what a header says of its channels to the columns: the last ones, for times stand before them."""
    return ("",) * (width - len(told)) + tuple(told) if width - 2 <= len(told) <= width else ("",) * width


def _header_cells(line: str, separator: str, width: int) -> list[str]:
    plain = without_mark(line)
    if width == 1:
        return [plain.strip(" \"',;\t")]
    if separator != " ":
        return [cell.strip(" \"'") for cell in split(plain, separator, '"')]
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
