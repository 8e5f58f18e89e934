"""Runs a trained network in NumPy: a fifth of the memory that TensorFlow takes, and nothing to wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from scipy.special import erf, expit

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Model
from ecg_anomaly.detector.architectures import KINDS, RECONSTRUCTION, Layer, input_shapes, outputs_of
from ecg_anomaly.detector.compared import ComparedBeats, inputs_of
from ecg_anomaly.detector.measures import Network
from ecg_anomaly.errors import UserError

_BEATS_PER_CALL = 256  # whose intermediate values fit a processor's cache


def run_with(weights: Mapping[str, np.ndarray], settings: Model, frame: Frame, leads: int) -> Network:
    """Make a network ready to run.

    Parameters
    ----------
    weights
        Kernels and biases by layer: ``code/kernel``; from `autoencoder.weights_of`.
    settings, frame, leads
        Which network they are of, when the samples of a window are, and how many leads it has.

    Raises
    ------
    UserError
        When they are of another network.
    """
    engine = _NumpyEngine(weights)
    nothing = {name: np.zeros((1, *shape), np.float32) for name, shape in input_shapes(frame, leads).items()}
    outputs_of(engine, nothing, settings, frame)  # so that it is told at once whether the weights fit

    def run(beats: ComparedBeats) -> tuple[np.ndarray, np.ndarray]:
        windows = beats.paired.windows
        found = {RECONSTRUCTION: np.empty(windows.shape, np.float32), KINDS: np.empty((len(windows), 3), np.float32)}
        for start in range(0, len(windows), _BEATS_PER_CALL):
            batch = slice(start, start + _BEATS_PER_CALL)
            its = beats.chosen(batch)
            outputs = outputs_of(engine, inputs_of(its.paired, its.timed.tachograms), settings, frame)
            for name, values in found.items():
                values[batch] = outputs[name]
        return found[RECONSTRUCTION], found[KINDS]

    return run


class _NumpyEngine:
    """Computes layers with their weights, as Keras does."""

    def __init__(self, weights: Mapping[str, np.ndarray]):
        self._weights = weights

    @property
    def ops(self) -> ModuleType:
        return np

    def dense(self, units: int, activation: str | None, name: str) -> Layer:
        bias = self._bias(name, units)

        def layer(x: np.ndarray) -> np.ndarray:
            rows = x.reshape(-1, x.shape[-1])  # one large product, not one for each beat
            weighed = rows @ self._kernel(name, (x.shape[-1], units))
            weighed += bias
            return _activated(weighed, activation).reshape(*x.shape[:-1], units)

        return layer

    def conv(self, width: int, length: int, stride: int, activation: str | None, name: str) -> Layer:
        bias = self._bias(name, width)

        def layer(x: np.ndarray) -> np.ndarray:
            samples, channels = x.shape[1:]
            lacking = max(0, (-(-samples // stride) - 1) * stride + length - samples)
            padded = np.pad(x, ((0, 0), (lacking // 2, lacking - lacking // 2), (0, 0)))
            seen = np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)[:, ::stride]
            kernel = self._kernel(name, (length, channels, width))
            return _activated(np.tensordot(seen, kernel, ((3, 2), (0, 1))) + bias, activation)

        return layer

    def lstm(self, units: int, name: str, sequences: bool = False) -> Layer:
        recurrent = self._weight(f"{name}/recurrent_kernel", (units, 4 * units))
        bias = self._bias(name, 4 * units)

        def layer(x: np.ndarray) -> np.ndarray:
            kernel = self._kernel(name, (x.shape[-1], 4 * units))
            output = state = np.zeros((len(x), units), np.float32)
            outputs = []
            for step in np.moveaxis(x, 1, 0):
                taken, kept, new, given = np.split(step @ kernel + output @ recurrent + bias, 4, axis=1)
                state = expit(kept) * state + expit(taken) * np.tanh(new)
                output = expit(given) * np.tanh(state)
                outputs.append(output)
            return np.stack(outputs, axis=1) if sequences else output

        return layer

    def dropout(self, share: float) -> Layer:
        return lambda x: x

    def _kernel(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        return self._weight(f"{name}/kernel", shape)

    def _bias(self, name: str, units: int) -> np.ndarray:
        return self._weight(f"{name}/bias", (units,))

    def _weight(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        weight = self._weights.get(name)
        if weight is None or weight.shape != shape:
            found = "lacks it" if weight is None else f"has {weight.shape}"
            raise UserError(f"the network needs {name} of shape {shape}, and the model {found}")
        return weight


def _gelu(x: np.ndarray) -> np.ndarray:
    """GELU without the approximation (Hendrycks and Gimpel, arXiv:1606.08415)."""
    y = x * np.float32(np.sqrt(0.5))
    erf(y, out=y)
    y += 1
    y *= x
    y *= np.float32(0.5)
    return y


_ACTIVATIONS: dict[str | None, Callable[[np.ndarray], Any]] = {
    None: lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.maximum(x, np.float32(0.2) * x),  # the slope of Keras
    "sigmoid": expit,
    "gelu": _gelu,
}


def _activated(x: np.ndarray, activation: str | None) -> np.ndarray:
    return np.asarray(_ACTIVATIONS[activation](x))
