"""The trainings behind a model, side by side: its own, and those of folds, each of which leaves some patients out."""

from __future__ import annotations

import functools
import importlib.util
import multiprocessing
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config
from ecg_anomaly.detector.measures import learn_reference
from ecg_anomaly.detector.network import run_with
from ecg_anomaly.detector.scorer import RecordScorer, TrainedModel
from ecg_anomaly.errors import UserError, missing_extra
from ecg_anomaly.handover.beats import hold_beats, read_beats
from ecg_anomaly.handover.compared import KnownRecord, NormalBeats, known_records
from ecg_anomaly.handover.model import LEFT_OUT, write_left_out, write_litert, write_network
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
    """What came out of trainings, beside the files of the model."""

    history: pd.DataFrame  # that of `autoencoder.Trained`
    interrupted: bool  # by Ctrl-C


@dataclass(frozen=True)
class _Patients:
    """Whose beats a training learns, and whom it leaves out: their beats are scored in the end."""

    normal: NormalBeats
    learned: Collection[str]  # names of records
    unseen: Sequence[KnownRecord]
    unseen_split: str
    scores: Path  # a folder, for a file of each record that is scored

    def file_of(self, record: KnownRecord) -> Path:
        return self.scores / f"{record.rows.start}.csv"


def train_model(output: Handover, config: Config, report: Report) -> Outcome:
    """Train the network of a model and write it; beside it, unless records validate it, train those of the folds.

    Writes the beats of patients left out too. Each training has a process, and says with ``report`` how it goes. Ctrl-C
    ends all of them after the running batch, with the weights so far.

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

    with ending_signals(end), TemporaryDirectory(dir=output.path(LEFT_OUT).parent) as scratch:
        beats = Path(scratch) / "processed"
        hold_beats(config.paths.processed, beats)
        config = config.model_copy(update={"paths": config.paths.model_copy(update={"processed": str(beats)})})
        trainings = _plan(Path(scratch), config, report)
        calls = [(patients, config, report, number, output) for number, patients in enumerate(trainings)]
        if len(calls) == 1:
            outcome = _train(*calls[0])
        else:
            processes = functools.partial(process_pool, min(len(calls), cores()), _METHOD, _share, _ended)
            own, *folds = in_processes(_train_with_others, calls, "trains", processes)
            losses = pd.concat([fold.history for fold in folds]).groupby("epoch")["val_loss"].mean()
            own.history.insert(2, "val_loss", own.history["epoch"].map(losses))
            outcome = Outcome(own.history, any(each.interrupted for each in (own, *folds)))
        scored = {record.name: its.file_of(record) for its in trainings for record in its.unseen}
        write_left_out(output, [scored[name] for name in (sorted(scored) if len(calls) > 1 else scored)])
    return outcome


def _share(ended: Event) -> None:
    global _ended  # noqa: PLW0603 - a process pool has no other place for what its tasks share
    _ended = ended


def _train_with_others(*arguments: Any) -> Outcome:
    """Train; where one training fails, the others need not go on."""
    try:
        return _train(*arguments)
    except BaseException:
        _ended.set()
        raise


def _plan(scratch: Path, config: Config, report: Report) -> list[_Patients]:
    """Compare all normal beats with what is usual for their patients, and share the patients out among trainings.

    The first training is that of the model, the others those of the folds.
    """
    validates = config.split.has_validation
    splits = (TRAIN, VALIDATION) if validates else (TRAIN,)
    records = [record for record in known_records(config.paths.processed) if any(map(record.beats.get, splits))]
    training, validating = ([record for record in records if record.beats[split]] for split in (TRAIN, VALIDATION))
    groups = [] if validates else _share_out_patients(training, config)
    normal = NormalBeats(scratch, records, splits, config)
    report(f"Training on {normal.words(TRAIN)}")
    normal.write()
    names = {record.name for record in training}
    trainings = [_Patients(normal, names, validating if validates else [], VALIDATION, scratch)]
    for group in groups:
        trainings.append(_Patients(normal, names - {record.name for record in group}, group, TRAIN, scratch))
    return trainings


def _share_out_patients(training: Sequence[KnownRecord], config: Config) -> list[list[KnownRecord]]:
    """Share the training patients out: the records that each fold leaves out."""
    folds = config.training.folds
    person = {name: group[0] for group in config.split.same_patient for name in group}
    patients = sorted({person.get(record.name, record.name) for record in training})
    if len(patients) < folds:
        raise UserError(
            f"split.train has only {count_text(len(patients), 'patient')} for the {folds} groups of training.folds; "
            "give it more, lower training.folds, or name records in split.validation"
        )
    in_order = sorted(training, key=lambda record: record.name)
    return [
        [record for record in in_order if person.get(record.name, record.name) in patients[fold::folds]]
        for fold in range(folds)
    ]


def _train(patients: _Patients, config: Config, report: Report, fold: int, output: Handover) -> Outcome:
    """Train on the normal beats of some patients, and score the beats of those left out.

    The network of fold 0 is that of the model, and written.
    """
    from ecg_anomaly.detector import autoencoder  # imports TensorFlow

    def tell(line: str) -> None:
        report(f"fold {fold}: {line}" if fold else line)

    beats = patients.normal.of(TRAIN, patients.learned)
    unseen = [record.name for record in patients.unseen if record.normal[patients.unseen_split]]
    watched = patients.normal.of(patients.unseen_split, set(unseen)) if unseen else None
    tensorboard = None if fold else config.paths.tensorboard
    frame = Frame.of(config.beat)
    settings = (config.model, config.training, beats, frame, tell)
    trained = autoencoder.train(*settings, tensorboard, watched, _ended.is_set)
    weights = autoencoder.weights_of(trained.model)
    network = run_with(weights, config.model, frame, config.records.lead_count)
    model = TrainedModel(network, learn_reference(network, beats, frame), config)
    if not fold:
        write_network(output, trained, weights, model.reference)
    if not fold and config.training.litert:
        from ecg_anomaly.detector import litert

        tell("converting the network for small devices")
        small = litert.convert_int8(trained.model, beats, config.training.seed)
        write_litert(output, litert.convert(trained.model), small)
    for record in patients.unseen:
        _write_scored(model, record, patients.unseen_split, patients.file_of(record))
    return Outcome(trained.history, trained.interrupted)


def _write_scored(model: TrainedModel, record: KnownRecord, split: str, path: Path) -> None:
    """Score a record, and write the beats that it has in a split."""
    scorer = RecordScorer(model)
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, (rows, beats) in enumerate(
            read_beats(model.config.paths.processed, record.rows, model.config.patient)
        ):
            scored = rows.assign(**scorer.score(beats).answers)
            scored[scored["split"] == split].to_csv(file, index=False, header=not number)
