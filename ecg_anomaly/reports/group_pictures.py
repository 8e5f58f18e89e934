"""Groups of alike beats as pages show them: each with its mean beat, its figures and what was marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecg_anomaly import words
from ecg_anomaly.findings.groups import REST, Group
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.findings.review import Review

LANE_MM = (18.0, 10.0)  # width and height of one lead
_GAP = 1 / 18  # of the width, before the next lead
_SCALED_FOR = 0.95  # of the beats: groups of the others may be cut off


@dataclass(frozen=True)
class Picture:
    """A group on a page."""

    name: str
    figures: tuple[str, ...]  # how many beats and how early they come
    mark: str  # what was marked in it, and what that teaches, in words
    counts: bool  # whether any of its beats do: not all are marked wrong
    lanes: list[tuple[str, str]]  # of each lead the mean beat and its spread, as SVG paths in millimetres


def pictures(reviewed: Review, groups: Sequence[Group]) -> list[Picture]:
    """Draw groups of a review, all to one scale, lead beside lead."""
    beats, leads = reviewed.beats, len(reviewed.summary["leads"])
    rows = {"all": beats["group"] >= REST, RIGHT: beats["mark"] == RIGHT, WRONG: beats["mark"] == WRONG}
    rows["flagged"] = beats["flagged"].astype(bool)
    most = max((group.number for group in groups), default=0) + 1
    counts = {key: np.bincount(beats["group"][its].astype(int), minlength=most) for key, its in rows.items()}
    drawn = mean_beats(groups, leads, *LANE_MM)
    return [
        _picture(group, {key: int(its[group.number]) for key, its in counts.items()}, lanes)
        for group, lanes in zip(groups, drawn, strict=True)
    ]


def mean_beats(groups: Sequence[Group], leads: int, width: float, height: float) -> list[list[tuple[str, str]]]:
    """Draw the mean beats of groups, all to one scale, lead beside lead; what is higher or lower is cut off.

    Parameters
    ----------
    groups
        The groups.
    leads
        Number of leads that were judged.
    width, height
        Of one lead, in any unit.

    Returns
    -------
    list
        Of each group and lead, the mean beat and the area of its spread, as SVG paths.
    """
    limits = -_reach(groups, -1, leads), _reach(groups, 1, leads)
    return [[_lane(group, lead, width, height, limits) for lead in range(leads)] for group in groups]


def names_of(reviewed: Review) -> dict[int, str]:
    """Name the groups of a review by their numbers, for tables."""
    return {REST: words.UNDEFINED} | {group.number: _name(group) for group in reviewed.groups}


def marks_words(reviewed: Review) -> str:
    """Say how many beats are marked, and how many others are judged otherwise since they are alike; empty: none."""
    beats = reviewed.beats
    right, wrong = ((beats["mark"] == mark).sum() for mark in (RIGHT, WRONG))
    if not right + wrong:
        return ""
    taught = (beats["mark"] == "") & (beats["mark_effect"] != 0)
    was, now = beats["anomaly_score"] > reviewed.threshold, beats["flagged"].astype(bool)
    lowered, raised = int((taught & was & ~now).sum()), int((taught & ~was & now).sum())
    more = f"; alike, without a mark: {lowered:,} not flagged any more, {raised:,} flagged" if lowered + raised else ""
    return f"{right:,} right, {wrong:,} wrong (these do not count){more}"


def _name(group: Group) -> str:
    return f"{group.number}: {group.name}" if group.number != REST else group.name


def _reach(groups: Sequence[Group], sign: int, leads: int) -> float:
    """Give how far the mean beats reach up or down (sign 1 or -1), but those of a few beats, which may be noise."""
    reach = np.array([(sign * group.mean[:, :leads]).max() for group in groups])
    order, counts = np.argsort(reach), np.array([group.count for group in groups])
    covered = np.searchsorted(np.cumsum(counts[order]), _SCALED_FOR * counts.sum())
    return float(reach[order[covered]]) if len(groups) else 0.0


def _picture(group: Group, counts: dict[str, int], lanes: list[tuple[str, str]]) -> Picture:
    coupling = "" if group.coupling_s is None else f"coupling interval {group.coupling_s:.2f} s"
    figures = f"{words.count_text(group.count, 'beat')} ({words.percent(group.share)})"
    return Picture(
        name=_name(group),
        figures=tuple(filter(None, (figures, coupling))),
        mark=_mark(group, counts),
        counts=counts[WRONG] < counts["all"],
        lanes=lanes,
    )


def _mark(group: Group, counts: dict[str, int]) -> str:
    right, wrong, count = counts[RIGHT], counts[WRONG], counts["all"]
    if right == count and count:
        return "marked right"
    if wrong == count and count:
        return "marked wrong: does not count"
    told = [f"{number:,} marked {mark}" for mark, number in ((RIGHT, right), (WRONG, wrong)) if number]
    # What is marked wrong is not flagged; what else differs from the group was taught by marks.
    taught = counts["flagged"] - (count - wrong if group.flagged else 0)
    if taught:
        told.append(f"{abs(taught):,} {'flagged' if taught > 0 else 'not flagged any more'}: like marked ones")
    return "; ".join(told) or "not marked"


def _lane(group: Group, lead: int, width: float, height: float, limits: tuple[float, float]) -> tuple[str, str]:
    low, high = limits
    mean, spread = group.mean[:, lead].astype(float), group.spread[:, lead].astype(float)
    x = width * (lead + np.linspace(0, 1 - _GAP, len(mean)))

    def points(values: np.ndarray) -> np.ndarray:
        return np.column_stack([x, height * np.clip((high - values) / max(high - low, 1e-6), -0.05, 1.05)])

    upper, lower = points(mean + spread), points(mean - spread)
    return _path(points(mean)), _path(np.concatenate([upper, lower[::-1]])) + "z"


def _path(points: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
