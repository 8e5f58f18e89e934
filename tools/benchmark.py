"""Measure what the project costs, as users run it, in folders of its own: ``make benchmark``.

Time and memory of the four scripts and of reading a day in each format, speed of the network and of the live detector,
how fast the server of the web application answers, and how long a browser takes to show a half hour and a day.
Machines differ and are shared: compare figures of one run, and repeat.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ecg_anomaly import commandline
from ecg_anomaly.batch.opening import open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import ComparedBeats, compare_records, inputs_of
from ecg_anomaly.detector.measures import Network
from ecg_anomaly.detector.scorer import score_compared, score_records
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.beats import read_records
from ecg_anomaly.handover.model import MODEL, read_detector, read_model
from ecg_anomaly.live.session import Session
from ecg_anomaly.live.sources import PORTION_S, Portion
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records.fetching import locate_records
from ecg_anomaly.records.simulate import LEADS, SAMPLING_RATE_HZ, simulate_record
from ecg_anomaly.records.splits import TEST
from ecg_anomaly.web import ids
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.web.warm_up import warm_up
from tools.load import measure_load
from tools.page import Page
from tools.reading import STEPS_PER_MV, measure, write_wfdb
from tools.review import measure_review
from tools.running import SCRIPTS, Row, run_script

_REPEATS = 5
_SINGLE_BEATS = 500
_BLOCK_S = 60.0  # of a recording, read at once

_WEB_MINUTES, _WEB_SEED = 10.0, 3  # of the simulated record that is repeated for the web application
_WEB_RECORDS = {"30 minutes": 3, "24 hours": 144}  # how often
_LOAD = "30 minutes"  # what many people look at at once


def benchmark(config: Config) -> None:
    """Run everything, print a table and write ``benchmark.json`` to ``paths.outputs``."""
    with tempfile.TemporaryDirectory() as folder:
        records = [str(path.resolve()) for path in config.paths.record_folders]  # they stay where they are
        own = {name: f"{folder}/{name}" for name in ("processed", "models", "outputs")}
        paths = config.paths.model_copy(update={"records": records, **own})
        trial = config.model_copy(update={"paths": paths})
        trial_file = Path(folder) / "config.yaml"
        trial_file.write_text(trial.model_dump_json(), encoding="utf-8")  # JSON is YAML
        rows = [run_script(name, "--config", str(trial_file)) for name in SCRIPTS]
        sums = {name: sum(row[name] for row in rows) for name in ("seconds", "cpu_seconds")}
        rows.append({"what": "all four scripts"} | sums | {"peak_mb": max(row["peak_mb"] for row in rows)})
        for name in SCRIPTS:
            rows.append({"what": f"{name} --help", "seconds": _median_s(run_script, name, "--help")})
        rows += [*_network(trial), _live(trial), *_web(trial, Path(folder)), *_review(trial, Path(folder))]
        rows += measure(Path(folder))
    print(pd.DataFrame(rows).round(2).to_string(index=False, na_rep=""))
    target = Path(config.paths.outputs) / "benchmark.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, rows)
    print(f"\nWrote {target}")


def _network(config: Config) -> Iterator[Row]:
    """Measure the network alone, scoring with all components, one beat alone, and the networks for small devices."""
    import keras

    from ecg_anomaly.detector import litert

    records = read_records(config.paths.processed, TEST)
    model = read_model(config)
    compared = compare_records(records.table, records.windows, config)
    alone = [compared.chosen(np.array([row])) for row in range(_SINGLE_BEATS)]

    single_s = statistics.median(_seconds(score_compared, model, beat) for beat in alone)
    batch_s, score_s = _median_s(model.network, compared), _median_s(score_records, model, *vars(records).values())
    yield {"what": "network, in batches", "beats_per_second": len(records.table) / batch_s}
    yield {"what": "all components, in batches", "beats_per_second": len(records.table) / score_s}
    yield {"what": "one beat: network and score", "milliseconds": 1000 * single_s}

    few = compared.chosen(np.arange(_SINGLE_BEATS))
    network = keras.models.load_model(Path(config.paths.models) / MODEL, compile=False)
    small = litert.convert_int8(network, few, config.training.seed)
    for name, content in (("float", litert.convert(network)), ("int8", small)):
        beat_s = _median_s(litert_network(content), few) / _SINGLE_BEATS
        size_kb = len(content) / 1e3
        yield {"what": f"LiteRT {name}, one beat", "milliseconds": 1000 * beat_s, "size_kb": size_kb}


def litert_network(content: bytes) -> Network:
    """Run beats through a converted autoencoder (a ``.tflite`` file), one by one as a phone would, on one core."""
    from ai_edge_litert.interpreter import Interpreter  # installed for development alone

    interpreter = Interpreter(model_content=content, num_threads=1)
    run = interpreter.get_signature_runner()

    def network(beats: ComparedBeats) -> tuple[np.ndarray, np.ndarray]:
        inputs = inputs_of(beats.paired, beats.timed.tachograms)
        rows = range(len(beats.paired.windows))
        found = [run(**{name: values[[row]] for name, values in inputs.items()}) for row in rows]
        reconstructions, logits = (np.concatenate([one[name] for one in found]) for name in ("reconstruction", "kinds"))
        return reconstructions, logits

    return network


def _live(config: Config) -> Row:
    """Measure what a portion of signal takes while it arrives, over the first test record."""
    files = next(files for files, split in locate_records(config, print).items() if split == TEST)
    recording = open_leads(files.header, Request(Path()), config)
    session = Session(read_detector(config), recording.sampling_rate_hz, recording.leads)
    length = round(PORTION_S * recording.sampling_rate_hz)
    seconds = [
        _seconds(session.push, Portion(block[start : start + length]), 0.0)
        for block in recording.blocks(_BLOCK_S)
        for start in range(0, len(block), length)
    ]
    return {
        "what": f"live, {1000 * PORTION_S:.0f} ms of signal",
        "milliseconds": 1000 * statistics.median(seconds),
        "milliseconds_99th": 1000 * float(np.percentile(seconds, 99)),
    }


def _web(config: Config, folder: Path) -> Iterator[Row]:
    """Measure the server: from an upload to the overview, and each interaction."""
    state = ServerState(config)
    try:
        warm_up(state)
        app = create_app(state, ())
        for length, repetitions in _WEB_RECORDS.items():
            header = _write_record(folder, repetitions)
            yield from _recording(Page(app), length, header)
            if length == _LOAD:
                yield from measure_load(app, header)
    finally:
        state.close()


def _review(config: Config, folder: Path) -> Iterator[Row]:
    try:
        yield from measure_review(config, folder)
    except UserError as error:  # all the rest was measured
        print(f"The review in a browser was not measured: {error}")


def _recording(page: Page, length: str, header: Path) -> Iterator[Row]:
    started = time.perf_counter()
    page.open(header)
    yield {"what": f"web, {length}: upload to overview", "seconds": time.perf_counter() - started}
    beats = itertools.count(1)
    thresholds = (page.properties[ids.THRESHOLD, "value"] * (1 + step / 50) for step in itertools.count(1))
    interactions: dict[str, Callable[[], None]] = {
        "next beat": lambda: page.change(ids.BEAT, "data", next(beats)),
        "threshold": lambda: page.change(ids.THRESHOLD, "value", next(thresholds)),
        "zoom out": lambda: page.change(ids.MOVES["out"], "n_clicks", 1),
        "move": lambda: page.change(ids.MOVES["left"], "n_clicks", 1),
    }
    for action, act in interactions.items():
        yield {"what": f"web, {length}: {action}", "milliseconds": 1000 * _median_s(act)}


def _write_record(folder: Path, repetitions: int) -> Path:
    """Write a simulated record that repeats itself; give its header."""
    steps = (simulate_record(1, _WEB_MINUTES, _WEB_SEED).signals_mv * STEPS_PER_MV).round()
    header = folder / f"web{repetitions}.hea"
    write_wfdb(header, steps, SAMPLING_RATE_HZ, LEADS, repetitions)
    return header


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def _median_s(work: Callable[..., object], *arguments: object) -> float:
    return statistics.median(_seconds(work, *arguments) for _ in range(_REPEATS))


if __name__ == "__main__":
    sys.exit(commandline.run_script(benchmark, __doc__))
