"""From sources to what is said: claims of each source alone, a verdict over them, sentences that pass the check."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from edge_assistant.answer import Agreement, Computation, Status, Verdict
from edge_assistant.events import Compared, Event, Reading
from edge_assistant.evidence import Evidence, Locator, Statistic
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning import claims as reading
from edge_assistant.reasoning import trace
from edge_assistant.reasoning.align import Told, about_others, shared
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compare import Nearness, compare, compatible
from edge_assistant.reasoning.compose import NOT_TOLD, STATUS, compose, concluded, contradiction
from edge_assistant.reasoning.compute import NEEDS_LIMIT, Result, compute
from edge_assistant.reasoning.guard import cited
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.join import join
from edge_assistant.reasoning.lookup import lookup
from edge_assistant.reasoning.prose import quote, write
from edge_assistant.reasoning.question import Expect, Query, understand
from edge_assistant.reasoning.seen import confirms, counted, member
from edge_assistant.reasoning.sources import BUDGET, Source, select
from edge_assistant.reasoning.values import Quantity, Words


@dataclass(slots=True)
class Outcome:
    """What reasoning came to; it is filled while the sentences are said."""

    status: Status = Status.NOT_IN_EVIDENCE
    verdicts: list[Verdict] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    computed: list[Computation] = field(default_factory=list)
    citations: list[str] = field(default_factory=list)


class Reasoner:
    """Reasons over sources. Engine and embedder are opened when they are first needed."""

    def __init__(self, engine: Callable[[], Engine], embedder: Callable[[], Embedder | None]) -> None:
        self._engine = engine
        self._embedder = embedder

    def answer(
        self, query: Query, sources: Sequence[Source], outcome: Outcome, watch: Callable[[Event], None]
    ) -> Iterator[str]:
        """Say the answer sentence by sentence and fill in the outcome.

        Args:
            query: the question understood.
            sources: in the order of the signals.
            outcome: is filled.
            watch: called as signals are read and claims are compared.
        """
        if query.expects is Expect.PROSE:
            yield from self._prose(query, sources, outcome)
            return
        claims = self._claims(query, sources, outcome, watch)
        verdict = compare(query.attribute, claims, self._nearness())
        outcome.verdicts.append(verdict)
        watch(Compared(verdict))
        outcome.status = STATUS[verdict.status]
        outcome.citations += [id for told in verdict.values for id in told.evidence]
        yield from compose(query, verdict, claims, [source.signal for source in sources])

    def check(self, sources: Sequence[Source], outcome: Outcome, watch: Callable[[Event], None]) -> Iterator[str]:
        """Say for every attribute on which two sources speak whether they agree, and fill in the outcome.

        Args:
            sources: in the order of the signals.
            outcome: is filled.
            watch: called as claims are compared.
        """
        told = _inventories(sources, watch)
        signals = [source.signal for source in sources]
        for attribute, subject, claims in shared(told):
            verdict = compare(attribute, claims, self._nearness(), subject)
            outcome.verdicts.append(verdict)
            watch(Compared(verdict))
            outcome.citations += [id for told in verdict.values for id in told.evidence]
            if verdict.status is Agreement.CONFLICT:
                yield contradiction(verdict, claims, signals)
        statuses = {STATUS[verdict.status] for verdict in outcome.verdicts}
        outcome.status = next((s for s in (Status.CONFLICT, Status.SUPPORTED) if s in statuses), Status.NOT_IN_EVIDENCE)
        if outcome.status is not Status.CONFLICT:
            yield concluded(outcome.verdicts)

    def _claims(
        self, query: Query, sources: Sequence[Source], outcome: Outcome, watch: Callable[[Event], None]
    ) -> list[Claim]:
        """The claims of each source that makes one: what code finds, and where it finds none, what the model reads."""
        watch(trace.of_question(query))
        told = _inventories(sources, watch)
        others = about_others(query, told)
        sources = [source for source in sources if source.signal.id not in others]
        if joined := join(query, sources, told):
            watch(trace.of_meant("join", joined))
            return self._summed(joined, outcome)
        claims: dict[str, list[Claim]] = {}
        for source in sources:
            if found := self._by_code(query, source, sources, told, outcome, watch):
                claims[source.signal.id] = found
        watch(trace.of_meant("answered by code", (claim for found in claims.values() for claim in found)))
        self._by_model(query, [s for s in sources if s.signal.id not in claims], told, claims, watch)
        for source in sources:
            self._confirm(source, claims)
        return [claim for source in sources for claim in claims.get(source.signal.id, ())]

    def _by_code(
        self,
        query: Query,
        source: Source,
        sources: Sequence[Source],
        told: Told,
        outcome: Outcome,
        watch: Callable[[Event], None],
    ) -> list[Claim]:
        """What code alone finds in one source."""
        if (computed := self._computed(query, source, sources, told, outcome, watch)) is not None:
            return [computed]
        claims = told[source.signal.id]
        if query.counted is not None:
            return counted(query.counted, claims)
        if query.category is not None and (seen := member(query.category, claims)):
            return seen
        return lookup(query, claims)

    def _by_model(
        self,
        query: Query,
        sources: Sequence[Source],
        told: Told,
        claims: dict[str, list[Claim]],
        watch: Callable[[Event], None],
    ) -> None:
        """Let the model read the sources that code found nothing in, each alone, the longest last."""
        read: dict[str, tuple[Evidence, ...]] = {}
        order = sorted(sources, key=_length)
        for source in order:
            id = source.signal.id
            taken = reading.Taken.of(query, told[id])
            table_may_wait = source.table is not None and (query.statistic is not None or bool(claims))
            if table_may_wait or not reading.may_tell(query, source, taken):
                continue
            watch(Reading(id))
            read[id] = reading.relevant(query, self._select(query, source))
            claim = reading.read(query, source, read[id], self._engine(), taken)
            watch(trace.of_choice(id, len(reading.options(query, read[id], taken)), claim))
            if claim is not None:
                claims[id] = [claim]
        for source in reversed(order):
            if source.signal.id in read:
                self._reconsider(query, source, read[source.signal.id], claims)

    def _reconsider(
        self, query: Query, source: Source, lines: Sequence[Evidence], claims: dict[str, list[Claim]]
    ) -> None:
        """Where another source's value stands in this one too, let the model weigh it against its own choice."""
        own = next(iter(claims.get(source.signal.id, ())), None)
        for signal, others in list(claims.items()):
            for other in others:
                if signal == source.signal.id or (own is not None and compatible(own, other)):
                    continue
                confirmed = reading.supports(query, source, lines, own, other, self._engine())
                if confirmed is not None:
                    claims[source.signal.id] = [confirmed]
                    return

    def _confirm(self, source: Source, claims: dict[str, list[Claim]]) -> None:
        """Let a picture that tells nothing by itself confirm what another signal says is in it."""
        if source.signal.id in claims:
            return
        for other in [claim for told in claims.values() for claim in told]:
            if isinstance(other.value, Words) and (seen := confirms(source, other.value)):
                claims[source.signal.id] = [seen]
                return

    def _summed(self, claims: list[Claim], outcome: Outcome) -> list[Claim]:
        """One claim for the sum of what is meant, where a join found several amounts."""
        values = [claim.value for claim in claims if isinstance(claim.value, Quantity)]
        if len(claims) == 1 or len(values) != len(claims):
            return claims
        numbers = [value.readings[0] for value in values]
        evidence = tuple(dict.fromkeys(id for claim in claims for id in claim.evidence))
        computation = Computation(
            f"C{len(outcome.computed) + 1}", " + ".join(map(str, numbers)), str(sum(numbers)), evidence
        )
        outcome.computed.append(computation)
        total = replace(values[0], readings=(Decimal(sum(numbers)),))
        subject = " and ".join(claim.subject or "" for claim in claims)
        meant = replace(claims[0], value=total, text=computation.value, evidence=evidence, subject=subject)
        return [replace(meant, computed=computation.id)]

    def _computed(
        self,
        query: Query,
        source: Source,
        sources: Sequence[Source],
        told: Told,
        outcome: Outcome,
        watch: Callable[[Event], None],
    ) -> Claim | None:
        """A claim that code computes over a source's rows, with the limit from wherever it is told."""
        if source.table is None or query.statistic is None:
            return None
        limit, limit_evidence = self._limit(query, sources, told, watch)
        result = compute(query, source.table, limit)
        if result is None:
            return None
        row = _row_evidence(source, result, self._next_id(sources, outcome))
        outcome.evidence.append(row)
        cites = (row.id, *limit_evidence)
        computation = Computation(f"C{len(outcome.computed) + 1}", result.computed.formula, result.text, cites)
        outcome.computed.append(computation)
        return Claim(source.signal.id, result.value, result.text, cites, computed=computation.id)

    def _limit(
        self, query: Query, sources: Sequence[Source], told: Told, watch: Callable[[Event], None]
    ) -> tuple[float | None, tuple[str, ...]]:
        """The number that a computation compares with: from the question, else from a source that tells it."""
        if query.statistic not in NEEDS_LIMIT:
            return None, ()
        if query.limit is not None:
            return float(query.limit.readings[0]), ()
        asked = understand("What is the limit?")
        for source in sources:
            claims = lookup(asked, told[source.signal.id])
            if not claims and source.table is None and source.lines:
                watch(Reading(source.signal.id))
                read = reading.read(asked, source, self._select(asked, source), self._engine())
                claims = [read] if read else []
            for claim in claims:
                if isinstance(claim.value, Quantity):
                    return float(claim.value.readings[0]), claim.evidence
        return None, ()

    def _prose(self, query: Query, sources: Sequence[Source], outcome: Outcome) -> Iterator[str]:
        """Sentences of the model that pass the check, else what the evidence says in its own words."""
        engine = self._engine()
        budget = 2 * BUDGET // max(1, len(sources))
        lines = [line for s in sources for line in select(query.text, s, engine.count, self._embedder(), budget)]
        written = write(query.text, lines, engine)
        first = next(written, None)
        for sentence in quote(query.text, lines) if first is None else itertools.chain([first], written):
            outcome.status = Status.SUPPORTED
            outcome.citations += [id for id in cited(sentence) if id not in outcome.citations]
            yield sentence
        if outcome.status is Status.NOT_IN_EVIDENCE:
            outcome.verdicts.append(Verdict(query.attribute, None, Agreement.MISSING, ()))
            yield NOT_TOLD

    def _select(self, query: Query, source: Source) -> tuple[Evidence, ...]:
        return select(query.text, source, self._engine().count, self._embedder())

    def _nearness(self) -> Nearness | None:
        def near(a: str, b: str) -> float:
            embedder = self._embedder()
            if embedder is None:
                return 0.0
            left, right = embedder.embed([a, b])
            return float(left @ right)

        return near

    def _next_id(self, sources: Sequence[Source], outcome: Outcome) -> str:
        """The id after the highest; a signal that failed after one of its senses leaves a hole in the numbers."""
        taken = [item.id for source in sources for item in source.evidence] + [item.id for item in outcome.evidence]
        return f"E{max((int(id[1:]) for id in taken), default=0) + 1}"


def _inventories(sources: Sequence[Source], watch: Callable[[Event], None]) -> Told:
    """What code finds in each source."""
    told = {source.signal.id: inventory(source) for source in sources}
    for id, claims in told.items():
        watch(trace.of_claims(id, claims))
    return told


def _length(source: Source) -> tuple[bool, int, str]:
    """Tables last, else the longest last: it is reconsidered first, while the model still has it in its cache."""
    return source.table is not None, sum(len(line.text) for line in source.lines), source.signal.sha256


def _row_evidence(source: Source, result: Result, id: str) -> Evidence:
    """The rows that a computation rests on, as evidence of their own."""
    computed = result.computed
    detail = Statistic(computed.formula, computed.unit, "computed", computed.value, computed.time)
    return Evidence(id, source.signal.id, result.evidence, None, Locator(rows=computed.rows), detail)
