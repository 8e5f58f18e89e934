import functools

import numpy as np
import pytest

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import load_config
from ecg_anomaly.detector import architectures, autoencoder, network
from ecg_anomaly.detector.compared import ComparedBeats, compare_records
from ecg_anomaly.detector.ectopy.examples import PREMATURE, VENTRICULAR, simulate
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.detector.rhythm import Timing
from ecg_anomaly.detector.surprise import reconstruction_error
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.beats import read_records
from ecg_anomaly.handover.model import read_model

ARCHITECTURES = ["own_beat", "convolutional", "dense", "lstm", "tutorial"]
BEATS, SAMPLES, LEADS = 48, 48, 2
RATE_HZ = 60  # few samples: quick, with the time of a whole beat


def frame(samples=SAMPLES):
    return Frame(samples // 2, samples, RATE_HZ)


def settings(architecture="own_beat", latent_size=4, **training):
    """Model and training sections for a training of one step."""
    values = {"epochs": 1, "batch_size": BEATS, **training}
    overrides = [f"model.architecture={architecture}", f"model.latent_size={latent_size}"]
    config = load_config(overrides=overrides + [f"training.{name}={value}" for name, value in values.items()])
    return config.model, config.training


def beats(count=BEATS, samples=SAMPLES, leads=LEADS, seed=1):
    """Normal beats beside their patients' own, a bump each, with noise."""
    rng = np.random.default_rng(seed)
    own_beats = np.exp(-np.square(frame(samples).times_s / 0.04))[:, np.newaxis] + np.zeros((count, samples, leads))
    noise = 0.05 * rng.standard_normal((3, count, samples, leads))
    paired = (own_beats + noise[0], own_beats, own_beats + noise[1], np.abs(noise[2]) + 0.03)
    tachograms = np.log(0.8) + 0.03 * rng.standard_normal((count, 202))
    distances = np.full((count, architectures.EARLIER_DISTANCES), -6.0)
    timed = Timing(np.zeros(count), np.zeros(count), np.ones(count, dtype=bool), tachograms.astype(np.float32))
    return ComparedBeats(PairedBeats(*(values.astype(np.float32) for values in (*paired, distances))), timed)


@functools.cache
def train(architecture, seed=1, **training):
    """Train once for all tests that ask for the same; most of the time goes by before the first step."""
    lines, normal = [], beats()
    model, training = settings(architecture, seed=seed, **training)
    return autoencoder.train(model, training, normal, frame(), lines.append, watched=beats(seed=2)), lines, normal


LONGER = {"epochs": 4, "batch_size": 16}


@functools.cache
def untrained(architecture):
    model, training = settings(architecture)
    autoencoder.keras.utils.set_random_seed(training.seed)
    return autoencoder.build(model, frame(), LEADS)


def run_untrained(architecture):
    return network.run_with(autoencoder.weights_of(untrained(architecture)), settings(architecture)[0], frame(), LEADS)


def equal_weights(first, second):
    weights = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(one, other) for one, other in weights)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("samples", "leads"), [(96, 2), (90, 1), (101, 2), (8, 1)])
def test_networks_fit_windows_of_any_length(architecture, samples, leads):
    model = autoencoder.build(settings(architecture)[0], frame(samples), leads)
    assert model.name == architecture
    shapes = {name: its.shape for name, its in model.output.items()}
    assert shapes == {"reconstruction": (None, samples, leads), "kinds": (None, 3)}
    assert model.get_layer("latent").output.shape[-1] == 4


@pytest.mark.parametrize("architecture", ["own_beat", "dense"])
def test_one_step_changes_all_weights(architecture):
    trained, _, _ = train(architecture)
    assert not trained.interrupted
    assert np.isfinite(trained.history["loss"]).all()
    for before, after in zip(untrained(architecture).get_weights(), trained.model.get_weights(), strict=True):
        assert (before != after).any()


def test_training_ends_when_it_is_asked_to():
    model, training = settings("dense", epochs=50)
    asked = iter([False, False, True])  # after each batch, of which an epoch has one here, and after each epoch
    trained = autoencoder.train(model, training, beats(), frame(), lambda _: None, ended=lambda: next(asked, True))
    assert trained.interrupted
    assert len(trained.history) == 2


def test_training_that_diverges_is_told():
    model, training = settings("dense", epochs=50, learning_rate=1.0)
    normal = beats()
    normal.paired.windows[0, 0, 0] = np.nan
    with pytest.raises(UserError, match=r"the training diverged: .* lower training\.learning_rate"):
        autoencoder.train(model, training, normal, frame(), lambda _: None)


def test_history_has_one_row_per_epoch_and_the_report_one_line():
    trained, lines, _ = train("own_beat", **LONGER)
    assert list(trained.history.columns) == ["epoch", "loss", "val_loss", "learning_rate", "seconds"]
    assert trained.history["epoch"].tolist() == list(range(1, len(lines) + 1)) == [1, 2, 3, 4]
    assert lines[0].startswith("epoch   1/4  loss ")
    assert trained.history["loss"].iloc[-1] < trained.history["loss"].iloc[0]
    assert trained.history["learning_rate"].iloc[-1] < 1e-5


def test_equal_seeds_give_equal_weights():
    first, _, _ = train("own_beat", **LONGER)
    again, _, _ = train.__wrapped__("own_beat", **LONGER)  # not from the cache
    assert first.model is not again.model
    assert equal_weights(first.model, again.model)
    assert first.history["val_loss"].tolist() == again.history["val_loss"].tolist()


def test_other_seeds_give_other_weights():
    (first, _, _), (other, _, _) = train("dense"), train("dense", seed=2)
    assert not equal_weights(first.model, other.model)


def test_beats_that_are_watched_change_nothing():
    watched, _, _ = train("dense")
    model, training = settings("dense")
    alone = autoencoder.train(model, training, beats(), frame(), lambda _: None)
    assert equal_weights(watched.model, alone.model)
    assert "val_loss" not in alone.history


def test_training_leaves_the_beats_as_they_are():
    _, _, normal = train("own_beat", **LONGER)
    np.testing.assert_array_equal(normal.paired.windows, beats().paired.windows)
    np.testing.assert_array_equal(normal.paired.own_beats, beats().paired.own_beats)


def changed(name, values):
    """Beats of which one input is another."""
    chosen = beats()
    paired = PairedBeats(**{**vars(chosen.paired), name: values(getattr(chosen.paired, name))})
    return ComparedBeats(paired, chosen.timed)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_only_the_network_that_is_given_the_own_beat_restores_from_it(architecture):
    run = run_untrained(architecture)
    (restored, kinds), (with_other, other_kinds) = run(beats()), run(changed("own_beats", np.zeros_like))
    assert np.array_equal(restored, with_other) == (architecture != "own_beat")
    assert not np.array_equal(kinds, other_kinds)


@pytest.mark.parametrize("architecture", ["own_beat", "dense"])
def test_a_missing_lead_says_nothing(architecture):
    run = run_untrained(architecture)
    lost = beats()
    for name in ("windows", "own_beats", "recent_beats", "spread"):
        getattr(lost.paired, name)[:, :, 1] = 0
    reconstructions, kinds = run(lost)
    assert not reconstructions[:, :, 1].any()
    if architecture == "own_beat":  # the others see all leads at once
        lost.paired.own_beats[:, :, 1] = 5.0
        np.testing.assert_allclose(run(lost)[1], kinds, atol=1e-5)


def test_flags_simulated_beats_of_patients_it_never_saw(finished):
    config = load_config(overrides=finished.settings()[1::2])
    records = read_records(finished.processed, "test")
    normal = compare_records(records.table, records.windows, config, records.normal("test"))
    others = np.roll(normal.paired.own_beats, len(normal.paired.windows) // 2, axis=0)
    examples = simulate(normal.paired, normal.timed.tachograms, others, 0.5, Frame.of(config.beat), seed=3)
    timed = Timing(normal.timed.early, normal.timed.pause, normal.timed.in_time, examples.tachograms)
    _, logits = read_model(config).network(ComparedBeats(examples.paired, timed))

    ectopic = np.logaddexp(logits[:, PREMATURE], logits[:, VENTRICULAR]) - logits[:, 0]
    for kind in (PREMATURE, VENTRICULAR):
        found = ectopic[examples.kinds == kind][:, np.newaxis] > ectopic[examples.kinds == 0]
        assert found.mean() > 0.85  # the area under the ROC curve


def test_loss_is_the_mean_squared_error_of_present_leads():
    rng = np.random.default_rng(3)
    windows, reconstructions = rng.normal(size=(2, 20, SAMPLES, LEADS)).astype(np.float32)
    windows[:5, :, 0] = 0
    windows[5:8, :, 1] = 0
    windows[8] = 0
    per_lead = np.square(windows - reconstructions).mean(axis=1)
    expected = [*per_lead[:5, 1], *per_lead[5:8, 0], 0, *per_lead[9:].mean(axis=1)]
    np.testing.assert_allclose(autoencoder.error_of_present_leads(windows, reconstructions), expected, rtol=1e-5)


def test_loss_is_the_reconstruction_error_but_for_offsets():
    rng = np.random.default_rng(3)
    windows, residual = rng.normal(size=(2, 20, SAMPLES, LEADS)).astype(np.float32)
    windows[:5, :, 0] = 0
    reconstructions = windows - residual + residual.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(
        autoencoder.error_of_present_leads(windows, reconstructions),
        reconstruction_error(windows, reconstructions),
        rtol=1e-4,
    )


def epochs_of(count, training, seen=beats):
    """Give what the network is shown in some epochs, and what it should make of it."""
    batches = autoencoder._Batches(seen(50), training, frame())
    for _ in range(count):
        parts = [batches[index] for index in range(len(batches))]
        yield tuple(
            {name: np.concatenate([part[side][name] for part in parts]) for name in parts[0][side]} for side in (0, 1)
        )
        batches.on_epoch_end()


def test_every_epoch_makes_another_example_of_each_beat():
    training = settings(batch_size=16)[1]
    (first, wanted), (second, _) = epochs_of(2, training)
    assert len(wanted["kinds"]) == 50
    assert first["beat"].shape == second["beat"].shape == wanted["reconstruction"].shape
    assert not np.isin(first["beat"][:, 0, 0], second["beat"][:, 0, 0]).all()
    assert {*wanted["kinds"].argmax(axis=1)} == {0, PREMATURE, VENTRICULAR}


def test_an_example_is_the_same_whenever_it_is_asked_for():
    batches = autoencoder._Batches(beats(), settings(batch_size=16)[1], frame())
    first, _, again = (batches[index][0]["beat"] for index in (1, 0, 1))
    np.testing.assert_array_equal(first, again)


def test_without_ectopic_beats_all_examples_are_normal():
    config = load_config(overrides=["training.ectopic_share=0.0", "scoring.components=[reconstruction]"])
    [(_, wanted)] = epochs_of(1, config.training)
    assert not wanted["kinds"].argmax(axis=1).any()


def test_beats_are_reconstructed_alike_one_by_one_and_together():
    run, last = run_untrained("own_beat"), network._BEATS_PER_CALL
    many = beats(last + 3)
    for together, alone in zip(run(many), run(many.chosen(np.array([last]))), strict=True):
        np.testing.assert_allclose(together[last], alone[0], atol=1e-5)
    none, no_kinds = run(many.chosen(np.array([], dtype=int)))
    assert (none.shape, no_kinds.shape) == ((0, SAMPLES, LEADS), (0, 3))
