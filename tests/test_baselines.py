import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.baselines import baseline_scores, pca_error
from ecg_anomaly.config import load_config
from ecg_anomaly.rhythm import prematurity

CONFIG = load_config(overrides=["model.latent_size=3"])


def plane_beats(beats, dimensions=3, seed=1):
    """Beats that differ in a few dimensions only, around a mean beat."""
    shapes = np.random.default_rng(9).normal(size=(dimensions + 1, 12, 2))
    weights = np.random.default_rng(seed).normal(size=(beats, dimensions))
    return (np.tensordot(weights, shapes[1:], axes=1) + shapes[0]).astype(np.float32)


def test_beats_in_the_plane_of_the_training_beats_have_no_error():
    errors = pca_error(plane_beats(50), plane_beats(20, seed=2), dimensions=3, seed=1)
    np.testing.assert_allclose(errors, 0, atol=1e-8)
    assert (pca_error(plane_beats(50), plane_beats(20, seed=2), dimensions=2, seed=1) > 1e-4).mean() > 0.5


def test_error_is_the_distance_from_the_plane():
    training = plane_beats(50)
    flat = training.reshape(50, -1).astype(float)
    centred = flat - flat.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:3]
    beats = np.random.default_rng(3).normal(size=(10, 12, 2)).astype(np.float32)
    from_mean = beats.reshape(10, -1) - flat.mean(axis=0)
    off_plane = from_mean - from_mean @ directions.T @ directions
    np.testing.assert_allclose(pca_error(training, beats, 3, seed=1), np.square(off_plane).mean(axis=1), rtol=1e-4)


def test_more_dimensions_than_beats_or_samples_are_no_error():
    assert pca_error(plane_beats(4), plane_beats(6, seed=2), dimensions=1000, seed=1).shape == (6,)
    assert pca_error(plane_beats(90), plane_beats(6, seed=2), dimensions=1000, seed=1) == pytest.approx(0, abs=1e-8)


def test_every_baseline_scores_the_same_beats():
    rng = np.random.default_rng(4)
    rr_s = rng.uniform(0.5, 1.2, size=60)
    table = pd.DataFrame({"record": ["db/a"] * 30 + ["db/b"] * 30, "rr_before_s": rr_s, "time_s": np.arange(60) % 30})
    windows, tested = plane_beats(60), np.arange(60) % 4 == 0

    scores = baseline_scores(table, tested, windows[~tested], windows[tested] + 1, CONFIG)

    assert scores.keys() == {"pca", "prematurity"}
    # The rhythm of a tested beat is that of all beats before it, tested or not.
    np.testing.assert_array_equal(scores["prematurity"], prematurity(table, CONFIG.rhythm, CONFIG.beat.start_s)[tested])
    np.testing.assert_array_equal(scores["pca"], pca_error(windows[~tested], windows[tested] + 1, 3, seed=1))
