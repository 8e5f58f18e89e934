"""Which leads are analysed, and what is called out about them."""

import numpy as np
import pytest

from ecg_anomaly.beats.leads import LeadLook, choose_leads, look_at_leads, oddities
from ecg_anomaly.config import load_config
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.simulate import SAMPLING_RATE_HZ, simulate_record

CONFIG = load_config()
PREFERRED = ["MLII", "II", "V1"]
GOOD, POOR, DEAD = (LeadLook(alive, quality, 1.0, False, 0.0) for alive, quality in ((1, 0.9), (1, 0.2), (0, 0.0)))


@pytest.fixture(scope="module")
def start_mv():
    return simulate_record(3, 1, seed=1).signals_mv


def look(signals_mv):
    return look_at_leads(signals_mv, SAMPLING_RATE_HZ, CONFIG)


def notes_on(lead_mv, name="II"):
    return oddities([name], look(lead_mv[:, np.newaxis]))


def test_preferred_leads_come_first_whatever_their_case():
    assert choose_leads(["V5", "ECG", "ii", "V1"], [GOOD] * 4, PREFERRED, 2) == ["ii", "V1"]


def test_other_leads_are_taken_by_their_quality():
    better = LeadLook(True, 0.95, 1.0, False, 0.0)
    assert choose_leads(["A", "B", "C"], [GOOD, POOR, better], PREFERRED, 1) == ["C"]
    assert choose_leads(["A", "B", "C"], [GOOD, POOR, better], PREFERRED, 2) == ["A", "C"]


def test_leads_that_cannot_be_read_come_last():
    assert choose_leads(["II", "ECG", "V1"], [POOR, GOOD, DEAD], PREFERRED, 1) == ["ECG"]
    assert choose_leads(["II", "ECG", "V1"], [POOR, GOOD, DEAD], PREFERRED, 3) == ["II", "ECG"]
    assert choose_leads(["ECG", "II"], [DEAD, DEAD], PREFERRED, 2) == ["II"]


def test_clean_leads_are_not_odd(start_mv):
    looks = look(start_mv)
    assert all(each.alive and each.quality > 0.8 for each in looks)
    assert looks[0].height_mv == pytest.approx(1.2, abs=0.5)
    assert oddities(["MLII", "V1"], looks) == []


def test_a_lead_upside_down_is_called_out(start_mv):
    assert "upside down" in notes_on(-start_mv[:, 0])[0]
    assert notes_on(-start_mv[:, 0], "ECG1") == []  # nobody knows how it should look
    assert notes_on(-start_mv[:, 0], "V1") == []


def test_normal_polarity_of_real_records_is_not_called_out(real_records):
    for name in ("101", "108", "114", "118", "119", "207", "209", "223"):
        recording = open_recording(real_records / "mitdb" / name)
        looks = look_at_leads(next(iter(recording.blocks(60))), recording.sampling_rate_hz, CONFIG)
        assert oddities(recording.leads, looks) == [], name


@pytest.mark.parametrize("factor", [1000.0, 1e-3 * 5])
def test_a_wrong_gain_is_called_out(start_mv, factor):
    (note,) = notes_on(factor * start_mv[:, 0])
    assert "gain or unit" in note


def test_clipping_is_called_out(start_mv):
    assert "saturated" in notes_on(np.clip(start_mv[:, 0], -0.1, 0.1))[0]


@pytest.mark.parametrize("lead_mv", [np.zeros(3600), np.full(3600, np.nan), np.full(3600, 5.0), np.zeros(1)])
def test_a_lead_without_signal_is_called_out(lead_mv):
    assert notes_on(lead_mv) == ["lead II holds no signal at the start"]


def test_noise_has_no_quality():
    (seen,) = look(np.random.default_rng(1).normal(0, 0.3, size=(21600, 1)))
    assert seen.alive
    assert seen.quality < 0.5
