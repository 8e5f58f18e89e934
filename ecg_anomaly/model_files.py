"""The files of a trained model, beside the network itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ecg_anomaly.artifacts import Handover
from ecg_anomaly.scoring import Surprise

MODEL = "autoencoder.keras"
HISTORY = "history.csv"
REFERENCE = "reference.npz"
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
