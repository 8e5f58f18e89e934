"""Opening a recording with the leads that are analysed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ecg_anomaly.batch.request import Request
from ecg_anomaly.beats.lead_looks import START_S, LeadLook, look_at_start
from ecg_anomaly.beats.leads import choose_leads, left_out, oddities
from ecg_anomaly.config import Config
from ecg_anomaly.handover.model import cost_of_leads
from ecg_anomaly.records.recording import RecordingFile, open_recording

_MOST_SHOWN = 16  # leads: twelve, and those on the back or of the right side


def open_leads(path: str | Path, request: Request, config: Config) -> RecordingFile:
    """Open a recording with the leads that are analysed: those asked for, or else chosen by how it starts.

    Raises
    ------
    UserError
        As `recording.open_recording`, and as `leads.choose_leads`.
    """
    recording, judged = open_all_leads(path, request, config)
    return recording.chosen([recording.leads[lead] for lead in judged])


def open_all_leads(path: str | Path, request: Request, config: Config) -> tuple[RecordingFile, list[int]]:
    """Open a recording with all its leads, but for a great many; give it, and where those stand that are analysed.

    The latter come in the order in which they are analysed. Errors as of `open_leads`.
    """
    whole = open_recording(path, request.sampling_rate_hz, request.gain, request.leads, with_others=True)
    return choose_judged(whole, config)[:2]


def choose_judged(whole: RecordingFile, config: Config) -> tuple[RecordingFile, list[int], list[LeadLook]]:
    """Choose the leads of a recording that are analysed; as `open_all_leads`, and with what their start looks like."""
    looked_at = whole.chosen(whole.asked) if whole.asked else whole
    looks, start_s = look_at_start(looked_at.blocks(START_S), whole.sampling_rate_hz, config)
    chosen = choose_leads(looked_at.leads, config.records, whole.path, looks, whole.asked)
    names = [looked_at.leads[lead] for lead in chosen]
    notes = [*left_out(looked_at.leads, looks, chosen), *oddities(names, [looks[lead] for lead in chosen])]
    if start_s:
        notes.append(f"no beat is seen in the first {start_s / 60:g} min; leads are chosen by what comes then")
    if cost := cost_of_leads(config, len(names)):
        notes.append(cost)
    # As many as fit a screen, in the order of the file; those that are analysed are among them.
    others = [name for name in whole.leads if name not in names][: max(0, _MOST_SHOWN - len(names))]
    shown = whole.chosen([name for name in whole.leads if name in (*names, *others)])
    if hidden := len(whole.leads) - len(shown.leads):
        notes.append(f"shown: {len(shown.leads)} of its {len(whole.leads)} leads; not the last {hidden} of the others")
    shown = dataclasses.replace(shown, notes=(*whole.notes, *notes))
    return shown, [shown.leads.index(name) for name in names], [looks[lead] for lead in chosen]
