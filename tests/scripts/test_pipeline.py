"""The scripts together, as users run them."""

import json

import numpy as np
import pandas as pd

from tests.conftest import Workspace


def test_pipeline_finds_anomalies_in_simulated_records(finished: Workspace):
    figures = json.loads((finished.outputs / "metrics.json").read_text())

    assert figures["simulated"] is True
    assert figures["auc"] > 0.7
    assert figures["baselines"]["prematurity"]["auc"] > 0.6


def test_scores_and_reconstructions_belong_together(finished: Workspace):
    scores = pd.read_csv(finished.outputs / "scores.csv")
    reconstructions = np.load(finished.outputs / "reconstructions.npy")

    assert len(scores) == len(reconstructions)
    assert (scores["flagged"] == (scores["anomaly_score"] > scores["threshold"])).all()
