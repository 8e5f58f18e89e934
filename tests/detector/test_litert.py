"""The autoencoder for phones: it gives what Keras gives."""

import shutil

import numpy as np
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.detector.compared import compare_records
from ecg_anomaly.detector.measures import component_values
from ecg_anomaly.detector.scorer import TrainedModel, score_compared
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.handover.beats import read_records
from ecg_anomaly.handover.model import MODEL, read_reference
from tests.conftest import Workspace
from tests.detector.test_autoencoder import beats, frame
from tests.detector.test_network import outputs_of_keras
from tools.benchmark import litert_network

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: pip install -r requirements-dev.txt")


@pytest.fixture(scope="module")
def trained(finished: Workspace):
    """Model, and test beats compared with the patients' own."""
    from ecg_anomaly.detector.autoencoder import keras

    config = load_config(overrides=finished.settings()[1::2])
    records = read_records(finished.processed, "test")
    model = keras.models.load_model(finished.models / MODEL, compile=False)
    return model, records.table, compare_records(records.table, records.windows, config)


def assert_equal_outputs(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_float_gives_what_keras_gives(trained):
    from ecg_anomaly.detector import litert

    model, _, compared = trained
    assert_equal_outputs(litert_network(litert.convert(model))(compared), outputs_of_keras(model, compared))


@pytest.mark.parametrize("architecture", ["convolutional", "dense", "tutorial"])
def test_networks_that_restore_from_the_beat_alone_are_converted_too(architecture):
    from ecg_anomaly.detector import autoencoder, litert

    some = beats(20)
    model = autoencoder.build(load_config(overrides=[f"model.architecture={architecture}"]).model, frame(), 2)
    assert_equal_outputs(litert_network(litert.convert(model))(some), outputs_of_keras(model, some))
    assert all(np.isfinite(its).all() for its in litert_network(litert.convert_int8(model, some, seed=1))(some))


def test_eight_bits_rank_beats_as_well(trained, finished: Workspace):
    from ecg_anomaly.detector import litert

    model, table, compared = trained
    small = litert.convert_int8(model, compared, seed=1)
    assert len(small) < 0.5 * len(litert.convert(model))

    def auc(network, component):
        scorer = TrainedModel(network, read_reference(finished.models), load_config())
        values = component_values(score_compared(scorer, compared).answers)
        return metrics.ranking_figures(table, values[component])["auc"]

    for component in ("ectopy", "reconstruction"):
        whole = auc(lambda beats: outputs_of_keras(model, beats), component)
        assert auc(litert_network(small), component) > whole - 0.01, component


def test_training_writes_both_files_on_request(finished: Workspace, workspace: Workspace, capfd):
    shutil.copytree(finished.processed, workspace.processed)
    quick = ("training.epochs=1", "model.architecture=dense")
    assert workspace.train("training.litert=true", *quick) == 0
    assert {file.name for file in workspace.models.glob("*.tflite")} == {
        "autoencoder.tflite",
        "autoencoder_int8.tflite",
    }
    assert not list(finished.models.glob("*.tflite"))
    told = capfd.readouterr()
    assert "autoencoder_int8.tflite" in told.out
    assert "TensorSpec" not in told.out + told.err
