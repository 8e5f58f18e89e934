"""What the page to print says before it shows signals: in blocks, each of which stays together on a sheet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly import words
from ecg_anomaly.errors import harmless
from ecg_anomaly.findings.groups import REST, Group
from ecg_anomaly.findings.heart_rate import readable_intervals
from ecg_anomaly.findings.marks import RIGHT, WRONG, Action
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import group_pictures
from ecg_anomaly.reports.recording_page import facts, headline, kinds_of_events

_LINE_MM, _LINE_CHARACTERS = 4.0, 98  # of text: height, and how many characters at least fit side by side
_SMALL_MM, _SMALL_CHARACTERS = 3.6, 105  # the same of small text
_IN_A_ROW, _GROUPS, _OTHERS, _GROUPS_MM = 5, 20, 5, 38.5  # groups side by side, at most, and the height of a row
_HOURS, _HOUR_MM, _HISTOGRAM_MM = 26, 3.7, 60.0  # rows of the table at most, their height, and that of the histogram
_RATES, _COUNTS = ("lowest_bpm", "mean_bpm", "highest_bpm"), ("beats", "flagged", "V", "S")  # its columns
_RR_S, _BIN_S = (0.2, 2.0), 0.025  # range and width of the bars of the histogram
_NOTES, _NAMES = 3, 6  # at most


@dataclass(frozen=True)
class Block:
    """What stays together on a sheet: ``kind`` names its macro in the template, which is given ``content``."""

    kind: str
    height_mm: float
    content: Any
    size: int = 0  # characters that it takes beyond a few thousand


def blocks(reviewed: Review, actions: Sequence[Action], model: str) -> list[Block]:
    """Make the blocks; arguments as for `print_page.render`."""
    return [*_heading(reviewed, actions, model), _hours(reviewed), *_groups(reviewed), *_events(reviewed)]


def _text_mm(texts: Sequence[str]) -> float:
    return _LINE_MM * sum(math.ceil(max(1, len(text)) / _LINE_CHARACTERS) for text in texts)


def title(heading: str, text: str = "") -> Block:
    """Make the title of what follows, with what is said of it."""
    lines = math.ceil(len(text) / _SMALL_CHARACTERS)
    return Block("title", 9.0 + _SMALL_MM * lines, (heading, text))


def _heading(reviewed: Review, actions: Sequence[Action], model: str) -> list[Block]:
    """Say what the recording is, what was found, and who marked what."""
    summary = reviewed.summary
    notes = [harmless(f"Note: {note}", 2 * _LINE_CHARACTERS) for note in summary["notes"][:_NOTES]]
    if len(summary["notes"]) > _NOTES:
        notes.append(f"{len(summary['notes']) - _NOTES} more notes are in the files of the recording.")
    told = [
        *facts(summary),
        ("model", model),
        ("threshold", f"{words.score_text(reviewed.threshold)} of the anomaly score"),
        ("marks", group_pictures.marks_words(reviewed) or "none: nobody has marked a beat"),
    ]
    terms = [(term, harmless(text, 2 * _LINE_CHARACTERS)) for term, text in told if text]
    sentences = headline(summary)
    height_mm = 9 + _text_mm([" ".join(sentences), *notes, *(text for _, text in terms)])
    blocks = [Block("heading", height_mm, (" ".join(sentences), notes, terms))]
    if names := who_marked(actions):
        more = f" {len(names) - _NAMES} more people marked beats." if len(names) > _NAMES else ""
        blocks.append(Block("who", 13 + _LINE_MM * min(len(names), _NAMES), (names[:_NAMES], more)))
    return blocks


def who_marked(actions: Sequence[Action]) -> list[dict[str, str]]:
    """Tell who marked how many beats, from when to when, the most first; of beats marked again the last mark counts."""
    last = {row: action for action in actions for row in action.rows}
    rows = []
    for by, count in Counter(action.by for action in actions).most_common():
        marks = Counter(action.mark for action in last.values() if action.by == by)
        times = [action.at.astimezone() for action in actions if action.by == by]
        rows.append(
            {
                "who": harmless(by or "no name given", 40),
                **{mark: f"{marks[mark]:,}" for mark in (RIGHT, WRONG)},
                "actions": f"{count:,}",
                **{name: f"{at:%Y-%m-%d %H:%M %Z}" for name, at in (("first", min(times)), ("last", max(times)))},
            }
        )
    return rows


def _hours(reviewed: Review) -> Block:
    """Tabulate what each hour holds, beside the histogram of RR intervals."""
    hours = pd.DataFrame(reviewed.summary["rhythm"]["hours"])
    together = math.ceil(len(hours) / _HOURS)
    part = hours["hour"] // together
    weighted = (hours["mean_bpm"].astype(float) * hours["beats"]).groupby(part).sum(min_count=1)
    beating = hours["beats"].where(hours["mean_bpm"].notna()).groupby(part).sum()
    how = {"hour": "min", **dict.fromkeys(_COUNTS, "sum"), "lowest_bpm": "min", "highest_bpm": "max"}
    table = hours.groupby(part).agg(how)
    table["mean_bpm"] = weighted / beating
    rows = [
        [
            f"{int(row['hour'])}:00",
            *(f"{row[name]:.0f}" if pd.notna(row[name]) else words.UNDEFINED for name in _RATES),
            *(f"{int(row[name]):,}" for name in _COUNTS),
        ]
        for row in table.to_dict("records")
    ]
    heading = "Hour by hour" if together == 1 else f"Every {together} hours"
    histogram = _histogram(reviewed)
    return Block("hours", 11 + max(_HOUR_MM * (len(rows) + 1), _HISTOGRAM_MM), (heading, rows, histogram))


def _histogram(reviewed: Review) -> dict[str, Any]:
    """Give the bars of the RR intervals, heights as shares of the highest: before all beats, and flagged ones."""
    rows, rr_s, _ = readable_intervals(reviewed.beats)
    edges_s = np.arange(_RR_S[0], _RR_S[1] + _BIN_S / 2, _BIN_S)
    flagged = reviewed.beats["flagged"].to_numpy(dtype=bool)[rows]
    bars = [np.histogram(its, edges_s)[0] for its in (rr_s, rr_s[flagged])]
    most = max(1, int(bars[0].max()))
    outside = int(((rr_s < edges_s[0]) | (rr_s > edges_s[-1])).sum())
    return {
        "bars": [[(number, round(count / most, 4)) for number, count in enumerate(its) if count] for its in bars],
        "ticks": [(round((tick - _RR_S[0]) / _BIN_S), f"{tick:g}") for tick in (0.2, 0.5, 1.0, 1.5, 2.0)],
        "count": len(edges_s) - 1,
        "most": f"{most:,}",
        "intervals": f"{len(rr_s):,}",
        "outside": f"{outside:,}" if outside else "",
    }


def _groups(reviewed: Review) -> list[Block]:
    """Show the groups of flagged beats, the largest first and those that do not count last, then some of the others."""
    if not reviewed.groups:
        return []
    beats = reviewed.beats
    wrong = beats["group"][beats["mark"] == WRONG].value_counts()

    def importance(group: Group) -> tuple[bool, int]:
        return bool(wrong.get(group.number, 0) == group.count), -group.count

    its, others = (
        sorted((group for group in reviewed.groups if group.flagged == flagged), key=importance)
        for flagged in (True, False)
    )
    rest = int(((beats["group"] == REST) & beats["flagged"].astype(bool)).sum())
    told = [
        f"Flagged beats in {words.count_text(len(its), 'group')}, others in {len(others):,}; each with its mean beat, "
        f"lead beside lead, one standard deviation around it (grey), and its share."
    ]
    if rest:
        told.append(f"{words.count_text(rest, 'flagged beat')} are in no group.")
    for groups, most, kind in ((its, _GROUPS, "flagged beats"), (others, _OTHERS, "other beats")):
        if left := groups[most:]:
            count = words.count_text(sum(group.count for group in left), "beat")
            told.append(f"Left out: {words.count_text(len(left), 'group')} of {kind} ({count}).")
    blocks = [title("Groups of alike beats", " ".join(told))]
    for groups in (its[:_GROUPS], others[:_OTHERS]):
        drawn = group_pictures.pictures(reviewed, groups)
        rows = [drawn[first : first + _IN_A_ROW] for first in range(0, len(drawn), _IN_A_ROW)]
        blocks += [Block("groups", _GROUPS_MM, row) for row in rows]
    return blocks


def _events(reviewed: Review) -> list[Block]:
    """List events and rhythms by kind."""
    kinds = kinds_of_events(reviewed.events, [], [])
    if not kinds:
        return [title("Events and rhythms", "None was found.")]
    return [Block("events", 15 + _LINE_MM * (len(kinds) + 1), kinds)]
