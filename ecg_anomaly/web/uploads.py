"""Files that come from a browser: which belong together, what they may be called, what is not taken."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from werkzeug.datastructures import FileStorage

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.kinds import READ, SUFFIXES
from ecg_anomaly.records.wfdb_header import parse_header

MOST_BYTES = 1024**3  # of all files of an upload
MOST_FILES = 200  # a record of a day may have many segments

# What an upload takes on disk: itself, the parts in which it arrives, and what the analysis keeps of it, which is the
# most for a WFDB record of 12 bits a sample: signals of 32 bits, and the shapes of the beats.
_DISK_PER_BYTE = 6
_DISK_LEFT_BYTES = 500 * 1024**2  # for everything else on the machine

ACCEPTED = (*SUFFIXES, ".atr", ".mat")  # what a browser offers to choose
_HEADER, _SIGNALS = ".hea", ".dat"
# The names of WFDB files stand in their header, so they are kept; WFDB itself allows no other characters.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_-]{0,99}(\.[A-Za-z0-9_-]{1,20})?")
_LONGEST_HEADER = 1_000_000
_LONGEST_NAME = 60


def check_room(folder: Path, size: int) -> None:
    """Check, before it is read, that an upload of so many bytes fits on the disk together with its analysis.

    Raises
    ------
    UserError
        When it does not.
    """
    needed, free = size * _DISK_PER_BYTE + _DISK_LEFT_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"the disk has {free / 1e9:.1f} GB free, and this recording needs {needed / 1e9:.1f} GB; "
            "free some space, or cut the recording"
        )


def receive(files: Sequence[FileStorage], folder: Path, annotator: str | None) -> tuple[Path, str]:
    """Write the files of a recording into a folder; give its path, for `open_recording`, and what it is called.

    The folder is empty. A name that comes from outside reaches the disk only where a WFDB header needs it, and then
    only if it is a plain file name. A file of annotations, with the extension ``annotator``, may come along.

    Raises
    ------
    UserError
        When they are no recording, or not all of it.
    """
    by_name = {(file.filename or "").replace("\\", "/").rpartition("/")[2]: file for file in files}
    if not by_name:
        raise UserError(f"no file has arrived; drop a recording: {READ}")
    if len(by_name) < len(files):
        raise UserError("two of the files have one name; drop one recording at a time")
    suffixes = {Path(name).suffix.lower() for name in by_name}
    if _HEADER in suffixes:
        return _receive_wfdb(by_name, folder, annotator)
    if _SIGNALS in suffixes:
        raise UserError("the header (.hea) of the WFDB record is missing; drop it together with its signals (.dat)")
    if len(by_name) > 1:
        raise UserError("these files are not one recording; drop one recording at a time")
    ((name, file),) = by_name.items()
    suffix = Path(name).suffix.lower()
    known = suffix in SUFFIXES  # of any other, how the file begins tells whether it can be read
    path = folder / f"recording{suffix if known else ''}"
    file.save(path)
    return path, shown(Path(name).stem if known else name)


def shown(name: str) -> str:
    """Make a name that can be shown, and be part of the name of a download: of letters, digits and ``_.-`` alone."""
    name = unicodedata.normalize("NFC", name)  # else a letter and its accent, as macOS names files, would be two
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:_LONGEST_NAME] or "recording"


def _receive_wfdb(files: dict[str, FileStorage], folder: Path, annotator: str | None) -> tuple[Path, str]:
    for name in files:
        if not _NAME.fullmatch(name):
            raise UserError(f"{shown(name)}: names of WFDB files have letters, digits, _ and - alone; rename it")
    named = {name: _names_in(file) for name, file in files.items() if Path(name).suffix == _HEADER}
    needed = {name for others in named.values() for name in others}
    whole = [name for name in named if name not in needed]
    if len(whole) != 1:
        raise UserError(f"there are {len(whole)} WFDB records; drop one recording at a time")
    stem = Path(whole[0]).stem
    missing = sorted(needed - set(files))
    if missing:
        raise UserError(
            f"the header {whole[0]} needs {', '.join(map(shown, missing[:3]))}"
            f"{' and others' if len(missing) > 3 else ''}; drop them together with it"
        )
    for name in {*named, *needed, f"{stem}.{annotator}"} & set(files):
        files[name].save(folder / name)
    return folder / whole[0], stem


def _names_in(header: FileStorage) -> set[str]:
    """Read which files a WFDB header needs: its signal files, or the headers of its segments."""
    content = header.stream.read(_LONGEST_HEADER + 1)
    header.stream.seek(0)
    name = shown(str(header.filename))
    if len(content) > _LONGEST_HEADER:
        raise UserError(f"{name} is too large for a WFDB header; is it one?")
    read = parse_header(Path(name), content)
    return {file.name for file in (*read.segment_files, *read.signal_files)}
