"""What docs/domains.md shows and says of domain files is so."""

import re
import tomllib

import pytest

from edge_assistant.reasoning.rules import domain
from edge_assistant.reasoning.rules.vocabulary import shipped


@pytest.fixture(scope="module")
def documented(root) -> str:
    return (root / "docs" / "domains.md").read_text("utf-8")


def test_the_files_that_the_documentation_shows_are_valid(documented):
    shown = re.findall(r"```toml\n(.*?)```", documented, re.S)
    assert shown
    for text in shown:
        assert domain.merge(tomllib.loads(text), "ward.toml") != shipped()


def test_every_table_and_every_key_of_an_entry_is_in_the_documentation(documented):
    for table in ("names", "examples", "unit", "tolerance"):
        assert re.search(rf"`{table}[`.]|\[{table}[.\]]", documented), f"describe [{table}]"
    for key in ("lines", "asked", "written", "dimension", "size", "zero", "share", "least"):
        assert re.search(rf"`{key}`|^{key} =", documented, re.M), f"describe {key}"


def test_the_domains_that_ship_are_described(documented):
    assert {*domain.names()} <= set(re.findall(r"^\| `([\w-]+)` \|", documented, re.M))
