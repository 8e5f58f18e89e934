"""What pages of the documentation take from the code, so that it stands in one place; a hook of ``mkdocs.yml``.

A page has a comment, such as ``<!-- settings -->``, where it belongs.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from ecg_anomaly import commandline
from ecg_anomaly.config import DEFAULT_CONFIG, Config

ROOT = Path(__file__).resolve().parent.parent
_NUMBERS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}
_LISTED = re.compile(r"\s{2,}(\w+):\s+(.*)")  # a line of a comment that explains one of several values


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in what a page asks for; MkDocs calls it."""
    for name, make in _GENERATED.items():
        comment = f"<!-- {name} -->"
        if comment in markdown:
            markdown = markdown.replace(comment, make())
    return markdown


def on_page_content(html: str, **_: Any) -> str:
    """Keep a number and its % on one line, in narrow columns too; MkDocs calls it."""
    return re.sub(r"(?<=\d) %", "&nbsp;%", html)


@dataclass
class Entry:
    """A section of ``config.yaml`` or one of its keys, as the file has it."""

    name: str
    value: list[str] = field(default_factory=list)  # its lines; none of a section
    comments: list[str] = field(default_factory=list)
    keys: list[Entry] = field(default_factory=list)  # none of a key


def read_settings(text: str) -> list[Entry]:
    """Read the sections of ``config.yaml`` with what its comments say of each key.

    A comment stands behind a key, goes on below it further to the right, or stands above it.
    """
    sections: list[Entry] = []
    above: list[str] = []  # comments that stand above the next key
    for line in text.splitlines():
        code, comment = (part.rstrip() for part in [*re.split(r"(?<!\S)#", line, maxsplit=1), ""][:2])
        indent = len(line) - len(line.lstrip())
        if found := re.fullmatch(r"(\w+):", code):
            sections.append(Entry(found[1], comments=_given(comment)))
        elif found := re.fullmatch(r"  (\w+):\s*(.*)", code):
            sections[-1].keys.append(Entry(found[1], _given(found[2]), [*above, *_given(comment)]))
            above = []
        elif code:
            sections[-1].keys[-1].value.append(line.strip())
        elif comment and indent == 2:
            above.append(comment)
        elif comment and sections:
            (sections[-1].keys or sections)[-1].comments.append(comment)
    return sections


def _given(text: str) -> list[str]:
    return [text] if text.strip() else []


def _settings() -> str:
    schema = Config.model_json_schema()
    parts = []
    for section in read_settings(DEFAULT_CONFIG.read_text(encoding="utf-8")):
        name = schema["properties"][section.name]["$ref"].rpartition("/")[2]
        parts += [f"## {section.name}", "", _text(section.comments), "", '<dl class="settings">']
        for key in section.keys:
            dotted, allowed = f"{section.name}.{key.name}", _allowed(schema["$defs"][name]["properties"][key.name])
            parts.append(f'<dt id="{dotted}"><code>{dotted}</code></dt>')
            default = "<br>".join(f"<code>{escape(line)}</code>" for line in key.value)
            parts.append(f'<dd>{_text(key.comments)}<p class="allowed">{escape(allowed)}; default {default}</p></dd>')
        parts += ["</dl>", ""]
    return "\n".join(parts)


def _text(comments: list[str]) -> str:
    """Set comments as a paragraph, and lines that explain one value each as a list below it."""
    lines, listed = [], []
    for comment in comments:
        if found := _LISTED.fullmatch(comment):
            listed.append(f"<li><code>{escape(found[1])}</code>: {escape(re.sub(' +', ' ', found[2]))}</li>")
        else:
            lines.append(escape(comment.strip()))
    words = " ".join(lines)
    return (f"<p>{words}</p>" if words else "") + (f"<ul>{''.join(listed)}</ul>" if listed else "")


def _allowed(schema: dict[str, Any]) -> str:
    """Say in words which values a schema allows."""
    if "anyOf" in schema:
        return " or ".join(map(_allowed, schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema["type"] == "array":
        return f"a list of: {_allowed(schema['items'])}"
    if schema["type"] == "object":
        return f"for each name: {_allowed(schema['additionalProperties'])}"
    limits = [words.format(schema[key]) for key, words in _NUMBERS.items() if key in schema]
    return ", ".join([_TYPES[schema["type"]], *limits])


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give the parser of each script, by its name."""
    for file, _ in commandline.SUBCOMMANDS.values():
        script = importlib.import_module(file.removesuffix(".py"))
        yield file, commandline.make_parser(getattr(script, "add_options", lambda _: None), script.__doc__)


def _command_line() -> str:
    shared = commandline.make_parser(lambda _: None, None)
    command, commands = commandline.COMMAND, commandline.SUBCOMMANDS.items()
    parts = ["| script | installed | to |", "|---|---|---|"]
    parts += [f"| [`{file}`](#{_anchor(file)}) | `{command} {name}` | {what} |" for name, (file, what) in commands]
    parts += ["", "## Every script", "", *_options(shared), ""]
    common = {action.dest for action in shared._actions}
    for name, parser in parsers():
        parts += [f"## {name} {{ #{_anchor(name)} }}", "", *(parser.description or "").strip().splitlines(), ""]
        parts += _options(parser, common) or ["No other options than those that every script has."]
        parts.append("")
    return "\n".join(parts)


def _anchor(file: str) -> str:
    return file.replace(".", "")


def _options(parser: argparse.ArgumentParser, known: Collection[str] = ()) -> list[str]:
    """Tabulate the options of a parser that are not known already."""
    formatter = parser._get_formatter()
    rows = []
    for action in parser._actions:
        if action.dest in known or not action.help:
            continue
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
        takes = f" {value}" if action.option_strings and action.nargs != 0 else ""
        rows.append(f"| `{names}{takes}` | {formatter._expand_help(action).replace('|', chr(92) + '|')} |")
    return ["| option | meaning |", "|---|---|", *rows] if rows else []


def _without_title(name: str) -> str:
    """Give a page of the repository as one of the documentation: below another title, with links from there."""
    text = (ROOT / name).read_text(encoding="utf-8").partition("\n")[2]
    return text.replace("](docs/", "](")


_GENERATED: dict[str, Callable[[], str]] = {
    "settings": _settings,
    "command line": _command_line,
    "changelog": lambda: _without_title("CHANGELOG.md"),
    "contributing": lambda: _without_title("CONTRIBUTING.md"),
    "card": lambda: _without_title("ecg_anomaly/pretrained/card.md"),
}
