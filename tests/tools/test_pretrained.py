"""The detector that comes with the package: small, what its files say, and refused with other settings."""

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import CARD, EXPECTED, PACKAGED, check_detector, packaged_detector
from tools.pretrained import scores_of_simulated

MOST_BYTES = 2_000_000


def test_scores_a_simulated_record_as_when_it_was_made():
    found, expected = scores_of_simulated(packaged_detector(load_config())), pd.read_csv(PACKAGED / EXPECTED)
    pd.testing.assert_frame_equal(found[["sample", "flagged"]], expected[["sample", "flagged"]])
    np.testing.assert_allclose(found["anomaly_score"], expected["anomaly_score"], atol=2e-3)


def test_is_small_and_says_what_it_is():
    assert sum(path.stat().st_size for path in PACKAGED.iterdir()) < MOST_BYTES
    card = (PACKAGED / CARD).read_text(encoding="utf-8")
    assert all(word in card for word in ("Open\nData Commons Attribution License", "Moody", "**Limits.**", "| auc |"))


def test_is_used_where_nobody_has_trained_and_told(tmp_path):
    said = []
    nowhere = [f"paths.models={tmp_path / 'models'}", f"paths.outputs={tmp_path / 'outputs'}"]
    config = check_detector(load_config(overrides=nowhere), said.append)
    assert (config.paths.models, config.paths.outputs) == (str(PACKAGED), str(PACKAGED))
    assert said == [
        f"{tmp_path / 'models'}: nobody has trained a model here; the detector that comes with the package is used"
    ]


@pytest.mark.parametrize("setting", ["beat.window_after_s=0.4", "scoring.components=[rhythm]", "records.lead_count=1"])
def test_other_settings_refuse_it(tmp_path, setting):
    nowhere = [f"paths.models={tmp_path / 'models'}", f"paths.outputs={tmp_path / 'outputs'}"]
    with pytest.raises(UserError, match=rf"made with other settings: {setting.partition('=')[0]} is .*four scripts"):
        check_detector(load_config(overrides=[*nowhere, setting]))
