"""The files of an analysed recording: their names, and how beats and annotations are written."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import wfdb

from ecg_anomaly.beats.events import UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.findings.rhythms import Rhythm, describe
from ecg_anomaly.manifest import write_whole
from ecg_anomaly.words import CALLED

BEATS, ANNOTATIONS, SUMMARY, PAGE = FILES = ("{}.beats.csv", "{}.anomaly", "{}.summary.json", "{}.html")
ANNOTATOR = "anomaly"

# Symbols of WFDB (https://physionet.org/physiotools/wag/annot-5.htm). Q is "unclassifiable beat": what the detector
# calls a beat is a guess, which the comment tells; a symbol of a class would claim more. What was found where the
# signal cannot be read may be noise, and WFDB's tools count no beat at |.
_NORMAL, _FLAGGED, _ARTIFACT, _FLUTTER_WAVE, _NOTE, _QUALITY = "N", "Q", "|", "!", '"', "~"
_UNREADABLE_SUBTYPE = -1  # of a change in signal quality; 0 is clean
# Symbols where an event starts and ends. Others have none, and that of a rhythm (+) would last until the next one,
# which nobody knows: comments say it.
_ENDS = {FIBRILLATION: ("[", "]"), UNREADABLE: (_QUALITY, _QUALITY)}
_NO_BEATS = "no beats found"
_END = b"\0\0"  # of a file of annotations
_RESERVED = 0  # WFDB takes a comment at the first sample for a definition of its own

_DECIMALS = {
    **{"time_s": 4, "rr_before_s": 4, "rr_after_s": 4, "quality": 3},
    **{"reconstruction_error": 6, "log_odds_S": 5, "log_odds_V": 5, "anomaly_score": 5, "threshold": 5},
}
_SURPRISE_DECIMALS = 5
_ROWS_AT_ONCE = 20_000  # that are written: pandas and wfdb take about 1 kB for each meanwhile

_Entry = tuple[int, str, int, str]  # of a table of annotations


def anomaly_annotations(beats: pd.DataFrame, events: Iterable[Event], sampling_rate_hz: float) -> pd.DataFrame:
    """Say in WFDB's symbols what was found of a recording: beats and events, rhythms among them.

    Beats have `summary.TABLE_COLUMNS` and may have the column ``mark`` of a review.

    Returns
    -------
    DataFrame
        One row per annotation, in order of time: ``sample, symbol, subtype, aux_note``. ``N`` for a beat that is not
        flagged, ``Q`` for a flagged one with its score, what it is like and the reason, ``|`` for one that cannot be
        read; ``[`` and ``]`` around fibrillation, ``!`` for what was taken for a beat within; ``~`` around a stretch
        that cannot be read (subtype -1 where it starts), comments around an asystole, a ventricular tachycardia or a
        rhythm. What is said of a marked beat ends with its mark. A recording without any has one comment that says so.
    """
    columns = ["sample", "symbol", "subtype", "aux_note"]
    starts = range(0, len(beats), _ROWS_AT_ONCE)
    parts = (list(_beat_entries(beats.iloc[first : first + _ROWS_AT_ONCE])) for first in starts)
    of_beats, taken = np.sort(beats["sample"].to_numpy(dtype=np.int64)), {_RESERVED}
    others = (entry for event in events for entry in _event_entries(event, sampling_rate_hz, of_beats, taken))
    tables = [pd.DataFrame(part, columns=columns) for part in itertools.chain(parts, [list(others)]) if part]
    if not tables:
        return pd.DataFrame([(_RESERVED + 1, _NOTE, 0, _NO_BEATS)], columns=columns)
    return pd.concat(tables).sort_values("sample", kind="stable", ignore_index=True)


def write_annotations(path: Path, annotations: pd.DataFrame, sampling_rate_hz: float) -> None:
    """Write what `anomaly_annotations` gave as a WFDB file, whole or not at all.

    WFDB's tools find ``NAME.anomaly`` beside the record as annotator ``anomaly``.
    """
    # wfdb writes no name with a dot or a space in it, and has no way to write a file that appears whole.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".annotations-") as staging:
        whole = Path(staging) / "whole"
        with whole.open("wb") as file:
            for first in range(0, len(annotations), _ROWS_AT_ONCE):
                file.write(_annotation_bytes(annotations, first, sampling_rate_hz, staging))
            file.write(_END)
        whole.replace(path)


def _annotation_bytes(annotations: pd.DataFrame, first: int, sampling_rate_hz: float, staging: str) -> bytes:
    """Give some annotations as wfdb writes them, counted from the one before; without the end of the file."""
    rows = annotations.iloc[first : first + _ROWS_AT_ONCE]
    samples = rows["sample"].to_numpy(dtype=np.int64)
    wfdb.wrann(
        "recording",
        ANNOTATOR,
        samples - int(annotations["sample"].iloc[first - 1]) if first else samples,
        rows["symbol"].tolist(),
        subtype=rows["subtype"].to_numpy(),
        aux_note=rows["aux_note"].tolist(),
        fs=None if first else sampling_rate_hz,
        write_dir=staging,
    )
    return (Path(staging) / f"recording.{ANNOTATOR}").read_bytes().removesuffix(_END)


def write_beats_csv(path: Path, beats: pd.DataFrame) -> None:
    """Write the table of beats, whole or not at all."""
    starts = range(0, max(1, len(beats)), _ROWS_AT_ONCE)
    parts = (rounded(beats.iloc[first : first + _ROWS_AT_ONCE]) for first in starts)
    texts = (part.to_csv(index=False, header=not number, lineterminator="\n") for number, part in enumerate(parts))
    write_whole(path, texts)


def rounded(beats: pd.DataFrame) -> pd.DataFrame:
    """Give the table of beats with as many decimals as mean something."""
    decimals = _DECIMALS | {name: _SURPRISE_DECIMALS for name in beats if str(name).endswith("_surprise")}
    # Tables that come from portions may hold numbers as objects, which pandas does not round.
    return beats.astype(dict.fromkeys(decimals, float)).round(decimals)


def _beat_entries(beats: pd.DataFrame) -> Iterator[_Entry]:
    columns = ["sample", "readable", "flagged", "anomaly_score", "called", "reason", "quality", "event"]
    table = beats[columns].assign(
        mark=[f", marked {mark}" if mark else "" for mark in beats.get("mark", [""] * len(beats))]
    )
    for sample, readable, flagged, score, called, reason, quality, event, mark in table.itertuples(index=False):
        if event == FIBRILLATION:
            yield int(sample), _FLUTTER_WAVE, 0, mark.removeprefix(", ")
        elif not readable:
            yield int(sample), _ARTIFACT, 0, f"unreadable, quality {quality:.2f}{mark}"
        elif flagged:
            yield int(sample), _FLAGGED, 0, f"score {score:.1f}, {CALLED[called]}, {reason}{mark}"
        else:
            yield int(sample), _NORMAL, 0, f"score {score:.1f}{mark}"


def _event_entries(event: Event, sampling_rate_hz: float, of_beats: np.ndarray, taken: set[int]) -> Iterator[_Entry]:
    # On samples that no other annotation has: WFDB allows one per sample and channel.
    starts, ends = _ENDS.get(event.kind, (_NOTE, _NOTE))
    words = describe(event) if isinstance(event, Rhythm) else event.kind
    start = _free(round(event.start_s * sampling_rate_hz), of_beats, taken)
    yield start, starts, _UNREADABLE_SUBTYPE if event.kind == UNREADABLE else 0, words
    end = _free(max(round(event.end_s * sampling_rate_hz) - 1, start + 1), of_beats, taken)
    yield end, ends, 0, f"end of {event.kind}"


def _free(sample: int, of_beats: np.ndarray, taken: set[int]) -> int:
    """Take the first sample from one on that has no annotation."""
    while sample in taken or sample in of_beats[np.searchsorted(of_beats, sample) :][:1]:
        sample += 1
    taken.add(sample)
    return sample
