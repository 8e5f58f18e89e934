"""What one lead costs: the test beats scored once more with each lead alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.config import Config
from ecg_anomaly.detector import measures, thresholds
from ecg_anomaly.detector.scorer import TrainedDetector, score_records
from ecg_anomaly.detector.surprise import Surprise
from ecg_anomaly.evaluation import metrics


def single_lead_figures(
    reconstruct: measures.Reconstruct,
    beats: pd.DataFrame,
    windows: np.ndarray,
    counted: np.ndarray,
    reference: Mapping[str, Surprise],
    threshold: dict[str, Any],
    config: Config,
) -> dict[str, dict[str, Any]]:
    """Score beats with each of their leads alone.

    The beats stay where both leads have found them; a recording of one lead has its beats found in that lead too.

    Parameters
    ----------
    reconstruct, reference, threshold, config
        The trained detector.
    beats, windows
        All beats of whole records, and their windows of shape ``(beats, samples, leads)``.
    counted
        Shape ``(beats,)``, bool: the beats that the figures count.

    Returns
    -------
    dict
        `metrics.ranking_figures` and `metrics.threshold_figures` by the position of the lead (``"1"`` is the first).
    """
    figures = {}
    for lead in range(windows.shape[2]):
        alone = np.zeros_like(windows)
        alone[:, :, lead] = windows[:, :, lead]
        scored = score_records(TrainedDetector(reconstruct, reference, config), beats, alone)
        table = thresholds.flag_beats(beats.assign(**scored.columns()), threshold)[counted]
        classes, flagged = table["aami_class"].to_numpy(), table["flagged"].to_numpy(dtype=bool)
        figures[str(lead + 1)] = {
            **metrics.ranking_figures(classes, table["anomaly_score"].to_numpy(), table["record"].to_numpy()),
            **metrics.threshold_figures(classes, flagged),
        }
    return figures
