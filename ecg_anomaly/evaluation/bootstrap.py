"""How sure a figure is: confidence intervals that resample patients, since beats of one patient are alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import auc

_CONFIDENCE = 0.95


def drawn_patients(patients: int, resamples: int, seed: int) -> np.ndarray:
    """Draw as many patients as there are, with replacement, so many times.

    Gives how often each counts, shape ``(resamples, patients)``, int32.
    """
    random = np.random.default_rng(seed)
    draws = (np.bincount(random.integers(patients, size=patients), minlength=patients) for _ in range(resamples))
    return np.array(list(draws), dtype=np.int32).reshape(resamples, patients)


def confidence_intervals(table: pd.DataFrame, resamples: int, seed: int) -> dict[str, list[float] | None]:
    """Give 95 % percentile bootstrap intervals of the main figures (Efron, Ann Statist 7(1):1-26, 1979).

    The table has the columns ``record``, ``anomalous``, ``rr_before_s``, ``anomaly_score`` and ``flagged``. Gives the
    lower and upper end of ``false_alarms_per_hour``, ``precision``, ``auc``, ``average_precision``, ``sensitivity`` (of
    all anomalous beats) and ``false_positive_rate``; ``None`` where a figure is undefined or nothing was drawn.
    """
    patients, names = pd.factorize(table["record"], sort=True)
    anomalous, flagged = (table[name].to_numpy(dtype=bool) for name in ("anomalous", "flagged"))

    def per_patient(values: np.ndarray) -> np.ndarray:
        return np.bincount(patients, values, len(names))

    draws = drawn_patients(len(names), resamples, seed)
    both = (draws @ per_patient(anomalous) > 0) & (draws @ per_patient(~anomalous) > 0)
    draws = draws[both]  # the patients of the others have only one kind of beat
    ranking = _Ranking(patients, anomalous, table["anomaly_score"].to_numpy())
    ranked = np.reshape([ranking.figures(counts) for counts in draws], (-1, 2))
    alarms, hits = (draws @ per_patient(flagged & kind) for kind in (~anomalous, anomalous))
    drawn = {
        "false_alarms_per_hour": _ratio(alarms, draws @ per_patient(table["rr_before_s"].fillna(0).to_numpy()) / 3600),
        "precision": _ratio(hits, hits + alarms),
        "auc": ranked[:, 0],
        "average_precision": ranked[:, 1],
        "sensitivity": _ratio(hits, draws @ per_patient(anomalous)),
        "false_positive_rate": _ratio(alarms, draws @ per_patient(~anomalous)),
    }
    levels = [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2]
    defined = {name: values[~np.isnan(values)] for name, values in drawn.items()}
    return {name: np.quantile(its, levels).tolist() if len(its) else None for name, its in defined.items()}


class _Ranking:
    """AUC and average precision of beats that count more or less often: they are sorted once.

    ``patients`` are the numbers of theirs; all of shape ``(beats,)``.
    """

    def __init__(self, patients: np.ndarray, anomalous: np.ndarray, scores: np.ndarray):
        highest_first = np.argsort(-scores)
        self._patients, self._anomalous = patients[highest_first], anomalous[highest_first]
        ordered = scores[highest_first]
        self._cuts = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # the last of equal scores

    def figures(self, counts: np.ndarray) -> tuple[float, float]:
        """Give both where each patient counts so often, as scikit-learn does with such weights."""
        weights = counts[self._patients]
        hits = np.append(0, np.cumsum(weights * self._anomalous)[self._cuts])
        flagged = np.append(0, np.cumsum(weights)[self._cuts])
        precision = hits[1:] / np.maximum(flagged[1:], 1)
        alarms = flagged - hits
        return auc(alarms, hits) / (alarms[-1] * hits[-1]), float(np.diff(hits) @ precision / hits[-1])


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))
