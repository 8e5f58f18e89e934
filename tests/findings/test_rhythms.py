"""The rhythm of beats that are written down one by one."""

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.events import ASYSTOLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.config import load_config
from ecg_anomaly.findings.rhythm_figures import rhythm_figures
from ecg_anomaly.findings.rhythms import (
    BIGEMINY,
    COUPLET,
    FAST,
    IRREGULAR,
    KINDS,
    PAUSE,
    RUN,
    SLOW,
    TRIGEMINY,
    TRIPLET,
    Rhythm,
    describe,
    find_rhythms,
    longest_rr,
    premature,
)

LIMITS = load_config().rhythm_events


def beats_of(rhythm: str, rr_s: float | np.ndarray = 0.8) -> pd.DataFrame:
    """Beats as they are called: V, S, o (like neither) flagged, N not, x unreadable, f in fibrillation; | is a gap."""
    marks = np.array(list(rhythm.replace("|", "")))
    before_s = np.broadcast_to(rr_s, len(marks)).astype(float)
    time_s = before_s.cumsum()
    before_s = before_s.copy()
    before_s[:1] = np.nan
    before_s[[place - number for number, place in enumerate(np.flatnonzero(np.array(list(rhythm)) == "|"))]] = np.nan
    return pd.DataFrame(
        {
            "time_s": time_s,
            "rr_before_s": np.minimum(before_s, 3.0),
            "readable": marks != "x",
            "flagged": np.isin(marks, ["V", "S", "o"]),
            "called": np.where(np.isin(marks, ["V", "S"]), marks, np.where(marks == "o", "other", "")),
            "event": np.where(marks == "f", FIBRILLATION, ""),
        }
    )


def kinds_of(rhythm: str) -> list[tuple[str, int, str]]:
    return [(found.kind, found.beats, found.called) for found in find_rhythms(beats_of(rhythm), [], LIMITS)]


@pytest.mark.parametrize(
    ("rhythm", "found"),
    [
        ("", []),
        ("V", []),
        ("NNVNNN", []),
        ("NVVN", [(COUPLET, 2, "V")]),
        ("NSSSN", [(TRIPLET, 3, "S")]),
        ("NVVSVN", [(RUN, 4, "")]),
        ("VVVVVVV", [(RUN, 7, "V")]),
        ("NVVoVVN", [(COUPLET, 2, "V"), (COUPLET, 2, "V")]),
        ("NVxVN", []),
        ("NVfVN", []),
        ("NV|VN", []),
        ("NVNVN", []),
        ("NVNVNVN", [(BIGEMINY, 3, "V")]),
        ("NVNSNVNVN", [(BIGEMINY, 4, "")]),
        ("NVN|VNVN", []),
        ("NVNVVNVN", [(COUPLET, 2, "V")]),
        ("NNVNNVNNVNN", [(TRIGEMINY, 3, "V")]),
        ("NNVNNVNxVNN", []),
        ("NNSNNNSNNNSNN", []),
    ],
)
def test_premature_beats_in_a_row_and_in_cycles(rhythm: str, found: list[tuple[str, int, str]]) -> None:
    assert kinds_of(rhythm) == found


def test_a_rhythm_has_its_time_and_rate() -> None:
    run, bigeminy = find_rhythms(beats_of("NNVVVVNNNVNVNVN", 0.5), [], LIMITS)
    assert (run.start_s, run.end_s, run.rate_bpm) == (1.5, 3.0, 120)
    assert (bigeminy.start_s, bigeminy.end_s, bigeminy.rate_bpm) == (4.5, 7.0, 120)
    assert describe(run) == "run of 4 premature beats (V), 120 bpm"


def test_a_pause_is_long_has_a_signal_and_is_no_asystole() -> None:
    long_s = np.array([0.8, 0.8, 2.1, 0.8, 3.5, 2.0, 0.8])
    found = find_rhythms(beats_of("NNNNNNN", long_s), [], LIMITS)
    assert [(pause.kind, round(pause.end_s - pause.start_s, 3)) for pause in found] == [(PAUSE, 2.1), (PAUSE, 3.5)]
    assert describe(found[0]) == "pause of 2.1 s"
    assert find_rhythms(beats_of("NN|NNxNN", long_s), [], LIMITS) == []
    # A detector may find no beat at all in fibrillation.
    none = [Event(FIBRILLATION, 2.0, 5.0)]
    silent = beats_of("NNVVN", np.array([0.8, 0.8, 0.8, 3.5, 0.8]))
    assert find_rhythms(silent, none, LIMITS) == []
    assert longest_rr(silent, none) == pytest.approx((0.8, 1.6))
    assert longest_rr(silent, []) == pytest.approx((3.5, 5.9))
    assert find_rhythms(beats_of("NNNNN", np.array([1, 1, 1, 1, 5])), [Event(ASYSTOLE, 4.0, 9.0)], LIMITS) == []


@pytest.mark.parametrize(("kind", "rr_s"), [(SLOW, 1.3), (FAST, 0.45)])
def test_slow_and_fast_rhythm_last_and_are_one_whatever_single_beats_do(kind: str, rr_s: float) -> None:
    before_s = np.concatenate([np.full(30, 0.8), np.full(100, rr_s), np.full(30, 0.8)])
    before_s[[60, 61, 90]] = 0.8
    (found,) = find_rhythms(beats_of("N" * 160, before_s), [], LIMITS)
    assert (found.kind, found.called) == (kind, "")
    assert found.start_s == pytest.approx(24, abs=5 * rr_s)
    assert found.beats == pytest.approx(100, abs=5)
    short_s = np.concatenate([np.full(30, 0.8), np.full(20, rr_s), np.full(30, 0.8)])
    assert find_rhythms(beats_of("N" * 80, short_s), [], LIMITS) == []


def test_an_irregular_rhythm_ends_where_nothing_can_be_read_for_long() -> None:
    before_s = np.clip(np.random.default_rng(2).normal(0.7, 0.18, 300), 0.3, 1.6)
    before_s[[75, 150]] = [8, 20]
    beats = beats_of("N" * 75 + "|" + "N" * 75 + "|" + "N" * 150, before_s)
    found = find_rhythms(beats, [], LIMITS)
    assert [(its.kind, its.end_s - its.start_s > 45) for its in found] == [(IRREGULAR, True), (IRREGULAR, True)]
    assert found[0].end_s == beats["time_s"][149] and found[1].start_s == beats["time_s"][151]


def test_in_an_irregular_rhythm_no_beat_is_a_premature_atrial_one() -> None:
    before_s = np.clip(np.random.default_rng(2).normal(0.7, 0.18, 300), 0.3, 1.6)
    before_s[:100] = 0.8
    rhythm = "N" * 20 + "SS" + "N" * 178 + "SSNVVN" + "N" * 94
    beats = beats_of(rhythm, before_s)
    found = find_rhythms(beats, [], LIMITS)
    assert [(its.kind, its.called) for its in found] == [(COUPLET, "S"), (IRREGULAR, ""), (COUPLET, "V")]
    assert "atrial fibrillation suspected from RR intervals alone" in describe(found[1])
    assert found[1].end_s == beats["time_s"].iloc[-1]
    early, single = premature(beats, [], found)
    assert ("".join(early), single.sum()) == ("SSVV", 0)
    figures = rhythm_figures(beats, [], found, 250.0, 0.05)
    assert figures["early_in_irregular"] == 2
    assert figures["irregular_share"] == pytest.approx((found[1].end_s - found[1].start_s) / 250, abs=1e-4)


def test_the_figures_count_by_kind_and_by_hour() -> None:
    beats = beats_of("NVNNSSNVVVN" + "N" * 4000, np.append(np.full(11, 0.8), np.full(4000, 1.0)))
    figures = rhythm_figures(beats, [], find_rhythms(beats, [], LIMITS), 4100.0, 1.0)
    assert figures["counts"] == dict.fromkeys(KINDS, 0) | {COUPLET: 1, TRIPLET: 1, RUN: 1}
    assert figures["premature"]["V"] == {"beats": 4, "per_hour": 4.0, "single": 1}
    assert figures["premature"]["S"] == {"beats": 2, "per_hour": 2.0, "single": 0}
    first, second = figures["hours"]
    assert (first["beats"], first["flagged"], first["V"], first["S"]) == (3602, 6, 4, 2)
    assert (second["hour"], second["beats"], second["lowest_bpm"], second["highest_bpm"]) == (1, 409, 60.0, 60.0)
    assert figures["longest_rr"] == {"rr_s": 1.0, "at_s": 9.8}


def test_a_recording_without_beats_has_figures() -> None:
    figures = rhythm_figures(beats_of(""), [], [], 10.0, 0.0)
    assert (figures["longest_rr"], figures["irregular_share"], figures["hours"][0]["beats"]) == (None, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_words(kind: str) -> None:
    assert kind.split(maxsplit=1)[0] in describe(Rhythm(kind, 1.0, 3.5, 4, None, "V"))
