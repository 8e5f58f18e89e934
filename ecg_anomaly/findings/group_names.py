"""Groups of beats in words: their shape and their timing, against the patient's usual beats; never a diagnosis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

USUAL = "this patient's usual beats"

_QRS_S = (-0.14, 0.16)  # where a QRS complex is looked for, from its fiducial point
_STEEP = 0.2  # of the steepest slope: what is steeper belongs to the QRS complex
_WIDER, _TALLER = 1.25, 1.5  # than the usual beats, at least
_LIKE, _INVERTED = 0.9, -0.6  # correlation with the usual beats, at least and at most
_NOISE = 0.5  # spread over the QRS complex, against the size of the mean one: more, and it is noise
_EARLY, _LATE, _PAUSE = np.log([0.88, 1.15, 1.15])  # RR interval against the usual one


@dataclass(frozen=True)
class Looks:
    """What beats of one kind look like."""

    mean: np.ndarray  # shape (window samples, leads of the model): the scaled mean beat
    spread: np.ndarray  # same shape: the standard deviation around it
    log_rr: np.ndarray  # shape (2,): log RR before and after, against the patient's usual one


def name_all(groups: Sequence[Looks], usual: Looks | None, times_s: np.ndarray) -> list[str]:
    """Name the groups of a recording; what would have the same name is numbered: ``wide, early (2)``.

    Parameters
    ----------
    groups
        What they look like.
    usual
        What this patient's beats look like: one of the groups, or ``None`` where nobody knows.
    times_s
        Shape ``(window samples,)``: seconds from the fiducial point.
    """
    names = [USUAL if looks is usual else _name(looks, usual, times_s) for looks in groups]
    alike, seen = Counter(names), Counter[str]()
    for number, name in enumerate(names):
        seen[name] += 1
        names[number] = f"{name} ({seen[name]})" if alike[name] > 1 else name
    return names


def _name(looks: Looks, usual: Looks | None, times_s: np.ndarray) -> str:
    inside = (times_s >= _QRS_S[0]) & (times_s <= _QRS_S[1])
    if np.sqrt(np.square(looks.spread[inside]).mean()) > _NOISE * looks.mean[inside].std():
        return "noisy"
    if usual is None:
        return ", ".join(["no usual beat to compare with", *_timing(looks.log_rr)])
    # The patient's usual interval is that of the usual beats: where ectopic ones come often, half of all are short.
    timing = _timing(looks.log_rr - usual.log_rr[0])
    return ", ".join([*_shape(looks.mean, usual.mean, times_s), *timing])


def _shape(mean: np.ndarray, usual: np.ndarray, times_s: np.ndarray) -> list[str]:
    inside = (times_s >= _QRS_S[0]) & (times_s <= _QRS_S[1])
    mean, usual = (beat[inside] - beat[inside].mean(axis=0) for beat in (mean, usual))
    size, usual_size = (float(np.sqrt(np.square(beat).sum())) for beat in (mean, usual))
    likeness = float((mean * usual).sum()) / max(size * usual_size, 1e-9)
    wide = _width(mean) >= _WIDER * _width(usual)
    tall = ["tall"] if size >= _TALLER * usual_size else ["small"] if size <= usual_size / _TALLER else []
    if likeness >= _LIKE and not wide:
        return ["like this patient's beats", *tall]
    return ["wide" if wide else "of another shape", *(["inverted"] if likeness <= _INVERTED else []), *tall]


def _timing(log_rr: np.ndarray) -> list[str]:
    before, after = log_rr
    if before < _EARLY:
        return ["early", *(["with a pause"] if after > _PAUSE else ["before an early beat"] if after < _EARLY else [])]
    return [*(["late"] if before > _LATE else ["in time"]), *(["before an early beat"] if after < _EARLY else [])]


def _width(qrs: np.ndarray) -> int:
    """Count the samples of a QRS complex from its first steep one to its last."""
    slope = np.sqrt(np.square(np.diff(qrs, axis=0)).sum(axis=1))
    steep = np.flatnonzero(slope >= _STEEP * slope.max())
    return int(steep[-1] - steep[0]) + 1
