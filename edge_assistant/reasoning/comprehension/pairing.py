"""What two sources tell of the same thing, without a question: values paired by meaning, confirmed by the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core.events import Traced, Watch
from edge_assistant.core.evidence import Evidence, Passage, Speech
from edge_assistant.core.limits import CLAIMS, STATEMENTS
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.claims import Claim, Ledger, Standing
from edge_assistant.reasoning.comprehension import programs, prompts
from edge_assistant.reasoning.comprehension.answer_types import (
    AnswerType,
    answer_type,
    common_values,
    join_thousands,
    value_like,
)
from edge_assistant.reasoning.comprehension.extraction import claim_of_result, label_and_value, label_of
from edge_assistant.reasoning.comprehension.programs import as_quantity
from edge_assistant.reasoning.comprehension.reading import (
    LITTLE,
    Reader,
    probability_against,
    prompt_lines,
    words,
    write_line,
)
from edge_assistant.reasoning.guard import is_code
from edge_assistant.reasoning.sentences import subject
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.codes import identifiers, telephones
from edge_assistant.reasoning.values.days import days
from edge_assistant.reasoning.values.quantities import pairs, quantities
from edge_assistant.reasoning.values.spans import blank_out
from edge_assistant.reasoning.values.values import (
    Clock,
    Identifier,
    Name,
    Nothing,
    Quantity,
    Telephone,
    Value,
    Words,
    comparable,
    same,
)

ALIKE = 0.3  # cosine of a line and the nearest of another source from which on that is asked
MOST = 16  # values that become questions
AGREES = 0.2  # confidence of a reading from which on it agrees with a statement
DIFFERS = 0.6  # and from which on it contradicts it
HOLDS = 0.3  # confidence from which on a source answers a question with its own value
PAIRED = 0.75  # probability from which on a computed and a stated value tell the same thing
CLAIMED = 0.5  # probability of a call from which on a sentence tells what it computes
_CALL = 40  # tokens
_QUESTION = 32

_FINDERS = (
    days,
    clocks,
    pairs,
    lambda text: (c for c in telephones(text) if "." not in c.text),  # 38400.50 is an amount
    lambda text: (c for c in quantities(text) if isinstance(c.value, Quantity) and c.value.unit),
    identifiers,
    quantities,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A value that a source tells.

    Attributes:
        signal: id of the source.
        line: where it stands.
        text: of the line, as it is read.
        start, end: of the value in that.
        value: typed.
        standing: of the source.
    """

    signal: str
    line: Evidence
    text: str
    start: int
    end: int
    value: Value
    standing: Standing

    @property
    def words(self) -> str:
        """The value's own words."""
        return self.text[self.start : self.end]

    @property
    def is_question(self) -> bool:
        """Whether it can become a question: it is all that a label has, or stands in a sentence; no cell of a row."""
        whole = label_and_value(self.line)[1]
        if not whole:
            return isinstance(self.line.detail, Passage | Speech)
        return self.words in whole and " " not in whole.replace(self.words, "").strip()

    @property
    def bracketed(self) -> str:
        """The line with the value in brackets."""
        return f"{self.text[: self.start]}[{self.words}]{self.text[self.end :]}"

    def claim(self) -> Claim:
        """What the source says."""
        label = label_of(self.line, self.words)
        return Claim(self.signal, self.value, self.words, (self.line.id,), label=label, standing=self.standing)


class Pairing:
    """Finds what several sources tell of one thing.

    Each value of a source becomes a question to the other sources: "GATE: [14]" in a row of a board asks "From which
    gate does the flight to Tallinn leave?".
    """

    def __init__(self, engine: Callable[[], Engine], embedder: Callable[[], Embedder | None], watch: Watch) -> None:
        self._engine = engine
        self._embedder = embedder
        self._reader = Reader(engine, embedder)
        self._watch = watch

    def pairs(
        self, sources: Sequence[tuple[Source, Standing]], ledger: Ledger
    ) -> Iterator[tuple[str, tuple[Claim, Claim]]]:
        """What is told, and the claims of two sources about it, one by one; computations go into the ledger."""
        texts = [(source, standing) for source, standing in sources if source.table is None]
        told = [statement for source, standing in texts for statement in statements(source, standing)]
        own = {(source.signal.id, standing): source for source, standing in texts}
        answered = set[tuple[str, str]]()  # words of lines that were compared: they answer one question
        for statement in self._likely([one for one in told if one.is_question], texts):
            label = label_of(statement.line, statement.words)
            own_words = _words_in((statement.line.id,), statement.words)
            if own_words & answered:
                continue
            question = write_line(self._engine(), prompts.with_examples("asking", statement.bracketed), _QUESTION)
            holds = cache(partial(self._holds, question, statement, own[statement.signal, statement.standing]))
            for source, standing in texts:
                if source.signal.id == statement.signal:
                    continue
                claim = self._claim_of(question, statement, source)
                if claim is None or answered & (key := _words_in(claim.evidence, claim.text)):
                    continue
                if same(claim.value, statement.value) or holds():
                    answered |= own_words | key
                    about = label.lower() or subject(question)
                    yield about, (statement.claim(), replace(claim, standing=standing))
        for source, _ in sources:
            if source.table is not None:
                yield from self._of_readings(source, told, ledger)

    def _likely(self, told: Sequence[Statement], sources: Sequence[tuple[Source, Standing]]) -> Iterator[Statement]:
        """The statements that another source is likeliest to speak of, by the nearest of its lines, best first."""
        lines = [(source.signal.id, text) for source, _ in sources for text in prompt_lines(source.lines).values()]
        own, others = self._vectors([one.text for one in told]), self._vectors([text for _, text in lines])
        if own is None or others is None:
            return
        cosines = own @ others.T
        for row, one in enumerate(told):
            cosines[row, [signal == one.signal for signal, _ in lines]] = 0.0
        nearest = cosines.max(axis=1)
        for row in np.argsort(-nearest, kind="stable")[:MOST]:
            if nearest[row] >= ALIKE:
                yield told[row]

    def _claim_of(self, question: str, statement: Statement, source: Source) -> Claim | None:
        """What another source surely answers; None where it does not."""
        reading = self._reader.read(question, source, answer_type(question))
        told = "not told" if reading is None else f"{reading.text!r}: {reading.confidence:.2f}"
        self._watch(Traced("asked of another", source.signal.id, (statement.bracketed, question, told)))
        if reading is None:
            return None
        value = self._value_of(statement, reading.text)
        if value is None or reading.confidence < _least(statement, value, label_of(reading.evidence[0], reading.text)):
            return None
        ids = tuple(line.id for line in reading.evidence)
        return Claim(source.signal.id, value, reading.text, ids, reading.confidence)

    def _holds(self, question: str, statement: Statement, source: Source) -> bool:
        """Whether the source of a statement answers its question with its value."""
        reading = self._reader.read(question, source, answer_type(question))
        if reading is None or reading.confidence < HOLDS:
            return False
        return (value := self._value_of(statement, reading.text)) is not None and same(statement.value, value)

    def _value_of(self, statement: Statement, text: str) -> Value | None:
        """The value of a text that can be compared with a statement's; None where it is of another type or unit."""
        if not isinstance(statement.value, Words | Name | Nothing):
            return value_like(text, statement.value)
        return common_values([join_thousands(statement.words), join_thousands(text)], AnswerType.WHO)[1]

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        embedder = self._embedder()
        return embedder.embed([*texts]) if embedder is not None and texts else None

    def _of_readings(
        self, source: Source, told: Sequence[Statement], ledger: Ledger
    ) -> Iterator[tuple[str, tuple[Claim, Claim]]]:
        """What sentences tell of readings, each beside what those give."""
        assert source.table is not None
        columns = programs.columns(source.table)
        units = [as_quantity(Decimal(0), column) for column in source.table.columns if column.numeric]
        for statement in told[: STATEMENTS.value]:
            value = statement.value
            unit = isinstance(value, Quantity) and value.unit is not None
            alike = (one for one in units if isinstance(value, Quantity) and unit is (one.unit is not None))
            if not isinstance(value, Clock) and not any(comparable(value, one) for one in alike):
                continue
            call = self._call(statement, columns)
            result = programs.run(call, source.table) if call is not None else None
            if call is None or result is None or not comparable(result.value, statement.value):
                continue
            what = f"{call.name.replace('_', ' ')} {result.column}"
            if self._probability_of_same_thing(f"{what}: [{result.text}]", statement.bracketed) >= PAIRED:
                yield what, (claim_of_result(source, result, (), ledger), statement.claim())

    def _probability_of_same_thing(self, one: str, other: str) -> float:
        """The probability that values in brackets in two lines tell the same thing."""
        given = (f"One: {one}", f"Other: {other}")
        sure = probability_against(self._engine(), prompts.with_examples("pairing", *given), "yes", "no")
        self._watch(Traced("paired", None, (*given, f"same thing {sure:.2f}")))
        return sure

    def _call(self, statement: Statement, columns: str) -> programs.Call | None:
        messages = prompts.with_examples("calls", columns, f"Is it right that {statement.text}")
        text = write_line(self._engine(), messages, _CALL)
        call = programs.parse(text)
        sure = probability_against(self._engine(), messages, text, programs.NONE) if call else 0.0
        return call if sure >= CLAIMED and call is not None and not call.asks and not call.asks_when else None


def statements(source: Source, standing: Standing = Standing.PLAIN) -> list[Statement]:
    """The typed values of a source, line by line, and what stands in words beside a label."""
    found: list[Statement] = []
    for line, text in prompt_lines(source.lines).items():
        left = text
        here: list[Statement] = []
        for finder in _FINDERS:
            for candidate in [*finder(left)]:
                if isinstance(candidate.value, Identifier | Telephone) and not is_code(candidate.value):
                    continue
                here.append(Statement(source.signal.id, line, text, *candidate.span, candidate.value, standing))
                left = blank_out(left, [candidate.span])
        _, value = label_and_value(line)
        if value and not here and text.endswith(value):
            start = len(text) - len(value)
            (worded,) = common_values([value], AnswerType.WHO)
            here.append(Statement(source.signal.id, line, text, start, len(text), worded, standing))
        found += sorted(here, key=lambda statement: statement.start)
    return found[: CLAIMS.value]


def _least(statement: Statement, value: Value, label: str) -> float:
    """The confidence that a reading must have to count beside a statement.

    Other names and words contradict it only beside the same label: whether two descriptions differ, nobody knows.
    """
    if same(statement.value, value):
        return AGREES
    worded = isinstance(statement.value, Words | Name) and isinstance(value, Words | Name)
    return math.inf if worded and label.lower() != label_of(statement.line, statement.words).lower() else DIFFERS


def _words_in(evidence: Sequence[str], text: str) -> set[tuple[str, str]]:
    """The words of a value, each with the evidence that it stands in."""
    return {(id, word) for id in evidence for word in set(words(text)) - LITTLE}
