"""Channels of a recording: what their labels and units say, and which of them are ECG leads."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from ecg_anomaly import words
from ecg_anomaly.errors import UserError, harmless
from ecg_anomaly.records.lead_names import distinct, is_lead_name, lead_name, looks_like_ecg, looks_like_other_signal
from ecg_anomaly.records.units import is_count, is_no_unit, millivolts_per

_LONGEST_NAME = 60  # characters
_AMONG_LEADS = re.compile("d[1-4]|v", re.IGNORECASE)  # D1 and V are leads where others beside them are


@dataclass(frozen=True)
class Channel:
    """One channel as its file describes it."""

    label: str  # "" if the file gives none
    unit: str  # as the file writes it; "" if it gives none
    sampling_rate_hz: Fraction
    samples: int = 0  # in the whole recording; 0 for a stream, whose end is not known
    fault: str = ""  # why its samples cannot be used; empty if they can
    doubt: str = ""  # why it is no lead unless somebody asks for it; empty where the file gives no reason


@dataclass(frozen=True)
class Leads:
    """The channels of a file that are taken as leads."""

    channels: tuple[int, ...]  # which they are, all at one sampling rate
    names: tuple[str, ...]  # each once
    factors_mv: tuple[float, ...]  # millivolts per unit of each
    notes: tuple[str, ...]  # what was left out, and what was guessed
    asked: tuple[str, ...] = ()  # names of those that were asked for, in that order


def choose_ecg(
    channels: Sequence[Channel],
    path: Path | str,
    asked: Sequence[str] = (),
    gain: float | None = None,
    with_others: bool = False,
) -> Leads:
    """Choose the channels of a file that are ECG leads, at one sampling rate.

    What is asked for is taken, whatever its label and unit. Otherwise channels are leads whose labels say so; where no
    label does, all that may be one are, and the signal has to decide. Of several sampling rates, the one is taken that
    most of the leads have, and of two as frequent the higher one.

    Parameters
    ----------
    channels
        All channels of the file.
    path
        The file or stream, for messages.
    asked
        Names or labels of the channels to take, whatever their case.
    gain
        Units per millivolt, of channels whose unit is no voltage.
    with_others
        Whether leads of the same sampling rate come along that nobody asked for; in the order of the file.

    Raises
    ------
    UserError
        When no channel is an ECG lead; when one that is asked for is not there, cannot be read or has another sampling
        rate than the others; when the gain contradicts a unit, or is needed.
    """
    channels = list(map(_harmless, channels))
    names = distinct([lead_name(channel.label) for channel in channels])
    if asked:
        chosen, reasons = _asked_for(channels, names, path, asked), dict[int, str]()
        asked = [names[index] for index in chosen]
        if with_others:
            chosen = sorted({*chosen, *_others(channels, names, path, gain, channels[chosen[0]].sampling_rate_hz)})
    else:
        chosen, reasons = _leads_by_label(channels, names, path, gain)
    factors_mv, guesses = _factors_mv(channels, names, chosen, path, gain)
    notes = (*_told(channels, names, reasons), *guesses)
    return Leads(tuple(chosen), tuple(names[index] for index in chosen), factors_mv, notes, tuple(asked))


def _harmless(channel: Channel) -> Channel:
    label, unit = (harmless(text, _LONGEST_NAME) for text in (channel.label, channel.unit))
    return replace(channel, label=label, unit=unit)


def _told(channels: Sequence[Channel], names: Sequence[str], reasons: Mapping[int, str]) -> list[str]:
    """Say which channels were left out; by their labels, as the file has them."""
    called = [(channels[index].label or names[index], reasons[index]) for index in sorted(reasons)]
    return words.left_out("channel", called)


def _asked_for(channels: Sequence[Channel], names: Sequence[str], path: Path | str, asked: Sequence[str]) -> list[int]:
    labels = {channel.label.strip().lower(): name for channel, name in zip(channels, names, strict=True)}
    known = {name.lower() for name in names}
    chosen = find_leads(
        names, [name if name.lower() in known else labels.get(name.lower(), name) for name in asked], path
    )
    for index in chosen:
        if channels[index].fault:
            raise UserError(f"{path}: lead {names[index]} cannot be analysed: {channels[index].fault}")
    rates = {channels[index].sampling_rate_hz for index in chosen}
    if len(rates) > 1:
        told = " and ".join(f"{names[index]} at {float(channels[index].sampling_rate_hz):g} Hz" for index in chosen)
        raise UserError(f"{path}: {told} cannot be analysed together; name leads of one sampling rate")
    return chosen


def _others(
    channels: Sequence[Channel], names: Sequence[str], path: Path | str, gain: float | None, rate_hz: Fraction
) -> list[int]:
    """Find the leads of a sampling rate that can be shown beside those that are asked for."""
    try:
        found, _ = _leads_by_label(channels, names, path, gain)
    except UserError:  # no label says that it is a lead
        return []
    voltages = [index for index in found if gain is None or millivolts_per(channels[index].unit) is None]
    return [index for index in voltages if channels[index].sampling_rate_hz == rate_hz]


def _leads_by_label(
    channels: Sequence[Channel], names: Sequence[str], path: Path | str, gain: float | None
) -> tuple[list[int], dict[int, str]]:
    """Choose the channels that may be leads; tell of each other one why it is none."""
    reasons: dict[int, str] = {}
    for index, channel in enumerate(channels):
        if reason := channel.fault or channel.doubt or _why_other(channel, gain):
            reasons[index] = reason
    possible = [index for index in range(len(channels)) if index not in reasons]
    named = [index for index in possible if looks_like_ecg(channels[index].label)]
    if named:
        among_leads = any(is_lead_name(names[index]) for index in named)
        for index in possible:
            if index not in named and not (among_leads and _AMONG_LEADS.fullmatch(names[index])):
                reasons[index] = f"its name does not say that it is a lead, as {names[named[0]]}'s does"
    leads = [index for index in possible if index not in reasons]
    if leads:
        rates = Counter(channels[index].sampling_rate_hz for index in leads)
        rate = max(rates, key=lambda rate_hz: (rates[rate_hz], rate_hz))
        others = [index for index in leads if channels[index].sampling_rate_hz != rate]
        reasons.update({index: f"it is not sampled at {float(rate):g} Hz as the leads are" for index in others})
    if not leads:
        told = "; ".join(_told(channels, names, reasons)) or "no channel at all"
        raise UserError(f"{path}: holds no ECG lead ({told}); if one of them is an ECG, name it with --leads")
    return [index for index in leads if index not in reasons], reasons


def _why_other(channel: Channel, gain: float | None) -> str:
    """Say why label or unit make a channel another signal; nothing if they do not."""
    voltage = millivolts_per(channel.unit) is not None or is_no_unit(channel.unit)
    if not voltage and not is_count(channel.unit):
        return f"its unit is {channel.unit}, not a voltage"
    if looks_like_other_signal(channel.label):
        return "by its name it is no ECG lead"
    if voltage or gain is not None:
        return ""
    return f"its unit is {channel.unit}, and --gain has to say how many of them make a millivolt"


def _factors_mv(
    channels: Sequence[Channel], names: Sequence[str], chosen: Sequence[int], path: Path | str, gain: float | None
) -> tuple[tuple[float, ...], list[str]]:
    """Find how many millivolts a unit of each channel is, and say where that is a guess."""
    factors, guessed = [], []
    for index in chosen:
        unit, factor = channels[index].unit, millivolts_per(channels[index].unit)
        if factor is not None and gain is not None and not math.isclose(factor * gain, 1, rel_tol=1e-5):
            raise UserError(
                f"{path}: {names[index]} is in {unit} by its own description, which --gain {gain:g} contradicts; "
                "leave the option out, or mend the unit"
            )
        if factor is None and gain is None and not is_no_unit(unit):
            raise UserError(
                f"{path}: {names[index]} is in {unit}, which is no voltage; say with --gain how many of them make a "
                "millivolt"
            )
        if factor is None and gain is None:
            guessed.append(names[index])
        factors.append((1.0 if gain is None else 1 / gain) if factor is None else factor)
    if not guessed:
        return tuple(factors), []
    told = (
        f"no unit is given for {words.listed(guessed)}, and millivolts are taken; --gain says how many units make one"
    )
    return tuple(factors), [told]


def find_leads(names: Sequence[str], asked: Sequence[str], path: Path | str) -> list[int]:
    """Find where each of the leads ``asked`` for stands in ``names``, whatever its case; ``path`` is for messages.

    Raises
    ------
    UserError
        When no lead is asked for, one twice, or one that is not there.
    """
    positions = {name.lower(): position for position, name in enumerate(names)}
    there = f"it has {words.listed(names, 40)}"
    absent = [name for name in asked if name.lower() not in positions]
    if absent:
        raise UserError(f"{path}: has no lead {' and no lead '.join(absent)}; {there}")
    found = [positions[name.lower()] for name in asked]
    if not found or len(set(found)) < len(found):
        raise UserError(f"{path}: name at least one of its leads, and each once; {there}")
    return found
