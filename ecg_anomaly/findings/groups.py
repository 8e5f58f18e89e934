"""Groups of beats that are alike in shape and timing, so that a person looks at twenty shapes instead of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd

from ecg_anomaly import words
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.findings.group_names import Looks, name_all
from ecg_anomaly.findings.joining import NONE, join_nearest
from ecg_anomaly.findings.templates import Templates

REST = 0  # number of what belongs to no group

# Chosen inside DS1 (docs/explanation/groups.md): distances as templates have them.
_MOST = 30  # groups of flagged beats, and of the others
_WITHIN = 1.3  # groups that are nearer are one,
_ADDING = 3.0  # and so are those of so few beats that their squared distances add up to less
_LOOSE = 3.5  # beats of a group are this far from their mean at most; more, and they are not alike
_LEFT_OUT = 6.0  # what a beat in no group counts as, where it leaves a group to others
_TOLD_FROM, _FEW = 0.1, 10  # of the flagged beats in no group, which the notes then say; fewer are looked at one by one


class GroupFigures(TypedDict):
    """A group in ``NAME.summary.json``."""

    group: int
    flagged: bool
    name: str
    beats: int
    share: float
    coupling_s: float | None


@dataclass(frozen=True)
class Group:
    """Beats that are alike: all of them flagged, or none."""

    number: int  # in the column ``group`` of the table of beats: the flagged first, large ones before small; REST is 0
    flagged: bool
    name: str  # in words: "wide, early, with a pause"
    count: int  # of beats
    share: float  # of the flagged beats, or of the others
    coupling_s: float | None  # the median RR interval before its beats
    mean: np.ndarray  # shape (window samples, leads of the model): the scaled mean beat
    spread: np.ndarray  # same shape: the standard deviation around it

    def to_json(self) -> GroupFigures:
        """Give the figures of the group."""
        return {
            "group": self.number,
            "flagged": self.flagged,
            "name": self.name,
            "beats": self.count,
            "share": round(self.share, 4),
            "coupling_s": None if self.coupling_s is None else round(self.coupling_s, 3),
        }


def group_beats(beats: pd.DataFrame, templates: Templates) -> tuple[np.ndarray, list[Group]]:
    """Group the flagged beats of a recording, and, apart from them, the others, by joining templates that are near.

    A template may have beats of both kinds; its mean and spread are those of all its beats.

    Returns
    -------
    numbers : ndarray
        Shape ``(beats,)``, int: the group of each beat; `REST` where it cannot be read, is like no others, or lies
        within a fibrillation, where it is no beat.
    groups : list of Group
        In order of their numbers.
    """
    flagged = beats["flagged"].to_numpy(dtype=bool)
    counting = (beats["event"] != FIBRILLATION).to_numpy(dtype=bool)
    numbers, found = np.full(len(beats), REST), list[_Pooled]()
    for kind in (flagged, ~flagged):
        rows = np.flatnonzero(kind & counting & (templates.of_beats != NONE))
        counts = np.bincount(templates.of_beats[rows], minlength=len(templates.counts))
        of_templates = np.full(len(counts), REST)
        for members in _alike(templates, counts):
            found.append(_Pooled.of(templates, members, counts[members]))
            of_templates[members] = len(found)
        numbers[rows] = of_templates[templates.of_beats[rows]]
    return numbers, _described(found, numbers, beats, templates.times_s)


def rest_note(beats: pd.DataFrame, numbers: np.ndarray) -> list[str]:
    """Note that many of the flagged beats are in no group, by the numbers of `group_beats`; nothing where few are."""
    flagged = (beats["flagged"].astype(bool) & (beats["event"] != FIBRILLATION)).to_numpy()
    rest, count = int((flagged & (numbers == REST)).sum()), int(flagged.sum())
    if rest < _FEW or rest <= _TOLD_FROM * count:
        return []
    return [
        f"{rest:,} of {words.count_text(count, 'flagged beat')} ({words.percent(rest / count)}) are in no group: "
        f"they are like too few others, or of more shapes than {_MOST} groups hold; the list of beats has them"
    ]


def _described(found: Sequence[_Pooled], numbers: np.ndarray, beats: pd.DataFrame, times_s: np.ndarray) -> list[Group]:
    """Say what there is to know of groups, from the number of the group of each beat."""
    table = beats.astype({"flagged": bool, "rr_before_s": float})
    of_groups = table.groupby(numbers)
    flagged, coupling_s = of_groups["flagged"].first(), of_groups["rr_before_s"].median()
    count = table.loc[table["event"] != FIBRILLATION, "flagged"].value_counts()
    usual = next((pooled.looks for number, pooled in enumerate(found, 1) if not flagged[number]), None)
    names = name_all([pooled.looks for pooled in found], usual, times_s)
    return [
        Group(
            number=number,
            flagged=bool(flagged[number]),
            name=name,
            count=pooled.count,
            share=pooled.count / int(count[flagged[number]]),
            coupling_s=None if np.isnan(coupling_s[number]) else float(coupling_s[number]),
            mean=pooled.looks.mean,
            spread=pooled.looks.spread,
        )
        for number, (pooled, name) in enumerate(zip(found, names, strict=True), 1)
    ]


def _alike(templates: Templates, counts: np.ndarray) -> list[np.ndarray]:
    """Share out the templates that have any of the beats that count: those of each group, most beats first."""
    members = np.flatnonzero(counts)
    features, scatter = templates.features[members], templates.scatter[members]
    parts = join_nearest(features, counts[members], _MOST, _WITHIN, _ADDING, scatter, _LOOSE, _LEFT_OUT)
    alike = parts != NONE
    order = np.argsort(-np.bincount(parts[alike], counts[members][alike]), kind="stable")
    return [members[parts == part] for part in order]


@dataclass(frozen=True)
class _Pooled:
    """Several templates as one."""

    count: int  # of beats
    looks: Looks

    @classmethod
    def of(cls, templates: Templates, members: np.ndarray, counts: np.ndarray) -> _Pooled:
        """Pool templates by their numbers; ``counts`` are the beats of each that count."""
        mean, log_rr = (
            np.average(values[members], axis=0, weights=counts) for values in (templates.means, templates.log_rr)
        )
        variances = templates.variances[members] + np.square(templates.means[members] - mean)
        spread = np.sqrt(np.average(variances, axis=0, weights=counts))
        return cls(int(counts.sum()), Looks(mean, spread, log_rr))
