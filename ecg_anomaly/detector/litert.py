"""The autoencoder for phones and other small devices: converted to LiteRT, as numbers of 32 or of 8 bits.

The converter is TensorFlow's; running a converted network needs ``ai-edge-litert`` alone. Its inputs are those of
`compared.inputs_of`, its outputs those of `architectures.build`, all by name in its one signature.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import keras
import numpy as np
import tensorflow as tf

from ecg_anomaly.detector.compared import ManyBeats, inputs_of
from ecg_anomaly.quiet import quiet_native_output

_CALIBRATION_BEATS = 500  # from whose values the converter learns the range of each layer


def convert(model: keras.Model) -> bytes:
    """Convert a trained autoencoder; the content of a ``.tflite`` file that takes and gives float32."""
    return _run(_converter(model))


def convert_int8(model: keras.Model, beats: ManyBeats, seed: int) -> bytes:
    """Convert a trained autoencoder to whole numbers of 8 bits, which small processors multiply faster.

    Some of the normal training beats, chosen by ``seed``, tell which values occur. The network still takes and gives
    float32.
    """
    rows = np.random.default_rng(seed).choice(len(beats), min(len(beats), _CALIBRATION_BEATS), replace=False)
    some = beats.chosen(rows)
    converter = _converter(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    inputs = inputs_of(some.paired, some.timed.tachograms)
    converter.representative_dataset = lambda: (
        {name: values[[row]] for name, values in inputs.items()} for row in range(len(some))
    )
    return _run(converter)


def _converter(model: keras.Model) -> tf.lite.TFLiteConverter:
    """Make a converter. It understands no model that takes its inputs by name, but names those of a list."""
    return tf.lite.TFLiteConverter.from_keras_model(keras.Model(model.inputs, model.output))


def _run(converter: tf.lite.TFLiteConverter) -> bytes:
    # The converter prints pages of its progress; its errors come as exceptions all the same.
    logger = tf.get_logger()
    level = logger.level
    with warnings.catch_warnings(), quiet_native_output(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            return bytes(converter.convert())
        finally:
            logger.setLevel(level)
