"""HDF5 files of OpenSignals (biosignalsplux, BITalino), read block by block.

A group per device, named by its address, with the attributes ``sampling rate``, ``resolution`` (bits) and ``device``;
in its group ``raw`` a data set ``channel_N`` of counts per channel, with the attributes ``label`` and ``sensor``.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.array_source import same_length
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import COPY, damaged
from ecg_anomaly.records.devices.extras import library
from ecg_anomaly.records.lead_names import looks_like_ecg, looks_like_other_signal
from ecg_anomaly.records.start_times import start_time
from ecg_anomaly.words import StartTime, listed

_KIND = "an HDF5 file"
_HEAP = b"GCOL\1"
_DENSEST = 1100  # bytes that one byte can hold of compressed samples: deflate's limit is 1032
# Data sheets of the ECG sensors: (count / 2**bits - 1/2) * voltage / gain.
_ECG_SENSORS = {"biosignalsplux": (3.0, 1000.0), "bitalino": (3.3, 1100.0)}  # volts, gain; by how the name begins


@dataclass(frozen=True)
class OpenSignalsSource:
    """The channels of an OpenSignals file; see `source.Source`."""

    path: Path
    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    places: tuple[str, ...] = field(repr=False)  # of each channel in the file
    start_time: StartTime | None
    scales: tuple[tuple[float, float], ...]  # of each channel: units per count, and the count that is 0

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        samples = self.channels[columns[0]].samples
        try:
            with library("h5py", self.path, _KIND).File(self.path, "r") as file:
                sets = [file[self.places[column]] for column in columns]
                for start in range(0, samples, length):
                    parts = [np.ravel(counts[start : min(start + length, samples)]) for counts in sets]
                    block = np.full((min(length, samples - start), len(columns)), np.nan)
                    for number, (part, column) in enumerate(zip(parts, columns, strict=True)):
                        factor, zero = self.scales[column]
                        block[: len(part), number] = (part.astype(np.float64) - zero) * factor
                    yield block
        except (OSError, KeyError, RuntimeError) as error:
            raise damaged(self.path, error) from None


def open_opensignals(path: Path) -> OpenSignalsSource:
    """Open an HDF5 file of OpenSignals; errors as for `recording.open_recording`."""
    hdf5 = library("h5py", path, _KIND)
    try:
        _check_heaps(path)
        with hdf5.File(path, "r") as file:
            devices = [name for name, group in file.items() if "sampling rate" in group.attrs and "raw" in group]
            start = _start(file[devices[0]].attrs) if devices else None
            found = [channel for name in devices for channel in _device(hdf5, file[name])]
    except UserError:
        raise
    except Exception as error:  # whatever a damaged file provokes in the library
        raise damaged(path, error) from None
    if not found:
        raise UserError(
            f"{path}: is an HDF5 file, but none of OpenSignals (no device with raw channels in it); export the "
            "recording as EDF or as a table"
        )
    stored, places, scales = zip(*found, strict=True)
    if not all(channel.sampling_rate_hz > 0 for channel in stored):
        raise UserError(f"{path}: its header is damaged: it says no sampling rate; {COPY}")
    channels, notes = same_length(stored)
    converted = [channel.label for channel in channels if channel.unit == "mV" and not channel.fault]
    if converted:
        notes.append(f"converted from counts to mV as the data sheet of the ECG sensor says: {listed(converted)}")
    return OpenSignalsSource(path, channels, tuple(notes), places, start, scales)


def _check_heaps(path: Path) -> None:
    """Raise a `UserError` if a heap of texts is damaged so that HDF5's library would read it without end."""
    # The global heap of the HDF5 file format specification, level 1E.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begin = content.find(_HEAP)
        while begin >= 0:
            (size,) = struct.unpack("<Q", content[begin + 8 : begin + 16].ljust(8, b"\0"))
            place, end = begin + 16, min(begin + size, len(content)) - 16
            while place <= end:
                number, length = struct.unpack("<H6xQ", content[place : place + 16])
                if number == length == 0:
                    raise UserError(f"{path}: is damaged: its texts cannot be read; {COPY}")
                place += length if number == 0 else 16 + -(-length // 8) * 8
            begin = content.find(_HEAP, begin + 1)


def _device(hdf5: Any, group: Any) -> list[tuple[Channel, str, tuple[float, float]]]:
    """Describe the channels of one device: each with where it stands and how it is scaled."""
    rate_hz = Fraction(float(np.ravel(group.attrs["sampling rate"])[0])).limit_denominator(1000)
    bits = [int(number) for number in np.ravel(group.attrs.get("resolution", []))]
    device = _text(group.attrs.get("device", "")).lower()
    sets = {name: counts for name, counts in group["raw"].items() if isinstance(counts, hdf5.Dataset)}
    ordered = sorted(
        (name for name in sets if name.startswith("channel_")), key=lambda name: (len(name), name)
    )  # 2 before 10
    bits = bits[-len(ordered) :]  # before them may stand those of the counter and of digital inputs and outputs
    bits = bits * len(ordered) if len(bits) == 1 else bits
    found = []
    for number, name in enumerate(ordered):
        counts = sets[name]
        texts = [_text(counts.attrs.get(key, "")) for key in ("sensor", "label")]
        label = next((text for text in texts if looks_like_ecg(text)), texts[1] or texts[0] or name)
        sensor = next((values for start, values in _ECG_SENSORS.items() if device.startswith(start)), None)
        unit, scale = "counts", (1.0, 0.0)
        if sensor and looks_like_ecg(label) and number < len(bits):
            steps = 2.0 ** bits[number]
            unit, scale = "mV", (1000 * sensor[0] / sensor[1] / steps, steps / 2)
        single = np.issubdtype(counts.dtype, np.number) and counts.ndim and counts.size == len(counts)
        fault = "" if single else "it does not hold a number per sample"
        if single and counts.nbytes > _DENSEST * counts.id.get_storage_size():
            fault = "its samples are not in the file"  # the library would make them up
        doubt = f"its sensor is {texts[0]}" if looks_like_other_signal(texts[0]) else ""
        samples = 0 if fault else len(counts)
        found.append((Channel(label, unit, rate_hz, samples, fault, doubt), counts.name, scale))
    return found


def _start(attributes: Any) -> StartTime | None:
    """Read when a device started: the date as ``2017-01-17``, the time as ``14:05:22.123``."""
    try:
        moment = datetime.fromisoformat(f"{_text(attributes['date'])} {_text(attributes['time'])[:8]}")
    except (KeyError, ValueError):
        return None
    return start_time(moment.date(), moment.time())


def _text(value: Any) -> str:
    value = np.ravel(value)[0] if np.size(value) else ""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()
