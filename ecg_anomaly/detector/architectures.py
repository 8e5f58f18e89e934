"""The networks: an encoder and a decoder that restore the normal beat, and a head that tells N, S and V apart.

Each is written down once, for two engines: Keras, which trains it (`autoencoder`), and NumPy, which runs what was
trained (`network`). Tensors have the shape ``(beats, samples, leads)``, or where something is said of each lead
``(beats, leads, numbers)``. Nothing but operations is used that phones have too: see `litert`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Model
from ecg_anomaly.detector.patient import EARLIER_DISTANCES
from ecg_anomaly.detector.tachogram import FEATURES

RECONSTRUCTION, KINDS = "reconstruction", "kinds"  # the outputs; kinds: logits of N, S and V
LATENT = "latent"  # the layer whose numbers a beat is squeezed through

Layer = Callable[[Any], Any]

# P wave, QRS complex, and ST segment with T wave, from the steepest point of the QRS complex.
_SEGMENTS_S = ((-0.28, -0.07), (-0.07, 0.08), (0.08, 0.43))
_LEAST_ENERGY = 1e-4  # far below that of noise
_LEAST_SPREAD, _USUAL_RANGE = 0.02, 1.5  # of a patient's beats around the own beat: this many times the spread is usual
_DROPOUT = 0.1


class Engine(Protocol):
    """What computes a network: makes layers, which are called with tensors and keep their weights under a name."""

    @property
    def ops(self) -> Any:
        """The operations: those of Keras, which are called as NumPy's."""

    def dense(self, units: int, activation: str | None, name: str) -> Layer:
        """Weigh the last axis."""

    def conv(self, width: int, length: int, stride: int, activation: str | None, name: str) -> Layer:
        """Convolve along the second axis, with zeros around it."""

    def lstm(self, units: int, name: str, sequences: bool = False) -> Layer:
        """Run along the second axis; give the last output, or those of all steps."""

    def dropout(self, share: float) -> Layer:
        """Leave out a share of the values, in training alone."""


def input_shapes(frame: Frame, leads: int) -> dict[str, tuple[int, ...]]:
    """Shapes of what networks take of a beat, by the names of `compared.inputs_of`."""
    windows = ("beat", "own_beat", "recent_beat", "spread")
    each = dict.fromkeys(windows, (frame.samples, leads))
    return {**each, "earlier_distances": (EARLIER_DISTANCES,), "rhythm": (FEATURES,)}


def outputs_of(engine: Engine, inputs: Mapping[str, Any], settings: Model, frame: Frame) -> dict[str, Any]:
    """Compute a network: what it says of beats, by the name of the output.

    Parameters
    ----------
    engine
        With the weights, or making them.
    inputs
        Shaped as `input_shapes` says, with the beats as the first axis.
    settings, frame
        Which network, and when the samples of a window are.

    Returns
    -------
    dict
        ``reconstruction``, of shape ``(beats, samples, leads)``: what the beats would be, were they normal; ``kinds``,
        of shape ``(beats, 3)``: logits of N, S and V.
    """
    return _Network(engine, frame).outputs(inputs, settings)


class _Network:
    """Writes down the networks with what an engine brings."""

    def __init__(self, engine: Engine, frame: Frame):
        self._engine, self._ops, self._frame = engine, engine.ops, frame

    def outputs(self, inputs: Mapping[str, Any], settings: Model) -> dict[str, Any]:
        """See `outputs_of`."""
        ops, beat, present = self._ops, inputs["beat"], self._present(inputs["beat"])
        differences = self._differences(inputs)
        distances = ops.concatenate([self._log_energies(its) for its in differences], axis=-1)
        if settings.architecture == "own_beat":
            code, restored = self._own_beat(inputs, differences, distances, settings.latent_size)
        else:
            of_the_beat_alone = {
                "convolutional": self._convolutional,
                "dense": self._dense,
                "lstm": self._lstm,
                "tutorial": self._tutorial,
            }
            latent, restored = of_the_beat_alone[settings.architecture](beat, settings.latent_size)
            code = ops.concatenate([ops.repeat(latent[:, None], beat.shape[2], axis=1), distances], axis=-1)
        restored = restored * ops.transpose(present, (0, 2, 1))
        residual = self._log_energies(self._without_offset(beat - restored))
        return {RECONSTRUCTION: restored, KINDS: self._head(code, residual, present, inputs)}

    def _present(self, beat: Any) -> Any:
        """Say which leads are there: 1 or 0, shape ``(beats, leads, 1)``."""
        ops = self._ops
        return ops.expand_dims(ops.sign(ops.max(ops.abs(beat), axis=1)), -1)

    def _differences(self, inputs: Mapping[str, Any]) -> list[Any]:
        """Subtract what is usual from the beat, without offset.

        Against the own beat; against the recent beats; against the own beat, in units of how far the patient's beats
        usually lie from it at that time.
        """
        ops, beat, own_beat = self._ops, inputs["beat"], inputs["own_beat"]
        from_own, from_recent = (self._without_offset(beat - other) for other in (own_beat, inputs["recent_beat"]))
        usual = _USUAL_RANGE * inputs["spread"] + _LEAST_SPREAD
        in_spreads = from_own * ops.exp(-ops.log(usual))  # in 8 bits what to divide by might be zero
        return [from_own, from_recent, ops.clip(in_spreads, -30, 30)]

    def _without_offset(self, windows: Any) -> Any:
        return windows - self._ops.mean(windows, axis=1, keepdims=True)

    def _log_energies(self, windows: Any) -> Any:
        """Log of the mean square in each of the segments, of about 1 in size; shape ``(beats, leads, segments)``."""
        ops, frame = self._ops, self._frame
        edges = [[round(frame.before + time_s * frame.rate_hz) for time_s in segment] for segment in _SEGMENTS_S]
        cut = [windows[:, max(0, first) : last] for first, last in edges if first < frame.samples and last > 0]
        return ops.stack([ops.log(ops.mean(ops.square(its), axis=1) + _LEAST_ENERGY) / 4 for its in cut], axis=-1)

    def _own_beat(
        self, inputs: Mapping[str, Any], differences: list[Any], distances: Any, latent_size: int
    ) -> tuple[Any, Any]:
        """Say with few numbers how each lead differs from the patient's own beat, and restore it from both.

        All leads share their weights. Gives what the head reads, and the restored beats.
        """
        engine, ops, own_beat = self._engine, self._ops, inputs["own_beat"]
        samples, leads = own_beat.shape[1:]
        from_own, from_recent, in_spreads = differences
        level = ops.mean(own_beat, axis=1, keepdims=True)
        squeezed = [self._squeezed(8 * its) / 2 for its in (from_own, from_recent)]
        channels = [inputs["beat"] - level, own_beat - level, *squeezed, in_spreads / 5]
        x = ops.transpose(ops.stack(channels, axis=-1), (0, 2, 1, 3))
        x = ops.reshape(x, (-1, *x.shape[2:]))  # one lead after the other
        x = engine.conv(24, 9, 3, "gelu", "wide")(x)
        x = engine.conv(40, 5, 2, "gelu", "narrow")(x)
        x = ops.reshape(x, (-1, leads, math.prod(x.shape[1:])))
        code = engine.dense(64, "gelu", "code")(ops.concatenate([x, distances], axis=-1))

        latent = engine.dense(latent_size, None, LATENT)(code)
        own_leads = ops.transpose(own_beat - level, (0, 2, 1))
        x = engine.dense(96, "gelu", "decoded")(ops.concatenate([latent, own_leads], axis=-1))
        difference = engine.dense(samples, None, "difference")(x)
        return code, own_beat + ops.transpose(difference, (0, 2, 1))

    def _squeezed(self, values: Any) -> Any:
        """Keep small values and squeeze large ones, as a logarithm does."""
        ops = self._ops
        return ops.sign(values) * ops.log(1 + ops.abs(values))

    def _head(self, code: Any, residual: Any, present: Any, inputs: Mapping[str, Any]) -> Any:
        """Tell kinds of beats apart, by the present leads, by the beats before, and by the rhythm; ``(beats, 3)``."""
        engine, ops = self._engine, self._ops
        x = engine.dense(64, "gelu", "of_each_lead")(ops.concatenate([code, residual], axis=-1))
        average = ops.sum(x * present, axis=1) / ops.maximum(ops.sum(present, axis=1), 1)
        most = ops.max(x * present + (present - 1), axis=1)  # GELU is above -1
        rhythm = engine.dense(96, "gelu", "rhythm_1")(inputs["rhythm"])
        rhythm = engine.dense(48, "gelu", "rhythm_2")(engine.dropout(_DROPOUT)(rhythm))
        x = ops.concatenate([average, most, inputs["earlier_distances"] / 3 + 1, rhythm], axis=-1)
        x = engine.dropout(_DROPOUT)(engine.dense(96, "gelu", "together")(x))
        return engine.dense(3, None, KINDS)(x)

    def _convolutional(self, window: Any, latent_size: int) -> tuple[Any, Any]:
        engine, ops = self._engine, self._ops
        samples, leads = window.shape[1:]
        widths = [16, 32, 32]
        x = window
        for layer, width in enumerate(widths, start=1):
            x = engine.conv(width, 7, 2, "leaky_relu", f"encoder_{layer}")(x)
        coarse = x.shape[1]
        latent = engine.dense(latent_size, None, LATENT)(self._flat(x))
        x = engine.dense(coarse * widths[-1], "leaky_relu", "decoder_0")(latent)
        x = ops.reshape(x, (-1, coarse, widths[-1]))
        for layer, width in enumerate(reversed(widths), start=1):
            x = engine.conv(width, 7, 1, "leaky_relu", f"decoder_{layer}")(ops.repeat(x, 2, axis=1))
        return latent, engine.conv(leads, 7, 1, None, "decoded")(x)[:, :samples]

    def _dense(self, window: Any, latent_size: int) -> tuple[Any, Any]:
        x = self._dense_layers(self._flat(window), (128, 64), "leaky_relu", "encoder")
        latent = self._engine.dense(latent_size, None, LATENT)(x)
        decoded = self._engine.dense(math.prod(window.shape[1:]), None, "decoded")
        x = decoded(self._dense_layers(latent, (64, 128), "leaky_relu", "decoder"))
        return latent, self._ops.reshape(x, (-1, *window.shape[1:]))

    def _lstm(self, window: Any, latent_size: int) -> tuple[Any, Any]:
        samples, leads = window.shape[1:]
        latent = self._engine.dense(latent_size, None, LATENT)(self._engine.lstm(64, "encoder")(window))
        x = self._engine.lstm(64, "decoder", sequences=True)(self._ops.repeat(latent[:, None], samples, axis=1))
        return latent, self._engine.dense(leads, None, "decoded")(x)

    def _tutorial(self, window: Any, latent_size: int) -> tuple[Any, Any]:
        """Write down the network of https://www.tensorflow.org/tutorials/generative/autoencoder, third example."""
        x = self._dense_layers(self._flat(window), (32, 16), "relu", "encoder")
        latent = self._engine.dense(latent_size, "relu", LATENT)(x)
        decoded = self._engine.dense(math.prod(window.shape[1:]), "sigmoid", "decoded")
        x = decoded(self._dense_layers(latent, (16, 32), "relu", "decoder"))
        return latent, self._ops.reshape(x, (-1, *window.shape[1:]))

    def _dense_layers(self, x: Any, widths: Sequence[int], activation: str, name: str) -> Any:
        for layer, width in enumerate(widths, start=1):
            x = self._engine.dense(width, activation, f"{name}_{layer}")(x)
        return x

    def _flat(self, x: Any) -> Any:
        return self._ops.reshape(x, (-1, math.prod(x.shape[1:])))
