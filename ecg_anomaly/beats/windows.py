"""A window around each beat, and its scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.conditioning import steepest_points
from ecg_anomaly.beats.history import EarlierBeats
from ecg_anomaly.config import Beat

# A lead that changes less than this over a window is loose. It is far below the 5 µV steps of the MIT-BIH Arrhythmia
# Database, and far above the rounding errors of the filter, which would look like a beat once they are scaled.
_FLAT_MV = 1e-3


def fiducial_points(
    conditioned: np.ndarray, near: np.ndarray, reaches_s: Sequence[float], sampling_rate_hz: int
) -> np.ndarray:
    """Move beats to the steepest points of their QRS complexes, in steps that each reach so far; in samples."""
    for reach_s in reaches_s:
        near = steepest_points(conditioned, near, round(reach_s * sampling_rate_hz), sampling_rate_hz)
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


@dataclass(frozen=True)
class Frame:
    """When the samples of a window are."""

    before: int  # samples before the fiducial point
    samples: int
    rate_hz: int  # samples per second

    @classmethod
    def of(cls, settings: Beat) -> Frame:
        """Take the frame from how beats are cut."""
        return cls(settings.samples_before, settings.samples, settings.sampling_rate_hz)

    @property
    def times_s(self) -> np.ndarray:
        """Seconds after the fiducial point, shape ``(samples,)``."""
        return np.asarray((np.arange(self.samples) - self.before) / self.rate_hz, dtype=np.float32)


@dataclass(frozen=True)
class Scale:
    """Turns millivolts into scaled values: ``(mV - offset) / range``; arrays of shape ``(beats, leads)``."""

    offset_mv: np.ndarray
    range_mv: np.ndarray

    def apply(self, windows_mv: np.ndarray, lead_count: int) -> np.ndarray:
        """Scale windows; float32, with zeros where a lead has no signal and for leads that the record lacks."""
        scaled = np.zeros((*windows_mv.shape[:2], lead_count), dtype=np.float32)
        values = (windows_mv - self.offset_mv[:, np.newaxis]) / self.range_mv[:, np.newaxis]
        scaled[:, :, : windows_mv.shape[2]] = np.nan_to_num(values)
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


class Scaler:
    """Finds the scale of each beat of one record while they arrive: its own, or that of earlier beats.

    Parameters
    ----------
    settings
        How windows are scaled. Beats before ``start_s`` share one scale, and have to be pushed together.
    """

    def __init__(self, settings: Beat):
        self._scaling = settings.scaling
        self._offset_mv, self._range_mv = (EarlierBeats(settings.scaling_beats, settings.start_s) for _ in range(2))

    def push(self, windows_mv: np.ndarray, times_s: np.ndarray) -> Scale:
        """Find the scale of the next beats: windows of shape ``(beats, samples, leads)``, and when they come."""
        if self._scaling == "beat_standardise":
            return Scale(windows_mv.mean(axis=1), windows_mv.std(axis=1))
        lowest_mv = windows_mv.min(axis=1)
        range_mv = windows_mv.max(axis=1) - lowest_mv
        if self._scaling == "beat_min_max":
            return Scale(lowest_mv, range_mv)
        return Scale(self._offset_mv.push(lowest_mv, times_s), self._range_mv.push(range_mv, times_s))
