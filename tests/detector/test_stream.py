"""Recordings without annotations: the same findings in any portions, and the same scores as the pipeline's."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.labelled import cut_at_annotations
from ecg_anomaly.detector import thresholds
from ecg_anomaly.detector.scorer import score_records
from ecg_anomaly.detector.stream import COLUMNS, Analysis, analyse, judge
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.recording import Recording
from ecg_anomaly.records.simulate import simulate_record

RATE_HZ = Fraction(360)


@pytest.fixture(scope="module")
def signals_mv():
    return simulate_record(7, 2, seed=1).signals_mv


def in_portions(detector, signals_mv, lengths):
    analysis = Analysis(detector, RATE_HZ, signals_mv.shape[1])
    ends = np.cumsum(lengths)
    findings = [analysis.push(part) for part in np.split(signals_mv, ends[ends < len(signals_mv)])]
    findings.append(analysis.finish())
    tables = [part.beats for part in findings if len(part.beats)]
    return pd.concat(tables, ignore_index=True), [event for part in findings for event in part.events]


@pytest.mark.parametrize("longest", [40, 5000])
def test_portions_change_nothing(detector, signals_mv, longest):
    signals_mv = signals_mv.copy()
    signals_mv[9000:12000] = np.nan
    signals_mv[20000:26000, 0] = np.nan
    whole = analyse(detector, RATE_HZ, [signals_mv], 2)
    lengths = np.random.default_rng(longest).integers(1, longest, size=2 * len(signals_mv) // longest + 100)
    beats, events = in_portions(detector, signals_mv, lengths)

    assert len(beats) > 90
    pd.testing.assert_frame_equal(beats, whole.beats, check_dtype=False, rtol=1e-4, atol=1e-4)
    assert sorted(events, key=lambda event: event.start_s) == whole.events
    assert [event.kind for event in events] == ["unreadable"]


def test_scores_are_those_of_the_pipeline(detector, signals_mv):
    config = detector.config
    found = analyse(detector, RATE_HZ, [signals_mv], 2).beats
    everything = _with_the_beats_at_the_ends(detector, signals_mv, found)
    symbols = np.full(len(everything), "N", dtype=object)
    beats = cut_at_annotations(
        Recording("db/a", RATE_HZ, ("MLII", "V1"), signals_mv), Annotations(everything, symbols), config
    )
    scored = beats.table.assign(**score_records(detector, beats.table, beats.windows).columns())
    expected = thresholds.flag_beats(scored, detector.threshold).set_index("sample")

    same = expected.loc[found["sample"], ["anomaly_score", "threshold", "rhythm_surprise", "patient_surprise"]]
    np.testing.assert_allclose(found[same.columns].to_numpy(dtype=float), same.to_numpy(), atol=1e-4)


def _with_the_beats_at_the_ends(detector, signals_mv, found):
    """Add the beats that have no RR interval on one side, which are not scored but make the intervals of others."""
    first, last = found.iloc[0], found.iloc[-1]
    before = round((first["time_s"] - first["rr_before_s"]) * RATE_HZ)
    after = round((last["time_s"] + last["rr_after_s"]) * RATE_HZ)
    return np.array([before, *found["sample"], after], dtype=np.int64)


def test_anomalous_beats_are_found_without_annotations(detector):
    record = simulate_record(7, 2, seed=1)
    found = analyse(detector, RATE_HZ, [record.signals_mv], 2).beats
    annotated = np.array(record.samples)
    nearest = np.abs(annotated[:, np.newaxis] - found["sample"].to_numpy(dtype=int)).argmin(axis=0)
    anomalous = np.isin(np.array(record.symbols)[nearest], ["A", "V", "F"])
    scores = found["anomaly_score"].to_numpy(dtype=float)
    assert anomalous.sum() > 5
    assert np.median(scores[anomalous]) > np.quantile(scores[~anomalous], 0.9)


def test_single_missing_samples_change_nothing_and_gaps_flag_nothing(detector, signals_mv):
    whole = analyse(detector, RATE_HZ, [signals_mv], 2).beats
    damaged = signals_mv.copy()
    damaged[300::720] = np.nan
    found = analyse(detector, RATE_HZ, [damaged], 2)
    assert found.events == []
    assert len(found.beats) == len(whole)
    assert np.abs(found.beats["sample"] - whole["sample"]).max() <= 3
    assert (found.beats["flagged"] == whole["flagged"]).mean() > 0.99

    gaps = np.arange(20 * 360, len(signals_mv) - 20 * 360, 40 * 360)
    for start in gaps:
        damaged[start : start + 5 * 360] = np.nan
    beats = analyse(detector, RATE_HZ, [damaged], 2).beats
    beside = beats[["rr_before_s", "rr_after_s"]].isna().any(axis=1)
    assert beside.any()
    assert (beats.loc[beside, "rhythm_surprise"].astype(float) < 3).all()


def test_what_cannot_be_read_is_not_flagged(detector, signals_mv):
    noisy = signals_mv.copy()
    noisy[15000:25000] += np.random.default_rng(1).normal(0, 1.0, size=(10000, 2))
    beats = analyse(detector, RATE_HZ, [noisy], 2).beats
    unreadable = ~beats["readable"].to_numpy(dtype=bool)
    assert unreadable.sum() > 10
    assert not beats.loc[unreadable, "flagged"].any()
    assert (beats.loc[unreadable, ["called", "reason"]] == "").all(axis=None)


def test_flagged_beats_are_called_something_for_a_reason():
    surprises = {"reconstruction_surprise": [1.0, 5.0, 2.0, 9.0], "patient_surprise": 3.0, "rhythm_surprise": 2.0}
    odds = {"log_odds_S": [-1.0, 2.0, -3.0, 5.0], "log_odds_V": [1.0, 3.0, -1.0, 1.0]}
    scored = pd.DataFrame({"quality": [0.9, 0.9, 0.9, 0.1], "anomaly_score": [1.0, 9.0, 9.0, 9.0], **surprises, **odds})
    judged = judge(scored, 4.0)
    assert list(judged)[-4:] == list(COLUMNS)[-4:]
    assert judged["flagged"].tolist() == [False, True, True, False]
    assert judged["called"].tolist() == ["", "V", "other", ""]
    assert judged["reason"].tolist() == ["", "reconstruction", "patient", ""]


@pytest.mark.parametrize(
    "signals_mv",
    [np.zeros((1, 2)), np.zeros((36000, 2)), np.full((36000, 2), np.nan), np.full((36000, 1), 5.0)],
    ids=["one sample", "zeros", "missing", "saturated"],
)
def test_without_a_heart_beat_there_is_no_beat(detector, signals_mv):
    assert not len(analyse(detector, RATE_HZ, [signals_mv], signals_mv.shape[1]).beats)
