"""Measure time and memory of the four scripts and the speed of the network: ``make benchmark``.

The scripts run as users run them, in folders of their own, so that no results are overwritten.
Machines differ and are shared: compare figures of one run, and repeat.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from ecg_anomaly import commandline
from ecg_anomaly.batch import Request, with_leads
from ecg_anomaly.config import DEFAULT_CONFIG, Config
from ecg_anomaly.detector import measures
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.detector.surprise import reconstruction_error
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.beats import load_windows, read_table, whole_records
from ecg_anomaly.handover.model import MODEL, read_detector, read_reference
from ecg_anomaly.live.sources import PORTION_S, Portion
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records.catalogue import locate_records
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.splits import TEST
from tools.web_benchmark import measure_web

_SCRIPTS = ("preprocess_data.py", "train_model.py", "evaluate_model.py", "visualize_results.py")
_RESULT = "benchmark.json"
_REPEATS = 5
_SINGLE_BEATS = 500
_BLOCK_S = 60.0  # of a recording, read at once
_LOOK_EVERY_S = 0.2  # how often memory is looked at


def benchmark(config: Config) -> None:
    """Run everything, print a table and write ``benchmark.json`` to ``paths.outputs``."""
    with tempfile.TemporaryDirectory() as folder:
        trial = _in_folder(config, Path(folder))
        trial_file = Path(folder) / "config.yaml"
        trial_file.write_text(trial.model_dump_json(), encoding="utf-8")  # JSON is YAML
        scripts = [_measure(script, "--config", str(trial_file)) for script in _SCRIPTS]
        total = {
            "what": "all four scripts",
            "seconds": sum(row["seconds"] for row in scripts),
            "peak_mb": max(row["peak_mb"] for row in scripts),
        }
        helps = [_measure_help(script) for script in _SCRIPTS]
        rows = [*scripts, total, *helps, *_measure_network(trial), _measure_live(trial)]
        rows += measure_web(trial, Path(folder))
    print(pd.DataFrame(rows).round(2).to_string(index=False, na_rep=""))
    target = Path(config.paths.outputs) / _RESULT
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, rows)
    print(f"\nWrote {target}")


def _in_folder(config: Config, folder: Path) -> Config:
    """Give a run folders of its own; records are still found where they are."""
    paths = config.paths.model_copy(
        update={
            "records": [str(path.resolve()) for path in config.paths.record_folders],
            **{name: str(folder / name) for name in ("processed", "models", "outputs")},
        }
    )
    return config.model_copy(update={"paths": paths})


def _measure(script: str, *options: str) -> dict[str, Any]:
    """Run a script and measure its time and the memory of all its processes together."""
    print(f"running {script} {' '.join(options[:1])}", file=sys.stderr, flush=True)
    started = time.perf_counter()
    command = [sys.executable, str(DEFAULT_CONFIG.parent / script), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, _memory_bytes(process.pid))
            time.sleep(_LOOK_EVERY_S)
        message = process.stderr.read() if process.stderr else ""
    if process.returncode:
        raise UserError(f"{script} ended with {process.returncode}: {message}")
    return {"what": script, "seconds": time.perf_counter() - started, "peak_mb": peak_bytes / 1e6}


def _measure_help(script: str) -> dict[str, Any]:
    return {"what": f"{script} --help", "seconds": _median(lambda: _measure(script, "--help")["seconds"])}


def _memory_bytes(pid: int) -> int:
    """Memory of a process and its children that no other process shares (where the system tells)."""
    total = 0
    try:
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            memory = member.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    except psutil.Error:
        pass  # it has just ended
    return total


def _measure_network(config: Config) -> list[dict[str, Any]]:
    """Measure the network alone, scoring with all components, and one beat at a time."""
    from ecg_anomaly.detector import autoencoder

    table = read_table(config.paths.processed)
    beats = whole_records(table, TEST)
    windows = load_windows(config.paths.processed, beats)
    model_path = Path(config.paths.models) / MODEL
    model = autoencoder.load(model_path, config.model.architecture, windows.shape[1:])
    reference = read_reference(config.paths.models)
    reconstruct = autoencoder.compiled(model)
    paired = PairedBeats(windows, windows)

    def score_all() -> None:
        measured = measures.measure(reconstruct, beats, measures.pair_beats(beats, windows, config), config)
        measures.score_beats(beats, measured, reference, config.scoring.components)

    surprise = reference["log_error"]
    one = iter(range(len(windows)))

    def score_one() -> None:
        beat = windows[[next(one)]]
        surprise(np.log(reconstruction_error(beat, reconstruct(PairedBeats(beat, beat)))))

    score_one()  # compiles
    single_s = statistics.median(_seconds(score_one) for _ in range(_SINGLE_BEATS))
    return [
        {
            "what": "reconstruction, in batches",
            "beats_per_second": len(beats) / _median(lambda: _seconds(lambda: reconstruct(paired))),
        },
        {"what": "all components, in batches", "beats_per_second": len(beats) / _median(lambda: _seconds(score_all))},
        {"what": "one beat: network, error, surprise", "milliseconds": 1000 * single_s},
        *_measure_litert(model, PairedBeats(windows[:_SINGLE_BEATS], windows[:_SINGLE_BEATS]), config.training.seed),
    ]


def _measure_litert(model: Any, paired: PairedBeats, seed: int) -> list[dict[str, Any]]:
    """Measure the size of the network for small devices, and what one beat takes it on one core."""
    from ecg_anomaly.detector import litert

    rows = []
    for name, content in (("float", litert.convert(model)), ("int8", litert.convert_int8(model, paired, seed))):
        reconstruct = litert_reconstructor(content)
        seconds = _median(partial(_seconds, partial(reconstruct, paired)))
        rows.append(
            {
                "what": f"LiteRT {name}, one beat",
                "milliseconds": 1000 * seconds / len(paired.windows),
                "size_kb": len(content) / 1e3,
            }
        )
    return rows


def litert_reconstructor(content: bytes) -> measures.Reconstruct:
    """Run beats through a converted autoencoder (a ``.tflite`` file), one by one as a phone would, on one core."""
    from ai_edge_litert.interpreter import Interpreter  # installed for development alone

    interpreter = Interpreter(model_content=content, num_threads=1)
    run = interpreter.get_signature_runner()
    (output,) = interpreter.get_signature_list()["serving_default"]["outputs"]

    def reconstruct(beats: PairedBeats) -> np.ndarray:
        reconstructions = np.empty_like(beats.windows)
        for row in range(len(beats.windows)):
            inputs = {"beat": beats.windows[[row]], "own_beat": beats.own_beats[[row]]}
            reconstructions[[row]] = run(**{name: inputs[name] for name in run.get_input_details()})[output]
        return reconstructions

    return reconstruct


def _measure_live(config: Config) -> dict[str, Any]:
    """Measure what a portion of signal takes while it arrives, over the first test record."""
    from ecg_anomaly.live.session import Session

    files = next(files for files, split in locate_records(config, print).items() if split == TEST)
    recording = with_leads(open_recording(files.header), Request(Path()), config)
    session = Session(read_detector(config), recording.sampling_rate_hz, recording.leads)
    length = round(PORTION_S * recording.sampling_rate_hz)
    seconds = [
        _seconds(partial(session.push, Portion(block[start : start + length]), 0.0))
        for block in recording.blocks(_BLOCK_S)
        for start in range(0, len(block), length)
    ]
    return {
        "what": f"live, {1000 * PORTION_S:.0f} ms of signal",
        "milliseconds": 1000 * statistics.median(seconds),
        "milliseconds_99th": 1000 * float(np.percentile(seconds, 99)),
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(_REPEATS))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit status."""
    return commandline.run_script(benchmark, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
