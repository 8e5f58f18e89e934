"""ISHNE Holter files, read block by block.

ecgdatakit reads such a file as well, but whole and in 64-bit numbers: a day of twelve leads at 1000 Hz is 8 GB. The
format is a header of fixed fields and 16-bit samples, lead beside lead.
Format: Badilini, The ISHNE Holter standard output file format, Ann Noninvasive Electrocardiol 1998;3:263
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import COPY, damaged
from ecg_anomaly.records.devices.derived_leads import with_derived_leads
from ecg_anomaly.records.source import Source
from ecg_anomaly.records.start_times import start_of_fields
from ecg_anomaly.words import StartTime, count_text

_HEADER_BYTES = 522
_CHECKED_FROM = 10  # the first byte that the checksum is of
_MOST_LEADS = 12
_NAMES = ("ECG X", "ECG Y", "ECG Z", "I", "II", "III", "aVR", "aVL", "aVF", *(f"V{number}" for number in range(1, 7)))
_LEADS = dict(enumerate((*_NAMES, "ES", "AS", "AI"), start=2))  # by code
_ABSENT = -9
_LEAD_FAULT = -32768  # a sample that says that the lead was off
_SAMPLE = np.dtype("<i2")


@dataclass(frozen=True)
class IshneSource:
    """The leads of an ISHNE file; see `source.Source`."""

    path: Path
    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    start_time: StartTime | None
    begin: int  # byte at which the samples begin
    nanovolts: tuple[float, ...]  # per step of each lead

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some leads, of shape ``(length, columns)``, the last shorter."""
        leads, samples = len(self.channels), self.channels[0].samples
        factors = np.array([self.nanovolts[column] for column in columns])
        for start in range(0, samples, length):
            count = min(length, samples - start)
            offset = self.begin + start * leads * _SAMPLE.itemsize
            try:
                steps = np.fromfile(self.path, _SAMPLE, count * leads, offset=offset)
            except OSError as error:
                raise damaged(self.path, error.strerror) from None
            if len(steps) < count * leads:
                raise UserError(f"{self.path}: has become shorter while it was read; {COPY}")
            chosen = steps.reshape(count, leads)[:, list(columns)]
            block = chosen * factors
            block[chosen == _LEAD_FAULT] = np.nan
            yield block


def open_ishne(path: Path) -> Source:
    """Open an ISHNE Holter file; errors as for `recording.open_recording`."""
    header, size = _read_header(path)
    (leads,) = struct.unpack_from("<h", header, 156)
    (rate_hz,) = struct.unpack_from("<h", header, 272)
    if not 1 <= leads <= _MOST_LEADS or rate_hz < 1:
        raise UserError(f"{path}: its header is damaged: it says {leads} leads at {rate_hz} Hz; {COPY}")
    begin, notes = _begin(path, header, size)
    samples, surplus = divmod(size - begin, leads * _SAMPLE.itemsize)
    if samples < 1:
        raise UserError(f"{path}: holds no samples; {COPY}")
    if surplus:
        notes.append(f"after the last whole sample of all leads, {count_text(surplus, 'byte')} left out")
    (promised,) = struct.unpack_from("<i", header, 14)
    if promised not in (samples, samples * leads):  # some programs write the samples of all leads together
        notes.append(f"the header promises {promised} samples per lead; {samples} are there and are read")
    codes, steps = (struct.unpack_from(f"<{leads}h", header, place) for place in (158, 206))
    channels = [
        Channel(
            _LEADS.get(code, f"ECG {number}"),
            "nV" if step > 0 else "counts",
            Fraction(rate_hz),
            samples,
            doubt="its lead code says that it is not present" if code == _ABSENT else "",
        )
        for number, (code, step) in enumerate(zip(codes, steps, strict=True), start=1)
    ]
    nanovolts = tuple(float(step) if step > 0 else 1.0 for step in steps)
    day, month, year, hours, minutes, seconds = struct.unpack_from("<3h6x3h", header, 138)
    start = start_of_fields((year, month, day), (hours, minutes, seconds))
    return with_derived_leads(IshneSource(path, tuple(channels), tuple(notes), start, begin, nanovolts))


def _read_header(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
        size = path.stat().st_size
    except OSError as error:
        raise damaged(path, error.strerror) from None
    if not header.startswith(b"ISHNE1.0"):
        raise UserError(f"{path}: is no ISHNE file of ECG, it does not begin as one; {COPY}")
    if len(header) < _HEADER_BYTES:
        raise UserError(f"{path}: is truncated: an ISHNE header has {_HEADER_BYTES} bytes, {size} are there; {COPY}")
    return header, size


def _begin(path: Path, header: bytes, size: int) -> tuple[int, list[str]]:
    """Find the byte at which the samples begin, which a file says twice; where they differ, the checksum decides."""
    checksum, text_bytes, _, _, stored = struct.unpack_from("<H4i", header, 8)
    places = [place for place in dict.fromkeys((_HEADER_BYTES + text_bytes, stored)) if _HEADER_BYTES <= place <= size]
    if not places:
        raise UserError(f"{path}: its header is damaged: it says that samples begin at byte {stored}; {COPY}")
    # The standard leaves open in which order the two bytes stand; zero is one that was not computed.
    told = {checksum, (checksum & 0xFF) << 8 | checksum >> 8}
    valid = [place for place in places if _checksum(path, place) in told] if checksum else []
    begin, notes = (valid or places)[0], []
    if checksum and not valid:
        notes.append("the checksum of the header does not match it: parts of it may be damaged")
    if len(places) > 1 and not valid:
        notes.append(f"the header says twice where samples begin, and not the same: byte {begin} is taken")
    return begin, notes


def _checksum(path: Path, end: int) -> int:
    with path.open("rb") as file:
        file.seek(_CHECKED_FROM)
        return binascii.crc_hqx(file.read(end - _CHECKED_FROM), 0xFFFF)
