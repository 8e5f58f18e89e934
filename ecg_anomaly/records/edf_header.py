"""Headers of EDF and BDF files: what recorders get wrong in them is mended here, before edfio parses them."""

from __future__ import annotations

import re
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.checks import COPY
from ecg_anomaly.records.start_times import start_of_fields
from ecg_anomaly.words import StartTime, count_text

HEADER_BYTES = 256  # of the file, and again of each signal
_RECORDING, _DATE, _TIME = slice(88, 168), slice(168, 176), slice(176, 184)
_PARTS = re.compile(r"[.:/-]")  # the standard writes 02.05.24 and 14.03.22
_FIRST_YEAR = 85  # of the century before this one
_RECORDS = slice(236, 244)  # the number of data records
DURATION = slice(244, 252)  # of a data record, in seconds
_UNKNOWN = -1  # number of data records, which a recorder writes until it stops


def is_bdf(header: bytes) -> bool:
    """Tell whether a header is that of a BDF file, with samples of 24 bits."""
    return header.startswith(b"\xff")


def read_header(path: Path) -> tuple[bytes, list[str]]:
    """Read the header of an EDF or BDF file, mended so that edfio parses it, and say what was mended.

    Raises
    ------
    UserError
        When the file is none, or its header is damaged.
    """
    try:
        with path.open("rb") as file:
            fixed = file.read(HEADER_BYTES)
            signals = int(fixed[252:256])
            header = fixed + file.read(HEADER_BYTES * max(0, signals))
            promised = int(fixed[184:192].strip() or len(header))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no EDF or BDF file: {error}; {COPY}") from None
    if len(header) != promised or len(header) != HEADER_BYTES * (signals + 1) or signals < 1:
        raise UserError(
            f"{path}: its header is damaged: it promises {promised} bytes for {signals} signals, and {len(header)} are "
            f"there; {COPY}"
        )
    return _mended(header, signals)


def read_start(header: bytes) -> StartTime | None:
    """Read when a file says that it begins; the day may have been taken out."""
    # edfio, which knows these fields, wants a data record for them.
    texts = header[_DATE].decode("latin-1"), header[_TIME].decode("latin-1")
    try:
        day, month, year = (int(field) for field in _PARTS.split(texts[0].strip()))
        hours, minutes, seconds = (int(field) for field in _PARTS.split(texts[1].strip()))
    except ValueError:
        return None
    if header[_RECORDING].startswith(b"Startdate X"):
        day = 0
    return start_of_fields((year + (1900 if year >= _FIRST_YEAR else 2000), month, day), (hours, minutes, seconds))


def count_records(path: Path, header: bytes, record_bytes: int) -> tuple[int, list[str]]:
    """Count the data records that are whole, and say where the header promises another number.

    Raises
    ------
    UserError
        When there is none.
    """
    records, rest = divmod(path.stat().st_size - len(header), record_bytes)
    promised = int(header[_RECORDS])
    if records < 1:
        raise UserError(f"{path}: is without samples: not one data record of {record_bytes} bytes is there; {COPY}")
    if records < promised:
        cut = "; the one after them is cut, and left out" if rest else ""
        return records, [f"{records} of {promised} data records are there and are read{cut}"]
    notes = [f"after the last data record, {count_text(rest, 'byte')} left out"] if rest else []
    if records > promised != _UNKNOWN:
        notes.append(f"the header promises {count_text(promised, 'data record')}; {records} are there and are read")
    return records, notes


def _mended(header: bytes, signals: int) -> tuple[bytes, list[str]]:
    notes = []
    version, fields = header[:8], bytearray(header)
    fields[184:192] = f"{len(header):<8}".encode()  # which may be left blank
    if version.strip() != b"0" and not version.startswith(b"\xffBIOSEMI"):
        kind, fields[:8] = ("BDF", b"\xffBIOSEMI") if is_bdf(header) else ("EDF", b"0       ")
        notes.append(f"the file begins with {version.decode('latin-1')!r}; it is read as {kind} all the same")
    try:
        int(header[_RECORDS])
    except ValueError:
        fields[_RECORDS] = f"{_UNKNOWN:<8}".encode()
        notes.append("the header gives the number of data records not as a number; all that are there are read")
    # Limits of the signals in their unit: behind labels (16), transducers (80) and units (8).
    limits = slice(HEADER_BYTES + 104 * signals, HEADER_BYTES + 120 * signals)
    for where in (DURATION, limits):
        fields[where] = fields[where].replace(b",", b".")
    if b"," in header[DURATION] + header[limits]:
        notes.append("numbers in the header have decimal commas, and are read as with points")
    return bytes(fields), notes
