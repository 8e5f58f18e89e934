"""Does a beat look like this patient's beats? What the patient's beats looked like so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.history import EarlierBeats
from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.config import Patient


@dataclass(frozen=True)
class PairedBeats(PerBeat):
    """Beats, each beside the patient's own beat when it comes.

    Both of shape ``(beats, samples, leads)``, float32; a lead that the record lacks is all zeros.
    """

    windows: np.ndarray
    own_beats: np.ndarray


class OwnBeat:
    """The patient's own beat when each beat of a record comes: the median of those before it, whatever their label.

    Parameters
    ----------
    settings
        How many earlier beats count.
    start_s
        Beats before this time are compared with all of them, and have to be pushed together.
    """

    def __init__(self, settings: Patient, start_s: float):
        self._usual = EarlierBeats(settings.recent_beats, start_s)

    def push(self, windows: np.ndarray, in_time: np.ndarray, times_s: np.ndarray) -> PairedBeats:
        """Put the next beats beside the patient's own.

        Parameters
        ----------
        windows
            Shape ``(beats, samples, leads)``, scaled; a missing lead is all zeros.
        in_time
            Shape ``(beats,)``, bool: the others do not count; a beat that comes early is seldom the usual one.
        times_s
            Shape ``(beats,)``: when the beats come.
        """
        lost = ~windows.any(axis=1, keepdims=True)  # a lead that came off says nothing about the patient
        early = ~in_time[:, np.newaxis, np.newaxis]
        seen = np.where(lost | early, np.float32(np.nan), windows)
        flat = self._usual.push(seen.reshape(len(seen), -1), times_s)
        # Where no earlier beat counts, the beat has only itself to be compared with.
        own = np.where(np.isnan(flat), windows.reshape(flat.shape), flat).reshape(windows.shape)
        return PairedBeats(windows, np.asarray(own, dtype=np.float32))
