"""The text of a table, plain or compressed with gzip, in any encoding and with any line ends."""

from __future__ import annotations

import codecs
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.checks import damaged

_UTF8 = "utf-8"
_GZIP = b"\x1f\x8b"
_GZIP_BITS = 31  # what zlib calls a stream with the header of gzip
_READ_BYTES = 1 << 16
_BLOCK_CHARACTERS = 1 << 20  # some 30,000 rows of three leads
_LONGEST_LINE = 1 << 26  # eleven hours of a lead in a row; its cells take thirty times as much memory
_NOT_TEXT = 0.05  # share of control characters
_NEVER_WRITTEN = re.compile(rb"\0{64,}")  # where a recorder lost its power
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1a\x1b"))


class TextFile:
    """A file of text that is read in blocks of whole lines."""

    def __init__(self, path: Path, encoding: str):
        self.path = path
        self.encoding = encoding
        self.cut_off = False  # whether it turned out, at its end, that a part of a compressed file is missing

    def blocks(self, characters: int = _BLOCK_CHARACTERS) -> Iterator[tuple[bytes, bool]]:
        """Yield blocks of whole lines in UTF-8, and whether each is the last.

        A line feed stands behind each line but for a last one that the file does not end. A compressed file that is cut
        off ends where it is cut.
        """
        parts: list[bytes] = []
        held = 0
        coming = _with_line_feeds(self._in_utf8())
        part = next(coming, None)
        while part is not None:
            parts.append(part)
            held += len(part)
            following = next(coming, None)
            if held >= characters and b"\n" in part and following is not None:
                whole, end, rest = b"".join(parts).rpartition(b"\n")
                parts, held = [rest], len(rest)
                yield whole + end, False
            elif held >= _LONGEST_LINE:  # such lines may come out of a very small compressed file
                raise UserError(
                    f"{self.path}: has a line of more than {_LONGEST_LINE / 1e6:.0f} MB; give a table with one row per "
                    "sample"
                )
            part = following
        if last := b"".join(parts):
            yield last, True

    def texts(self, characters: int = _BLOCK_CHARACTERS) -> Iterator[str]:
        """Yield the same blocks as text."""
        return (as_text(block) for block, _ in self.blocks(characters))

    def _in_utf8(self) -> Iterator[bytes]:
        if self.encoding == _UTF8:
            yield from self.raw_parts()
            return
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        for raw in self.raw_parts():
            yield decoder.decode(raw).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")

    def raw_parts(self) -> Iterator[bytes]:
        """Read the file part by part; what is compressed, as far as it can be expanded."""
        try:
            with self.path.open("rb") as file:
                packed = file.read(len(_GZIP)) == _GZIP
                file.seek(0)
                yield from self._expanded(file) if packed else iter(lambda: file.read(_READ_BYTES), b"")
        except OSError as error:
            raise damaged(self.path, error.strerror) from None

    def _expanded(self, file: io.BufferedReader) -> Iterator[bytes]:
        expander, rest = zlib.decompressobj(wbits=_GZIP_BITS), b""
        try:
            while part := rest or file.read(_READ_BYTES):
                if expander.eof:  # another member may follow; gzip itself passes over what is none
                    if not part.startswith(_GZIP):
                        return
                    expander = zlib.decompressobj(wbits=_GZIP_BITS)
                text = expander.decompress(part, _READ_BYTES)
                rest = expander.unconsumed_tail or expander.unused_data
                if text:
                    yield text
        except zlib.error as error:
            raise UserError(f"{self.path}: is compressed and damaged ({error}); copy it again") from None
        self.cut_off = not expander.eof


def as_text(block: bytes) -> str:
    """Decode a block; bytes that are no character become one that says so."""
    return block.decode("utf-8", "replace")


def first_bytes(path: Path) -> bytes:
    """Read the start of a file, expanded if it is compressed with gzip; a `UserError` says if that cannot be."""
    return next(TextFile(path, _UTF8).raw_parts(), b"")


def open_text(path: Path) -> TextFile:
    """Find out how a file of text is encoded; a `UserError` says if it is none."""
    raw = first_bytes(path)
    encoding = _encoding(raw)
    start = raw.decode(encoding, errors="replace").encode("utf-8", errors="replace")
    written = _NEVER_WRITTEN.sub(b"", start)
    control = len(written) - len(written.translate(None, _CONTROL))
    if control > _NOT_TEXT * len(written) or not start[:1000].strip(b"\0"):
        raise UserError(f"{path}: is no text file; give a table of samples with one row per sample")
    return TextFile(path, encoding)


def _encoding(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if raw[:200].count(0) >= len(raw[:200]) / 3:  # letters of two bytes, without the mark that should say so
        return "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    try:
        codecs.getincrementaldecoder(_UTF8)("strict").decode(raw)
    except UnicodeDecodeError:
        return "cp1252"  # which writes a micro sign in one byte
    return _UTF8


def _with_line_feeds(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Turn the line ends of any system into line feeds, and leave out the mark of UTF-8."""
    kept, first = b"", True
    for part in parts:
        text = kept + (part.removeprefix(codecs.BOM_UTF8) if first else part)
        first = False
        kept = b"\r" if text.endswith(b"\r") else b""  # a line feed may follow it
        text = text[: len(text) - len(kept)]
        yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
    if kept:
        yield b"\n"
