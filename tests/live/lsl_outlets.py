"""Real streams of the Lab Streaming Layer for tests, which only this machine can see."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from ecg_anomaly.live import lsl

_CONFIG = """
[ports]
IPv6 = disable
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {127.0.0.1}
[log]
level = -3
[tuning]
MulticastMinRTT = 0.02
UnicastMinRTT = 0.05
TimeProbeInterval = 0.01
TimeUpdateMinProbes = 1
"""
PATIENCE_S = 600.0  # for what is certain to come, on the busiest machine
RATE_HZ = 360


@pytest.fixture(scope="session")
def pylsl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The library, kept to this machine, where answers come soon; it reads its settings when it is used first."""
    config: Path = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
    config.write_text(_CONFIG)
    os.environ["LSLAPICFG"] = str(config)
    try:
        import pylsl
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"liblsl cannot be loaded: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lsl, "_RESOLVE_S", PATIENCE_S)
        patch.setattr(lsl, "_ANSWER_S", PATIENCE_S)
        patch.setattr(lsl, "_RESOLVE_ALL_S", 0.05)  # for streams that no test has
        yield pylsl


class Sender:
    """An outlet that sends microvolts with the time stamps that a device would give."""

    def __init__(
        self,
        pylsl,
        name: str,
        labels: Sequence[str] = ("II", "V1"),
        units: Sequence[str] = ("microvolts", "microvolts"),
        types: Sequence[str] = ("ECG", "ECG"),
        source_id: str = "",
        rate_hz: float = RATE_HZ,
        channel_format: str = "float32",
        start_s: float | None = None,
    ):
        info = pylsl.StreamInfo(name, "ECG", len(labels), rate_hz, channel_format, source_id)
        info.set_channel_labels(list(labels))
        if units:
            info.set_channel_units(list(units))
        if types:
            info.set_channel_types(list(types))
        self.outlet = pylsl.StreamOutlet(info)
        self.start_s = pylsl.local_clock() if start_s is None else start_s

    def send(self, signals: np.ndarray, first: int = 0, kept: np.ndarray | None = None) -> None:
        """Send samples from number ``first`` on, but those that are not kept, as soon as someone listens."""
        assert self.outlet.wait_for_consumers(PATIENCE_S)
        times_s = self.start_s + np.arange(first, first + len(signals)) / RATE_HZ
        kept = np.ones(len(signals), dtype=bool) if kept is None else kept
        for part in np.array_split(np.flatnonzero(kept), 20):
            self.outlet.push_chunk(np.ascontiguousarray(signals[part], dtype=np.float32), times_s[part].tolist())
