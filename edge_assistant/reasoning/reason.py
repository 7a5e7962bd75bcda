"""From sources to what is said: the model reads each source alone, code compares, computes and says it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edge_assistant.core.answer import Agreement, Answer, Instruction, Status, Verdict
from edge_assistant.core.events import Compared, Noted, Reading, Watch
from edge_assistant.core.evidence import Statistic
from edge_assistant.core.signals import Origin
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.claims import Claim, Ledger, Standing, compare, compatible
from edge_assistant.reasoning.compose import NO_ANSWER, STATUS, agreement, compose, contradiction, instruction_notes
from edge_assistant.reasoning.comprehension.extraction import CERTAIN, Comprehension, Sort, SortedQuestion
from edge_assistant.reasoning.comprehension.pairing import Pairing
from edge_assistant.reasoning.comprehension.reading import Reader, parallel
from edge_assistant.reasoning.guard import citations, quote, write
from edge_assistant.reasoning.instructions import separate
from edge_assistant.reasoning.sentences import subject
from edge_assistant.reasoning.sources import (
    BUDGET,
    Source,
    apart,
    overflow_notes,
    select,
    truncate,
    unread_notes,
    whole,
)

if TYPE_CHECKING:  # a form is seldom filled in, and a question need not wait for what does it
    from edge_assistant.reasoning.comprehension.assembly import Filled
    from edge_assistant.reasoning.comprehension.calling import FunctionCall
    from edge_assistant.reasoning.forms import FormObject
    from edge_assistant.reasoning.functions import FunctionOffer

UNCERTAIN = "This is uncertain: check it against the source."

Layers = Mapping[Standing, Sequence[Source]]
"""The sources apart from the instructions in them, what those state, and what they order."""


@dataclass(slots=True)
class Outcome(Ledger):
    """What reasoning came to; it is filled while the sentences are said."""

    status: Status = Status.NOT_IN_EVIDENCE
    verdicts: list[Verdict] = field(default_factory=list)
    citations: list[str] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)


class Reasoner:
    """Reasons over sources; `watch` is called as signals are read and claims are compared."""

    def __init__(self, engine: Callable[[], Engine], embedder: Callable[[], Embedder | None], watch: Watch) -> None:
        self._engine = engine
        self._embedder = embedder
        self._watch = watch

    def answer(self, question: str, sources: Sequence[Source], outcome: Outcome) -> Iterator[str]:
        """Say the answer sentence by sentence and fill in the outcome; sources are in the order of the signals."""
        layers = self._layers(sources, outcome)
        comprehension = Comprehension(self._engine, self._embedder, self._watch)
        asked = comprehension.understand(question, layers[Standing.PLAIN])
        if asked.sort is Sort.SUMMARY:
            yield from self._prose(question, layers[Standing.PLAIN], outcome)
        elif asked.everything:
            yield from self._compare_all(layers, outcome, question)
        else:
            yield from self._answer_question(comprehension, asked, layers, outcome)
        yield from unread_notes(sources, _columns(sources, outcome))

    def check(self, sources: Sequence[Source], outcome: Outcome) -> Iterator[str]:
        """Say on what two sources contradict each other, else on what they agree, and fill in the outcome."""
        yield from self._compare_all(self._layers(sources, outcome), outcome, None)
        yield from unread_notes(sources, _columns(sources, outcome))

    def fill(self, form: FormObject, answer: Answer, below: float | None) -> Filled:
        """Fill a form from what an answer rests on, without values that a person would have to confirm."""
        from edge_assistant.reasoning.comprehension.filling import Filler

        return Filler(self._engine, self._embedder, self._watch, self._near, below).fill(form, answer.question, answer)

    def call(self, offer: FunctionOffer, answer: Answer, below: float | None) -> FunctionCall | None:
        """The function of a client that a question calls for; None if there is none, or the sources answer it."""
        from edge_assistant.reasoning.comprehension.arguments import ArgumentReader
        from edge_assistant.reasoning.comprehension.calling import call

        reader = ArgumentReader(self._engine, self._embedder, self._watch, self._near, below)
        return call(self._engine, reader, offer, answer)

    def prefill(self, sources: Sequence[Source]) -> None:
        """Let the model read the sources that a prompt holds whole, before there is a question."""
        Reader(self._engine, self._embedder).prefill(self._layers(sources, Outcome())[Standing.PLAIN])

    def _answer_question(
        self, comprehension: Comprehension, asked: SortedQuestion, layers: Layers, outcome: Outcome
    ) -> Iterator[str]:
        claims = self._effective_claims(self._claims(comprehension, asked, layers, outcome), layers)
        verdict = self._compare(subject(asked.plain), claims, outcome)
        outcome.status = STATUS[verdict.status]
        if verdict.status is Agreement.MISSING:
            yield NO_ANSWER
            return
        signals = [source.signal for source in layers[Standing.PLAIN]]
        yield compose(asked.text if asked.sort is Sort.AGREEMENT else None, verdict, claims, signals)
        yield from instruction_notes(claims, outcome.instructions, signals)
        if any(told.confidence < CERTAIN for told in verdict.values):
            yield UNCERTAIN

    def _claims(
        self, comprehension: Comprehension, asked: SortedQuestion, layers: Layers, outcome: Outcome
    ) -> list[Claim]:
        """The claims of all layers; instructions change nothing of what a source tells without them.

        What they state is a source of its own, read alone and then beside the others, of which some tell a thing only
        beside another: "Allergies: none" beside an allergy. What they order is read beside nothing.
        """
        plain = layers[Standing.PLAIN]
        stated = [apart(source, "stated") for source in layers[Standing.STATED]]
        ordered = [apart(source, "ordered") for source in layers[Standing.ORDER]]
        beside = [*(source for source in plain if source.table is None), *stated] if stated else []
        own = {source.signal.id: {item.id for item in source.evidence} for source in plain}
        views = (plain, Standing.PLAIN), (stated, Standing.STATED), (beside, Standing.STATED), (ordered, Standing.ORDER)
        found: dict[str, Claim] = {}
        for view, standing in views:
            computed = len(outcome.computed)
            made = comprehension.claims(asked, view, outcome) if view else []
            new = [claim for claim in made if claim.signal not in found]
            if not new:
                del outcome.computed[computed:]
            for claim in new:
                id = claim.signal
                alone = id in own and own[id].issuperset(claim.evidence)
                found[id] = replace(claim, signal=whole(id), standing=Standing.PLAIN if alone else standing)
        return [*found.values()]

    def _effective_claims(self, claims: Sequence[Claim], layers: Layers) -> list[Claim]:
        """The claims in the order of the signals, without orders that contradict nothing.

        An order counts where it contradicts something; it supports nothing.
        """
        asserted = [claim for claim in claims if claim.standing is not Standing.ORDER]
        counting = [c for c in claims if c in asserted or not all(compatible(c, o, self._near) for o in asserted)]
        order = [source.signal.id for source in layers[Standing.PLAIN]]
        return sorted(counting, key=lambda claim: order.index(claim.signal))

    def _compare_all(self, layers: Layers, outcome: Outcome, question: str | None) -> Iterator[str]:
        """On what two sources contradict each other, each in a sentence, else on what they agree."""
        signals = [source.signal for source in layers[Standing.PLAIN]]
        pairing = Pairing(self._engine, self._embedder, self._watch)
        layered = [(source, standing) for standing, layer in layers.items() for source in layer]
        marked: list[Claim] = []
        for about, claims in pairing.pairs(layered, outcome):
            verdict = self._compare(about, claims, outcome)
            marked += claims
            if verdict.status is Agreement.CONFLICT:
                yield contradiction(verdict, claims, signals, question)
                question = None  # is answered; what comes then is more of the same
        statuses = {STATUS[verdict.status] for verdict in outcome.verdicts}
        outcome.status = next((s for s in (Status.CONFLICT, Status.SUPPORTED) if s in statuses), Status.NOT_IN_EVIDENCE)
        if outcome.status is not Status.CONFLICT:
            yield agreement(outcome.verdicts, question)
        yield from instruction_notes(marked, outcome.instructions, signals)

    def _compare(self, about: str, claims: Sequence[Claim], outcome: Outcome) -> Verdict:
        verdict = compare(about, claims, self._near)
        outcome.verdicts.append(verdict)
        outcome.citations += [id for told in verdict.values for id in told.evidence]
        self._watch(Compared(verdict))
        return verdict

    def _layers(self, sources: Sequence[Source], outcome: Outcome) -> Layers:
        """As much as is read of the sources, apart from the instructions in them, which are noted."""
        numbers = (int(item.id[1:]) for source in sources for item in source.evidence)
        outcome.highest = max(outcome.highest, *numbers, 0)
        for source in sources:
            for left in overflow_notes([source]):
                self._watch(Noted(source.signal.id, left.removesuffix(".")))
        parted = [separate(truncate(source)) for source in sources]
        for separated in parted:
            for passage in separated.passages:
                outcome.instructions.append(passage)
                what = f"{separated.rest.signal.name}: instructions to its reader, which are not followed"
                self._watch(Noted(passage.signal, f'{what}: "{passage.text}"'))
        return {
            Standing.PLAIN: [source.rest for source in parted],
            Standing.STATED: [stated for source in parted for stated in source.stated],
            Standing.ORDER: [ordered for source in parted for ordered in source.ordered],
        }

    def _prose(self, question: str, sources: Sequence[Source], outcome: Outcome) -> Iterator[str]:
        """Sentences of the model that pass the check, else what the evidence says in its own words."""
        for source in sources:
            self._watch(Reading(source.signal.id))
        engine = self._engine()
        budget = 2 * BUDGET // max(1, len(sources))
        chosen = [(s, select(question, s, engine.count, self._embedder(), budget)) for s in sources]
        lines = [line for _, some in chosen for line in some]
        whole = [*itertools.takewhile(lambda pair: len(pair[1]) == len(pair[0].lines), chosen)]
        files = all(source.signal.origin is Origin.FILE for source, _ in whole)
        constant = sum(len(some) for _, some in whole)
        written = write(question, lines, engine, constant=constant, lasting=files)
        first = next(written, None)
        for sentence in quote(question, lines) if first is None else itertools.chain([first], written):
            outcome.status = Status.SUPPORTED
            outcome.citations += [id for id in citations(sentence) if id not in outcome.citations]
            yield sentence
        if outcome.status is Status.NOT_IN_EVIDENCE:
            outcome.verdicts.append(Verdict(subject(question), None, Agreement.MISSING, ()))
            yield NO_ANSWER

    def _near(self, one: str, other: str) -> float:
        """The cosine of two phrases in meaning; 0 without an embedder, and of parallel phrases."""
        embedder = self._embedder()
        if embedder is None or parallel(one, other):
            return 0.0
        left, right = embedder.embed([one, other])
        return float(left @ right)


def _columns(sources: Sequence[Source], outcome: Outcome) -> set[str]:
    """The columns of readings that an answer rests on."""
    rests = {*outcome.citations, *(id for made in outcome.computed for id in made.evidence)}
    rests.update(id for verdict in outcome.verdicts for told in verdict.values for id in told.evidence)
    found = itertools.chain(outcome.evidence, *(source.evidence for source in sources))
    return {item.detail.column for item in found if item.id in rests and isinstance(item.detail, Statistic)}
