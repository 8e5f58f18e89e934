"""The files of a trained model, and the settings that it detects with."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

import ecg_anomaly
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.commandline import command_of
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import EARLIER_BEATS
from ecg_anomaly.detector.network import run_with
from ecg_anomaly.detector.scorer import TrainedDetector, TrainedModel
from ecg_anomaly.detector.surprise import Surprise
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.errors import UserError, first_few
from ecg_anomaly.handover.beats import read_csv
from ecg_anomaly.handover.scores import METRICS, THRESHOLD, read_metrics, read_threshold
from ecg_anomaly.manifest import MANIFEST, Handover, check_input, differences, folder_fingerprint, read_manifest

if TYPE_CHECKING:
    from ecg_anomaly.detector.autoencoder import Trained

MODEL, WEIGHTS = "autoencoder.keras", "autoencoder.npz"  # for users of Keras; the weights alone, which is what is run
CARD, EXPECTED = "card.md", "expected.csv"  # of the packaged detector: what it is, and its scores of a simulated record
LITERT, LITERT_INT8 = "autoencoder.tflite", "autoencoder_int8.tflite"  # with training.litert
HISTORY, LEFT_OUT, REFERENCE = "history.csv", "left_out.csv", "reference.npz"
PACKAGED = Path(ecg_anomaly.__file__).with_name("pretrained")  # the folder of the detector that comes with the package
_VALUES, _SURPRISES = "_values", "_surprises"

# What a model keeps of the settings that it was made with; of the section records, which leads it takes.
_OWN_SECTIONS = ("beat", "rhythm", "patient", "model", "training", "scoring", "threshold")
_OWN_RECORDS = ("leads", "lead_count")


def write_network(
    output: Handover, trained: Trained, weights: Mapping[str, np.ndarray], reference: Mapping[str, Surprise]
) -> None:
    """Write the network, its weights, and how surprising values are among normal training beats."""
    trained.model.save(output.path(MODEL))
    np.savez(output.path(WEIGHTS), allow_pickle=False, **weights)
    write_reference(output, reference)


def write_history(output: Handover, history: pd.DataFrame) -> None:
    """Write how the training went."""
    history.to_csv(output.path(HISTORY), index=False)


def write_left_out(output: Handover, parts: Iterable[Path]) -> None:
    """Write the beats of patients that trainings left out, from which the threshold is set: all parts in one file.

    Each part is a table with the columns of ``beats.csv``, then those of `measures.answers`.
    """
    with output.path(LEFT_OUT).open("wb") as whole:
        for number, part in enumerate(parts):
            with part.open("rb") as file:
                if number:
                    file.readline()  # the names of the columns stand there already
                shutil.copyfileobj(file, whole)


def read_left_out(folder: str | Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read ``left_out.csv``, or those of some columns that it has.

    It has beats, each scored by a network that was trained without its patient.
    """
    return read_csv(Path(folder) / LEFT_OUT, columns)


def write_litert(output: Handover, network: bytes, network_int8: bytes) -> None:
    """Write the network for small devices, as numbers of 32 and of 8 bits."""
    output.path(LITERT).write_bytes(network)
    output.path(LITERT_INT8).write_bytes(network_int8)


def read_history(folder: str | Path) -> pd.DataFrame:
    """Read ``history.csv``: one row per epoch, with the columns of `autoencoder.Trained.history`."""
    return pd.read_csv(Path(folder) / HISTORY)


def write_reference(output: Handover, reference: Mapping[str, Surprise]) -> None:
    """Write how surprising the values of each measure are among normal training beats."""
    arrays = {}
    for name, surprise in reference.items():
        arrays[name + _VALUES], arrays[name + _SURPRISES] = surprise.values, surprise.surprises  # noqa: PD011
    np.savez(output.path(REFERENCE), allow_pickle=False, **arrays)


def read_reference(folder: str | Path) -> dict[str, Surprise]:
    """Read what `write_reference` wrote."""
    with np.load(Path(folder) / REFERENCE) as arrays:
        names = [name.removesuffix(_VALUES) for name in arrays.files if name.endswith(_VALUES)]
        return {name: Surprise(arrays[name + _VALUES], arrays[name + _SURPRISES]) for name in names}


def check_detector(config: Config, report: Callable[[str], None] = lambda _: None) -> Config:
    """Check that a trained model and its threshold are there, before anything slow.

    Where nobody has trained one, the detector that comes with the package is taken, and a line says so.

    Parameters
    ----------
    config
        The settings of the run.
    report
        Called with what the user should know.

    Returns
    -------
    Config
        The settings, but for those that the model was made with (how beats are cut, compared and scored): a line tells
        where the two contradict each other. `read_detector` reads the detector that its paths name.

    Raises
    ------
    UserError
        With the script to run, or when the model cannot serve a recording that nobody annotated.
    """
    models, outputs = config.paths.models, config.paths.outputs
    if not any((Path(folder) / MANIFEST).exists() for folder in (models, outputs)):
        packaged = packaged_detector(config)
        report(f"{models}: nobody has trained a model here; the detector that comes with the package is used")
        return packaged
    read_manifest(models, made_by="train_model.py")
    manifest = read_manifest(outputs, made_by="evaluate_model.py")
    check_input(manifest, outputs, models, made_by="evaluate_model.py")
    own = _with_own_settings(config, manifest["config"], outputs)
    check_learns_from_earlier_beats(own)
    if contradicting := _contradictions(own, config):
        report(
            f"{models}: the model keeps to the settings that it was made with: {first_few(contradicting)}; "
            "run the four scripts again to change that"
        )
    return own


def packaged_detector(config: Config) -> Config:
    """Give the settings with those of the detector that comes with the package, in whose folder it lies.

    Raises
    ------
    UserError
        When other settings of how beats are cut, compared or scored are asked for than it was made with.
    """
    own, others = _whole(PACKAGED, config)
    if others:
        raise UserError(
            f"{PACKAGED}: the detector that comes with the package was made with other settings: {first_few(others)}; "
            "leave these, or train a model with yours: run the four scripts"
        )
    return own


def whole_detector(folder: Path, config: Config, report: Callable[[str], None] = lambda _: None) -> Config:
    """Give the settings with those of a detector that lies in one folder, threshold and all.

    Reports a line where the two contradict each other.

    Raises
    ------
    UserError
        When it is not whole.
    """
    own, contradicting = _whole(folder, config)
    if contradicting:
        report(f"{folder}: the detector keeps to the settings that it was made with: {first_few(contradicting)}")
    return own


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


def read_detector(config: Config, threshold: FittedThreshold | None = None) -> TrainedDetector:
    """Read all that scoring a new recording needs, the threshold from its file where none is given.

    The settings are those that the model was made with; `check_detector` gives them, and says whether the files are
    there.
    """
    threshold = threshold or read_threshold(config.paths.outputs)
    return TrainedDetector(**vars(read_model(config)), threshold=threshold)


def files_to_detect(config: Config) -> dict[str, bytes]:
    """Read the files, by name, that make a folder of their own into one that `read_detector` can read elsewhere.

    Without those of an evaluation where there was none yet.
    """
    models, outputs = Path(config.paths.models), Path(config.paths.outputs)
    paths = [models / name for name in (WEIGHTS, REFERENCE, MANIFEST)] + [
        outputs / name for name in (THRESHOLD, METRICS)
    ]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def describe_model(config: Config) -> str:
    """Say in words which model is used: its folder, when it was trained, and the beginning of its fingerprint."""
    folder = Path(config.paths.models)
    made = read_manifest(folder, made_by="train_model.py")["made"]
    return f"{folder.resolve().name}, trained {made[:16].replace('T', ' ')} UTC, {folder_fingerprint(folder)[1][:12]}"


def read_model(config: Config) -> TrainedModel:
    """Read all that scoring beats needs, the trained autoencoder ready to run.

    Raises
    ------
    UserError
        When the weights cannot be read, or are of another network than the settings ask for.
    """
    path = Path(config.paths.models) / WEIGHTS
    try:
        with np.load(path) as arrays:
            weights = dict(arrays)
        network = run_with(weights, config.model, Frame.of(config.beat), config.records.lead_count)
    except (OSError, ValueError, zipfile.BadZipFile, UserError) as error:
        raise UserError(f"{path}: cannot be run ({error}); run {command_of('train_model.py')} again") from None
    return TrainedModel(network, read_reference(config.paths.models), config)


def cost_of_leads(config: Config, leads: int) -> str:
    """Say what it costs that a recording has fewer leads than the model takes; empty where it has all."""
    if leads >= config.records.lead_count:
        return ""
    whole = read_metrics(config.paths.outputs)
    alone = whole["single_lead"]["1"]
    pairs = {
        "AUC": (alone["auc"], whole["auc"]),
        "average precision": (alone["average_precision"], whole["average_precision"]),
    }
    # Without an anomalous test beat there are no figures.
    compared = [
        f"{name} {one:.3f} instead of {both:.3f}" for name, (one, both) in pairs.items() if None not in (one, both)
    ]
    cost = f": on the test patients the first lead alone reaches {' and '.join(compared)}" if compared else ""
    return f"has {leads} of the {config.records.lead_count} leads that the model takes{cost}"


def _whole(folder: Path, config: Config) -> tuple[Config, list[str]]:
    """Give the settings with those of a detector that lies in one folder, and where the two contradict each other."""
    place = str(folder)
    own = _with_own_settings(config, read_manifest(folder, made_by="make pretrained")["config"], place)
    paths = own.paths.model_copy(update={"models": place, "outputs": place})
    return own.model_copy(update={"paths": paths}), _contradictions(own, config)


def _contradictions(own: Config, asked: Config) -> list[str]:
    kept, wanted = (config.model_dump(exclude={"paths"}) for config in (own, asked))
    return [f"{key} is {its}, not {other}" for key, its, other in differences(kept, wanted)]


def _with_own_settings(config: Config, made_with: Mapping[str, Any], folder: str) -> Config:
    try:
        sections = {name: made_with[name] for name in _OWN_SECTIONS}
        sections["records"] = config.records.model_dump() | {key: made_with["records"][key] for key in _OWN_RECORDS}
        sections["training"] = made_with["training"] | {"litert": config.training.litert}
        own = {name: type(getattr(config, name)).model_validate(values) for name, values in sections.items()}
    except (KeyError, ValidationError):
        raise UserError(f"{folder}: was made by another version of this project; run the four scripts again") from None
    return config.model_copy(update=own)
