from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats import cutter as module
from ecg_anomaly.beats.labelled import cut_at_annotations
from ecg_anomaly.config import load_config
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.recording import Recording
from ecg_anomaly.records.simulate import simulate_record
from tests import direct_formulas

CONFIG = load_config()
BEAT = CONFIG.beat
SCALINGS = ["record_min_max", "beat_min_max", "beat_standardise"]
# From the annotation: realigned, window, filter and resampling, smoothed slope.
REACH_S = BEAT.realign_s + BEAT.window_after_s + 1.0 + 0.1


def cut(recording, annotations, lead_count=2, **settings):
    records = CONFIG.records.model_copy(update={"lead_count": lead_count})
    beat = BEAT.model_copy(update=settings)
    return cut_at_annotations(recording, annotations, CONFIG.model_copy(update={"records": records, "beat": beat}))


def simulated(patient=1, minutes=1.0, leads=2):
    record = simulate_record(patient, minutes, seed=1)
    recording = Recording("simdb/s", Fraction(360), record.leads[:leads], record.signals_mv[:, :leads])
    return recording, Annotations(np.array(record.samples), np.array(record.symbols, dtype=object))


def with_signals(recording, signals_mv):
    return Recording(recording.name, recording.sampling_rate_hz, recording.leads, signals_mv)


def pulses(times_s, seconds, heights_mv=None):
    """A lead at 120 Hz in which every beat is the same narrow wave, and the annotations of its beats."""
    samples = np.round(np.asarray(times_s) * 120).astype(int)
    lead = np.zeros(seconds * 120)
    lead[samples] = 1.0 if heights_mv is None else heights_mv
    lead = np.convolve(lead, np.hanning(9), mode="same")
    annotations = Annotations(samples, symbols("N" * len(samples)))
    return Recording("db/p", Fraction(120), ("I",), lead[:, np.newaxis]), annotations


def symbols(text):
    return np.array(list(text), dtype=object)


def test_windows_follow_the_formulas():
    recording, annotations = simulated(patient=3)
    found = cut(recording, annotations)

    thinned = [direct_formulas.every_third_sample(lead) for lead in recording.signals_mv.T]
    leads = [direct_formulas.band_pass(lead, 120, 0.5, 40.0, BEAT.filter_half_length_s) for lead in thinned]
    near = [round(sample / 3) for sample in found.table["sample"]]
    fiducials = [direct_formulas.fiducial(leads, sample, 7) for sample in near]
    np.testing.assert_allclose(found.table["fiducial_s"], np.array(fiducials) / 120, atol=1e-6)
    for index, lead in enumerate(leads):
        windows_mv = np.array([lead[fiducial - 48 : fiducial + 60] for fiducial in fiducials])
        expected = direct_formulas.scale(windows_mv, np.array(fiducials) / 120, BEAT.start_s)
        np.testing.assert_allclose(found.windows[:, :, index], expected, atol=1e-5)


def test_one_row_and_one_window_per_beat_in_order_of_time():
    recording, annotations = simulated()
    found = cut(recording, annotations)
    assert len(found.table) + found.left_out.total() == np.isin(annotations.symbols, list(CONFIG.labels.aami)).sum()
    assert found.windows.shape == (len(found.table), BEAT.samples, 2)
    assert found.windows.dtype == np.float32
    assert found.table["sample"].is_monotonic_increasing
    assert list(found.table.columns[:8]) == [
        *("record", "sample", "time_s", "symbol", "aami_class", "anomalous", "rr_before_s", "rr_after_s")
    ]
    np.testing.assert_allclose(found.table["time_s"], found.table["sample"] / 360, atol=1e-6)


def test_symbols_become_classes_and_others_are_counted():
    recording, annotations = pulses(np.arange(1, 13), 14)
    labelled = Annotations(annotations.samples, symbols("NLj+AVF/Q~~N"))
    found = cut(recording, labelled, lead_count=1)
    assert "".join(found.table["symbol"]) == "LjAVF/Q"
    assert "".join(found.table["aami_class"]) == "NNSVFQQ"
    assert found.table["anomalous"].tolist() == [False, False, True, True, True, True, True]
    assert found.uncovered == {"+": 1, "~": 2}


def test_rr_intervals_by_hand():
    recording, _ = pulses([1.0, 1.8, 2.5, 8.0], 12)
    recording.signals_mv[::2] += 0.01  # what does not change at all is no signal
    for times_s, before_s, after_s in (
        ([1.0, 1.8, 2.5, 8.0], [np.nan, 0.8, 0.7, 3.0], [0.8, 0.7, 3.0, np.nan]),
        ([5.0], [np.nan], [np.nan]),
        ([], [], []),
    ):
        found = module.cut_beats(
            recording.signals_mv, Fraction(120), BEAT, CONFIG.rhythm, np.round(np.array(times_s) * 120).astype(int)
        )
        np.testing.assert_allclose(found.rr_before_s, before_s)
        np.testing.assert_allclose(found.rr_after_s, after_s)


def test_rr_intervals_span_beats_that_are_left_out_but_not_other_annotations():
    recording, annotations = pulses([1.0, 2.0, 3.0, 3.5, 4.0, 5.0], 7)
    found = cut(recording, Annotations(annotations.samples, symbols("NNN+NN")), lead_count=1)
    assert found.table["rr_before_s"].tolist() == [1.0, 1.0, 1.0]
    assert found.table["rr_after_s"].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_later_signal_does_not_change_earlier_beats(scaling):
    recording, annotations = simulated(patient=2)
    changed_mv = recording.signals_mv.copy()
    changed_mv[30 * 360 :] = 5 * np.random.default_rng(1).normal(size=changed_mv[30 * 360 :].shape)

    first = cut(recording, annotations, scaling=scaling)
    second = cut(with_signals(recording, changed_mv), annotations, scaling=scaling)

    earlier = np.flatnonzero(first.table["time_s"] < 30 - REACH_S)
    assert len(earlier) > 20
    np.testing.assert_allclose(first.windows[earlier], second.windows[earlier], atol=1e-6)
    pd.testing.assert_frame_equal(first.table.iloc[earlier], second.table.iloc[earlier], atol=2e-6, rtol=0)
    # A second later nothing is left of that.
    assert np.abs(first.windows[earlier[-1] + 4 :] - second.windows[earlier[-1] + 4 :]).max() > 0.1


def test_later_annotations_do_not_change_earlier_beats():
    recording, annotations = simulated(patient=2)
    known = annotations.samples < 30 * 360
    first = cut(recording, annotations)
    second = cut(recording, Annotations(annotations.samples[known], annotations.symbols[known]))
    kept = len(second.table)
    np.testing.assert_array_equal(first.windows[:kept], second.windows)
    pd.testing.assert_frame_equal(first.table.iloc[:kept], second.table)


def test_record_min_max_is_the_scale_of_earlier_beats():
    times_s = np.arange(1, 30) * 1.0
    heights_mv = np.where(times_s < 15, 1.0, 3.0)
    found = cut(*pulses(times_s, 31, heights_mv), lead_count=1)

    largest = found.windows.max(axis=(1, 2))
    at_s = found.table["time_s"].to_numpy()
    np.testing.assert_allclose(largest[at_s < 14], 1, atol=0.02)
    # The scale is still that of the small beats when the first large ones come, and stays so while they are fewer.
    np.testing.assert_allclose(largest[(at_s > 14.5) & (at_s < 26)], 3, atol=0.1)
    assert (found.table["range_mv_1"] > 0.8).all()


def test_beat_min_max_spans_zero_to_one_in_every_window():
    windows = cut(*simulated(), scaling="beat_min_max").windows
    assert windows.min(axis=1).tolist() == np.zeros((len(windows), 2)).tolist()
    np.testing.assert_allclose(windows.max(axis=1), 1, atol=1e-6)


def test_beat_standardise_has_mean_zero_and_deviation_one_in_every_window():
    windows = cut(*simulated(), scaling="beat_standardise").windows.astype(float)
    np.testing.assert_allclose(windows.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(windows.std(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_amplitude_and_offset_of_a_lead_do_not_matter(scaling):
    recording, annotations = simulated()
    amplified = with_signals(recording, recording.signals_mv * 3.0 + [200.0, -40.0])
    first, second = cut(recording, annotations, scaling=scaling), cut(amplified, annotations, scaling=scaling)
    np.testing.assert_allclose(first.windows, second.windows, atol=1e-5)


def test_scale_turns_windows_back_into_millivolts():
    recording, annotations = simulated()
    tables_mv = []
    for scaling in ("record_min_max", "beat_min_max", "beat_standardise"):
        found = cut(recording, annotations, scaling=scaling)
        columns = [found.table[[f"{name}_mv_{lead}" for lead in (1, 2)]].to_numpy() for name in ("offset", "range")]
        tables_mv.append(found.windows * columns[1][:, np.newaxis] + columns[0][:, np.newaxis])
    np.testing.assert_allclose(tables_mv[1], tables_mv[0], atol=1e-5)
    np.testing.assert_allclose(tables_mv[2], tables_mv[0], atol=1e-5)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_missing_lead_is_zeros(scaling):
    recording, annotations = simulated(leads=1)
    found = cut(recording, annotations, lead_count=3, scaling=scaling)
    assert found.windows.shape[2] == 3
    assert found.windows[:, :, 0].any(axis=1).all()
    assert not found.windows[:, :, 1:].any()
    assert found.table[["offset_mv_2", "range_mv_2", "offset_mv_3", "range_mv_3"]].isna().all(axis=None)
    assert found.table[["offset_mv_1", "range_mv_1"]].notna().all(axis=None)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("loose_mv", [np.nan, 2.5], ids=["samples missing", "flat"])
def test_loose_lead_is_zeros_while_it_is_loose_and_bends_no_scale(scaling, loose_mv):
    recording, annotations = simulated()
    loose = recording.signals_mv.copy()
    loose[: 20 * 360, 1] = loose_mv

    whole = cut(recording, annotations, scaling=scaling)
    found = cut(with_signals(recording, loose), annotations, scaling=scaling)

    at_s = found.table["time_s"].to_numpy()
    assert not found.left_out["no lead has a signal in the window"]
    assert found.windows[:, :, 0].any(axis=1).all()
    assert not found.windows[at_s < 20 - REACH_S][:, :, 1].any()
    back = at_s > 20 + 1.5
    assert found.windows[back][:, :, 1].any(axis=1).all()
    same = back & (found.table["fiducial_s"] == whole.table["fiducial_s"]).to_numpy()
    assert same.sum() > 0.9 * back.sum()
    np.testing.assert_allclose(found.windows[same], whole.windows[same], atol=0.2)  # scaled by other beats


@pytest.mark.parametrize("loose_mv", [np.nan, 2.5], ids=["samples missing", "flat"])
def test_beats_without_any_signal_are_left_out(loose_mv):
    recording, annotations = pulses(np.arange(1, 31), 32)
    recording.signals_mv[9 * 120 : 21 * 120] = loose_mv
    found = cut(recording, annotations, lead_count=2)
    lost = set(range(2, 30)) - set(found.table["time_s"])
    assert lost >= set(range(11, 20))  # a filter that looks 0.9 s ahead still sees the ends of a flat stretch
    assert lost <= set(range(9, 22))
    assert found.left_out[module.NO_SIGNAL] == len(lost)


@pytest.mark.parametrize("annotated", [True, False])
def test_an_rr_interval_across_a_gap_is_unknown(annotated):
    recording, annotations = pulses(np.arange(1, 31), 32)
    signals_mv = np.repeat(recording.signals_mv, 2, axis=1)
    signals_mv[round(9.6 * 120) : round(14.4 * 120)] = np.nan
    signals_mv[round(20.45 * 120)] = np.nan  # bridged
    signals_mv[round(25.4 * 120) : round(25.6 * 120), 0] = np.nan  # the other lead is there
    found = module.cut_beats(signals_mv, Fraction(120), BEAT, CONFIG.rhythm, annotations.samples if annotated else None)
    times_s = found.times_s.round()
    unknown = times_s[np.isnan(found.rr_before_s)], times_s[np.isnan(found.rr_after_s)]
    if annotated:
        assert [its.tolist() for its in unknown] == [[1, *range(10, 16)], [*range(9, 15), 30]]
    else:
        assert [its.tolist() for its in unknown] == [[1, 15], [9, 30]]
    assert (found.left_out[np.isin(times_s, [9, 15])] == "").all()


def test_left_out_beats_are_counted_by_reason():
    recording, annotations = pulses([0.1, 0.2, 1.0, 2.0, 3.0, 4.6, 4.9], 5)
    found = cut(recording, annotations, lead_count=1)
    assert found.table["time_s"].tolist() == [1.0, 2.0, 3.0]
    assert found.left_out == {module.NO_RR_INTERVAL: 2, module.NO_WINDOW: 2}


def test_two_beats_at_one_time_leave_no_rr_interval_of_zero():
    recording, annotations = pulses(np.arange(1, 9), 10)
    twice = np.sort(np.append(annotations.samples, annotations.samples[3]))
    found = cut(recording, Annotations(twice, symbols("N" * 9)), lead_count=1)
    assert (found.table[["rr_before_s", "rr_after_s"]] > 0).all(axis=None)


def test_record_without_beats_gives_an_empty_table():
    recording, _ = pulses([1.0], 3)
    found = cut(recording, Annotations(np.array([120]), symbols("+")), lead_count=2)
    assert found.table.empty
    assert found.windows.shape == (0, BEAT.samples, 2)
    assert found.uncovered == {"+": 1}


@pytest.mark.parametrize(("before_s", "after_s", "samples"), [(0.3, 0.5, 96), (0.25, 0.5, 90), (0.342, 0.5, 101)])
def test_window_has_the_length_that_was_asked_for(before_s, after_s, samples):
    found = cut(*simulated(minutes=0.5), window_before_s=before_s, window_after_s=after_s)
    assert found.windows.shape[1] == samples
    # The steepest stretch, within a tenth of a second of the largest slope, is where the window says.
    slopes = np.abs(np.gradient(np.median(found.windows[:, :, 0], axis=0)))
    assert abs(slopes.argmax() - round(before_s * 120)) <= 6


@pytest.mark.parametrize("annotated", [True, False])
@pytest.mark.parametrize("seconds", [7.0, 61.3])
def test_a_record_in_blocks_gives_the_same_beats(annotated, seconds):
    recording, annotations = simulated(minutes=1.5)
    signals_mv = recording.signals_mv.copy()
    signals_mv[30 * 360 : 34 * 360] = np.nan
    samples = annotations.samples
    # Nobody annotated for longer than an RR interval can be; and nothing before the first blocks end.
    samples = samples[(samples > 10 * 360) & ((samples < 50 * 360) | (samples > 62 * 360))] if annotated else None
    settings = (recording.sampling_rate_hz, BEAT, CONFIG.rhythm, samples)
    whole = module.cut_beats(signals_mv, *settings)
    blocks = with_signals(recording, signals_mv).blocks(seconds)
    portions = list(module.cut_blocks(blocks, 2, *settings))

    assert len(portions) > 1
    assert portions[0].fiducials_s.max(initial=BEAT.start_s) >= BEAT.start_s
    assert len(whole) > 50
    for name, values in vars(module.CutBeats.joined(portions)).items():
        np.testing.assert_array_equal(values, getattr(whole, name), err_msg=name)


@pytest.mark.parametrize("annotated", [True, False])
def test_beats_of_the_first_seconds_come_together_however_short_the_record(annotated):
    recording, annotations = pulses(np.arange(1, 8), 9)
    samples = annotations.samples if annotated else None
    (portion,) = module.cut_blocks(recording.blocks(2.0), 1, Fraction(120), BEAT, CONFIG.rhythm, samples)
    assert len(portion) == 7
