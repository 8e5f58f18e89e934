"""Writes signals as a WFDB record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import wfdb

from ecg_anomaly.words import StartTime

_BITS = "16"


def write_record(
    folder: Path,
    name: str,
    signals_mv: np.ndarray,
    sampling_rate_hz: float,
    leads: Sequence[str],
    start_time: StartTime | None = None,
) -> list[Path]:
    """Write signals of shape ``(samples, leads)``, NaN where samples are missing; give the files, the header last.

    Each lead is stored in 16 bits, in steps that its lowest and its highest value leave room for.
    """
    wfdb.wrsamp(
        name,
        fs=sampling_rate_hz,
        units=["mV"] * len(leads),
        sig_name=[lead.replace("\n", " ") for lead in leads],
        p_signal=np.ascontiguousarray(signals_mv, dtype=float),
        fmt=[_BITS] * len(leads),
        base_date=getattr(start_time, "date", lambda: None)(),
        base_time=None if start_time is None else getattr(start_time, "time", lambda: start_time)(),
        write_dir=str(folder),
    )
    return [folder / f"{name}.{extension}" for extension in ("dat", "hea")]
