"""Groups of alike beats."""

import numpy as np
import pytest

from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.findings.group_names import USUAL
from ecg_anomaly.findings.groups import REST, group_beats, rest_note
from tests.findings.alike_beats import ATRIAL, NOISE, NORMAL, VENTRICULAR, made_up, mixed, templates_of

KINDS = mixed()


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    beats, windows = made_up(KINDS)
    templates = templates_of(tmp_path_factory.mktemp("templates") / "t", beats, windows)
    return (beats, windows, *group_beats(beats, templates))


def test_groups_are_pure_and_few(grouped):
    beats, _, numbers, groups = grouped
    flagged = beats["flagged"].to_numpy()
    pure = sum(np.bincount(KINDS[flagged & (numbers == number)]).max() for number in np.unique(numbers[flagged]))
    assert pure / flagged.sum() >= 0.97
    for its in (True, False):
        assert 1 <= sum(group.flagged == its for group in groups) <= 30


def test_flagged_beats_and_the_others_are_kept_apart(grouped):
    beats, _, numbers, groups = grouped
    assert [group.number for group in groups] == list(range(1, len(groups) + 1))
    assert sorted((group.flagged for group in groups), reverse=True) == [group.flagged for group in groups]
    for group in groups:
        its = beats[numbers == group.number]
        assert group.count == len(its)
        assert (its["flagged"] == group.flagged).all()
        assert group.share == pytest.approx(group.count / (beats["flagged"] == group.flagged).sum())
        assert group.coupling_s == pytest.approx(its["rr_before_s"].median())
    counts = [group.count for group in groups if group.flagged]
    assert counts == sorted(counts, reverse=True)


def test_a_group_has_its_mean_beat(grouped):
    _, windows, numbers, groups = grouped
    largest = max(groups, key=lambda group: group.count)
    its = windows[numbers == largest.number].astype(float)
    np.testing.assert_allclose(largest.mean, its.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(largest.spread, its.std(axis=0), atol=1e-6)


def test_names_say_shape_and_timing(grouped):
    _, _, numbers, groups = grouped
    names = {kind: {groups[n - 1].name for n in np.unique(numbers[kind == KINDS]) if n != REST} for kind in range(4)}
    assert USUAL in names[NORMAL]
    assert all(name.startswith("wide, inverted, tall, early, with a pause") for name in names[VENTRICULAR])
    assert all(name.startswith("like this patient's beats, early, with a pause") for name in names[ATRIAL])
    assert "noisy" in " ".join(names[NOISE])
    assert len({group.name for group in groups}) == len(groups)


def test_a_threshold_that_flags_all_or_nothing(grouped, tmp_path):
    beats, windows, *_ = grouped
    templates = templates_of(tmp_path / "t", beats, windows)
    for its in (True, False):
        numbers, groups = group_beats(beats.assign(flagged=its), templates)
        assert {group.flagged for group in groups} == {its}
        assert sum(group.count for group in groups) + (numbers == REST).sum() == len(beats)


def test_what_cannot_be_read_is_in_no_group(tmp_path):
    beats, windows = made_up(np.full(100, NORMAL))
    beats.loc[50:, "readable"] = False
    numbers, groups = group_beats(beats, templates_of(tmp_path / "t", beats, windows))
    assert (numbers[50:] == REST).all()
    assert sum(group.count for group in groups) == 50


def test_what_lies_within_a_fibrillation_is_in_no_group(grouped, tmp_path):
    beats, windows, *_ = grouped
    event = np.where(np.arange(len(beats)) < 50, FIBRILLATION, "")
    beats = beats.assign(event=event, flagged=beats["flagged"] & (event == ""))
    numbers, groups = group_beats(beats, templates_of(tmp_path / "t", beats, windows))
    assert (numbers[:50] == REST).all()
    assert sum(group.share for group in groups if not group.flagged) == pytest.approx(
        (~beats["flagged"] & (numbers != REST)).sum() / (~beats["flagged"][50:]).sum()
    )


def test_a_recording_without_beats_has_no_groups(tmp_path):
    beats, windows = made_up(np.empty(0, dtype=int))
    numbers, groups = group_beats(beats, templates_of(tmp_path / "t", beats, windows))
    assert len(numbers) == len(groups) == 0


def test_what_is_like_nothing_takes_no_group_from_many_beats(tmp_path):
    kinds = mixed()
    beats, windows = made_up(kinds)
    odd = np.flatnonzero(kinds == NOISE)
    rng = np.random.default_rng(2)
    windows[odd] *= rng.normal(40, 10, (len(odd), 1, 1))  # as where electrodes are changed: each is like no other
    # The shapes of four patients, as far from each other as those of people are.
    windows[np.arange(len(kinds)) % 2 == 0] *= [1, -1]
    windows[np.arange(len(kinds)) % 4 < 2] *= [-1, 1]
    numbers, groups = group_beats(beats, templates_of(tmp_path / "t", beats, windows))
    alike = beats["flagged"].to_numpy() & (kinds != NOISE)
    assert (numbers[alike] == REST).mean() < 0.05
    assert sum(group.flagged for group in groups) <= 30
    (note,) = rest_note(beats, np.where(alike, numbers, REST))
    assert note.startswith(f"{(beats['flagged'] & ~alike).sum() + (numbers[alike] == REST).sum()} of ")
    assert rest_note(beats[alike], numbers[alike]) == []
