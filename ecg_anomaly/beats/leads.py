"""Which leads of a recording are analysed, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from ecg_anomaly import words
from ecg_anomaly.beats.cutter import cut_beats
from ecg_anomaly.beats.quality import LEAST_QUALITY, PLAUSIBLE_MV, lead_quality
from ecg_anomaly.config import Config, Records
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import find_leads
from ecg_anomaly.records.lead_names import lead_called, looks_like_ecg

START_S = 60.0  # of a recording, by which leads are chosen
_MOST_LOOKS = 60  # at minutes of leads, while no beat is seen: half an hour of two leads
_FEW_MV = 1e-6  # a lead that spans less has no signal, not even one in volts that is taken for millivolts
# QRS-like activity. In the first minutes of mitdb, svdb, cudb, ludb and afpdb half of what the detector finds in a lead
# can be read, but in one that is noise alone; of what it finds in noise, EEG, pulse waves and sines a seventh at most.
_LEAST_READABLE = 0.25
_LEAST_RATE_BPM = 20
_TALLEST_SHARE = 99.9  # percentile of the absolute values by which a lead of unknown scale is brought to 1 mV
_MILLI = 1000.0
_QRS_REACH_S = 0.08  # to either side of the steepest point
_T_WAVE_S = (0.17, 0.42)  # after it
# Leads in which the QRS complex and the T wave of a normal beat point up.
_UPRIGHT_LEADS = frozenset({"i", "ii", "mlii", "v5", "v6", "cm5", "ml5"})
# A normal beat upside down has both below the line. One alone is common: a QRS complex that points down with a T wave
# against it in bundle branch block, an inverted T wave after a heart attack. No lead of DS1 has both.
_DOWNWARD_RATIO = 2.0  # of the depth of the QRS complex to its height
_T_WAVE_SHARE = 0.05  # of the beat's amplitude that a T wave is deep at least
_CLIPPED_SHARE = 0.02  # of the samples; a lead that is not clipped meets its extremes a few times a minute

_NO_BEATS = "no QRS complex is seen in it at the start, nor does its name say that it is an ECG; --leads takes it"


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


def choose_leads(
    names: Sequence[str],
    settings: Records,
    path: Path | str,
    looks: Sequence[LeadLook] = (),
    asked: Sequence[str] = (),
) -> list[int]:
    """Choose the leads to analyse: where each stands in ``names``, as asked, or else preferred ones first.

    Leads that can be read come before those that cannot, and those before leads without a signal; then those of
    ``records.leads`` in its order, whatever their case; then the others, the best quality first. A lead without a
    signal is taken only where there is no other; likewise one without beats where no name says that it is an ECG.

    Parameters
    ----------
    names
        The leads that are there, each once.
    path
        The file or stream, for messages.
    looks
        What the start shows of each lead; empty, all are equally good: nothing has come of the signal yet.
    asked
        Names of leads to take instead, whatever their case.

    Raises
    ------
    UserError
        When a lead that is asked for is not there, or the model takes fewer.
    """
    if len(asked) > settings.lead_count:
        raise UserError(f"{path}: --leads names {len(asked)} leads, the model takes {settings.lead_count}")
    if asked:
        return find_leads(names, asked, path)
    listed = {name.lower(): place for place, name in enumerate(settings.leads)}
    places = [listed.get(name.lower(), len(listed)) for name in names]

    def rank(lead: int) -> tuple[bool, int, float]:
        quality = looks[lead].quality if looks else 1.0
        return quality < LEAST_QUALITY, places[lead], -quality

    in_order = sorted(range(len(names)), key=lambda lead: places[lead])
    chosen = [lead for lead in in_order if not looks or looks[lead].alive]
    if looks and not any(map(looks_like_ecg, names)):
        chosen = [lead for lead in chosen if looks[lead].beats_seen] or chosen
    if len(chosen) > settings.lead_count:  # otherwise nobody need look closer
        chosen = sorted(chosen, key=rank)[: settings.lead_count]
    return [lead for lead in in_order if lead in chosen] or in_order[:1]


def left_out(names: Sequence[str], looks: Sequence[LeadLook], chosen: Sequence[int]) -> list[str]:
    """Say which leads are not analysed, and why."""
    by_name = any(map(looks_like_ecg, names))
    others = {name: look for lead, (name, look) in enumerate(zip(names, looks, strict=True)) if lead not in chosen}
    reasons = {
        name: _NO_BEATS if look.alive else "it holds no signal at the start"
        for name, look in others.items()
        if not look.alive or not (by_name or look.beats_seen)
    }
    notes = words.left_out("lead", list(reasons.items()))
    taken = [names[lead] for lead in chosen]
    return [*notes, *not_analysed([name for name in names if name not in reasons], taken)]


def not_analysed(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Say which of some leads are not analysed although nothing is wrong with them."""
    more = [name for name in names if name not in taken]
    told = (
        f"analysed: {', '.join(taken)}; not {words.listed(more)}: the model takes no more, and --leads chooses others"
    )
    return [told] if more else []


def oddities(names: Sequence[str], looks: Sequence[LeadLook]) -> list[str]:
    """Say what the user should know of the leads: a wrong gain, a swapped polarity, clipping, no ECG, no signal."""
    return [note for name, look in zip(names, looks, strict=True) for note in _oddities(lead_called(name), look)]


def _oddities(lead: str, look: LeadLook) -> Iterator[str]:
    if not look.alive:
        yield f"{lead} holds no signal at the start"
        return
    if not look.beats_seen:
        yield f"no QRS complex is seen at the start of {lead}; is it an ECG?"
    elif not PLAUSIBLE_MV[0] <= look.height_mv <= PLAUSIBLE_MV[1]:
        yield (
            f"{lead} is {look.height_mv:,.3g} mV high, which no ECG at the skin is, and cannot be judged; "
            f"{_likely_unit(look.height_mv)}"
        )
    if look.downward and lead.removeprefix("lead ").lower() in _UPRIGHT_LEADS:
        yield f"{lead} looks upside down: its QRS complexes and T waves point down; are its electrodes swapped?"
    if look.clipped_share > _CLIPPED_SHARE:
        yield f"{look.clipped_share:.0%} of {lead} lies at its highest or lowest value; was the amplifier saturated?"


def _likely_unit(height_mv: float) -> str:
    """Ask for the unit that would make a lead as high as an ECG is."""
    for unit, gain in (("volts", 1 / _MILLI), ("microvolts", _MILLI)):
        if PLAUSIBLE_MV[0] <= height_mv / gain <= PLAUSIBLE_MV[1]:
            return f"are these {unit}? --gain {gain:g} takes a lead without a unit for that"
    return "is its unit right? --gain says how many units of a lead without one make a millivolt"
