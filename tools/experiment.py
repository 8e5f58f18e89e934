"""Compare variants on patients of DS1 that they were not trained on, and baselines: ``make experiment``.

The test split is not looked at to choose anything: variants are compared by leaving patients of the training and
validation splits out, in turn. Baselines are run on the test beats too, for the table in the README.
Run ``preprocess_data.py`` first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import OneClassSVM

from ecg_anomaly import commandline
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config
from ecg_anomaly.detector import measures, thresholds
from ecg_anomaly.detector.compared import ComparedBeats, compare_records
from ecg_anomaly.detector.network import run_with
from ecg_anomaly.detector.scorer import TrainedModel, score_compared
from ecg_anomaly.detector.surprise import anomaly_score, reconstruction_error
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.evaluation.baselines import PrincipalComponents, prematurity_scores
from ecg_anomaly.evaluation.bootstrap import drawn_patients
from ecg_anomaly.handover.beats import Records, load_windows, open_array, read_records, read_table
from ecg_anomaly.manifest import read_checked_manifest
from ecg_anomaly.records.splits import TEST, TRAIN

_FOLDS = 3
_EPOCHS = 8  # enough to rank variants
_ARCHITECTURES = {"own_beat": 8, "convolutional": 32, "dense": 32, "tutorial": 8}  # latent numbers of each
_SUMS = (["reconstruction"], ["reconstruction", "patient", "rhythm"], ["ectopy"], ["ectopy", "patient", "rhythm"])
_THRESHOLD_CHOICES, _THRESHOLD_PATIENTS = 50, 5  # so many choices of so many validation patients
_METHODS = ("false_alarms_per_hour", "percentile")
_MOST_BEATS = 10_000  # of training for the methods whose time grows faster than the number of beats


def experiment(config: Config) -> None:
    """Print the comparisons and write them to ``paths.outputs/experiment``."""
    read_checked_manifest(config.paths.processed, config, made_by="preprocess_data.py")
    table = read_table(config.paths.processed)
    variants, scored = _compare_variants(table[table["split"] != TEST].reset_index(drop=True), config)
    tables = {
        "variants": variants,
        "bootstrap": _compare_with_and_without_network(scored, config),
        "thresholds": _compare_thresholds(scored, config),
        "baselines": _compare_baselines(table, config),
    }
    folder = Path(config.paths.outputs) / "experiment"
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        print(f"\n{name}\n{rows.round(3).to_string(index=False)}")
        rows.to_csv(folder / f"{name}.csv", index=False)
    print(f"\nWrote {folder}")


def _compare_variants(known: pd.DataFrame, config: Config) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the figures of each network, alone and in sums; and the beats as the configured one scores them."""
    compared = compare_records(known, load_windows(config.paths.processed, known), config)
    configured = config.model.architecture
    rows, scored = [], {}
    for network, latent_size in (_ARCHITECTURES | {configured: config.model.latent_size}).items():
        started = time.perf_counter()
        beats = _out_of_fold_scores(known, compared, _with_architecture(config, network, latent_size))
        seconds = time.perf_counter() - started
        for components in _SUMS:
            row = {"network": network, "score": " + ".join(components), "seconds": seconds}
            rows.append(row | _figures(beats, anomaly_score(measures.component_values(beats), components)))
        scored[network] = beats
    for name, score in _without_network(scored[configured]).items():
        rows.append({"network": "none", "score": name, "seconds": 0.0} | _figures(scored[configured], score))
    return pd.DataFrame(rows), scored[configured]


def _out_of_fold_scores(known: pd.DataFrame, compared: ComparedBeats, config: Config) -> pd.DataFrame:
    """Score every beat by a model that was trained on other patients."""
    records = np.array(sorted(known["record"].unique()))
    normal, parts = ~known["anomalous"].to_numpy(dtype=bool), []
    for fold in range(_FOLDS):
        left_out = np.isin(known["record"], records[fold::_FOLDS])
        training = compared.chosen(~left_out & normal)
        network = _train(training, config)
        model = TrainedModel(network, measures.learn_reference(network, training, Frame.of(config.beat)), config)
        parts.append(known[left_out].assign(**score_compared(model, compared.chosen(left_out)).columns()))
    return pd.concat(parts).sort_index()


def _train(normal: ComparedBeats, config: Config) -> measures.Network:
    from ecg_anomaly.detector import autoencoder

    frame = Frame.of(config.beat)
    trained = autoencoder.train(config.model, config.training, normal, frame, report=lambda line: None)
    weights = autoencoder.weights_of(trained.model)
    return run_with(weights, config.model, frame, config.records.lead_count)


def _without_network(scored: pd.DataFrame) -> dict[str, np.ndarray]:
    surprises = measures.component_values(scored)
    return {  # the network is a second opinion on shape: the second sum gives shape the same weight without it
        "patient + rhythm": surprises["patient"] + surprises["rhythm"],
        "2 x patient + rhythm": 2 * surprises["patient"] + surprises["rhythm"],
    }


def _compare_with_and_without_network(scored: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Say what the network adds to the sum, as percentiles of the difference."""
    with_network = anomaly_score(measures.component_values(scored), config.scoring.components)
    return pd.DataFrame(
        {"sum with the network minus": name, "figure": figure, **percentiles}
        for name, without in _without_network(scored).items()
        for figure, percentiles in paired_differences(
            scored, with_network, without, config.evaluation.resamples, config.training.seed
        ).items()
    )


def paired_differences(
    table: pd.DataFrame, first: np.ndarray, second: np.ndarray, resamples: int, seed: int
) -> dict[str, dict[str, float]]:
    """Give percentiles of first minus second, two scores of shape ``(beats,)``, on the same draws of patients."""
    anomalous = table["anomalous"].to_numpy(dtype=bool)
    patients, names = pd.factorize(table["record"], sort=True)
    draws = [counts[patients] for counts in drawn_patients(len(names), resamples, seed)]

    def percentiles(figure: Callable[..., float]) -> dict[str, float]:
        one, other = ([figure(anomalous, scores, sample_weight=c) for c in draws] for scores in (first, second))
        ends = np.percentile(np.subtract(one, other), [2.5, 50, 97.5])
        return dict(zip(("2.5 %", "50 %", "97.5 %"), ends.tolist(), strict=True))

    return {"auc": percentiles(roc_auc_score), "average_precision": percentiles(average_precision_score)}


def _compare_thresholds(scored: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Set each threshold from random choices of patients; say what false-positive rate comes out on the others."""
    random = np.random.default_rng(config.training.seed)
    records = scored["record"].unique()
    choices = [random.choice(records, _THRESHOLD_PATIENTS, replace=False) for _ in range(_THRESHOLD_CHOICES)]
    rows = []
    for method in _METHODS:
        settings = config.threshold.model_copy(update={"method": method})
        rates = []
        for chosen in choices:
            validating = scored["record"].isin(chosen)
            found = thresholds.find_threshold(scored[validating], settings)
            others = thresholds.flag_beats(scored[~validating], found)
            rates.append(others.loc[~others["anomalous"], "flagged"].mean())
        low, middle, high = np.percentile(rates, [5, 50, 95])
        within = np.mean([0.02 <= rate <= 0.10 for rate in rates])
        rows.append({"method": method, "5th percentile": low, "median": middle, "95th": high, "in 2 to 10 %": within})
    return pd.DataFrame(rows)


def _compare_baselines(table: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Score the test beats with every baseline, each with its seconds."""
    records = read_records(config.paths.processed, TEST)
    whole, tested = records.table, (records.table["split"] == TEST).to_numpy()
    windows, normal = records.windows[tested], np.asarray(open_array(config.paths.processed, TRAIN, anomalous=False))
    random = np.random.default_rng(config.training.seed)
    few = normal[random.choice(len(normal), min(len(normal), _MOST_BEATS), replace=False)]
    isolation_forest = IsolationForest(random_state=config.training.seed, n_jobs=-1)
    methods: dict[str, Callable[[], np.ndarray]] = {
        "PCA": lambda: PrincipalComponents.of_batches([normal]).error(windows),
        "prematurity": lambda: prematurity_scores(whole, config)[tested],
        "nearest neighbours": lambda: neighbour_distance(few, windows),
        "isolation forest": lambda: outlier_score(isolation_forest, few, windows),
        "one-class SVM": lambda: outlier_score(OneClassSVM(nu=0.05), few, windows),
        "tutorial autoencoder": lambda: _tutorial_error(records, tested, config),
    }
    rows = []
    for name, method in methods.items():
        started = time.perf_counter()
        scores = method()
        seconds = time.perf_counter() - started
        rows.append({"baseline": name, "seconds": seconds} | _figures(whole[tested], scores))
    return pd.DataFrame(rows)


def neighbour_distance(normal_beats: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Distance to the nearest normal training beat; all windows have the shape ``(beats, samples, leads)``."""
    neighbours = NearestNeighbors(n_neighbors=1, n_jobs=-1).fit(_flat(normal_beats))
    return np.asarray(neighbours.kneighbors(_flat(windows))[0][:, 0])


def outlier_score(method: IsolationForest | OneClassSVM, normal_beats: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """How far outside of normal training beats the method sees a beat; arguments as for `neighbour_distance`."""
    return np.asarray(-method.fit(_flat(normal_beats)).decision_function(_flat(windows)))


def _flat(windows: np.ndarray) -> np.ndarray:
    return windows.reshape(len(windows), -1)


def _tutorial_error(records: Records, tested: np.ndarray, config: Config) -> np.ndarray:
    """Give the error of an autoencoder that is shown no ectopic beats, and looks at the beat alone."""
    training = read_records(config.paths.processed, TRAIN)
    normal = compare_records(training.table, training.windows, config, training.normal(TRAIN))
    network = _train(normal, _with_architecture(config, "tutorial", _ARCHITECTURES["tutorial"], ectopic_share=0.0))
    seen = compare_records(records.table, records.windows, config, tested)
    return reconstruction_error(seen.paired.windows, network(seen)[0])


def _with_architecture(config: Config, architecture: str, latent_size: int, **training: float) -> Config:
    model = config.model.model_copy(update={"architecture": architecture, "latent_size": latent_size})
    changed = config.training.model_copy(update={"epochs": _EPOCHS, **training})
    return config.model_copy(update={"model": model, "training": changed})


def _figures(beats: pd.DataFrame, scores: np.ndarray) -> dict[str, float | None]:
    figures = metrics.ranking_figures(beats, scores)
    at_two_percent = figures["sensitivity_at_fpr"]["0.02"]
    return {
        "AUC": figures["auc"],
        "AP": figures["average_precision"],
        "AUC per record": figures["per_record_auc_mean"]["mean"],
        **{f"{name} at 2 % FPR": at_two_percent[name] for name in metrics.ANOMALOUS_CLASSES},
    }


if __name__ == "__main__":
    sys.exit(commandline.run_script(experiment, __doc__))
