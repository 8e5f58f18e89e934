"""Recordings whose samples are in memory: of formats that are read only whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ecg_anomaly.errors import first_few
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.words import StartTime


@dataclass(frozen=True)
class ArraySource:
    """Channels in memory; see `source.Source`. Only the samples that are there are held, whatever lies between."""

    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    signals: tuple[np.ndarray, ...] = field(repr=False)  # of each channel, in its unit; NaN where a sample is missing
    start_time: StartTime | None = None
    # Of each channel which sample each of its signal is, increasing; None: they follow each other from the first.
    places: tuple[np.ndarray | None, ...] = field(repr=False, default=())

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        samples = self.channels[columns[0]].samples
        for start in range(0, samples, length):
            block = np.full((min(length, samples - start), len(columns)), np.nan)
            for number, column in enumerate(columns):
                signal, places = self.signals[column], self.places[column] if self.places else None
                if places is None:
                    part = signal[start : start + length]
                    block[: len(part), number] = part
                else:
                    first, last = np.searchsorted(places, (start, start + len(block)))
                    block[places[first:last] - start, number] = signal[first:last]
            yield block


def array_source(
    channels: Sequence[Channel],
    signals: Sequence[np.ndarray],
    notes: Sequence[str],
    start_time: StartTime | None = None,
    places: Sequence[np.ndarray | None] = (),
) -> ArraySource:
    """Put signals beside each other; those shorter than others of their sampling rate lack samples at the end."""
    ends = [
        len(signal) if place is None else int(place[-1]) + 1
        for signal, place in zip(signals, places or [None] * len(signals), strict=True)
    ]
    known = [replace(channel, samples=end) for channel, end in zip(channels, ends, strict=True)]
    levelled, told = same_length(known)
    return ArraySource(levelled, (*notes, *told), tuple(signals), start_time, tuple(places))


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
