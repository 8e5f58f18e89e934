"""The autoencoder for phones: it reconstructs as Keras does."""

import numpy as np
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.detector import measures
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.detector.scorer import compare_records, score_measured
from ecg_anomaly.detector.surprise import reconstruction_error
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.handover.beats import load_windows, read_table, whole_records
from ecg_anomaly.handover.model import MODEL, read_reference
from tests.conftest import Workspace
from tools.benchmark import litert_reconstructor

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: pip install -r requirements-dev.txt")


@pytest.fixture(scope="module")
def trained(finished: Workspace):
    """Model, and test beats compared with the patients' own."""
    from ecg_anomaly.detector import autoencoder

    config = load_config(overrides=finished.settings()[1::2])
    beats = whole_records(read_table(finished.processed), "test")
    windows = load_windows(finished.processed, beats)
    model = autoencoder.load(finished.models / MODEL, config.model.architecture, windows.shape[1:])
    return model, beats, compare_records(beats, windows, config)


def auc(reconstruct, beats, compared, reference):
    measured = measures.measure(reconstruct, compared.paired, compared.timed)
    scored = score_measured(compared.paired, measured, reference, ["reconstruction"])
    figures = metrics.ranking_figures(beats["aami_class"].to_numpy(), scored.anomaly_score, beats["record"].to_numpy())
    return figures["auc"]


def test_float_gives_the_errors_of_keras(trained):
    from ecg_anomaly.detector import autoencoder, litert

    model, _, compared = trained
    paired = compared.paired
    expected = reconstruction_error(paired.windows, autoencoder.compiled(model)(paired))
    found = reconstruction_error(paired.windows, litert_reconstructor(litert.convert(model))(paired))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("architecture", ["convolutional", "dense"])
def test_networks_that_see_the_beat_alone_are_converted_too(architecture):
    from ecg_anomaly.detector import autoencoder, litert

    rng = np.random.default_rng(1)
    beats = PairedBeats(*rng.normal(size=(2, 20, 24, 2)).astype(np.float32))
    model = autoencoder.build(load_config(overrides=[f"model.architecture={architecture}"]).model, 24, 2)
    expected = autoencoder.compiled(model)(beats)
    np.testing.assert_allclose(litert_reconstructor(litert.convert(model))(beats), expected, atol=1e-4)
    assert np.isfinite(litert_reconstructor(litert.convert_int8(model, beats, seed=1))(beats)).all()


def test_eight_bits_rank_beats_as_well(trained, finished: Workspace):
    from ecg_anomaly.detector import autoencoder, litert

    model, beats, compared = trained
    reference = read_reference(finished.models)
    small = litert.convert_int8(model, compared.paired, seed=1)
    assert len(small) < 0.5 * len(litert.convert(model))
    whole = auc(autoencoder.compiled(model), beats, compared, reference)
    assert auc(litert_reconstructor(small), beats, compared, reference) > whole - 0.005


def test_training_writes_both_files_on_request(finished: Workspace, workspace: Workspace, capfd):
    workspace.preprocess()
    assert workspace.train("training.litert=true", "training.epochs=1") == 0
    assert {file.name for file in workspace.models.glob("*.tflite")} == {
        "autoencoder.tflite",
        "autoencoder_int8.tflite",
    }
    assert not list(finished.models.glob("*.tflite"))
    told = capfd.readouterr()
    assert "autoencoder_int8.tflite" in told.out
    assert "TensorSpec" not in told.out + told.err
