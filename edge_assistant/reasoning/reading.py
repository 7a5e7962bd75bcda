"""The model reads a source alone: it chooses the span that answers a question, or none; it cannot write one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edge_assistant import limits
from edge_assistant.evidence import Evidence, Field, Passage, Speech, Statistic, TickBox
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Choice, Engine
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.lookup import related
from edge_assistant.reasoning.question import AMOUNTS, Expect, Query
from edge_assistant.reasoning.rules.vocabulary import Attribute, vocabulary
from edge_assistant.reasoning.sources import DESCRIPTIONS, Source, one_line
from edge_assistant.reasoning.values.candidates import (
    Candidate,
    as_words,
    clocks,
    days,
    find,
    nothings,
    phrases,
    quantities,
)
from edge_assistant.reasoning.values.units import fits
from edge_assistant.reasoning.values.values import Quantity, Truth, Value, Words, same
from edge_assistant.signals import Origin

MAX_OPTIONS = limits.OPTIONS.value
# Probability of the best span against UNKNOWN from which on a source tells it. Measured on 27 questions of the
# generated dev set that code left to the model (gold evidence, Qwen2.5-Coder-1.5B): the best span of 18 readings for 9
# questions that nobody answers had at most 0.22; of 10 right spans one had 0.05 and nine 0.39 to 1.00. No further
# question tells them apart: "does the source tell the answer?" got yes with 0.46 to 0.92 where it does not and 0.84 to
# 0.97 where it does, "is this the answer?" 0.33 to 0.85 and 0.80 to 0.89; six of the right spans stand in lines that
# have no word in common with the question.
TOLD_SHARE = 0.3
OTHERS_SHARE = 0.25  # probability at which a source also supports the value that another source gives
_STRICT = frozenset({Expect.CLOCK, Expect.TELEPHONE, Expect.IDENTIFIER, Expect.PAIR})  # nothing else can answer
UNTOLD = "UNKNOWN"  # NONE would be taken for the value of "Allergies: none", and the form then tells nothing

_INSTRUCTION = (
    "You read one source and answer a question about it. Answer with the exact words of the source, as short as "
    f"possible. If the source does not tell, answer {UNTOLD}."
)
_ENTRY = "You say which entry of a record answers a question."
NO_ENTRY = "none of these"
MEANT_SHARE = 0.35  # probability from which on the model's choice of an attribute is believed
_CONFIRMING = "You say whether an entry of a record answers a question."
CONFIRM = ("no", "yes")
# Probability of yes from which on a chosen entry is believed: of 8 entries that were chosen with at least MEANT_SHARE
# and do not answer, 5 had 0.05 to 0.24 and 3 had 0.42 to 0.52; of 4 that answer, 0.28, 0.36, 0.81 and 0.95.
CONFIRMED_SHARE = 0.27
# Told in the instruction to answer UNKNOWN where nothing is told, a 1.5B model does so for nearly every such question.
_TRUTH_INSTRUCTION = "You read one source and answer a question about it."
_TRUTH_OPTIONS = ("yes", "no", "not said")


@dataclass(frozen=True, slots=True)
class Option:
    """A candidate with the evidence it stands in."""

    text: str
    value: Value
    evidence: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Words that are known to say something else than what is asked: the cash paid, last year's weight, her son's age.

    Attributes:
        places: the words of each claim, by the evidence that they stand in.
    """

    places: Mapping[str, tuple[frozenset[str], ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, claims: Iterable[Claim]) -> Taken:
        """What the claims about known attributes that do not answer a question take away from it."""
        known = {attribute.name for attribute in vocabulary().attributes.values()}
        places: dict[str, tuple[frozenset[str], ...]] = {}
        for claim in claims:
            if claim.attribute in known or not claim.present:
                for id in claim.evidence:
                    places[id] = (*places.get(id, ()), _words(claim.text))
        return cls(places)

    def has(self, line: Evidence, text: str) -> bool:
        """Whether words in a line are known to say something else."""
        words = _words(text)
        return any(words <= place for place in self.places.get(line.id, ()))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def options(query: Query, lines: Iterable[Evidence], taken: Taken | None = None) -> list[Option]:
    """The typed candidates for a question in lines of evidence; of equal texts the line nearest to the question."""
    asked = as_words(query.text).tokens
    found: dict[str, tuple[int, Option]] = {}
    for line in lines:
        if not _may_name(query, line):
            continue
        near = len(asked & as_words(line.text).tokens)
        for candidate in _candidates(query.expects, _telling(line)):
            known = found.get(candidate.text)
            if not (taken and taken.has(line, candidate.text)) and (known is None or known[0] < near):
                found[candidate.text] = near, Option(candidate.text, candidate.value, line.id)
    offered = [option for _, option in found.values()]
    offered = [option for option in offered if _can_measure(query, option.value)]
    if query.priced and any(_is_price(option.value) for option in offered):
        offered = [option for option in offered if _is_price(option.value)]
    return offered[:MAX_OPTIONS]


def attribute(query: Query, known: Sequence[Attribute], engine: Engine) -> Attribute | None:
    """Let the model say which of the attributes that the sources tell a question asks for; None where none is meant."""
    names = [attribute.name for attribute in known]
    entries = f"Entries: {'; '.join(names)}\n\nQuestion:"
    asked = f"{entries} {query.text}\nWhich entry answers it? If none does: {NO_ENTRY}"
    messages = [Message(Role.SYSTEM, _ENTRY), Message(Role.USER, asked, len(entries))]
    choice = engine.choose(messages, [*names, NO_ENTRY])
    if choice.index == len(known) or choice.probability < MEANT_SHARE:
        return None
    chosen = known[choice.index]
    confirming = f"Question: {query.text}\nEntry: {chosen.name}\nDoes this entry answer the question? Answer yes or no."
    asked_again = [Message(Role.SYSTEM, _CONFIRMING), Message(Role.USER, confirming)]
    return chosen if _share(engine.choose(asked_again, CONFIRM)) >= CONFIRMED_SHARE else None


def may_tell(query: Query, source: Source, taken: Taken) -> bool:
    """Whether a source has anything that could answer, so that it is worth the model's time."""
    if query.expects is Expect.TRUTH:
        return bool(source.lines)
    return any(options(query, [line], taken) for line in source.lines)


def _may_name(query: Query, line: Evidence) -> bool:
    """Whether a line can name who is asked for: a page names who did something beside a word for it."""
    if isinstance(line.detail, Speech | Passage) or not query.text.lower().startswith(("who ", "whom ", "whose ")):
        return True
    return related(query.subject - vocabulary().words["generic"], as_words(line.text).tokens)


def _telling(line: Evidence) -> str:
    """The part of a line that can be a value: no label of a form, no unticked box, no names of columns."""
    match line.detail:
        case Field(value=value):
            return value
        case TickBox(label=label, ticked=ticked):
            return label.rpartition(":")[2].strip() if ticked else ""
        case Statistic(name="table"):
            return line.text.rpartition(": ")[2]
        case Statistic(column=column):
            return line.text.replace(column, " ")
        case _:
            return line.text


def relevant(query: Query, lines: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The lines that can answer: a limit that should hold does not tell what a statistic over readings was."""
    limits = vocabulary().words["limit"]
    if query.computing is None or as_words(query.text).tokens & limits:
        return tuple(lines)
    return tuple(line for line in lines if not as_words(line.text).tokens & limits)


def read(
    query: Query, source: Source, lines: Sequence[Evidence], engine: Engine, taken: Taken | None = None
) -> Claim | None:
    """Let the model choose what the source says, or that it does not tell."""
    if query.expects is Expect.TRUTH:
        return _read_truth(query, source, lines, engine)
    offered = options(query, lines, taken)
    if not offered:
        return None
    messages = prompt(query, source, lines)
    option = offered[engine.choose(messages, [option.text for option in offered]).index]
    told = _share(engine.choose(messages, [UNTOLD, option.text]))
    return Claim(source.signal.id, option.value, option.text, (option.evidence,), told) if told >= TOLD_SHARE else None


def _share(choice: Choice) -> float:
    """The probability of the second of two options."""
    return choice.probability if choice.index == 1 else 1 - choice.probability


def supports(
    query: Query,
    source: Source,
    lines: Sequence[Evidence],
    own: Claim | None,
    other: Claim,
    engine: Engine,
    offered: Iterable[Option],
) -> Claim | None:
    """Whether a source also gives the value that another source gives, where the model chose differently or nothing.

    A receipt has many amounts; the model is asked again, between its own choice and the other's value alone.

    Args:
        query: what is asked.
        source: where to look.
        lines: the part of it that was read.
        own: what the model chose in it.
        other: what the other source tells.
        engine: weighs.
        offered: the `options` of the lines.
    """
    for option in offered:
        if option.text != (own.text if own else UNTOLD) and _is_other(option.value, other.value):
            share = _share(engine.choose(prompt(query, source, lines), [own.text if own else UNTOLD, option.text]))
            if share >= OTHERS_SHARE:
                return Claim(source.signal.id, option.value, option.text, (option.evidence,), share)
    return None


def prompt(query: Query, source: Source, lines: Sequence[Evidence]) -> list[Message]:
    """The question to one source; instruction and source come first, so that the next question shares them."""
    truth = query.expects is Expect.TRUTH
    question = f" {query.restated}" + ("\nAnswer yes, no, or not said." if truth else "")
    whole = len(lines) == len(source.lines)  # lines that were chosen for a question are for it alone
    return _asked(source, lines, question, truth=truth, stable=whole)


def beginning(source: Source, *, truth: bool) -> list[Message]:
    """What the prompts of all questions to a source have in common; those that want yes or no have another one."""
    return _asked(source, source.lines, "", truth=truth, stable=True)


def _asked(source: Source, lines: Sequence[Evidence], question: str, *, truth: bool, stable: bool) -> list[Message]:
    told = "\n".join(one_line(line.text) for line in lines)
    before = f"Source: {DESCRIPTIONS[source.signal.kind]}\n{told}\n\nQuestion:"
    lasting = source.signal.origin is Origin.FILE
    asked = Message(Role.USER, before + question, len(before) if stable else 0, lasting)
    return [Message(Role.SYSTEM, _TRUTH_INSTRUCTION if truth else _INSTRUCTION), asked]


def _read_truth(query: Query, source: Source, lines: Sequence[Evidence], engine: Engine) -> Claim | None:
    """Yes or no; the evidence is the line with most words in common, of those that say what it is about."""
    if not lines:
        return None
    choice = engine.choose(prompt(query, source, lines), _TRUTH_OPTIONS)
    said = _TRUTH_OPTIONS[choice.index]
    if said == _TRUTH_OPTIONS[-1]:
        return None
    asked = as_words(query.text).tokens - vocabulary().words["generic"]
    line = max(lines, key=lambda item: len(asked & as_words(item.text).tokens))
    if not asked & as_words(line.text).tokens:
        return None  # there is nothing that an answer could rest on
    return Claim(source.signal.id, Truth(said == "yes"), said, (line.id,), choice.probability)


def _candidates(expects: Expect, text: str) -> Iterator[Candidate]:
    if expects in AMOUNTS - _STRICT:
        yield from quantities(text)
        yield from nothings(text)
    elif expects is Expect.DATE:
        yield from days(text)
        yield from clocks(text)
    elif expects in _STRICT:
        yield from find(expects, text)
    else:
        yield from nothings(text)
        yield from phrases(text)


def _is_other(value: Value, other: Value) -> bool:
    """Whether a value is the other's; words must be the very same, for nearly every phrase has some in common."""
    return value == other if isinstance(value, Words) else same(value, other)


def _can_measure(query: Query, value: Value) -> bool:
    """Whether a quantity's unit can answer the question: degrees are no humidity."""
    return not (isinstance(value, Quantity) and value.unit) or fits(value.unit, query.units)


def _is_price(value: Value) -> bool:
    """Whether a value looks like money: a currency, or two decimals in some reading."""
    if not isinstance(value, Quantity):
        return False
    return (value.unit is not None and len(value.unit) == 3 and value.unit.isupper()) or any(
        reading.as_tuple().exponent == -2 for reading in value.readings
    )
