"""What the start of a recording shows of its leads: a signal, beats, how high they are, which way they point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from ecg_anomaly.beats.cutter import cut_beats
from ecg_anomaly.beats.quality import lead_quality
from ecg_anomaly.config import Config

START_S = 60.0  # of a recording, by which leads are chosen
_MOST_LOOKS = 60  # at minutes of leads, while no beat is seen: half an hour of two leads
_FEW_MV = 1e-6  # a lead that spans less has no signal, not even one in volts that is taken for millivolts
# QRS-like activity. In the first minutes of mitdb, svdb, cudb, ludb and afpdb half of what the detector finds in a lead
# can be read, but in one that is noise alone; of what it finds in noise, EEG, pulse waves and sines a seventh at most.
_LEAST_READABLE = 0.25
_LEAST_RATE_BPM = 20
_TALLEST_SHARE = 99.9  # percentile of the absolute values by which a lead of unknown scale is brought to 1 mV
_QRS_REACH_S = 0.08  # to either side of the steepest point
_T_WAVE_S = (0.17, 0.42)  # after it
# A normal beat upside down has both below the line. One alone is common: a QRS complex that points down with a T wave
# against it in bundle branch block, an inverted T wave after a heart attack. No lead of DS1 has both.
_DOWNWARD_RATIO = 2.0  # of the depth of the QRS complex to its height
_T_WAVE_SHARE = 0.05  # of the beat's amplitude that a T wave is deep at least


@dataclass(frozen=True)
class LeadLook:
    """What the start of a recording shows of a lead, found out when it is asked for."""

    lead_mv: np.ndarray = field(repr=False)  # shape (samples,), in millivolts, NaN where samples are missing
    sampling_rate_hz: Fraction
    config: Config = field(repr=False)  # filter and window of beats

    @cached_property
    def alive(self) -> bool:
        """Whether it holds a signal at all."""
        return bool(len(self._valid_mv)) and bool(np.ptp(self._valid_mv) > _FEW_MV)

    @cached_property
    def quality(self) -> float:
        """Median quality of its beats, from 0 to 1."""
        qualities = lead_quality(self._windows_mv, self.config.beat.sampling_rate_hz)
        return float(np.median(qualities)) if len(qualities) else 0.0

    @cached_property
    def height_mv(self) -> float:
        """Median peak-to-peak amplitude of its beats after the band-pass filter; without beats, of all of it."""
        if not len(self._windows_mv):
            return float(np.ptp(self._valid_mv)) if self.alive else 0.0
        return float(np.median(np.ptp(self._windows_mv, axis=1)))

    @cached_property
    def beats_seen(self) -> bool:
        """Whether it shows QRS complexes, whatever its scale."""
        if not self.alive:
            return False
        level_mv = self.lead_mv - np.median(self._valid_mv)
        tallest_mv = np.percentile(np.abs(level_mv[np.isfinite(level_mv)]), _TALLEST_SHARE)
        if not tallest_mv > 0:
            return False
        scaled_mv = level_mv[:, np.newaxis] / tallest_mv
        cut = cut_beats(scaled_mv, self.sampling_rate_hz, self.config.beat, self.config.rhythm)
        rate_bpm = 60 * len(cut) * float(self.sampling_rate_hz) / len(self._valid_mv)
        return bool(rate_bpm >= _LEAST_RATE_BPM and np.mean(cut.readable) >= _LEAST_READABLE)

    @cached_property
    def downward(self) -> bool:
        """Whether both the QRS complex and the T wave of its median beat point down."""
        if not len(self._windows_mv):
            return False
        beat, median_mv = self.config.beat, np.median(self._windows_mv[:, :, 0], axis=0)
        level_mv = median_mv - np.median(median_mv)
        since_s = (np.arange(len(level_mv)) - beat.samples_before) / beat.sampling_rate_hz
        complex_mv = level_mv[np.abs(since_s) <= _QRS_REACH_S]
        t_wave_mv = level_mv[(since_s >= _T_WAVE_S[0]) & (since_s <= _T_WAVE_S[1])]
        if not len(t_wave_mv):
            return False
        deepest_mv = t_wave_mv[np.abs(t_wave_mv).argmax()]
        deep = -complex_mv.min() > _DOWNWARD_RATIO * max(complex_mv.max(), 0.0)
        return bool(deep and deepest_mv < -_T_WAVE_SHARE * np.ptp(level_mv))

    @cached_property
    def clipped_share(self) -> float:
        """Share of the samples that lie at the highest or the lowest value."""
        valid = self._valid_mv
        return float(np.mean((valid == valid.min()) | (valid == valid.max()))) if self.alive else 0.0

    @cached_property
    def _valid_mv(self) -> np.ndarray:
        return np.asarray(self.lead_mv[np.isfinite(self.lead_mv)])

    @cached_property
    def _windows_mv(self) -> np.ndarray:
        if not self.alive:
            return np.empty((0, self.config.beat.samples, 1))
        cut = cut_beats(self.lead_mv[:, np.newaxis], self.sampling_rate_hz, self.config.beat, self.config.rhythm)
        return np.asarray(cut.windows_mv[cut.left_out == ""])


def look_at_leads(start_mv: np.ndarray, sampling_rate_hz: Fraction, config: Config) -> list[LeadLook]:
    """Look at each lead of the start of a recording, of shape ``(samples, leads)``, by itself; see `LeadLook`."""
    return [LeadLook(lead_mv, sampling_rate_hz, config) for lead_mv in start_mv.T]


def look_at_start(
    minutes_mv: Iterable[np.ndarray], sampling_rate_hz: Fraction, config: Config
) -> tuple[list[LeadLook], float]:
    """Look at the first minute of a recording in which a lead shows beats: electrodes may be put on late.

    Parameters
    ----------
    minutes_mv
        The recording in blocks of `START_S`, each of shape ``(samples, leads)``.
    sampling_rate_hz, config
        As for `LeadLook`.

    Returns
    -------
    looks : list of LeadLook
        Of each lead; at the very start where no minute shows beats.
    start_s : float
        When what was looked at begins.
    """
    first: list[LeadLook] = []
    for number, minute_mv in enumerate(minutes_mv):
        if number and (number + 1) * len(first) > _MOST_LOOKS:
            break
        looks = look_at_leads(minute_mv, sampling_rate_hz, config)
        if any(look.beats_seen for look in looks):
            return looks, number * START_S
        first = first or looks
    return first, 0.0
