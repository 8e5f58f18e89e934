import numpy as np
import pytest

from ecg_anomaly.detector.surprise import Surprise, anomaly_score, reconstruction_error
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import read_reference, write_reference
from ecg_anomaly.manifest import handover, write_json

REFERENCES = {
    "gamma": np.random.default_rng(1).gamma(2.0, size=5000),
    "heavy tail": np.random.default_rng(2).standard_cauchy(size=3000),
    "negative and positive": np.random.default_rng(3).normal(-5, 3, size=500),
    "few": np.random.default_rng(4).random(size=12),
    "ties": np.random.default_rng(5).integers(0, 7, size=400).astype(float),
    "half zero": np.maximum(np.random.default_rng(6).normal(size=400), 0),
    "two values": np.repeat([1.0, 4.0], 30),
}


def test_reconstruction_error_by_hand():
    windows = np.array([[[1, 2], [3, 4]], [[1, 0], [-1, 0]]], dtype=np.float32)
    reconstructions = np.array([[[1, 1], [3, 2]], [[0, 9], [1, 9]]], dtype=np.float32)
    # First beat: the second lead is off by 1 and 2, which is 0.5 to either side of 1.5. Second beat: the first lead
    # is off by 1 and -2, 1.5 to either side; the second lead is missing.
    np.testing.assert_allclose(reconstruction_error(windows, reconstructions), [2 * 0.25 / 4, 2 * 2.25 / 2])


def test_offset_of_a_lead_is_no_error():
    windows, reconstructions = np.random.default_rng(10).normal(size=(2, 20, 96, 2))
    lifted = windows + np.random.default_rng(11).normal(size=(20, 1, 2))
    first, second = (reconstruction_error(chosen, reconstructions) for chosen in (windows, lifted))
    np.testing.assert_allclose(first, second)


def test_reconstruction_error_without_any_lead_is_nothing():
    assert reconstruction_error(np.zeros((3, 4, 2)), np.ones((3, 4, 2))).tolist() == [0, 0, 0]


def test_reconstruction_error_does_not_depend_on_the_beats_beside():
    rng = np.random.default_rng(7)
    windows, reconstructions = rng.normal(size=(2, 20, 96, 2)).astype(np.float32)
    windows[::3, :, 1] = 0
    together = reconstruction_error(windows, reconstructions)
    alone = [reconstruction_error(windows[[i]], reconstructions[[i]])[0] for i in range(20)]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("name", sorted(REFERENCES.keys() - {"half zero"}))
def test_surprise_is_minus_log_of_the_share_that_is_as_extreme(name):
    reference = REFERENCES[name]
    shares = np.array([np.mean(reference >= value) for value in reference])
    surprises = Surprise.of_reference(reference)(reference)
    # Interpolated between steps of 0.05; that one in n is at least as extreme is told from n + 1.
    np.testing.assert_allclose(surprises, -np.log(shares), atol=0.05 + 1.5 / len(reference))


@pytest.mark.parametrize("name", REFERENCES)
def test_surprise_rises_strictly_and_without_steps(name):
    reference = REFERENCES[name]
    surprise = Surprise.of_reference(reference)
    spread = np.ptp(reference)
    values = np.union1d(np.linspace(reference.min() - spread, reference.max() + spread, 20001), reference)
    surprises = surprise(values)
    assert np.isfinite(surprises).all()
    assert (np.diff(surprises) > 0).all()
    for place in (*surprise.values, reference.min() - 1, reference.max() + 1):
        steps = np.diff(surprise(np.array([place - 1e-9, place, place + 1e-9])))
        assert (np.abs(steps) < 1e-4).all()


def test_surprise_of_a_value_that_many_share_is_that_of_the_first_of_them():
    """Right above it the curve has to climb, since it has no steps; farther up it is true again."""
    reference = REFERENCES["half zero"]
    values = np.array([0.0, *np.quantile(reference, [0.6, 0.8, 0.95])])
    shares = [np.mean(reference >= value) for value in values]
    np.testing.assert_allclose(Surprise.of_reference(reference)(values), -np.log(shares), atol=0.06)


def test_surprise_goes_on_linearly_beyond_the_largest_reference():
    surprise = Surprise.of_reference(REFERENCES["gamma"])
    largest = REFERENCES["gamma"].max()
    beyond = surprise(largest + np.array([0.0, 1.0, 2.0, 10.0, 1e6]))
    assert beyond[0] == pytest.approx(np.log(5000), abs=0.1)
    slope = beyond[1] - beyond[0]
    np.testing.assert_allclose(beyond[2:], beyond[0] + slope * np.array([2, 10, 1e6]), rtol=1e-6)
    # As steep as over the last stretch, in which the share falls by e.
    last = np.quantile(REFERENCES["gamma"], 1 - np.e / 5001)
    assert slope == pytest.approx(1 / (largest - last), rel=0.2)


def test_one_outlier_in_the_reference_does_not_make_others_incomparable():
    reference = np.append(np.linspace(0, 1, 999), 1e6)
    assert Surprise.of_reference(reference)(np.array([1e6]))[0] == pytest.approx(np.log(1000), abs=0.1)


def test_surprise_keeps_the_order_of_values():
    values = np.random.default_rng(8).normal(scale=3, size=300)
    surprises = Surprise.of_reference(REFERENCES["gamma"])(values)
    np.testing.assert_array_equal(np.argsort(values), np.argsort(surprises))


@pytest.mark.parametrize("reference", [np.array([1.0]), np.full(50, 2.0)], ids=["one", "equal"])
def test_reference_that_does_not_vary_is_an_error(reference):
    with pytest.raises(UserError, match=f"the {len(reference)} normal training beats are too few, or too much alike"):
        Surprise.of_reference(reference)


def test_reference_is_read_as_it_was_written(tmp_path):
    written = {name: Surprise.of_reference(REFERENCES[name]) for name in ("gamma", "ties")}
    with handover(tmp_path) as output:
        write_reference(output, written)
        write_json(output.path("manifest.json"), {})
    read = read_reference(tmp_path)
    assert read.keys() == written.keys()
    values = np.linspace(-3, 30, 500)
    for name, surprise in written.items():
        np.testing.assert_array_equal(read[name](values), surprise(values))


def test_anomaly_score_adds_the_components_that_count():
    surprises = {"a": np.array([1.0, 2.0]), "b": np.array([0.5, 0.0]), "c": np.array([9.0, 9.0])}
    assert anomaly_score(surprises, ["a", "b"]).tolist() == [1.5, 2.0]
    assert anomaly_score(surprises, ["a"]).tolist() == [1.0, 2.0]
