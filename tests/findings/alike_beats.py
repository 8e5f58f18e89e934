"""Made-up beats of a few kinds, as an analysis gives them, and their templates."""

import numpy as np
import pandas as pd

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import load_config
from ecg_anomaly.findings.templates import Templates, TemplateWriter, read_templates

CONFIG = load_config()
FRAME = Frame.of(CONFIG.beat)
NORMAL, VENTRICULAR, ATRIAL, NOISE = range(4)
_RR_S, _COUPLING_S, _PAUSE_S = 0.8, 0.5, 1.1


def _bump(width_s: float, height: float, at_s: float = 0.0) -> np.ndarray:
    return height * np.exp(-0.5 * np.square((FRAME.times_s - at_s) / width_s))


_SHAPES = {
    NORMAL: _bump(0.015, 1) + _bump(0.04, 0.15, 0.25),
    VENTRICULAR: _bump(0.06, -1.6) + _bump(0.06, 0.6, 0.25),
    ATRIAL: _bump(0.015, 1) + _bump(0.04, 0.15, 0.25),
    NOISE: _bump(0.015, 0.4),
}


def made_up(kinds: np.ndarray, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Make beats of these kinds up; what is premature comes early, and is followed by a pause."""
    rng = np.random.default_rng(seed)
    count, early = len(kinds), np.isin(kinds, [VENTRICULAR, ATRIAL])
    rr_after_s = np.where(early, _PAUSE_S, np.where(np.append(early[1:], False), _COUPLING_S, _RR_S))
    rr_after_s = rr_after_s * np.exp(rng.normal(0, 0.02, count))
    rr_before_s = np.concatenate([[np.nan], rr_after_s[:-1]])[:count]
    noise = np.where(kinds == NOISE, 0.5, 0.03)[:, np.newaxis, np.newaxis]
    shapes = np.array([_SHAPES[kind] for kind in kinds]).reshape(count, FRAME.samples, 1) * [1, 0.5]
    windows = shapes + noise * rng.standard_normal((count, FRAME.samples, 2))
    likely = np.array([-5.0, 5.0, -2.0, 1.0])[kinds]
    beats = pd.DataFrame(
        {
            "time_s": np.nancumsum(rr_before_s),
            "rr_before_s": rr_before_s,
            "rr_after_s": rr_after_s,
            "readable": True,
            "log_odds_S": np.where(kinds == ATRIAL, 4.0, -5.0),
            "log_odds_V": likely,
            "flagged": kinds != NORMAL,
            "event": "",
        }
    )
    return beats, windows.astype(np.float32)


def mixed(count: int = 1500, seed: int = 1) -> np.ndarray:
    """Mostly normal beats; the others come one by one."""
    kinds = np.random.default_rng(seed).choice([NORMAL, VENTRICULAR, ATRIAL, NOISE], count, p=[0.7, 0.15, 0.1, 0.05])
    kinds[1:][kinds[:-1] != NORMAL] = NORMAL
    return kinds


def templates_of(folder, beats: pd.DataFrame, windows: np.ndarray, portion: int = 400) -> Templates:
    """Match beats with templates, in portions, in a folder that is not there yet."""
    folder.mkdir()
    writer = TemplateWriter(folder, CONFIG, 2)
    for first in range(0, len(beats), portion):
        writer.push(beats.iloc[first : first + portion], windows[first : first + portion])
    writer.close()
    return read_templates(folder)
