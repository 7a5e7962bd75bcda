"""The examples by which questions and sentences are understood: each is one that code can fill in and compare."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from importlib import resources

import pytest

from edge_assistant.reasoning.meaning import NONE
from edge_assistant.reasoning.rules.vocabulary import EXAMPLES, shipped

RULES = resources.files("edge_assistant.reasoning.rules")
FILES = {
    file.name: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted((RULES / EXAMPLES).iterdir(), key=lambda file: file.name)
}
ATTRIBUTES = shipped().attributes
LISTS = [
    pytest.param(way, sentences, id=f"{name}-{key}-{way}")
    for name, tables in FILES.items()
    for key, table in tables.items()
    for way, sentences in table.items()
]
# Fewer examples of an attribute than these leave ways to say it with less than three near them, which is what decides.
LEAST_ASKED, LEAST_TOLD = 12, 10


@pytest.mark.parametrize("name", FILES)
def test_a_table_is_of_a_known_attribute(name: str) -> None:
    tables = FILES[name]
    assert tables.keys() <= ATTRIBUTES.keys() | {NONE}
    assert {way for table in tables.values() for way in table} <= {"asked", "told"}


@pytest.mark.parametrize(("way", "sentences"), LISTS)
def test_places_can_be_filled(way: str, sentences: list[str]) -> None:
    for sentence in sentences:
        places = re.findall(r"\{(.*?)\}", sentence)
        assert sentence.count("{") == sentence.count("}") == len(places), sentence
        assert set(places) <= {"name", "thing", "drug", "x"}, sentence
        assert places.count("x") == (way == "told"), sentence


@pytest.mark.parametrize(("way", "sentences"), LISTS)
def test_they_are_sentences(way: str, sentences: list[str]) -> None:
    assert sentences
    for sentence in sentences:
        assert sentence == " ".join(sentence.split()), sentence
        assert sentence.endswith((".", "?", "!")), sentence


@pytest.mark.parametrize("way", ["asked", "told"])
def test_no_example_stands_twice(way: str) -> None:
    """Not for one attribute, where it says nothing more, and not for two, where it says both."""
    examples = shipped().examples
    said = Counter(" ".join(re.findall(r"[\w{}'#%]+", s.lower())) for e in examples.values() for s in getattr(e, way))
    assert [sentence for sentence, times in said.items() if times > 1] == []


@pytest.mark.parametrize("key", ATTRIBUTES)
def test_an_attribute_has_enough_of_them(key: str) -> None:
    examples = shipped().examples[key]
    assert len(examples.asked) >= LEAST_ASKED
    if ATTRIBUTES[key].value == "truth":
        assert not examples.told, "yes and no are told by rules"
    else:
        assert len(examples.told) >= LEAST_TOLD
