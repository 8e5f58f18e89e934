"""Templates that beats are matched with while they arrive."""

import numpy as np

from ecg_anomaly.findings import templates
from ecg_anomaly.findings.joining import NONE
from tests.findings.alike_beats import CONFIG, FRAME, NOISE, NORMAL, VENTRICULAR, made_up, mixed, templates_of


def test_portions_do_not_matter(tmp_path):
    beats, windows = made_up(mixed(700))
    # What lies in the first seconds comes together, as the scores do.
    whole, parts = (templates_of(tmp_path / str(size), beats, windows, size) for size in (700, 23))
    np.testing.assert_array_equal(whole.of_beats, parts.of_beats)
    for name in ("counts", "features", "scatter", "means", "variances"):
        np.testing.assert_allclose(getattr(whole, name), getattr(parts, name), atol=1e-9)


def test_a_template_is_the_mean_of_its_beats(tmp_path):
    beats, windows = made_up(mixed(700))
    found = templates_of(tmp_path / "t", beats, windows)
    assert found.counts.sum() == 700
    for number in np.argsort(-found.counts)[:3]:
        its = windows[found.of_beats == number].astype(float)
        assert found.counts[number] == len(its)
        np.testing.assert_allclose(found.means[number], its.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(found.variances[number], its.var(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.times_s, FRAME.times_s)


def test_there_are_a_few_hundred_however_noisy_it_is(tmp_path):
    beats, windows = made_up(np.full(3000, NOISE))
    found = templates_of(tmp_path / "t", beats, windows)
    assert len(found.counts) <= 256
    assert found.counts.sum() == 3000
    np.testing.assert_array_equal(np.bincount(found.of_beats, minlength=len(found.counts)), found.counts)


def test_what_cannot_be_read_is_like_nothing(tmp_path):
    kinds = np.full(300, NORMAL)
    beats, windows = made_up(kinds)
    beats.loc[100:199, "readable"] = False
    found = templates_of(tmp_path / "t", beats, windows)
    assert (found.of_beats[100:200] == NONE).all()
    assert (found.of_beats[:100] != NONE).all()
    assert found.counts.sum() == 200


def test_a_recording_without_beats_has_none(tmp_path):
    found = templates_of(tmp_path / "t", *made_up(np.empty(0, dtype=int)))
    assert len(found.of_beats) == len(found.counts) == 0
    assert found.means.shape == (0, FRAME.samples, 2)


def test_one_lead_is_as_far_as_two_that_are_alike(tmp_path):
    beats, windows = made_up(np.array([NORMAL] * 50 + [VENTRICULAR] * 2 + [NORMAL] * 50))
    both = np.repeat(windows[..., :1], 2, axis=2)
    two = templates_of(tmp_path / "two", beats, both)
    folder = tmp_path / "one"
    folder.mkdir()
    writer = templates.TemplateWriter(folder, CONFIG, 1)
    writer.push(beats, both * [1, 0])
    writer.close()
    one = templates.read_templates(folder)
    np.testing.assert_array_equal(one.of_beats, two.of_beats)
