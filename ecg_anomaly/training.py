"""The trainings behind a model, side by side: its own, and those of folds, each of which leaves some patients out."""

from __future__ import annotations

import functools
import importlib.util
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

import pandas as pd

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import ComparedBeats, compare_records, of_each_record
from ecg_anomaly.detector.measures import learn_reference
from ecg_anomaly.detector.network import run_with
from ecg_anomaly.detector.scorer import TrainedModel, score_record
from ecg_anomaly.errors import UserError, missing_extra
from ecg_anomaly.handover.beats import Records, read_records, read_table
from ecg_anomaly.handover.model import write_litert, write_network
from ecg_anomaly.manifest import Handover
from ecg_anomaly.processes import cores, ending_signals, in_processes, process_pool
from ecg_anomaly.records.splits import TRAIN, VALIDATION
from ecg_anomaly.words import count_text

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
        When there are fewer patients than folds, a training diverges, or TensorFlow is not installed.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise missing_extra("training a model", "tensorflow", "train")
    _ended.clear()

    def end() -> None:
        _ended.set()
        report("interrupted: ending with the weights so far (Ctrl-C again to end at once)")

    with ending_signals(end):
        if config.split.has_validation:
            return _train_own(output, config, report)
        calls: list[tuple[Any, ...]] = [(_train_own, (output, config, report))]
        folds = enumerate(_patients_of_folds(config), start=1)
        calls += [(_train_fold, (*fold, config, report)) for fold in folds]
        processes = functools.partial(process_pool, min(len(calls), cores()), _METHOD, _share, _ended)
        own, *others = in_processes(_call, calls, "trains", processes)
    losses = pd.concat([fold.history for fold in others]).groupby("epoch")["val_loss"].mean()
    own.history.insert(2, "val_loss", own.history["epoch"].map(losses))
    left_out = pd.concat([fold.left_out for fold in others]).sort_values(["record", "sample"], ignore_index=True)
    return Outcome(own.history, left_out, any(outcome.interrupted for outcome in (own, *others)))


def _share(ended: Event) -> None:
    global _ended  # noqa: PLW0603 - a process pool has no other place for what its tasks share
    _ended = ended


def _call(work: Callable[..., Outcome], arguments: tuple[Any, ...]) -> Outcome:
    """Call a function; where one fails, the others need not go on."""
    try:
        return work(*arguments)
    except BaseException:
        _ended.set()
        raise


def _patients_of_folds(config: Config) -> list[tuple[_Patients, _Patients]]:
    """Share the training patients out: the records that each fold trains on, and those that it leaves out."""
    folder, folds = config.paths.processed, config.training.folds
    table = read_table(folder)
    names = sorted(table.loc[table["split"] == TRAIN, "record"].unique())
    person = {name: group[0] for group in config.split.same_patient for name in group}
    patients = sorted({person.get(name, name) for name in names})
    if len(patients) < folds:
        raise UserError(
            f"split.train has only {count_text(len(patients), 'patient')} for the {folds} groups of training.folds; "
            "give it more, lower training.folds, or name records in split.validation"
        )
    left_out = [patients[fold::folds] for fold in range(folds)]
    groups = [[name for name in names if person.get(name, name) in group] for group in left_out]
    return [
        (_Patients(folder, TRAIN, [name for name in names if name not in group]), _Patients(folder, TRAIN, group))
        for group in groups
    ]


@dataclass(frozen=True)
class _Patients:
    """Records with beats of a split; they are read when they are needed, and not kept."""

    folder: str  # that of the beats
    split: str
    names: list[str] | None = None  # all without it

    def read(self) -> Records:
        return read_records(self.folder, self.split, names=self.names)

    def normal_beats(self, config: Config) -> ComparedBeats:
        """Compare the normal beats of the split with what is usual for their patients."""
        records = self.read()
        return compare_records(records.table, records.windows, config, records.normal(self.split))


def _train_own(output: Handover, config: Config, report: Report) -> Outcome:
    """Train the network of the model on all training patients, and write it."""
    training, validating = (_Patients(config.paths.processed, split) for split in (TRAIN, VALIDATION))
    return _train(training, validating if config.split.has_validation else None, config, report, output)


def _train_fold(number: int, patients: tuple[_Patients, _Patients], config: Config, report: Report) -> Outcome:
    return _train(*patients, config, lambda line: report(f"fold {number}: {line}"))


def _train(
    training: _Patients, unseen: _Patients | None, config: Config, report: Report, output: Handover | None = None
) -> Outcome:
    """Train on the normal beats of some patients, and score the beats of unseen ones.

    With an ``output`` the network is that of the model, and written.
    """
    from ecg_anomaly.detector import autoencoder  # imports TensorFlow

    beats, watched = training.normal_beats(config), unseen.normal_beats(config) if unseen else None
    tensorboard = config.paths.tensorboard if output else None
    settings = (config.model, config.training, beats, Frame.of(config.beat), report)
    trained = autoencoder.train(*settings, tensorboard, watched, _ended.is_set)
    weights, frame = autoencoder.weights_of(trained.model), Frame.of(config.beat)
    network = run_with(weights, config.model, frame, config.records.lead_count)
    model = TrainedModel(network, learn_reference(network, beats, frame), config)
    if output:
        write_network(output, trained, weights, model.reference)
    if output and config.training.litert:
        from ecg_anomaly.detector import litert

        report("converting the network for small devices")
        small = litert.convert_int8(trained.model, beats, config.training.seed)
        write_litert(output, litert.convert(trained.model), small)
    return Outcome(trained.history, _scored(model, unseen) if unseen else pd.DataFrame(), trained.interrupted)


def _scored(model: TrainedModel, unseen: _Patients) -> pd.DataFrame:
    records = unseen.read()
    each = of_each_record(records.table, records.windows, model.config.patient)
    answers = [pd.DataFrame(score_record(model, its).answers) for _, its in each]
    scored = records.table.join(pd.concat(answers, ignore_index=True))
    return scored[scored["split"] == unseen.split]
