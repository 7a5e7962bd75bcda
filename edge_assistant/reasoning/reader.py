"""The model reads: each source alone, where code found nothing in it, and then weighs what the others say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product

from edge_assistant.events import Reading, Watch
from edge_assistant.evidence import Evidence
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning import reading, trace
from edge_assistant.reasoning.align import Told
from edge_assistant.reasoning.attributes import Mention, labelled
from edge_assistant.reasoning.attributes import told as told_of
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compare import compatible
from edge_assistant.reasoning.lookup import names, of_type
from edge_assistant.reasoning.question import Query, as_meaning
from edge_assistant.reasoning.reading import Taken
from edge_assistant.reasoning.rules.vocabulary import Attribute
from edge_assistant.reasoning.sources import Source, fits_whole, select
from edge_assistant.reasoning.values.values import Value

MOST_AHEAD = 4  # sources that are read before anybody asks: what the model's memory of them holds, 13 MB for a page

Claims = dict[str, list[Claim]]
"""The claims that answer a question, by the id of the signal."""


class Reader:
    """Lets the language model read sources."""

    def __init__(
        self,
        engine: Callable[[], Engine],
        embedder: Callable[[], Embedder | None],
        watch: Watch,
    ) -> None:
        self._engine = engine
        self._embedder = embedder
        self._watch = watch

    def read(self, query: Query, sources: Iterable[Source], told: Told, claims: Claims) -> None:
        """Read the sources that have no claim yet, the longest last, and add the claims that are found.

        Args:
            query: what is asked.
            sources: all of them.
            told: what code found in each, by the id of its signal: what is known to be something else is not offered.
            claims: are added to.
        """
        seen: dict[str, tuple[Evidence, ...]] = {}
        unread = (_mentioning(query, s, told[s.signal.id]) for s in sources if s.signal.id not in claims)
        order = sorted(unread, key=_length)
        for source in order:
            id = source.signal.id
            taken = Taken.of(told[id])
            if self._may_wait(query, source, claims) or not reading.may_tell(query, source, taken):
                continue
            seen[id] = reading.relevant(query, self._select(query, source))
            claim = self._chosen(query, source, seen[id], taken)
            if claim is not None:
                claims[id] = [claim]
        for source in reversed(order):
            if source.signal.id in seen:
                self._reconsider(query, source, seen[source.signal.id], claims)

    def prefill(self, sources: Sequence[Source]) -> None:
        """Let the model read the sources that a prompt holds whole, before there is a question; tables wait longest.

        First as most questions have them, then as those that want yes or no.
        """
        engine = self._engine()
        held = [s for s in sources if s.table is None and s.lines and fits_whole(s, engine.count)][:MOST_AHEAD]
        for truth, source in product((False, True), held):
            self._watch(Reading(source.signal.id))
            engine.prefill(reading.beginning(source, truth=truth))

    def meant(self, query: Query, told: Told) -> Query | None:
        """The question with the attribute that the model says it means; None where it means none that is told."""
        claims = [claim for found in told.values() for claim in found]
        known = of_type(query, claims)
        chosen = reading.attribute(query, known, self._engine()) if known else None
        self._watch(trace.of_meaning([attribute.name for attribute in known], chosen.name if chosen else None))
        if chosen is None:
            return None
        return as_meaning(query, chosen)

    def first(self, query: Query, sources: Iterable[Source]) -> Claim | None:
        """The first claim that a source other than readings makes."""
        for source in sources:
            if source.table is None and source.lines:
                claim = self._chosen(query, source, self._select(query, source), Taken())
                if claim is not None:
                    return claim
        return None

    def _may_wait(self, query: Query, source: Source, claims: Claims) -> bool:
        """Whether a source need not be read: readings, where a computation was asked for or something else tells."""
        return source.table is not None and (query.computing is not None or bool(claims))

    def _chosen(self, query: Query, source: Source, lines: Sequence[Evidence], taken: Taken) -> Claim | None:
        self._watch(Reading(source.signal.id))
        claim = reading.read(query, source, lines, self._engine(), taken)
        self._watch(trace.of_choice(source.signal.id, len(reading.options(query, lines, taken)), claim))
        return claim

    def _reconsider(self, query: Query, source: Source, lines: Sequence[Evidence], claims: Claims) -> None:
        """Where another source's value stands in this one too, let the model weigh it against its own choice."""
        own = next(iter(claims.get(source.signal.id, ())), None)
        offered: list[reading.Option] | None = None
        tried: set[Value] = set()  # hundreds of sources may tell one value
        for signal, others in list(claims.items()):
            for other in others:
                known = other.value in tried or (own is not None and compatible(own, other))
                if signal == source.signal.id or known:
                    continue
                tried.add(other.value)
                offered = reading.options(query, lines) if offered is None else offered
                confirmed = reading.supports(query, source, lines, own, other, self._engine(), offered)
                if confirmed is not None:
                    claims[source.signal.id] = [confirmed]
                    return

    def _select(self, query: Query, source: Source) -> tuple[Evidence, ...]:
        return select(query.text, source, self._engine().count, self._embedder())


def _length(source: Source) -> tuple[bool, int, str]:
    """Tables last, else the longest last: it is reconsidered first, while the model still has it in its cache."""
    return source.table is not None, sum(len(line.text) for line in source.lines), source.signal.sha256


def _mentioning(query: Query, source: Source, told: Sequence[Claim]) -> Source:
    """What of a source mentions the attribute that a question names, and the line after it, a value below its label.

    Who insures a patient is told by a line that speaks of insurance; offered a page without one, a 1.5B model takes the
    patient's name. Nor is it shown what is told of somebody else alone: it takes "my husband smokes" for the patient's.
    """
    if not query.named:
        return source
    wanted = query.attributes[0]
    lines = source.evidence
    of_others = Counter(id for claim in told if _is_of_another(query, wanted, claim) for id in claim.evidence)
    told_at = {i for i, line in enumerate(lines) if _count(wanted, line.text) > of_others[line.id]}
    return replace(source, evidence=tuple(line for i, line in enumerate(lines) if {i, i - 1} & told_at))


def _is_of_another(query: Query, wanted: Attribute, claim: Claim) -> bool:
    """Whether a claim tells what is asked, but of somebody or something that the question does not name."""
    return claim.attribute == wanted.name and claim.subject is not None and not names(query.subject, claim.subject)


def _count(wanted: Attribute, text: str) -> int:
    """How many times a text mentions an attribute."""
    return len({mention.start for mention in _mentions(text) if mention.attribute is wanted})


def _mentions(text: str) -> Iterable[Mention]:
    return (*labelled(text), *told_of(text))
