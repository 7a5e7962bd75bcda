"""What a question asks for, found by rules over its words; the rules are data in english.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from edge_assistant.reasoning.candidates import quantities, singular
from edge_assistant.reasoning.values import Quantity
from edge_assistant.reasoning.vocabulary import vocabulary

# "do they agree on the date?", else the first noun with an article: "is the amount in the recording right?"
_AGREED_ON = re.compile(r"\b(?:on|about) (?:(?:the|their|his|her|its) )?(?P<noun>[\w ]+?)[?!. ]*$", re.I)
_AGREED_NOUN = re.compile(r"\b(?:the|its|his|her) (?P<noun>\w+)\b", re.I)
_COUNTED = re.compile(r"\bhow many (?P<noun>[a-z]+(?: [a-z]+)?)", re.I)
_MAX_ATTRIBUTE = 5  # words of a verdict's attribute


class Expect(StrEnum):
    """The type of value that answers a question."""

    QUANTITY = "quantity"
    DATE = "date"
    CLOCK = "clock"
    TRUTH = "truth"
    WORDS = "words"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Query:
    """A question understood.

    Attributes:
        text: as it was asked.
        expects: the type of its answer.
        attribute: what is asked for, as a short noun phrase for the verdict.
        restated: the question as it is put to one source alone.
        agreement: asked outright whether the sources agree.
        counted: the singular noun of "how many X", or None.
        category: the noun of "which animal" and its like (a key of `[categories]`), or None.
        priced: asks for an amount of money, where there is one.
        units: canonical units that can answer; empty for any.
        statistic: the computation over readings that it names (a key of `[statistics]`), or None.
        limit: the number that the computation compares with, where the question tells it.
    """

    text: str
    expects: Expect
    attribute: str
    restated: str
    agreement: bool = False
    counted: str | None = None
    category: str | None = None
    priced: bool = False
    units: frozenset[str] = frozenset()
    statistic: str | None = None
    limit: Quantity | None = None


def understand(question: str) -> Query:
    """Find out what a question asks for."""
    text = " ".join(question.split())
    lower = text.lower()
    if _has(lower, vocabulary().question["agreement"]):
        return _agreement(text, lower)
    statistic = next((name for name, words in vocabulary().statistics.items() if _has(lower, words)), None)
    counted = _COUNTED.search(text)
    return Query(
        text,
        _expected(lower),
        attribute=_attribute(text),
        restated=text,
        counted=_counted(counted["noun"].lower()) if counted else None,
        category=_category(lower),
        priced=_has(lower, vocabulary().question["priced"]),
        units=_units(lower),
        statistic=statistic,
        limit=_limit(text) if statistic else None,
    )


def _agreement(text: str, lower: str) -> Query:
    """A question whether sources agree becomes the question what each says of the attribute."""
    match = _AGREED_ON.search(text) or _AGREED_NOUN.search(text)
    nouns = [noun for noun in vocabulary().agreed if re.search(rf"\b{noun}s?\b", lower)]
    if nouns:
        noun, expects = vocabulary().agreed[nouns[0]]
        priced = _has(lower, vocabulary().question["priced"])
        return Query(
            text, Expect(expects), nouns[0], f"What is the {noun}?", agreement=True, priced=priced, units=_units(lower)
        )
    attribute = match["noun"] if match else text.rstrip("?")
    return Query(text, Expect.WORDS, attribute, f"What is the {attribute}?", agreement=True)


def _attribute(text: str) -> str:
    """The words that carry what is asked for, without question words, auxiliaries and stop words."""
    rules = vocabulary().question
    drop = vocabulary().words["stop"] | set(rules["auxiliary"]) | set(rules["interrogative"])
    words = [word for word in re.findall(r"[^\s?!,;.]+", text) if word.lower() not in drop]
    return " ".join(words[:_MAX_ATTRIBUTE]) or text.rstrip("?!. ") or text


def _counted(noun: str) -> str:
    """The head of what is counted: "red cars" -> car, "giraffes are" -> giraffe."""
    words = [word for word in noun.split() if word not in vocabulary().question["auxiliary"]]
    return singular(words[-1]) if words else singular(noun)


def _category(lower: str) -> str | None:
    """The category that a question asks a member of: "which animal", "what kind of vehicle"."""
    match = re.match(r"(?:what|which)(?: (?:kind|sort|type) of)? (\w+)", lower)
    noun = singular(match[1]) if match else ""
    return noun if noun in vocabulary().categories else None


def _units(lower: str) -> frozenset[str]:
    """The units of the one measure that a question names."""
    named = [units for noun, units in vocabulary().measures.items() if re.search(rf"\b{noun}s?\b", lower)]
    return named[0] if len(named) == 1 else frozenset()


def _expected(lower: str) -> Expect:
    rules = vocabulary().question
    if _has(lower, rules["prose"]):
        return Expect.PROSE
    if _has(lower, rules["clock"]):
        return Expect.CLOCK
    if lower.split(" ", 1)[0] in rules["auxiliary"]:
        return Expect.TRUTH
    if _has(lower, rules["date"]):
        return Expect.DATE
    if lower.startswith(("who", "whose", "where")):
        return Expect.WORDS
    return Expect.QUANTITY if _has(lower, rules["quantity"]) else Expect.WORDS


def _limit(text: str) -> Quantity | None:
    found = [c.value for c in quantities(text) if isinstance(c.value, Quantity)]
    return found[0] if len(found) == 1 else None


def _has(lower: str, phrases: Iterable[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", lower) for phrase in phrases)
