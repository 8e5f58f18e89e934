"""What pages take from the code: all of it, with its words."""

import pytest
from ruamel.yaml import YAML

from ecg_anomaly.config import DEFAULT_CONFIG
from tools.documentation import on_page_markdown, parsers, read_settings

TEXT = DEFAULT_CONFIG.read_text(encoding="utf-8")
YAML_1_2 = YAML(typ="safe", pure=True)


def test_settings_are_those_of_the_file():
    read = {
        section.name: {key.name: YAML_1_2.load("\n".join(key.value)) for key in section.keys}
        for section in read_settings(TEXT)
    }
    assert read == YAML_1_2.load(TEXT)


def test_comments_go_to_the_key_that_they_explain():
    above, behind = read_settings(
        "# of the file\na:\n  # above\n  #   one:  means this\n  b: 1  # behind, and\n"
        "                       # below it\n\nc:    # of the section\n  d: [1,\n      2]\n"
    )
    assert [key.comments for key in above.keys] == [[" above", "   one:  means this", " behind, and", " below it"]]
    assert behind.comments == [" of the section"]
    assert [(key.name, key.value) for key in behind.keys] == [("d", ["[1,", "2]"])]


@pytest.mark.parametrize("name", ["settings", "command line", "changelog", "contributing", "card"])
def test_page_has_what_it_asks_for(name):
    filled = on_page_markdown(f"before\n<!-- {name} -->\nafter")
    expected = {
        "settings": [f'id="{section.name}.{key.name}"' for section in read_settings(TEXT) for key in section.keys],
        "command line": [
            option for _, parser in parsers() for action in parser._actions for option in action.option_strings
        ],
        "changelog": ["## [0.1.0]", "](explanation/groups.md)"],
        "contributing": ["## Set up"],
        "card": ["**Limits.**"],
    }[name]
    assert filled.startswith("before\n")
    assert [part for part in expected if part not in filled] == []
