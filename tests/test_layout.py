"""The plan of the house: a beat goes down the order of folders, and no import runs back up.

Imports for type annotations alone count too; what they need belongs below as well.
"""

import ast
import functools
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = "ecg_anomaly"

# From the ground up; folders with a slash. Each imports itself and what stands before it.
ORDER = (
    *("errors", "words", "quiet", "processes", "config", "commandline", "manifest"),
    *(
        "records/",
        "storage",
        "beats/",
        "detector/",
        "handover/",
        "workers",
        "cluster",
        "training",
        "findings/",
        "evaluation/",
        "reports/",
        "batch/",
    ),
    *("live/", "web/", "api/", "entry"),
)

LOADS_TENSORFLOW = {f"ecg_anomaly.detector.{name}" for name in ("autoencoder", "litert")}
IMPORTED_LATE = LOADS_TENSORFLOW | {"ecg_anomaly.config"}  # pydantic is slow too: --help need not wait for it

SCRIPTS = sorted(ROOT.glob("*.py"))
MOST_LINES = 60

# Tests of more than one module, or of none: why they stand where they stand.
NOT_OF_ONE_MODULE = {
    "tests/test_layout.py": "the package as a whole",
    "tests/test_packaging.py": "the package as it is installed",
    "tests/test_docs.py": "README and documentation beside the code",
    "tests/api/test_first_steps.py": "the notebook of the documentation",
    "tests/records/test_one_reader.py": "the pipeline beside the reader",
    "tests/records/devices/test_device_files.py": "every reader, with what devices write",
    "tests/records/test_fuzz_readers.py": "every reader, with damaged files",
    "tests/scripts/test_bad_input.py": "every script, with files and settings that are wrong",
    "tests/scripts/test_bad_recordings.py": "every script, with recordings that are hard to read",
    "tests/scripts/test_cases.py": "recordings that came out wrong for somebody once",
    "tests/scripts/test_pipeline.py": "the four scripts in order",
    "tests/scripts/test_real_records.py": "the four scripts on MIT-BIH, where it is",
    "tests/scripts/test_rerun.py": "scripts again after an edit",
    "tests/web/test_accessibility.py": "the page in every state, as people meet it who cannot see or use a mouse",
    "tests/web/test_browser.py": "the application in a browser",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}


def imports(tree: ast.AST) -> Iterator[str]:
    """Name what is imported anywhere in a tree: modules of the package by their full name, others by their first."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in named:
            own = name if name in FILES else name.rpartition(".")[0]
            yield own if own in FILES else name.partition(".")[0]


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(module: str) -> int:
    """Where the folder or module of the first level that a module belongs to stands in the order."""
    return [name.strip("/") for name in ORDER].index(module.split(".")[1])


def test_package_has_the_folders_and_modules_of_the_order():
    modules = {path.stem for path in (ROOT / PACKAGE).glob("*.py")} - {"__init__"}
    folders = {f"{path.parent.name}/" for path in (ROOT / PACKAGE).glob("*/__init__.py")}

    assert modules | folders == set(ORDER)


def test_no_import_runs_back_up():
    pairs = [(module, used) for module, path in FILES.items() for used in imports(parsed(path)) if used in FILES]
    upward = {(module, used) for module, used in pairs if PACKAGE not in (module, used) and place(used) > place(module)}
    assert upward == set()


def test_no_circle_of_files():
    sorter = graphlib.TopologicalSorter(
        {module: set(imports(parsed(path))) & FILES.keys() - {PACKAGE} for module, path in FILES.items()}
    )
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_package_knows_nothing_of_scripts_tools_and_tests():
    outside = {"tests", "tools", *(path.stem for path in SCRIPTS)}
    assert {module: found for module, path in FILES.items() if (found := outside & set(imports(parsed(path))))} == {}


def test_tensorflow_is_loaded_by_what_trains_the_network_alone():
    loading = {module for module, path in FILES.items() if {"keras", "tensorflow"} & set(imports(parsed(path)))}
    assert loading == LOADS_TENSORFLOW

    at_once = {
        module
        for module, path in FILES.items()
        for statement in parsed(path).body
        if isinstance(statement, ast.Import | ast.ImportFrom) and LOADS_TENSORFLOW & set(imports(statement))
    }
    assert at_once <= LOADS_TENSORFLOW


def test_only_what_is_slow_to_import_is_imported_late():
    functions = [
        (module, node)
        for module, path in FILES.items()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    late = {(module, used) for module, node in functions for used in imports(node) if used in FILES}
    assert {(module, used) for module, used in late if used not in IMPORTED_LATE} == set()


def test_scripts_are_short():
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in SCRIPTS}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_tests_mirror_the_folders():
    outside = {"scripts": ROOT, "tools": ROOT / "tools"}
    alone = set()
    for test in (ROOT / "tests").rglob("test_*.py"):
        folder = test.parent.relative_to(ROOT / "tests")
        module = outside.get(str(folder), ROOT / PACKAGE / folder) / test.name.removeprefix("test_")
        if not module.is_file():
            alone.add(test.relative_to(ROOT).as_posix())

    assert alone == NOT_OF_ONE_MODULE.keys()
