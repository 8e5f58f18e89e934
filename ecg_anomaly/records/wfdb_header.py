"""Headers of WFDB records, read as the standard says and forgivingly where nothing about the samples is in doubt.

Standard: https://physionet.org/physiotools/wag/header-5.htm. wfdb's own parser refuses a record for its date, drops the
micro sign of a unit (which makes volts of microvolts) and takes a description for a unit.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from datetime import datetime, time
from fractions import Fraction
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.checks import denied
from ecg_anomaly.records.start_times import start_time
from ecg_anomaly.words import StartTime, count_text

COPY = "copy or download the record again, with all its files"
NULL = "~"  # in place of the name of a file or segment: a stretch where nothing was recorded

_LONGEST_LINE = 10_000
_MOST_SEGMENTS = 20_000  # a week in which a monitor lost its signal every half minute
_DEFAULT_RATE_HZ = "250"
_DEFAULT_GAIN, _DEFAULT_UNIT = 200.0, "mV"  # of a signal that was not calibrated, says the standard
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?"
_RECORD = re.compile(r"(?P<name>[^/]+?)(?P<segments>/\d*)?\s+(?P<signals>\d+)(?:\s+(?P<rest>.*))?")
_FORMATS = "0|8|16|24|32|61|80|160|212|310|311|508|516|524"
_SIGNAL = re.compile(rf"(?P<file>.+?)\s+(?P<format>{_FORMATS})(?P<options>(?:[x:+]\d+)*)(?:\s+(?P<rest>.*))?")
_GAIN = re.compile(rf"(?P<gain>{_NUMBER})(?:\((?P<baseline>{_NUMBER})\))?(?:/(?P<unit>\S*))?")
_TIME = re.compile(r"(\d{1,2}:){0,2}\d{1,2}(\.\d*)?")
_SEGMENT = re.compile(r"(?P<name>\S+)\s+(?P<frames>\d+)(?:\s.*)?")
_AFTER_GAIN = 5  # fields between gain and description: resolution, zero, initial value, checksum, block size


@dataclass(frozen=True)
class Signal:
    """How the samples of one channel are stored, and what they mean."""

    file: str  # name of its file, in the folder of the header
    fmt: str  # the number of the storage format
    samples_per_frame: int
    skew: int  # frames by which it lies late in the file
    offset: int  # bytes before the first sample
    gain: float  # steps of the converter per unit
    baseline: float  # the step that stands for 0
    unit: str
    initial: int  # what differences start from
    label: str


@dataclass(frozen=True)
class Header:
    """What a header says of a record of one or several segments."""

    path: Path
    frame_rate_hz: Fraction
    frames: int  # 0: it does not say
    signal_count: int
    signals: tuple[Signal, ...]  # none where it has segments
    segments: tuple[tuple[str, int], ...]  # name and frames of each; none where it has signals
    notes: tuple[str, ...]  # what is wrong with it and does not matter, and what the standard says in its place
    start_time: StartTime | None = None

    @property
    def variable(self) -> bool:
        """Whether each segment has its own channels, of those that the first one lists."""
        return bool(self.segments) and self.segments[0][1] == 0

    @property
    def segment_files(self) -> list[Path]:
        """Headers of the segments, but for stretches where nothing was recorded."""
        return [self.path.with_name(f"{name}.hea") for name, _ in self.segments if name != NULL]

    @property
    def signal_files(self) -> list[Path]:
        """Files of signals, each once."""
        names = dict.fromkeys(signal.file for signal in self.signals)
        return [self.path.with_name(name) for name in names if name != NULL]


def read_header(path: Path) -> Header:
    """Read a header.

    Raises
    ------
    UserError
        When it is missing or no header, or leaves in doubt how the samples are stored.
    """
    if not path.is_file():
        raise UserError(f"{path}: is missing, and the record needs it; {COPY}")
    try:
        content = path.read_bytes()
    except PermissionError:
        raise denied(path) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; {COPY}") from None
    return parse_header(path, content)


def parse_header(path: Path, content: bytes) -> Header:
    """Read what a header holds that is not, or not yet, at its path; errors as of `read_header`."""
    try:
        return _parse(path, _lines(content))
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path}: {error}; {COPY}") from None


def _lines(content: bytes) -> list[str]:
    """Read the lines of a header that are neither empty nor comments."""
    try:
        text = content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    if max(map(len, lines)) > _LONGEST_LINE:
        raise ValueError(f"is not a WFDB header: it has a line of more than {_LONGEST_LINE} characters")
    return [line for line in lines if line and not line.startswith("#")]


def _parse(path: Path, lines: list[str]) -> Header:
    first = _RECORD.fullmatch(lines[0]) if lines else None
    if first is None:
        raise ValueError("is not a WFDB header: its first line gives no name of a record with a number of signals")
    rate_hz, frames, start, notes = _after_signal_count((first["rest"] or "").split())
    count = int(first["signals"])
    if first["segments"] is None:
        described = _described(lines[1:], count, _SIGNAL, "signal", notes)
        signals = _calibrated([_signal(match, number) for number, match in enumerate(described, start=1)], notes)
        return Header(path, rate_hz, frames, count, signals, (), tuple(notes), start)
    if int(first["segments"][1:] or 0) > _MOST_SEGMENTS:
        raise ValueError(f"promises more than {_MOST_SEGMENTS:,} segments")
    described = _described(lines[1:], int(first["segments"][1:] or 0), _SEGMENT, "segment", notes)
    segments = [(_plain(match["name"], "segment"), int(match["frames"])) for match in described]
    if not segments:
        raise ValueError("describes no segment with signals")
    return Header(path, rate_hz, frames, count, (), tuple(segments), tuple(notes), start)


def _after_signal_count(fields: list[str]) -> tuple[Fraction, int, StartTime | None, list[str]]:
    """Read sampling rate, length, time and date, each of which may be missing with all that follow it."""
    notes = []
    if not fields:
        notes.append(f"its header gives no sampling rate; {_DEFAULT_RATE_HZ} Hz is what the standard says then")
    text, *rest = fields or [_DEFAULT_RATE_HZ]
    rate = re.fullmatch(rf"({_NUMBER})(?:[Hh][Zz])?(/.*)?", text)  # behind the slash: a counter, which is not used
    if rate is None:
        raise ValueError(f"is not a WFDB header: its sampling rate {text!r} cannot be read")
    if not Fraction(rate[1]) > 0:
        raise ValueError(f"the sampling rate is {rate[1]} Hz")
    length = rest.pop(0).partition(".")[0] if rest and re.fullmatch(r"-?\d+(\.0*)?", rest[0]) else 0
    start, when = None, " ".join(rest)
    try:
        start = _start(*rest) if rest else None
    except (ValueError, TypeError):
        notes.append(f"its header's date {when!r} cannot be read, and is not needed")
    return Fraction(rate[1]), max(0, int(length)), start, notes


def _start(clock: str, day: str = "1/1/2000") -> StartTime | None:
    """Read time and date of the first sample; a time without hours is none of the day, as a default is none."""
    known_day = datetime.strptime(day, "%d/%m/%Y").date()
    parts = [float(part) for part in clock.split(":")]
    if not _TIME.fullmatch(clock) or max(parts) >= 60:
        raise ValueError
    if len(parts) < 3 or parts[0] >= 24:
        return None
    hours, minutes, seconds = parts
    return start_time(known_day, time(int(hours), int(minutes), int(seconds), int(seconds % 1 * 1e6)))


def _described(lines: list[str], count: int, form: re.Pattern[str], kind: str, notes: list[str]) -> list[re.Match[str]]:
    """Read what the lines behind the first one describe; words behind those that were promised are a comment."""
    matches = [form.fullmatch(line) for line in lines]
    found = [match for match in matches[:count] if match]
    for line, match in zip(lines, matches[:count], strict=False):
        if match is None:
            raise ValueError(f"is not a WFDB header: its line {line[:60]!r} describes no {kind}")
    if len(found) < count or any(matches[count:]):
        raise ValueError(f"promises {count_text(count, kind)} and describes {sum(map(bool, matches))}")
    if more := len(lines) - count:
        notes.append(f"its header ends with {count_text(more, 'line')} that describe no {kind}, left out as a comment")
    return found


def _signal(match: re.Match[str], number: int) -> Signal:
    """Read the description of a signal; where it gives no gain, the gain is 0."""
    words = (match["rest"] or "").split()
    gain = _GAIN.fullmatch(words[0]) if words else None
    if words and not gain and re.search(r"[/(]", words[0]):
        raise ValueError(f"the gain {words[0]!r} of signal {number} cannot be read")
    if gain:
        words = words[1:]
    numbers: list[float] = []  # resolution, zero, initial value, checksum and block size, as far as they are there
    while gain and words and len(numbers) < _AFTER_GAIN and re.fullmatch(_NUMBER, words[0]):
        numbers.append(float(words.pop(0)))
    zero = numbers[1] if len(numbers) > 1 else 0.0
    options = dict(re.findall(r"([x:+])(\d+)", match["options"]))
    return Signal(
        _plain(match["file"], "signal file"),
        match["format"],
        samples_per_frame=int(options.get("x", 1)) or 1,
        skew=int(options.get(":", 0)),
        offset=int(options.get("+", 0)),
        gain=float(gain["gain"]) if gain else 0.0,
        baseline=float(gain["baseline"]) if gain and gain["baseline"] else zero,
        unit=(gain["unit"] if gain else "") or _DEFAULT_UNIT,
        initial=int(numbers[2] if len(numbers) > 2 else zero),
        label=" ".join(words).rstrip(" ,;"),  # monitors of intensive care write "II,"
    )


def _calibrated(signals: list[Signal], notes: list[str]) -> tuple[Signal, ...]:
    """Give the standard's gain to signals that have none."""
    without = [signal.label or f"signal {number}" for number, signal in enumerate(signals, start=1) if not signal.gain]
    if without:
        notes.append(
            f"its header gives no gain of {', '.join(without)}: {_DEFAULT_GAIN:g} steps per unit, as the standard "
            "says, is a guess at amplitudes"
        )
    return tuple(replace(signal, gain=signal.gain or _DEFAULT_GAIN) for signal in signals)


def _plain(name: str, kind: str) -> str:
    """Check that a name stays in the folder of the header."""
    if re.search(r"[/\\:\0]", name) or name in ("-", ".", ".."):
        raise ValueError(
            f"names the {kind} {name!r}, which is no file beside it; put it there and write its name alone"
        )
    return name
