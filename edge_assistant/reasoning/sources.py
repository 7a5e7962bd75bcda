"""A signal's evidence as one source, and the part of it that matters to a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_assistant.evidence import Evidence, Thing
from edge_assistant.language.embedder import Embedder
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.candidates import as_words
from edge_assistant.signals import Kind, Signal

BUDGET = 480  # tokens of evidence from one source: 2.5 s of prefill on two cores
_WORD_WEIGHT = 0.5  # of a word in common, against a cosine of 1; names and numbers are what embeddings see least

DESCRIPTIONS = {
    Kind.IMAGE: "a picture: what it shows and the writing on it, line by line",
    Kind.AUDIO: "a recording: what the speaker says",
    Kind.VIDEO: "a video: what is seen and said",
    Kind.READINGS: "a table of sensor readings: what stands out in it",
    Kind.TEXT: "a text",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One signal with all that was perceived in it; the table where it is readings."""

    signal: Signal
    evidence: tuple[Evidence, ...]
    table: Table | None = None

    @property
    def lines(self) -> tuple[Evidence, ...]:
        """The evidence that is read as text; single objects are told by the scene's sentence already."""
        return tuple(item for item in self.evidence if not isinstance(item.detail, Thing))


def select(
    question: str, source: Source, count: Callable[[str], int], embedder: Embedder | None, budget: int = BUDGET
) -> tuple[Evidence, ...]:
    """The lines that matter most to a question and fit the budget, in the source's own order.

    Args:
        question: what is asked.
        source: where to look.
        count: tokens of a text.
        embedder: gives nearness in meaning; without it, words in common decide.
        budget: tokens.
    """
    lines = source.lines
    costs = [count(line.text) + 1 for line in lines]
    if sum(costs) <= budget:
        return lines
    scores = _relevance(question, [line.text for line in lines], embedder)
    chosen: set[int] = set()
    left = budget
    for index in sorted(range(len(lines)), key=lambda i: -scores[i]):
        for near in _group(index, len(lines)):
            if near not in chosen and costs[near] <= left:
                chosen.add(near)
                left -= costs[near]
    return tuple(line for index, line in enumerate(lines) if index in chosen)


def _group(index: int, count: int) -> list[int]:
    """A line and its neighbours, nearest first: an item's price, a label's value stand on the line before or after."""
    return [near for near in (index, index + 1, index - 1) if 0 <= near < count]


def _relevance(question: str, texts: Sequence[str], embedder: Embedder | None) -> list[float]:
    """Cosine to the question plus a weight for each word in common."""
    asked = as_words(question).tokens
    words = [_WORD_WEIGHT * len(asked & as_words(text).tokens) for text in texts]
    if embedder is None:
        return words
    vectors = embedder.embed([question, *texts])
    return [float(cosine) + shared for cosine, shared in zip(vectors[1:] @ vectors[0], words, strict=True)]
