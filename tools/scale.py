"""Measure how time and memory of the four scripts grow with the number of test records: ``make scale``.

The records are copies of those of the settings under other names, and get a folder of their own; the settings are those
of the run but for that, such as ``--set training.epochs=1``. With ``--folder`` what the scripts write is kept, so that
another run may go on with other scripts.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ecg_anomaly import commandline
from ecg_anomaly.config import Config
from ecg_anomaly.records.catalogue import RecordFiles, find_records
from tools.running import SCRIPTS, Row, run_script

_DATABASE = "copies"
_COUNTS = (44, 176, 1000)
_COLUMNS = {  # of the table, by title: the figure and how it is written
    "script": ("what", "{}"),
    "test records": ("records", "{:,}"),
    "seconds": ("seconds", "{:,.0f}"),
    "CPU seconds": ("cpu_seconds", "{:,.0f}"),
    "peak (MB)": ("peak_mb", "{:,.0f}"),
    "written (MB)": ("written_mb", "{:,.0f}"),
}


def scale(config: Config, options: argparse.Namespace) -> None:
    """Run the scripts for each number of records, and print a table in Markdown, and what a further record takes."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary).resolve()
        originals = find_records(config.split.test, "split.test", config)
        names = write_copies(originals, folder / "records" / _DATABASE, max(options.counts))
        print(_line(_COLUMNS), _line(["---"] + ["---:"] * (len(_COLUMNS) - 1)), sep="\n", flush=True)
        rows = []
        for count in options.counts:
            for row in _measured(names[:count], options.scripts, folder, config):
                print(_line(form.format(row[name]) for name, form in _COLUMNS.values()), flush=True)
                rows.append(row)
    for script in options.scripts:
        print(growth([row for row in rows if row["what"] == script]))


def write_copies(originals: Sequence[RecordFiles], folder: Path, count: int) -> list[str]:
    """Give WFDB records other names, one after the other and again, in a folder of their own; give their names.

    The headers are copies, all other files links.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, files in zip(range(count), itertools.cycle(originals), strict=False):
        old, new = files.header.stem, f"r{number:05d}"
        for path in files.header.parent.glob(f"{old}.*"):
            copy = folder / f"{new}{path.suffix}"
            copy.unlink(missing_ok=True)
            if path == files.header:
                lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                renamed = (
                    new + line.removeprefix(old) if line.startswith((f"{old} ", f"{old}.")) else line for line in lines
                )
                copy.write_text("".join(renamed), encoding="utf-8")
            else:
                copy.symlink_to(path.resolve())
    return [f"{_DATABASE}/r{number:05d}" for number in range(count)]


def growth(rows: Sequence[Row]) -> str:
    """Say what each further record takes a script, from its first row to its last."""
    first, last = rows[0], rows[-1]
    more = last["records"] - first["records"]
    if not more:
        return ""
    cpu_s, peak_mb, written_mb = (
        (last[name] - first[name]) / more for name in ("cpu_seconds", "peak_mb", "written_mb")
    )
    return (
        f"{first['what']}: {cpu_s:.2f} CPU seconds, {peak_mb:.2f} MB of memory and {written_mb:.2f} MB of disk a record"
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _measured(names: Sequence[str], scripts: Sequence[str], folder: Path, config: Config) -> Iterable[Row]:
    """Run scripts on so many test records."""
    own = folder / str(len(names))
    own.mkdir(exist_ok=True)
    records = [str(path.resolve()) for path in config.paths.record_folders] + [str(folder / "records")]
    paths = {name: str(own / name) for name in ("processed", "models", "outputs")} | {"records": records}
    split = config.split.model_copy(update={"test": list(names)})
    trial = config.model_copy(update={"paths": config.paths.model_copy(update=paths), "split": split})
    settings = own / "config.yaml"
    settings.write_text(trial.model_dump_json(), encoding="utf-8")  # JSON is YAML
    for script in scripts:
        before = _written_mb(own)
        row = run_script(script, "--config", str(settings))
        yield row | {"records": len(names), "written_mb": _written_mb(own) - before}


def _written_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how many records there are to be, which scripts run, and where."""
    parser.add_argument("--counts", type=int, nargs="+", default=_COUNTS, metavar="N", help="so many test records")
    parser.add_argument(
        "--scripts", nargs="+", default=SCRIPTS, choices=SCRIPTS, metavar="SCRIPT", help="in this order"
    )
    parser.add_argument("--folder", metavar="FOLDER", help="keep all files here, in place of a temporary folder")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit status."""
    return commandline.run_with_options(scale, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
