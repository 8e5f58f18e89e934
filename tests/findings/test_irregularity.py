"""How irregular RR intervals are, beside what is known of them."""

import numpy as np
import pytest

from ecg_anomaly.findings.irregularity import are_irregular, sample_entropy_coefficients
from tests.direct_formulas import sample_entropy_coefficient

RANDOM = np.random.default_rng(5)
BEATS = np.arange(400)

FIBRILLATION = np.clip(RANDOM.normal(0.7, 0.18, 400), 0.3, 1.6)
NONE = {
    "sinus rhythm": RANDOM.normal(0.8, 0.02, 400),
    "a young person's breath": 0.8 + 0.15 * np.sin(1.3 * BEATS + 0.2 * RANDOM.normal(size=400).cumsum()),
    "bigeminy": np.where(BEATS % 2, 0.5, 1.1) + RANDOM.normal(0, 0.02, 400),
    "Wenckebach's periods": np.choose(BEATS % 4, [1.0, 0.93, 0.9, 1.6]) + RANDOM.normal(0, 0.015, 400),
    "each fifth beat early": np.where(RANDOM.random(400) < 0.2, RANDOM.uniform(0.45, 0.65, 400), 0.8),
}


@pytest.mark.parametrize("length", [12, 60])
def test_the_coefficient_is_that_of_its_formula(length: int) -> None:
    for rr_s in (FIBRILLATION[:80], *(rr_s[:80] for rr_s in NONE.values())):
        direct = [sample_entropy_coefficient(rr_s[first : first + length]) for first in range(80 - length + 1)]
        np.testing.assert_allclose(sample_entropy_coefficients(rr_s, length), direct, atol=1e-9)


def test_fibrillation_is_irregular_and_nothing_else() -> None:
    assert are_irregular(FIBRILLATION.cumsum(), FIBRILLATION).all()
    assert {name: are_irregular(rr_s.cumsum(), rr_s).any() for name, rr_s in NONE.items()} == dict.fromkeys(NONE, False)


def test_few_intervals_and_what_lies_far_apart_tell_nothing() -> None:
    assert not are_irregular(FIBRILLATION[:59].cumsum(), FIBRILLATION[:59]).any()
    assert not are_irregular(np.empty(0), np.empty(0)).any()
    seldom_s = FIBRILLATION.cumsum() * 3  # two of three intervals are left out
    assert not are_irregular(seldom_s, FIBRILLATION).any()
