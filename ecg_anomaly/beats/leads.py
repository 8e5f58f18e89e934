"""Which leads of a recording are analysed, and what is odd about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ecg_anomaly.beats.cutter import cut_beats
from ecg_anomaly.beats.quality import LEAST_QUALITY, PLAUSIBLE_MV, lead_quality
from ecg_anomaly.config import Beat, Config
from ecg_anomaly.records.wfdb_records import lead_order

_FEW_MV = 1e-3  # a lead that spans less has no signal
_QRS_REACH_S = 0.08  # to either side of the steepest point
_T_WAVE_S = (0.17, 0.42)  # after it
# Leads in which the QRS complex and the T wave of a normal beat point up.
_UPRIGHT_LEADS = frozenset({"i", "ii", "mlii", "v5", "v6", "cm5", "ml5"})
# A normal beat upside down has both below the line. One alone is common: a QRS complex that points down with a T wave
# against it in bundle branch block, an inverted T wave after a heart attack. No lead of DS1 has both.
_DOWNWARD_RATIO = 2.0  # of the depth of the QRS complex to its height
_T_WAVE_SHARE = 0.05  # of the beat's amplitude that a T wave is deep at least
_CLIPPED_SHARE = 0.02  # of the samples; a lead that is not clipped meets its extremes a few times a minute


@dataclass(frozen=True)
class LeadLook:
    """What the start of a recording shows of a lead.

    Attributes
    ----------
    alive
        Whether it holds a signal at all.
    quality
        Median quality of its beats, from 0 to 1.
    height_mv
        Median peak-to-peak amplitude of its beats after the band-pass filter; without beats, of all of it.
    downward
        Whether both the QRS complex and the T wave of its median beat point down.
    clipped_share
        Share of the samples that lie at the highest or the lowest value.
    """

    alive: bool
    quality: float
    height_mv: float
    downward: bool
    clipped_share: float


def look_at_leads(start_mv: np.ndarray, sampling_rate_hz: Fraction, config: Config) -> list[LeadLook]:
    """Look at each lead by itself.

    Parameters
    ----------
    start_mv
        Shape ``(samples, leads)``: the start of a recording in millivolts, NaN where samples are missing.
    sampling_rate_hz
        Samples per second.
    config
        Filter and window of beats.
    """
    return [_look(start_mv[:, [lead]], sampling_rate_hz, config) for lead in range(start_mv.shape[1])]


def choose_leads(names: Sequence[str], looks: Sequence[LeadLook], preferred: Sequence[str], count: int) -> list[str]:
    """Choose the leads to analyse.

    Leads that can be read come before those that cannot, and those before leads without a signal; then those of
    ``preferred`` in its order, whatever their case; then the others, the best quality first.

    Parameters
    ----------
    names, looks
        The leads of the recording.
    preferred
        Names of leads.
    count
        How many to take at most; a lead without a signal is taken only where there is no other.

    Returns
    -------
    list of str
        The chosen leads in the order in which the pipeline takes them: preferred ones first, then as recorded.
    """
    listed = {name.lower(): position for position, name in enumerate(preferred)}

    def rank(lead: int) -> tuple[bool, bool, int, float]:
        look = looks[lead]
        place = listed.get(names[lead].lower(), len(listed))
        return not look.alive, look.quality < LEAST_QUALITY, place, -look.quality

    ranked = sorted(range(len(names)), key=rank)
    chosen = [lead for lead in ranked if looks[lead].alive][:count] or ranked[:1]
    return [names[lead] for lead in lead_order(names, preferred) if lead in chosen]


def oddities(names: Sequence[str], looks: Sequence[LeadLook]) -> list[str]:
    """Say what the user should know of the leads: a wrong gain, a swapped polarity, clipping, no signal."""
    notes = []
    for name, look in zip(names, looks, strict=True):
        if not look.alive:
            notes.append(f"lead {name} holds no signal at the start")
            continue
        if not PLAUSIBLE_MV[0] <= look.height_mv <= PLAUSIBLE_MV[1]:
            notes.append(
                f"lead {name} is {look.height_mv:,.3g} mV high, which no ECG at the skin is, and cannot be judged; "
                "is its gain or unit right?"
            )
        if look.downward and name.lower() in _UPRIGHT_LEADS:
            notes.append(
                f"lead {name} looks upside down: its QRS complexes and T waves point down; are its electrodes swapped?"
            )
        if look.clipped_share > _CLIPPED_SHARE:
            notes.append(
                f"{look.clipped_share:.0%} of lead {name} lies at its highest or lowest value; was the amplifier "
                "saturated?"
            )
    return notes


def _look(lead_mv: np.ndarray, sampling_rate_hz: Fraction, config: Config) -> LeadLook:
    valid = lead_mv[np.isfinite(lead_mv)]
    if not len(valid) or np.ptp(valid) <= _FEW_MV:
        return LeadLook(False, 0.0, 0.0, False, 0.0)
    clipped_share = float(np.mean((valid == valid.min()) | (valid == valid.max())))
    cut = cut_beats(lead_mv, sampling_rate_hz, config.beat, config.rhythm)
    windows_mv = cut.windows_mv[cut.left_out == ""]
    if not len(windows_mv):
        return LeadLook(True, 0.0, float(np.ptp(valid)), False, clipped_share)
    return LeadLook(
        True,
        float(np.median(lead_quality(windows_mv, config.beat.sampling_rate_hz))),
        float(np.median(np.ptp(windows_mv, axis=1))),
        _points_down(np.median(windows_mv[:, :, 0], axis=0), config.beat),
        clipped_share,
    )


def _points_down(beat_mv: np.ndarray, settings: Beat) -> bool:
    """Tell whether the QRS complex and the T wave of a beat of shape ``(samples,)`` both point down."""
    level_mv = beat_mv - np.median(beat_mv)
    since_s = (np.arange(len(beat_mv)) - settings.samples_before) / settings.sampling_rate_hz
    complex_mv = level_mv[np.abs(since_s) <= _QRS_REACH_S]
    t_wave_mv = level_mv[(since_s >= _T_WAVE_S[0]) & (since_s <= _T_WAVE_S[1])]
    if not len(t_wave_mv):
        return False
    deepest_mv = t_wave_mv[np.abs(t_wave_mv).argmax()]
    deep = -complex_mv.min() > _DOWNWARD_RATIO * max(complex_mv.max(), 0.0)
    return bool(deep and deepest_mv < -_T_WAVE_SHARE * np.ptp(beat_mv))
