"""From sources to what is said: claims of each source alone, a verdict over them, sentences that pass the check."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

from edge_assistant.answer import Agreement, Computation, Instruction, Status, Verdict
from edge_assistant.events import Compared, Noted, Reading, Watch
from edge_assistant.evidence import Evidence, Speech, Statistic
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning import trace
from edge_assistant.reasoning.align import Group, Told, about_others, at_hand, shared, unasked
from edge_assistant.reasoning.claims import Claim, Standing
from edge_assistant.reasoning.compare import Nearness, compare, compatible
from edge_assistant.reasoning.compose import STATUS, compose, concluded, contradiction, instructed, untold
from edge_assistant.reasoning.guard import cited
from edge_assistant.reasoning.heard import as_said
from edge_assistant.reasoning.instructions import Separated, separate
from edge_assistant.reasoning.inventory import inventory
from edge_assistant.reasoning.join import join
from edge_assistant.reasoning.lookup import bought, looked_up, names
from edge_assistant.reasoning.meaning import Meaning, by_example, told_of
from edge_assistant.reasoning.meant import Meant
from edge_assistant.reasoning.permitting import warned
from edge_assistant.reasoning.prose import quote, write
from edge_assistant.reasoning.purchases import parts
from edge_assistant.reasoning.question import Expect, Query, understand
from edge_assistant.reasoning.reader import Reader
from edge_assistant.reasoning.readings.likened import likened
from edge_assistant.reasoning.readings.tables import Ledger, over_tables, statements
from edge_assistant.reasoning.seen import confirms, counted, members, present, unseen
from edge_assistant.reasoning.sources import BUDGET, Source, first_of, select, unfit, unread
from edge_assistant.reasoning.told import limits
from edge_assistant.reasoning.told.bought import as_told
from edge_assistant.reasoning.values.values import Quantity, Truth, Words
from edge_assistant.signals import Origin, Signal

Read = Callable[[Signal, Callable[[], tuple[Claim, ...]]], tuple[Claim, ...] | None]
"""Lets code read a signal; None where that takes too much, which is told."""

LIMIT = "What is the limit?"  # asked of the other signals where a computation needs one


def unbounded(_: Signal, work: Callable[[], tuple[Claim, ...]]) -> tuple[Claim, ...]:
    """Lets code read a signal for as long as it takes."""
    return work()


@dataclass(slots=True)
class Outcome:
    """What reasoning came to; it is filled while the sentences are said.

    Attributes:
        highest: number of an id of all evidence that was perceived; what reasoning adds has higher ones.
    """

    status: Status = Status.NOT_IN_EVIDENCE
    verdicts: list[Verdict] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    computed: list[Computation] = field(default_factory=list)
    citations: list[str] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    highest: int = 0


Layers = Mapping[Standing, Sequence[Source]]
"""The sources apart from the instructions in them, what those state, and what they order."""


class Reasoner:
    """Reasons over sources. Engine and embedder are opened when they are first needed."""

    def __init__(
        self,
        engine: Callable[[], Engine],
        embedder: Callable[[], Embedder | None],
        watch: Watch,
        read: Read = unbounded,
    ) -> None:
        """Prepare.

        Args:
            engine: opens the language model.
            embedder: opens the sentence embedder, where there is one.
            watch: called as signals are read and claims are compared.
            read: bounds what code does to read a signal.
        """
        self._read = read
        self._engine = engine
        self._embedder = embedder
        self._watch = watch
        self._meaning = Meaning(embedder)
        self._reader = Reader(engine, embedder, watch)

    def answer(self, query: Query, sources: Sequence[Source], outcome: Outcome) -> Iterator[str]:
        """Say the answer sentence by sentence and fill in the outcome.

        Args:
            query: the question understood.
            sources: in the order of the signals.
            outcome: is filled.
        """
        self._watch(trace.of_question(query))
        layers = self._layers(sources, query.text, outcome)
        if query.expects is Expect.PROSE:
            yield from self._prose(query, layers[Standing.PLAIN], outcome)
        elif query.whole:
            yield from self._check(layers, outcome, query)
        else:
            yield from self._told(query, layers, outcome)
        yield from unread(sources, _columns(sources, outcome))

    def _told(self, query: Query, layers: Layers, outcome: Outcome) -> Iterator[str]:
        sources = layers[Standing.PLAIN]
        told = {standing: self._inventories(layer, standing) for standing, layer in layers.items()}
        tables = [source.table for source in sources if source.table is not None]
        query = likened(query, tables, self._meaning)
        meant = by_example(query, self._meaning.among(told_of(told[Standing.PLAIN])))
        if meant is not query:
            self._watch(trace.of_example(meant))
        claims, reasons = self._claims_of_layers(meant, layers, told, outcome)
        yield from self._said(_as_answered(meant, claims), claims, reasons, sources, outcome)

    def _said(
        self, query: Query, claims: Sequence[Claim], reasons: Sequence[str], sources: Sequence[Source], outcome: Outcome
    ) -> Iterator[str]:
        """The sentences of an answer by its claims, compared."""
        verdict = self._compared(query.attribute, None, claims, outcome)
        outcome.status = STATUS[verdict.status]
        if verdict.status is Agreement.MISSING:
            yield untold(reasons)
        else:
            signals = [source.signal for source in sources]
            yield from compose(query, verdict, claims, signals)
            yield from instructed(claims, outcome.instructions, signals)

    def _claims_of_layers(
        self, query: Query, layers: Layers, told: Mapping[Standing, Told], outcome: Outcome
    ) -> tuple[list[Claim], tuple[str, ...]]:
        """The claims of all layers in the order of the signals, and why readings do not tell.

        Each layer is read alone, so that instructions steer nothing but what is found in them. An order counts where it
        contradicts something; it supports nothing.
        """
        limits = self._limits(told, query.subject)
        claims: list[Claim] = []
        reasons: tuple[str, ...] = ()
        for standing, layer in layers.items():
            if layer:
                found, why = self._claims(query, layer, told[standing], limits, outcome)
                found = warned(found, told[standing])
                claims += [replace(c, standing=max(standing, c.standing)) for c in found]
                reasons += why
        return self._counting(claims, layers), reasons

    def _counting(self, claims: Sequence[Claim], layers: Layers) -> list[Claim]:
        """The claims in the order of the signals, without orders that contradict nothing."""
        asserted = [claim for claim in claims if claim.standing is not Standing.ORDER]
        near = self._nearness()
        counting = [c for c in claims if c in asserted or not all(compatible(c, other, near) for other in asserted)]
        order = [source.signal.id for source in layers[Standing.PLAIN]]
        return sorted(counting, key=lambda claim: order.index(claim.signal))

    def prefill(self, sources: Sequence[Source]) -> None:
        """Let the model read what questions about each source have in common."""
        self._reader.prefill(self._layers(sources, "", Outcome())[Standing.PLAIN])

    def check(self, sources: Sequence[Source], outcome: Outcome, query: Query | None = None) -> Iterator[str]:
        """Say for every attribute on which two sources speak whether they agree, and fill in the outcome.

        Args:
            sources: in the order of the signals.
            outcome: is filled.
            query: asks whether they agree on everything.
        """
        yield from self._check(self._layers(sources, "", outcome), outcome, query)
        yield from unread(sources, _columns(sources, outcome))

    def _check(self, layers: Layers, outcome: Outcome, query: Query | None) -> Iterator[str]:
        signals = [source.signal for source in layers[Standing.PLAIN]]
        marked: list[Claim] = []
        for attribute, subject, claims in self._groups(layers, outcome):
            verdict = self._compared(attribute, subject, claims, outcome)
            marked += claims
            if verdict.status is Agreement.CONFLICT:
                yield contradiction(verdict, claims, signals, query)
                query = None  # is answered; what comes then is more of the same
        statuses = {STATUS[verdict.status] for verdict in outcome.verdicts}
        outcome.status = next((s for s in (Status.CONFLICT, Status.SUPPORTED) if s in statuses), Status.NOT_IN_EVIDENCE)
        if outcome.status is not Status.CONFLICT:
            yield concluded(outcome.verdicts, query)
        yield from instructed(marked, outcome.instructions, signals)

    def _groups(self, layers: Layers, outcome: Outcome) -> Iterator[Group]:
        """Every attribute on which two sources speak, what is said of readings included."""
        sources = layers[Standing.PLAIN]
        told = {standing: self._inventories(layer, standing) for standing, layer in layers.items()}
        for part in parts(_together(sources, told), sources):
            yield from shared(part)
        limit = next((c.value.exact() for c in self._limits(told) if isinstance(c.value, Quantity)), None)
        for standing, layer in layers.items():
            tables = [source for source in sources if source.table is not None]
            over = sources if standing is Standing.PLAIN else [*tables, *layer]
            for name, subject, claims in statements(over, _ledger(outcome), limit, self._meaning):
                yield name, subject, [c if c.computed else replace(c, standing=standing) for c in claims]

    def _compared(self, attribute: str, subject: str | None, claims: Sequence[Claim], outcome: Outcome) -> Verdict:
        verdict = compare(attribute, claims, self._nearness(), subject)
        outcome.verdicts.append(verdict)
        outcome.citations += [id for told in verdict.values for id in told.evidence]
        self._watch(Compared(verdict))
        return verdict

    def _claims(
        self, query: Query, sources: Sequence[Source], told: Told, bounds: Sequence[Claim], outcome: Outcome
    ) -> tuple[list[Claim], tuple[str, ...]]:
        """The claims of each source that makes one, and why readings do not tell.

        Code answers where it can; the model reads the sources that code found nothing in.
        """
        others = about_others(query, told) | unasked(query, sources)
        told = {id: claims for id, claims in told.items() if id not in others}
        sources = [source for source in sources if source.signal.id in told]
        if joined := join(query, sources, told, Meant(self._embedder)):
            self._watch(trace.of_meant("join", joined))
            return _summed(joined, _ledger(outcome)), ()
        read = partial(self._reader.first, understand(LIMIT), sources)
        measured = over_tables(query, sources, _ledger(outcome), bounds, read, self._meaning)
        claims = measured.claims
        if claims or measured.reasons:
            return _in_order(sources, claims), measured.reasons
        _by_code(query, sources, told, claims)
        if not claims and not query.named and (meant := self._reader.meant(query, told)):
            query = meant
            _by_code(query, sources, told, claims)
        self._watch(trace.of_meant("answered by code", (claim for found in claims.values() for claim in found)))
        self._reader.read(query, sources, told, claims)
        for source in sources:
            _confirm(source, claims)
        return _in_order(sources, claims), ()

    def _layers(self, sources: Sequence[Source], asked: str, outcome: Outcome) -> Layers:
        """As much as is read of the sources, speech mended, apart from the instructions in them, which are noted."""
        numbers = (int(item.id[1:]) for source in sources for item in source.evidence)
        outcome.highest = max(outcome.highest, *numbers, 0)
        firsts = [first_of(source) for source in sources]
        for first in firsts:
            for left in unfit([first]):
                self._watch(Noted(first.signal.id, left.removesuffix(".")))
        parted = [separate(source) for source in self._as_said(firsts, asked)]
        for source in parted:
            for passage in source.passages:
                outcome.instructions.append(passage)
                what = f"{source.rest.signal.name}: instructions to its reader, which are not followed"
                self._watch(Noted(passage.signal, f'{what}: "{passage.text}"'))
        return _layered(parted)

    def _as_said(self, sources: Sequence[Source], asked: str) -> list[Source]:
        """The sources with their speech mended, for which names are taken from what others write."""
        if not any(isinstance(item.detail, Speech) for source in sources for item in source.evidence):
            return list(sources)
        quiet = (s for s in sources if not any(isinstance(item.detail, Speech) for item in s.evidence))
        known = [claim for claims in self._inventory_of(quiet, None).values() for claim in claims]
        said = as_said(sources, known, asked)
        for before, after in zip(sources, said, strict=True):
            if after.evidence != before.evidence:
                self._watch(trace.of_heard(before.signal.id, before.evidence, after.evidence))
        return said

    def _inventories(self, sources: Sequence[Source], standing: Standing) -> Told:
        """What code finds in each source: by rules, and then by examples of what the signals tell."""
        by_rules = self._inventory_of(sources, None)
        meaning = self._meaning.among(told_of(by_rules))
        found = self._inventory_of([source for source in sources if source.signal.id in by_rules], meaning)
        told = as_told(at_hand(found))
        for id, claims in told.items():
            self._watch(trace.of_claims(id, claims))
        return {id: tuple(replace(claim, standing=standing) for claim in claims) for id, claims in told.items()}

    def _inventory_of(self, sources: Iterable[Source], meaning: Meaning | None) -> dict[str, tuple[Claim, ...]]:
        """The claims by signal, without the signals that take too much."""
        found = ((s.signal.id, self._read(s.signal, partial(inventory, s, meaning))) for s in sources)
        return {id: claims for id, claims in found if claims is not None}

    def _limits(self, told: Mapping[Standing, Told], asked: frozenset[str] = frozenset()) -> list[Claim]:
        """The limits of today that are told of the thing at hand, or of one that a question names; no orders."""
        known = (told[standing] for standing in (Standing.PLAIN, Standing.STATED))
        every = [claim for layer in known for claims in layer.values() for claim in claims if claim.present]
        return limits.limits_among([c for c in every if c.subject is None or names(asked, c.subject)])

    def _prose(self, query: Query, sources: Sequence[Source], outcome: Outcome) -> Iterator[str]:
        """Sentences of the model that pass the check, else what the evidence says in its own words."""
        for source in sources:
            self._watch(Reading(source.signal.id))
        engine = self._engine()
        budget = 2 * BUDGET // max(1, len(sources))
        chosen = [(s, select(query.text, s, engine.count, self._embedder(), budget)) for s in sources]
        lines = [line for _, some in chosen for line in some]
        whole = [*itertools.takewhile(lambda pair: len(pair[1]) == len(pair[0].lines), chosen)]
        files = all(source.signal.origin is Origin.FILE for source, _ in whole)
        constant = sum(len(some) for _, some in whole)
        written = write(query.text, lines, engine, constant=constant, lasting=files)
        first = next(written, None)
        for sentence in quote(query.text, lines) if first is None else itertools.chain([first], written):
            outcome.status = Status.SUPPORTED
            outcome.citations += [id for id in cited(sentence) if id not in outcome.citations]
            yield sentence
        if outcome.status is Status.NOT_IN_EVIDENCE:
            outcome.verdicts.append(Verdict(query.attribute, None, Agreement.MISSING, ()))
            yield untold()

    def _nearness(self) -> Nearness | None:
        def near(a: str, b: str) -> float:
            embedder = self._embedder()
            if embedder is None:
                return 0.0
            left, right = embedder.embed([a, b])
            return float(left @ right)

        return near


def _layered(parted: Sequence[Separated]) -> Layers:
    return {
        Standing.PLAIN: [source.rest for source in parted],
        Standing.STATED: [stated for source in parted for stated in source.stated],
        Standing.ORDER: [ordered for source in parted for ordered in source.ordered],
    }


def _together(sources: Sequence[Source], told: Mapping[Standing, Told]) -> Told:
    """The claims of all layers, by the id of the signal."""
    ids = [source.signal.id for source in sources]
    return {id: tuple(claim for layer in told.values() for claim in layer.get(id, ())) for id in ids}


def _as_answered(query: Query, claims: Sequence[Claim]) -> Query:
    """A question with the attribute that answers it, where it can mean several."""
    names = {claim.attribute for claim in claims}
    known = next((a.name for a in query.attributes if names == {a.name}), query.attribute)
    return replace(query, attribute=known)


def _in_order(sources: Sequence[Source], claims: Mapping[str, Sequence[Claim]]) -> list[Claim]:
    return [claim for source in sources for claim in claims.get(source.signal.id, ())]


def _by_code(query: Query, sources: Sequence[Source], told: Told, claims: dict[str, list[Claim]]) -> None:
    """Add what code alone finds in the sources that have no claim yet."""
    for id, found in _found(query, sources, told).items():
        claims.setdefault(id, found)


def _found(query: Query, sources: Sequence[Source], told: Told) -> dict[str, list[Claim]]:
    if query.counted is not None:
        found = {id: number for id, claims in told.items() if (number := counted(query.counted, claims))}
        return found or bought(query.counted, told)
    if query.category is not None:
        is_there = query.expects is Expect.TRUTH and not query.agreement
        if seen := _there(query.category, sources, told) if is_there else members(query.category, told):
            return seen
    return looked_up(query, told)


def _there(kind: str, sources: Sequence[Source], told: Told) -> dict[str, list[Claim]]:
    """Whether things of a kind are there; a picture without them says no where no other signal says yes."""
    found = {id: claims for id, known in told.items() if (claims := present(kind, known))}
    if any(claim.value == Truth(True) for claims in found.values() for claim in claims):
        return found
    absent = (claim for source in sources if source.signal.id not in found and (claim := unseen(kind, source)))
    return found | {claim.signal: [claim] for claim in absent}


def _confirm(source: Source, claims: dict[str, list[Claim]]) -> None:
    """Let a picture that tells nothing by itself confirm what another signal says is in it."""
    if source.signal.id in claims:
        return
    for other in [claim for told in claims.values() for claim in told]:
        if isinstance(other.value, Words) and (seen := confirms(source, other.text)):
            claims[source.signal.id] = [seen]
            return


def _summed(claims: list[Claim], ledger: Ledger) -> list[Claim]:
    """One claim for the sum of what is meant, where a join found several amounts."""
    values = [claim.value for claim in claims if isinstance(claim.value, Quantity)]
    if len(claims) == 1 or len(values) != len(claims):
        return claims
    numbers = [value.readings[0] for value in values]
    evidence = tuple(dict.fromkeys(id for claim in claims for id in claim.evidence))
    text = str(sum(numbers))
    computed = ledger.compute(" + ".join(map(str, numbers)), text, evidence)
    subject = " and ".join(claim.subject or "" for claim in claims)
    total = replace(values[0], readings=(Decimal(text),))
    return [replace(claims[0], value=total, text=text, evidence=evidence, subject=subject, computed=computed)]


def _ledger(outcome: Outcome) -> Ledger:
    """Where new evidence and computations of an outcome are recorded."""
    return Ledger(outcome.highest, outcome.evidence, outcome.computed)


def _columns(sources: Sequence[Source], outcome: Outcome) -> set[str]:
    """The columns of readings that an answer rests on."""
    rests = {*outcome.citations, *(id for made in outcome.computed for id in made.evidence)}
    rests.update(id for verdict in outcome.verdicts for told in verdict.values for id in told.evidence)
    found = itertools.chain(outcome.evidence, *(source.evidence for source in sources))
    return {item.detail.column for item in found if item.id in rests and isinstance(item.detail, Statistic)}
