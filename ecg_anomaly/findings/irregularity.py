"""How irregular RR intervals are: in atrial fibrillation each is drawn anew, in other rhythms they repeat."""

from __future__ import annotations

import numpy as np

# The coefficient of sample entropy (COSEn) of Lake, Moorman, Am J Physiol Heart Circ Physiol 300:H319-H325, 2011, over
# so many intervals. Twelve do for them; in DS1 60 take atrial ectopy less often for fibrillation
# (docs/explanation/rhythms.md).
_INTERVALS = 60
_IRREGULAR = -0.7  # from here on; about -2 in a sinus rhythm
_TOLERANCES_S = 0.03 * 2.0 ** np.arange(7)  # of a match: the first with which enough pairs match
_ENOUGH = 5
# Of the time between the first and the last of them: where more is left out, they do not belong together.
_LEAST_COVERED = 0.5


def are_irregular(time_s: np.ndarray, rr_s: np.ndarray) -> np.ndarray:
    """Tell of each RR interval whether those around it are as irregular as in atrial fibrillation.

    Parameters
    ----------
    time_s
        Shape ``(intervals,)``: when each ends, increasing.
    rr_s
        Shape ``(intervals,)``: how long they are, in seconds; those beside premature beats and gaps are left out.

    Returns
    -------
    ndarray
        Shape ``(intervals,)``, bool. With fewer than 60 intervals nothing is told to be irregular.
    """
    irregular = np.zeros(len(rr_s), dtype=bool)
    windows = len(rr_s) - _INTERVALS + 1
    if windows < 1:
        return irregular
    passed_s = np.append(0.0, np.cumsum(rr_s))
    lasts_s = passed_s[_INTERVALS:] - passed_s[:windows]
    covered = lasts_s / (time_s[_INTERVALS - 1 :] - time_s[:windows] + rr_s[:windows])
    found = (sample_entropy_coefficients(rr_s, _INTERVALS) >= _IRREGULAR) & (covered >= _LEAST_COVERED)
    middle = _INTERVALS // 2
    irregular[:middle], irregular[middle + windows :] = found[0], found[-1]
    irregular[middle : middle + windows] = found
    return irregular


def sample_entropy_coefficients(rr_s: np.ndarray, length: int) -> np.ndarray:
    """Compute COSEn of each ``length`` RR intervals in a row, in seconds; shape ``(intervals - length + 1,)``.

    Minus the logarithm of the share of pairs of intervals that are alike whose next ones are alike too, within a
    tolerance r, plus ln(2 r), minus the logarithm of the mean interval.
    """
    windows = len(rr_s) - length + 1
    alike, repeated, within_s = (np.zeros(windows) for _ in range(3))
    for tolerance_s in _TOLERANCES_S:
        open_ = repeated < _ENOUGH
        if not open_.any():
            break
        counts = _matches(rr_s, length, tolerance_s)
        alike[open_], repeated[open_], within_s[open_] = counts[0][open_], counts[1][open_], tolerance_s
    passed_s = np.append(0.0, np.cumsum(rr_s))
    mean_s = (passed_s[length:] - passed_s[:windows]) / length
    return np.asarray(np.log(alike / np.maximum(repeated, 1)) + np.log(2 * within_s / mean_s))


def _matches(rr_s: np.ndarray, length: int, tolerance_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Count the pairs of intervals of each window that are alike, and of those the ones whose next are alike too."""
    windows = len(rr_s) - length + 1
    alike, repeated = np.zeros(windows, dtype=np.int32), np.zeros(windows, dtype=np.int32)
    for lag in range(1, length - 1):
        near = np.abs(rr_s[lag:] - rr_s[:-lag]) < tolerance_s
        pairs = length - 1 - lag  # the last interval has no next one
        for count, matching in ((alike, near), (repeated, near[:-1] & near[1:])):
            passed = np.append(0, np.cumsum(matching, dtype=np.int32))
            np.add(count, passed[pairs : pairs + windows] - passed[:windows], out=count)
    return alike, repeated
