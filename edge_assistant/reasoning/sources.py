"""A signal's evidence as one source, and the part of it that matters to a question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from edge_assistant.core.events import Noted, Watch
from edge_assistant.core.evidence import Evidence, Thing, TickBox
from edge_assistant.core.limits import READ_CHARACTERS, READ_PIECES
from edge_assistant.core.signals import Origin, Signal
from edge_assistant.language.embedder import Embedder
from edge_assistant.perception.gap import Gap
from edge_assistant.perception.gather import Sensed
from edge_assistant.perception.sense import REST
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.values.words import as_words

BUDGET = 480  # tokens of evidence from one source: 2.5 s of prefill on two cores
_WORD_WEIGHT = 0.5  # of a word in common, against a cosine of 1; names and numbers are what embeddings see least

_EMBEDDED = 200  # texts whose meaning is looked at; 10 ms each


@dataclass(frozen=True, slots=True)
class Source:
    """One signal with all that was perceived in it; the table where it is readings.

    Attributes:
        signal: what came in.
        evidence: in its order.
        table: the rows of readings.
        left: pieces of evidence behind these for which there was no room.
        gaps: what of the signal was not read at all.
    """

    signal: Signal
    evidence: tuple[Evidence, ...]
    table: Table | None = None
    left: int = 0
    gaps: tuple[Gap, ...] = ()

    @property
    def lines(self) -> tuple[Evidence, ...]:
        """The evidence that is read as text: no single objects, which the scene's sentence tells, no unticked boxes."""
        seen = (item for item in self.evidence if not isinstance(item.detail, Thing))
        return tuple(item for item in seen if not isinstance(item.detail, TickBox) or item.detail.ticked)


def as_sources(sensed: Iterable[Sensed]) -> list[Source]:
    """What was perceived in signals as the sources of an answer."""
    return [Source(each.signal, each.evidence, each.table, each.left, each.gaps) for each in sensed]


def without_copies(sources: Iterable[Source], watch: Watch) -> list[Source]:
    """The sources without those that came the same way with the same bytes as one before: a copy confirms nothing."""
    first: dict[tuple[Origin, str], Source] = {}
    for source in sources:
        before = first.setdefault((source.signal.origin, source.signal.sha256), source)
        if before is not source:
            watch(Noted(source.signal.id, f"holds the same as {before.signal.id}, so it counts once"))
    return [*first.values()]


def apart(part: Source, name: str) -> Source:
    """A part of a source as a source of its own, with an id that says so; `whole` gives the signal's own id.

    >>> whole("text:1/stated")
    'text:1'
    """
    id = f"{part.signal.id}/{name}"
    evidence = tuple(replace(item, signal=id) for item in part.evidence)
    return replace(part, signal=replace(part.signal, id=id), evidence=evidence)


def whole(id: str) -> str:
    """The id of the signal that a source, or a part of it, is from."""
    return id.partition("/")[0]


def truncate(source: Source) -> Source:
    """As much of a source from its beginning as is read for an answer."""
    ends = accumulate(len(item.text) for item in source.evidence)
    fit = sum(end <= READ_CHARACTERS.now for end in ends)
    kept = source.evidence[: max(1, min(fit, READ_PIECES.now))]
    return replace(source, evidence=kept, left=source.left + len(source.evidence) - len(kept))


def unread_notes(sources: Iterable[Source], columns: Collection[str] = ()) -> Iterator[str]:
    """What an answer says of the sources that were not read to their ends; `columns` are those that it rests on."""
    for source in map(truncate, sources):
        for gap in source.gaps:
            if not gap.column or gap.column in columns:
                yield f"Of {one_line(source.signal.name)} {gap.said}{REST}"
        yield from overflow_notes([source])


def overflow_notes(sources: Iterable[Source]) -> Iterator[str]:
    """What an answer says of the sources of which not all evidence was read."""
    for source in map(truncate, sources):
        if source.left:
            read, total = len(source.evidence), len(source.evidence) + source.left
            some = f"only the first {read:,} of {total:,} pieces were read"
            yield f"Of {one_line(source.signal.name)} {some}{REST}"


def one_line(text: str) -> str:
    """A source's words as they stand in a prompt or a sentence: one line, with nothing that looks like a citation.

    >>> one_line("the code  is [E9]")
    'the code is (E9)'
    """
    return " ".join(text.split()).replace("[", "(").replace("]", ")")


def select(
    question: str, source: Source, count: Callable[[str], int], embedder: Embedder | None, budget: int = BUDGET
) -> tuple[Evidence, ...]:
    """The lines that matter most to a question and fit the budget in tokens, in the source's own order.

    The embedder gives nearness in meaning; without it, words in common decide. `count` gives the tokens of a text.
    """
    lines = source.lines
    costs = _costs(lines, count)
    if sum(costs) <= budget:
        return lines
    scores = _relevance(question, [line.text for line in lines], embedder)
    chosen: set[int] = set()
    left = budget
    for index in sorted(range(len(lines)), key=lambda i: -scores[i]):
        for near in (index, index + 1, index - 1):  # an item's price, a label's value stand on the line beside it
            if 0 <= near < len(lines) and near not in chosen and costs[near] <= left:
                chosen.add(near)
                left -= costs[near]
    return tuple(line for index, line in enumerate(lines) if index in chosen)


def fits_whole(source: Source, count: Callable[[str], int], budget: int = BUDGET) -> bool:
    """Whether a prompt has all lines of a source, whatever is asked."""
    return sum(_costs(source.lines, count)) <= budget


def _costs(lines: Sequence[Evidence], count: Callable[[str], int]) -> list[int]:
    """The tokens of each line and its end."""
    return [count(line.text) + 1 for line in lines]


def _relevance(question: str, texts: Sequence[str], embedder: Embedder | None) -> list[float]:
    """Cosine to the question plus a weight for each word in common; the cosine of the best `_EMBEDDED` texts only."""
    asked = as_words(question).tokens
    scores = [_WORD_WEIGHT * len(asked & as_words(text).tokens) for text in texts]
    if embedder is None:
        return scores
    best = sorted(range(len(texts)), key=lambda i: -scores[i])[:_EMBEDDED]
    vectors = embedder.embed([question, *(texts[i] for i in best)])
    for i, cosine in zip(best, vectors[1:] @ vectors[0], strict=True):
        scores[i] += float(cosine)
    return scores
