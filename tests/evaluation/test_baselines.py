import numpy as np
import pandas as pd

from ecg_anomaly.config import load_config
from ecg_anomaly.evaluation.baselines import PrincipalComponents, prematurity_scores


def plane_beats(beats, dimensions=3, seed=1):
    """Beats that differ in a few dimensions only, around a mean beat."""
    shapes = np.random.default_rng(9).normal(size=(dimensions + 1, 12, 2))
    weights = np.random.default_rng(seed).normal(size=(beats, dimensions))
    return (np.tensordot(weights, shapes[1:], axes=1) + shapes[0]).astype(np.float32)


def test_beats_in_the_plane_of_the_training_beats_have_no_pca_error():
    errors = PrincipalComponents.of_batches([plane_beats(50)]).error(plane_beats(20, seed=2))
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
    np.testing.assert_allclose(PrincipalComponents.of_batches([training]).error(noise[:10]), expected, rtol=1e-4)


def test_beats_unlike_the_training_beats_score_higher():
    training = plane_beats(200) + 0.1 * np.random.default_rng(5).normal(size=(200, 12, 2)).astype(np.float32)
    pca = PrincipalComponents.of_batches([training])
    alike, other = pca.error(training[:20]), pca.error(-5 * training[:20])
    assert alike.shape == other.shape == (20,)
    assert np.median(other) > np.quantile(alike, 0.95)


def test_principal_components_do_not_depend_on_the_batches():
    noise = np.random.default_rng(5).normal(size=(200, 12, 2)).astype(np.float32)
    training = plane_beats(200) + 0.1 * noise
    whole, some = (PrincipalComponents.of_batches(its) for its in ([training], [training[:7], training[7:]]))
    assert whole.components.shape == some.components.shape
    np.testing.assert_allclose(some.error(training), whole.error(training), rtol=1e-9)


def test_prematurity_is_told_within_each_record():
    table = pd.DataFrame({"record": ["a"] * 12 + ["b"] * 12, "rr_before_s": 0.8, "time_s": [*range(20, 32)] * 2})
    table.loc[table["record"] == "b", "rr_before_s"] = 1.6
    table.loc[20, "rr_before_s"] = 0.8
    expected = np.zeros(24)
    expected[20] = np.log(2)
    np.testing.assert_allclose(prematurity_scores(table, load_config()), expected, atol=1e-12)
