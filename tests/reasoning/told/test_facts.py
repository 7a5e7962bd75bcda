"""Allergies, medicines, habits, goods and who took them in, as many people say them; and what tells none of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import source
from told_sentences import cases, rendered

from edge_assistant.reasoning.told.told import told_claims

CASES = list(cases(Path(__file__).with_name("told_facts.txt")))


@pytest.mark.parametrize(("sentence", "claims"), CASES, ids=[sentence[:60] for sentence, _ in CASES])
def test_a_fact_is_told_in_many_words(sentence: str, claims: list[str]) -> None:
    assert sorted(rendered(claim) for claim in told_claims(source([sentence]))) == sorted(claims)
