"""The networks: an encoder and a decoder that restore the normal beat, and a head that tells N, S and V apart.

Tensors have the shape ``(beats, samples, leads)``, or where something is said of each lead ``(beats, leads, numbers)``.
Nothing but Keras operations is used that phones have too: see `litert`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Model
from ecg_anomaly.detector.patient import EARLIER_DISTANCES
from ecg_anomaly.detector.tachogram import FEATURES

RECONSTRUCTION, KINDS = "reconstruction", "kinds"  # the outputs; kinds: logits of N, S and V

# P wave, QRS complex, and ST segment with T wave, from the steepest point of the QRS complex.
_SEGMENTS_S = ((-0.28, -0.07), (-0.07, 0.08), (0.08, 0.43))
_LEAST_ENERGY = 1e-4  # far below that of noise
_LEAST_SPREAD, _USUAL_RANGE = 0.02, 1.5  # of a patient's beats around the own beat: this many times the spread is usual
_DROPOUT = 0.1


def build(settings: Model, frame: Frame, leads: int) -> keras.Model:
    """Build an untrained network; its inputs are those of `compared.inputs_of`, its outputs go by name.

    ``reconstruction`` has the shape ``(beats, samples, leads)``: what the beat would be, were it normal. ``kinds`` has
    the shape ``(beats, 3)``: logits of N, S and V.
    """
    windows = ("beat", "own_beat", "recent_beat", "spread")
    shapes = {**dict.fromkeys(windows, (frame.samples, leads)), "earlier_distances": (EARLIER_DISTANCES,)}
    inputs = {name: keras.Input(shape, name=name) for name, shape in {**shapes, "rhythm": (FEATURES,)}.items()}
    beat, present = inputs["beat"], _present(inputs["beat"])
    differences = _differences(inputs)
    distances = ops.concatenate([_log_energies(its, frame) for its in differences], axis=-1)
    if settings.architecture == "own_beat":
        code, restored = _own_beat(inputs, differences, distances, settings.latent_size)
    else:
        latent, restored = _OF_THE_BEAT_ALONE[settings.architecture](beat, settings.latent_size)
        code = ops.concatenate([ops.repeat(latent[:, None], leads, axis=1), distances], axis=-1)
    restored = restored * ops.transpose(present, (0, 2, 1))
    kinds = _head(code, _log_energies(_without_offset(beat - restored), frame), present, inputs)
    return keras.Model(inputs, {RECONSTRUCTION: restored, KINDS: kinds}, name=settings.architecture)


def _present(beat: Any) -> Any:
    """Say which leads are there: 1 or 0, shape ``(beats, leads, 1)``."""
    return ops.expand_dims(ops.sign(ops.max(ops.abs(beat), axis=1)), -1)


def _differences(inputs: dict[str, Any]) -> list[Any]:
    """Subtract what is usual from the beat, without offset.

    Against the own beat; against the recent beats; against the own beat, in units of how far the patient's beats
    usually lie from it at that time.
    """
    beat, own_beat = inputs["beat"], inputs["own_beat"]
    from_own, from_recent = (_without_offset(beat - other) for other in (own_beat, inputs["recent_beat"]))
    usual = _USUAL_RANGE * inputs["spread"] + _LEAST_SPREAD
    in_spreads = from_own * ops.exp(-ops.log(usual))  # in 8 bits what to divide by might be zero
    return [from_own, from_recent, ops.clip(in_spreads, -30, 30)]


def _without_offset(windows: Any) -> Any:
    return windows - ops.mean(windows, axis=1, keepdims=True)


def _log_energies(windows: Any, frame: Frame) -> Any:
    """Log of the mean square in each of the segments, of about 1 in size; shape ``(beats, leads, segments)``."""
    edges = [[round(frame.before + time_s * frame.rate_hz) for time_s in segment] for segment in _SEGMENTS_S]
    cut = [windows[:, max(0, first) : last] for first, last in edges if first < frame.samples and last > 0]
    return ops.stack([ops.log(ops.mean(ops.square(its), axis=1) + _LEAST_ENERGY) / 4 for its in cut], axis=-1)


def _own_beat(inputs: dict[str, Any], differences: list[Any], distances: Any, latent_size: int) -> tuple[Any, Any]:
    """Say with few numbers how each lead differs from the patient's own beat, and restore it from both.

    All leads share their weights. Gives what the head reads, and the restored beats.
    """
    own_beat = inputs["own_beat"]
    samples, leads = own_beat.shape[1:]
    from_own, from_recent, in_spreads = differences
    level = ops.mean(own_beat, axis=1, keepdims=True)
    channels = [inputs["beat"] - level, own_beat - level, _squeezed(8 * from_own) / 2, _squeezed(8 * from_recent) / 2]
    x = ops.transpose(ops.stack([*channels, in_spreads / 5], axis=-1), (0, 2, 1, 3))
    x = ops.reshape(x, (-1, *x.shape[2:]))  # one lead after the other
    for width, length, stride in ((24, 9, 3), (40, 5, 2)):
        x = layers.Conv1D(width, length, strides=stride, padding="same", activation="gelu")(x)
    x = ops.reshape(x, (-1, leads, math.prod(x.shape[1:])))
    code = layers.Dense(64, activation="gelu")(ops.concatenate([x, distances], axis=-1))

    latent = layers.Dense(latent_size, name="latent")(code)
    own_leads = ops.transpose(own_beat - level, (0, 2, 1))
    x = layers.Dense(96, activation="gelu")(ops.concatenate([latent, own_leads], axis=-1))
    difference = layers.Dense(samples)(x)
    return code, own_beat + ops.transpose(difference, (0, 2, 1))


def _squeezed(values: Any) -> Any:
    """Keep small values and squeeze large ones, as a logarithm does."""
    return ops.sign(values) * ops.log(1 + ops.abs(values))


def _head(code: Any, residual: Any, present: Any, inputs: dict[str, Any]) -> Any:
    """Tell kinds of beats apart, by the present leads, by the beats before, and by the rhythm; shape ``(beats, 3)``."""
    x = layers.Dense(64, activation="gelu")(ops.concatenate([code, residual], axis=-1))
    average = ops.sum(x * present, axis=1) / ops.maximum(ops.sum(present, axis=1), 1)
    most = ops.max(x * present + (present - 1), axis=1)  # GELU is above -1
    rhythm = _dense_layers(inputs["rhythm"], (96,), "gelu")
    rhythm = layers.Dense(48, activation="gelu")(layers.Dropout(_DROPOUT)(rhythm))
    x = ops.concatenate([average, most, inputs["earlier_distances"] / 3 + 1, rhythm], axis=-1)
    x = layers.Dropout(_DROPOUT)(layers.Dense(96, activation="gelu")(x))
    return layers.Dense(3, name=KINDS)(x)


def _convolutional(window: Any, latent_size: int) -> tuple[Any, Any]:
    samples, leads = window.shape[1:]
    widths = [16, 32, 32]
    x = window
    for width in widths:
        x = layers.Conv1D(width, 7, strides=2, padding="same", activation="leaky_relu")(x)
    coarse = x.shape[1]
    latent = layers.Dense(latent_size, name="latent")(layers.Flatten()(x))
    x = layers.Dense(coarse * widths[-1], activation="leaky_relu")(latent)
    x = layers.Reshape((coarse, widths[-1]))(x)
    for width in reversed(widths):
        x = layers.UpSampling1D(2)(x)
        x = layers.Conv1D(width, 7, padding="same", activation="leaky_relu")(x)
    x = layers.Conv1D(leads, 7, padding="same")(x)
    return latent, layers.Cropping1D((0, coarse * 2 ** len(widths) - samples))(x)


def _dense(window: Any, latent_size: int) -> tuple[Any, Any]:
    x = _dense_layers(layers.Flatten()(window), (128, 64))
    latent = layers.Dense(latent_size, name="latent")(x)
    x = layers.Dense(math.prod(window.shape[1:]))(_dense_layers(latent, (64, 128)))
    return latent, layers.Reshape(window.shape[1:])(x)


def _lstm(window: Any, latent_size: int) -> tuple[Any, Any]:
    samples, leads = window.shape[1:]
    latent = layers.Dense(latent_size, name="latent")(layers.LSTM(64)(window))
    x = layers.LSTM(64, return_sequences=True)(layers.RepeatVector(samples)(latent))
    return latent, layers.Dense(leads)(x)


def _tutorial(window: Any, latent_size: int) -> tuple[Any, Any]:
    """Build the network of https://www.tensorflow.org/tutorials/generative/autoencoder, third example."""
    x = _dense_layers(layers.Flatten()(window), (32, 16), "relu")
    latent = layers.Dense(latent_size, activation="relu", name="latent")(x)
    x = layers.Dense(math.prod(window.shape[1:]), activation="sigmoid")(_dense_layers(latent, (16, 32), "relu"))
    return latent, layers.Reshape(window.shape[1:])(x)


def _dense_layers(x: Any, widths: Sequence[int], activation: str = "leaky_relu") -> Any:
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    return x


# Each gives the latent numbers of a beat and what it makes of them.
_OF_THE_BEAT_ALONE: dict[str, Callable[[Any, int], tuple[Any, Any]]] = {
    "convolutional": _convolutional,
    "dense": _dense,
    "lstm": _lstm,
    "tutorial": _tutorial,
}
