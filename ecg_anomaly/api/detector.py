"""A trained detector in Python: what analyses recordings and streams."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_anomaly.api.found import Found, Kept
from ecg_anomaly.api.settings import load_settings
from ecg_anomaly.api.signals import Reading, Signal, is_path, open_signal
from ecg_anomaly.api.stream import Stream
from ecg_anomaly.api.wording import in_python, told_in_python
from ecg_anomaly.batch import choose_judged
from ecg_anomaly.beats.leads import unit_doubt
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import analyse_to_store
from ecg_anomaly.handover.model import check_detector, describe_model, read_detector
from ecg_anomaly.handover.scores import Metrics, read_metrics
from ecg_anomaly.records.lead_names import lead_called
from ecg_anomaly.records.recording import RecordingFile
from ecg_anomaly.words import StartTime
