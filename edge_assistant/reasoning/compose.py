"""What code can say in full it says itself: the sentences of an answer from a verdict, each with its citations."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal

from edge_assistant.core.answer import Agreement, Instruction, Status, Verdict
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.reasoning.claims import Claim, Standing, merge
from edge_assistant.reasoning.comprehension.answer_types import AnswerType, answer_type
from edge_assistant.reasoning.instructions import without_markers
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sentences import asks_for_differences
from edge_assistant.reasoning.sources import one_line
from edge_assistant.reasoning.values.codes import code as code_of
from edge_assistant.reasoning.values.spans import has_digit
from edge_assistant.reasoning.values.units import is_currency
from edge_assistant.reasoning.values.values import (
    LOOKS_LIKE,
    Clock,
    Day,
    Identifier,
    Nothing,
    Pair,
    Quantity,
    Telephone,
    Truth,
    same,
)

NOUNS = {
    Kind.IMAGE: "picture",
    Kind.AUDIO: "recording",
    Kind.VIDEO: "video",
    Kind.READINGS: "readings",
    Kind.TEXT: "text",
}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_APART = re.compile(r",|\d \d")  # marks that a recogniser put between the parts of a code: "TF-1644, 22"
_AS_CLOCK = re.compile(r"\d[:.]\d\d(?!\d)|^\d{1,2} ?[ap]\.?m")  # what is read as a time of day at a glance
MOST_INSTRUCTIONS = 3  # passages that an answer quotes; JSON and the app have all
MOST_QUOTED = 300  # characters of one
NO_ANSWER = "None of the sources answers this."

STATUS = {
    Agreement.AGREE: Status.SUPPORTED,
    Agreement.SINGLE: Status.SUPPORTED,
    Agreement.CONFLICT: Status.CONFLICT,
    Agreement.MISSING: Status.NOT_IN_EVIDENCE,
}


def noun(signal: Signal, signals: Sequence[Signal]) -> str:
    """What a signal is called in a sentence: "the recording", "the second picture", "your message"."""
    if signal.said:
        own = [other.id for other in signals if other.said]
        return _numbered("your", "message", 0 if len(own) == 1 else own.index(signal.id) + 1)
    others = [other for other in signals if other.kind is signal.kind and not other.said]
    number = int(signal.id.rpartition(":")[2])  # as it was given: one that failed still counts
    return _numbered("the", NOUNS[signal.kind], 0 if len(others) == 1 else number)


def _numbered(article: str, word: str, number: int) -> str:
    """A noun with its number: "the picture" where that is 0, else "the second picture", or "picture 12"."""
    if number == 0:
        return f"{article} {word}"
    if number <= len(_ORDINALS):
        return f"{article} {_ORDINALS[number - 1]} {word}"
    return f"{word} {number}"


def compose(question: str | None, verdict: Verdict, claims: Sequence[Claim], signals: Sequence[Signal]) -> str:
    """The sentence that says a verdict; citations stand behind each value.

    `question` asks if the sources agree; None if it asks for the value.
    """
    names = {signal.id: noun(signal, signals) for signal in signals}
    claims = merge(claims)
    told = [f"{names[claim.signal]} {_verb(claim)} {_value(claim, claims)} {_cite(claim)}" for claim in claims]
    if question and verdict.status is Agreement.SINGLE:
        return f"Only {told[0]}; no other source gives the {verdict.attribute}."
    if verdict.status is Agreement.CONFLICT:
        if len({claim.signal for claim in claims}) == 1:
            values = _enumerate([f"{_value(claim, claims)} {_cite(claim)}" for claim in claims])
            return f"{_capital(names[claims[0].signal])} contradicts itself: it {_verb(claims[0])} {values}."
        lead = disagreement(question, verdict.attribute) if question else "The signals contradict each other"
        return f"{lead}: {'; '.join(told)}."
    if question:
        lead = _capital(f"{_yes_or_no(question, agree=True)}they agree on the {verdict.attribute}")
        return f"{lead}: {'; '.join(told)}."
    codes = isinstance(claims[0].value, Identifier | Telephone)  # a recogniser groups and spells them its own way
    written = next((claim for claim in claims if codes and not claim.is_speech), claims[0])
    first = next((claim for claim in claims if claim.computed), written)  # others are less exact
    lead = _capital(_value(first, claims))
    cites = "".join(_cite(claim) for claim in claims)
    sources = _enumerate(list(dict.fromkeys(names[claim.signal] for claim in claims)))
    if verdict.status is Agreement.AGREE:
        return f"{lead} {cites}: {sources} agree."
    return f"{lead} {cites}, by {sources}."


def _value(claim: Claim, claims: Sequence[Claim]) -> str:
    """A value with what its form calls it: "penicillin" alone would answer "what can she have?" with its opposite."""
    said, label = _value_text(claim, claims), one_line(claim.label)
    if label[-1:].isdigit():
        return f"{said} ({label})"  # "18:00 to 06:00: 4.00" is no price
    return f"{label}: {said}" if label else said


def _yes_or_no(question: str, *, agree: bool) -> str:
    """The word that begins the answer to a question whether sources agree; none where it wants no yes or no."""
    if answer_type(question) is not AnswerType.TRUTH:
        return ""
    return "Yes, " if agree is not asks_for_differences(question) else "No, "


def disagreement(question: str, attribute: str) -> str:
    """How an answer to a question whether sources agree begins where they differ on an attribute."""
    word = _yes_or_no(question, agree=False)
    verb = "differ" if word.startswith("Yes") else "do not agree"
    return _capital(f"{word}they {verb} on the {attribute}")


def contradiction(
    verdict: Verdict, claims: Sequence[Claim], signals: Sequence[Signal], question: str | None = None
) -> str:
    """The sentence that says where signals contradict each other; it may begin the answer to a question."""
    names = {signal.id: noun(signal, signals) for signal in signals}
    told = [f"{names[claim.signal]} {_verb(claim)} {_value_text(claim, claims)} {_cite(claim)}" for claim in claims]
    lead = disagreement(question, verdict.matter) if question else _capital(verdict.matter)
    return f"{lead}: {'; '.join(told)}."


def instruction_notes(
    claims: Sequence[Claim], instructions: Sequence[Instruction], signals: Sequence[Signal]
) -> Iterator[str]:
    """The sentences that show the instructions in which claims stand."""
    cited = {(claim.signal, id) for claim in claims if claim.standing is not Standing.PLAIN for id in claim.evidence}
    shown = (part for part in instructions if any((part.signal, id) in cited for id in part.evidence))
    for part in itertools.islice(shown, MOST_INSTRUCTIONS):
        cites = "".join(f"[{id}]" for id in part.evidence)
        quoted = one_line(textwrap.shorten(without_markers(part.text), MOST_QUOTED, placeholder=" ..."))
        signal = next(signal for signal in signals if signal.id == part.signal)
        lead = f"{_capital(noun(signal, signals))} gives its reader instructions, which are not followed but compared"
        yield f'{lead}: "{quoted}" {cites}.'


def agreement(verdicts: Sequence[Verdict], question: str | None = None) -> str:
    """What is said of a comparison that found no contradiction, asked by a question or not."""
    if not verdicts:
        return "Nothing comparable was found in the sources."
    cited = dict.fromkeys(id for verdict in verdicts for told in verdict.values for id in told.evidence)
    cites = "".join(f"[{id}]" for id in cited)
    word = _yes_or_no(question, agree=True) if question else ""
    return _capital(f"{word}the signals agree on the {_enumerate([verdict.matter for verdict in verdicts])} {cites}.")


def _verb(claim: Claim) -> str:
    if claim.signal.startswith(Kind.READINGS):
        return "show"
    return "says" if claim.computed is None else "shows"


def _value_text(claim: Claim, claims: Sequence[Claim]) -> str:
    """A value as it stands in its source; what is said in words is told in digits too, and a price as a price."""
    value, text = claim.value, one_line(claim.text)
    heard = claim.is_speech  # where a recogniser put its own marks between digits
    match value:
        case Nothing() | Truth():
            word = "none" if isinstance(value, Nothing) else "yes" if value.yes else "no"
            plain = text.lower().startswith(word) or text.lower() in vocabulary().words["none"]
            return text if plain else f'{word} ("{text}")'
        case Identifier(code=code):
            spelt = code_of(text)
            whole = spelt == code and not (heard and _APART.search(text))
            written = spelt if spelt.translate(LOOKS_LIKE) == code.translate(LOOKS_LIKE) else code
            return text if whole else f'{written} ("{text}")'
        case Quantity():
            shown = _number(value, claims, claim)
            return text if shown is None or shown == text else f'{shown} ("{text}")'
        case Day(readings=((year, month, day),)) if not has_digit(text):
            return f'{_date(year, month, day)} ("{text}")'
        case Telephone(digits=digits) if text != digits and (
            heard or "".join(filter(str.isdigit, text)) != digits.lstrip("+")
        ):
            return f'{digits} ("{text}")'
        case Clock(readings=(minute, *_)) if not has_digit(text):
            return f'{_hour(minute)} ("{text}")'
        case Clock() if heard and not _AS_CLOCK.search(text) and (at := _minute(value, claims)) is not None:
            return f'{_hour(at)} ("{text}")'
        case Pair(first=first, second=second) if not has_digit(text):
            return f'{first.readings[0]:f}/{second.readings[0]:f} ("{text}")'
        case _:
            return text


def _minute(value: Clock, claims: Sequence[Claim]) -> int | None:
    """The minute of the day that is meant: the only one, or that of another claim; None where it is not known."""
    clocks = (claim.value for claim in claims if claim.value is not value and isinstance(claim.value, Clock))
    others = {minute for clock in clocks for minute in clock.readings}
    meant = value.readings if len(value.readings) == 1 else [m for m in value.readings if m in others]
    return meant[0] if len(meant) == 1 else None


def _hour(minute: int) -> str:
    """A minute of the day in digits: 13:30."""
    return f"{minute // 60}:{minute % 60:02}"


def _date(year: int | None, month: int, day: int) -> str:
    """A day in digits, with its month's name where the year is not told: 2016-10-24, 24 October."""
    if year is not None:
        return f"{year:04}-{month:02}-{day:02}"
    named = (name for name, number in vocabulary().months.items() if number == month)
    return f"{day} {next(named).capitalize()}"


def _number(value: Quantity, claims: Sequence[Claim], claim: Claim) -> str | None:
    """A quantity in digits, where its text has none or may be read in several ways; None where that is not known."""
    worded = not has_digit(claim.text)
    if value.least is not None or value.most is not None:
        ends = [f"{end:f}" for end in value.readings] if worded else []
        return _with_unit(" to ".join(ends), value.unit) if ends else None
    if heard_cents := _with_spoken_cents(value, claim.text):
        return heard_cents
    others = [other.value for other in claims if other is not claim and isinstance(other.value, Quantity)]
    if len(value.readings) == 1 or (value.unit is not None and not is_currency(value.unit)):
        return _with_unit(f"{_shared_reading(value, others) or value.readings[0]:f}", value.unit) if worded else None
    best = _shared_reading(value, others)
    if best is None and any(len(other.readings) == 1 for other in others):
        best = next((r for r in value.readings if r.as_tuple().exponent != 0), None)
    if best is None:
        return None
    return f"{best:.2f}" if best != best.to_integral_value() else f"{best:.10g}"


def _with_spoken_cents(value: Quantity, text: str) -> str | None:
    """An amount whose cents stand apart from it: 43.43 EUR of "43 euros and 43 cents"."""
    amount = f"{value.readings[0]:.2f}"
    apart = len(value.readings) == 1 and is_currency(value.unit) and not amount.endswith(".00")
    split = [number.lstrip("0") for number in re.findall(r"\d+", text)] == amount.replace(".0", ".").split(".")
    return f"{amount} {value.unit}" if apart and split and "." not in text else None


def _shared_reading(value: Quantity, others: Sequence[Quantity]) -> Decimal | None:
    """The reading of a number that another one has, too."""
    plain = [Quantity(other.readings, other.unit) for other in others]
    return next((r for r in value.readings for o in plain if same(Quantity((r,), value.unit), o)), None)


def _with_unit(number: str, unit: str | None) -> str:
    return f"{number} {unit}" if unit else number


def _cite(claim: Claim) -> str:
    ids = (claim.computed, *claim.evidence) if claim.computed else claim.evidence
    return "".join(f"[{id}]" for id in ids)


def _enumerate(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
