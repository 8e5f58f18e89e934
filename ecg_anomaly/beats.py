"""Beats of a record: a window around each, its label, its RR intervals, its scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly import signals
from ecg_anomaly.config import Beat, Rhythm
from ecg_anomaly.history import median_of_earlier
from ecg_anomaly.records import Annotations, Recording

CLASSES = ("N", "S", "V", "F", "Q")
NORMAL_CLASS = "N"

NO_RR_INTERVAL = "first or last beat, without an RR interval on either side"
SAME_TIME = "another beat is annotated at the same time"
NO_WINDOW = "window reaches beyond the record"
NO_SIGNAL = "no lead has a signal in the window"

# A lead that changes less than this over a window is loose. It is far below the 5 µV steps of the MIT-BIH Arrhythmia
# Database, and far above the rounding errors of the filter, which would look like a beat once they are scaled.
_FLAT_MV = 1e-3


@dataclass(frozen=True)
class RecordBeats:
    """The beats of one record.

    Attributes
    ----------
    table
        One row per kept beat, in order of time: the columns of ``beats.csv`` but ``split`` and ``row``.
    windows
        Shape ``(beats, samples, leads)``, float32: scaled; all zeros where a lead is missing.
    left_out
        How many beats were left out, by reason.
    uncovered
        How many annotations carry a symbol that no class covers, by symbol.
    """

    table: pd.DataFrame
    windows: np.ndarray
    left_out: Counter[str]
    uncovered: Counter[str]


def cut_beats(
    recording: Recording,
    annotations: Annotations,
    classes: Mapping[str, str],
    lead_count: int,
    settings: Beat,
    rhythm: Rhythm,
) -> RecordBeats:
    """Cut a scaled window around every annotated beat of a record.

    Parameters
    ----------
    recording
        The leads that windows are cut from, at most ``lead_count``.
    annotations
        All annotations of the record.
    classes
        The AAMI class of each symbol; annotations with another symbol are no beats.
    lead_count
        Leads of a window; those that the record lacks are zeros.
    settings, rhythm
        Sampling rate, filter, window and scaling; the longest RR interval.
    """
    covered = np.array([symbol in classes for symbol in annotations.symbols], dtype=bool)
    uncovered = Counter(annotations.symbols[~covered].tolist())
    samples, symbols = annotations.samples[covered], annotations.symbols[covered]

    conditioned, missing = signals.condition(
        recording.signals_mv,
        recording.sampling_rate_hz,
        settings.sampling_rate_hz,
        (settings.low_cut_hz, settings.high_cut_hz),
        settings.filter_half_length_s,
    )
    times_s = samples / float(recording.sampling_rate_hz)
    fiducials = _fiducial_points(conditioned, times_s, settings)
    rr_before_s, rr_after_s = rr_intervals(times_s, rhythm.longest_rr_s)

    reasons = _reasons_to_leave_out(fiducials, rr_before_s, rr_after_s, conditioned, missing, settings)
    kept = np.array([reason == "" for reason in reasons], dtype=bool)
    windows_mv = _windows_mv(conditioned, missing, fiducials[kept], settings)
    scale = _find_scale(windows_mv, fiducials[kept] / settings.sampling_rate_hz, settings)
    windows = np.zeros((len(windows_mv), settings.samples, lead_count), dtype=np.float32)
    windows[:, :, : len(recording.leads)] = np.nan_to_num(scale.apply(windows_mv))

    table = pd.DataFrame(
        {
            "record": recording.name,
            "sample": samples[kept],
            "time_s": times_s[kept].round(6),
            "symbol": symbols[kept],
            "aami_class": [classes[symbol] for symbol in symbols[kept]],
            "rr_before_s": rr_before_s[kept].round(6),
            "rr_after_s": rr_after_s[kept].round(6),
            "fiducial_s": (fiducials[kept] / settings.sampling_rate_hz).round(6),
        }
    )
    table.insert(5, "anomalous", table["aami_class"] != NORMAL_CLASS)
    for lead in range(lead_count):
        present = lead < len(recording.leads)
        table[f"offset_mv_{lead + 1}"] = scale.offset_mv[:, lead].round(6) if present else np.nan
        table[f"range_mv_{lead + 1}"] = scale.range_mv[:, lead].round(6) if present else np.nan
    return RecordBeats(table, windows, Counter(reasons[~kept].tolist()), uncovered)


def rr_intervals(times_s: np.ndarray, longest_rr_s: float) -> tuple[np.ndarray, np.ndarray]:
    """RR interval before and after each beat, in seconds.

    Parameters
    ----------
    times_s
        Shape ``(beats,)``: when the beats come, increasing.
    longest_rr_s
        Longer intervals count as this long.

    Returns
    -------
    before, after : ndarray
        Shape ``(beats,)``; NaN before the first and after the last beat.
    """
    between = np.minimum(np.diff(times_s), longest_rr_s)
    if not len(times_s):
        return np.empty(0), np.empty(0)
    return np.concatenate([[np.nan], between]), np.concatenate([between, [np.nan]])


@dataclass(frozen=True)
class _Scale:
    """Turns millivolts into scaled values: ``(mV - offset) / range``; arrays of shape ``(beats, leads)``."""

    offset_mv: np.ndarray
    range_mv: np.ndarray

    def apply(self, windows_mv: np.ndarray) -> np.ndarray:
        return np.asarray((windows_mv - self.offset_mv[:, np.newaxis]) / self.range_mv[:, np.newaxis])


def _fiducial_points(conditioned: np.ndarray, times_s: np.ndarray, settings: Beat) -> np.ndarray:
    near = np.round(times_s * settings.sampling_rate_hz).astype(np.int64)
    reach = round(settings.realign_s * settings.sampling_rate_hz)
    return signals.steepest_points(conditioned, near, reach, settings.sampling_rate_hz)


def _windows(values: np.ndarray, fiducials: np.ndarray, settings: Beat) -> np.ndarray:
    positions = fiducials[:, np.newaxis] + np.arange(settings.samples) - settings.samples_before
    return np.asarray(values[positions])


def _windows_mv(conditioned: np.ndarray, missing: np.ndarray, fiducials: np.ndarray, settings: Beat) -> np.ndarray:
    """Windows in millivolts; NaN where a lead has no signal: samples are missing, or the lead is loose."""
    windows_mv = _windows(conditioned, fiducials, settings)
    no_signal = _windows(missing, fiducials, settings).any(axis=1) | (np.ptp(windows_mv, axis=1) < _FLAT_MV)
    return np.where(no_signal[:, np.newaxis], np.nan, windows_mv)


def _reasons_to_leave_out(
    fiducials: np.ndarray,
    rr_before_s: np.ndarray,
    rr_after_s: np.ndarray,
    conditioned: np.ndarray,
    missing: np.ndarray,
    settings: Beat,
) -> np.ndarray:
    """Why each beat cannot be judged; an empty string where it can."""
    reasons = np.full(len(fiducials), "", dtype=object)
    first = fiducials - settings.samples_before
    inside = (first >= 0) & (first + settings.samples <= len(missing))
    unreadable = np.zeros(len(fiducials), dtype=bool)
    unreadable[inside] = np.isnan(_windows_mv(conditioned, missing, fiducials[inside], settings)).all(axis=(1, 2))
    reasons[unreadable] = NO_SIGNAL
    reasons[~inside] = NO_WINDOW
    reasons[(rr_before_s == 0) | (rr_after_s == 0)] = SAME_TIME
    reasons[np.isnan(rr_before_s) | np.isnan(rr_after_s)] = NO_RR_INTERVAL
    return reasons


def _find_scale(windows_mv: np.ndarray, times_s: np.ndarray, settings: Beat) -> _Scale:
    """Find offset and range of each beat and lead, from the beat itself or from earlier beats."""
    if settings.scaling == "beat_standardise":
        return _Scale(windows_mv.mean(axis=1), windows_mv.std(axis=1))
    lowest, highest = windows_mv.min(axis=1), windows_mv.max(axis=1)
    if settings.scaling == "beat_min_max":
        return _Scale(lowest, highest - lowest)
    offset = median_of_earlier(lowest, times_s, settings.scaling_beats, settings.start_s)
    span = median_of_earlier(highest - lowest, times_s, settings.scaling_beats, settings.start_s)
    return _Scale(offset, span)
