import functools

import numpy as np
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.detector import autoencoder
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.detector.surprise import reconstruction_error
from ecg_anomaly.errors import UserError

ARCHITECTURES = ["own_beat", "convolutional", "dense", "lstm"]
BEATS, SAMPLES, LEADS = 48, 24, 2


def settings(architecture="dense", latent_size=4, **training):
    """Model and training sections for a training of one step."""
    values = {"epochs": 1, "batch_size": BEATS, **training}
    overrides = [f"model.architecture={architecture}", f"model.latent_size={latent_size}"]
    config = load_config(overrides=overrides + [f"training.{name}={value}" for name, value in values.items()])
    return config.model, config.training


def beats(count=BEATS, samples=SAMPLES, leads=LEADS, seed=1):
    rng = np.random.default_rng(seed)
    own_beats = np.broadcast_to(np.hanning(samples)[:, np.newaxis], (count, samples, leads)).astype(np.float32)
    windows = own_beats + 0.1 * rng.normal(size=(count, samples, leads)).astype(np.float32)
    return PairedBeats(windows, own_beats.copy())


@functools.cache
def train(architecture, seed=1, **training):
    """Train once for all tests that ask for the same; most of the time goes by before the first step."""
    lines, normal = [], beats()
    model, training = settings(architecture, seed=seed, **training)
    return autoencoder.train(model, training, normal, beats(seed=2), lines.append), lines, normal


# Validation loss soon rises again.
LONGER = {"epochs": 40, "patience": 2, "learning_rate": 0.1, "batch_size": 16, "lead_dropout": 0.5}


@functools.cache
def untrained(architecture):
    model, training = settings(architecture)
    autoencoder.keras.utils.set_random_seed(training.seed)
    return autoencoder.build(model, SAMPLES, LEADS)


def equal_weights(first, second):
    weights = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(one, other) for one, other in weights)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("samples", "leads"), [(96, 2), (90, 1), (101, 2), (8, 1)])
def test_networks_fit_windows_of_any_length(architecture, samples, leads):
    network = autoencoder.build(settings(architecture)[0], samples, leads)
    assert network.name == architecture
    assert network.output_shape == (None, samples, leads)
    assert network.get_layer("latent").output.shape == (None, 4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_step_changes_all_weights(architecture):
    trained, _, _ = train(architecture)
    assert not trained.interrupted
    assert np.isfinite(trained.history["loss"]).all()
    for before, after in zip(untrained(architecture).get_weights(), trained.model.get_weights(), strict=True):
        assert (before != after).any()


def test_training_ends_early_with_the_best_weights():
    trained, _, _ = train("own_beat", **LONGER)
    assert len(trained.history) < 40
    best = trained.history["val_loss"].min()
    assert trained.history["val_loss"].iloc[-1] > best
    validation = beats(seed=2)
    errors = np.square(validation.windows - autoencoder.compiled(trained.model)(validation))
    assert errors.mean() == pytest.approx(best, rel=1e-4)
    assert best < trained.history["val_loss"].iloc[0]


def test_history_has_one_row_per_epoch_and_the_report_one_line():
    trained, lines, _ = train("own_beat", **LONGER)
    assert list(trained.history.columns) == ["epoch", "loss", "val_loss", "learning_rate", "seconds"]
    assert trained.history["epoch"].tolist() == list(range(1, len(lines) + 1))
    assert lines[0].startswith("epoch   1/40  loss ")


def test_equal_seeds_give_equal_weights():
    first, _, _ = train("own_beat", **LONGER)
    again, _, _ = train.__wrapped__("own_beat", **LONGER)  # not from the cache
    assert first.model is not again.model
    assert equal_weights(first.model, again.model)
    assert first.history["val_loss"].tolist() == again.history["val_loss"].tolist()


def test_other_seeds_give_other_weights():
    (first, _, _), (other, _, _) = train("dense"), train("dense", seed=2)
    assert not equal_weights(first.model, other.model)


def test_training_leaves_the_beats_as_they_are():
    _, _, normal = train("own_beat", **LONGER)
    np.testing.assert_array_equal(normal.windows, beats().windows)
    np.testing.assert_array_equal(normal.own_beats, beats().own_beats)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_only_the_network_that_is_given_the_own_beat_looks_at_it(architecture):
    other = PairedBeats(beats().windows, np.zeros_like(beats().own_beats))
    both = [autoencoder.compiled(untrained(architecture))(chosen) for chosen in (beats(), other)]
    assert np.array_equal(*both) == (architecture != "own_beat")


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


def batches_of(chosen, **training):
    """All batches of one epoch together: what the network sees, the own beats, what it is to restore."""
    batches = autoencoder._Batches(chosen, settings(batch_size=100, **training)[1], 2)
    parts = [batches[index] for index in range(len(batches))]
    return [np.concatenate(part) for part in zip(*((seen, own, target) for (seen, own), target in parts), strict=True)]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_the_right_share_of_beats_loses_one_lead(share):
    seen, own_beats, target = batches_of(beats(2000), lead_dropout=share)
    lost = ~target.any(axis=1)
    assert lost.shape == (2000, LEADS)
    np.testing.assert_array_equal(~seen.any(axis=1), lost)
    np.testing.assert_array_equal(~own_beats.any(axis=1), lost)
    assert not lost.all(axis=1).any()  # one lead stays
    assert lost.any(axis=1).mean() == pytest.approx(share, abs=0.04)
    assert lost[:, 0].sum() == pytest.approx(lost[:, 1].sum(), abs=120)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_the_right_share_of_beats_shows_a_stretch_of_another_beat(share):
    chosen = beats(1000)
    seen, _, target = batches_of(chosen, lead_dropout=0.3, foreign_stretches=share)
    foreign = ((seen != target) & target.any(axis=1, keepdims=True)).any(axis=2)
    assert foreign.any(axis=1).mean() == pytest.approx(share, abs=0.05)
    assert not np.abs(np.diff(foreign.astype(int), axis=1)).sum(axis=1).max(initial=0) > 2  # in one piece
    for shown, samples in zip(seen[:50], foreign[:50], strict=True):
        present = shown.any(axis=0)
        same = (chosen.windows[:, samples][:, :, present] == shown[samples][:, present]).all(axis=(1, 2))
        assert same.any()  # the same part of some beat


def test_a_single_lead_is_never_lost():
    training = settings(lead_dropout=0.9)[1]
    batches = autoencoder._Batches(beats(leads=1), training, 2)
    assert batches[0][1].any(axis=1).all()


def test_every_epoch_shows_each_beat_once_in_another_order():
    batches = autoencoder._Batches(beats(50), settings(lead_dropout=0.0, batch_size=16)[1], 2)
    epochs = []
    for _ in range(2):
        assert len(batches) == 4
        epochs.append(np.concatenate([batches[index][1] for index in range(4)])[:, 0, 0])
        batches.on_epoch_end()
    assert epochs[0].tolist() != epochs[1].tolist()
    for values in epochs:
        np.testing.assert_array_equal(np.sort(values), np.sort(beats(50).windows[:, 0, 0]))


def test_beats_are_reconstructed_alike_one_by_one_and_together():
    network = untrained("convolutional")
    many = beats(autoencoder._BEATS_PER_CALL + 3)
    together = autoencoder.compiled(network)(many)
    alone = autoencoder.compiled(network)(many.chosen(np.array([autoencoder._BEATS_PER_CALL])))
    np.testing.assert_allclose(together[autoencoder._BEATS_PER_CALL], alone[0], atol=1e-5)
    assert autoencoder.compiled(network)(many.chosen(np.array([], dtype=int))).shape == (0, SAMPLES, LEADS)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_saved_and_reloaded_network_reconstructs_equally(tmp_path, architecture):
    network = untrained(architecture)
    path = tmp_path / "autoencoder.keras"
    network.save(path)
    loaded = autoencoder.load(path, architecture, (SAMPLES, LEADS))
    np.testing.assert_array_equal(autoencoder.compiled(loaded)(beats()), autoencoder.compiled(network)(beats()))


@pytest.mark.parametrize(
    ("architecture", "shape"), [("lstm", (24, 2)), ("dense", (25, 2)), ("dense", (24, 1))], ids=str
)
def test_other_network_than_asked_for_is_an_error(tmp_path, architecture, shape):
    path = tmp_path / "autoencoder.keras"
    untrained("dense").save(path)
    with pytest.raises(UserError, match=r"the architecture dense for beats of shape \(24, 2\), .* train_model\.py"):
        autoencoder.load(path, architecture, shape)


@pytest.mark.parametrize("content", [None, b"", b"not a network", "half"], ids=["absent", "empty", "other", "half"])
def test_damaged_file_is_an_error_that_says_what_to_do(tmp_path, content):
    path = tmp_path / "autoencoder.keras"
    if content == "half":
        untrained("dense").save(path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"autoencoder\.keras: cannot be loaded by Keras .* run python train_model\.py"):
        autoencoder.load(path, "dense", (24, 2))
