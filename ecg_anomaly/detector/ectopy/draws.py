"""Random numbers in single precision, as beats are kept in: drawing them takes a good part of a training."""

from __future__ import annotations

import numpy as np


class Draws:
    """Random numbers that a seed determines; the last arguments of each method are the shape of what it gives."""

    def __init__(self, seed: int):
        self._random = np.random.default_rng(seed)

    def normal(self, *shape: int) -> np.ndarray:
        """Give standard normal numbers."""
        return self._random.standard_normal(shape, dtype=np.float32)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Give numbers from ``low`` to ``high``, all alike."""
        return np.float32(low) + np.float32(high - low) * self._random.random(shape, dtype=np.float32)

    def log_uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Give numbers from ``low`` to ``high``, all orders of magnitude alike."""
        return np.asarray(np.exp(self.uniform(float(np.log(low)), float(np.log(high)), *shape)))

    def chance(self, share: float | np.ndarray, *shape: int) -> np.ndarray:
        """Say yes (bool) with a probability, one for all or one for each."""
        return np.asarray(self._random.random(shape, dtype=np.float32) < share)

    def sign(self, *shape: int) -> np.ndarray:
        """Give -1 or 1."""
        return np.where(self.chance(0.5, *shape), np.float32(1), np.float32(-1))

    def integers(self, most: int, *shape: int) -> np.ndarray:
        """Give whole numbers below ``most``."""
        return self._random.integers(most, size=shape)

    def one_lead(self, leads: int, count: int) -> np.ndarray:
        """Mark one lead of each example: bool, shape ``(count, 1, leads)``."""
        return np.asarray(self.integers(leads, count, 1, 1) == np.arange(leads))

    def choice(self, shares: list[float], *shape: int) -> np.ndarray:
        """Choose positions in a list of probabilities."""
        return np.searchsorted(np.cumsum(shares), self._random.random(shape, dtype=np.float32)).clip(0, len(shares) - 1)
