from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.svm import OneClassSVM

from tests.evaluation.test_baselines import plane_beats
from tools.experiment import neighbour_distance, outlier_score, paired_differences


def test_neighbour_distance_by_hand():
    training = np.zeros((2, 2, 1))
    training[1] = 10
    distances = neighbour_distance(training, np.array([[[3.0], [4.0]], [[10.0], [9.0]]]))
    np.testing.assert_allclose(distances, [5, 1])


@pytest.mark.parametrize(
    "score",
    [
        neighbour_distance,
        partial(outlier_score, OneClassSVM(nu=0.05)),
        partial(outlier_score, IsolationForest(random_state=1)),
    ],
)
def test_beats_unlike_the_training_beats_score_higher(score):
    training = plane_beats(200) + 0.1 * np.random.default_rng(5).normal(size=(200, 12, 2)).astype(np.float32)
    alike, other = score(training, training[:20]), score(training, -5 * training[:20])
    assert alike.shape == other.shape == (20,)
    assert np.median(other) > np.quantile(alike, 0.95)


def test_difference_of_two_scores_by_hand():
    """Each record has one anomalous beat; one score finds it in both, the other in one alone."""
    table = pd.DataFrame({"record": ["db/a"] * 4 + ["db/b"] * 4, "anomalous": [True, False, False, False] * 2})
    first = table["anomalous"].to_numpy(dtype=float)
    second = np.where(table["record"] == "db/a", first, 1 - first)  # the other way round in db/b

    differences = paired_differences(table, first, second, resamples=400, seed=1)

    # A draw has db/b never, once or twice: one draw in four has it twice, and then nothing is right.
    assert differences["auc"] == {"2.5 %": 0, "50 %": pytest.approx(0.5), "97.5 %": 1}
    twice, once = 1 - 2 / 8, 1 - (1 / 2 * 1 / 4 + 1 / 2 * 2 / 8)
    assert differences["average_precision"] == pytest.approx({"2.5 %": 0, "50 %": once, "97.5 %": twice})


def test_score_differs_from_itself_by_nothing():
    random = np.random.default_rng(2)
    table = pd.DataFrame({"record": np.repeat(["a", "b", "c"], 20), "anomalous": random.random(60) < 0.3})
    scores = random.random(60)
    none = {"2.5 %": 0, "50 %": 0, "97.5 %": 0}
    assert paired_differences(table, scores, scores, 20, seed=1) == {"auc": none, "average_precision": none}
