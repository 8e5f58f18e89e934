"""Compare variants on patients of DS1 that they were not trained on, and baselines: ``make experiment``.

The test split is not looked at to choose anything: variants are compared by leaving patients of the training and
validation splits out, in turn. Baselines are run on the test beats too, for the table in the README.
Run ``preprocess_data.py`` first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ecg_anomaly import commandline
from ecg_anomaly.config import Config, Threshold
from ecg_anomaly.detector import measures, thresholds
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.detector.rhythm import prematurity
from ecg_anomaly.detector.surprise import anomaly_score
from ecg_anomaly.evaluation import baselines, metrics
from ecg_anomaly.handover.beats import load_windows, open_array, read_table, whole_records
from ecg_anomaly.manifest import read_checked_manifest
from ecg_anomaly.records.splits import TEST, TRAIN, VALIDATION

_FOLDS = 3
_EPOCHS = 8  # enough to rank variants; the chosen one is trained until it stops improving
_THRESHOLD_CHOICES = 50  # of five validation patients each
_THRESHOLD_PATIENTS = 5
_ARCHITECTURES = {"own_beat": 4, "convolutional": 32, "dense": 32, "tutorial": 8}
_METHODS = ("adaptive", "percentile", "mean_std", "false_alarms_per_hour")


def experiment(config: Config) -> None:
    """Print the comparisons and write them to ``paths.outputs/experiment``."""
    processed = config.paths.processed
    read_checked_manifest(processed, config, made_by="preprocess_data.py")
    table = read_table(processed)
    known = table[table["split"] != TEST].reset_index(drop=True)
    windows = load_windows(processed, known)
    paired = measures.pair_beats(known, windows, config)

    variants, scored = compare_variants(known, paired, config)
    tables = {
        "variants": variants,
        "bootstrap": compare_with_and_without_network(scored, config),
        "thresholds": compare_thresholds(scored, config),
        "baselines": compare_baselines(table, config),
    }
    folder = Path(config.paths.outputs) / "experiment"
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        print(f"\n{name}\n{rows.round(3).to_string(index=False)}")
        rows.to_csv(folder / f"{name}.csv", index=False)
    print(f"\nWrote {folder}")


def compare_variants(known: pd.DataFrame, paired: PairedBeats, config: Config) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score each architecture on the patients left out.

    Parameters
    ----------
    known
        Beats of the training and validation splits.
    paired
        The same beats beside the patient's own.
    config
        Settings of the run.

    Returns
    -------
    rows : DataFrame
        Figures of each network alone, in the sum, and of the sum without it.
    scored : DataFrame
        The beats with the scores of the configured architecture.
    """
    rows = []
    for architecture, latent_size in _ARCHITECTURES.items():
        started = time.perf_counter()
        scored = out_of_fold_scores(known, paired, _with_architecture(config, architecture, latent_size))
        seconds = time.perf_counter() - started
        surprises = {name: scored[measures.surprise_column(name)].to_numpy() for name in measures.MEASURES}
        for components in (["reconstruction"], ["reconstruction", "rhythm"], ["reconstruction", "patient", "rhythm"]):
            rows.append(
                {"network": architecture, "score": " + ".join(components), "seconds": seconds}
                | _figures(scored, anomaly_score(surprises, components))
            )
        if architecture == config.model.architecture:
            kept = scored
            rows.append(
                {"network": "none", "score": "patient + rhythm", "seconds": 0.0}
                | _figures(scored, anomaly_score(surprises, ["patient", "rhythm"]))
            )
            # The network is a second opinion on shape: a fair comparison gives shape the same weight without it.
            rows.append(
                {"network": "none", "score": "2 x patient + rhythm", "seconds": 0.0}
                | _figures(scored, 2 * surprises["patient"] + surprises["rhythm"])
            )
    return pd.DataFrame(rows), kept


def out_of_fold_scores(known: pd.DataFrame, paired: PairedBeats, config: Config) -> pd.DataFrame:
    """Score every beat by a model that was trained on other patients; arguments as for `compare_variants`."""
    from ecg_anomaly.detector import autoencoder

    records = np.array(sorted(known["record"].unique()))
    normal = ~known["anomalous"].to_numpy(dtype=bool)
    parts = []
    for fold in range(_FOLDS):
        others = np.delete(records, np.s_[fold::_FOLDS])
        stopping = np.isin(known["record"], others[:: _FOLDS + 1]) & normal
        training = np.isin(known["record"], others) & normal & ~stopping
        trained = autoencoder.train(
            config.model, config.training, paired.chosen(training), paired.chosen(stopping), report=lambda line: None
        )
        measured = measures.measure(autoencoder.compiled(trained.model), known, paired, config)
        reference = measures.learn_reference(measured, training)
        scored = measures.score_beats(known, measured, reference, config.scoring.components)
        parts.append(scored[np.isin(known["record"], records[fold::_FOLDS])])
    return pd.concat(parts).sort_index()


def compare_with_and_without_network(scored: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Paired bootstrap over patients: what the network adds to the sum; columns are percentiles of the difference."""
    from ecg_anomaly.evaluation.bootstrap import paired_differences

    surprises = {name: scored[measures.surprise_column(name)].to_numpy() for name in measures.MEASURES}
    with_network = anomaly_score(surprises, list(measures.MEASURES))
    rows = []
    for name, weight in (("patient + rhythm", 1), ("2 x patient + rhythm", 2)):
        without = weight * surprises["patient"] + surprises["rhythm"]
        differences = paired_differences(
            scored, with_network, without, config.evaluation.resamples, config.training.seed
        )
        rows += [{"sum with the network minus": name, "figure": figure, **ends} for figure, ends in differences.items()]
    return pd.DataFrame(rows)


def compare_thresholds(scored: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Set each threshold from random choices of patients; say what false-positive rate comes out on the others."""
    random = np.random.default_rng(config.training.seed)
    records = scored["record"].unique()
    choices = [random.choice(records, _THRESHOLD_PATIENTS, replace=False) for _ in range(_THRESHOLD_CHOICES)]
    rows = []
    for method in _METHODS:
        settings = config.threshold.model_copy(update={"method": method})
        rates = [_false_positive_rate(scored, chosen, settings, config.beat.start_s) for chosen in choices]
        low, middle, high = np.percentile(rates, [5, 50, 95])
        within = np.mean([0.02 <= rate <= 0.10 for rate in rates])
        rows.append({"method": method, "5th percentile": low, "median": middle, "95th": high, "in 2 to 10 %": within})
    return pd.DataFrame(rows)


def compare_baselines(table: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Score the test beats with every baseline, each with its seconds."""
    processed = config.paths.processed
    whole = whole_records(table, TEST)
    tested = (whole["split"] == TEST).to_numpy()
    windows = load_windows(processed, whole[tested])
    normal = np.asarray(open_array(processed, TRAIN, anomalous=False))
    few = np.random.default_rng(config.training.seed).choice(
        len(normal), min(len(normal), baselines.MOST_BEATS), replace=False
    )
    methods: dict[str, Callable[[], np.ndarray]] = {
        "PCA": lambda: baselines.pca_error(normal, windows),
        "prematurity": lambda: prematurity(whole, config.rhythm, config.beat.start_s)[tested],
        "nearest neighbours": lambda: baselines.neighbour_distance(normal[few], windows),
        "isolation forest": lambda: baselines.isolation_score(normal[few], windows, config.training.seed),
        "one-class SVM": lambda: baselines.support_vector_score(normal[few], windows),
        "tutorial autoencoder": lambda: _tutorial_error(processed, windows, config),
    }
    rows = []
    for name, method in methods.items():
        started = time.perf_counter()
        scores = method()
        seconds = time.perf_counter() - started
        rows.append({"baseline": name, "seconds": seconds} | _figures(whole[tested], scores))
    return pd.DataFrame(rows)


def _tutorial_error(processed: str, windows: np.ndarray, config: Config) -> np.ndarray:
    from ecg_anomaly.detector import autoencoder
    from ecg_anomaly.detector.surprise import reconstruction_error

    normal, stopping = (np.asarray(open_array(processed, split, anomalous=False)) for split in (TRAIN, VALIDATION))
    settings = _with_architecture(config, "tutorial", 8)
    # It does not look at the patient's own beat; its place is taken by the beat itself.
    trained = autoencoder.train(
        settings.model,
        settings.training,
        PairedBeats(normal, normal),
        PairedBeats(stopping, stopping),
        lambda line: None,
    )
    return reconstruction_error(windows, autoencoder.compiled(trained.model)(PairedBeats(windows, windows)))


def _with_architecture(config: Config, architecture: str, latent_size: int) -> Config:
    model = config.model.model_copy(update={"architecture": architecture, "latent_size": latent_size})
    training = config.training.model_copy(update={"epochs": _EPOCHS})
    return config.model_copy(update={"model": model, "training": training})


def _false_positive_rate(scored: pd.DataFrame, chosen: np.ndarray, settings: Threshold, start_s: float) -> float:
    validating = scored["record"].isin(chosen)
    found = thresholds.find_threshold(scored[validating].assign(split=VALIDATION), settings, start_s)
    others = thresholds.flag_beats(scored[~validating], found)
    return float(others.loc[~others["anomalous"], "flagged"].mean())


def _figures(beats: pd.DataFrame, scores: np.ndarray) -> dict[str, float | None]:
    figures = metrics.ranking_figures(beats["aami_class"].to_numpy(), scores, beats["record"].to_numpy())
    at_two_percent = figures["sensitivity_at_fpr"]["0.02"]
    return {
        "AUC": figures["auc"],
        "AP": figures["average_precision"],
        "AUC per record": figures["per_record_auc_mean"]["mean"],
        **{f"{name} at 2 % FPR": at_two_percent[name] for name in metrics.ANOMALOUS_CLASSES},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment; return its exit status."""
    return commandline.run_script(experiment, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
