"""Limb leads that follow from I and II."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.records.array_source import array_source
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.devices.derived_leads import with_derived_leads

STORED = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]


def eight_leads(names=STORED):
    signals = np.random.default_rng(0).normal(size=(len(names), 10))
    return array_source([Channel(name, "uV", Fraction(500)) for name in names], list(signals), ["a note"])


def read(source, columns, length=4):
    return np.concatenate(list(source.blocks(columns, length)))


def test_four_limb_leads_follow_from_the_eight_that_are_stored():
    stored = eight_leads()
    stored.signals[1][3] = np.nan
    source = with_derived_leads(stored)

    assert [channel.label for channel in source.channels] == [*STORED, "III", "aVR", "aVL", "aVF"]
    assert {(channel.unit, channel.samples) for channel in source.channels} == {("uV", 10)}
    assert source.notes[0] == "a note" and "derived from I and II" in source.notes[1]
    found = read(source, [8, 0, 11, 2, 9, 10])
    first, second, chest = stored.signals[:3]
    expected = [second - first, first, second - first / 2, chest, -(first + second) / 2, first - second / 2]
    np.testing.assert_allclose(found, np.stack(expected, axis=1))
    assert np.isnan(found[3]).tolist() == [True, False, True, False, True, True]
    np.testing.assert_array_equal(read(source, [2, 0]), read(stored, [2, 0]))


def test_only_what_is_not_stored_is_derived():
    source = with_derived_leads(eight_leads([*STORED, "aVR"]))
    assert [channel.label for channel in source.channels[9:]] == ["III", "aVL", "aVF"]


@pytest.mark.parametrize(
    "change",
    [{"unit": "mV"}, {"sampling_rate_hz": Fraction(250)}, {"fault": "it has no samples"}, {"label": "X"}],
)
def test_leads_that_do_not_fit_together_give_none(change):
    stored = eight_leads()
    odd = replace(stored, channels=(replace(stored.channels[0], **change), *stored.channels[1:]))
    assert with_derived_leads(odd) is odd


def test_counts_of_an_unknown_scale_give_none():
    stored = eight_leads()
    counted = replace(stored, channels=tuple(replace(channel, unit="counts") for channel in stored.channels))
    assert with_derived_leads(counted) is counted
