"""Joining what is near: by Ward's criterion, within limits of how many are left and how loose they may be."""

from __future__ import annotations

import numpy as np

NONE = -1  # in place of a number: part of nothing


def join_nearest(
    features: np.ndarray,
    counts: np.ndarray,
    most: int,
    within: float = 0.0,
    adding: float = 0.0,
    scatter: np.ndarray | None = None,
    loose: float = np.inf,
    left_out: float = np.inf,
) -> np.ndarray:
    """Join what is near, by Ward's criterion: what adds the least to the squared distances from the mean.

    Parameters
    ----------
    features
        Shape ``(members, features)``.
    counts
        Shape ``(members,)``: beats that each stands for.
    most
        So many are left at most, where ``loose`` and ``left_out`` allow it.
    within
        Fewer are left where some are nearer to each other than this,
    adding
        or are so few beats that they add less than this to the squared distances.
    scatter
        Shape ``(members,)``: mean squared distance of the beats of each from their mean; none without.
    loose
        Nothing is joined whose beats would lie farther from their mean than this, in the root mean square; a member
        that is as loose by itself is part of nothing.
    left_out
        Where there are too many, a member may become part of nothing, too: where its beats, as if they lay so far from
        their mean, add less to the squared distances than joining the nearest does. A few beats that are like no others
        then do not use up what many are to be shared out to.

    Returns
    -------
    ndarray
        Shape ``(members,)``, int: which of those that are left each is part of, numbered from 0, or `NONE`.
    """
    features, counts = features.astype(float), counts.astype(float)
    sums = np.zeros(len(counts)) if scatter is None else counts * scatter  # squared distances, added up
    there = sums <= counts * loose**2
    parts = np.where(there, np.arange(len(counts)), NONE)
    left, costs = int(there.sum()), np.full((2, len(counts), len(counts)), np.inf)  # of joining any two; of near ones
    leaving = np.where(there, counts * left_out**2 - sums, np.inf)

    def count_up(rows: np.ndarray) -> None:
        squared = squared_distances(features[rows], features)
        together = counts[rows, np.newaxis] + counts
        added = squared * counts[rows, np.newaxis] * counts / together
        too_loose = sums[rows, np.newaxis] + sums + added > together * loose**2
        added[too_loose | ~there | (rows[:, np.newaxis] == np.arange(len(counts)))] = np.inf
        near = np.where((squared < within**2) | (added < adding), added, np.inf)
        costs[:, rows], costs[:, :, rows] = (added, near), (added.T, near.T)

    def remove(gone: int) -> None:
        nonlocal left
        there[gone], left, leaving[gone] = False, left - 1, np.inf
        costs[:, gone] = costs[:, :, gone] = np.inf

    count_up(np.flatnonzero(there))
    while left > 1:
        of_joining = costs[0 if left > most else 1]
        keep, gone = sorted(divmod(int(of_joining.argmin()), len(counts)))
        cost, worst = of_joining[keep, gone], int(leaving.argmin())
        if left > most and leaving[worst] < cost:
            remove(worst)
            parts[parts == worst] = NONE
        elif np.isfinite(cost):
            remove(gone)
            parts[parts == gone] = keep
            features[keep] = np.average(features[[keep, gone]], axis=0, weights=counts[[keep, gone]])
            counts[keep] += counts[gone]
            sums[keep] += sums[gone] + cost
            leaving[keep] = counts[keep] * left_out**2 - sums[keep]
            count_up(np.array([keep]))
        else:
            break
    return np.where(parts == NONE, NONE, np.searchsorted(np.unique(parts[parts != NONE]), parts))


def squared_distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Give squared distances, shape ``(some, others)``, between features of shape ``(some or others, features)``."""
    squared = np.square(some).sum(axis=1)[:, np.newaxis] + np.square(others).sum(axis=1) - 2 * some @ others.T
    return np.asarray(np.maximum(squared, 0))
