"""What became of an analysed recording: what only its end shows, and a summary."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.detector.stream import COLUMNS, Findings
from ecg_anomaly.findings.groups import Group, GroupFigures
from ecg_anomaly.findings.heart_rate import HeartRate, heart_rate
from ecg_anomaly.findings.rhythm_figures import RhythmFigures, rhythm_figures
from ecg_anomaly.findings.rhythms import Rhythm, stretches_of
from ecg_anomaly.words import count_text

TABLE_COLUMNS = (*COLUMNS, "event")  # of the table of beats

_USUAL_BPM = (25, 200)  # of a whole recording; beyond, its time may be stretched
_LONGEST_HALF_RR_S = 1.0  # what a beat stands for on either side, at most: a pause is not part of it


class Run(TypedDict):
    """Flagged beats in a row."""

    count: int
    start_s: float
    end_s: float


class EventTimes(TypedDict):
    """One of the events."""

    kind: str
    start_s: float
    end_s: float


class Summary(TypedDict):
    """The content of ``NAME.summary.json``.

    Times are in seconds from the start, which ``start_time`` tells in ISO 8601: a time without a date where nobody
    knows the day. ``leads`` were judged, ``leads_not_judged`` are only shown.

    What lies within a fibrillation is no beat. ``flagged_per_hour`` is per hour of the ``readable_s``; ``called`` and
    ``reasons`` count flagged beats; ``notes`` is what the user should know; figures that nothing defines are ``None``.
    """

    recording: str
    duration_s: float
    sampling_rate_hz: float
    leads: list[str]
    leads_not_judged: list[str]
    start_time: str | None
    beats: int
    flagged: int
    flagged_per_hour: float | None
    called: dict[str, int]
    reasons: dict[str, int]
    longest_run: Run | None
    heart_rate_bpm: HeartRate
    events: list[EventTimes]
    rhythm: RhythmFigures
    groups: list[GroupFigures]
    readable_s: float
    unreadable_share: float | None
    notes: list[str]


@dataclass(frozen=True)
class About:
    """A recording that is summed up."""

    name: str
    sampling_rate_hz: float
    leads: Sequence[str]  # that were judged
    samples: int  # per lead
    notes: Sequence[str] = ()  # what the user should know of it
    leads_not_judged: Sequence[str] = ()
    start_time: str | None = None  # in ISO 8601


def conclude(findings: Findings, duration_s: float) -> Findings:
    """Settle what only the end of a recording shows.

    An event is known some seconds after it has begun. What was found within a fibrillation is no beat, and flags
    nothing; the column ``event`` says in which event a beat lies (empty: in none). Events end with the recording.
    """
    events = [
        dataclasses.replace(event, end_s=min(event.end_s, duration_s))
        for event in sorted(findings.events, key=lambda event: event.start_s)
        if event.start_s < duration_s
    ]
    times_s = findings.beats["time_s"].to_numpy(dtype=float)
    inside = np.full(len(times_s), "", dtype=object)
    for event in events:
        inside[(times_s >= event.start_s) & (times_s < event.end_s)] = event.kind
    return dataclasses.replace(findings, beats=without_flutter(findings.beats.assign(event=inside)), events=events)


def without_flutter(beats: pd.DataFrame) -> pd.DataFrame:
    """Give beats of which none within a fibrillation is flagged; they have `TABLE_COLUMNS`."""
    lost = (beats["event"] == FIBRILLATION).to_numpy()
    flagged = beats["flagged"].to_numpy(dtype=bool) & ~lost
    return beats.assign(flagged=flagged, **{name: beats[name].mask(lost, "") for name in ("called", "reason")})


def summarise(
    about: About, concluded: Findings, rhythms: Sequence[Rhythm] = (), groups: Sequence[Group] = ()
) -> Summary:
    """Sum up a recording, ready for JSON.

    Parameters
    ----------
    about
        The recording.
    concluded
        All findings, from `conclude`.
    rhythms, groups
        What was found of it by `rhythms.find_rhythms` and `groups.group_beats`.
    """
    duration_s = about.samples / about.sampling_rate_hz
    beats = concluded.beats[concluded.beats["event"] != FIBRILLATION]
    lost_s = unreadable_s(beats, concluded.events, duration_s)
    flagged = beats["flagged"].to_numpy(dtype=bool)
    readable_s = duration_s - lost_s
    readable_h = readable_s / 3600
    return {
        "recording": about.name,
        "duration_s": round(duration_s, 3),
        "sampling_rate_hz": about.sampling_rate_hz,
        "leads": list(about.leads),
        "leads_not_judged": list(about.leads_not_judged),
        "start_time": about.start_time,
        "beats": len(beats),
        "flagged": int(flagged.sum()),
        "flagged_per_hour": round(int(flagged.sum()) / readable_h, 2) if readable_h > 0 else None,
        "called": _counts(beats.loc[flagged, "called"]),
        "reasons": _counts(beats.loc[flagged, "reason"]),
        "longest_run": _longest_run(flagged, beats["time_s"].to_numpy(dtype=float)),
        "heart_rate_bpm": heart_rate(beats),
        "events": [
            {"kind": event.kind, "start_s": round(float(event.start_s), 3), "end_s": round(float(event.end_s), 3)}
            for event in concluded.events
        ],
        "rhythm": rhythm_figures(concluded.beats, concluded.events, rhythms, duration_s, readable_h),
        "groups": [group.to_json() for group in groups],
        "readable_s": round(readable_s, 3),
        "unreadable_share": round(lost_s / duration_s, 4) if duration_s else None,
        "notes": list(about.notes),
    }


def doubts(concluded: Findings) -> list[str]:
    """Say of all findings, from `conclude`, what makes doubt how the recording was read."""
    beats = concluded.beats
    if beats.empty and not concluded.events:
        return ["no beat was found: is it an ECG, and were the electrodes on? --leads chooses other leads"]
    if beats.empty:
        return ["no beat was found: is it an ECG? the events say what was found instead"]
    if not beats["readable"].any():
        found = count_text(len(beats), "beat")
        return [
            f"none of what was found ({found}) can be read, so that nothing could be judged; is it an ECG, and is its "
            "unit right (--gain)?"
        ]
    median_bpm = heart_rate(beats)["median"]
    if median_bpm is not None and not _USUAL_BPM[0] <= median_bpm <= _USUAL_BPM[1]:
        return [f"the median heart rate is {median_bpm:.0f} a minute: is the sampling rate right (--sampling-rate)?"]
    return []


def unreadable_s(beats: pd.DataFrame, events: Iterable[Event], duration_s: float) -> float:
    """Add up the seconds of a recording that cannot be read: unreadable events, and what unreadable beats stand for."""
    lost = beats[~beats["readable"].to_numpy(dtype=bool)]
    time_s = lost["time_s"].to_numpy(dtype=float)
    before_s, after_s = (  # half an RR interval
        np.nan_to_num(np.minimum(lost[name].to_numpy(dtype=float) / 2, _LONGEST_HALF_RR_S), nan=_LONGEST_HALF_RR_S)
        for name in ("rr_before_s", "rr_after_s")
    )
    stretches = [(event.start_s, event.end_s) for event in events if event.kind == UNREADABLE]
    spans = np.concatenate([np.stack([time_s - before_s, time_s + after_s], axis=1), np.reshape(stretches, (-1, 2))])
    spans = np.clip(spans[np.argsort(spans[:, 0], kind="stable")], 0, duration_s)
    reached = np.maximum.accumulate(np.append(0.0, spans[:, 1]))[:-1]  # by the spans before each
    return float(np.maximum(0, spans[:, 1] - np.maximum(spans[:, 0], reached)).sum())


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}


def _longest_run(flagged: np.ndarray, time_s: np.ndarray) -> Run | None:
    """Most flagged beats in a row, the first such run; ``None`` where no beat is flagged."""
    runs = stretches_of(flagged)
    if not len(runs):
        return None
    first, past = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    start_s, end_s = (round(float(time_s[beat]), 3) for beat in (first, past - 1))
    return {"count": int(past - first), "start_s": start_s, "end_s": end_s}
