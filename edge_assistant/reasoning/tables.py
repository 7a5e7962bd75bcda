"""Questions over sensor readings: what code computes over the rows, and what other signals say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from edge_assistant.answer import Computation
from edge_assistant.evidence import Evidence, Locator, Passage, Speech, Statistic
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.align import Group
from edge_assistant.reasoning.candidates import as_words
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.compute import measure
from edge_assistant.reasoning.measured import Computing
from edge_assistant.reasoning.moments import moment_of
from edge_assistant.reasoning.question import Query
from edge_assistant.reasoning.results import Result, Unmeasured
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.statements import Statement, answers, stated, verify
from edge_assistant.reasoning.values import Quantity, Value

Limit = tuple[Quantity | None, tuple[str, ...]]
"""What a computation compares with, and the evidence that tells it."""


@dataclass(slots=True)
class Ledger:
    """Evidence and computations that reasoning adds to what was perceived.

    Attributes:
        evidence: the rows that computations rest on.
        computed: the computations.
        taken: the highest number of an evidence id.
    """

    taken: int
    evidence: list[Evidence] = field(default_factory=list)
    computed: list[Computation] = field(default_factory=list)

    @classmethod
    def after(cls, sources: Sequence[Source]) -> Ledger:
        """A ledger whose ids follow the highest; a signal that failed after one of its senses leaves a hole."""
        return cls(max((int(item.id[1:]) for source in sources for item in source.evidence), default=0))

    def rows(self, source: Source, result: Result) -> str:
        """Record the rows that a result rests on; returns the id of the evidence."""
        self.taken += 1
        computed = result.computed
        detail = Statistic(result.column or "", computed.unit, "computed", computed.value, computed.time)
        locator = Locator(rows=computed.rows)
        self.evidence.append(Evidence(f"E{self.taken}", source.signal.id, result.evidence, None, locator, detail))
        return f"E{self.taken}"

    def compute(self, formula: str, value: str, evidence: tuple[str, ...]) -> str:
        """Record a computation; returns its id."""
        self.computed.append(Computation(f"C{len(self.computed) + 1}", formula, value, evidence))
        return f"C{len(self.computed)}"

    def claim(self, source: Source, result: Result, told: tuple[str, ...]) -> Claim:
        """The claim of a result, which also rests on what other signals told: the limit, the moment."""
        cites = (self.rows(source, result), *told)
        computed = self.compute(result.computed.formula, result.text, cites)
        return Claim(source.signal.id, result.value, result.text, cites, computed=computed)


@dataclass(frozen=True, slots=True)
class Measured:
    """The claims of each signal on what was asked of readings, and why some readings do not tell it."""

    claims: dict[str, list[Claim]]
    reasons: tuple[str, ...] = ()


def over_tables(query: Query, sources: Sequence[Source], ledger: Ledger, limit: Callable[[], Limit]) -> Measured:
    """Answer a question over readings.

    Args:
        query: what is asked.
        sources: all of them.
        ledger: is added to.
        limit: finds the limit that another signal tells; is called only where one is needed.

    Returns:
        No claims where the question names no computation, or there are no readings.
    """
    asked = query.computing
    tables = [source for source in sources if source.table is not None]
    if asked is None or not tables:
        return Measured({})
    value, told = limit() if asked.needs_limit else (None, ())
    claims: dict[str, list[Claim]] = {}
    reasons: list[str] = []
    for source in tables:
        assert source.table is not None
        moment, named = _moment(asked, source.table, sources)
        result = measure(query.text, source.table, value, moment)
        if isinstance(result, Unmeasured):
            reasons.append(result.reason)
        if not isinstance(result, Result):
            continue
        claims[source.signal.id] = [ledger.claim(source, result, (*told, *named))]
        for other in sources:
            if other.table is None and (said := list(_said(asked, other, source, value, result))):
                claims.setdefault(other.signal.id, []).extend(said)
    return Measured(claims, tuple(reasons))


def statements(sources: Sequence[Source], ledger: Ledger, limit: Quantity | None) -> Iterator[Group]:
    """What other signals say of readings, each beside what the readings give."""
    for source in sources:
        if source.table is None:
            continue
        for other in sources:
            for line, statement in _stated(other, source.table, source.signal.name) if other.table is None else ():
                checked = verify(statement, source.table, limit)
                if checked is not None:
                    value = checked.result.value if checked.agrees else statement.claimed
                    told = Claim(other.signal.id, value, statement.text, (line.id,))
                    name = f"{statement.kind} {statement.column}"
                    yield name, None, [ledger.claim(source, checked.result, ()), told]


def _said(asked: Computing, other: Source, source: Source, limit: Quantity | None, result: Result) -> Iterator[Claim]:
    """What a signal says to the question that is asked of readings."""
    assert source.table is not None
    for line, statement in _stated(other, source.table, source.signal.name):
        for answered, value in answers(asked, [statement], source.table, limit):
            yield Claim(
                other.signal.id, _borne_out(answered, value, source.table, limit, result), answered.text, (line.id,)
            )


def _borne_out(statement: Statement, value: Value, table: Table, limit: Quantity | None, result: Result) -> Value:
    """The value of a statement: that of the readings where they bear it out, by the tolerances of what is said."""
    checked = verify(statement, table, limit)
    agrees = checked is not None and checked.agrees and checked.result.value == result.value
    return result.value if agrees else value


def _stated(source: Source, table: Table, about: str) -> Iterator[tuple[Evidence, Statement]]:
    for line in source.evidence:
        if isinstance(line.detail, (Speech, Passage)):
            yield from ((line, statement) for statement in stated(line.text, table, about))


def _moment(asked: Computing, table: Table, sources: Sequence[Source]) -> tuple[datetime | None, tuple[str, ...]]:
    """When that was what the question means: the moment that the sentence with most words in common with it names."""
    wanted = as_words(asked.clause or "").tokens
    best: tuple[int, datetime, str] | None = None
    for source in sources:
        for line in source.evidence:
            if wanted and isinstance(line.detail, (Speech, Passage)):
                common = len(wanted & as_words(line.text).tokens)
                moment = moment_of(line.text, table) if common else None
                if moment is not None and (best is None or common > best[0]):
                    best = (common, moment, line.id)
    return (best[1], (best[2],)) if best else (None, ())
