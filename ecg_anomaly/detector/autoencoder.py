"""The autoencoder: trained. Trained, it runs without TensorFlow: see `network`."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Model, Training
from ecg_anomaly.detector.architectures import KINDS, RECONSTRUCTION, input_shapes, outputs_of
from ecg_anomaly.detector.compared import ManyBeats, inputs_of
from ecg_anomaly.detector.ectopy.examples import Examples, simulate
from ecg_anomaly.errors import UserError
from ecg_anomaly.quiet import quiet_native_output

# TensorFlow's C++ side tells of CPU instructions and missing GPUs, at times as errors; what goes wrong in
# Python is raised all the same.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with quiet_native_output():
    import keras
    import tensorflow as tf
    from keras import ops


# Threads of networks as small as these wait for each other longer than they work: two were slower than one.
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

_BEATS_PER_CALL = 1024
_MOST_WATCHED = 4_000  # beats, whose loss is that of more
_WARM_UP = 0.15  # of the steps of a training, in which the learning rate rises
_SMOOTHING = 0.01  # of what kind an example is: no network is to be surer than that
_WEIGHT_DECAY, _LARGEST_GRADIENT = 1e-3, 5.0


@dataclass(frozen=True)
class Trained:
    """What came out of a training."""

    model: keras.Model
    history: pd.DataFrame  # one row per epoch: epoch, loss, val_loss (where beats were watched), learning_rate, seconds
    interrupted: bool


def train(
    settings: Model,
    training: Training,
    beats: ManyBeats,
    frame: Frame,
    report: Callable[[str], None],
    tensorboard: str | None = None,
    watched: ManyBeats | None = None,
    ended: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train an autoencoder on normal beats, and on premature and ventricular ones that are simulated from them.

    Parameters
    ----------
    settings, training
        Which network, and how it is trained. Equal seeds give equal weights on the same machine.
    beats
        Normal beats. Each becomes one example in every epoch, and every time another one.
    frame
        When the samples of a window are.
    report
        Called with one line per epoch.
    tensorboard
        A folder for logs.
    watched
        Normal beats of other patients: the loss of examples made from them is reported, and changes nothing.
    ended
        Asked after every batch; the training ends there with the weights so far once it says yes.

    Raises
    ------
    UserError
        When the training diverges.
    """
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    model = build(settings, frame, beats.chosen(slice(1)).paired.windows.shape[2])
    batches = _Batches(beats, training, frame)
    model.compile(
        optimizer=_optimizer(training.learning_rate, steps=training.epochs * len(batches)),
        loss={RECONSTRUCTION: error_of_present_leads, KINDS: keras.losses.CategoricalCrossentropy(True, _SMOOTHING)},
        loss_weights={RECONSTRUCTION: training.restoration_weight, KINDS: 1.0},
        jit_compile=False,  # compiling takes longer than it saves
    )
    _make_variables(model)
    progress = _Progress(training.epochs, report, ended)
    model.fit(
        batches,
        validation_data=None if watched is None else _watched_examples(watched, training, frame),
        validation_batch_size=_BEATS_PER_CALL,
        epochs=training.epochs,
        callbacks=[progress, *([keras.callbacks.TensorBoard(tensorboard)] if tensorboard else [])],
        shuffle=False,  # the batches themselves are
        verbose=0,
    )
    history = pd.DataFrame(progress.epochs)
    if not np.isfinite(history["loss"]).all():
        raise UserError("the training diverged: its loss is no number; lower training.learning_rate and run it again")
    return Trained(model, history, progress.interrupted)


class _KerasEngine:
    """Makes a network of Keras layers."""

    ops = ops

    def dense(self, units: int, activation: str | None, name: str) -> Any:
        return keras.layers.Dense(units, activation=activation, name=name)

    def conv(self, width: int, length: int, stride: int, activation: str | None, name: str) -> Any:
        return keras.layers.Conv1D(width, length, stride, padding="same", activation=activation, name=name)

    def lstm(self, units: int, name: str, sequences: bool = False) -> Any:
        return keras.layers.LSTM(units, return_sequences=sequences, name=name)

    def dropout(self, share: float) -> Any:
        return keras.layers.Dropout(share)


def build(settings: Model, frame: Frame, leads: int) -> keras.Model:
    """Build an untrained network; its inputs and outputs are those of `architectures.outputs_of`, by name."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in input_shapes(frame, leads).items()}
    return keras.Model(inputs, outputs_of(_KerasEngine(), inputs, settings, frame), name=settings.architecture)


def weights_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Give the weights as `network.run_with` takes them."""
    return {f"{layer.name}/{its.name}": its.numpy() for layer in model.layers for its in layer.trainable_weights}


def error_of_present_leads(beats: Any, reconstructions: Any) -> Any:
    """Mean squared error per beat over the leads that are there; a missing lead is all zeros.

    Both are tensors of shape ``(beats, samples, leads)``.
    """
    present = ops.sign(ops.max(ops.abs(beats), axis=1, keepdims=True))
    errors = ops.mean(ops.square(beats - reconstructions) * present, axis=(1, 2))
    return errors / ops.maximum(ops.mean(present, axis=(1, 2)), 1e-6)


def _optimizer(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Let the learning rate rise, then fall along a cosine to zero at the last step."""
    warm_up = max(1, round(_WARM_UP * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 25, max(1, steps - warm_up), warmup_target=learning_rate, warmup_steps=warm_up
    )
    return keras.optimizers.AdamW(schedule, weight_decay=_WEIGHT_DECAY, global_clipnorm=_LARGEST_GRADIENT)


def _make_variables(model: keras.Model) -> None:
    """Make all variables of a training, which the first step would otherwise make, and be traced twice for it."""
    model.optimizer.build(model.trainable_variables)
    nothing = {name: tf.zeros((1, *output.shape[1:])) for name, output in model.output.items()}
    model.compute_loss(y=nothing, y_pred=nothing)


def _examples(beats: ManyBeats, rows: np.ndarray, share: float, frame: Frame, seed: Sequence[int]) -> Examples:
    """Make one example of each beat in ``rows``."""
    random = np.random.default_rng(seed)
    others = beats.chosen(random.choice(len(beats), len(rows))).paired.own_beats
    # Of the patients' leads no order is certain: half of the foreign beats show themselves the other way round.
    others = np.where(random.random((len(rows), 1, 1)) < 0.5, others, others[:, :, ::-1])
    its, next_seed = beats.chosen(rows), int(random.integers(2**31))
    return simulate(its.paired, its.timed.tachograms, others, share, frame, next_seed)


def _seen_and_wanted(examples: Examples) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Give what a network takes of examples, and what it should say of them."""
    seen = inputs_of(examples.paired, examples.tachograms)
    return seen, {RECONSTRUCTION: examples.normal, KINDS: np.eye(3, dtype=np.float32)[examples.kinds]}


def _watched_examples(
    watched: ManyBeats, training: Training, frame: Frame
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rows = np.random.default_rng(training.seed).permutation(len(watched))[:_MOST_WATCHED]
    return _seen_and_wanted(_examples(watched, rows, training.ectopic_share, frame, [training.seed]))


class _Batches(keras.utils.PyDataset):
    """Batches of examples: one of every beat, in each epoch in another order and simulated anew."""

    def __init__(self, beats: ManyBeats, training: Training, frame: Frame):
        super().__init__()
        self._beats, self._training, self._frame = beats, training, frame
        self._epoch = 0
        self._shuffle()

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._training.batch_size)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        rows = self._order[index * self._training.batch_size : (index + 1) * self._training.batch_size]
        seed = [self._training.seed, self._epoch, index]
        return _seen_and_wanted(_examples(self._beats, rows, self._training.ectopic_share, self._frame, seed))

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        random = np.random.default_rng([self._training.seed, self._epoch])
        self._order = random.permutation(len(self._beats))


class _Progress(keras.callbacks.Callback):
    """One line per epoch, for log files as for terminals; ends the training when it is asked to, or diverges."""

    def __init__(self, epochs: int, report: Callable[[str], None], ended: Callable[[], bool]):
        super().__init__()
        self._planned, self._report, self._ended = epochs, report, ended
        self.epochs: list[dict[str, float]] = []
        self.interrupted = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._end_if_asked()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        losses: dict[str, float] = {name: logs[name] for name in ("loss", "val_loss") if name in logs}
        rate = float(self.model.optimizer.learning_rate)
        seconds = round(time.perf_counter() - self._started, 2)
        self.epochs.append({"epoch": epoch + 1, **losses, "learning_rate": rate, "seconds": seconds})
        self.model.stop_training |= not np.isfinite(losses["loss"])
        watched = f"  validation loss {losses['val_loss']:.5f}" if "val_loss" in losses else ""
        self._report(
            f"epoch {epoch + 1:3d}/{self._planned}  loss {losses['loss']:.5f}{watched}"
            f"  learning rate {rate:.1e}  {seconds:.1f} s"
        )
        self._end_if_asked()

    def _end_if_asked(self) -> None:
        if self._ended():
            self.interrupted = self.model.stop_training = True
