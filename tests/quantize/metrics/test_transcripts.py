from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.metrics.transcripts import character_edits, word_edits

WORDS = st.lists(st.sampled_from(["four", "bar", "is", "the", "pressure"]), max_size=6)
WRITTEN = st.text("ab 1", max_size=8).map(lambda text: " ".join(text.split()))


def levenshtein(one: Sequence[str], other: Sequence[str]) -> int:
    """By the definition (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    return row[-1]


@given(WORDS, WORDS)
def test_words(truth: list[str], heard: list[str]) -> None:
    assert word_edits(" ".join(truth), " ".join(heard)) == (levenshtein(truth, heard), len(truth))


@given(WRITTEN, WRITTEN)
def test_characters(truth: str, read: str) -> None:
    assert character_edits(truth, read) == (levenshtein(truth, read), len(truth))
