"""XDF files, as LabRecorder writes streams of the Lab Streaming Layer; pyxdf reads them whole.

Each regular stream becomes channels. Its time stamps say where samples are missing: a stamp comes late when a packet
travelled long, but no later stamp can then lie on time again unless nothing was lost.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ecg_anomaly.errors import UserError, first_few
from ecg_anomaly.records.array_source import ArraySource, array_source
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import check_gap, check_missing, damaged, same_rate
from ecg_anomaly.records.devices.extras import library, listening
from ecg_anomaly.records.lead_names import looks_like_ecg, looks_like_other_signal
from ecg_anomaly.words import StartTime, count_text

_SHORTEST_GAP_S = 0.1  # less is jitter
_LEAST_RATE_HZ = 20.0  # slower streams are no signals: heart rates, buttons
_TOGETHER_S = 60.0  # streams that begin further apart may have clocks that were not compared
_REACH = 200  # samples over which a sampling rate is measured
_MAGIC_BYTES = 4
_BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")  # in chunks from which reading can go on after damage


def open_xdf(path: Path) -> ArraySource:
    """Open an XDF file; errors as for `recording.open_recording`."""
    streams, start, told = _load(path)
    channels: list[Channel] = []
    signals: list[np.ndarray] = []
    placed: list[np.ndarray] = []
    notes = list(told)
    usable = []
    for stream in streams:
        if reason := _unusable(stream):
            notes.append(f"left out stream {_name(stream)}: {reason}")
        else:
            usable.append(stream)
    begin_s = min((stream["time_stamps"][0] for stream in usable), default=0.0)
    for stream in usable:
        name, late_s = _name(stream), float(stream["time_stamps"][0] - begin_s)
        rate_hz, places, told = _times(stream, path, name)
        notes += told
        if late_s <= _TOGETHER_S:
            places += round(late_s * rate_hz)
        else:
            notes.append(f"stream {name} begins {late_s:.0f} s after the first, and counts time from its own start")
        count = stream["time_series"].shape[1]
        channels += _channels(stream["info"], name, rate_hz, count, several=len(usable) > 1)
        signals += list(stream["time_series"].T)
        placed += [places] * count
    if not channels:
        raise UserError(f"{path}: holds no stream that is a signal ({'; '.join(notes) or 'no stream at all'})")
    return array_source(channels, signals, notes, start, placed)


def _load(path: Path) -> tuple[list[Any], StartTime | None, list[str]]:
    """Read the streams, when the file was begun, and what is to say about the reading."""
    pyxdf = library("pyxdf", path, "an XDF file")
    try:
        with listening("pyxdf") as told, path.open("rb") as file:
            cut_bytes = _cut_bytes(file)
            # Of a chunk that ends with the file, pyxdf drops samples without a word, and fails at a description.
            whole = io.BytesIO(file.read(path.stat().st_size - cut_bytes)) if cut_bytes else file
            # With its own removal of jitter, a gap of less than 500 samples would be smoothed over.
            streams, header = pyxdf.load_xdf(whole, dejitter_timestamps=False)
    except Exception as error:  # whatever a damaged file provokes in the library
        raise damaged(path, error, "XDF") from None
    # Its own segments are not used, see `_times`.
    told = [line for line in dict.fromkeys(told) if "egments" not in line]
    notes = [f"in reading it, pyxdf says: {first_few(told)}"] if told else []
    if cut_bytes:
        notes.append(f"the file is truncated or damaged: {count_text(cut_bytes, 'byte')} at its end left out")
    return streams, _start(header), notes


def _start(header: Any) -> StartTime | None:
    """Read when LabRecorder began the file, which is when its streams came: ``2021-05-02T14:03:22+0200``."""
    try:
        return datetime.strptime(_first(header["info"], "datetime"), "%Y-%m-%dT%H:%M:%S%z")
    except (KeyError, TypeError, ValueError):
        return None


def _cut_bytes(file: BinaryIO) -> int:
    """Count the bytes at the end of a file that are the beginning of a chunk; the file is at its beginning then."""
    size, place = file.seek(0, io.SEEK_END), _MAGIC_BYTES
    while place < size:
        file.seek(place)
        head = file.read(9)
        length = int.from_bytes(head[1 : 1 + head[0]], "little")
        if head[0] not in (1, 4, 8) or place + 1 + head[0] + length > size:
            break
        place += 1 + head[0] + length
    file.seek(min(place, size))
    damaged = _BOUNDARY in file.read()  # in the middle: pyxdf finds its way
    file.seek(0)
    return 0 if damaged else max(0, size - place)


def _name(stream: Any) -> str:
    return _first(stream["info"], "name") or _first(stream["info"], "type") or "without a name"


def _unusable(stream: Any) -> str:
    """Say why a stream holds no signal; empty if it does."""
    if not isinstance(stream["time_series"], np.ndarray):
        return "it holds texts"
    if len(stream["time_series"]) < 2:
        return "it holds too few samples"
    if not np.isfinite(stream["time_stamps"]).all():
        return "its time stamps are damaged"
    return "" if _nominal_hz(stream) >= _LEAST_RATE_HZ else "it has no sampling rate, or a low one"


def _promised_hz(stream: Any) -> float:
    return max(0.0, float(_first(stream["info"], "nominal_srate") or 0))


def _nominal_hz(stream: Any) -> float:
    """Look up the sampling rate that a stream promises; of one that promises none, take it from the time stamps."""
    if promised_hz := _promised_hz(stream):
        return promised_hz
    # Over many samples, as they come in packets; the median, as packets get lost.
    stamps_s = stream["time_stamps"]
    reach = min(_REACH, len(stamps_s) - 1)
    span_s = float(np.median(stamps_s[reach:] - stamps_s[:-reach]))
    return reach / span_s if span_s > 0 else 0.0


def _times(stream: Any, path: Path, name: str) -> tuple[Fraction, np.ndarray, list[str]]:
    """Find the sampling rate, the place of each sample of shape ``(samples,)``, and what to say about them."""
    nominal_hz = _nominal_hz(stream)
    count = len(stream["time_stamps"])
    lag_s = stream["time_stamps"] - stream["time_stamps"][0] - np.arange(count) / nominal_hz
    # How late a sample is at least: a later one that is less late shows that only the way was long.
    late_s = np.minimum.accumulate(lag_s[::-1])[::-1]
    steps_s = np.diff(late_s, prepend=late_s[0])
    steps_s[steps_s < _SHORTEST_GAP_S] = 0.0
    longest_s, where = float(steps_s.max()), f"sample {int(steps_s.argmax()) + 1} of stream {name}"
    check_gap(longest_s, path, where)
    check_missing(float(steps_s.sum()), count / nominal_hz, longest_s, path, where)
    duration_s = stream["time_stamps"][-1] - stream["time_stamps"][0] - steps_s.sum()
    measured_hz = (count - 1) / duration_s if duration_s > 0 else nominal_hz
    notes, rate_hz = [], nominal_hz
    promised_hz = _promised_hz(stream)
    if not promised_hz or not same_rate(measured_hz, promised_hz):
        rate_hz = measured_hz
        told = f"promises {promised_hz:g} Hz" if promised_hz else "promises no sampling rate"
        notes.append(f"stream {name} {told}; its time stamps say {measured_hz:.2f} Hz, which is taken")
    gaps = np.rint(steps_s * rate_hz).astype(np.int64)
    if gaps.any():
        lost_s = gaps.sum() / rate_hz
        notes.append(f"{np.count_nonzero(gaps)} gaps in stream {name}, {lost_s:.1f} s together, are missing signal")
    return Fraction(rate_hz).limit_denominator(1000), np.arange(count) + np.cumsum(gaps), notes


def _channels(info: Any, name: str, rate_hz: Fraction, count: int, several: bool) -> list[Channel]:
    """Describe the channels of a stream; what a label leaves open, its type, the stream's type or its name tells."""
    described = _list(info)
    channels = []
    for index in range(count):
        own = described[index] if index < len(described) else {}
        words = (_first(own, "type"), _first(info, "type"), name)
        said = next((word for word in words if looks_like_ecg(word) or looks_like_other_signal(word)), "")
        label = _first(own, "label") or (said or name) + (f" {index + 1}" if count > 1 else "")
        doubt = ""
        if looks_like_ecg(said):
            label = label if looks_like_ecg(label) or looks_like_other_signal(label) else f"{said} {label}"
        elif not looks_like_ecg(label):
            doubt = f"its stream {name} says that it is {said}" if said else ""
            label = f"{name} {label}" if several and not label.startswith(name) else label
        channels.append(Channel(label, _first(own, "unit"), rate_hz, doubt=doubt))
    return channels


def _list(info: Any) -> Sequence[Any]:
    """Look up the descriptions of channels, which a stream need not have."""
    try:
        return list(info["desc"][0]["channels"][0]["channel"])
    except (KeyError, IndexError, TypeError):
        return []


def _first(info: Any, key: str) -> str:
    """Look up an entry of the description of a stream, which holds lists of texts."""
    try:
        return str(info[key][0] or "").strip()
    except (KeyError, IndexError, TypeError):
        return ""
