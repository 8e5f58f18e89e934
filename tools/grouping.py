"""Measure the groups of alike beats, and what marks teach, inside DS1: ``make grouping``.

Scores are those of networks that did not see the patient (``left_out.csv``), cut at the threshold of the model; classes
are annotated, and serve for measuring alone. Run the first three scripts first.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from ecg_anomaly import commandline
from ecg_anomaly.config import Config
from ecg_anomaly.detector.scorer import with_anomaly_score
from ecg_anomaly.findings.groups import REST, group_beats
from ecg_anomaly.findings.marks import RIGHT, WRONG, effect_of_marks
from ecg_anomaly.findings.templates import Templates, TemplateWriter, read_templates
from ecg_anomaly.handover.beats import load_windows
from ecg_anomaly.handover.model import read_left_out
from ecg_anomaly.handover.scores import read_threshold

_SEEDS = range(5)  # of k-means
_MARKS = 10  # of a record, at most
_OF_V, _LEAST_V = 0.95, 10  # how many of the V beats are looked for, in records with so many
_DAY_BEATS, _PORTION = 100_000, 400
_DAY_NOISE, _DAY_SWING = 0.02, 0.1  # of repeated beats: noise, and how far their size swings; of a scaled beat
_DAYS = 3  # records that are made a day: those with the most flagged beats
_OF_RECORD = ["record", "marks", "false alarms", "after, as sensitive", "after, same threshold", "its sensitivity"]


@dataclass(frozen=True)
class Record:
    """A record in groups."""

    beats: pd.DataFrame  # with the columns of left_out.csv, ``readable``, ``anomaly_score``, ``flagged`` and ``group``
    windows: np.ndarray  # shape (beats, samples, leads), scaled
    templates: Templates
    seconds: tuple[float, float]  # of the processor, that matching its beats with templates took, and grouping them


def measure(config: Config) -> None:
    """Print all figures."""
    beats = with_anomaly_score(read_left_out(config.paths.models), config.scoring.components)
    threshold = read_threshold(config.paths.outputs).threshold
    beats = beats.assign(readable=True, event="", flagged=beats["anomaly_score"] > threshold)
    records = [
        grouped(its.reset_index(drop=True), load_windows(config.paths.processed, its), config)
        for _, its in beats.groupby("record", sort=False)
    ]
    _print("Purity, and groups", pd.DataFrame(map(_figures, records)))
    _print("Purity over all records", pd.DataFrame(_compared(records)))
    taught = [taught_by(records, how, threshold) for how in ("groups", "beats")]
    _print(f"At most {_MARKS} marks a record", pd.DataFrame(taught))
    alone = [{"record": _name(record), **taught_by([record], "groups", threshold)} for record in records]
    _print("Groups marked, each record as sensitive as before", pd.DataFrame(alone)[_OF_RECORD])
    longest = sorted(records, key=lambda record: -int(record.beats["flagged"].sum()))[:_DAYS]
    _print("A day", pd.DataFrame([_day(record, config) for record in longest]))


def grouped(beats: pd.DataFrame, windows: np.ndarray, config: Config) -> Record:
    """Group the beats of a record, which come in portions."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        writer = TemplateWriter(Path(folder), config, config.records.lead_count)
        for first in range(0, len(beats), _PORTION):
            writer.push(beats.iloc[first : first + _PORTION], windows[first : first + _PORTION])
        writer.close()
        templates = read_templates(Path(folder))
    matched = time.process_time()
    numbers, _ = group_beats(beats, templates)
    seconds = matched - started, time.process_time() - matched
    return Record(beats.assign(group=numbers), windows, templates, seconds)


def pure(classes: pd.Series, groups: Any) -> int:
    """Count the beats whose class is the commonest of their group; the rest counts as a group of its own."""
    return int(pd.crosstab(groups, classes).max(axis=1).sum()) if len(classes) else 0


def _figures(record: Record) -> dict[str, object]:
    figures: dict[str, object] = {"record": _name(record)}
    for kind, beats in _kinds(record):
        figures |= {
            kind: len(beats),
            f"{kind} groups": beats.loc[beats["group"] != REST, "group"].nunique(),
            f"{kind} rest": int((beats["group"] == REST).sum()),
            f"{kind} purity": pure(beats["aami_class"], beats["group"]) / max(1, len(beats)),
        }
    flagged = record.beats[record.beats["flagged"]]
    of_v = np.bincount(flagged.loc[flagged["aami_class"] == "V", "group"], minlength=record.beats["group"].max() + 1)
    # Groups are looked at in the order of their numbers, large ones first, and then the rest.
    seen = np.append(of_v[1:], of_v[REST]).cumsum()
    looked_at = int(np.searchsorted(seen, _OF_V * of_v.sum())) + 1
    return figures | {f"groups for {_OF_V:.0%} of V": looked_at if of_v.sum() >= _LEAST_V else None}


def _kinds(record: Record) -> Iterator[tuple[str, pd.DataFrame]]:
    flagged = record.beats["flagged"]
    yield from (("flagged", record.beats[flagged]), ("others", record.beats[~flagged]))


def _compared(records: list[Record]) -> Iterator[dict[str, object]]:
    """Compare with all beats of a record as one group, and with k-means on windows, which has as many groups."""
    for kind, beats in zip(("flagged", "others"), zip(*map(_kinds, records), strict=True), strict=True):
        tables = [table for _, table in beats if len(table)]
        total = sum(map(len, tables))
        yield {
            "beats": kind,
            "groups": sum(pure(table["aami_class"], table["group"]) for table in tables) / total,
            "one group a record": sum(pure(table["aami_class"], np.zeros(len(table))) for table in tables) / total,
            **{f"k-means {seed}": _k_means(records, tables, seed) / total for seed in _SEEDS},
        }


def _k_means(records: list[Record], tables: list[pd.DataFrame], seed: int) -> int:
    windows = {_name(record): record.windows for record in records}
    found = 0
    for table in tables:
        flat = windows[table["record"].iloc[0]][table.index].reshape(len(table), -1)
        means = KMeans(table["group"].nunique(), n_init=1, random_state=seed)
        found += pure(table["aami_class"], means.fit_predict(flat))
    return found


def taught_by(records: list[Record], what: str, threshold: float) -> dict[str, object]:
    """Count false alarms before and after a reviewer's marks, at equal sensitivity and at the same threshold.

    The reviewer marks the largest groups of flagged beats, or the first beat of each: right where most of it, or the
    beat, is anomalous. "unmarked" are beats that nobody marked. What is marked wrong is no alarm.
    """
    tables = []
    for record in records:
        marks = _marks(record.beats, what)
        effect = effect_of_marks(record.templates, marks)
        mark = pd.Series(marks, dtype=object).reindex(record.beats.index)
        tables.append(record.beats.assign(mark=mark, after=record.beats["anomaly_score"] + effect))
    beats = pd.concat(tables, ignore_index=True)
    figures: dict[str, object] = {"marked": what, "marks": sum(len(_largest(record.beats)) for record in records)}
    for name, its in (("", beats), ("unmarked ", beats[beats["mark"].isna()])):
        anomalous = its["anomalous"].to_numpy(dtype=bool)
        before = its["anomaly_score"].to_numpy()
        after = its["after"].mask(its["mark"] == WRONG, -np.inf).to_numpy()
        detected = int((before[anomalous] > threshold).sum())
        as_sensitive = np.sort(after[anomalous])[-detected] if detected else np.inf
        figures |= {
            f"{name}sensitivity": detected / max(1, anomalous.sum()),
            f"{name}false alarms": int((before[~anomalous] > threshold).sum()),
            f"{name}after, as sensitive": int((after[~anomalous] >= as_sensitive).sum()),
            f"{name}after, same threshold": int((after[~anomalous] > threshold).sum()),
            f"{name}its sensitivity": (after[anomalous] > threshold).sum() / max(1, anomalous.sum()),
        }
    return figures


def _marks(beats: pd.DataFrame, what: str) -> dict[int, str]:
    marks: dict[int, str] = {}
    for group in _largest(beats):
        rows = beats.index[(beats["group"] == group) & beats["flagged"]]
        chosen = rows if what == "groups" else rows[:1]
        mark = RIGHT if beats.loc[chosen, "anomalous"].mean() > 0.5 else WRONG
        marks |= dict.fromkeys(chosen.tolist(), mark)
    return marks


def _largest(beats: pd.DataFrame) -> list[int]:
    flagged = beats.loc[beats["flagged"] & (beats["group"] != REST), "group"]
    return sorted(flagged.unique())[:_MARKS]


def _day(record: Record, config: Config) -> dict[str, object]:
    """Group a day: a record again and again, with noise and a size that swings."""
    times = -(-_DAY_BEATS // len(record.beats))
    rows = np.tile(np.arange(len(record.beats)), times)
    rng = np.random.default_rng(1)
    size = 1 + _DAY_SWING * np.sin(np.linspace(0, 20 * np.pi, len(rows)))
    windows = record.windows[rows] * size[:, np.newaxis, np.newaxis].astype(np.float32)
    windows += _DAY_NOISE * rng.standard_normal(windows.shape, dtype=np.float32)
    beats = record.beats.iloc[rows].reset_index(drop=True)
    beats["time_s"] += np.repeat(np.arange(times) * record.beats["time_s"].max(), len(record.beats))
    day = grouped(beats.drop(columns="group"), windows, config)
    marks, started = _marks(day.beats, "groups"), time.process_time()
    effect_of_marks(day.templates, marks)
    return {
        **_figures(day),
        "matching s": day.seconds[0],
        "grouping s": day.seconds[1],
        "marks s": time.process_time() - started,
        "templates": len(day.templates.counts),
    }


def _name(record: Record) -> str:
    return str(record.beats["record"].iloc[0])


def _print(title: str, table: pd.DataFrame) -> None:
    print(f"\n{title}\n{table.round(4).to_string(index=False, na_rep='')}")


if __name__ == "__main__":
    sys.exit(commandline.run_script(measure, __doc__))
