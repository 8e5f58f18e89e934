"""How the detector bears noise: clean records with noise added, analysed as if nobody had annotated them.

The annotations say how strong the noise is to be, and judge what was found; the detector does not see them.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import NORMAL_CLASS, classes_of
from ecg_anomaly.beats.matching import NO_BEAT, UNMATCHED, compare_beats
from ecg_anomaly.beats.preprocessing import read_record
from ecg_anomaly.config import Config, Noise
from ecg_anomaly.detector.stream import Findings, analyse
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.summary import conclude, unreadable_s
from ecg_anomaly.handover.model import check_learns_from_earlier_beats
from ecg_anomaly.processes import in_order
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.catalogue import RecordFiles, find_records
from ecg_anomaly.records.noise import KINDS, add_noise, make_noise
from ecg_anomaly.records.splits import database_of
from ecg_anomaly.workers import Calls, with_detector

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

CLEAN = "clean"  # in place of a kind of noise
# What follows from the counts: one of them over another.
FIGURES = {
    "false_alarms_per_hour": ("false_alarms", "hours"),
    "sensitivity_S": ("flagged_S", "beats_S"),
    "sensitivity_V": ("flagged_V", "beats_V"),
    "sensitivity": ("flagged_anomalous", "anomalous"),
    "qrs_sensitivity": ("matched", "beats"),
    "qrs_positive_predictivity": ("matched", "found"),
    "unreadable_share": ("unreadable_hours", "hours"),
}


def find_sources(config: Config) -> list[RecordFiles]:
    """Find the files of ``noise.records``, which may be none.

    Raises
    ------
    UserError
        When one is not there, or the model cannot serve records that nobody annotated.
    """
    if config.noise.records:
        check_learns_from_earlier_beats(config)
    return find_records(config.noise.records, "noise.records", config)


def noises(settings: Noise) -> list[tuple[str, float]]:
    """List what is added to a record: kind of noise and signal-to-noise ratio; `CLEAN` and NaN come first."""
    return [(CLEAN, np.nan), *itertools.product(KINDS, settings.snr_db)]


def stress(
    sources: Sequence[RecordFiles], threshold: FittedThreshold, config: Config, calls: Calls = with_detector
) -> Iterator[dict[str, Any]]:
    """Analyse each record with all `noises`, in parallel; yield a row of ``noise.csv`` for each, in order.

    ``calls`` is where that is done.

    Raises
    ------
    UserError
        When a record is broken or has no annotated beat.
    """
    asked = [(files, *noise) for files in sources for noise in noises(config.noise)]
    return in_order(calls(stress_record, asked, config, threshold), "adds noise to records")


def stress_record(detector: TrainedDetector, files: RecordFiles, kind: str, snr_db: float) -> dict[str, Any]:
    """Add noise of one kind and strength to a record: its name, kind and ratio, and the counts of `count_found`."""
    config = detector.config
    recording, annotations, _ = read_record(files, config)
    classes = config.labels.of(database_of(files.name))
    annotated = classes_of(annotations, classes) != NO_BEAT
    if not annotated.any():
        raise UserError(
            f"{files.annotations}: has no beat, by which the strength of noise is measured; "
            f"take {files.name} out of noise.records"
        )
    rate_hz, signals_mv = recording.sampling_rate_hz, recording.signals_mv
    samples, leads = signals_mv.shape
    if kind != CLEAN:
        seed = [config.noise.seed, zlib.crc32(files.name.encode())]  # no two records have the same noise
        noise = make_noise(kind, samples, leads, float(rate_hz), seed)
        signals_mv = add_noise(signals_mv, noise, snr_db, annotations.samples[annotated], float(rate_hz))
    duration_s = float(samples / rate_hz)
    findings = conclude(analyse(detector, rate_hz, [signals_mv], leads), duration_s)
    counts = count_found(findings, annotations, classes, duration_s, float(rate_hz))
    return {"noise": kind, "snr_db": snr_db, "record": files.name, **counts}


def count_found(
    findings: Findings, annotations: Annotations, classes: Mapping[str, str], duration_s: float, sampling_rate_hz: float
) -> dict[str, float]:
    """Count what was found of the annotated beats of a recording, and what else.

    ``findings`` are all of them, from `summary.conclude`; ``classes`` has the AAMI class of each symbol that stands for
    a beat.

    Returns
    -------
    dict
        ``hours, unreadable_hours``; ``beats`` (annotated), ``found`` (by the QRS detector), ``matched`` (both);
        ``false_alarms``: flagged beats that are annotated as normal or not at all; ``beats_S, flagged_S, beats_V,
        flagged_V, anomalous, flagged_anomalous``: annotated beats, and those of them that were found, readable and
        flagged. What lies within annotated flutter counts on neither side, as in `matching`.
    """
    detected = findings.beats["sample"].to_numpy(dtype=np.int64)
    compared = compare_beats(annotations, classes_of(annotations, classes), detected, sampling_rate_hz)
    flagged = findings.beats["flagged"].to_numpy(dtype=bool) & ~compared.in_flutter
    hit = compared.to_annotated(flagged, False)
    anomalous = compared.classes != NORMAL_CLASS
    chosen = {name: compared.classes == name for name in ("S", "V")}
    return {
        "hours": duration_s / 3600,
        "unreadable_hours": unreadable_s(findings.beats, findings.events, duration_s) / 3600,
        "beats": len(hit),
        "found": int((~compared.in_flutter).sum()),
        "matched": int((compared.detected_of != UNMATCHED).sum()),
        "false_alarms": int(flagged.sum() - hit[anomalous].sum()),
        **{f"beats_{name}": int(of_class.sum()) for name, of_class in chosen.items()},
        **{f"flagged_{name}": int(hit[of_class].sum()) for name, of_class in chosen.items()},
        "anomalous": int(anomalous.sum()),
        "flagged_anomalous": int(hit[anomalous].sum()),
    }


def with_figures(counts: pd.DataFrame) -> pd.DataFrame:
    """Append to the counts of `count_found` the `FIGURES` that follow; NaN where nothing defines them."""
    return counts.assign(**{name: counts[part] / counts[whole] for name, (part, whole) in FIGURES.items()})


def pooled(table: pd.DataFrame) -> pd.DataFrame:
    """Pool the records of ``noise.csv``, as gross figures do: one row per kind of noise and ratio, in its order."""
    counts = table.drop(columns=["record", *FIGURES]).groupby(["noise", "snr_db"], sort=False, dropna=False).sum()
    return with_figures(counts.reset_index())
