import functools
from collections import Counter

import numpy as np
import pytest
import wfdb

from ecg_anomaly.records import simulate
from ecg_anomaly.records.simulate import record_name, simulate_record, write_database

RATE_HZ = 360
PATIENTS = 24
ANOMALOUS = ("A", "V", "F")


@functools.cache
def cohort():
    return {patient: simulate_record(patient, 5, seed=1) for patient in range(1, PATIENTS + 1)}


def beat_windows(record, symbols, before_s=0.25, after_s=0.35):
    """Windows of the first lead, shape (beats, samples), around the beats of these symbols."""
    before, after = round(before_s * RATE_HZ), round(after_s * RATE_HZ)
    lead = record.signals_mv[:, 0]
    inside = [
        sample
        for sample, symbol in zip(record.samples, record.symbols, strict=True)
        if symbol in symbols and sample >= before and sample + after <= len(lead)
    ]
    return np.array([lead[sample - before : sample + after] for sample in inside])


def half_width_s(windows):
    """How long the median beat stays beyond half its height around the annotation."""
    beat = np.median(windows, axis=0)
    middle = round(0.25 * RATE_HZ)
    height = np.abs(beat - np.median(beat))
    below = np.flatnonzero(height < height[middle] / 2)
    return (below[below > middle][0] - below[below < middle][-1]) / RATE_HZ


def test_record_has_the_shape_it_promises():
    record = simulate_record(3, 0.5, seed=1)
    assert record.signals_mv.shape == (30 * RATE_HZ, 2)
    assert record.sampling_rate_hz == RATE_HZ
    assert record.leads == ("MLII", "V1")
    assert len(record.samples) == len(record.symbols)
    assert 15 < len(record.samples) < 60
    assert (np.diff(record.samples) > 0).all()
    assert np.isfinite(record.signals_mv).all()


@pytest.mark.parametrize("minutes", [0.02, 0.1, 1])
def test_records_of_any_length_work(minutes):
    record = simulate_record(1, minutes, seed=1)
    assert len(record.signals_mv) == round(minutes * 60 * RATE_HZ)
    assert all(0 <= sample < len(record.signals_mv) for sample in record.samples)


@pytest.mark.parametrize(("patient", "minutes"), [(0, 1), (1, 0), (1, -1)])
def test_impossible_arguments_are_refused(patient, minutes):
    with pytest.raises(ValueError, match="patients count from 1"):
        simulate_record(patient, minutes, seed=1)


def test_equal_arguments_give_equal_records():
    first, again = (simulate_record(2, 0.5, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.signals_mv, again.signals_mv)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.symbols == again.symbols


@pytest.mark.parametrize(("patient", "seed"), [(2, 6), (3, 5)])
def test_other_seed_or_patient_gives_another_record(patient, seed):
    assert (simulate_record(2, 0.5, seed=5).signals_mv != simulate_record(patient, 0.5, seed).signals_mv).any()


def test_anomalies_are_rare_and_of_each_class():
    counts = Counter(symbol for record in cohort().values() for symbol in record.symbols)
    assert set(counts) == {"N", "L", "R", *ANOMALOUS}
    assert all(counts[symbol] >= 80 for symbol in ANOMALOUS)
    assert 0.88 <= 1 - sum(counts[symbol] for symbol in ANOMALOUS) / counts.total() <= 0.92


def test_patients_differ_in_what_is_wrong_with_them():
    burdens = [sum(symbol in ANOMALOUS for symbol in record.symbols) for record in cohort().values()]
    assert min(burdens) <= 3
    assert max(burdens) >= 40


def test_any_four_patients_in_a_row_hold_each_class():
    symbols = [set(record.symbols) for record in cohort().values()]
    for start in range(0, PATIENTS, 4):
        assert set().union(*symbols[start : start + 4]) >= set(ANOMALOUS)


def test_records_start_with_normal_beats_and_anomalies_stand_alone():
    for record in cohort().values():
        anomalous = np.isin(record.symbols, ANOMALOUS)
        assert not anomalous[record.samples < 10 * RATE_HZ].any()
        assert not (anomalous[1:] & anomalous[:-1]).any()


def test_heart_rates_are_those_of_people_at_rest():
    rates_bpm = [60 * RATE_HZ / np.median(np.diff(record.samples)) for record in cohort().values()]
    assert 48 < min(rates_bpm) < 65
    assert 80 < max(rates_bpm) < 102
    assert all(np.diff(record.samples).min() > 0.25 * RATE_HZ for record in cohort().values())


def test_heart_rates_vary():
    for record in cohort().values():
        rr_s = np.diff(record.samples) / RATE_HZ
        assert 0.01 < (np.percentile(rr_s, 75) - np.percentile(rr_s, 25)) / np.median(rr_s) < 0.4


def test_amplitudes_are_physiologic():
    for record in cohort().values():
        beats = beat_windows(record, "NLR")
        r_mv = np.median(beats[:, round(0.25 * RATE_HZ)] - np.median(beats, axis=1))
        assert 0.5 < r_mv < 2.2
        assert np.abs(record.signals_mv).max() < 5


def test_premature_beats_come_early():
    early = []
    for record in cohort().values():
        rr_s = np.diff(record.samples) / RATE_HZ
        early += [
            rr_s[index - 1] / np.median(rr_s[max(0, index - 11) : index - 1])
            for index, symbol in enumerate(record.symbols)
            if symbol in "AV"
        ]
    assert np.mean(np.array(early) < 0.9) > 0.9  # the rest: where a heart slows with every breath


def test_only_ventricular_beats_are_made_up_for_by_the_pause():
    def pause(symbol):
        around = []
        for record in cohort().values():
            rr = np.diff(record.samples)
            at = [i for i, beat in enumerate(record.symbols) if beat == symbol and 10 < i < len(rr)]
            around += [(rr[i - 1] + rr[i]) / np.median(rr[i - 10 : i - 1]) for i in at]
        return np.median(around)

    assert pause("V") == pytest.approx(2, abs=0.05)
    assert 1.7 < pause("A") < 1.93


def test_ventricular_beats_are_wide_and_atrial_ones_are_not():
    tried = 0
    for record in cohort().values():
        counts = Counter(record.symbols)
        if counts["V"] < 20 or "N" not in counts:
            continue
        # Beat by beat: two foci may point in opposite directions, and their median nowhere.
        ventricular = [half_width_s(window[np.newaxis]) for window in beat_windows(record, "V")]
        normal = half_width_s(beat_windows(record, "N"))
        assert np.median(ventricular) > 2 * normal
        tried += 1
    assert tried >= 5
    atrial = cohort()[5]
    assert half_width_s(beat_windows(atrial, "A")) == pytest.approx(half_width_s(beat_windows(atrial, "N")), rel=0.2)


def test_bundle_branch_block_widens_normal_beats():
    widths_s = {
        symbol: np.median([half_width_s(beat_windows(r, symbol)) for r in cohort().values() if symbol in r.symbols])
        for symbol in "NL"
    }
    assert widths_s["L"] > 1.5 * widths_s["N"]


def test_fusion_beats_lie_between_normal_and_ventricular():
    for patient in (6, 10, 18):
        record = cohort()[patient]
        normal = np.median(beat_windows(record, "NLR"), axis=0)
        distance = {s: np.median(np.linalg.norm(beat_windows(record, s) - normal, axis=1)) for s in ("N", "F", "V")}
        assert distance["N"] < distance["F"] < distance["V"]


def test_annotations_stand_at_the_main_deflection():
    reach = round(0.08 * RATE_HZ)
    for record in cohort().values():
        beats = beat_windows(record, "NLRAVF")
        middle = round(0.25 * RATE_HZ)
        near = np.abs(beats - np.median(beats, axis=1, keepdims=True))[:, middle - reach : middle + reach + 1]
        off_s = np.abs(near.argmax(axis=1) - reach) / RATE_HZ
        assert np.mean(off_s <= 0.010) > 0.97  # the rest: noise on a blunt peak


def test_written_records_read_back(tmp_path):
    folder = tmp_path / "simdb"
    names = write_database(folder, 2, 0.5, seed=1)
    assert names == ["s001", "s002"] == [record_name(1), record_name(2)]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["RECORDS", *(f"{name}.{extension}" for name in names for extension in ("hea", "dat", "atr"))]
    )
    assert (folder / "RECORDS").read_text() == "s001\ns002\n"

    expected = simulate_record(2, 0.5, seed=1)
    record = wfdb.rdrecord(str(folder / "s002"))
    assert (record.fs, record.sig_name, record.units) == (RATE_HZ, ["MLII", "V1"], ["mV", "mV"])
    assert any("SIMULATED" in comment for comment in record.comments)
    np.testing.assert_array_equal(record.p_signal, expected.signals_mv)

    annotation = wfdb.rdann(str(folder / "s002"), "atr")
    assert (annotation.symbol[0], annotation.aux_note[0].rstrip("\0")) == ("+", "(N")
    assert annotation.sample[0] < annotation.sample[1]
    assert annotation.symbol[1:] == expected.symbols
    np.testing.assert_array_equal(annotation.sample[1:], expected.samples)
    assert set(annotation.symbol) <= set(wfdb.io.annotation.ann_label_table["symbol"])


def test_equal_seeds_give_equal_files(tmp_path):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_database(tmp_path / folder, 1, 0.2, seed)
    for extension in ("hea", "dat", "atr"):
        first, again, other = ((tmp_path / folder / f"s001.{extension}").read_bytes() for folder in "abc")
        assert first == again != other


def test_an_interruption_leaves_no_part_of_a_record(tmp_path, monkeypatch):
    write_database(tmp_path, 1, 0.2, seed=1)
    before = sorted(path.name for path in tmp_path.iterdir())

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(simulate.wfdb, "wrann", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_database(tmp_path, 2, 0.2, seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == before

    write_database(tmp_path, 2, 0.2, seed=1)
    assert wfdb.rdrecord(str(tmp_path / "s002")).sig_len == 12 * RATE_HZ


def test_records_that_are_there_stay_as_they_are(tmp_path):
    write_database(tmp_path, 1, 0.2, seed=1)
    (tmp_path / "RECORDS").write_text("mine\ns001\n")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("s001.*")}
    assert write_database(tmp_path, 2, 0.2, seed=2) == ["s001", "s002"]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("s001.*")} == before
    assert (tmp_path / "RECORDS").read_text() == "mine\ns001\ns002\n"
