"""Which sample each row of a table is: rows follow each other, unless their times tell that some are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.checks import check_gap
from ecg_anomaly.records.tables.account import Account
from ecg_anomaly.records.tables.cells import DAY_S
from ecg_anomaly.records.tables.rows import Rows
from ecg_anomaly.records.tables.steps import Steps, first_of_each
from ecg_anomaly.records.tables.times import WRAP_TOLERANCE_S, TimeColumn

_PACE_ROWS = 500  # over so many rows, times show whether these still follow each other as the first ones did
_FASTER = 0.8
_EVEN = 0.99  # rows that take less of their time, all in all, are looked at one by one
_RESTART_GAP_S = 1.0  # stands for the unknown time until a recorder that started again counts from its start


class Places:
    """Gives rows their places, block by block.

    Parameters
    ----------
    path
        For messages.
    time
        The column of times; ``None`` if there is none of use.
    account
        Where to enter what is odd about times.
    """

    def __init__(self, path: Path, time: TimeColumn | None, steps: Steps, account: Account):
        self._path = path
        self._time = time
        self._steps = steps
        self._account = account
        self._row_s = float(1 / steps.sampling_rate_hz)
        self._back_s = 0.0 if np.isinf(steps.late_s) else steps.late_s  # times that go back less only tremble
        self._first_s = np.nan
        self._last_s = np.nan  # the last time that is known
        self._offset_s = 0.0  # what later times are put off by, since a counter was full or began again
        self._group: tuple[float, int] | None = None  # the last time that was new, and how many rows came since
        self._place = -1  # of the last row

    def of(self, rows: Rows, times_s: np.ndarray, next_s: float) -> tuple[np.ndarray, np.ndarray | slice]:
        """Give the places of some rows.

        Parameters
        ----------
        times_s
            Time of each row, of shape ``(rows,)``, NaN where it is not known; empty without a column of times.
        next_s
            The time of the row that follows them, NaN if it is not known.

        Returns
        -------
        places : ndarray
            Which sample each row is, shape ``(rows kept,)``.
        kept : ndarray or slice
            Which rows are samples: a line that is no row is none where times leave no room for it.

        Raises
        ------
        UserError
            When time goes backwards, or a gap is longer than a day.
        """
        count = len(rows.lines)
        if self._time is None or not count or self._goes_on(times_s):
            self._place += count
            return np.arange(self._place + 1 - count, self._place + 1), slice(None)
        ahead = np.ones(count, dtype=np.int64)
        known_s = self._in_order(rows, np.where(rows.damaged, np.nan, times_s), next_s)
        kept = self._count_ahead(rows, known_s, ahead)
        places = self._place + np.cumsum(ahead[kept])
        self._place = int(places[-1]) if len(places) else self._place
        return places, kept

    def _goes_on(self, times_s: np.ndarray) -> bool:
        """Tell whether rows follow the last one, and each other, evenly, as most do; nothing need then be done."""
        if self._group is None or self._group[1] != 1:
            return False
        first_s = float(times_s[0]) + self._offset_s - self._group[0]
        steps_s = np.diff(times_s)
        latest_s = self._row_s + self._steps.late_s
        if not (0 < first_s < latest_s and (len(steps_s) == 0 or (steps_s.min() > 0 and steps_s.max() < latest_s))):
            return False  # also where a time is not known
        if times_s[-1] - times_s[0] < _EVEN * len(steps_s) * self._row_s:
            return False
        self._last_s = float(times_s[-1]) + self._offset_s
        self._group = (self._last_s, 1)
        return True

    def _in_order(self, rows: Rows, times_s: np.ndarray, next_s: float) -> np.ndarray:
        """Leave out single times that lie out of order, and go on where times begin again."""
        where = np.flatnonzero(np.isfinite(times_s))
        for row in np.flatnonzero(~np.isfinite(times_s) & ~rows.damaged):
            self._account.add("untimed", int(rows.lines[row]), "")
        known_s = times_s[where] + self._offset_s
        if not len(where):
            return times_s
        around_s = np.concatenate([[self._last_s], known_s, [next_s + self._offset_s]])
        before_s, after_s = around_s[:-2], around_s[2:]
        stray = (after_s >= before_s) & ((known_s < before_s - self._back_s) | (known_s > after_s + self._back_s))
        for row in where[stray]:
            self._account.add("untimed", int(rows.lines[row]), f"{times_s[row]:.6g} s")
        where, known_s = where[~stray], known_s[~stray]
        if np.isnan(self._first_s) and len(known_s):
            self._first_s = self._last_s = known_s[0]
        steps_s = np.diff(known_s, prepend=self._last_s)
        for later in np.flatnonzero(steps_s < -self._back_s):
            begun = where[later - 1] + 1 if later else 0
            restarted = bool(rows.restarts[begun : where[later] + 1].any())
            added_s = self._put_off(
                -float(steps_s[later]), float(known_s[later]), restarted, int(rows.lines[where[later]])
            )
            known_s[later:] += added_s
            self._offset_s += added_s
        self._last_s = float(known_s[-1]) if len(known_s) else self._last_s
        ordered = np.full(len(times_s), np.nan)
        ordered[where] = known_s
        return ordered

    def _put_off(self, back_s: float, time_s: float, restarted: bool, line: int) -> float:
        """Tell how much later times are than they say, after one that lies ``back_s`` before the last."""
        if restarted:
            return self._gap_s(back_s, line)
        for wrap_s in self._time.wrap_s if self._time is not None else ():
            if abs(back_s - wrap_s) < min(WRAP_TOLERANCE_S, wrap_s / 4):
                return wrap_s
        if self._time is not None and self._time.kind == "clock" and back_s > DAY_S / 2:
            return DAY_S  # midnight
        if time_s - self._offset_s <= self._first_s + _RESTART_GAP_S:
            return self._gap_s(back_s, line)
        raise UserError(f"{self._path}: time goes backwards at line {line}; sort the rows, or cut the file there")

    def _gap_s(self, back_s: float, line: int) -> float:
        self._account.add("restart", line, "")
        return back_s + self._row_s + _RESTART_GAP_S

    def _count_ahead(self, rows: Rows, times_s: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """Count how many samples each row lies after the one before it, and tell which rows are samples."""
        kept = np.ones(len(ahead), dtype=bool)
        first_s, starts = first_of_each(times_s)
        if self._group is not None:
            if len(first_s) and first_s[0] == self._group[0]:
                first_s, starts = first_s[1:], starts[1:]
            first_s, starts = np.concatenate([[self._group[0]], first_s]), np.concatenate([[-self._group[1]], starts])
        if not len(first_s):
            return kept
        late_s = np.diff(first_s) - np.diff(starts) * self._row_s
        if not self._steps.in_bursts:
            self._enter_repeated(rows, times_s)
            self._make_room(rows, starts, late_s, kept)
        if kept.all():
            self._check_pace(rows, first_s, starts)
        late = late_s > self._steps.late_s
        # What only comes late, a packet or a row by a tremor, is no gap before it: those after it come in time.
        total_s = np.concatenate([[0.0], np.cumsum(late_s)])
        for later in (2, 3):
            late[: 1 - later] &= (total_s[later:] - total_s[:-later] > self._steps.late_s)[: len(late) - later + 1]
        for group in np.flatnonzero(late):
            line = int(rows.lines[starts[group + 1]])
            check_gap(float(late_s[group]), self._path, f"line {line}")
            self._account.add_gap(float(late_s[group]), line)
            ahead[starts[group + 1]] += round(float(late_s[group]) / self._row_s)
        self._group = (float(first_s[-1]), len(ahead) - int(starts[-1]) - int((~kept[max(0, starts[-1]) :]).sum()))
        return kept

    def _check_pace(self, rows: Rows, first_s: np.ndarray, starts: np.ndarray) -> None:
        """Refuse rows that follow each other faster than the first ones did: their places would not be their times."""
        later = np.searchsorted(starts, starts + _PACE_ROWS)
        begun = np.flatnonzero(later < len(starts))
        taken_s = first_s[later[begun]] - first_s[begun]
        fast = begun[taken_s < _FASTER * (starts[later[begun]] - starts[begun]) * self._row_s]
        if len(fast):
            raise UserError(
                f"{self._path}: its rows follow each other at {1 / self._row_s:.4g} Hz first, and faster after line "
                f"{rows.lines[max(0, starts[fast[0]])]}; cut the file where that begins"
            )

    def _enter_repeated(self, rows: Rows, times_s: np.ndarray) -> None:
        where = np.flatnonzero(np.isfinite(times_s))
        for row in where[1:][np.diff(times_s[where]) == 0]:
            self._account.add("repeated", int(rows.lines[row]), "")

    def _make_room(self, rows: Rows, starts: np.ndarray, late_s: np.ndarray, kept: np.ndarray) -> None:
        """Leave out lines and rows that times have no room for: damaged ones, then those with the time before."""
        for group in np.flatnonzero(late_s < -0.5 * self._row_s):
            between = np.arange(max(0, starts[group] + 1), starts[group + 1])
            by_worth = np.concatenate([between[rows.damaged[between]], between[~rows.damaged[between]]])
            surplus = by_worth[: round(-float(late_s[group]) / self._row_s)]
            kept[surplus] = False
            late_s[group] += len(surplus) * self._row_s
            self._account.rows -= len(surplus)
            for row in surplus:
                if rows.damaged[row]:
                    self._account.counts["room"] += 1
                else:
                    self._account.add("doubled", int(rows.lines[row]), "")
                    self._account.counts["repeated"] -= 1
