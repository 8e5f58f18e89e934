"""Made-up recordings under review, for the pages that show them."""

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.findings.review import Review, review
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.findings.summary import TABLE_COLUMNS
from ecg_anomaly.findings.templates import Templates

RATE_HZ = 250.0
LEADS = ("MLII", "V5")


def made_up_beats(duration_s: float = 120, flagged_s: tuple[float, ...] = (30.5, 31.5, 80.5), rr_s: float = 1.0):
    """Beats in even steps from 0.5 s on; the later a flagged beat comes, the higher its score."""
    time_s = np.arange(0.5, duration_s, rr_s)
    flagged = np.isin(time_s, flagged_s)
    beats = pd.DataFrame({"sample": (time_s * RATE_HZ).astype(int), "time_s": time_s})
    beats = beats.assign(
        rr_before_s=np.where(time_s < 1, np.nan, rr_s),
        rr_after_s=rr_s,
        quality=0.9,
        readable=True,
        reconstruction_error=0.01,
        reconstruction_surprise=1.0,
        patient_surprise=2.0,
        rhythm_surprise=1.0,
        log_odds_S=0.5,
        log_odds_V=1.0,
        anomaly_score=np.where(flagged, 10 + time_s, 2.0),
        threshold=5.0,
        flagged=flagged,
        called=np.where(flagged, "V", ""),
        reason=np.where(flagged, "patient", ""),
        event="",
    )
    return beats[list(TABLE_COLUMNS)]


def read_mv(start_s: float, end_s: float) -> np.ndarray:
    """One spike of 1 mV at each half second past; the second lead twice as high."""
    samples = np.arange(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
    spike = (samples % RATE_HZ == RATE_HZ / 2).astype(float)
    return np.stack([spike, 2 * spike], axis=1)


def reviewed_of(
    beats: pd.DataFrame,
    events: tuple[Event, ...] = (),
    name: str = "r1",
    samples: int = 30_000,
    notes: tuple[str, ...] = (),
    marks: dict[int, str] | None = None,
    signals_mv: list[np.ndarray] | None = None,
    rate_hz: float = RATE_HZ,
) -> Review:
    """Beats under review, as `batch` and the web application make it; each beat is a spike, or signals are given."""
    shapes = np.zeros((len(beats), 3, 100, 2), dtype=np.float32)
    shapes[:, 0, 30] = 1
    threshold = FittedThreshold(method="percentile", threshold=5.0, normal_beats=1, patients=1, rates_per_hour={})
    window_s = np.arange(-30, 70) / 100
    if signals_mv is None:
        seconds = np.tile(read_mv(0, 1).astype(np.float32), (round(samples / RATE_HZ) + 1, 1))  # each is alike
        signals_mv = list(seconds[:samples].T.copy())
    flagged = beats["flagged"].to_numpy(dtype=int)  # those are alike, and unlike the others
    spread = np.zeros((2, 100, 2))
    templates = Templates(
        *(flagged, np.bincount(flagged, minlength=2), np.repeat([[0.0], [9.0]], 8, axis=1), np.zeros(2)),
        *(spread + shapes[:1, 0] if len(beats) else spread, spread, window_s),
    )
    stored = Stored(
        name=name,
        notes=list(notes),
        sampling_rate_hz=rate_hz,
        leads=list(LEADS[: len(signals_mv)]),
        judged=list(range(len(signals_mv))),
        start_time=None,
        signals_mv=signals_mv,
        beats=beats,
        shapes=shapes,
        templates=templates,
        events=list(events),
        threshold=threshold,
        window_s=window_s,
        annotated=None,
        limits=load_config().rhythm_events,
    )
    return review(stored, marks=marks)
