"""What thresholds did to the test patients of the model."""

import pandas as pd
import pytest

from ecg_anomaly.web import evaluated
from tests.web.web_parts import config_of


def test_test_patients_are_a_guide(finished):
    scores = pd.read_csv(finished.outputs / "scores.csv")
    alarms_per_hour, sensitivity = evaluated.read_evaluated(config_of(finished).paths.outputs).at(0.5)
    flagged = scores["anomaly_score"] > scores["threshold"] + 0.5
    normal = ~scores["anomalous"]
    assert sensitivity == pytest.approx(flagged[~normal].mean())
    assert alarms_per_hour == pytest.approx((flagged & normal).sum() / (scores["rr_before_s"].sum() / 3600))
