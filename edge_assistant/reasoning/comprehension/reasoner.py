"""Answers by the model's reading, with what stands around it: instructions apart, comparison and sentences by code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.claims import Claim, Standing
from edge_assistant.reasoning.compare import Nearness
from edge_assistant.reasoning.comprehension.answering import CLEAR, Comprehension, Sort
from edge_assistant.reasoning.comprehension.grounding import parallel, words
from edge_assistant.reasoning.comprehension.reading import Reader
from edge_assistant.reasoning.permitting import warned
from edge_assistant.reasoning.question import Expect, Query
from edge_assistant.reasoning.readings.tables import Ledger
from edge_assistant.reasoning.reason import Layers, Outcome, Reasoner
from edge_assistant.reasoning.sources import Source

UNCERTAIN = "This is uncertain: check it against the source."


class ReadingReasoner(Reasoner):
    """Lets the model read first, whatever the subject.

    What is compared without a question, and prose, are still the rules' until they are replaced, too.
    """

    def answer(self, query: Query, sources: Sequence[Source], outcome: Outcome) -> Iterator[str]:
        """See `Reasoner.answer`; a reason is read as any other answer is, where the rules would have prose written."""
        if query.expects is Expect.PROSE and words(query.text)[:1] == ["why"]:
            query = replace(query, expects=Expect.WORDS)
        yield from super().answer(query, sources, outcome)

    def prefill(self, sources: Sequence[Source]) -> None:
        """Let the model read the sources that a prompt holds whole, before there is a question."""
        Reader(self._engine, self._embedder).prefill(self._layers(sources, "", Outcome())[Standing.PLAIN])

    def _nearness(self) -> Nearness | None:
        near = super()._nearness()
        return None if near is None else lambda one, other: 0.0 if parallel(one, other) else near(one, other)

    def _told(self, query: Query, layers: Layers, outcome: Outcome) -> Iterator[str]:
        comprehension = Comprehension(self._engine, self._embedder, self._watch)
        sources = layers[Standing.PLAIN]
        asked = comprehension.understand(query.text, sources)
        ledger = Ledger(outcome.highest, outcome.evidence, outcome.computed)
        claims: list[Claim] = []
        for standing, layer in layers.items():
            if layer:
                found = comprehension.claims(asked, layer, ledger)
                found = warned(found, self._inventories(layer, standing)) if found else found
                claims += [replace(claim, standing=standing) for claim in found]
        query = replace(query, agreement=asked.sort is Sort.AGREEMENT)
        yield from self._said(query, self._counting(claims, layers), (), sources, outcome)
        if any(told.confidence < CLEAR for told in outcome.verdicts[-1].values):
            yield UNCERTAIN
