"""Channels of a recording: what their labels and units say, and which of them are ECG leads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ecg_anomaly.errors import UserError

_UNIT_PREFIXES = {"": 1e3, "m": 1.0, "milli": 1.0, "u": 1e-3, "micro": 1e-3, "n": 1e-6, "nano": 1e-6}
_VOLT = re.compile(r"(|m|milli|u|micro|n|nano)[ -]?(v|volts?)")

# Names by which databases and devices call leads: I, aVR, V1, V3R, MLII, MCL1, CM5, D3, vx, E-S, ...
_LEAD = re.compile(
    r"i{1,3}|-?av[rlf]|v([1-9]r?)?|v?[xyz]|m?l(i{1,3}|[1-6])|m?cl[1-6]|m[vcx][1-6]|c[bcmrs][2-6]|d[1-4]|[aes]-?[ais]|"
    r"(mod\.? ?)v[1-6]",
    re.IGNORECASE,
)
_ECG = re.compile(r"ecg|ekg|electrocardio|\blead\b", re.IGNORECASE)
_BEFORE_LEAD = re.compile(r"^((ecg|ekg|lead|channel|ch)[\s_:.-]*)+", re.IGNORECASE)
_OTHER = re.compile(
    r"(eeg|eog|emg|resp|thor|abd|chest|flow|airflow|pleth|ppg|spo2|sao2|co2|abp|art|pap|cvp|bp|acc|gyro|temp|snor|pos"
    r"|hr|heart ?rate|pulse|label|ann(otations?)?|class|event|marker|trigger|status|quality|beats?|r_?peaks?)"
    r"([\s_:.(-].*|[0-9]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Channel:
    """One channel as its file describes it."""

    label: str
    unit: str
    sampling_rate_hz: Fraction
    fault: str = ""  # why its samples cannot be used; empty if they can


def millivolts_per(unit: str) -> float | None:
    """Tell how many millivolts one unit is, in any spelling of volts; ``None`` if it is no voltage."""
    # "Â" is what is left of a UTF-8 micro sign that was read as Latin-1.
    plain = unit.strip().strip("()[]").strip().lower().replace("â", "")
    spelled = _VOLT.fullmatch(plain.replace("µ", "u").replace("μ", "u"))
    return _UNIT_PREFIXES[spelled.group(1)] if spelled else None


def lead_name(label: str) -> str:
    """Make a lead's own name of a label (``ECG II`` becomes ``II``); any other label stays as it is."""
    plain = " ".join(label.split())
    bare = _BEFORE_LEAD.sub("", plain)
    return bare if _LEAD.fullmatch(bare) else plain


def looks_like_ecg(label: str) -> bool:
    """Tell whether a label is a lead's name or says that its channel is an ECG."""
    return bool(_LEAD.fullmatch(lead_name(label)) or _ECG.search(label))


def looks_like_other_signal(label: str) -> bool:
    """Tell whether a label names another signal than an ECG: EEG, respiration, heart rate, annotations, ..."""
    return not looks_like_ecg(label) and bool(_OTHER.fullmatch(label.strip()))


def choose_ecg(channels: Sequence[Channel], path: Path | str) -> tuple[list[int], list[str]]:
    """Choose the channels of a file that are ECG leads at one sampling rate.

    Channels in volts are leads. Where labels tell an ECG from other voltages (EEG, EMG, ...), only the ECG is kept;
    of several sampling rates, the one that most of the leads have, and of two as frequent the higher one.
    ``path`` is the file or stream, for messages.

    Returns
    -------
    chosen : list of int
        Indices of the channels that are kept, in the order of the file.
    notes : list of str
        For each channel that is left out, why.

    Raises
    ------
    UserError
        When no channel is an ECG lead.
    """
    reasons = {index: channel.fault for index, channel in enumerate(channels) if channel.fault}
    for index, channel in enumerate(channels):
        if millivolts_per(channel.unit) is None:
            reasons.setdefault(index, f"its unit is {channel.unit or 'not given'}, not a voltage")
    voltages = [index for index in range(len(channels)) if index not in reasons]
    by_label = any(looks_like_ecg(channels[index].label) for index in voltages)
    for index in voltages:
        label = channels[index].label
        if looks_like_other_signal(label) or (by_label and not looks_like_ecg(label)):
            reasons[index] = "by its label it is no ECG lead"
    leads = [index for index in voltages if index not in reasons]
    if leads:
        rates = Counter(channels[index].sampling_rate_hz for index in leads)
        rate = max(rates, key=lambda rate_hz: (rates[rate_hz], rate_hz))
        others = [index for index in leads if channels[index].sampling_rate_hz != rate]
        reasons.update({index: f"it is not sampled at {float(rate):g} Hz as the leads are" for index in others})
    notes = [f"left out channel {channels[index].label or index + 1}: {reasons[index]}" for index in sorted(reasons)]
    if not leads:
        raise UserError(
            f"{path}: holds no ECG lead in volts ({'; '.join(notes) or 'no channel at all'}); is it an ECG?"
        )
    return [index for index in leads if index not in reasons], notes


def find_leads(names: Sequence[str], asked: Sequence[str], path: Path | str) -> list[int]:
    """Find where each of the leads ``asked`` for stands in ``names``, whatever its case; ``path`` is for messages.

    Raises
    ------
    UserError
        When no lead is asked for, one twice, or one that is not there.
    """
    positions = {name.lower(): position for position, name in enumerate(names)}
    there = f"its leads are {', '.join(names)}"
    absent = [name for name in asked if name.lower() not in positions]
    if absent:
        raise UserError(f"{path}: has no lead {' and no lead '.join(absent)}; {there}")
    found = [positions[name.lower()] for name in asked]
    if not found or len(set(found)) < len(found):
        raise UserError(f"{path}: name at least one of its leads, and each once; {there}")
    return found


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Give names to leads that have none, and numbers to those whose name an earlier one has."""
    given: dict[str, str] = {}  # by the name in small letters
    for number, name in enumerate(names, start=1):
        plain = name or f"lead {number}"
        free, used = plain, 1
        while free.lower() in given:
            used += 1
            free = f"{plain} ({used})"
        given[free.lower()] = free
    return tuple(given.values())
