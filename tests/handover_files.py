"""Hand-over files of a made-up run, without a network: quick to write, plausible enough to draw."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import CLASSES
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import SHAPES_BEATS, SHAPES_MODEL, SHAPES_SCORES, Config, load_config
from ecg_anomaly.detector import measures
from ecg_anomaly.detector.compared import ComparedBeats, compare_records
from ecg_anomaly.detector.scorer import TrainedDetector, TrainedModel, score_records
from ecg_anomaly.detector.surprise import reconstruction_error
from ecg_anomaly.evaluation import noise_stress
from ecg_anomaly.evaluation.evaluate import evaluate_detector
from ecg_anomaly.handover.beats import BeatWriter, read_records
from ecg_anomaly.handover.model import LEFT_OUT, write_history
from ecg_anomaly.handover.scores import Evaluation, write_evaluation
from ecg_anomaly.manifest import Handover, folder_fingerprint, handover
from ecg_anomaly.records import noise

_SYMBOLS = {"N": "N", "S": "A", "V": "V", "F": "F", "Q": "/"}
_USUAL_MIX = {"N": 0.86, "S": 0.05, "V": 0.07, "F": 0.015, "Q": 0.005}


@dataclass(frozen=True)
class MadeUpRun:
    """Where the files are, and with which settings they were made."""

    folder: Path
    options: tuple[str, ...]

    @cached_property
    def config(self) -> Config:
        return load_config(None, self.options)

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    @property
    def arguments(self) -> list[str]:
        return [word for option in self.options for word in ("--set", option)]


def write_run(
    folder: Path,
    records: Mapping[str, Mapping[str, float]] | Sequence[str] = ("mitdb/100", "mitdb/103", "mitdb/105"),
    beats_per_record: int = 250,
    leads: int = 2,
    missing_leads: int = 0,
    epochs: int = 8,
    seed: int = 1,
    noise: float = 0.35,
) -> MadeUpRun:
    """Write the folders of the first three scripts.

    ``records`` may map each test record to its shares of the classes; the last ``missing_leads`` leads of the
    first test record are missing. In place of the network there is an average of beats, more or less of it by
    ``noise``.
    """
    mixes = records if isinstance(records, Mapping) else dict.fromkeys(records, _USUAL_MIX)
    options = (
        f"paths={{records: '{folder}', processed: '{folder}/processed', models: '{folder}/models', "
        f"outputs: '{folder}/outputs', tensorboard: null}}",
        f"records.lead_count={leads}",
        f"split.test=[{', '.join(mixes)}]",
        "training.epochs=3",
        f"evaluation={{leave_out: [{', '.join(list(mixes)[1:2])}], resamples: 10}}",
    )
    run = MadeUpRun(folder, options)
    rng = np.random.default_rng(seed)
    made = [("train", "mitdb/101", _USUAL_MIX), ("validation", "mitdb/114", {"N": 1.0})]
    made += [("test", record, mix) for record, mix in mixes.items()]
    settings = run.config
    with handover(folder / "processed") as output:
        with BeatWriter(output, settings.beat.samples, leads) as writer:
            for split, record, mix in made:
                lost = missing_leads if record == next(iter(mixes)) else 0
                writer.append(*_beats(rng, settings, split, record, mix, beats_per_record, leads, lost))
        output.describe("preprocess_data.py", settings, SHAPES_BEATS, {})
    with handover(folder / "models") as output:
        training = read_records(folder / "processed", "train")
        answers = score_records(_model(run, seed, noise), training.table, training.windows).answers
        write_history(output, history(epochs))
        training.table.assign(**answers).to_csv(output.path(LEFT_OUT), index=False)
        inputs = dict([folder_fingerprint(folder / "processed")])
        output.describe("train_model.py", settings, SHAPES_MODEL, inputs)
    with handover(run.outputs) as output:
        write_evaluation(output, evaluation_of(run, output, seed, noise))
        inputs = dict(folder_fingerprint(folder / name) for name in ("processed", "models"))
        output.describe("evaluate_model.py", settings, SHAPES_SCORES, inputs)
    return run


def evaluation_of(run: MadeUpRun, output: Handover, seed: int = 1, noise: float = 0.35) -> Evaluation:
    """Evaluate as evaluate_model.py does; what has a row per beat is written."""
    model = _model(run, seed, noise)

    def calls(work, portions, config, threshold):
        detector = TrainedDetector(**vars(model), threshold=threshold)
        yield from enumerate(work(detector, *portion) for portion in portions)

    return evaluate_detector(output, run.config, calls)


def _model(run: MadeUpRun, seed: int, noise: float) -> TrainedModel:
    rng = np.random.default_rng(seed)
    training = read_records(run.folder / "processed", "train")
    average = training.windows[training.normal("train")].mean(axis=0)

    def network(beats: ComparedBeats) -> tuple[np.ndarray, np.ndarray]:
        windows = beats.paired.windows
        strength = 0.7 * rng.lognormal(0, noise, (len(windows), 1, 1))
        made_up = windows + strength * (average - windows)
        far = np.log(reconstruction_error(windows, beats.paired.own_beats) + 1e-6)
        logits = np.column_stack([np.zeros(len(windows)), 2 * beats.timed.early - 6, 2.5 * far + 16])
        reconstructions = (made_up * windows.any(axis=1, keepdims=True)).astype(np.float32)
        return reconstructions, logits + rng.normal(0, 3 * noise, logits.shape)

    compared = compare_records(training.table, training.windows, run.config, training.normal("train"))
    return TrainedModel(network, measures.learn_reference(network, compared, Frame.of(run.config.beat)), run.config)


def history(epochs: int) -> pd.DataFrame:
    """A training whose losses and learning rate fall."""
    epoch = np.arange(1, epochs + 1)
    loss = 0.5 / np.sqrt(epoch)
    rate = 1e-3 * (1 - epoch / epochs)
    return pd.DataFrame({"epoch": epoch, "loss": loss, "val_loss": 1.2 * loss, "learning_rate": rate, "seconds": 1.5})


def noise_table(records: Sequence[str] = ("mitdb/105", "mitdb/200")) -> pd.DataFrame:
    """Make up ``noise.csv``: the more noise, the less is found, and nothing is lost to baseline wander."""
    rows = []
    for record in records:
        for kind, snr_db in [("clean", np.nan), *itertools.product(noise.KINDS, [12.0, 0.0])]:
            kept = 1.0 if kind in ("clean", "baseline_wander") else 0.5 + snr_db / 30
            counts = {"hours": 0.5, "unreadable_hours": 0.5 * (1 - kept), "beats": 2000, "found": 2000, "matched": 1990}
            counts |= {"false_alarms": round(40 * kept), "beats_S": 0, "beats_V": 100, "anomalous": 100}
            counts |= {"flagged_S": 0, "flagged_V": round(95 * kept), "flagged_anomalous": round(95 * kept)}
            rows.append({"noise": kind, "snr_db": snr_db, "record": record, **counts})
    return noise_stress.with_figures(pd.DataFrame(rows))


def _beats(rng, settings, split, record, mix, count, leads, lost):
    classes = rng.choice(list(mix), size=count, p=np.array(list(mix.values())) / sum(mix.values()))
    rr_s = rng.normal(0.85, 0.04, count)
    rr_s[np.isin(classes, ["S", "V"])] *= rng.uniform(0.65, 1.05, np.isin(classes, ["S", "V"]).sum())
    times_s = 2 + np.cumsum(rr_s)
    between_s = np.diff(np.concatenate([[1.2], times_s, [times_s[-1] + 0.85]]))
    window_s = (np.arange(settings.beat.samples) - settings.beat.samples_before) / settings.beat.sampling_rate_hz
    mild = rng.uniform(0, 0.95, (count, 1))  # anomalous beats are more or less like normal ones
    shapes = np.stack([_shape(window_s, name) for name in classes]) * (1 - mild) + _shape(window_s, "N") * mild
    shapes = shapes[:, :, np.newaxis] * rng.lognormal(0, 0.05, (count, 1, 1))
    shapes = shapes * np.linspace(1.0, 0.6, leads) + rng.normal(0, 0.02, (count, len(window_s), leads))
    windows = (shapes + 0.2) / 1.4
    windows[:, :, leads - lost :] = 0
    table = pd.DataFrame(
        {
            "record": record,
            "sample": (times_s * 360).astype(int),
            "time_s": times_s.round(6),
            "symbol": [_SYMBOLS[name] for name in classes],
            "aami_class": classes,
            "anomalous": classes != CLASSES[0],
            "split": split,
            "rr_before_s": between_s[:-1].round(6),
            "rr_after_s": between_s[1:].round(6),
            "fiducial_s": (np.round(times_s * 120) / 120).round(6),
        }
    )
    for lead in range(leads):
        there = lead < leads - lost
        table[f"offset_mv_{lead + 1}"], table[f"range_mv_{lead + 1}"] = (-0.2, 1.4) if there else (np.nan, np.nan)
    return table, windows.astype(np.float32)


def _shape(window_s, aami_class):
    def wave(height_mv, centre_s, width_s):
        return height_mv * np.exp(-(((window_s - centre_s) / width_s) ** 2))

    if aami_class == "V":
        return wave(1.3, 0.02, 0.06) - wave(0.4, 0.25, 0.08)
    if aami_class == "F":
        return wave(1.1, 0.01, 0.035) - wave(0.1, 0.25, 0.08)
    p_wave = wave(0.12, -0.18, 0.02) if aami_class == "N" else wave(-0.1, -0.14, 0.02)
    return wave(1.0, 0.0, 0.015) + p_wave + wave(0.25, 0.25, 0.05)
