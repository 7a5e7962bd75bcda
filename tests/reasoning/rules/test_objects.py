"""The words for the detector's labels: each entry is one that code can look up."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from edge_assistant.perception.detectors import LABELS

TABLES = tomllib.loads((resources.files("edge_assistant.reasoning.rules") / "objects.toml").read_text(encoding="utf-8"))
SYNONYMS: dict[str, str] = TABLES["synonyms"]  # TOML refuses a word that stands twice


@pytest.mark.parametrize("word", SYNONYMS)
def test_a_word_leads_to_a_label(word: str) -> None:
    assert SYNONYMS[word] in LABELS
    assert word not in LABELS
    assert word == " ".join(word.lower().split())


def test_a_word_needs_no_second_look_up() -> None:
    assert not SYNONYMS.keys() & set(SYNONYMS.values())
    assert TABLES.keys() == {"synonyms", "categories", "category_names", "activities"}


@pytest.mark.parametrize(("kind", "labels"), [*TABLES["categories"].items(), *TABLES["activities"].items()])
def test_a_kind_is_of_labels(kind: str, labels: list[str]) -> None:
    assert labels
    assert set(labels) <= set(LABELS)
    assert len(set(labels)) == len(labels)


def test_another_name_leads_to_a_category() -> None:
    assert set(TABLES["category_names"].values()) <= TABLES["categories"].keys()
    assert not TABLES["category_names"].keys() & (TABLES["categories"].keys() | SYNONYMS.keys() | set(LABELS))


def test_everyday_words_are_there() -> None:
    everyday = {"bike": "bicycle", "kitten": "cat", "sofa": "couch", "lorry": "truck", "fridge": "refrigerator"}
    assert everyday.items() <= SYNONYMS.items()
