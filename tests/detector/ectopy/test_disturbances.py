import numpy as np
import pytest

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy.disturbances import disturbed
from ecg_anomaly.detector.ectopy.draws import Draws
from tests.detector.ectopy.hand_made import FRAME, waves

FRAMES = {"default": FRAME, "250 Hz": Frame(100, 225, 250)}


def rms_of_change(frame: Frame, leads: int = 2, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Disturbed beats, and how far each lies from the beat that it was."""
    own = np.repeat(waves(frame.times_s, leads)[np.newaxis], 2000, axis=0)
    made = disturbed(own, own, frame, Draws(seed))
    return made, np.sqrt(np.square(made - own).mean(axis=(1, 2)))


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("leads", [1, 2, 3])
def test_most_beats_are_disturbed_a_little_and_some_much(frame, leads):
    made, change = rms_of_change(frame, leads)
    assert made.shape == (2000, frame.samples, leads)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.median(change) < 0.08
    assert np.quantile(change, 0.99) > 0.1
    assert np.abs(made).max() < 4 * 6  # the noisiest lead has a standard deviation of four beats' heights


def test_disturbances_do_not_depend_on_the_sampling_rate():
    one, other = (np.quantile(rms_of_change(frame)[1], [0.25, 0.5, 0.75]) for frame in FRAMES.values())
    np.testing.assert_allclose(one, other, rtol=0.3)


def test_bad_lead_leaves_the_other_one():
    made, _ = rms_of_change(FRAME)
    change = np.sqrt(np.square(made - waves(FRAME.times_s)).mean(axis=1))
    bad = change > 0.4
    assert bad.any()
    assert not bad.all(axis=1).any()


def test_equal_seeds_disturb_alike():
    np.testing.assert_array_equal(rms_of_change(FRAME)[0], rms_of_change(FRAME)[0])
    assert (rms_of_change(FRAME)[0] != rms_of_change(FRAME, seed=2)[0]).any()
