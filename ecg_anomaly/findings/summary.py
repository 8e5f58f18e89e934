"""What is kept of an analysed recording: a table of beats, a WFDB annotation file and a summary."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import wfdb

from ecg_anomaly.beats.events import ASYSTOLE, FIBRILLATION, UNREADABLE, Event
from ecg_anomaly.detector.stream import COLUMNS, Findings
from ecg_anomaly.manifest import write_whole

ANNOTATOR = "anomaly"

# Symbols of WFDB (https://physionet.org/physiotools/wag/annot-5.htm). Q is "unclassifiable beat": the detector says
# that a beat is not normal, not of which class, and a symbol of a class would claim what nobody looked for. What was
# found where the signal cannot be read may be noise, and WFDB's tools count no beat at |.
_NORMAL, _FLAGGED, _ARTIFACT, _FLUTTER_WAVE, _NOTE, _QUALITY = "N", "Q", "|", "!", '"', "~"
_UNREADABLE_SUBTYPE = -1  # of a change in signal quality; 0 is clean
_MARKS = {  # symbols where an event starts and ends; asystole has none, so comments say it
    FIBRILLATION: ("[", "]"),
    UNREADABLE: (_QUALITY, _QUALITY),
    ASYSTOLE: (_NOTE, _NOTE),
}
_NO_BEATS = "no beats found"
_RESERVED = 0  # WFDB takes a comment at the first sample for a definition of its own

_DECIMALS = {
    "time_s": 4,
    "rr_before_s": 4,
    "rr_after_s": 4,
    "quality": 3,
    "reconstruction_error": 6,
    "anomaly_score": 5,
    "threshold": 5,
}
_SURPRISE_DECIMALS = 5

TABLE_COLUMNS = (*COLUMNS, "event")  # of the table of beats

_RATE_BEATS = 8  # the heart rate is that of the median RR interval of so many beats: one early beat does not shape it
_LONGEST_HALF_RR_S = 1.0  # what a beat stands for on either side, at most: a pause is not part of it


@dataclass(frozen=True)
class BeatAnnotations:
    """Annotations as WFDB keeps them, in order of time.

    Attributes
    ----------
    samples
        Shape ``(annotations,)``: where each stands, in samples of the recording.
    symbols
        What each says, in WFDB's symbols.
    subtypes
        Shape ``(annotations,)``: -1 where the signal becomes unreadable, else 0.
    aux_notes
        What else there is to say: the score and reason of a beat, the name of an event.
    """

    samples: np.ndarray
    symbols: list[str]
    subtypes: np.ndarray
    aux_notes: list[str]


def conclude(findings: Findings, duration_s: float) -> Findings:
    """Settle what only the end of a recording shows.

    An event is known some seconds after it has begun. What was found within a fibrillation is no beat, and flags
    nothing; the column ``event`` says in which event a beat lies (empty: in none). Events end with the recording.

    Parameters
    ----------
    findings
        All findings of a recording.
    duration_s
        How long it is.
    """
    events = [
        dataclasses.replace(event, end_s=min(event.end_s, duration_s))
        for event in findings.events
        if event.start_s < duration_s
    ]
    times_s = findings.beats["time_s"].to_numpy(dtype=float)
    inside = np.full(len(times_s), "", dtype=object)
    for event in events:
        inside[(times_s >= event.start_s) & (times_s < event.end_s)] = event.kind
    lost = inside == FIBRILLATION
    beats = findings.beats.assign(
        flagged=findings.beats["flagged"].to_numpy(dtype=bool) & ~lost,
        reason=np.where(lost, "", findings.beats["reason"]),
        event=inside,
    )
    return dataclasses.replace(findings, beats=beats, events=events)


def anomaly_annotations(beats: pd.DataFrame, events: Iterable[Event], sampling_rate_hz: float) -> BeatAnnotations:
    """Say in WFDB's symbols what was found.

    Parameters
    ----------
    beats
        One row per beat, in order of time, from `conclude`.
    events
        What is not beats at all.
    sampling_rate_hz
        Samples per second of the recording.

    Returns
    -------
    BeatAnnotations
        ``N`` for a beat that is not flagged, ``Q`` for a flagged one with its score and reason, ``|`` for one that
        cannot be read; ``[`` and ``]`` around fibrillation, ``!`` for what was taken for a beat within; ``~`` around a
        stretch that cannot be read (subtype -1 where it starts), comments around an asystole. A recording without any
        has one comment that says so.
    """
    entries = list(_beat_entries(beats))
    taken = {_RESERVED, *(sample for sample, *_ in entries)}
    for event in events:
        entries += _event_entries(event, sampling_rate_hz, taken)
    entries.sort(key=lambda entry: entry[0])
    samples, symbols, subtypes, aux_notes = zip(*(entries or [(_RESERVED + 1, _NOTE, 0, _NO_BEATS)]), strict=True)
    return BeatAnnotations(np.array(samples, dtype=np.int64), list(symbols), np.array(subtypes), list(aux_notes))


def write_annotations(path: Path, beats: pd.DataFrame, events: Iterable[Event], sampling_rate_hz: float) -> None:
    """Write the annotation file of a recording, ``NAME.anomaly``, whole or not at all.

    Parameters
    ----------
    path
        Where to write; WFDB's tools find the file beside the record as annotator ``anomaly``.
    beats, events, sampling_rate_hz
        As for `anomaly_annotations`.
    """
    write_beat_annotations(path, anomaly_annotations(beats, events, sampling_rate_hz), sampling_rate_hz)


def write_beat_annotations(path: Path, annotations: BeatAnnotations, sampling_rate_hz: float) -> None:
    """Write annotations as `write_annotations` does."""
    # wfdb writes no name with a dot or a space in it, and has no way to write a file that appears whole.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".annotations-") as staging:
        wfdb.wrann(
            "recording",
            ANNOTATOR,
            annotations.samples,
            annotations.symbols,
            subtype=annotations.subtypes,
            aux_note=annotations.aux_notes,
            fs=sampling_rate_hz,
            write_dir=staging,
        )
        (Path(staging) / f"recording.{ANNOTATOR}").replace(path)


def write_beats_csv(path: Path, beats: pd.DataFrame) -> None:
    """Write the table of beats, whole or not at all, with as many decimals as mean something."""
    decimals = _DECIMALS | {name: _SURPRISE_DECIMALS for name in beats if str(name).endswith("_surprise")}
    # Tables that come from portions may hold numbers as objects, which pandas does not round.
    table = beats.astype(dict.fromkeys(decimals, float)).round(decimals)
    write_whole(path, table.to_csv(index=False, lineterminator="\n"))


def summary(
    name: str,
    sampling_rate_hz: float,
    leads: Sequence[str],
    samples: int,
    beats: pd.DataFrame,
    events: Sequence[Event],
) -> dict[str, Any]:
    """Sum up a recording, ready for JSON.

    Parameters
    ----------
    name
        Name of the recording.
    sampling_rate_hz, leads, samples
        Samples per second, names of the leads that were analysed, and samples per lead.
    beats, events
        As for `anomaly_annotations`.

    Returns
    -------
    dict
        Times in seconds from the start. What lies within a fibrillation is no beat. ``flagged_per_hour`` is per hour
        that can be read; figures that nothing defines are ``None``.
    """
    duration_s = samples / sampling_rate_hz
    beats = beats[beats["event"] != FIBRILLATION]
    lost_s = unreadable_s(beats, events, duration_s)
    flagged = beats["flagged"].to_numpy(dtype=bool)
    readable_h = (duration_s - lost_s) / 3600
    reasons = beats.loc[flagged, "reason"].value_counts()
    return {
        "recording": name,
        "duration_s": round(duration_s, 3),
        "sampling_rate_hz": sampling_rate_hz,
        "leads": list(leads),
        "beats": len(beats),
        "flagged": int(flagged.sum()),
        "flagged_per_hour": round(int(flagged.sum()) / readable_h, 2) if readable_h > 0 else None,
        "reasons": {str(reason): int(count) for reason, count in reasons.items()},
        "longest_run": _longest_run(flagged, beats["time_s"].to_numpy(dtype=float)),
        "heart_rate_bpm": _heart_rate(beats),
        "events": [
            {
                "kind": event.kind,
                "start_s": round(float(event.start_s), 3),
                "end_s": round(float(event.end_s), 3),
            }
            for event in events
        ],
        "unreadable_share": round(lost_s / duration_s, 4) if duration_s else None,
    }


def unreadable_s(beats: pd.DataFrame, events: Iterable[Event], duration_s: float) -> float:
    """Add up the seconds of a recording that cannot be read: unreadable events, and what unreadable beats stand for."""
    return _covered_s(_unreadable_spans(beats, events), duration_s)


def _beat_entries(beats: pd.DataFrame) -> Iterable[tuple[int, str, int, str]]:
    columns = ["sample", "readable", "flagged", "anomaly_score", "reason", "quality", "event"]
    for sample, readable, flagged, score, reason, quality, event in beats[columns].itertuples(index=False):
        if event == FIBRILLATION:
            yield int(sample), _FLUTTER_WAVE, 0, ""
        elif not readable:
            yield int(sample), _ARTIFACT, 0, f"unreadable, quality {quality:.2f}"
        elif flagged:
            yield int(sample), _FLAGGED, 0, f"score {score:.1f} {reason}".strip()
        else:
            yield int(sample), _NORMAL, 0, f"score {score:.1f}"


def _event_entries(event: Event, sampling_rate_hz: float, taken: set[int]) -> list[tuple[int, str, int, str]]:
    """Mark both ends of an event, on samples that no other annotation has: WFDB allows one per sample and channel."""
    start, end = round(event.start_s * sampling_rate_hz), round(event.end_s * sampling_rate_hz) - 1
    while start in taken:
        start += 1
    taken.add(start)
    end = max(end, start + 1)
    while end in taken:
        end += 1
    taken.add(end)
    starts, ends = _MARKS[event.kind]
    subtype = _UNREADABLE_SUBTYPE if event.kind == UNREADABLE else 0
    return [(start, starts, subtype, event.kind), (end, ends, 0, f"end of {event.kind}")]


def _unreadable_spans(beats: pd.DataFrame, events: Iterable[Event]) -> np.ndarray:
    """Find what cannot be read, shape ``(spans, 2)``: unreadable events, and half an RR interval around each beat."""
    lost = beats[~beats["readable"].to_numpy(dtype=bool)]
    time_s = lost["time_s"].to_numpy(dtype=float)
    before_s, after_s = (
        np.nan_to_num(np.minimum(lost[name].to_numpy(dtype=float) / 2, _LONGEST_HALF_RR_S), nan=_LONGEST_HALF_RR_S)
        for name in ("rr_before_s", "rr_after_s")
    )
    stretches = [(event.start_s, event.end_s) for event in events if event.kind == UNREADABLE]
    return np.concatenate([np.stack([time_s - before_s, time_s + after_s], axis=1), np.reshape(stretches, (-1, 2))])


def _covered_s(spans: np.ndarray, duration_s: float) -> float:
    """Seconds of a recording that lie within any of the spans."""
    spans = np.clip(spans[np.argsort(spans[:, 0], kind="stable")], 0, duration_s)
    reached = np.maximum.accumulate(np.append(0.0, spans[:, 1]))[:-1]  # by the spans before each
    return float(np.maximum(0, spans[:, 1] - np.maximum(spans[:, 0], reached)).sum())


def _longest_run(flagged: np.ndarray, time_s: np.ndarray) -> dict[str, Any] | None:
    """Most flagged beats in a row, the first such run; ``None`` where no beat is flagged."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flagged, [False]]).astype(int)))
    if not len(edges):
        return None
    runs = edges.reshape(-1, 2)  # first beat, and one past the last
    first, past = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return {
        "count": int(past - first),
        "start_s": round(float(time_s[first]), 3),
        "end_s": round(float(time_s[past - 1]), 3),
    }


def _heart_rate(beats: pd.DataFrame) -> dict[str, float | None]:
    """Median, lowest and highest heart rate, from intervals between beats that can both be read."""
    readable = beats["readable"].astype(bool)
    rr_s = beats["rr_before_s"].astype(float)[readable & readable.shift(fill_value=False)].dropna()
    rr_s = rr_s[rr_s > 0]
    if rr_s.empty:
        return {"median": None, "lowest": None, "highest": None}
    smooth_s = rr_s.rolling(min(_RATE_BEATS, len(rr_s))).median()
    rates_bpm = {"median": rr_s.median(), "lowest": smooth_s.max(), "highest": smooth_s.min()}
    return {name: round(60 / float(interval_s), 1) for name, interval_s in rates_bpm.items()}
