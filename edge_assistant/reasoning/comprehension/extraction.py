"""From a question and sources to claims: what kind of question it is, a reading of each source, calls over readings."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from edge_assistant.core.events import Reading as ReadingEvent
from edge_assistant.core.events import Traced, Watch
from edge_assistant.core.evidence import Evidence, Field, Line, Passage
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.claims import Claim, Ledger
from edge_assistant.reasoning.comprehension import programs, prompts
from edge_assistant.reasoning.comprehension.answer_types import (
    AnswerType,
    answer_type,
    can_answer,
    common_values,
    join_thousands,
    value_like,
)
from edge_assistant.reasoning.comprehension.multi_source import Joint, join
from edge_assistant.reasoning.comprehension.reading import (
    Reader,
    SourceReading,
    comparable_spans,
    computed_confidence,
    joint_confidence,
    probability_against,
    probability_of_answer,
    write_line,
)
from edge_assistant.reasoning.guard import adds
from edge_assistant.reasoning.sources import BUDGET, Source, whole
from edge_assistant.reasoning.values.values import Clock, Value, same

# Chosen on 310 questions of development sets (wide, u2, k2) with gold evidence and Qwen2.5-Coder-1.5B, then scaled with
# the confidence (see `reading`); DISPUTES and the limit of computed values on 475 (wide, u2, u5, k3).
AGREEMENT = 0.7  # probability from which on a question is taken to ask whether sources agree
SUMMARY = 0.5  # and to ask for sentences
SURE = 0.25  # confidence from which on a reading or a computed value counts
ANSWERED = 0.32  # confidence of the surest from which on there is an answer
CLEAR = 0.45  # confidence from which on a reading is believed beside what was computed or told together
CERTAIN = 0.6  # confidence below which an answer says that it is uncertain
DISPUTES = 0.35  # confidence from which on a source tells something against the surest reading
OUTVOTES = 0.6  # confidence from which on a source tells something against two that agree
COMPARED = 0.225  # confidence from which on a value that was looked for beside another counts
AGREES = 0.13  # the same where it is the very value of the surest, which seldom happens by chance
UNSURE = 0.6  # probability of a sort below which others are tried
LEAST_TOLD = 0.5  # probability from which on a source tells what a call asks of it

EVERYTHING = "everything"  # what a question for agreement is restated as where it names no matter
_TYPED = re.compile(r"(?P<label>[^\W\d_][^\n:.;,?!]{1,40}): +(?P<value>[^\n:;?!]+?)\.?")  # a form that was typed
_MOMENT = Clock((0,))
_RESTATED = 40  # tokens of a question
_CALL = 60  # tokens of a call
MOST_WHOLE = 3  # sources that are joined with as much of each as is read of one


class Sort(StrEnum):
    """How a question is answered."""

    VALUE = "value"
    AGREEMENT = "agreement"
    COMPUTATION = "computation"
    SUMMARY = "summary"


LEAST = {Sort.AGREEMENT: AGREEMENT, Sort.SUMMARY: SUMMARY}


@dataclass(frozen=True, slots=True)
class SortedQuestion:
    """A question understood.

    Attributes:
        text: as it was asked.
        plain: as it is put to each source: of a question for agreement the one behind it.
        sort: how it is answered.
        sure: probability of the sort.
        expects: the type of the answer.
    """

    text: str
    plain: str
    sort: Sort
    sure: float
    expects: AnswerType

    @property
    def everything(self) -> bool:
        """Whether it asks if the sources agree on whatever they tell."""
        return self.sort is Sort.AGREEMENT and self.plain.strip(" .") == EVERYTHING


class Comprehension:
    """Lets the model read what sources tell, and code make claims of it; `watch` is called as signals are read."""

    def __init__(self, engine: Callable[[], Engine], embedder: Callable[[], Embedder | None], watch: Watch) -> None:
        self._engine = engine
        self._reader = Reader(engine, embedder)
        self._watch = watch
        self._readings: dict[tuple[str, str], SourceReading | None] = {}  # by question and id of the source

    def understand(self, question: str, sources: Sequence[Source]) -> SortedQuestion:
        """How a question is answered, and what each source is asked."""
        computes = any(source.table is not None for source in sources)
        sorts = [sort for sort in Sort if computes or sort is not Sort.COMPUTATION]
        choice = self._engine().choose(prompts.with_examples("sort", question), sorts)
        sort = sorts[choice.index]
        if choice.probability < LEAST.get(sort, 0.0):
            sort = Sort.VALUE
        plain = question
        if sort is Sort.AGREEMENT:
            restated = write_line(self._engine(), prompts.with_examples("restating", question), _RESTATED)
            plain = restated if restated and not adds(restated, question) else question
        self._trace("question", None, f"{sort}, probability {choice.probability:.2f}", f"each source: {plain}")
        return SortedQuestion(question, plain, sort, choice.probability, answer_type(plain))

    def claims(self, asked: SortedQuestion, sources: Sequence[Source], ledger: Ledger) -> list[Claim]:
        """What sources tell, where at least one of them surely does."""
        kept = len(ledger.evidence), len(ledger.computed)
        found = self._claims(asked, sources, ledger)
        if max((claim.confidence for claim in found), default=0.0) >= ANSWERED:
            return found
        del ledger.evidence[kept[0] :], ledger.computed[kept[1] :]
        return []

    def _claims(self, asked: SortedQuestion, sources: Sequence[Source], ledger: Ledger) -> list[Claim]:
        """By reading each source, by computing over readings, or by joining what several tell."""
        texts = [source for source in sources if source.table is None]
        found = (self._read(asked.plain, source, asked.expects) for source in texts)
        readings = [reading for reading in found if reading is not None and reading.confidence >= SURE]
        clear = [reading for reading in readings if reading.confidence >= CLEAR]
        surest = max((reading.confidence for reading in readings), default=0.0)
        unsure = not texts or (asked.sure < UNSURE and surest < ANSWERED)
        computes = {Sort.VALUE: unsure, Sort.COMPUTATION: True, Sort.AGREEMENT: len(clear) < 2}
        if computes[asked.sort]:
            told = _claims(readings, asked.expects)
            agreed = len(told) > 1 and all(same(told[0].value, claim.value) for claim in told)
            tables = [] if agreed else [(source, source.table) for source in sources if source.table is not None]
            calls = (self._call(asked, source, table, texts, ledger) for source, table in tables)
            if computed := [claim for claim in calls if claim is not None]:
                beside = ((claim, value_like(claim.text, computed[0].value)) for claim in told)
                least = SURE if asked.sort is Sort.AGREEMENT else CLEAR
                return [*(replace(c, value=v) for c, v in beside if v is not None and c.confidence >= least), *computed]
        takes_several = asked.sort is not Sort.AGREEMENT and len(texts) > 1 and (len(readings) < 2 or surest < CLEAR)
        if takes_several and (joint := self._join(asked, texts)) is not None:
            signals = {line.signal for line in joint.evidence}
            if len(signals) == 1:
                readings += _joint_reading(joint, readings)
            elif joint_confidence(joint.fits) > surest:
                return [_joint_claim(joint, asked.expects, ledger)]
            else:
                readings = [_with_support(reading, joint, asked.expects) for reading in readings]
        undisputed = _drop_disputed(readings, asked.expects)
        return _claims(self._corroborate(asked, texts, undisputed), asked.expects)

    def _corroborate(
        self, asked: SortedQuestion, sources: Sequence[Source], readings: Sequence[SourceReading]
    ) -> list[SourceReading]:
        """The readings, and of the other sources what can be compared with the surest of them."""
        best = max(readings, key=lambda reading: reading.confidence, default=None)
        found = [*readings]
        if best is None or best.confidence < ANSWERED:
            return found
        value = common_values([join_thousands(best.text)], asked.expects)[0]
        told = {line.signal for reading in readings for line in reading.evidence}
        for source in sources:
            if source.signal.id in told or not (reading := self._seek(asked.plain, source, value, best.text)):
                continue
            agrees = same(value, common_values([join_thousands(reading.text)], asked.expects)[0])
            if reading.confidence >= (AGREES if agrees else COMPARED):
                found.append(reading)
        return found

    def _read(self, question: str, source: Source, kind: AnswerType) -> SourceReading | None:
        key = (question, source.signal.id)
        if key not in self._readings:
            self._watch(ReadingEvent(whole(source.signal.id)))
            reading = self._readings[key] = self._reader.read(question, source, kind)
            told = "not told" if reading is None else str(reading)
            self._trace("read by the model", source.signal.id, question, told)
        return self._readings[key]

    def _join(self, asked: SortedQuestion, sources: Sequence[Source]) -> Joint | None:
        """What the model answers over all sources at once; None where it is not told, or not found in their lines."""
        budget = BUDGET * MOST_WHOLE // max(len(sources), MOST_WHOLE)
        pages = [(source.signal.kind, self._reader.page(asked.plain, source, budget)) for source in sources]
        joint = join(self._engine(), asked.plain, pages, asked.expects)
        if joint is None:
            self._trace("joined", None, asked.plain, "not told")
            return None
        lines = (f"{line.signal}: {line.text}" for line in joint.evidence)
        self._trace("joined", None, asked.plain, f"{joint.text!r}: fits {joint.fits:.2f}", *lines)
        return joint

    def _call(
        self, asked: SortedQuestion, source: Source, table: Table, others: Sequence[Source], ledger: Ledger
    ) -> Claim | None:
        """What a call over a table gives; None if the model writes none that fits it."""
        messages = prompts.with_examples("calls", programs.columns(table), asked.plain)
        text = write_line(self._engine(), messages, _CALL)
        call = programs.parse(text)
        sure = probability_against(self._engine(), messages, text, programs.NONE) if call else 0.0
        self._trace("call", source.signal.id, f"{text}: probability {sure:.2f}")
        if call is None:
            return None
        asks = (call.asks, call.asks_when)
        moment = (_MOMENT,)
        likes = (programs.limit_units(call, table) or (moment if call.name == "at" else ()), moment)
        answers = [ask and self._ask_others(ask, others, like) for ask, like in zip(asks, likes, strict=True)]
        given = [answer for answer in answers if isinstance(answer, SourceReading)]
        if len(given) < sum(map(bool, asks)):
            return None
        told, told_when = (answer.text if isinstance(answer, SourceReading) else "" for answer in answers)
        computed = (programs.run(way, table, told, told_when) for way in programs.variants(call))
        results = [one for one in computed if one is not None and can_answer(one.value, asked.expects)]
        if not results:
            return None
        fitness = [probability_of_answer(self._engine(), one.formula, asked.plain, one.text) for one in results]
        fits, result = max(zip(fitness, results, strict=True), key=lambda one: one[0])
        self._trace("computed", source.signal.id, result.formula, f"fits {fits:.2f}")
        confidence = computed_confidence(sure, fits)
        if confidence < SURE:
            return None
        lines = [line for answer in given for line in answer.evidence]
        return replace(claim_of_result(source, result, lines, ledger), confidence=confidence)

    def _ask_others(self, question: str, sources: Sequence[Source], likes: Sequence[Value]) -> SourceReading | None:
        """The surest reading of what a call asks for; comparable with one of some values, where they are given."""
        found = [reading for source in sources if (reading := self._read(question, source, answer_type(question)))]
        usable = [
            one for one in found if not likes or any(any(comparable_spans(one.text, like, one.text)) for like in likes)
        ]
        best = max(usable, key=lambda reading: reading.told, default=None)
        if best is not None and best.told >= LEAST_TOLD:
            return best
        if not likes:
            return None
        if only := self._reader.only_comparable(sources, likes[0]):
            return only
        sought = [reading for source in sources if (reading := self._seek(question, source, likes[0], ""))]
        best = max(sought, key=lambda reading: reading.confidence, default=None)
        return best if best is not None and best.confidence >= COMPARED else None

    def _seek(self, question: str, source: Source, like: Value, text: str) -> SourceReading | None:
        reading = self._reader.seek(question, source, like, text)
        if reading is not None:
            self._trace("looked for", source.signal.id, question, str(reading))
        return reading

    def _trace(self, stage: str, signal: str | None, *lines: str) -> None:
        self._watch(Traced(stage, None if signal is None else whole(signal), lines))


def _drop_disputed(readings: Sequence[SourceReading], kind: AnswerType) -> Sequence[SourceReading]:
    """The readings without those that contradict the surest, or two that agree, and are hardly told themselves."""
    if len(readings) < 2:
        return readings
    values = common_values([join_thousands(reading.text) for reading in readings], kind)
    alike = [[j for j, other in enumerate(values) if same(value, other)] for value in values]
    best = max(range(len(readings)), key=lambda i: (len(alike[i]) > 1, readings[i].confidence))
    least = OUTVOTES if len(alike[best]) > 1 else DISPUTES
    return [r for i, r in enumerate(readings) if i in alike[best] or i == best or r.confidence >= least]


def _claims(readings: Sequence[SourceReading], kind: AnswerType) -> list[Claim]:
    texts = [join_thousands(reading.text) for reading in readings]
    found = []
    for reading, text, value in zip(readings, texts, common_values(texts, kind), strict=True):
        ids = tuple(line.id for line in reading.evidence)
        label = label_of(reading.evidence[0], reading.text)
        found.append(Claim(reading.signal, value, text, ids, reading.confidence, label=label))
    return found


def _joint_claim(joint: Joint, kind: AnswerType, ledger: Ledger) -> Claim:
    cites = tuple(line.id for line in joint.evidence)
    computed = ledger.compute(joint.formula, joint.text, cites) if joint.formula else None
    value = common_values([join_thousands(joint.text)], kind)[0]
    return Claim(joint.evidence[0].signal, value, joint.text, cites, joint_confidence(joint.fits), computed)


def _joint_reading(joint: Joint, readings: Sequence[SourceReading]) -> list[SourceReading]:
    """What one source tells beside the others and did not alone, such as "Allergies: none" beside an allergy."""
    signal = joint.evidence[0].signal
    if joint.formula or any(reading.signal == signal for reading in readings):
        return []
    return [SourceReading(signal, joint.text, joint.evidence, told=0.5, fits=joint.fits)]  # alone it was not told


def _with_support(reading: SourceReading, joint: Joint, kind: AnswerType) -> SourceReading:
    """A reading, with the lines of other sources that led to the same."""
    one, other = common_values([join_thousands(reading.text), join_thousands(joint.text)], kind)
    together = tuple(dict.fromkeys((*reading.evidence, *joint.evidence)))
    return replace(reading, evidence=together) if same(one, other) else reading


def label_and_value(line: Evidence) -> tuple[str, str]:
    """The label and the value of a line of a form; empty for other lines."""
    match line.detail:
        case Field(label=label, value=value) | Line(cells=(label, value)):
            return label.strip(" :"), value.strip()
        case Passage() if match := _TYPED.fullmatch(line.text.strip()):
            return match["label"], match["value"]
        case _:
            return "", ""


def label_of(line: Evidence, text: str) -> str:
    """What a form calls a value that stands in it beside its label; empty elsewhere."""
    label, value = label_and_value(line)
    return label if text.strip(" .") in value else ""


def claim_of_result(source: Source, result: programs.CallResult, told: Sequence[Evidence], ledger: Ledger) -> Claim:
    """The claim of a computation, with its rows as evidence, and with what other sources told for it."""
    id = ledger.rows(source.signal.id, result.column, result.computed, result.formula)
    cites = (id, *(line.id for line in told))
    number = ledger.compute(result.computed.formula, result.text, cites)
    return Claim(source.signal.id, result.value, result.text, cites, computed=number)
