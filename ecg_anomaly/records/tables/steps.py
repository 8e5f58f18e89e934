"""How far the rows of a table lie apart, from the times of the first ones: evenly, in bursts, or with rows lost."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.checks import check_asked_rate, same_rate

_CLOCK_TOLERANCE = 1e-4  # of a quartz clock: a rate so close to a whole number is meant to be it
_STEPS_AT_ONCE = 100
_ON_GRID = 0.01
_FEWEST_EVEN = 0.9  # of the steps
_FEWEST_TIMES = 5  # that differ, for a rate to be told from rows that share them
_AT_ONCE = 1.1  # rows with one time, on average: more come in bursts
_ON_A_MULTIPLE = 0.02  # of a step
_FEWEST_MULTIPLES = 0.98  # of the steps, where all are multiples of one
_FEWEST_SINGLE = 0.75  # steps of one row, where others are lost
_LEAST_GAP = 0.5  # of a sample
_TREMBLING = 0.05  # of a sample
_ROUNDED_TOO = 1.2  # of a tremor: the usual step, from which it is measured, trembles itself
_MANY_SPREADS = 4.0  # of the usual lateness of bursts: what is later is a gap


@dataclass(frozen=True)
class Steps:
    """How far rows lie apart in time."""

    sampling_rate_hz: Fraction  # rows per second where none is missing
    late_s: float = np.inf  # a row that comes so much too late has a gap before it
    rows_at_once: float = 1.0  # how many share one time, on average

    @property
    def in_bursts(self) -> bool:
        """Whether times are those of packets, or too coarse to tell rows apart."""
        return self.rows_at_once > _AT_ONCE


def find_steps(path: Path, times_s: np.ndarray, asked_hz: float | None, told_hz: float | None) -> Steps | None:
    """Find out how far rows lie apart, from the times of the first ones, of shape ``(rows,)``, NaN where there is none.

    ``asked_hz`` is the sampling rate that the user gives, ``told_hz`` the one that the header says. ``None`` if the
    times are too coarse to be of use, and one of these is known.

    Raises
    ------
    UserError
        When the times are too coarse or too uneven, or contradict the given sampling rate.
    """
    known_hz = asked_hz or told_hz
    first_s, rows = first_of_each(times_s)
    steps_s, counts = np.diff(first_s), np.diff(rows)
    exact_s = _step_between_gaps(steps_s[counts == 1])
    usual_s = exact_s or usual_step(first_s, rows)
    at_once = float(np.isfinite(times_s).sum() / max(1, len(first_s)))
    if not usual_s > 0 or len(first_s) < _FEWEST_TIMES:
        if known_hz is not None:
            return None
        raise UserError(f"{path}: its times do not tell its rows apart; give the sampling rate with --sampling-rate")
    in_bursts = at_once > _AT_ONCE
    if in_bursts:
        steps_s, counts = steps_s[1:], counts[1:]  # of the first packet a part may be missing
    late_s = steps_s - counts * usual_s
    most_late_s = _most_late(steps_s, late_s, usual_s, in_bursts)
    even = np.abs(late_s) <= most_late_s
    if not exact_s:
        _check_even(path, even[steps_s >= 0], usual_s)
    measured_hz = float(counts[even].sum() / steps_s[even].sum())
    trembling = not in_bursts and float(np.std(late_s[even])) > _TREMBLING * usual_s
    if trembling and (long_s := _long_steps(first_s, rows, usual_s, most_late_s)).size:
        measured_hz = 1 / float(long_s.mean())
    if in_bursts and abs(measured_hz * usual_s - 1) < at_once / len(times_s):  # rows at either end of packets
        measured_hz = 1 / usual_s
    rate_hz = _meant_rate(measured_hz, int(even.sum()))
    check_asked_rate(asked_hz, rate_hz, path, "its times", "the times")
    if known_hz is not None and in_bursts and same_rate(known_hz, measured_hz):
        rate_hz = Fraction(known_hz).limit_denominator(1000)
    jitter_s = float(np.subtract(*np.percentile(late_s[even], [99, 1])))
    least = _LEAST_GAP if at_once == 1 else 1 + _LEAST_GAP  # a clock that stands still may miss one step as well
    return Steps(rate_hz, max(least / float(rate_hz), jitter_s), at_once)


def first_of_each(times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows whose time is known and another than that of the row before: their times, and where they stand."""
    rows = np.flatnonzero(np.isfinite(times_s))
    known_s = times_s[rows]
    new = np.diff(known_s, prepend=np.nan) != 0
    return known_s[new], rows[new]


def usual_step(times: np.ndarray, rows: np.ndarray) -> float:
    """Tell how far rows lie apart as a rule, from times of some of them; 0 if there are too few."""
    # Over many rows: times that are rounded to milliseconds have a median step of 3 ms at 360 Hz.
    apart = max(1, min(_STEPS_AT_ONCE, len(times) // 4))
    if len(times) <= apart:
        return 0.0
    return float(np.median((times[apart:] - times[:-apart]) / (rows[apart:] - rows[:-apart])))


def _most_late(steps_s: np.ndarray, late_s: np.ndarray, usual_s: float, in_bursts: bool) -> float:
    """Tell how far from its time a row, or a burst, may come without a gap."""
    if not in_bursts:
        return max(0.5 * usual_s, _rounding(steps_s, usual_s))
    spread_s = _MANY_SPREADS * float(np.median(np.abs(late_s - np.median(late_s))))
    return max(spread_s, 2 * usual_s, float(np.median(steps_s)) / 2)


def _check_even(path: Path, even: np.ndarray, usual_s: float) -> None:
    """Refuse times of which too few steps forward are near the usual one."""
    if even.sum() < _FEWEST_EVEN * len(even):
        raise UserError(
            f"{path}: its times are uneven, only {even.sum()} of {len(even)} steps are near {usual_s:g} s; sample it "
            "evenly, or leave the times out and give --sampling-rate"
        )


def _meant_rate(measured_hz: float, steps: int) -> Fraction:
    """Give the whole number that a rate, measured over so many steps, is meant to be; else itself, rounded."""
    rate_hz = Fraction(round(measured_hz))
    if abs(measured_hz - rate_hz) > rate_hz * max(_CLOCK_TOLERANCE, 1 / steps):
        return Fraction(measured_hz).limit_denominator(100)
    return rate_hz


def _long_steps(times_s: np.ndarray, rows: np.ndarray, usual_s: float, tremor_s: float) -> np.ndarray:
    """Average steps over many rows without a gap: a tremor that single steps are chosen by shows in their mean."""
    apart = max(1, min(_STEPS_AT_ONCE, len(times_s) // 4))
    taken_s, counts = times_s[apart:] - times_s[:-apart], rows[apart:] - rows[:-apart]
    return np.asarray((taken_s / counts)[np.abs(taken_s - counts * usual_s) <= _ROUNDED_TOO * tremor_s])


def _step_between_gaps(steps_s: np.ndarray) -> float:
    """Find the step of which all are multiples, as where single rows are lost; 0 if they are rounded to it instead."""
    step_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    if not step_s > 0:
        return 0.0
    multiples = np.rint(steps_s / step_s)
    fitting = (np.abs(steps_s / step_s - multiples) < _ON_A_MULTIPLE) & (multiples >= 1)
    if np.mean(fitting) < _FEWEST_MULTIPLES or np.mean(multiples == 1) < _FEWEST_SINGLE:
        return 0.0
    apart = min(_STEPS_AT_ONCE, len(steps_s) // 4)
    sums = np.convolve(multiples, np.ones(apart), "valid") if apart else np.zeros(1)
    return step_s if np.ptp(sums) != 1 else 0.0  # what is rounded has longer steps at equal distances


def _rounding(steps_s: np.ndarray, usual_s: float) -> float:
    """Tell what times were rounded to, if samples do not fall on it; else 0."""
    distinct_s = np.unique(np.round(steps_s, 9))
    unit_s = float(np.min(np.diff(distinct_s))) if len(distinct_s) > 1 else 0.0
    on_grid = unit_s > 0 and abs(usual_s / unit_s - round(usual_s / unit_s)) < _ON_GRID
    return 0.0 if on_grid or unit_s >= usual_s else unit_s
