"""Detected beats beside annotated ones, compared beat by beat as AAMI EC57 does.

Everything between the annotations ``[`` and ``]`` is left out: in ventricular flutter and fibrillation there are no
beats to find. The first five minutes, which EC57 leaves to a detector that has to learn, count like the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.records.annotations import Annotations

MATCH_WINDOW_S = 0.15  # AAMI EC57
UNMATCHED = -1  # in place of the beat on the other side
NO_BEAT = ""  # class of an annotation that is none

_FLUTTER_STARTS, _FLUTTER_ENDS = "[", "]"


@dataclass(frozen=True)
class Comparison:
    """Which annotated beat each detected one is, and the reverse."""

    annotated: Annotations  # the annotated beats that are compared: those with a class, outside of flutter
    classes: np.ndarray  # shape (annotated beats,): the AAMI class of each
    detected_of: np.ndarray  # shape (annotated beats,): number of the detected beat, UNMATCHED where there is none
    annotated_of: np.ndarray  # shape (detected beats,): number of the annotated beat, UNMATCHED where there is none
    in_flutter: np.ndarray  # shape (detected beats,), bool: within flutter and not annotated; they do not count

    def to_detected(self, values: np.ndarray, otherwise: str | bool) -> np.ndarray:
        """Give each detected beat what belongs to the annotated one, and ``otherwise`` where there is none."""
        return np.asarray(np.append(values, otherwise)[self.annotated_of])  # UNMATCHED takes the last

    def to_annotated(self, values: np.ndarray, otherwise: str | bool) -> np.ndarray:
        """Give each annotated beat what belongs to the detected one, and ``otherwise`` where there is none."""
        return np.asarray(np.append(values, otherwise)[self.detected_of])


def compare_beats(
    annotations: Annotations, classes: np.ndarray, detected: np.ndarray, sampling_rate_hz: float
) -> Comparison:
    """Compare the detected beats of a record with its annotations.

    Parameters
    ----------
    annotations
        All annotations of the record.
    classes
        Shape ``(annotations,)``: the AAMI class of each, `NO_BEAT` for those that are no beats.
    detected
        Shape ``(detected beats,)``: the samples of the detected beats, increasing.
    """
    compared = (classes != NO_BEAT) & ~in_flutter(annotations.samples, annotations)
    annotated = Annotations(annotations.samples[compared], annotations.symbols[compared])
    detected_of = match_beats(annotated.samples, detected, sampling_rate_hz)
    annotated_of = np.full(len(detected), UNMATCHED)
    found = np.flatnonzero(detected_of != UNMATCHED)
    annotated_of[detected_of[found]] = found
    lost = in_flutter(detected, annotations) & (annotated_of == UNMATCHED)
    return Comparison(annotated, classes[compared], detected_of, annotated_of, lost)


def match_beats(annotated: np.ndarray, detected: np.ndarray, sampling_rate_hz: float) -> np.ndarray:
    """Find the detected beat of each annotated one; each beat is matched once at most.

    Parameters
    ----------
    annotated, detected
        Shape ``(annotated beats,)`` and ``(detected beats,)``: samples, increasing.

    Returns
    -------
    ndarray of int
        Shape ``(annotated beats,)``: the number of the detected beat, `UNMATCHED` where there is none.

    Notes
    -----
    The rule of ``bxb``, WFDB's implementation of EC57: of the next annotated and the next detected beat the earlier
    one is matched with the other if that lies within the window and nearer than what follows it on its side; else
    the earlier one has no match. `wfdb.processing.compare_annotations` is not used: it takes the end of the window
    out, may give one detected beat to two annotated ones (annotated at 0, 40, 60, 80 and detected at 10, 78), and
    fails where nothing is detected. Where beats are as far apart as hearts allow, both match the same ones.
    """
    window = int(MATCH_WINDOW_S * sampling_rate_hz + 1e-9)
    matched = np.full(len(annotated), UNMATCHED)
    # Behind the last beat of either side nothing is near.
    reference, found = [*annotated.tolist(), np.inf], [*detected.tolist(), np.inf]
    i = j = 0
    while i < len(annotated) and j < len(detected):
        apart = abs(reference[i] - found[j])
        detected_first = found[j] < reference[i]
        next_apart = abs(reference[i] - found[j + 1]) if detected_first else abs(reference[i + 1] - found[j])
        if apart <= window and apart < next_apart:
            matched[i] = j
            i, j = i + 1, j + 1
        elif detected_first:
            j += 1
        else:
            i += 1
    return matched


def in_flutter(samples: np.ndarray, annotations: Annotations) -> np.ndarray:
    """Tell which samples lie within ventricular flutter or fibrillation: from ``[`` to ``]``, or to the end."""
    starts = annotations.samples[annotations.symbols == _FLUTTER_STARTS]
    ends = annotations.samples[annotations.symbols == _FLUTTER_ENDS]
    inside = np.zeros(len(samples), dtype=bool)
    for start in starts:
        later = ends[ends >= start]
        inside |= (samples >= start) & (samples <= (later[0] if len(later) else np.inf))
    return inside
