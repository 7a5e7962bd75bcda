"""Questions over sensor readings: what code computes over the rows, and what other signals say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath

from edge_assistant.answer import Computation
from edge_assistant.evidence import Evidence, Locator, Statistic
from edge_assistant.perception.table import Column, Table
from edge_assistant.reasoning.align import Group
from edge_assistant.reasoning.claims import Claim, Standing
from edge_assistant.reasoning.meaning import Meaning
from edge_assistant.reasoning.question import Query
from edge_assistant.reasoning.readings.columns import column_of, score
from edge_assistant.reasoning.readings.comparing import plain
from edge_assistant.reasoning.readings.compute import evaluate
from edge_assistant.reasoning.readings.happened import happened
from edge_assistant.reasoning.readings.measured import LIMITED, Computing, statistic
from edge_assistant.reasoning.readings.results import Result, Unmeasured
from edge_assistant.reasoning.readings.statements import Statement, answers, bounds, stated, verify
from edge_assistant.reasoning.readings.subjects import Subject, heading, missing, subjects
from edge_assistant.reasoning.sources import Source, one_line
from edge_assistant.reasoning.told.limits import both_limits, is_lower_limit, told_limit
from edge_assistant.reasoning.told.script import Script
from edge_assistant.reasoning.values.values import Nothing, Quantity, Value


@dataclass(slots=True)
class Ledger:
    """Evidence and computations that reasoning adds to what was perceived.

    Attributes:
        highest: number of an id of what was perceived, whether or not it is read.
        evidence: the rows that computations rest on.
        computed: the computations.
    """

    highest: int
    evidence: list[Evidence] = field(default_factory=list)
    computed: list[Computation] = field(default_factory=list)

    def rows(self, source: Source, result: Result) -> str:
        """Record the rows that a result rests on; returns the id of the evidence."""
        id = f"E{self.highest + len(self.evidence) + 1}"
        computed = result.computed
        detail = Statistic(result.column or "", computed.unit, "computed", computed.value, computed.time)
        locator = Locator(rows=computed.rows)
        self.evidence.append(Evidence(id, source.signal.id, result.evidence, None, locator, detail))
        return id

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


@dataclass(frozen=True, slots=True)
class _Told:
    """What other signals tell for a computation, each a limit or a moment."""

    limit: Claim | None = None
    moment: datetime | None = None
    evidence: tuple[str, ...] = ()
    rests: tuple[tuple[str, str], ...] = ()

    @property
    def standing(self) -> Standing:
        """Where the limit stands."""
        return self.limit.standing if self.limit else Standing.PLAIN

    @property
    def value(self) -> Quantity | None:
        """The limit alone."""
        return plain(self.limit.value) if self.limit and isinstance(self.limit.value, Quantity) else None


def over_tables(
    query: Query,
    sources: Sequence[Source],
    ledger: Ledger,
    limits: Sequence[Claim],
    read: Callable[[], Claim | None],
    meaning: Meaning,
) -> Measured:
    """Answer a question over readings.

    Args:
        query: what is asked.
        sources: all of them.
        ledger: is added to.
        limits: those that other signals tell.
        read: reads a limit that code found in no signal; is called only where one is needed.
        meaning: compares with examples what no rule knows.

    Returns:
        No claims where the question names no computation, or there are no readings.
    """
    asked = query.computing
    tables = [source for source in sources if source.table is not None]
    if asked is None or not tables:
        return Measured({})
    if (absent := missing(subjects(query.text), _things(sources))) is not None:
        return Measured({}, (f"there are no readings of {absent}",))
    claims: dict[str, list[Claim]] = {}
    reasons: list[str] = []
    for source in tables:
        assert source.table is not None
        told = _told_for(asked, query.text, source.table, sources, limits, read)
        asked = _sided(asked, told)
        column = _limited_column(asked, source.table, told)
        result = evaluate(asked, source.table, told.value, told.moment, column)
        if isinstance(result, Unmeasured):
            reasons.append(result.reason)
        if not isinstance(result, Result):
            continue
        made = ledger.claim(source, result, told.evidence)
        claims[source.signal.id] = [replace(made, rests=told.rests, standing=told.standing)]
        for other in sources:
            if other.table is None and (said := list(_said(asked, other, source, told.value, result, meaning))):
                claims.setdefault(other.signal.id, []).extend(said)
    return Measured(claims, tuple(reasons))


def _things(sources: Sequence[Source]) -> set[Subject]:
    """The things that signals are of: by columns, by the names of their files, by the heading of a log."""
    columns = [column.name for source in sources if source.table is not None for column in source.table.columns]
    names = [PurePath(source.signal.name).stem for source in sources]
    heads = [heading(Script.of(source.evidence).text) for source in sources if source.table is None]
    return {subject for text in (*columns, *names, *heads) for subject in subjects(text)}


def statements(sources: Sequence[Source], ledger: Ledger, limit: Quantity | None, meaning: Meaning) -> Iterator[Group]:
    """What other signals say of readings, each beside what the readings give."""
    for source in sources:
        if source.table is None:
            continue
        for other in sources:
            told = _stated(other, source.table, source.signal.name, meaning) if other.table is None else ()
            for ids, statement in told:
                checked = verify(statement, source.table, limit)
                if checked is not None:
                    value = checked.result.value if checked.agrees else statement.claimed
                    claim = Claim(other.signal.id, value, one_line(statement.text), ids)
                    name = f"{statement.kind} {statement.column}"
                    yield name, None, [ledger.claim(source, checked.result, ()), claim]


def _told_for(
    asked: Computing,
    question: str,
    table: Table,
    sources: Sequence[Source],
    limits: Sequence[Claim],
    read: Callable[[], Claim | None],
) -> _Told:
    """The limit and the moment that a question leaves to other signals."""
    told = _Told()
    if asked.needs_limit:
        named = column_of(asked.rest, table)
        column = named if named is not None and (score(asked.rest, named) or len(_numeric(table)) == 1) else None
        both = both_limits(limits, column) if asked.over is None and column is not None else None
        chosen = both or next(iter(told_limit(limits, question, column)), None) or (None if limits else read())
        if chosen is not None:
            told = _Told(chosen, None, chosen.evidence, (("limit", chosen.signal),))
    if asked.clause is None:
        return told
    moment, ids, signal = _moment(asked, asked.clause, table, sources)
    rests = (*told.rests, ("moment", signal)) if signal else told.rests
    return replace(told, moment=moment, evidence=(*told.evidence, *ids), rests=rests)


def _sided(asked: Computing, told: _Told) -> Computing:
    """A question that leaves it to the limit on which side that is passed: "was the limit violated?"."""
    if asked.over is not None or asked.kind not in LIMITED or told.limit is None or told.value is None:
        return asked
    ranged = told.value.least is not None and told.value.most is not None
    return asked if ranged else replace(asked, over=not is_lower_limit(told.limit))


def _numeric(table: Table) -> list[Column]:
    return [column for column in table.columns if column.numeric]


def _limited_column(asked: Computing, table: Table, told: _Told) -> Column | None:
    """The column that the limit is of, where the question has no word for one: "when was the limit passed?"."""
    if told.limit is None or any(score(asked.rest, column) for column in _numeric(table)):
        return None
    ranked = sorted(_numeric(table), key=lambda column: -score(told.limit.sentence if told.limit else "", column))
    return ranked[0] if ranked and score(told.limit.sentence, ranked[0]) else None


def _moment(
    asked: Computing, clause: str, table: Table, sources: Sequence[Source]
) -> tuple[datetime | None, tuple[str, ...], str | None]:
    """When that was what a question means: by the readings ("when it peaked"), else as another signal tells."""
    own = statistic(f"When was it when {clause}?")
    if own is not None and own.clause is None and not own.needs_limit:
        computed = evaluate(own, table)
        if (
            isinstance(computed, Result)
            and computed.computed.time is not None
            and not isinstance(computed.value, Nothing)
        ):
            return computed.computed.time, (), None
    for source in sources:
        script = Script.of(source.evidence)
        if script.ids and (then := happened(clause, script, table, asked.whens)):
            return then.moment, then.evidence, source.signal.id
    return None, (), None


def _said(
    asked: Computing, other: Source, source: Source, limit: Quantity | None, result: Result, meaning: Meaning
) -> Iterator[Claim]:
    """What a signal says to the question that is asked of readings."""
    assert source.table is not None
    for ids, statement in _stated(other, source.table, source.signal.name, meaning):
        for answered, value in answers(asked, [statement], source.table, limit):
            told = _borne_out(answered, value, source.table, limit, result)
            yield Claim(other.signal.id, told, answered.text, ids)
        for bounding, value in bounds(asked, [statement], source.table, result):
            yield Claim(other.signal.id, value, bounding.text, ids)


def _borne_out(statement: Statement, value: Value, table: Table, limit: Quantity | None, result: Result) -> Value:
    """The value of a statement: that of the readings where they bear it out, by the tolerances of what is said."""
    checked = verify(statement, table, limit)
    agrees = checked is not None and checked.agrees and checked.result.value == result.value
    return result.value if agrees else value


def _stated(source: Source, table: Table, about: str, meaning: Meaning) -> Iterator[tuple[tuple[str, ...], Statement]]:
    """What a source says of readings, each with the evidence that it stands in."""
    script = Script.of(source.evidence)
    head = heading(script.text)
    for at, part in script.parts() if script.ids else ():
        for statement in stated(part, table, about, head, meaning):
            said = statement.text.lstrip(" ,.;\n")
            yield script.evidence(at + statement.end - len(said), at + statement.end), statement
