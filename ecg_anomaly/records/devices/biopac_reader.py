"""AcqKnowledge files of BIOPAC (``.acq``), parsed by bioread, a chunk at a time where the file is not compressed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import COPY, damaged
from ecg_anomaly.records.devices.extras import library, listening
from ecg_anomaly.records.kinds import begins_as_biopac

_KIND = "a file of BIOPAC's AcqKnowledge"


@dataclass(frozen=True)
class BiopacSource:
    """The channels of an AcqKnowledge file; see `source.Source`."""

    path: Path
    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    scales: tuple[tuple[float, float], ...] = field(repr=False)  # of each channel: units per count, units at count 0
    start_time: None = None  # which the format has in no field of its own

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        left = self.channels[columns[0]].samples
        parts: list[np.ndarray] = []
        held = 0
        for part in self._chunks(columns):
            parts.append(part)
            held += len(part)
            if held >= min(length, left):
                together = np.concatenate(parts)[:left]
                while left and len(together) >= min(length, left):
                    yield together[:length]
                    left -= len(together[:length])
                    together = together[length:]
                parts, held = [together], len(together)
        if left:
            raise UserError(f"{self.path}: has become shorter while it was read; {COPY}")

    def _chunks(self, columns: Sequence[int]) -> Iterator[np.ndarray]:
        """Read channels of one sampling rate, in their units, as many samples at a time as the library takes."""
        wanted = list(dict.fromkeys(columns))
        bioread = library("bioread", self.path, _KIND)
        try:
            with listening("bioread"), self.path.open("rb") as file:
                reader = bioread.reader_for_streaming(file)
                channels = reader.datafile.channels
                if reader.is_compressed:
                    read = bioread.read(self.path, wanted).channels
                    yield self._scaled(columns, [read[column].raw_data for column in columns])
                    return
                for channel, known in zip(channels, self.channels, strict=True):
                    channel.point_count = known.samples  # of a truncated file it would read nothing of the last chunk
                for buffers in reader.stream(wanted):
                    yield self._scaled(columns, [buffers[column].buffer for column in columns])
        except UserError:
            raise
        except Exception as error:  # whatever a damaged file provokes in the library
            raise damaged(self.path, error, _KIND) from None

    def _scaled(self, columns: Sequence[int], counts: Sequence[np.ndarray]) -> np.ndarray:
        shortest = min(map(len, counts))
        factors, offsets = np.array([self.scales[column] for column in columns]).T
        return np.asarray(np.stack([part[:shortest] for part in counts], axis=1) * factors + offsets)


def open_biopac(path: Path) -> BiopacSource:
    """Open an AcqKnowledge file; errors as for `recording.open_recording`."""
    bioread = library("bioread", path, _KIND)
    try:
        with listening("bioread") as told, path.open("rb") as file:
            # Of thousands of channels, which damage promises, the library would look for minutes.
            if not begins_as_biopac(file.read(64)):
                raise UserError(f"{path}: does not begin as {_KIND}; {COPY}")
            reader = bioread.reader_for_streaming(file)
            if reader.datafile is None:
                raise damaged(path, told[0] if told else "no headers", _KIND)
            if not all(channel.samples_per_second > 0 for channel in reader.datafile.channels):
                raise UserError(f"{path}: its header is damaged: it says no sampling rate; {COPY}")
            counts, notes = _counts(reader, file)
            described = [
                _channel(channel, count) for channel, count in zip(reader.datafile.channels, counts, strict=True)
            ]
    except UserError:
        raise
    except Exception as error:  # whatever a damaged file provokes in the library
        raise damaged(path, error, _KIND) from None
    channels, scales = zip(*described, strict=True)
    return BiopacSource(path, channels, tuple(notes), scales)


def _counts(reader: Any, file: BinaryIO) -> tuple[list[int], list[str]]:
    """Count the samples of each channel that are there."""
    channels = reader.datafile.channels
    promised = [max(0, channel.point_count) for channel in channels]
    there, notes = promised, []
    if not reader.is_compressed:
        # Samples lie beside each other; a channel with a divider has one in each so many rounds.
        rounds = math.lcm(*(channel.frequency_divider for channel in channels))
        samples = [rounds // channel.frequency_divider for channel in channels]
        cycle_bytes = sum(count * channel.sample_size for count, channel in zip(samples, channels, strict=True))
        data_bytes = file.seek(0, 2) - reader.data_start_offset
        if data_bytes < sum(count * channel.sample_size for count, channel in zip(promised, channels, strict=True)):
            there = [
                min(data_bytes // cycle_bytes * count, most) for count, most in zip(samples, promised, strict=True)
            ]
    # Where recording stopped in the middle of a round, channels of one rate differ by a sample.
    there = [
        min(other for other, beside in zip(there, channels, strict=True) if beside.frequency_divider == divider)
        for divider in (channel.frequency_divider for channel in channels)
    ]
    if max(promised) - max(there) > 1:
        notes.append(f"the file is truncated: of {max(promised)} samples {max(there)} are there and are read")
    return there, notes


def _channel(channel: Any, samples: int) -> tuple[Channel, tuple[float, float]]:
    rate_hz = Fraction(channel.samples_per_second).limit_denominator(1000)
    scale = float(channel.raw_scale_factor), float(channel.raw_offset)
    fault = "" if samples else "it has no samples"
    if not (all(map(math.isfinite, scale)) and scale[0]):
        fault = "its scale in the header is no number"
    return Channel(channel.name.strip(), channel.units.strip(), rate_hz, samples, fault=fault), scale
