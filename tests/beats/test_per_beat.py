"""Tables of arrays that have one entry per beat."""

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.per_beat import PerBeat


@dataclass(frozen=True)
class Inner(PerBeat):
    windows: np.ndarray


@dataclass(frozen=True)
class Outer(PerBeat):
    inner: Inner
    named: dict[str, np.ndarray]


def table(beats):
    windows = np.arange(2 * beats, dtype=np.float32).reshape(beats, 2)
    return Outer(Inner(windows), {"score": np.arange(beats)})


def test_parts_are_put_together_whole_or_one_by_one():
    whole, rows = table(7), [slice(0, 3), slice(3, 3), slice(3, 7)]
    parts = [whole.chosen(np.arange(7)[its]) for its in rows]
    for together in (Outer.joined(parts), Outer.collected(zip(rows, parts, strict=True), 7)):
        np.testing.assert_array_equal(together.inner.windows, whole.inner.windows)
        np.testing.assert_array_equal(together.named["score"], whole.named["score"])
        assert together.inner.windows.dtype == np.float32
