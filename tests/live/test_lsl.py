"""Streams of the Lab Streaming Layer: a real outlet on this machine, dropped samples, streams that vanish."""

import itertools
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.live import lsl
from tests.live.lsl_outlets import PATIENCE_S, Sender, pylsl  # noqa: F401 - a fixture

_names = itertools.count()


@pytest.fixture
def name():
    """A name that no other test has: a stream is still seen for a while when it is gone."""
    return f"test {next(_names)} of {id(_names)}"


@pytest.fixture
def records():
    return load_config().records


def take(source, samples, most_portions=6000):
    """Take portions until so many samples have come."""
    portions = []
    for portion in itertools.islice(source.portions(), most_portions):
        portions.append(portion)
        if sum(len(each.signals_mv) for each in portions) >= samples:
            break
    return np.concatenate([each.signals_mv for each in portions]), [note for each in portions for note in each.notes]


def test_dropped_samples_are_missing(pylsl, name, records):  # noqa: F811
    sender = Sender(pylsl, name, ["trigger", "V1", "ECG II"], ["none", "uV", "microvolts"], ["TRIG", "ECG", "ECG"])
    source = lsl.LslStream(name, (), None, records)
    assert (source.leads, source.sampling_rate_hz) == (("II", "V1"), 360)
    assert source.name == name.replace(" ", "_")
    assert source.notes == ("left out channel trigger: its type is TRIG",)

    sent = np.random.default_rng(1).normal(size=(30 * 360, 3)).astype(np.float32)
    kept = np.ones(len(sent), dtype=bool)
    kept[6000:6047] = kept[8000:8400] = False
    with ThreadPoolExecutor(1) as others:
        sending = others.submit(sender.send, sent, 0, kept)
        received_mv, notes = take(source, len(sent))
        sending.result()

    expected_mv = np.where(kept[:, np.newaxis], sent[:, [2, 1]].astype(float) / 1000, np.nan)
    np.testing.assert_allclose(received_mv, expected_mv)
    assert "did not arrive" in notes[0]
    assert source.notes[1:] == ("447 samples (1.24 s) did not arrive, in 2 gaps",)


def test_streams_are_found(pylsl, name, monkeypatch):  # noqa: F811
    monkeypatch.setattr(lsl, "_RESOLVE_ALL_S", 0.5)
    senders = [Sender(pylsl, name, source_id=f"{name}, 1"), Sender(pylsl, f"{name} text", channel_format="string")]
    found = {}
    while f"{name}, 1" not in found:
        found = {stream.wanted: stream.words for stream in lsl.find_streams()}
    assert found[f"{name}, 1"].startswith(f"{name} (ECG, 2 channels at 360 Hz, on ")
    assert f"{name} text" not in found
    assert len(senders) == 2  # which are there until now


def test_a_stream_that_vanishes_is_waited_for(pylsl, name, records):  # noqa: F811
    sender = Sender(pylsl, name)
    source = lsl.LslStream(name, ["V1"], None, records)
    signals = np.arange(2 * 3600, dtype=float).reshape(-1, 2)
    with ThreadPoolExecutor(1) as others:
        sending = others.submit(sender.send, signals)
        before_mv, _ = take(source, 3600)
        sending.result()

        start_s = sender.start_s
        del sender, sending
        again = Sender(pylsl, name, start_s=start_s)
        sending = others.submit(again.send, signals, 5 * 3600)
        after_mv, notes = take(source, 5 * 3600)
        sending.result()
    assert f"stream {name} is gone; waiting until it is back" in notes
    np.testing.assert_allclose(before_mv[:, 0], signals[:, 1] / 1000)
    assert np.isnan(after_mv[:-3600]).all()
    np.testing.assert_allclose(after_mv[-3600:, 0], signals[:, 1] / 1000)
    assert len(after_mv) == 5 * 3600


def test_streams_that_cannot_be_used(pylsl, name, records, monkeypatch):  # noqa: F811
    two = Sender(pylsl, name, source_id=f"{name} a"), Sender(pylsl, name, source_id=f"{name} b")
    others = {
        "no unit": Sender(pylsl, f"{name} plain", units=(), types=()),
        "text": Sender(pylsl, f"{name} text", channel_format="string"),
        "irregular": Sender(pylsl, f"{name} irregular", rate_hz=0.0),
        "eeg": Sender(pylsl, f"{name} eeg", labels=["EEG Fz", "EEG Cz"], types=()),
    }
    with monkeypatch.context() as patch, pytest.raises(UserError, match="there are 2 of that name"):
        patch.setattr(lsl, "_RESOLVE_ALL_S", PATIENCE_S)
        lsl.LslStream(name, (), None, records)
    with monkeypatch.context() as patch:
        patch.setattr(lsl, "_RESOLVE_S", 0.1)
        for looking_s in (0.1, 1.0, 10.0, 100.0):  # a busy machine answers late
            patch.setattr(lsl, "_RESOLVE_ALL_S", looking_s)
            with pytest.raises(UserError, match=f"{name} nowhere: is not there; ") as caught:
                lsl.LslStream(f"{name} nowhere", (), None, records)
            if there := re.search(f"the streams that are there: .*{name}", str(caught.value)):
                break
    assert there
    for wanted, message in (
        (f"{name} plain", "say with --gain"),
        (f"{name} text", "holds text"),
        (f"{name} irregular", "no regular sampling rate"),
        (f"{name} eeg", "holds no ECG lead"),
    ):
        with pytest.raises(UserError, match=message):
            lsl.LslStream(wanted, (), None, records)
    assert lsl.LslStream(f"{name} a", (), None, records).leads == ("II", "V1")
    plain = lsl.LslStream(f"{name} plain", (), 1000.0, records)
    with ThreadPoolExecutor(1) as sending:
        sending.submit(others["no unit"].send, np.full((360, 2), 500.0))
        np.testing.assert_allclose(take(plain, 360)[0], 0.5)
    del two, others


def test_without_the_library_that_is_told(monkeypatch, records):
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(UserError, match="pip install pylsl"):
        lsl.LslStream("any", (), None, records)
