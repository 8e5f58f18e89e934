"""Settings that a program gives."""

from pathlib import Path

import numpy as np
import pytest

from ecg_anomaly.api.settings import load_settings, overrides
from ecg_anomaly.errors import UserError


def test_settings_are_laid_over_a_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("training: {epochs: 3, batch_size: 8}", encoding="utf-8")
    settings = {"training.epochs": np.int64(5), "paths": {"models": Path("m")}, "split.test": ("a/1", "a/2")}
    config = load_settings(path, settings)

    assert (config.training.epochs, config.training.batch_size, config.paths.models) == (5, 8, "m")
    assert config.split.test == ["a/1", "a/2"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["training.epochs=5"], "settings= is no mapping"),
        ({"training.epochs": object()}, "give numbers, texts, lists and mappings"),
    ],
)
def test_what_are_no_settings_is_told(settings, message):
    with pytest.raises(UserError, match=message):
        overrides(settings)
