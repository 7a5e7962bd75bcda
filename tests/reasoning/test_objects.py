"""The words for the detector's labels: each entry is one that code can look up."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from edge_assistant.perception.detectors import LABELS

TABLES = tomllib.loads((resources.files("edge_assistant.reasoning") / "objects.toml").read_text(encoding="utf-8"))
SYNONYMS: dict[str, str] = TABLES["synonyms"]  # TOML refuses a word that stands twice


@pytest.mark.parametrize("word", SYNONYMS)
def test_a_word_leads_to_a_label(word: str) -> None:
    assert SYNONYMS[word] in LABELS
    assert word not in LABELS
    assert word == " ".join(word.lower().split())


def test_a_word_needs_no_second_look_up() -> None:
    assert not SYNONYMS.keys() & set(SYNONYMS.values())
    assert TABLES.keys() == {"synonyms"}


def test_everyday_words_are_there() -> None:
    everyday = {"bike": "bicycle", "kitten": "cat", "sofa": "couch", "lorry": "truck", "fridge": "refrigerator"}
    assert everyday.items() <= SYNONYMS.items()
