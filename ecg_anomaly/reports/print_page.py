"""The page to print: a reviewed recording on one to four sheets of A4, whatever its length."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly import words
from ecg_anomaly.beats.events import Event
from ecg_anomaly.findings.groups import REST, Group
from ecg_anomaly.findings.heart_rate import readable_intervals
from ecg_anomaly.findings.marks import RIGHT, WRONG, Action
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import ecg_paper, full_disclosure, group_pictures, styles
from ecg_anomaly.reports.ecg_paper import Episode
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.reports.recording_page import facts, headline

SCRIPT = 'const button = document.getElementById("print"); button.hidden = false; button.onclick = () => print();'
SHEETS, MOST_CHARACTERS = 4, 1_900_000

_SHEET_MM = 266.0  # of the height of a sheet; ten more are left for texts that are longer than reckoned
_LINE_MM, _LINE_CHARACTERS = 4.2, 95  # of text: height, and how many characters at least fit side by side
_STRIP_S = 7.0  # as many as a sheet is wide
_STRIPS = 12  # at most
_IN_A_ROW, _GROUPS, _OTHERS, _GROUPS_MM = 5, 20, 5, 32.0  # groups side by side, at most, and the height of a row
_HOURS, _HOUR_MM, _HISTOGRAM_MM = 24, 3.7, 62.0  # rows of the table at most, their height, and that of the histogram
_NOTES, _NAMES = 3, 6  # at most
_RATES, _COUNTS = ("lowest_bpm", "mean_bpm", "highest_bpm"), ("beats", "flagged", "V", "S")  # its columns
_RR_S, _BIN_S = (0.2, 2.0), 0.025  # range and width of the bars of the histogram


@dataclass(frozen=True)
class Block:
    """What stays together on a sheet: ``kind`` names its macro in the template, which is given ``content``."""

    kind: str
    height_mm: float
    content: Any
    size: int = 0  # characters that it takes beyond a few thousand


def render(reviewed: Review, actions: Sequence[Action], model: str) -> str:
    """Make the page.

    What finds no room on `SHEETS` sheets or would make the page larger than `MOST_CHARACTERS` is left out, the least
    important first, and said to be.

    Parameters
    ----------
    reviewed
        The recording as it is reviewed: what is marked wrong does not count.
    actions
        What was done to its marks.
    model
        The model that judged it, in words.
    """
    first = [*_heading(reviewed, actions, model), _hours(reviewed), *_groups(reviewed), *_events(reviewed)]
    sheets = pack([*first, *_signals(reviewed, first)])
    template = environment().get_template("print_page.html.jinja")
    return template.render(
        name=_short(reviewed.summary["recording"], 90),
        sheets=sheets,
        paper=ecg_paper.PAPER,
        lane_mm=group_pictures.LANE_MM,
        disclosure=full_disclosure,
        script=SCRIPT,
    )


def pack(blocks: Sequence[Block]) -> list[list[Block]]:
    """Lay blocks on sheets, in their order; a title stays with what follows it."""
    sheets, left_mm = list[list[Block]](), 0.0
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        more_mm = following.height_mm if following is not None and block.kind == "title" else 0.0
        if block.height_mm + more_mm > left_mm:
            sheets.append([])
            left_mm = _SHEET_MM
        sheets[-1].append(block)
        left_mm -= block.height_mm
    return sheets


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _text_mm(texts: Sequence[str]) -> float:
    return _LINE_MM * sum(math.ceil(max(1, len(text)) / _LINE_CHARACTERS) for text in texts)


def _title(heading: str, text: str = "") -> Block:
    return Block("title", 9.0 + (_text_mm([text]) if text else 0.0), (heading, text))


def _heading(reviewed: Review, actions: Sequence[Action], model: str) -> list[Block]:
    """Say what the recording is, what was found, and who marked what."""
    summary = reviewed.summary
    notes = [_short(f"Note: {note}", 2 * _LINE_CHARACTERS) for note in summary["notes"][:_NOTES]]
    if len(summary["notes"]) > _NOTES:
        notes.append(f"{len(summary['notes']) - _NOTES} more notes are in the files of the recording.")
    told = [
        ("recorded", str(summary.get("start_time") or "").replace("T", " ")),
        *facts(summary),
        ("model", model),
        ("threshold", f"{words.score_text(reviewed.threshold)} of the anomaly score"),
        ("marks", group_pictures.marks_words(reviewed) or "none: nobody has marked a beat"),
    ]
    terms = [(term, _short(text, 2 * _LINE_CHARACTERS)) for term, text in told if text]
    sentences = headline(summary)
    height_mm = 11 + _text_mm([" ".join(sentences), *notes, *(text + term.rjust(20) for term, text in terms)])
    blocks = [Block("heading", height_mm, (" ".join(sentences), notes, terms))]
    if names := who_marked(actions):
        more = f" {len(names) - _NAMES} more people marked beats." if len(names) > _NAMES else ""
        blocks.append(Block("who", 13 + _LINE_MM * min(len(names), _NAMES), (names[:_NAMES], more)))
    return blocks


def who_marked(actions: Sequence[Action]) -> list[dict[str, str]]:
    """Tell who marked how many beats, from when to when, the most first; of beats marked again the last mark counts."""
    last = {row: action for action in actions for row in action.rows}
    rows = []
    for by in dict.fromkeys(action.by for action in actions):
        its = [action for action in actions if action.by == by]
        marks = [action.mark for action in last.values() if action.by == by]
        times = sorted(action.at for action in its)
        first, latest = (f"{at.astimezone():%Y-%m-%d %H:%M %Z}" for at in (times[0], times[-1]))
        counts = {mark: f"{marks.count(mark):,}" for mark in (RIGHT, WRONG)}
        rows.append({"who": _short(by or "no name given", 40), **counts, "actions": f"{len(its):,}"})
        rows[-1] |= {"first": first, "last": latest}
    return sorted(rows, key=lambda row: -int(row["actions"].replace(",", "")))


def _hours(reviewed: Review) -> Block:
    """Tabulate what each hour holds, beside the histogram of RR intervals."""
    hours = pd.DataFrame(reviewed.summary["rhythm"]["hours"])
    together = math.ceil(len(hours) / _HOURS)
    part = hours["hour"] // together
    weighted = (hours["mean_bpm"].astype(float) * hours["beats"]).groupby(part).sum(min_count=1)
    beating = hours["beats"].where(hours["mean_bpm"].notna()).groupby(part).sum()
    table = hours.groupby(part).agg(
        {
            "hour": "min",
            **dict.fromkeys(("beats", "flagged", "V", "S"), "sum"),
            "lowest_bpm": "min",
            "highest_bpm": "max",
        }
    )
    table["mean_bpm"] = weighted / beating
    rows = [
        [
            f"{int(row['hour'])}:00",
            *(f"{row[name]:.0f}" if pd.notna(row[name]) else words.UNDEFINED for name in _RATES),
            *(f"{int(row[name]):,}" for name in _COUNTS),
        ]
        for row in table.to_dict("records")
    ]
    title = "Hour by hour" if together == 1 else f"Every {together} hours"
    histogram = _histogram(reviewed)
    return Block("hours", 14 + max(_HOUR_MM * (len(rows) + 1), _HISTOGRAM_MM), (title, rows, histogram))


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
        f"lead beside lead, and one standard deviation around it (grey), all to one scale."
    ]
    if rest:
        told.append(f"{words.count_text(rest, 'flagged beat')} are in no group.")
    for groups, most, kind in ((its, _GROUPS, "flagged beats"), (others, _OTHERS, "other beats")):
        if left := groups[most:]:
            count = words.count_text(sum(group.count for group in left), "beat")
            told.append(f"Left out: {words.count_text(len(left), 'group')} of {kind} ({count}).")
    blocks = [_title("Groups of alike beats", " ".join(told))]
    for groups in (its[:_GROUPS], others[:_OTHERS]):
        drawn = group_pictures.pictures(reviewed, groups)
        rows = [drawn[first : first + _IN_A_ROW] for first in range(0, len(drawn), _IN_A_ROW)]
        blocks += [Block("groups", _GROUPS_MM, row) for row in rows]
    return blocks


def _events(reviewed: Review) -> list[Block]:
    """Tabulate events and rhythms by kind."""
    found: dict[str, list[Event]] = {}
    for event in (*reviewed.stored.events, *reviewed.rhythms):
        found.setdefault(event.kind, []).append(event)
    rows = []
    for kind in (*styles.EVENT_WORDS, *(kind for kind in found if kind not in styles.EVENT_WORDS)):
        if its := found.get(kind):
            longest = max(its, key=lambda event: event.end_s - event.start_s)
            lasts_s, total_s = longest.end_s - longest.start_s, sum(event.end_s - event.start_s for event in its)
            at = words.clock(longest.start_s)
            rows.append(
                (styles.EVENT_WORDS.get(kind, kind), f"{len(its):,}", f"{total_s:,.0f} s", f"{lasts_s:.1f} s", at)
            )
    if not rows:
        return [_title("Events and rhythms", "None was found.")]
    return [Block("events", 15 + _LINE_MM * (len(rows) + 1), rows)]


def _signals(reviewed: Review, first: Sequence[Block]) -> list[Block]:
    """Draw strips and full hours, as many as there is room for beside what stands first."""
    beats, stored, hours = reviewed.beats, reviewed.stored, full_disclosure.marked_hours(reviewed.beats)
    episodes = _by_importance(reviewed)
    taken: dict[int, Block] = {}  # strips, by their place in order of time
    full: dict[int, Block] = {}  # hours

    def read_lead_mv(start_s: float, end_s: float) -> np.ndarray:
        return stored.read_mv(start_s, end_s)[:, 0]

    def fits(strips: Mapping[int, Block], in_full: Mapping[int, Block]) -> bool:
        blocks = [*first, *_section(reviewed, episodes, strips, hours, in_full)]
        return len(pack(blocks)) <= SHEETS and sum(block.size for block in blocks) < MOST_CHARACTERS

    def add_hour(number: int) -> bool:
        hour = full_disclosure.draw_hour(number, beats, stored.duration_s, stored.sampling_rate_hz, read_lead_mv)
        block = Block("hour", 8 + full_disclosure.LINE_MM * (len(hour.lines) + 1), hour, hour.size)
        if not fits(taken, full | {number: block}):
            return False
        full[number] = block
        return True

    by_marks = [*hours][:SHEETS]
    if by_marks:  # the hour with the most comes before strips, further ones after them
        add_hour(by_marks[0])
    for place, episode in episodes[:_STRIPS]:
        strip = ecg_paper.draw_strip(episode, place, reviewed.summary, beats, stored.events, stored.read_mv, _STRIP_S)
        size = sum(len(lane.path) for lane in strip.lanes) + 500 * len(strip.marks)
        block = Block("strip", strip.height_mm + 8 + (_LINE_MM if strip.note else 0), strip, size)
        if fits(taken | {place: block}, full):
            taken[place] = block
    for number in by_marks[1:]:
        if not add_hour(number):
            break
    return _section(reviewed, episodes, taken, hours, full)


def _by_importance(reviewed: Review) -> list[tuple[int, Episode]]:
    """Order episodes, each with its place in order of time: of each kind the longest, then the second, ..."""
    found = ecg_paper.find_episodes(reviewed.beats, reviewed.stored.events)
    marked_s = reviewed.beats.loc[reviewed.beats["mark"] == RIGHT, "time_s"].to_numpy(dtype=float)

    def weight(episode: Episode) -> tuple[bool, float]:
        first, past = np.searchsorted(marked_s, (episode.start_s, np.nextafter(episode.end_s, np.inf)))
        return bool(past > first), episode.end_s - episode.start_s if episode.kind else episode.score

    ranked, seen = list[tuple[int, int, int, Episode]](), dict[str, int]()
    for place, episode in sorted(enumerate(found, 1), key=lambda its: weight(its[1]), reverse=True):
        rank = seen[episode.kind] = seen.get(episode.kind, -1) + 1
        ranked.append((rank, int(not episode.kind), place, episode))
    return [(place, episode) for *_, place, episode in sorted(ranked, key=lambda its: its[:3])]


def _section(
    reviewed: Review,
    episodes: Sequence[tuple[int, Episode]],
    strips: Mapping[int, Block],
    hours: Mapping[int, int],
    full: Mapping[int, Block],
) -> list[Block]:
    """Put strips and hours under their titles, which say what is left out."""
    shown = f"{len(strips)} of {words.count_text(len(episodes), 'stretch')}" if episodes else ""
    about = f"{ecg_paper.MM_PER_S:.0f} mm/s, {ecg_paper.MM_PER_MV:.0f} mm/mV when printed at 100 %; as recorded."
    lead = f"lead {reviewed.summary['leads'][0]}, {full_disclosure.MM_PER_MV:g} mm/mV, without baseline wander"
    blocks = [
        _title(
            "On ECG paper",
            f"{shown} with events or flagged beats, the longest and the highest scores of each kind first. {about}"
            if episodes
            else "There is no event, and no beat is flagged.",
        ),
        *(strips[place] for place in sorted(strips)),
    ]
    left = [(hour, count) for hour, count in hours.items() if hour not in full]
    told = (
        f"A line is a minute of {lead}. Triangles stand above beats that are marked right, bars above others that are "
        "flagged."
    )
    if left:
        count, names = sum(its for _, its in left), words.listed([f"{hour}:00" for hour, _ in left], 8)
        told += f" Left out for want of room: {names} ({words.count_text(count, 'beat')} marked right)."
    if not hours:
        told = "No beat is marked right, so that no hour is printed in full."
    return [*blocks, _title("Full disclosure of the marked hours", told), *(full[hour] for hour in sorted(full))]
