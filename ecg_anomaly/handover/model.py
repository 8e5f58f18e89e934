"""The files of a trained model, beside the network itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecg_anomaly.config import Config
from ecg_anomaly.detector.measures import Reconstruct
from ecg_anomaly.detector.scorer import EARLIER_BEATS, TrainedDetector
from ecg_anomaly.detector.surprise import Surprise
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import Handover, check_input, read_checked_manifest

MODEL = "autoencoder.keras"
LITERT, LITERT_INT8 = "autoencoder.tflite", "autoencoder_int8.tflite"  # with export.litert
HISTORY = "history.csv"
REFERENCE = "reference.npz"
THRESHOLD, METRICS = "threshold.json", "metrics.json"  # written by evaluate_model.py
_VALUES, _SURPRISES = "_values", "_surprises"


def write_reference(output: Handover, reference: Mapping[str, Surprise]) -> None:
    """Write how surprising the values of each component are among normal training beats."""
    arrays = {}
    for name, surprise in reference.items():
        arrays[name + _VALUES], arrays[name + _SURPRISES] = surprise.values, surprise.surprises
    np.savez(output.path(REFERENCE), allow_pickle=False, **arrays)


def read_reference(folder: str | Path) -> dict[str, Surprise]:
    """Read what `write_reference` wrote."""
    with np.load(Path(folder) / REFERENCE) as arrays:
        names = [name.removesuffix(_VALUES) for name in arrays.files if name.endswith(_VALUES)]
        return {name: Surprise(arrays[name + _VALUES], arrays[name + _SURPRISES]) for name in names}


def check_detector(config: Config) -> None:
    """Check that a trained model and its threshold are there and fit the settings, before anything slow.

    Raises
    ------
    UserError
        With the script to run.
    """
    models, outputs = config.paths.models, config.paths.outputs
    for folder, script in ((models, "train_model.py"), (outputs, "evaluate_model.py")):
        manifest = read_checked_manifest(folder, config, made_by=script)
    check_input(manifest, outputs, models, made_by="evaluate_model.py")
    check_learns_from_earlier_beats(config)


def check_learns_from_earlier_beats(config: Config) -> None:
    """Check that the model can serve a recording that nobody annotated.

    Raises
    ------
    UserError
        When it learns what is usual for a patient from beats that are known to be normal.
    """
    if config.patient.learn_from != EARLIER_BEATS:
        raise UserError(
            f"patient.learn_from is {config.patient.learn_from}, but no beat of a new recording is known to be normal; "
            f"use a model that was trained with {EARLIER_BEATS} (config.yaml)"
        )


def read_detector(config: Config, threshold: dict[str, Any] | None = None) -> TrainedDetector:
    """Read all that scoring a new recording needs; `check_detector` says whether it is there.

    Parameters
    ----------
    config
        Where the files of the model lie, and the settings that it was made with.
    threshold
        The content of ``threshold.json``; ``None`` to read the file.
    """
    if threshold is None:
        threshold = json.loads((Path(config.paths.outputs) / THRESHOLD).read_text(encoding="utf-8"))
    return TrainedDetector(read_network(config), read_reference(config.paths.models), config, threshold)


def read_network(config: Config) -> Reconstruct:
    """Read the trained autoencoder, ready to run beats through it."""
    from ecg_anomaly.detector import autoencoder  # imports TensorFlow

    window = config.beat.samples, config.records.lead_count
    return autoencoder.compiled(autoencoder.load(Path(config.paths.models) / MODEL, config.model.architecture, window))


def cost_of_leads(config: Config, leads: int) -> str:
    """Say what it costs that a recording has fewer leads than the model takes; empty where it has all."""
    if leads >= config.records.lead_count:
        return ""
    whole = json.loads((Path(config.paths.outputs) / METRICS).read_text(encoding="utf-8"))
    alone = whole["single_lead"]["1"]
    figures = [("AUC", "auc"), ("average precision", "average_precision")]
    compared = [
        f"{name} {alone[key]:.3f} instead of {whole[key]:.3f}"
        for name, key in figures
        if alone[key] is not None  # as without an anomalous test beat
    ]
    told = f": on the test patients the first lead alone reaches {' and '.join(compared)}" if compared else ""
    return f"has {leads} of the {config.records.lead_count} leads that the model takes{told}"
