"""The network in NumPy: it gives what Keras gives, and tells weights that are of another one."""

import numpy as np
import pytest

from ecg_anomaly.detector import autoencoder, network
from ecg_anomaly.detector.compared import inputs_of
from ecg_anomaly.detector.surprise import reconstruction_error
from ecg_anomaly.errors import UserError
from tests.detector.test_autoencoder import ARCHITECTURES, beats, frame, run_untrained, settings, untrained


def outputs_of_keras(model, some):
    """Run beats through a Keras model, as `measures.Network` does."""
    outputs = model(inputs_of(some.paired, some.timed.tachograms), training=False)
    return tuple(np.asarray(outputs[name]) for name in ("reconstruction", "kinds"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gives_what_keras_gives(architecture):
    some = beats(40)
    some.paired.windows[::7, :, 1] = 0  # a lead that is missing
    found, expected = run_untrained(architecture)(some), outputs_of_keras(untrained(architecture), some)

    errors = [reconstruction_error(some.paired.windows, its[0]) for its in (found, expected)]
    np.testing.assert_allclose(*errors, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "samples", "leads", "lacking"),
    [
        ("lstm", 48, 2, "encoder/recurrent_kernel"),
        ("own_beat", 60, 2, "code/kernel"),
        ("dense", 48, 1, "encoder_1/kernel"),
    ],
)
def test_weights_of_another_network_are_told(architecture, samples, leads, lacking):
    weights = autoencoder.weights_of(untrained("own_beat" if architecture == "own_beat" else "dense"))
    with pytest.raises(UserError, match=f"needs {lacking} of shape"):
        network.run_with(weights, settings(architecture)[0], frame(samples), leads)


def test_names_all_weights():
    weights = autoencoder.weights_of(untrained("own_beat"))
    assert sum(map(np.size, weights.values())) == untrained("own_beat").count_params()
