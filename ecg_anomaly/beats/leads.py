"""Which leads of a recording are analysed, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ecg_anomaly import words
from ecg_anomaly.beats.lead_looks import LeadLook
from ecg_anomaly.beats.quality import LEAST_QUALITY, PLAUSIBLE_MV
from ecg_anomaly.config import Records
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import find_leads
from ecg_anomaly.records.lead_names import lead_called, looks_like_ecg

_MILLI = 1000.0
# Leads in which the QRS complex and the T wave of a normal beat point up.
_UPRIGHT_LEADS = frozenset({"i", "ii", "mlii", "v5", "v6", "cm5", "ml5"})
_CLIPPED_SHARE = 0.02  # of the samples; a lead that is not clipped meets its extremes a few times a minute

_NO_BEATS = "no QRS complex is seen in it at the start, nor does its name say that it is an ECG; --leads takes it"


def choose_leads(
    names: Sequence[str],
    settings: Records,
    path: Path | str,
    looks: Sequence[LeadLook] = (),
    asked: Sequence[str] = (),
) -> list[int]:
    """Choose the leads to analyse: where each stands in ``names``, as asked, or else preferred ones first.

    Leads that can be read come before those that cannot, and those before leads without a signal; then those of
    ``records.leads`` in its order, whatever their case; then the others, the best quality first. A lead without a
    signal is taken only where there is no other; likewise one without beats where no name says that it is an ECG.

    Parameters
    ----------
    names
        The leads that are there, each once.
    path
        The file or stream, for messages.
    looks
        What the start shows of each lead; empty, all are equally good: nothing has come of the signal yet.
    asked
        Names of leads to take instead, whatever their case.

    Raises
    ------
    UserError
        When a lead that is asked for is not there, or the model takes fewer.
    """
    if len(asked) > settings.lead_count:
        raise UserError(f"{path}: --leads names {len(asked)} leads, the model takes {settings.lead_count}")
    if asked:
        return find_leads(names, asked, path)
    listed = {name.lower(): place for place, name in enumerate(settings.leads)}
    places = [listed.get(name.lower(), len(listed)) for name in names]

    def rank(lead: int) -> tuple[bool, int, float]:
        quality = looks[lead].quality if looks else 1.0
        return quality < LEAST_QUALITY, places[lead], -quality

    in_order = sorted(range(len(names)), key=lambda lead: places[lead])
    chosen = [lead for lead in in_order if not looks or looks[lead].alive]
    if looks and not any(map(looks_like_ecg, names)):
        chosen = [lead for lead in chosen if looks[lead].beats_seen] or chosen
    if len(chosen) > settings.lead_count:  # otherwise nobody need look closer
        chosen = sorted(chosen, key=rank)[: settings.lead_count]
    return [lead for lead in in_order if lead in chosen] or in_order[:1]


def left_out(names: Sequence[str], looks: Sequence[LeadLook], chosen: Sequence[int]) -> list[str]:
    """Say which leads are not analysed, and why."""
    by_name = any(map(looks_like_ecg, names))
    others = {name: look for lead, (name, look) in enumerate(zip(names, looks, strict=True)) if lead not in chosen}
    reasons = {
        name: _NO_BEATS if look.alive else "it holds no signal at the start"
        for name, look in others.items()
        if not look.alive or not (by_name or look.beats_seen)
    }
    notes = words.left_out("lead", list(reasons.items()))
    taken = [names[lead] for lead in chosen]
    return [*notes, *not_analysed([name for name in names if name not in reasons], taken)]


def not_analysed(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Say which of some leads are not analysed although nothing is wrong with them."""
    more = [name for name in names if name not in taken]
    told = (
        f"analysed: {', '.join(taken)}; not {words.listed(more)}: the model takes no more, and --leads chooses others"
    )
    return [told] if more else []


def oddities(names: Sequence[str], looks: Sequence[LeadLook]) -> list[str]:
    """Say what the user should know of the leads: a wrong gain, a swapped polarity, clipping, no ECG, no signal."""
    return [note for name, look in zip(names, looks, strict=True) for note in _oddities(lead_called(name), look)]


def _oddities(lead: str, look: LeadLook) -> Iterator[str]:
    if not look.alive:
        yield f"{lead} holds no signal at the start"
        return
    if not look.beats_seen:
        yield f"no QRS complex is seen at the start of {lead}; is it an ECG?"
    elif doubt := unit_doubt(lead, look):
        yield doubt
    if look.downward and lead.removeprefix("lead ").lower() in _UPRIGHT_LEADS:
        yield f"{lead} looks upside down: its QRS complexes and T waves point down; are its electrodes swapped?"
    if look.clipped_share > _CLIPPED_SHARE:
        yield f"{look.clipped_share:.0%} of {lead} lies at its highest or lowest value; was the amplifier saturated?"


def unit_doubt(lead: str, look: LeadLook) -> str:
    """Say that a lead with beats is not as high as an ECG in millivolts is; empty where it is."""
    if not look.beats_seen or PLAUSIBLE_MV[0] <= look.height_mv <= PLAUSIBLE_MV[1]:
        return ""
    return (
        f"{lead} is {words.score_text(look.height_mv)} mV high, which no ECG at the skin is, and cannot be judged; "
        f"{_likely_unit(look.height_mv)}"
    )


def _likely_unit(height_mv: float) -> str:
    """Ask for the unit that would make a lead as high as an ECG is."""
    for unit, gain in (("volts", 1 / _MILLI), ("microvolts", _MILLI)):
        if PLAUSIBLE_MV[0] <= height_mv / gain <= PLAUSIBLE_MV[1]:
            return f"are these {unit}? --gain {gain:g} takes a lead without a unit for that"
    return "is its unit right? --gain says how many units of a lead without one make a millivolt"
