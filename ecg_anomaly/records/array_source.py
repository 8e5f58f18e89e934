"""Recordings whose samples are in memory: of formats that are read only whole."""

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
    known = [replace(channel, samples=len(signal)) for channel, signal in zip(channels, signals, strict=True)]
    levelled, told = same_length(known)
    padded = [
        signal if len(signal) == channel.samples else np.append(signal, np.full(channel.samples - len(signal), np.nan))
        for channel, signal in zip(levelled, signals, strict=True)
    ]
    return ArraySource(levelled, (*notes, *told), tuple(padded))


def same_length(channels: Sequence[Channel]) -> tuple[tuple[Channel, ...], list[str]]:
    """Give channels of one sampling rate the length of the longest, and say which of them lack samples at the end."""
    longest: dict[Fraction, int] = {}
    for channel in channels:
        longest[channel.sampling_rate_hz] = max(longest.get(channel.sampling_rate_hz, 0), channel.samples)
    lacking = [(channel, longest[channel.sampling_rate_hz] - channel.samples) for channel in channels]
    told = [
        f"{channel.label or number} by {short / float(channel.sampling_rate_hz):g} s"
        for number, (channel, short) in enumerate(lacking, start=1)
        if short and not channel.fault
    ]
    levelled = tuple(replace(channel, samples=channel.samples + short) for channel, short in lacking)
    note = f"channels end before the longest one: {first_few(told)}; what they lack is missing"
    return levelled, [note] if told else []
