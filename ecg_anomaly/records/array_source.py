"""Recordings whose samples are in memory: of formats whose library reads a file only whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ecg_anomaly.errors import first_few
from ecg_anomaly.records.channels import Channel


@dataclass(frozen=True)
class ArraySource:
    """Channels in memory; see `source.Source`."""

    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    signals: tuple[np.ndarray, ...] = field(repr=False)  # of each channel, in its unit; NaN where a sample is missing

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        for start in range(0, self.channels[columns[0]].samples, length):
            yield np.stack(
                [self.signals[column][start : start + length].astype(np.float64) for column in columns], axis=1
            )


def array_source(channels: Sequence[Channel], signals: Sequence[np.ndarray], notes: Sequence[str]) -> ArraySource:
    """Put signals beside each other; those shorter than others of their sampling rate lack samples at the end."""
    longest: dict[Fraction, int] = {}
    for channel, signal in zip(channels, signals, strict=True):
        longest[channel.sampling_rate_hz] = max(longest.get(channel.sampling_rate_hz, 0), len(signal))
    padded, told = [], []
    for number, (channel, signal) in enumerate(zip(channels, signals, strict=True), start=1):
        short = longest[channel.sampling_rate_hz] - len(signal)
        if short:
            told.append(f"{channel.label or number} by {short / float(channel.sampling_rate_hz):g} s")
        padded.append(np.concatenate([signal, np.full(short, np.nan)]) if short else signal)
    if told:
        notes = [*notes, f"channels end before the longest one: {first_few(told)}; what they lack is missing"]
    known = [replace(channel, samples=len(signal)) for channel, signal in zip(channels, padded, strict=True)]
    return ArraySource(tuple(known), tuple(notes), tuple(padded))
