"""Which of the first lines of a table are rows: where its header ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ecg_anomaly.records.lead_names import looks_like_ecg
from ecg_anomaly.records.tables.cells import cell_kind, is_missing
from ecg_anomaly.records.tables.columns import name_and_unit
from ecg_anomaly.records.tables.dialect import fitted
from ecg_anomaly.records.tables.header import COMMENT, is_statement, lists_channels, tells_start

_MANY_CELLS = 20  # of a row, in which a single one may be broken
_FOLLOWING = 5  # rows that should be like the first one
_WRITTEN = ("clock", "date")


class FirstLines:
    """The first lines, as cells.

    ``width`` is how many cells their rows have, 0 if there is none; ``written_width`` counts empty ones behind, too.
    """

    def __init__(self, rows: Sequence[list[str]], decimal: str):
        self._decimal = decimal
        telling = [row for row in rows if any(self._kind(cell) not in ("text", "empty") for cell in row)]
        self.width = self.written_width = Counter(map(len, telling)).most_common(1)[0][0] if telling else 0
        filled = [row for row in rows if len(row) == self.width]
        while self.width > 1 and not any(row[self.width - 1] for row in filled):
            self.width -= 1  # a separator at the end of each line makes no column
        self._rows = [fitted(row, self.width) for row in rows]
        columns = zip(*(row for row in self._rows if row and len(row) == self.width), strict=True)
        self._kinds = [commonest_kind([cell for cell in column if not is_missing(cell)], decimal) for column in columns]

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


def commonest_kind(cells: Sequence[str], decimal: str) -> str:
    """Tell what most cells are, but for a mark that stands for a missing sample beside numbers or times."""
    kinds: Counter[str] = Counter()
    for cell, count in Counter(cells).items():
        kinds[cell_kind(cell, decimal)] += count
    if kinds["text"] and len(kinds) > 1:
        marks = Counter(cell for cell in cells if cell_kind(cell, decimal) == "text").most_common(1)
        kinds["text"] -= sum(count for text, count in marks if not any(map(str.isdigit, text)))
    return kinds.most_common(1)[0][0] if kinds else "empty"
