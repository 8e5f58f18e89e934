"""The autoencoder for phones and other small devices: converted to LiteRT, as numbers of 32 or of 8 bits.

The converter is TensorFlow's; running a converted network needs ``ai-edge-litert`` alone.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from ecg_anomaly.measures import Reconstruct
from ecg_anomaly.patient import PairedBeats

_CALIBRATION_BEATS = 500  # from whose values the converter learns the range of each layer


def convert(model: keras.Model) -> bytes:
    """Convert a trained autoencoder; the content of a ``.tflite`` file that takes and gives float32."""
    return _run(tf.lite.TFLiteConverter.from_keras_model(model))


def convert_int8(model: keras.Model, beats: PairedBeats, seed: int) -> bytes:
    """Convert a trained autoencoder to whole numbers of 8 bits, which small processors multiply faster.

    Parameters
    ----------
    model
        The autoencoder.
    beats
        Normal training beats: some of them tell which values occur.
    seed
        Chooses those.

    Returns
    -------
    bytes
        The content of a ``.tflite`` file; it still takes and gives float32.
    """
    count = len(beats.windows)
    some = np.random.default_rng(seed).choice(count, min(count, _CALIBRATION_BEATS), replace=False)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: ([beats.windows[[row]], beats.own_beats[[row]]] for row in some)
    return _run(converter)


def reconstructor(content: bytes) -> Reconstruct:
    """Run beats through a converted autoencoder, one by one as a phone would, on one core.

    Parameters
    ----------
    content
        What a ``.tflite`` file holds.

    Raises
    ------
    ImportError
        Without ``ai-edge-litert``, which is installed for development alone.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    run = interpreter.get_signature_runner()
    (output,) = interpreter.get_signature_list()["serving_default"]["outputs"]

    def reconstruct(beats: PairedBeats) -> np.ndarray:
        reconstructions = np.empty_like(beats.windows)
        for row in range(len(beats.windows)):
            rows = [row]
            reconstructions[rows] = run(beat=beats.windows[rows], own_beat=beats.own_beats[rows])[output]
        return reconstructions

    return reconstruct


def _run(converter: tf.lite.TFLiteConverter) -> bytes:
    with _without_chatter():
        return bytes(converter.convert())


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep the converter's pages of progress off the terminal; its errors still come as exceptions."""
    logger = tf.get_logger()
    level = logger.level
    with (
        warnings.catch_warnings(),
        tempfile.TemporaryFile() as nowhere,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        # Its part in C++ writes to the file descriptors themselves.
        kept = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
        for descriptor, _ in kept:
            os.dup2(nowhere.fileno(), descriptor)
        try:
            yield
        finally:
            for descriptor, copy in kept:
                os.dup2(copy, descriptor)
                os.close(copy)
            logger.setLevel(level)
