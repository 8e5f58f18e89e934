"""The trainings behind a model, side by side: its own, and those of folds, each of which leaves some patients out."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

import pandas as pd

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import compare_records, of_each_record
from ecg_anomaly.detector.measures import learn_reference
from ecg_anomaly.detector.scorer import TrainedModel, score_record
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.beats import Records, read_records, read_table
from ecg_anomaly.handover.model import write_litert, write_network
from ecg_anomaly.manifest import Handover
from ecg_anomaly.processes import ending_signals, in_processes, process_pool
from ecg_anomaly.records.splits import TRAIN, VALIDATION

_METHOD = "spawn"  # TensorFlow does not survive a fork

Report = Callable[[str], None]

# Set, in all processes that train, once they are to end with the weights so far.
_ended: Event = multiprocessing.get_context(_METHOD).Event()


@dataclass(frozen=True)
class Outcome:
    """What came out of trainings, beside the network."""

    history: pd.DataFrame  # that of `autoencoder.Trained`
    left_out: pd.DataFrame  # rows of left_out.csv: beats, scored by a network that was trained without them
    interrupted: bool  # by Ctrl-C


def train_model(output: Handover, config: Config, report: Report) -> Outcome:
    """Train the network of a model and write it; beside it, unless records validate it, train those of the folds.

    Each training has a process, and says with ``report`` how it goes. Ctrl-C ends all of them after the running batch,
    with the weights so far.

    Raises
    ------
    UserError
        When there are fewer patients than folds, or a training diverges.
    """
    _ended.clear()

    def end() -> None:
        _ended.set()
        report("interrupted: ending with the weights so far (Ctrl-C again to end at once)")

    with ending_signals(end):
        if config.split.has_validation:
            return _train_own(output, config, report)
        calls: list[tuple[Any, ...]] = [(_train_own, (output, config, report))]
        calls += [(_train_fold, (*fold, config, report)) for fold in enumerate(_patients_of_folds(config), start=1)]
        own, *folds = in_processes(_call, calls, "trains", process_pool(len(calls), _METHOD, _share, _ended))
    losses = pd.concat([fold.history for fold in folds]).groupby("epoch")["val_loss"].mean()
    own.history.insert(2, "val_loss", own.history["epoch"].map(losses))
    left_out = pd.concat([fold.left_out for fold in folds]).sort_values(["record", "sample"], ignore_index=True)
    return Outcome(own.history, left_out, any(outcome.interrupted for outcome in (own, *folds)))


def _share(ended: Event) -> None:
    global _ended  # noqa: PLW0603 - a process pool has no other place for what its tasks share
    _ended = ended


def _call(work: Callable[..., Outcome], arguments: tuple[Any, ...]) -> Outcome:
    return work(*arguments)


def _patients_of_folds(config: Config) -> list[list[str]]:
    """Share the training records out: those that each fold leaves out."""
    table, folds = read_table(config.paths.processed), config.training.folds
    records = sorted(table.loc[table["split"] == TRAIN, "record"].unique())
    if len(records) < folds:
        raise UserError(
            f"split.train has only {len(records)} records for the {folds} groups of training.folds; give it more, "
            "lower training.folds, or name records in split.validation"
        )
    return [records[fold::folds] for fold in range(folds)]


def _train_own(output: Handover, config: Config, report: Report) -> Outcome:
    """Train the network of the model on all training patients, and write it."""
    folder, validating = config.paths.processed, config.split.has_validation
    unseen = read_records(folder, VALIDATION) if validating else None
    return _train(read_records(folder, TRAIN), unseen, VALIDATION, config, report, output)


def _train_fold(number: int, patients: list[str], config: Config, report: Report) -> Outcome:
    """Train a network without the patients of a fold."""
    records = read_records(config.paths.processed, TRAIN)
    inside = records.table["record"].isin(patients).to_numpy()
    others, unseen = records.chosen(~inside), records.chosen(inside)
    return _train(others, unseen, TRAIN, config, lambda line: report(f"fold {number}: {line}"))


def _train(
    training: Records,
    unseen: Records | None,
    split: str,
    config: Config,
    report: Report,
    output: Handover | None = None,
) -> Outcome:
    """Train on the normal beats of some records, and score those of unseen ones that are in a split.

    With an ``output`` the network is that of the model, and written.
    """
    from ecg_anomaly.detector import autoencoder  # imports TensorFlow

    beats = compare_records(training.table, training.windows, config, training.normal(TRAIN))
    watched = None if unseen is None else compare_records(unseen.table, unseen.windows, config, unseen.normal(split))
    tensorboard = config.paths.tensorboard if output else None
    settings = (config.model, config.training, beats, Frame.of(config.beat), report)
    trained = autoencoder.train(*settings, tensorboard, watched, _ended.is_set)
    network = autoencoder.compiled(trained.model)
    model = TrainedModel(network, learn_reference(network, beats, Frame.of(config.beat)), config)
    if output:
        write_network(output, trained, model.reference)
    if output and config.training.litert:
        from ecg_anomaly.detector import litert

        report("converting the network for small devices")
        small = litert.convert_int8(trained.model, beats, config.training.seed)
        write_litert(output, litert.convert(trained.model), small)
    scored = pd.DataFrame() if unseen is None else _scored(model, unseen, split)
    return Outcome(trained.history, scored, trained.interrupted)


def _scored(model: TrainedModel, unseen: Records, split: str) -> pd.DataFrame:
    each = of_each_record(unseen.table, unseen.windows, model.config.patient)
    answers = [pd.DataFrame(score_record(model, its).answers) for _, its in each]
    scored = unseen.table.join(pd.concat(answers, ignore_index=True))
    return scored[scored["split"] == split]
