"""Beats made by hand: a P wave, a QRS complex and a T wave, each a bump, at regular intervals."""

import numpy as np

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy.rhythms import Rhythms
from ecg_anomaly.detector.patient import PairedBeats

FRAME = Frame(48, 108, 120)  # 0.4 s before to 0.5 s after, as in config.yaml
INTERVALS = 202

# Time and width of each wave in seconds, and its height in three leads.
P_WAVE, QRS, T_WAVE = (-0.16, 0.02, (0.15, -0.1, 0.1)), (0.0, 0.012, (1.0, -0.8, 0.6)), (0.26, 0.03, (0.3, 0.2, -0.2))


def waves(times_s: np.ndarray, leads: int = 2, parts=(P_WAVE, QRS, T_WAVE)) -> np.ndarray:
    """Draw one beat at times of any shape; one more axis, for the leads."""
    drawn = np.zeros((*times_s.shape, 3))
    for at_s, width_s, heights in parts:
        drawn += np.exp(-0.5 * ((times_s - at_s) / width_s) ** 2)[..., np.newaxis] * heights
    return drawn[..., :leads].astype(np.float32)


def windows(rr_s: np.ndarray, leads: int = 2, frame: Frame = FRAME) -> np.ndarray:
    """Draw beats between neighbours that are ``rr_s`` (shape ``(beats, 2)``) before and after them."""
    before_s, after_s = (frame.times_s + shift for shift in (rr_s[:, :1], -rr_s[:, 1:]))
    return waves(frame.times_s, leads) + waves(before_s, leads) + waves(after_s, leads)


def regular(count: int, rr_s: float = 0.85, leads: int = 2, frame: Frame = FRAME) -> tuple[PairedBeats, np.ndarray]:
    """Make beats that all come after the same interval and look like their patient's own, and their tachograms."""
    beats = windows(np.full((count, 2), rr_s), leads, frame)
    spread = np.full_like(beats, 0.02)
    tachograms = np.full((count, INTERVALS), np.log(rr_s), dtype=np.float32)
    return PairedBeats(beats, beats, beats, spread, np.full((count, 8), -8, dtype=np.float32)), tachograms


def regular_rhythms(count: int, rr_s: float = 0.85, coupling: float = np.nan, fibrillating: bool = False) -> Rhythms:
    """Make rhythms whose intervals are all alike, whatever is said of them."""
    return Rhythms(
        tachograms=np.full((count, INTERVALS), np.log(rr_s), dtype=np.float32),
        fibrillating=np.full(count, fibrillating),
        fast=np.zeros(count, dtype=bool),
        onset=np.zeros(count, dtype=np.int64),
        coupling=np.full(count, coupling, dtype=np.float32),
    )
