"""What kind of file a recording is: by how it begins, and by its name where that leaves it open."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.tables.text import first_bytes

# Kinds, and the suffixes that files of them usually have. Those of ecgdatakit have its names.
EDF = "EDF"
TABLE = "table"
WFDB = "WFDB"
ISHNE = "ISHNE"
BIOPAC = "AcqKnowledge"
HDF5 = "HDF5"
XDF = "XDF"
SCP = "SCP-ECG"
AECG = "HL7 aECG"
DICOM = "DICOM Waveform"
MUSE = "GE MUSE XML"
SIERRA = "Philips Sierra XML"
MORTARA = "Mortara ELI (EL250/ELI280)"
KARDIA = "AliveCor Kardia JSON"
MFER = "MFER"
CLINICAL = (SCP, AECG, DICOM, MUSE, SIERRA, MORTARA, KARDIA, MFER)

_SUFFIXES = {
    WFDB: (".hea", ".dat"),
    EDF: (".edf", ".bdf", ".rec"),
    TABLE: (".csv", ".tsv", ".txt", ".asc", ".log", ".gz"),
    ISHNE: (".ecg",),
    SCP: (".scp",),
    AECG: (".xml",),
    DICOM: (".dcm",),
    MFER: (".mwf", ".mfer"),
    KARDIA: (".json",),
    BIOPAC: (".acq",),
    HDF5: (".h5", ".hdf5"),
    XDF: (".xdf",),
}
SUFFIXES = tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
NO_WFDB_SUFFIXES = frozenset(SUFFIXES) - frozenset(_SUFFIXES[WFDB])
READ = (
    "WFDB records (.hea), EDF and BDF (.edf, .bdf, .rec), tables of samples (.csv, .tsv, .txt, ...), ISHNE Holter "
    "(.ecg), SCP-ECG (.scp), DICOM (.dcm), XML of HL7 aECG, GE MUSE, Philips and Mortara (.xml), MFER (.mwf), Kardia "
    "(.json), BIOPAC (.acq), OpenSignals (.h5) and XDF (.xdf)"
)

_BEGINNING_BYTES = 65_536
_EXPORT = "export the samples of the recording, as EDF or as a table, and give that"
_OBJECTS = re.compile(r"\}\s*\n\s*\{")  # one in each line: a table
_SAVE = "save it as CSV, and give that"
_ZIP = b"PK\x03\x04"
_UNPACK = "unpack it, and give what is in it"
# Files that people have instead of a recording, by how they begin: what they are, and what to do.
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF, which shows the ECG as a picture", _EXPORT),
    (b"\x89PNG", "a picture (PNG)", _EXPORT),
    (b"\xff\xd8\xff", "a picture (JPEG)", _EXPORT),
    (b"GIF8", "a picture (GIF)", _EXPORT),
    (b"II*\0", "a picture (TIFF)", _EXPORT),
    (b"MM\0*", "a picture (TIFF)", _EXPORT),
    (b"BM", "a picture (BMP)", _EXPORT),
    (b"\xd0\xcf\x11\xe0", "a document of Microsoft Office", _SAVE),
    (_ZIP, "a ZIP archive", _UNPACK),
    (b"7z\xbc\xaf", "an archive (7z)", _UNPACK),
    (b"Rar!", "an archive (RAR)", _UNPACK),
    (b"BZh", "compressed (bzip2)", _UNPACK),
    (b"\xfd7zXZ", "compressed (xz)", _UNPACK),
    (b"MATLAB 5.0", "a MATLAB file", "save its signals as a table (writematrix), or give the WFDB header beside it"),
    (b"MATLAB 7.3", "a MATLAB file", "save its signals as a table (writematrix), or give the WFDB header beside it"),
    (b"\x93NUMPY", "an array of NumPy", "save it as a table (numpy.savetxt)"),
    (b"PAR1", "a Parquet table", _SAVE),
    (b"SQLite format 3", "a database (SQLite)", _EXPORT),
    (b"RIFF", "a sound or video file", _EXPORT),
    (b"ANN  1.0", "an ISHNE file of annotations, without signals", "give the .ecg file beside it"),
)
# By what is in the archive that they are, whatever their name.
_IN_ZIP: tuple[tuple[bytes, str, str], ...] = (
    (rb"xl/(workbook|worksheets|theme)", "an Excel workbook", _SAVE),
    (rb"opendocument\.spreadsheet", "a spreadsheet", _SAVE),
    (rb"word/(document|theme|styles|_rels)", "a Word document", _EXPORT),
    (rb"\.npy", "arrays of NumPy", "save them as a table (numpy.savetxt)"),
)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_ROOTS = {"annotatedecg": AECG, "restingecg": MUSE, "restingecgdata": SIERRA, "ecg": MORTARA}
_NEWEST_BIOPAC = 200  # versions of AcqKnowledge have come to 132
_MOST_BIOPAC_CHANNELS = 128


def kind_of(path: Path) -> str:
    """Tell of which kind a file is: one of the constants above.

    Raises
    ------
    UserError
        When it is of no kind that can be read: what it seems to be, and what can be read.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(_BEGINNING_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {error.strerror}; check who may read it") from None
    suffix = path.suffix.lower()
    for kind, found in _BEGINNINGS.items():
        if found(begin, suffix):
            return kind
    if begin.startswith(b"\x1f\x8b"):
        return _inside_gzip(path, begin)
    text = _text(begin)
    _refuse_other(path, begin, text is not None)
    if text is not None and text.lstrip().startswith("<"):
        return _xml_kind(path, text)
    if suffix == ".json" or (
        text is not None and text.lstrip().startswith("{") and '"' in text and not _OBJECTS.search(text)
    ):
        return KARDIA
    if text is not None or suffix in _SUFFIXES[TABLE]:
        return TABLE
    for kind in (*_BEGINNINGS, WFDB):  # a damaged one: its reader says what is wrong
        if suffix in _SUFFIXES[kind]:
            return kind
    raise UserError(f"{path}: is of no kind that can be read, by how it begins; what can be read: {READ}")


def _is_edf(begin: bytes, suffix: str) -> bool:
    if begin.startswith(b"\xffBIOSEMI") or (suffix in _SUFFIXES[EDF] and begin[:8].strip() == b"0"):
        return True
    # The version may be odd, and a table may begin with 0: the size of the header follows from the signals.
    size, signals = begin[184:192].strip(), begin[252:256].strip()
    return size.isdigit() and signals.isdigit() and int(size) == 256 * (int(signals) + 1)


def _is_scp(begin: bytes, suffix: str) -> bool:
    # A checksum and the length of the file; then section 0, whose first pointer is to itself, at byte 7.
    if len(begin) < 32:
        return False
    section, length = struct.unpack_from("<HI", begin, 8)
    first, _, place = struct.unpack_from("<HII", begin, 22)
    return (section, first, place) == (0, 0, 7) and 26 <= length <= 10_000 and (length - 16) % 10 == 0


def _is_dicom(begin: bytes, suffix: str) -> bool:
    return begin[128:132] == b"DICM" or (suffix in _SUFFIXES[DICOM] and begin[:2] in (b"\x02\0", b"\x08\0"))


def _is_mfer(begin: bytes, suffix: str) -> bool:
    # A definition whose text begins so; older files have none, and only their name tells.
    return begin[:1] + begin[2:6] == b"\x40MFR " or suffix in (*_SUFFIXES[MFER], ".mfr")


def begins_as_biopac(begin: bytes) -> bool:
    """Tell whether a file begins as one of AcqKnowledge, which is nothing but numbers.

    They are a version, the length of this header, the number of channels, and the sampling interval in milliseconds.
    """
    if len(begin) < 24:
        return False
    for order in "<>":
        version, length, channels = struct.unpack_from(f"{order}xxiih", begin, 0)
        (interval_ms,) = struct.unpack_from(f"{order}d", begin, 16)
        if 30 <= version <= _NEWEST_BIOPAC and 0 < length < 100_000 and 0 < channels <= _MOST_BIOPAC_CHANNELS:
            return bool(1e-3 <= interval_ms <= 1e5)
    return False


_BEGINNINGS: dict[str, Callable[[bytes, str], bool]] = {
    EDF: _is_edf,
    ISHNE: lambda begin, _: begin.startswith(b"ISHNE"),
    XDF: lambda begin, _: begin.startswith(b"XDF:"),
    HDF5: lambda begin, _: begin.startswith(b"\x89HDF\r\n\x1a\n"),
    DICOM: _is_dicom,
    SCP: _is_scp,
    MFER: _is_mfer,
    BIOPAC: lambda begin, _: begins_as_biopac(begin),
}


def _refuse_other(path: Path, begin: bytes, is_text: bool) -> None:
    for inside, what, advice in _IN_ZIP:
        if begin.startswith(_ZIP) and re.search(inside, begin):
            raise UserError(f"{path}: is {what}; {advice}")
    for beginning, what, advice in _OTHERS:
        if begin.startswith(beginning) and (not is_text or beginning[0] >= 0x80 or beginning == b"%PDF"):
            raise UserError(f"{path}: is {what}; {advice}")


def _inside_gzip(path: Path, begin: bytes) -> str:
    """Take a compressed table; anything else has to be unpacked."""
    inside = first_bytes(path)
    text = _text(inside)
    if text is None or text.lstrip().startswith(("<", "{")) or _is_edf(inside, ""):
        raise UserError(f"{path}: is compressed (gzip) and holds no table; {_UNPACK}")
    return TABLE


def _xml_kind(path: Path, text: str) -> str:
    plain = re.sub(r"<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^\[>]*(\[.*?\])?[^>]*>", "", text, flags=re.DOTALL)
    root = _ROOT.search(plain)
    name = root.group(1) if root else ""
    if name.lower() in _ROOTS:
        return _ROOTS[name.lower()]
    if name.lower() == "html" or "<!doctype html" in text[:200].lower():
        raise UserError(f"{path}: is a page of the web, not a recording; download the file that the page shows")
    if name == "HealthData":
        raise UserError(f"{path}: is Apple's export of all health data; its ECGs are the tables in electrocardiograms/")
    raise UserError(
        f"{path}: is XML with the root element {name or 'of no name'}; read are those of HL7 aECG (AnnotatedECG), GE "
        "MUSE (RestingECG), Philips (restingecgdata) and Mortara (ECG); export it in one of these, as DICOM or EDF"
    )


def _text(begin: bytes) -> str | None:
    """Decode the beginning of a file; ``None`` if it is no text."""
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        return begin[: len(begin) // 2 * 2].decode("utf-16", "replace")
    controls = sum(begin[:4096].count(byte) for byte in range(32) if byte not in b"\t\n\r\f\x1a")
    return begin.decode("utf-8-sig", "replace") if controls == 0 else None
