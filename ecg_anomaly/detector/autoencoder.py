"""The autoencoder: built, trained and run. The only module that imports Keras."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.config import Model, Training
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.errors import UserError
from ecg_anomaly.quiet import quiet_native_output

# TensorFlow's C++ side tells of CPU instructions and missing GPUs, at times as errors; what goes wrong in
# Python is raised all the same.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with quiet_native_output():
    import keras
    import tensorflow as tf
    from keras import layers, ops

_BEATS_PER_CALL = 1024
_SHORTEST_STRETCH = 0.1  # of a window that another beat may replace in training


@dataclass(frozen=True)
class Trained:
    """What came out of a training."""

    model: keras.Model  # with the weights of its best epoch
    history: pd.DataFrame  # one row per epoch: epoch, loss, val_loss, learning_rate, seconds
    interrupted: bool  # by Ctrl-C


def build(settings: Model, samples: int, leads: int) -> keras.Model:
    """Build an untrained autoencoder for windows of shape ``(samples, leads)``.

    Every network takes a beat; ``own_beat`` takes the patient's own beat too, of the same shape.
    """
    architecture = _ARCHITECTURES[settings.architecture]
    names = ("beat", "own_beat") if architecture is _own_beat else ("beat",)
    inputs = [keras.Input((samples, leads), name=name) for name in names]
    return keras.Model(inputs, architecture(*inputs, settings.latent_size), name=settings.architecture)


def train(
    settings: Model,
    training: Training,
    normal_beats: PairedBeats,
    validation_beats: PairedBeats,
    report: Callable[[str], None],
    tensorboard: str | None = None,
) -> Trained:
    """Train an autoencoder on normal beats; the loss of those of other patients (``validation_beats``) ends it.

    ``report`` is called with one line per epoch; ``tensorboard`` is a folder for logs. Ctrl-C ends the training after
    the running batch, with the best weights so far. Equal seeds give equal weights on the same machine.

    Raises
    ------
    UserError
        When the training diverges.
    """
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    model = build(settings, *normal_beats.windows.shape[1:])
    model.compile(optimizer=keras.optimizers.Adam(training.learning_rate), loss=error_of_present_leads)
    progress = _Progress(training.epochs, report)
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=max(1, training.patience // 3)),
        keras.callbacks.EarlyStopping(patience=training.patience, restore_best_weights=True),
        progress,
        *([keras.callbacks.TensorBoard(tensorboard)] if tensorboard else []),
    ]
    model.fit(
        _Batches(normal_beats, training, len(model.inputs)),
        validation_data=(inputs_of(validation_beats, len(model.inputs)), validation_beats.windows),
        validation_batch_size=_BEATS_PER_CALL,
        epochs=training.epochs,
        callbacks=callbacks,
        verbose=0,
    )
    history = pd.DataFrame(progress.epochs)
    if not np.isfinite(history["val_loss"]).any():
        raise UserError("the training diverged: its loss is no number; lower training.learning_rate and run it again")
    return Trained(model, history, progress.interrupted)


def inputs_of(beats: PairedBeats, count: int) -> list[np.ndarray]:
    """Give what a network with so many inputs takes of beats."""
    return [beats.windows, beats.own_beats][:count]


def compiled(model: keras.Model) -> Callable[[PairedBeats], np.ndarray]:
    """Compile a network for many calls: ``Model.predict`` spends most of its time around the network.

    What it gives reconstructs beats; shape ``(beats, samples, leads)``, float32.
    """
    shape = (None, *model.inputs[0].shape[1:])
    signature = [tf.TensorSpec(shape, tf.float32)] * len(model.inputs)
    function = tf.function(lambda *inputs: model(list(inputs), training=False), signature)
    network = function.get_concrete_function()  # the general one looks for the right one at every call

    def reconstruct_beats(beats: PairedBeats) -> np.ndarray:
        reconstructions = np.empty(beats.windows.shape, dtype=np.float32)
        inputs = inputs_of(beats, len(signature))
        for start in range(0, len(reconstructions), _BEATS_PER_CALL):
            batch = slice(start, start + _BEATS_PER_CALL)
            reconstructions[batch] = network(*(tf.constant(values[batch]) for values in inputs))
        return reconstructions

    return reconstruct_beats


def load(path: Path, architecture: str, window_shape: tuple[int, ...]) -> keras.Model:
    """Load a trained autoencoder.

    Raises
    ------
    UserError
        When the file cannot be read, or holds another network than the settings and the beats ask for.
    """
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever a damaged or newer file provokes
        raise UserError(
            f"{path}: cannot be loaded by Keras {keras.__version__} ({str(error).splitlines()[0]}); "
            "run python train_model.py again"
        ) from None
    found = model.inputs[0].shape[1:]
    if model.name != architecture or found != tuple(window_shape):
        raise UserError(
            f"{path}: holds the architecture {model.name} for beats of shape {found}, but {architecture} for "
            f"{tuple(window_shape)} is needed; run python train_model.py again"
        )
    return model


def error_of_present_leads(beats: Any, reconstructions: Any) -> Any:
    """Mean squared error per beat over the leads that are there; a missing lead is all zeros.

    Both are tensors of shape ``(beats, samples, leads)``.
    """
    present = ops.cast(ops.any(beats != 0, axis=1, keepdims=True), reconstructions.dtype)
    errors = ops.mean(ops.square(beats - reconstructions) * present, axis=(1, 2))
    return errors / ops.maximum(ops.mean(present, axis=(1, 2)), 1e-6)


def _own_beat(beat: Any, own_beat: Any, latent_size: int) -> Any:
    """Say with few numbers how the beat differs from the patient's own beat, and rebuild it from both."""
    own = layers.Flatten()(own_beat)
    x = _dense_layers(layers.Concatenate()([layers.Flatten()(beat), own]), (128, 64))
    latent = layers.Dense(latent_size, name="latent")(x)
    x = _dense_layers(layers.Concatenate()([latent, own]), (128, 128))
    difference = layers.Reshape(beat.shape[1:])(layers.Dense(math.prod(beat.shape[1:]))(x))
    return layers.Add(name="reconstruction")([own_beat, difference])


def _convolutional(window: Any, latent_size: int) -> Any:
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
    return layers.Cropping1D((0, coarse * 2 ** len(widths) - samples), name="reconstruction")(x)


def _dense(window: Any, latent_size: int) -> Any:
    x = _dense_layers(layers.Flatten()(window), (128, 64))
    x = _dense_layers(layers.Dense(latent_size, name="latent")(x), (64, 128))
    return layers.Reshape(window.shape[1:], name="reconstruction")(layers.Dense(math.prod(window.shape[1:]))(x))


def _lstm(window: Any, latent_size: int) -> Any:
    samples, leads = window.shape[1:]
    latent = layers.Dense(latent_size, name="latent")(layers.LSTM(64)(window))
    x = layers.LSTM(64, return_sequences=True)(layers.RepeatVector(samples)(latent))
    return layers.Dense(leads, name="reconstruction")(x)


def _tutorial(window: Any, latent_size: int) -> Any:
    """Build the network of https://www.tensorflow.org/tutorials/generative/autoencoder, third example."""
    x = _dense_layers(layers.Flatten()(window), (32, 16), "relu")
    x = _dense_layers(layers.Dense(latent_size, activation="relu", name="latent")(x), (16, 32), "relu")
    x = layers.Dense(math.prod(window.shape[1:]), activation="sigmoid")(x)
    return layers.Reshape(window.shape[1:], name="reconstruction")(x)


def _dense_layers(x: Any, widths: Sequence[int], activation: str = "leaky_relu") -> Any:
    for width in widths:
        x = layers.Dense(width, activation=activation)(x)
    return x


_ARCHITECTURES: dict[str, Callable[..., Any]] = {
    "own_beat": _own_beat,
    "convolutional": _convolutional,
    "dense": _dense,
    "lstm": _lstm,
    "tutorial": _tutorial,
}


class _Batches(keras.utils.PyDataset):
    """Shuffled batches that are harder than the beats they are made of.

    Some beats lose a lead, so that the network learns to do with one. In most a stretch is replaced by that of
    another beat, and the whole is to be restored: so the network learns not to follow what does not belong there.
    """

    def __init__(self, beats: PairedBeats, training: Training, inputs: int):
        super().__init__()
        self._beats, self._training, self._inputs = beats, training, inputs
        self._random = np.random.default_rng(training.seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self._beats.windows) / self._training.batch_size)

    def __getitem__(self, index: int) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        batch = slice(index * self._training.batch_size, (index + 1) * self._training.batch_size)
        beats = self._beats.chosen(self._order[batch])
        lost = np.nonzero(self._lost[batch])
        for array in (beats.windows, beats.own_beats):
            array[lost[0], :, lost[1]] = 0
        seen = PairedBeats(self._with_foreign_stretches(beats.windows), beats.own_beats)
        return tuple(inputs_of(seen, self._inputs)), beats.windows

    def on_epoch_end(self) -> None:
        self._order = self._random.permutation(len(self._beats.windows))
        beats, _, leads = self._beats.windows.shape
        losing = self._random.random(beats) < (self._training.lead_dropout if leads > 1 else 0.0)
        self._lost = np.zeros((beats, leads), dtype=bool)
        self._lost[losing, self._random.integers(leads, size=int(np.sum(losing)))] = True

    def _with_foreign_stretches(self, windows: np.ndarray) -> np.ndarray:
        beats, samples, _ = windows.shape
        foreign = self._beats.windows[self._random.integers(len(self._beats.windows), size=beats)]
        chosen = self._random.random((beats, 1)) < self._training.foreign_stretches
        middle = self._random.uniform(0, samples, (beats, 1))
        length = self._random.uniform(_SHORTEST_STRETCH * samples, samples, (beats, 1))
        inside = chosen & (np.abs(np.arange(samples) - middle) < length / 2)
        present = windows.any(axis=1, keepdims=True)
        return np.where(inside[:, :, np.newaxis], foreign, windows) * present


class _Progress(keras.callbacks.Callback):
    """One line per epoch, for log files as for terminals; the first Ctrl-C asks to stop after the running batch."""

    def __init__(self, epochs: int, report: Callable[[str], None]):
        super().__init__()
        self._planned, self._report = epochs, report
        self.epochs: list[dict[str, float]] = []
        self.interrupted = False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._previous = signal.signal(signal.SIGINT, self._stop)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        row = {
            "epoch": epoch + 1,
            "loss": logs["loss"],
            "val_loss": logs["val_loss"],
            "learning_rate": float(self.model.optimizer.learning_rate),
            "seconds": round(time.perf_counter() - self._started, 2),
        }
        best = row["val_loss"] < min((earlier["val_loss"] for earlier in self.epochs), default=np.inf)
        self.epochs.append(row)
        self._report(
            f"epoch {epoch + 1:3d}/{self._planned}  loss {row['loss']:.5f}  validation loss {row['val_loss']:.5f}"
            f"{' *' if best else '  '}  learning rate {row['learning_rate']:.1e}  {row['seconds']:.1f} s"
        )

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._report("interrupted: ending with the best weights so far (Ctrl-C again to end at once)")
        self.interrupted = True
        self.model.stop_training = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
