"""What docs/domains.md shows and says of domain files is so."""

import re
import tomllib

import pytest
from fakes import source

from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.lookup import lookup
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.rules import domain
from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, shipped, shipped_tables, within


@pytest.fixture(scope="module")
def documented(root) -> str:
    return (root / "docs" / "domains.md").read_text("utf-8")


def load(text: str) -> Vocabulary:
    return domain.merged(tomllib.loads(text), "ward.toml")


def test_the_files_that_the_documentation_shows_are_valid(documented):
    shown = re.findall(r"```toml\n(.*?)```", documented, re.S)
    assert len(shown) >= 5
    for text in shown:
        assert load(text) is not None


def test_every_table_is_in_the_documentation(documented):
    for table in shipped_tables():
        assert re.search(rf"`{table}[`.]|\[{table}[.\]]", documented), f"describe [{table}]"


def test_every_key_of_an_attribute_is_in_the_documentation(documented):
    rows = re.findall(r"^\| `(\w+)` \|", documented, re.M)
    assert {*Attribute.__dataclass_fields__} - {"name"} <= set(rows)


def test_the_domains_that_ship_are_described(documented):
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (\d+):", documented, re.M))
    own = {name: domain.load(name).attributes.keys() - shipped().attributes.keys() for name in domain.names()}
    assert rows == {name: str(len(attributes)) for name, attributes in own.items()}


def test_the_example_of_the_documentation(documented):
    (said,) = re.findall(r"`handover.txt` says\s+\"(.*?)\"", documented, re.S)
    (ward,) = re.findall(r"with these lines in `ward.toml`:\s+```toml\n(.*?)```", documented, re.S | re.I)
    (question,) = set(re.findall(r'ask "(What was .*?)"', documented))
    note = source([" ".join(said.split())])
    assert lookup(understand(question), inventory(note)) == []
    with within(load(ward)):
        (claim,) = lookup(understand(question), inventory(note))
    assert (claim.text, claim.value.unit) == ("two point one litres", "l")
