"""What became of the lines of a table: kinds, how many of each and where the first ones stand, for notes and errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LINE = -1  # instead of a column: the whole of it

_TOLD = 3  # lines of a kind that a note names
TOLD_CHARACTERS = 40
MARKS = 1000  # different ones that are counted each by itself
_OTHERS = "0"  # what the others are counted as: no mark for a missing sample


@dataclass
class Account:
    """What became of the lines of a table below its header."""

    rows: int = 0
    plain: bool = False  # whether an earlier reading found plain rows alone, which need no second look
    counts: Counter[str] = field(default_factory=Counter)  # of what is no plain row, by kind
    missing_s: float = 0.0  # of all gaps
    longest_gap: tuple[float, int] = (0.0, 0)  # how long it is, and the line after it
    examples: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # the first few of each kind
    marks: dict[int, Counter[str]] = field(default_factory=dict)  # what stands for numbers of each column, and for rows

    def add(self, kind: str, line: int, text: str) -> None:
        """Enter what stands in a line."""
        self.counts[kind] += 1
        first = self.examples.setdefault(kind, [])
        first.append((line, text.replace("\0", "").strip()[:TOLD_CHARACTERS]))
        first.sort()
        del first[_TOLD:]

    def add_gap(self, gap_s: float, line: int) -> None:
        """Enter how long rows are missing before a line."""
        self.missing_s += gap_s
        self.longest_gap = max(self.longest_gap, (gap_s, line))

    def mark(self, text: str, column: int = LINE) -> None:
        """Enter what stands where a number of a column, or a row, should."""
        marks = self.marks.setdefault(column, Counter())
        marks[text if text in marks or len(marks) < MARKS else _OTHERS] += 1

    def broken(self, column: int = LINE) -> int:
        """Count what is no number or row, but for one text that may stand for a missing sample."""
        marks = self.marks.get(column, Counter())
        missing = (count for text, count in marks.most_common(1) if not any(map(str.isdigit, text)))
        return marks.total() - sum(missing)

    def told(self, kind: str) -> str:
        """Name the first few of a kind."""
        told = [f"line {line}" + (f" {text!r}" if text else "") for line, text in self.examples.get(kind, [])]
        return ", ".join(told) + (", ..." if self.counts[kind] > _TOLD else "")

    def notes(self) -> list[str]:
        """Say what is no plain row, and what became of it."""
        notes = {kind: f"{text}: {self.counts[kind]:,} ({self.told(kind)})" for kind, text in _NOTES.items()}
        if self.counts["room"]:
            notes["damaged"] += f"; but for {self.counts['room']:,}, which times leave no room for"
        return [note for kind, note in notes.items() if self.counts[kind]]


_NOTES = {  # of each kind, but for empty lines
    "header": "header lines amid the rows, left out",
    "comment": "comments amid the rows, left out",
    "remark": "comments behind rows, left out",
    "damaged": "lines that hold no row of numbers, and count as missing samples",
    "cell": "cells that hold no number, and count as missing samples",
    "large": "numbers that no signal holds, which count as missing samples",
    "untimed": "rows whose time cannot be read or lies out of order, placed between their neighbours",
    "repeated": "rows that have the time of the row before, placed evenly",
    "doubled": "rows that have the time of the row before and no room beside it, left out",
    "restart": "times at which time begins again, taken for a gap of a second",
    "footer": "lines below the rows, left out",
    "cut": "last line that is cut off, left out",
}
