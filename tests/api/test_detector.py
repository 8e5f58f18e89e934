"""The detector in Python."""

import doctest
import importlib
import pickle
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
import wfdb

import ecg_anomaly
from ecg_anomaly.api.detector import load_detector
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import PACKAGED
from ecg_anomaly.handover.scores import read_threshold
from ecg_anomaly.records.simulate import write_database


def test_whatever_holds_a_signal_has_the_same_beats(packaged, tmp_path):
    (name,) = write_database(tmp_path, patients=1, minutes=0.5, seed=1)
    record = wfdb.rdrecord(str(tmp_path / name))
    expected = packaged.analyse(tmp_path / name).beats
    table = pd.DataFrame(record.p_signal, columns=record.sig_name)
    for other in (
        packaged.analyse(record),
        packaged.analyse(table, 360),
        packaged.analyse(table * 1000, 360, gain=1000),
        packaged.analyse(record.p_signal, 360, record.sig_name),
    ):
        assert other.beats["sample"].equals(expected["sample"])
        np.testing.assert_allclose(other.beats["anomaly_score"], expected["anomaly_score"], atol=1e-3)


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (1000.5, r"mV high, which no ECG at the skin is, .* are these microvolts\? gain=1000 takes"),
        (0.0011, r"are these volts\? gain=0.001 takes"),
    ],
)
def test_another_unit_is_an_error(packaged, recorded, factor, message):
    with pytest.raises(UserError, match=f"^signal: lead 1 is .*{message}"):
        packaged.analyse(recorded.signals_mv[:7200] * factor, 360)


def test_unit_that_a_record_says_is_not_to_be_given(packaged, recorded):
    record = wfdb.Record(
        record_name="r1", p_signal=recorded.signals_mv[:7200], fs=360, units=["V"] * 2, sig_name=["II", "V1"], n_sig=2
    )
    with pytest.raises(UserError, match="by its own description it is in V"):
        packaged.analyse(record)


def test_doubts_are_warnings_and_notes(packaged, recorded):
    with pytest.warns(UserWarning, match=r"^mine: no beat was found: is it an ECG\?") as told:
        nothing = packaged.analyse(np.zeros(3600), 360, name="mine")
    assert {str(one.message).removeprefix("mine: ") for one in told} < set(nothing.notes)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        packaged.analyse(recorded.signals_mv[:3600], 360)


def test_another_process_reads_the_detector_itself(packaged, recorded):
    again = pickle.loads(pickle.dumps(packaged))
    assert again.describe() == packaged.describe()
    assert len(again.analyse(recorded.signals_mv[:3600], 360).beats) > 5


def test_detector_says_what_it_is(packaged):
    assert packaged.lead_count == 2
    assert packaged.leads[:2] == ["MLII", "II"]
    assert packaged.threshold == read_threshold(PACKAGED).threshold
    assert packaged.settings["beat"]["sampling_rate_hz"] == 120
    assert repr(packaged).startswith("<Detector pretrained, trained 20")


def test_detector_of_a_folder(finished, packaged, tmp_path):
    own = load_detector(finished.models, finished.outputs)
    assert own.metrics["simulated"]
    with pytest.raises(UserError, match=r'has no threshold.json; .* load_detector\(".*", outputs="outputs"\)'):
        load_detector(finished.models)
    folder = shutil.copytree(PACKAGED, tmp_path / "copied")
    assert load_detector(folder).threshold == packaged.threshold


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": "nowhere"}, "nowhere: is no folder"),
        ({"outputs": "outputs"}, "without a model"),
        ({"config": "nowhere.yaml"}, "no such config file; config= takes one"),
        ({"settings": {"beat.window_after_s": 0.6}}, "made with other settings: beat.window_after_s is 0.5, not 0.6"),
        ({"settings": {"rhythm_event.slow_bpm": 45}}, "did you mean rhythm_events"),
    ],
)
def test_what_is_no_detector_is_told(arguments, message):
    with pytest.raises(UserError, match=message):
        load_detector(**arguments)


def test_model_keeps_its_settings_and_says_so(finished):
    with pytest.warns(UserWarning, match=r"beat.window_after_s is 0.5, not 0.6") as told:
        load_detector(finished.models, finished.outputs, settings={"beat.window_after_s": 0.6})
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="keeps to the settings that it was made with: training.folds is 3, not 4"):
        load_detector(PACKAGED, settings={"training.folds": 4})
    limits = load_detector(settings={"rhythm_events": {"slow_bpm": 45}}).settings["rhythm_events"]
    assert limits["slow_bpm"] == 45


@pytest.mark.parametrize("module", ["detector", "found", "pipeline", "stream"])
def test_examples_in_docstrings(module, packaged, recorded, found):
    known = {"ecg_anomaly": ecg_anomaly, "detector": packaged, "signal_mv": recorded.signals_mv[:7200], "found": found}
    results = doctest.testmod(importlib.import_module(f"ecg_anomaly.api.{module}"), extraglobs=known)
    assert not results.failed
