"""Measure how fast recordings are read: a day of three leads in each format, each in a process of its own.

``python -m tools.reading`` prints a table; ``make benchmark`` has it, too.
"""

from __future__ import annotations

import binascii
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pandas as pd
import psutil

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.simulate import simulate_record

RATE_HZ, LEADS = 250, ("I", "II", "V1")
STEPS_PER_MV = 200
_SEED = 3
_MINUTES, _REPETITIONS = 10.0, 144  # of the simulated record that is repeated: a day
_BLOCK_S = 60.0  # of a recording, as an analysis reads it
_LOOK_EVERY_S = 0.02  # how often memory is looked at

_EDF_HEADER_BYTES = slice(184, 192)
_EDF_DATA_RECORDS = slice(236, 244)
_ISHNE_LEADS = {"I": 5, "II": 6, "V1": 11}


def measure(folder: Path, minutes: float = _MINUTES, repetitions: int = _REPETITIONS) -> Iterator[dict[str, Any]]:
    """Write a recording in each format and read it; yield what was read, seconds, and peak memory in megabytes."""
    for kind, write in _WRITERS.items():
        path = folder / f"day.{kind}"
        write(path, _steps(minutes), repetitions)
        yield {"what": f"reading {minutes * repetitions / 60:.3g} h of {path.suffix}", **_read_elsewhere(path)}
        for file in folder.glob("day.*"):
            file.unlink()


def write_wfdb(header: Path, steps: np.ndarray, rate_hz: int, leads: Sequence[str], repetitions: int) -> None:
    """Write a WFDB record that repeats itself; steps of shape ``(samples, leads)``, `STEPS_PER_MV` of them."""
    header.with_suffix(".dat").write_bytes(steps.astype("<i2").tobytes() * repetitions)
    first = f"{header.stem} {len(leads)} {rate_hz} {repetitions * len(steps)}"
    described = [f"{header.stem}.dat 16 {STEPS_PER_MV} 16 0 0 0 0 {lead}" for lead in leads]
    header.write_text("\n".join([first, *described, ""]), encoding="ascii")


def _steps(minutes: float) -> np.ndarray:
    """Simulate three leads, of shape ``(samples, leads)``, as if they were sampled at `RATE_HZ`."""
    signals_mv = simulate_record(1, minutes, _SEED).signals_mv[: round(minutes * 60) * RATE_HZ]
    return np.asarray((np.column_stack([signals_mv, signals_mv.mean(axis=1)]) * STEPS_PER_MV).round().astype("<i2"))


def _write_wfdb(path: Path, steps: np.ndarray, repetitions: int) -> None:
    write_wfdb(path, steps, RATE_HZ, LEADS, repetitions)


def _write_edf(path: Path, steps: np.ndarray, repetitions: int) -> None:
    signals = [
        edfio.EdfSignal(signal / STEPS_PER_MV, RATE_HZ, label=lead, physical_dimension="mV", physical_range=(-10, 10))
        for lead, signal in zip(LEADS, steps.T, strict=True)
    ]
    edfio.Edf(signals).write(path)
    content = bytearray(path.read_bytes())
    length = int(content[_EDF_HEADER_BYTES])
    content[_EDF_DATA_RECORDS] = b"%-8d" % (int(content[_EDF_DATA_RECORDS]) * repetitions)
    path.write_bytes(content[:length] + content[length:] * repetitions)


def _write_table(path: Path, steps: np.ndarray, repetitions: int) -> None:
    table = pd.DataFrame(steps / STEPS_PER_MV, columns=[f"{lead} (mV)" for lead in LEADS])
    header, _, rows = table.to_csv(index=False, lineterminator="\n").partition("\n")
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(f"{header}\n")
        for _ in range(repetitions):
            file.write(rows)


def _write_ishne(path: Path, steps: np.ndarray, repetitions: int) -> None:
    """Write an ISHNE Holter file (Badilini, Ann Noninvasive Electrocardiol 3(3):263-266, 1998)."""

    def of_each(values: Sequence[int], rest: int) -> list[int]:
        return [*values, *[rest] * (12 - len(values))]

    begin = 522  # of the samples: behind the magic number, a checksum and the header
    header = struct.pack(
        "<4ih40s40s20s2h12hh36hh40sh248x",
        *(0, repetitions * len(steps), begin, begin, 1),  # no further block, samples per lead, version
        *(b"", b"", b"", 0, 0, *[1, 1, 2000] * 3, 0, 0, 0),  # of a patient; three dates and a time
        *(len(LEADS), *of_each([_ISHNE_LEADS[lead] for lead in LEADS], -9), *of_each([0] * len(LEADS), -9)),
        *of_each([1_000_000 // STEPS_PER_MV] * len(LEADS), -9),  # nanovolts per step
        *(0, b"", RATE_HZ),
    )
    checksum = struct.pack("<H", binascii.crc_hqx(header, 0xFFFF))
    path.write_bytes(b"ISHNE1.0" + checksum + header + steps.tobytes() * repetitions)


_WRITERS: dict[str, Callable[[Path, np.ndarray, int], None]] = {
    "edf": _write_edf,
    "hea": _write_wfdb,
    "csv": _write_table,
    "ecg": _write_ishne,
}


def _read_elsewhere(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tools.reading", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        peak_bytes = 0
        while process.poll() is None:
            try:
                peak_bytes = max(peak_bytes, psutil.Process(process.pid).memory_info().rss)
            except psutil.Error:
                break  # it has just ended
            time.sleep(_LOOK_EVERY_S)
        said, problem = process.communicate()
    if process.returncode:
        raise UserError(f"{path} cannot be read: {problem}")
    return {"seconds": float(said), "peak_mb": peak_bytes / 1e6}


def _read(path: Path) -> float:
    """Read all blocks of a recording; give the seconds that it took."""
    started = time.perf_counter()
    recording = open_recording(path, RATE_HZ)
    samples = sum(len(block) for block in recording.blocks(_BLOCK_S))
    seconds = time.perf_counter() - started
    if (samples, len(recording.leads)) != (recording.samples, len(LEADS)):
        raise UserError(f"{path}: {samples} samples of {len(recording.leads)} leads were read")
    return seconds


def main(argv: Sequence[str]) -> None:
    """Read the recording that is named, or measure all formats."""
    if argv:
        print(_read(Path(argv[0])))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(pd.DataFrame(measure(Path(folder))).round(2).to_string(index=False))


if __name__ == "__main__":
    main(sys.argv[1:])
