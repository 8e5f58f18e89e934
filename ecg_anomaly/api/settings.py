"""Settings as a program gives them: a file, a mapping, or both."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecg_anomaly.config import Config, load_config
from ecg_anomaly.errors import UserError

ConfigFile = str | os.PathLike[str] | None
Settings = Mapping[str, Any] | None  # {"training": {"epochs": 5}}, or {"training.epochs": 5}


def load_settings(config: ConfigFile, settings: Settings) -> Config:
    """Read a config file, and lay settings over it; errors as of `config.load_config`."""
    return load_config(None if config is None else Path(config), overrides(settings))


def overrides(settings: Settings) -> list[str]:
    """Write settings as the option ``--set`` takes them.

    Raises
    ------
    UserError
        When they are no mapping, or hold what YAML has no word for.
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise UserError(f'settings= is no mapping but {settings!r}; write it as {{"training.epochs": 5}}')
    return [f"{key}={json.dumps(value, default=_plain)}" for key, value in (settings or {}).items()]


def _plain(value: object) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise UserError(f"settings= holds {value!r}; give numbers, texts, lists and mappings")
