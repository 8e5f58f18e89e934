"""What the values of a column show against its being a lead: it only counts, or holds a few whole numbers."""

from __future__ import annotations

import numpy as np

from ecg_anomaly.records.lead_names import looks_like_ecg, looks_like_other_signal
from ecg_anomaly.records.tables.times import names_times, numbers_samples

_FEW_VALUES = 8
_FULL_SHARE = 0.2  # of the steps: a counter that is full more often is none
_SAMPLES = {"sample", "samples"}  # which may be numbered, or be there
_LABELS = 2  # values that are no signal even if they are no whole numbers
_FEWEST_ROWS = 50
_UNEVEN_SHARE = 0.02  # of the steps of a counter, where it starts again or rows are missing


class ColumnLook:
    """Looks at a column while it is read."""

    def __init__(self, name: str):
        self._name = name
        self._rows = 0
        self._values: set[float] | None = set()  # None once there are too many to be labels
        self._last = np.nan
        self._step: float | None = None
        self._back: float | None = None
        self._uneven = 0

    def add(self, values: np.ndarray) -> None:
        """Look at more values, of shape ``(rows,)``, NaN where one is missing."""
        if self._values is None and self._uneven > _UNEVEN_SHARE * 2 * max(self._rows, _FEWEST_ROWS):
            return  # a signal
        known = values[np.isfinite(values)]
        if not len(known):
            return
        if self._values is not None:
            # A signal shows in its first values that it is one; all of them are looked at only in what is none.
            some = known if len(np.unique(known[:1000])) <= _FEW_VALUES else known[:1000]
            self._values |= set(np.unique(some).tolist())
            self._values = self._values if len(self._values) <= _FEW_VALUES else None
        if self._uneven <= _UNEVEN_SHARE * (self._rows + len(known)):
            steps = np.diff(known, prepend=self._last if self._rows else known[0])[0 if self._rows else 1 :]
            if self._step is None and len(steps):
                self._step = float(np.median(steps))
            if self._step is not None:
                odd = steps[~((steps > 0.5 * self._step) & (steps < 1.5 * self._step))]
                if self._back is None and len(odd):
                    self._back = float(odd[0])  # of a counter that is full, and begins again
                uneven = int(np.sum((odd >= 0) | (np.abs(odd - (self._back or 0)) > 0.5 * self._step)))
                self._uneven += uneven if len(odd) - uneven < _FULL_SHARE * len(known) else len(odd)
        self._rows += len(known)
        self._last = known[-1]

    @property
    def doubt(self) -> str:
        """Why the column is no lead unless somebody asks for it; empty if its values and its name say nothing."""
        samples = self._name.strip().lower() in _SAMPLES
        if names_times(self._name) or (numbers_samples(self._name) and not samples):
            return f"by its name it {'holds times' if names_times(self._name) else 'numbers the samples'}"
        if not self._rows:
            return "" if self._name else "it is empty"
        if self._step is not None and self._step > 0 and self._uneven <= _UNEVEN_SHARE * self._rows:
            return "it only counts up" if self._rows >= _FEWEST_ROWS else ""
        named = looks_like_ecg(self._name) or looks_like_other_signal(self._name)
        return "" if named or self._values is None or self._rows < _FEWEST_ROWS else _few_values(self._values)


def _few_values(values: set[float]) -> str:
    """Say that there are few different values, if these are labels rather than samples."""
    whole = len(values) <= _LABELS or all(value == round(value) for value in values)
    return f"it holds only {', '.join(f'{value:g}' for value in sorted(values))}" if whole else ""
