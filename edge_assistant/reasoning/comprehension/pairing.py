"""What two sources tell of the same thing, without a question: values paired by meaning, confirmed by the model."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from edge_assistant.events import Traced, Watch
from edge_assistant.evidence import Evidence, Passage
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.limits import CLAIMS, STATEMENTS
from edge_assistant.reasoning.claims import Claim, Standing
from edge_assistant.reasoning.comprehension import programs, prompts
from edge_assistant.reasoning.comprehension.answering import CLEAR, computed_claim, labelled, pair
from edge_assistant.reasoning.comprehension.expected import Expected, joined, typed
from edge_assistant.reasoning.comprehension.grounding import LITTLE, words
from edge_assistant.reasoning.comprehension.pages import as_read
from edge_assistant.reasoning.comprehension.reading import Reader, against, written
from edge_assistant.reasoning.guard import is_code
from edge_assistant.reasoning.ledger import Ledger
from edge_assistant.reasoning.question import matter
from edge_assistant.reasoning.readings.columns import as_quantity
from edge_assistant.reasoning.sentences import sentences
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.values.candidates import clocks, days, find, quantities
from edge_assistant.reasoning.values.pairs import pairs
from edge_assistant.reasoning.values.values import Clock, Identifier, Quantity, Telephone, Value, comparable

ALIKE = 0.3  # cosine of two lines, their values left out, from which on the model is asked
ABOUT = 0.3  # cosine of a label and a line from which on the line may tell what the label asks
MOST = 30  # pairs that the model is asked about, and readings of labels
_LOOKED = 100_000  # pairs of two sources that code looks at
PAIRED = 0.7  # probability from which on two values tell the same thing
CLAIMED = 0.5  # probability of a call from which on a sentence tells what it computes
_CALL = 40  # tokens

_FINDERS = (
    days,
    clocks,
    pairs,
    lambda text: (c for c in find("telephone", text) if "." not in c.text),  # 38400.50 is an amount
    lambda text: (c for c in quantities(text) if isinstance(c.value, Quantity) and c.value.unit),
    lambda text: find("identifier", text),
    quantities,
)
_GAP = "..."  # stands for a value


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
    def said(self) -> str:
        """The value's own words."""
        return self.text[self.start : self.end]

    @property
    def around(self) -> str:
        """The sentence or the row without the value."""
        whole = (0, len(self.text))
        spans = sentences(self.text) if isinstance(self.line.detail, Passage) else ()
        start, end = next((span for span in spans if span[0] <= self.start and self.end <= span[1]), whole)
        return self.text[start : self.start] + _GAP + self.text[self.end : end]

    @property
    def marked(self) -> str:
        """The line with the value in brackets."""
        return f"{self.text[: self.start]}[{self.said}]{self.text[self.end :]}"

    def claim(self, confidence: float) -> Claim:
        """What the source says."""
        label = labelled(self.line, self.said)
        return Claim(self.signal, self.value, self.said, (self.line.id,), confidence, None, label, self.standing)


class Pairing:
    """Finds what several sources tell of one thing.

    Args:
        engine: opens the language model.
        embedder: opens the sentence embedder, where there is one.
        watch: is called with what was paired.
    """

    def __init__(self, engine: Callable[[], Engine], embedder: Callable[[], Embedder | None], watch: Watch) -> None:
        self._engine = engine
        self._embedder = embedder
        self._reader = Reader(engine, embedder)
        self._watch = watch

    def pairs(
        self, sources: Sequence[tuple[Source, Standing]], ledger: Ledger
    ) -> Iterator[tuple[str, tuple[Claim, Claim]]]:
        """What is told, and the claims of two sources about it, one after the other.

        Args:
            sources: each with where it stands.
            ledger: takes what is computed over readings.
        """
        texts = [(source, standing) for source, standing in sources if source.table is None]
        told = [statement for source, standing in texts for statement in statements(source, standing)]
        taken = set[int]()
        for one, other in self._candidates(told):
            if id(one) in taken or id(other) in taken:
                continue
            if (sure := self._paired(one.marked, other.marked)) >= PAIRED:
                taken |= {id(one), id(other)}
                yield about(one, other), (one.claim(sure), other.claim(sure))
        yield from self._by_label(texts, {statement.line.id for statement in told if id(statement) in taken})
        for source, _ in sources:
            if source.table is not None:
                yield from self._of_readings(source, told, ledger)

    def _by_label(
        self, sources: Sequence[tuple[Source, Standing]], taken: Collection[str]
    ) -> Iterator[tuple[str, tuple[Claim, Claim]]]:
        """What a form tells beside a label, and what another source says to that as a question."""
        asked, told = 0, {*taken}
        lines = {id(source): self._vectors(as_read(source.lines)) for source, _ in sources}
        for source, standing in sources:
            for line in source.lines:
                label, value = pair(line)
                if not value or line.id in told or asked >= MOST or (asks := self._vectors([label])) is None:
                    continue
                for other, others in sources:
                    near = lines[id(other)] if other.signal.id != source.signal.id else None
                    if near is None or asked >= MOST or (near @ asks[0]).max() < ABOUT:
                        continue
                    asked += 1
                    reading = self._reader.read(f"What is the {label.lower()}?", other, Expected.OTHER)
                    if reading is None or reading.confidence < CLEAR:
                        continue
                    mine, theirs = typed([joined(value), joined(reading.text)], Expected.OTHER)
                    ids = tuple(line.id for line in reading.evidence)
                    told.update(ids)  # a form's line that answered asks nothing itself
                    yield (
                        label.lower(),
                        (
                            Claim(source.signal.id, mine, value, (line.id,), 1.0, standing=standing),
                            Claim(other.signal.id, theirs, reading.text, ids, reading.confidence, standing=others),
                        ),
                    )

    def _candidates(self, told: Sequence[Statement]) -> list[tuple[Statement, Statement]]:
        """Pairs of comparable values of two sources, those in the most similar lines first."""
        vectors = self._vectors([statement.around for statement in told])
        if vectors is None:
            return []
        places: dict[str, list[int]] = {}
        for place, statement in enumerate(told):
            places.setdefault(statement.signal, []).append(place)
        found: list[tuple[float, int, int]] = []
        for ours, theirs in itertools.combinations(places.values(), 2):
            cosines = vectors[ours] @ vectors[theirs].T
            near = np.argsort(-cosines, axis=None, kind="stable")[: min(_LOOKED, np.count_nonzero(cosines >= ALIKE))]
            ranked = ((float(cosines.flat[at]), ours[at // len(theirs)], theirs[at % len(theirs)]) for at in near)
            alike = (pair for pair in ranked if comparable(told[pair[1]].value, told[pair[2]].value))
            found += [(-cosine, min(i, j), max(i, j)) for cosine, i, j in itertools.islice(alike, MOST)]
        return [(told[i], told[j]) for _, i, j in sorted(found)[:MOST]]

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
            if not isinstance(statement.value, Clock) and not any(_has_unit_of(statement.value, one) for one in units):
                continue
            call = self._call(statement, columns)
            result = programs.run(call, source.table) if call is not None else None
            if result is None or not comparable(result.value, statement.value):
                continue
            if self._paired(f"{result.computed.formula} = [{result.text}]", statement.marked) >= PAIRED:
                claims = computed_claim(source, result, (), ledger), statement.claim(1.0)
                yield result.computed.formula, claims

    def _paired(self, one: str, other: str) -> float:
        """The probability that values in brackets in two lines tell the same thing."""
        given = (f"One: {one}", f"Other: {other}")
        sure = against(self._engine(), prompts.asked("pairing", *given), "yes", "no")
        self._watch(Traced("paired", None, (*given, f"same thing {sure:.2f}")))
        return sure

    def _call(self, statement: Statement, columns: str) -> programs.Call | None:
        messages = prompts.asked("calls", columns, f"Is it right that {statement.text}")
        text = written(self._engine(), messages, _CALL)
        call = programs.parse(text)
        sure = against(self._engine(), messages, text, programs.NONE) if call else 0.0
        return call if sure >= CLAIMED and call is not None and not call.asks and not call.asks_when else None


def statements(source: Source, standing: Standing = Standing.PLAIN) -> list[Statement]:
    """The typed values of a source, line by line."""
    found: list[Statement] = []
    for line, text in zip(source.lines, as_read(source.lines), strict=True):
        left = text
        here: list[Statement] = []
        for finder in _FINDERS:
            for candidate in [*finder(left)]:
                if isinstance(candidate.value, Identifier | Telephone) and not is_code(candidate.value):
                    continue
                here.append(
                    Statement(source.signal.id, line, text, candidate.start, candidate.end, candidate.value, standing)
                )
                left = left[: candidate.start] + " " * (candidate.end - candidate.start) + left[candidate.end :]
        found += sorted(here, key=lambda statement: statement.start)
    return found[: CLAIMS.value]


def _has_unit_of(value: Value, other: Quantity) -> bool:
    """Whether a value is a quantity that is told in a unit of another's dimension, or both have none."""
    if not isinstance(value, Quantity) or (value.unit is None) is not (other.unit is None):
        return False
    return comparable(value, other)


def about(one: Statement, other: Statement) -> str:
    """What two statements are about: a label, else the words that their lines share, else those of the first."""
    if label := labelled(one.line, one.said) or labelled(other.line, other.said):
        return label.lower()
    shared = set(words(other.around)) - LITTLE
    common = [word for word in words(one.around) if word in shared and not word.isdigit()]
    return matter(" ".join(common) or one.around)
