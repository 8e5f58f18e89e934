import numpy as np
import pytest

from ecg_anomaly.detector.ectopy.draws import Draws

MANY = 20_000
METHODS = {
    "normal": (),
    "uniform": (-1.0, 2.0),
    "log_uniform": (0.01, 1.0),
    "chance": (0.3,),
    "sign": (),
    "integers": (7,),
    "choice": ([0.2, 0.8],),
}


@pytest.mark.parametrize("method", METHODS)
def test_seed_determines_what_is_drawn_in_the_shape_asked_for(method):
    first, again, other = (getattr(Draws(seed), method)(*METHODS[method], 50, 3) for seed in (1, 1, 2))
    assert first.shape == (50, 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("method", ["normal", "uniform", "log_uniform", "sign"])
def test_numbers_are_single_precision(method):
    assert getattr(Draws(1), method)(*METHODS[method], 5).dtype == np.float32


def test_uniform_numbers_fill_their_range():
    drawn = Draws(1).uniform(-1, 2, MANY)
    assert drawn.min() >= -1
    assert drawn.max() <= 2
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), [-0.25, 0.5, 1.25], atol=0.05)


def test_log_uniform_numbers_fill_all_orders_of_magnitude_alike():
    drawn = np.log10(Draws(1).log_uniform(0.01, 1, MANY))
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), [-1.5, -1, -0.5], atol=0.05)


def test_chance_is_one_for_all_or_one_for_each():
    assert Draws(1).chance(0.3, MANY).mean() == pytest.approx(0.3, abs=0.02)
    assert not Draws(1).chance(0, MANY).any()
    assert Draws(1).chance(1, MANY).all()
    assert Draws(1).chance(np.array([0.0, 1.0]), 100, 2).mean(axis=0).tolist() == [0, 1]


def test_signs_are_both_alike():
    drawn = Draws(1).sign(MANY)
    assert set(drawn) == {-1, 1}
    assert drawn.mean() == pytest.approx(0, abs=0.04)


def test_choice_and_integers_keep_to_their_shares():
    shares = [0.1, 0.0, 0.6, 0.3]
    np.testing.assert_allclose(np.bincount(Draws(1).choice(shares, MANY), minlength=4) / MANY, shares, atol=0.02)
    np.testing.assert_allclose(np.bincount(Draws(1).integers(4, MANY)) / MANY, 0.25, atol=0.02)
