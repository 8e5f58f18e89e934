"""Resting ECGs as electrocardiographs and hospital systems write them, parsed by ecgdatakit.

It reads a file whole, which for ten seconds is no matter, and gives the counts with their resolution. Tried against
the files' own bytes, its amplitudes, leads and lengths are right; what it leaves wrong is mended here:

- Sampling rates come rounded to whole hertz. The exact ones stand in its metadata.
- In SCP-ECG a lead that begins later than others is put at the beginning.
- The pulse of 1 mV by which some devices end a recording is taken for signal.
"""

from __future__ import annotations

import math
import re
import tempfile
import warnings
from collections.abc import Sequence
from datetime import datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ecg_anomaly.errors import UserError, first_few
from ecg_anomaly.records import kinds
from ecg_anomaly.records.array_source import array_source
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import COPY, damaged
from ecg_anomaly.records.devices.derived_leads import with_derived_leads
from ecg_anomaly.records.devices.extras import library, missing
from ecg_anomaly.records.source import Source
from ecg_anomaly.records.start_times import start_time
from ecg_anomaly.words import StartTime, count_text

_EXPORT = "export the ECG as a waveform"
_OTHER_JSON = f"{COPY}; JSON of another kind is not read, export it as a table or as EDF"
_FOR_PROGRAMS = re.compile(r"\s*\(see raw_metadata\S*\)")
_OF_AVERAGES = re.compile(r"median|representative beat|reference beat|typical_cycle|section 5", re.IGNORECASE)
_MENDED = re.compile(r"Sampling rate .* is not an integer")
_PREFIX = re.compile(r"^(GE MUSE|MFER|SCP-ECG|Sierra XML|HL7 aECG|Mortara|Kardia)[ :]+")
_SHORTEST_PULSE_S = 0.1
_LATEST = 100  # times its own length that a lead may begin after the others: more is a damaged number


def open_clinical(path: Path, kind: str) -> Source:
    """Open a resting ECG of a kind that ecgdatakit reads; errors as for `recording.open_recording`.

    Parameters
    ----------
    path
        The file.
    kind
        What it is, as `kinds.kind_of` names it, which are ecgdatakit's names.
    """
    toolkit = library("ecgdatakit", path, f"a file of the kind {kind}")
    parser = next(parser for parser in toolkit.FileParser().parsers if kind == parser.FORMAT_NAME)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            record = _parsed(parser, path, kind)
            channels, signals = _channels(record)
        except ImportError as error:
            raise missing(error.name or "pydicom", path, f"a file of the kind {kind}") from None
        except Exception as error:  # whatever a damaged file provokes in a parser
            if kind == kinds.DICOM and type(error).__name__ == "MissingElementError":
                raise UserError(f"{path}: is DICOM without a waveform, a picture or a document; {_EXPORT}") from None
            raise damaged(path, _plain(error, path), kind, _OTHER_JSON if kind == kinds.KARDIA else COPY) from None
    if not any(map(len, signals)):
        raise UserError(f"{path}: holds no samples of a rhythm strip; {COPY}")
    notes = _notes(told, path)
    surplus = path.stat().st_size - record.raw_metadata.get("file_size", math.inf)
    if surplus > 0:  # of an SCP-ECG file
        notes.append(f"after the end of the recording, {count_text(surplus, 'byte')} left out")
    if off := [lead.label for lead in record.leads if lead.annotations.get("LeadOff")]:
        notes.append(f"by the file, electrodes were off in {', '.join(off)}")
    notes += _leave_out_calibration(channels, signals)
    return with_derived_leads(array_source(channels, signals, notes, _start(record)))


def _parsed(parser: Any, path: Path, kind: str) -> Any:
    with path.open("rb") as file:
        if kind != kinds.DICOM or file.read(132).endswith(b"DICM"):
            return parser().parse(path)
    # As sent over a network, without the part before the data set, which ecgdatakit asks for.
    with tempfile.TemporaryDirectory() as folder:
        (copy := Path(folder) / path.name).write_bytes(bytes(128) + b"DICM" + path.read_bytes())
        return parser().parse(copy)


def _channels(record: Any) -> tuple[list[Channel], list[np.ndarray]]:
    channels, signals = [], []
    rates = _exact_rates(record)
    for number, lead in enumerate(record.leads):
        scaled = lead.to_physical() if lead.resolution_unit and lead.resolution else lead
        late = int(lead.annotations.get("start_sample", 1)) - 1
        if late > _LATEST * len(scaled.samples):
            raise ValueError(f"lead {lead.label} begins {late} samples after the others")
        signals.append(np.concatenate([np.full(late, np.nan), scaled.samples]))
        lead.samples = scaled.samples[:0]  # so that a long recording is not held twice
        # Counts without a scale: they would be taken for millivolts if they had no unit at all.
        unit = scaled.units or lead.adc_resolution_unit or "counts"
        rate_hz = rates[number] if rates else Fraction(lead.sampling_rate)
        if rate_hz <= 0:
            raise ValueError(f"lead {lead.label} has no sampling rate")
        channels.append(Channel(lead.label, unit, rate_hz))
    return channels, signals


def _exact_rates(record: Any) -> list[Fraction]:
    """Find the sampling rates of the leads as the file gives them; empty if ecgdatakit keeps no other than rounded."""
    known, leads = record.raw_metadata, len(record.leads)
    if rates := known.get("sampling_rates"):  # MFER
        exact = list(rates)
    elif rate_hz := known.get("rhythm_time", {}).get("sampling_rate_exact"):  # aECG
        exact = [rate_hz] * leads
    elif groups := known.get("multiplex_groups"):  # DICOM: the first that has as many channels is the rhythm strip
        exact = [group["sampling_frequency"] for group in groups if group["samples"] == len(record.leads[0].samples)]
        exact = exact[:1] * leads
    elif isinstance(known.get("raw"), dict):  # Kardia
        exact = [float(known["raw"]["frequency"])] * leads
    elif interval_us := known.get("rhythm_sample_interval_us"):  # SCP-ECG: whole microseconds, 3906 at 256 Hz
        rounded_hz = record.leads[0].sampling_rate
        same = round(1_000_000 / rounded_hz) == interval_us
        exact = [rounded_hz if same else 1_000_000 / interval_us] * leads
    else:
        exact = []
    return [Fraction(rate_hz).limit_denominator(1000) for rate_hz in exact]


def _start(record: Any) -> StartTime | None:
    """Look up when an ECG was recorded; of midnight sharp, only the day is known."""
    moment = record.recording.date
    if not isinstance(moment, datetime) or moment.time() == time.min:
        return None
    return start_time(moment.date(), moment.time())


def _leave_out_calibration(channels: Sequence[Channel], signals: Sequence[np.ndarray]) -> list[str]:
    """Make missing what is the device's calibration pulse, and say so."""
    calibrated = _calibration(channels, signals)
    if calibrated is None:
        return []
    for signal in signals:
        signal[slice(*calibrated)] = np.nan
    from_s, to_s = (place / float(channels[0].sampling_rate_hz) for place in calibrated)
    return [f"from {from_s:.2f} to {to_s:.2f} s all leads hold the device's calibration pulse; left out"]


def _calibration(channels: Sequence[Channel], signals: Sequence[np.ndarray]) -> tuple[int, int] | None:
    """Find a stretch at the end or the beginning in which all leads hold the same pulse, which no ECG does.

    Returns
    -------
    tuple of int or None
        The first sample, and the one after the last.
    """
    rates, lengths = {channel.sampling_rate_hz for channel in channels}, {len(signal) for signal in signals}
    if len(channels) < 3 or len(rates) > 1 or len(lengths) > 1:
        return None
    together = np.stack(signals)
    differ = np.flatnonzero((together != together[0]).any(axis=0))  # as what is missing does from everything
    if not len(differ):
        return None
    samples = together.shape[1]
    for first, stop in ((0, int(differ[0])), (int(differ[-1]) + 1, samples)):
        stretch = together[0, first:stop]
        if len(stretch) >= _SHORTEST_PULSE_S * rates.copy().pop() and np.ptp(stretch) > 0:
            return first, stop
    return None


def _notes(told: Sequence[warnings.WarningMessage], path: Path) -> list[str]:
    """Say what ecgdatakit warned of, but for the average beats, which are not read."""
    of_rhythm = [warning for warning in told if not _OF_AVERAGES.search(str(warning.message))]
    checksums = [warning for warning in of_rhythm if warning.category.__name__ == "ChecksumWarning"]
    others = [_PREFIX.sub("", _plain(warning.message, path)) for warning in of_rhythm if warning not in checksums]
    others = [other for other in dict.fromkeys(others) if not _MENDED.match(other)]
    notes = [f"in reading it, ecgdatakit says: {first_few(others)}"] if others else []
    if checksums:
        notes.append(f"checksums that do not match: {len(checksums)}; the file is damaged, or they were never computed")
    return notes


def _plain(message: object, path: Path) -> str:
    """Make one line of a message, without the path that stands before it anyway."""
    text = " ".join(str(message).split())
    for name in (str(path), path.name):
        text = re.sub(rf"(?:\s*\b(?:of|in|from))?\s*{re.escape(name)}", "", text)
    text = _FOR_PROGRAMS.sub("", text)
    return text.strip(" :.") or type(message).__name__
