"""README and documentation beside the code: what they name exists. Building the pages checks their anchors."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ecg_anomaly import commandline
from ecg_anomaly.config import Config
from tests.conftest import ROOT
from tools import scale
from tools.documentation import parsers

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
TEXTS |= {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")}
# The changelog tells of what is gone, CONTRIBUTING.md of other programs.
ON_OPTIONS = {name: text for name, text in TEXTS.items() if name not in ("CONTRIBUTING.md", "CHANGELOG.md")}
ON_KEYS = {
    name: text for name, text in TEXTS.items() if name not in ("CHANGELOG.md", "docs/explanation/experiments.md")
}

WRONG_ON_PURPOSE = {"training.epoch"}  # the tutorial shows what is said of it
FILES = ("py", "csv", "json")  # threshold.json is no setting

OF_DASK = {"--nworkers", "--nthreads", "--memory-limit"}
PARSERS = {**dict(parsers()), "tools.scale": commandline.make_parser(scale.add_options, None)}
OPTIONS = {
    name: {option for action in parser._actions for option in action.option_strings} for name, parser in PARSERS.items()
}
SECTIONS = {name: field.annotation.model_fields for name, field in Config.model_fields.items()}


def code(text: str) -> list[str]:
    """Lines of code blocks, and what stands in backticks."""
    blocks = re.findall(r"^ *```.*?\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`]+)`", rest)


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_to_files(name):
    targets = re.findall(r"\]\(([^)\s]+)\)", "\n".join(re.split(r"^ *```.*?^ *```", TEXTS[name], flags=re.M | re.S)))
    paths = {target.partition("#")[0] for target in targets if not re.match(r"https?:|mailto:|#", target)}
    folder = (ROOT / name).parent
    assert [path for path in sorted(paths) if not (folder / path).exists()] == []


@pytest.mark.parametrize("name", ON_OPTIONS)
def test_options_exist(name):
    unknown = []
    for line in code(ON_OPTIONS[name]):
        scripts = [script for script in OPTIONS if script in line]
        allowed = OF_DASK.union(*(OPTIONS[script] for script in scripts or OPTIONS))
        unknown += [(option, line) for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", line) if option not in allowed]
    assert unknown == []


@pytest.mark.parametrize("name", ON_KEYS)
def test_settings_exist(name):
    text = re.sub(r"^ *```python.*?^ *```", "", ON_KEYS[name], flags=re.MULTILINE | re.DOTALL)  # beat.flagged is none
    named = re.findall(r"(?<![\w./])([a-z_]+)\.([a-z_0-9]+)(?![\w(/.])", "\n".join(code(text)))
    keys = {(section, key) for section, key in named if section in SECTIONS and key not in FILES}
    assert {f"{section}.{key}" for section, key in keys if key not in SECTIONS[section]} <= WRONG_ON_PURPOSE


def test_code_names_pages_that_exist():
    sources = [path for path in (ROOT / "ecg_anomaly").rglob("*") if path.suffix in (".py", ".jinja")]
    named = {found for path in sources for found in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))}
    assert "docs/explanation/pages.md" in named
    assert {name for name in named if name not in TEXTS} == set()


def test_nav_lists_every_page():
    def listed(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in listed(part)]

    nav = listed(YAML(typ="safe", pure=True).load(ROOT / "mkdocs.yml")["nav"])
    pages = [path.relative_to(DOCS).as_posix() for path in [*PAGES, *DOCS.rglob("*.ipynb")]]
    assert sorted(nav) == sorted(pages)


def test_pictures_are_used():
    unused = {path.name for path in (DOCS / "images").iterdir()} - {
        Path(found).name for text in TEXTS.values() for found in re.findall(r"[\w./-]+\.png", text)
    }
    assert unused == set()
