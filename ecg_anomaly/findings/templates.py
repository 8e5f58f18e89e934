"""Templates: what the beats of a recording look like, learnt while they arrive, as Holter systems do.

A beat belongs to the nearest template, or founds one where none is near. A recording of any length has a few hundred:
when they are too many, the nearest become one. What is made of them later, groups and what marks teach, takes as long
for a day as for a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.history import EarlierBeats
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config
from ecg_anomaly.detector.measures import LOG_ODDS
from ecg_anomaly.findings.joining import NONE, join_nearest, squared_distances
from ecg_anomaly.handover.beats import ArrayWriter

# What tells beats apart. Shape: the scaled window, as squared differences added up over so many samples a second; the
# QRS complex as it is, the rest in bins; what comes before the P wave belongs to the beat before. Timing and the
# network's opinion count as much as a difference in shape that is well seen.
_FROM_S, _QRS_S, _BIN_S = -0.25, (-0.1, 0.12), 1 / 30
_RATE_HZ, _LEADS = 120, 2  # other rates and numbers of leads are brought to these
_LOG_RR_WEIGHT, _LONGEST_LOG_RR = 4.0, 1.2  # of RR before and after, against the patient's usual one
_LOG_ODDS_WEIGHT = 0.4

_NEAR = 1.2  # a beat that is farther from all templates founds one
_MOST, _KEPT = 256, 192  # templates; when they become more, the nearest are joined until so many are left,
_WIDENED = 1.05  # and beats have to be so much farther: where all is noise, no template is worth its founding
_BLOCK = 256  # beats that are matched at once: always the same ones, in whatever portions they come

_NUMBERS, _TEMPLATES = "template_numbers.npy", "templates.npz"


@dataclass(frozen=True)
class Templates:
    """The templates of a recording, and which of them each beat belongs to."""

    of_beats: np.ndarray  # shape (beats,), int: the template of each beat; NONE where it cannot be read
    counts: np.ndarray  # shape (templates,): beats of each
    features: np.ndarray  # shape (templates, features): what is compared, the mean of its beats
    scatter: np.ndarray  # shape (templates,): mean squared distance of its beats from that
    means: np.ndarray  # shape (templates, window samples, leads of the model): the scaled mean beat
    variances: np.ndarray  # same shape: of its beats
    times_s: np.ndarray  # shape (window samples,): seconds from the fiducial point

    @property
    def log_rr(self) -> np.ndarray:
        """Log RR before and after the beats of each template, against the usual one; shape ``(templates, 2)``."""
        return np.asarray(self.features[:, -4:-2] / _LOG_RR_WEIGHT)

    def distances(self, to: np.ndarray) -> np.ndarray:
        """Distances of all templates from those with the numbers ``to``, shape ``(templates, len(to))``."""
        return np.asarray(np.sqrt(squared_distances(self.features, self.features[to])))


class TemplateWriter:
    """Matches the beats of a recording with templates while they arrive, and keeps both in a folder.

    Neither depends on the portions in which beats come, and the memory that it takes does not grow with them.

    Parameters
    ----------
    folder
        A folder, which is there.
    config
        How windows are cut, and what the patient's rhythm is.
    leads
        Number of leads that are judged.
    """

    def __init__(self, folder: Path, config: Config, leads: int):
        self._path, self._frame = folder / _TEMPLATES, Frame.of(config.beat)
        self._numbers = ArrayWriter(folder / _NUMBERS, ())
        rhythm = config.rhythm
        self._usual = EarlierBeats(rhythm.recent_beats, config.beat.start_s, rhythm.usual_quantile)
        self._bins = _bins(self._frame)
        self._lead_weight = np.sqrt(_LEADS / min(leads, config.records.lead_count))
        self._shape = (self._frame.samples, config.records.lead_count)
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # features, windows, readable
        self._matcher = _Matcher(len(self._bins) * self._shape[1] + 4, int(np.prod(self._shape)))

    def push(self, beats: pd.DataFrame, windows: np.ndarray | None) -> None:
        """Take the next beats: their rows with `stream.COLUMNS`, and their scaled windows; without, they match none."""
        if not len(beats):
            return
        readable = beats["readable"].to_numpy(dtype=bool) & (windows is not None)
        windows = np.zeros((len(beats), *self._shape)) if windows is None else windows
        self._waiting.append((self._features(beats, windows), windows.reshape(len(windows), -1), readable))
        if sum(len(part[-1]) for part in self._waiting) >= _BLOCK:
            features, flat, readable = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
            whole = len(features) // _BLOCK * _BLOCK
            for first in range(0, whole, _BLOCK):
                rows = slice(first, first + _BLOCK)
                self._match(features[rows], flat[rows], readable[rows])
            self._waiting = [(features[whole:], flat[whole:], readable[whole:])]

    def close(self) -> None:
        """Match the beats that wait, and write the templates: only now can they be read."""
        if self._waiting:
            self._match(*(np.concatenate(parts) for parts in zip(*self._waiting, strict=True)))
            self._waiting = []
        self._numbers.close()
        np.savez(self._path, **self._matcher.learnt(self._shape), times_s=self._frame.times_s)

    def _match(self, features: np.ndarray, windows: np.ndarray, readable: np.ndarray) -> None:
        founders = np.full(len(features), NONE)
        if readable.any():
            founders[readable] = self._matcher.match(features[readable], windows[readable])
        self._numbers.append(founders)

    def _features(self, beats: pd.DataFrame, windows: np.ndarray) -> np.ndarray:
        """Say in numbers what tells beats apart, shape ``(beats, features)``; timing and log-odds last."""
        starts, ends = self._bins.T
        sums = np.pad(windows.cumsum(axis=1, dtype=float), [(0, 0), (1, 0), (0, 0)])
        # A bin weighs as the samples that it stands for.
        weight = self._lead_weight * np.sqrt(_RATE_HZ / self._frame.rate_hz / (ends - starts))[:, np.newaxis]
        shape = ((sums[:, ends] - sums[:, starts]) * weight).reshape(len(windows), -1)
        before, after = (np.log(beats[name].to_numpy(dtype=float)) for name in ("rr_before_s", "rr_after_s"))
        usual = self._usual.push(before, beats["time_s"].to_numpy(dtype=float))
        log_rr = np.clip(np.column_stack([before - usual, after - usual]), -_LONGEST_LOG_RR, _LONGEST_LOG_RR)
        log_odds = beats[[*LOG_ODDS]].to_numpy(dtype=float)
        features = np.hstack([shape, _LOG_RR_WEIGHT * log_rr, _LOG_ODDS_WEIGHT * log_odds])
        return np.asarray(np.nan_to_num(features))


def read_templates(folder: Path) -> Templates:
    """Read what a `TemplateWriter` wrote, once it is closed."""
    with np.load(folder / _TEMPLATES) as found:
        of_founders = np.append(found["of_founders"], NONE)  # what has no founder has no template
        numbers: np.ndarray = of_founders[np.load(folder / _NUMBERS).astype(np.int64)]
        names = [field.name for field in fields(Templates) if field.name != "of_beats"]
        return Templates(numbers, *(found[name] for name in names))


class _Matcher:
    """Templates that beats are matched with, and the sums over their beats."""

    def __init__(self, features: int, values: int):
        self._count, self._near = 0, _NEAR
        # Of each template: beats, then sums of features, of their squares together, of windows and of their squares.
        self._sums = np.zeros((_MOST, 1 + features + 1 + 2 * values))
        self._ends = np.cumsum([1, features, 1, values])
        self._middles = np.zeros((_MOST, features))
        self._founders = np.zeros(_MOST, dtype=np.int64)  # the number with which the beats of each were counted
        self._joined_with: list[int] = []  # of each founder: another one, or itself

    def match(self, features: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """Match beats in their order; give the founder of the template of each."""
        squares = np.square(features).sum(axis=1, keepdims=True)
        rows = np.hstack([np.ones_like(squares), features, squares, windows, np.square(windows)])
        founders = np.empty(len(features), dtype=np.int64)
        nearest, distances = self._nearest(features)
        start = 0
        while True:
            far = np.flatnonzero(distances[start:] > self._near**2)
            end = start + int(far[0]) if len(far) else len(features)
            founders[start:end] = self._founders[nearest[start:end]]
            np.add.at(self._sums, nearest[start:end], rows[start:end])
            if end == len(features):
                break
            if self._count == _MOST:
                self._join()
                nearest[end:], distances[end:] = self._nearest(features[end:])
            self._add(features[end])
            from_new = np.square(features[end:] - features[end]).sum(axis=1)
            nearer = np.flatnonzero(from_new < distances[end:]) + end
            nearest[nearer], distances[nearer] = self._count - 1, from_new[nearer - end]
            start = end
        self._middles[: self._count] = self._means()
        return founders

    def learnt(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Give what `Templates` have, and the template of each founder; ``shape`` is that of a window."""
        counts, features, squares, windows, window_squares = np.split(self._sums[: self._count], self._ends, axis=1)
        features, squares, windows, window_squares = (
            sums / counts for sums in (features, squares, windows, window_squares)
        )
        of_founders = np.arange(len(self._joined_with))
        slots = np.full(len(self._joined_with), NONE)
        slots[self._founders[: self._count]] = np.arange(self._count)
        joined = np.array(self._joined_with, dtype=np.int64)
        while (joined[of_founders] != of_founders).any():
            of_founders = joined[of_founders]
        return {
            "of_founders": slots[of_founders],
            "counts": counts[:, 0].astype(np.int64),
            "features": features,
            "scatter": np.maximum(squares[:, 0] - np.square(features).sum(axis=1), 0),
            "means": windows.reshape(-1, *shape),
            "variances": np.maximum(window_squares - np.square(windows), 0).reshape(-1, *shape),
        }

    def _nearest(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self._count:
            return np.zeros(len(features), dtype=np.int64), np.full(len(features), np.inf)
        squared = squared_distances(features, self._middles[: self._count])
        return squared.argmin(axis=1), squared.min(axis=1)

    def _means(self) -> np.ndarray:
        sums = self._sums[: self._count]
        return np.asarray(sums[:, 1 : self._ends[1]] / sums[:, :1])

    def _add(self, middle: np.ndarray) -> None:
        self._middles[self._count], self._sums[self._count] = middle, 0
        self._founders[self._count] = len(self._joined_with)
        self._joined_with.append(len(self._joined_with))
        self._count += 1

    def _join(self) -> None:
        parts = join_nearest(self._means(), self._sums[:, 0], _KEPT)
        _, firsts = np.unique(parts, return_index=True)
        for founder, part in zip(self._founders, parts, strict=True):
            self._joined_with[founder] = int(self._founders[firsts[part]])
        sums = np.zeros((_KEPT, self._sums.shape[1]))
        np.add.at(sums, parts, self._sums)
        self._count, self._near = _KEPT, _WIDENED * self._near
        self._sums[:_KEPT], self._founders[:_KEPT] = sums, self._founders[firsts]
        self._middles[:_KEPT] = self._means()


def _bins(frame: Frame) -> np.ndarray:
    """First sample, and one past the last, of each bin of a window; shape ``(bins, 2)``."""
    begin, end = _QRS_S
    last_s = frame.times_s[-1] + 1 / frame.rate_hz
    edges_s: Sequence[np.ndarray] = (
        np.arange(begin, _FROM_S - _BIN_S / 2, -_BIN_S)[::-1],
        np.arange(begin, end, 1 / frame.rate_hz),
        np.arange(end, last_s + _BIN_S / 2, _BIN_S),
    )
    edges = np.round(np.concatenate(edges_s) * frame.rate_hz).astype(int) + frame.before
    edges = np.unique(np.clip(edges, 0, frame.samples))
    return np.column_stack([edges[:-1], edges[1:]])
