"""Beats of a record: a window around each, its label, its RR intervals, its scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from ecg_anomaly.beats import conditioning
from ecg_anomaly.beats.history import median_of_earlier
from ecg_anomaly.config import Beat, Rhythm
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.recording import Recording

CLASSES = ("N", "S", "V", "F", "Q")
NORMAL_CLASS = "N"

NO_RR_INTERVAL = "first or last beat, without an RR interval on either side"
SAME_TIME = "another beat is annotated at the same time"
NO_WINDOW = "window reaches beyond the record"
NO_SIGNAL = "no lead has a signal in the window"

# A lead that changes less than this over a window is loose. It is far below the 5 µV steps of the MIT-BIH Arrhythmia
# Database, and far above the rounding errors of the filter, which would look like a beat once they are scaled.
_FLAT_MV = 1e-3

# The columns of ``beats.csv`` that say which beat it is; scale, and what else is known of it, follow.
_COLUMNS = ["sample", "time_s", "symbol", "aami_class", "anomalous", "rr_before_s", "rr_after_s", "fiducial_s"]
# Where test beats are detected, beats.csv has too: how well a beat can be read (NaN: nobody asked), and whether it
# counts in the figures. Beats that do not count are scored all the same, since later beats are compared with them.
QUALITY, EVALUATED = "quality", "evaluated"
_SECONDS = ["time_s", "rr_before_s", "rr_after_s", "fiducial_s"]


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

    conditioned, missing = condition(recording.signals_mv, recording.sampling_rate_hz, settings)
    times_s = samples / float(recording.sampling_rate_hz)
    near = np.round(times_s * settings.sampling_rate_hz).astype(np.int64)
    fiducials = fiducial_points(conditioned, near, [settings.realign_s], settings.sampling_rate_hz)
    rr_before_s, rr_after_s = rr_intervals(times_s, rhythm.longest_rr_s)
    windows_mv = cut_windows_mv(conditioned, missing, fiducials, settings)
    reasons = reasons_to_leave_out(fiducials, rr_before_s, rr_after_s, windows_mv, len(conditioned), settings)
    marked = pd.DataFrame(
        {
            "sample": samples,
            "time_s": times_s,
            "symbol": symbols,
            "aami_class": [classes[symbol] for symbol in symbols],
            "rr_before_s": rr_before_s,
            "rr_after_s": rr_after_s,
            "fiducial_s": fiducials / settings.sampling_rate_hz,
        }
    )
    table, windows = scaled_beats(recording.name, marked, windows_mv, reasons, lead_count, settings)
    return RecordBeats(table, windows, Counter(reasons[reasons != ""].tolist()), uncovered)


def condition(signals_mv: np.ndarray, sampling_rate_hz: Fraction, settings: Beat) -> tuple[np.ndarray, np.ndarray]:
    """Bring whole signals to the rate and band that beats are cut at; see `signals.condition`."""
    return conditioning.condition(
        signals_mv,
        sampling_rate_hz,
        settings.sampling_rate_hz,
        (settings.low_cut_hz, settings.high_cut_hz),
        settings.filter_half_length_s,
    )


def scaled_beats(
    record: str, marked: pd.DataFrame, windows_mv: np.ndarray, reasons: np.ndarray, lead_count: int, settings: Beat
) -> tuple[pd.DataFrame, np.ndarray]:
    """Take the beats of a record that can be judged, and scale their windows.

    Parameters
    ----------
    record
        Its name.
    marked
        One row per beat: the columns of ``beats.csv`` from ``sample`` to ``fiducial_s`` but ``anomalous``, and others,
        which are passed on.
    windows_mv
        Shape ``(beats, samples, leads)``, from `cut_windows_mv`.
    reasons
        Shape ``(beats,)``: why a beat is left out; an empty string where it is not.
    lead_count
        Leads of a window; those that the record lacks are zeros.
    settings
        How windows are scaled.

    Returns
    -------
    table : DataFrame
        The beats that are left, with their scale.
    windows : ndarray
        Shape ``(beats left, samples, leads)``, float32.
    """
    kept = np.array(reasons == "", dtype=bool)
    beats = marked[kept].reset_index(drop=True).round(dict.fromkeys(_SECONDS, 6))
    scale = find_scale(own_scale(windows_mv[kept], settings), beats["fiducial_s"].to_numpy(), settings)
    table = beats.assign(record=record, anomalous=beats["aami_class"] != NORMAL_CLASS, **scale.columns(lead_count))
    others = [name for name in beats.columns if name not in _COLUMNS]
    return table[["record", *_COLUMNS, *scale.columns(lead_count), *others]], scale.apply(windows_mv[kept], lead_count)


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
class Scale:
    """Turns millivolts into scaled values: ``(mV - offset) / range``; arrays of shape ``(beats, leads)``."""

    offset_mv: np.ndarray
    range_mv: np.ndarray

    def apply(self, windows_mv: np.ndarray, lead_count: int) -> np.ndarray:
        """Scale windows; float32, with zeros where a lead has no signal and for leads that the record lacks."""
        scaled = np.zeros((*windows_mv.shape[:2], lead_count), dtype=np.float32)
        leads = windows_mv.shape[2]
        values = (windows_mv - self.offset_mv[:, np.newaxis]) / self.range_mv[:, np.newaxis]
        scaled[:, :, :leads] = np.nan_to_num(values)
        return scaled

    def columns(self, lead_count: int) -> dict[str, np.ndarray]:
        """Offset and range per lead, as columns of ``beats.csv``; NaN for leads that the record lacks."""
        beats, leads = self.offset_mv.shape
        lacking = np.full((beats, lead_count - leads), np.nan)
        offset_mv, range_mv = (np.hstack([values, lacking]).round(6) for values in (self.offset_mv, self.range_mv))
        return {
            f"{name}_{lead + 1}": values[:, lead]
            for lead in range(lead_count)
            for name, values in (("offset_mv", offset_mv), ("range_mv", range_mv))
        }


def fiducial_points(
    conditioned: np.ndarray, near: np.ndarray, reaches_s: Sequence[float], sampling_rate_hz: int
) -> np.ndarray:
    """Move beats to the steepest points of their QRS complexes, in steps that each reach so far; in samples."""
    for reach_s in reaches_s:
        near = conditioning.steepest_points(conditioned, near, round(reach_s * sampling_rate_hz), sampling_rate_hz)
    return near


def cut_windows_mv(conditioned: np.ndarray, missing: np.ndarray, fiducials: np.ndarray, settings: Beat) -> np.ndarray:
    """Cut windows in millivolts, shape ``(beats, samples, leads)``.

    NaN where a lead has no signal: samples are missing, or the lead is loose.

    What a window lacks beyond the end of the record is filled with the sample at the end.
    """
    positions = fiducials[:, np.newaxis] + np.arange(settings.samples) - settings.samples_before
    positions = np.clip(positions, 0, len(conditioned) - 1)
    windows_mv = conditioned[positions]
    no_signal = (windows_mv.max(axis=1) - windows_mv.min(axis=1)) < _FLAT_MV
    if missing.any():
        no_signal |= missing[positions].any(axis=1)
    windows_mv[np.broadcast_to(no_signal[:, np.newaxis], windows_mv.shape)] = np.nan
    return np.asarray(windows_mv)


def reasons_to_leave_out(
    fiducials: np.ndarray,
    rr_before_s: np.ndarray,
    rr_after_s: np.ndarray,
    windows_mv: np.ndarray,
    record_samples: int,
    settings: Beat,
) -> np.ndarray:
    """Tell why each beat cannot be judged; an empty string where it can."""
    reasons = np.full(len(fiducials), "", dtype=object)
    first = fiducials - settings.samples_before
    reasons[np.isnan(windows_mv).all(axis=(1, 2))] = NO_SIGNAL
    reasons[(first < 0) | (first + settings.samples > record_samples)] = NO_WINDOW
    reasons[(rr_before_s == 0) | (rr_after_s == 0)] = SAME_TIME
    reasons[np.isnan(rr_before_s) | np.isnan(rr_after_s)] = NO_RR_INTERVAL
    return reasons


def own_scale(windows_mv: np.ndarray, settings: Beat) -> Scale:
    """Measure offset and range of each window of shape ``(beats, samples, leads)``, from the window itself."""
    if settings.scaling == "beat_standardise":
        return Scale(windows_mv.mean(axis=1), windows_mv.std(axis=1))
    lowest = windows_mv.min(axis=1)
    return Scale(lowest, windows_mv.max(axis=1) - lowest)


def find_scale(own: Scale, times_s: np.ndarray, settings: Beat, since: int = 0) -> Scale:
    """Find offset and range of each beat from ``since`` on: its own, or those of earlier beats."""
    values = own.offset_mv, own.range_mv
    if settings.scaling != "record_min_max":
        return Scale(*(value[since:] for value in values))
    return Scale(
        *(median_of_earlier(value, times_s, settings.scaling_beats, settings.start_s, since) for value in values)
    )
