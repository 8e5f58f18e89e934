import numpy as np
import pandas as pd

from ecg_anomaly.config import load_config
from ecg_anomaly.evaluation.baselines import baseline_scores, pca_error, prematurity_scores

CONFIG = load_config()


def plane_beats(beats, dimensions=3, seed=1):
    """Beats that differ in a few dimensions only, around a mean beat."""
    shapes = np.random.default_rng(9).normal(size=(dimensions + 1, 12, 2))
    weights = np.random.default_rng(seed).normal(size=(beats, dimensions))
    return (np.tensordot(weights, shapes[1:], axes=1) + shapes[0]).astype(np.float32)


def test_beats_in_the_plane_of_the_training_beats_have_no_pca_error():
    errors = pca_error(plane_beats(50), plane_beats(20, seed=2))
    np.testing.assert_allclose(errors, 0, atol=1e-8)


def test_pca_error_is_the_distance_from_the_plane_that_explains_95_percent():
    noise = np.random.default_rng(3).normal(size=(400, 12, 2)).astype(np.float32)
    training = plane_beats(400) + 0.01 * noise
    flat = training.reshape(400, -1).astype(float)
    _, strengths, directions = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    explained = np.cumsum(strengths**2) / np.sum(strengths**2)
    kept = directions[: np.argmax(explained > 0.95) + 1]
    from_mean = noise[:10].reshape(10, -1) - flat.mean(axis=0)
    off_plane = (from_mean - from_mean @ kept.T @ kept).reshape(10, 12, 2)
    expected = off_plane.var(axis=1).mean(axis=1)  # each lead without its offset
    np.testing.assert_allclose(pca_error(training, noise[:10]), expected, rtol=1e-4)


def test_beats_unlike_the_training_beats_score_higher():
    training = plane_beats(200) + 0.1 * np.random.default_rng(5).normal(size=(200, 12, 2)).astype(np.float32)
    alike, other = pca_error(training, training[:20]), pca_error(training, -5 * training[:20])
    assert alike.shape == other.shape == (20,)
    assert np.median(other) > np.quantile(alike, 0.95)


def test_every_baseline_scores_the_same_beats():
    rr_s = np.random.default_rng(4).uniform(0.5, 1.2, size=60)
    table = pd.DataFrame({"record": ["db/a"] * 30 + ["db/b"] * 30, "rr_before_s": rr_s, "time_s": np.arange(60) % 30})
    windows, tested = plane_beats(60), np.arange(60) % 4 == 0

    scores = baseline_scores(table, tested, windows[~tested], windows[tested] + 1, CONFIG)

    assert scores.keys() == {"pca", "prematurity"}
    # The rhythm of a tested beat is that of all beats before it, tested or not.
    np.testing.assert_array_equal(scores["prematurity"], prematurity_scores(table, CONFIG)[tested])
    np.testing.assert_array_equal(scores["pca"], pca_error(windows[~tested], windows[tested] + 1))
