"""The page to print: a reviewed recording on one to four sheets of A4, whatever its length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecg_anomaly import words
from ecg_anomaly.errors import harmless
from ecg_anomaly.findings.marks import RIGHT, Action
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import ecg_paper, full_disclosure, group_pictures, print_parts
from ecg_anomaly.reports.episodes import Episode, choose_episodes, find_episodes
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.reports.print_parts import Block, title

# Of the page, which a server that allows no other script must allow.
SCRIPT = 'const button = document.getElementById("print"); button.hidden = false; button.onclick = () => print();'
SHEETS, MOST_CHARACTERS = 4, 1_900_000

_SHEET_MM = 268.0  # of the height of a sheet; some more is left for texts that are longer than reckoned
_STRIP_S = 7.0  # as many as a sheet is wide
_STRIPS = 12  # at most
_PAPER, _FULL = "On ECG paper", "Full disclosure of the marked hours"


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
    first = print_parts.blocks(reviewed, actions, model)
    sheets = pack([*first, *_signals(reviewed, first)])
    template = environment().get_template("print_page.html.jinja")
    return template.render(
        name=harmless(reviewed.summary["recording"], 90),
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


def _signals(reviewed: Review, first: Sequence[Block]) -> list[Block]:
    """Draw as many strips and full hours as there is room for beside what stands first."""
    strips, hours = _Strips(reviewed), _Hours(reviewed)

    def section(shown: int, in_full: int) -> list[Block]:
        return [*strips.blocks(shown), *hours.blocks(in_full)]

    def fits(shown: int, in_full: int) -> bool:
        blocks = [*first, *section(shown, in_full)]
        return len(pack(blocks)) <= SHEETS and sum(block.size for block in blocks) < MOST_CHARACTERS

    # The hour with the most marks comes before strips, further ones after them.
    in_full = int(hours.count > 0 and fits(0, 1))
    shown = next(count for count in range(min(_STRIPS, strips.count), -1, -1) if count == 0 or fits(count, in_full))
    while 0 < in_full < hours.count and fits(shown, in_full + 1):
        in_full += 1
    return section(shown, in_full)


class _Strips:
    """Events and flagged beats on ECG paper, drawn when they are asked for; of the beats those that are marked right.

    Where none is marked right, all flagged ones.
    """

    def __init__(self, reviewed: Review):
        beats = reviewed.beats
        right_s = beats.loc[beats["mark"] == RIGHT, "time_s"].to_numpy(dtype=float)
        episodes = find_episodes(beats, reviewed.events)
        starts_s, ends_s = (np.array([vars(its)[name] for its in episodes]) for name in ("start_s", "end_s"))
        marked = np.searchsorted(right_s, starts_s) < np.searchsorted(right_s, ends_s, side="right")
        kept = marked if len(right_s) else np.ones(len(episodes), dtype=bool)
        self._episodes = [its for its, keep in zip(episodes, kept, strict=True) if its.kind or keep]
        self._reviewed, self._drawn = reviewed, dict[Episode, Block]()
        self.count = len(self._episodes)

    def blocks(self, count: int) -> list[Block]:
        """Give at most so many, in order of time, under their title."""
        if not self.count:
            return [title(_PAPER, "There is no event, and no beat is flagged.")]
        chosen = choose_episodes(self._episodes, count, _STRIP_S)
        told = (
            f"{len(chosen)} of {words.count_text(self.count, 'episode')} with events or flagged beats, the most urgent "
            f"of each kind first; an episode may show others. {ecg_paper.MM_PER_S:.0f} mm/s, "
            f"{ecg_paper.MM_PER_MV:.0f} mm/mV when printed at 100 %. The leads that were judged, as recorded."
        )
        return [title(_PAPER, told), *map(self._strip, chosen)]

    def _strip(self, episode: Episode) -> Block:
        if episode not in self._drawn:
            reviewed = self._reviewed
            strip = ecg_paper.draw_strip(episode, 0, reviewed, length_s=_STRIP_S).in_steps()
            size = sum(len(lane.path) for lane in strip.lanes) + 500 * len(strip.marks)
            clock = words.clock_time(reviewed.stored.start_time, strip.start_s)
            self._drawn[episode] = Block("strip", strip.height_mm + 13, (strip, clock), size)
        return self._drawn[episode]


class _Hours:
    """Hours in full, drawn when they are asked for: those with the most beats that are marked right first."""

    def __init__(self, reviewed: Review):
        self._reviewed, self._drawn = reviewed, dict[int, Block]()
        self._marked = full_disclosure.marked_hours(reviewed.beats)
        self.count = len(self._marked)

    def blocks(self, count: int) -> list[Block]:
        """Give at most so many, in order of time, under their title."""
        if not self.count:
            return [title(_FULL, "No beat is marked right, so that no hour is printed in full.")]
        shown, left = [*self._marked][:count], [*self._marked][count:]
        told = (
            f"A line is a minute of lead {self._reviewed.summary['leads'][0]}, {full_disclosure.MM_PER_MV:g} mm/mV, "
            "without baseline wander. Triangles stand above beats that are marked right, bars above others that are "
            "flagged."
        )
        if left:
            names = words.listed([words.clock(hour * full_disclosure.HOUR_S) for hour in sorted(left)], 8)
            beats = words.count_text(sum(self._marked[hour] for hour in left), "beat")
            told += f" Left out, with {beats} marked right: the hours from {names}."
        return [title(_FULL, told), *map(self._hour, sorted(shown))]

    def _hour(self, number: int) -> Block:
        if number not in self._drawn:
            hour = full_disclosure.draw_hour(number, self._reviewed)
            height_mm = 8 + full_disclosure.LINE_MM * (len(hour.lines) + 1)
            clock = words.clock_time(self._reviewed.stored.start_time, number * full_disclosure.HOUR_S)
            self._drawn[number] = Block("hour", height_mm, (hour, clock), hour.size)
        return self._drawn[number]
