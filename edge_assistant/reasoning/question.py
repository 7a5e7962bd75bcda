"""What a question asks for, found by rules over its words; the rules are data in english.toml and attributes.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from edge_assistant import limits, patterns
from edge_assistant.errors import UsageError
from edge_assistant.reasoning.agreement import agreed_on, asks_agreement, comparing_words, labels_agreed_on
from edge_assistant.reasoning.attributes import Mention, asked, within
from edge_assistant.reasoning.counting import counted, counted_things, counted_unit
from edge_assistant.reasoning.kinds import kind_of_thing
from edge_assistant.reasoning.permitting import may_mean
from edge_assistant.reasoning.readings.measured import Computing, compared, statistic
from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.sourcenames import is_source, named_kinds, source_words
from edge_assistant.reasoning.values.candidates import singular
from edge_assistant.reasoning.values.spans import alternatives
from edge_assistant.signals import Kind

# "do they agree on the colour?", else the first noun with an article: "is the colour in the recording right?"
_AGREED_ON = re.compile(r"\b(?:on|about) (?:(?:the|their|his|her|its) )?(?P<noun>[\w ]+?)[?!. ]*$", re.I)
_AGREED_NOUN = re.compile(r"\b(?:the|its|his|her) (?P<noun>\w+)\b", re.I)
_WHILE = re.compile(r"^(?P<asked>(?:\w+ )?(?:what|which|how|who|whose|where)\b[^,:]*?) when\b")
_NO_NOUN = r"(?=[?!. ]*$|,|\s+(?:of|for|in|at|to|by|on|per|us|me|them|him|her|you|with|without|before|after|all|up)\b)"
LIMIT = "limit"  # the attribute of how much something may be
_MAX_ATTRIBUTE = 5  # words of a verdict's attribute


def checked(question: str) -> str:
    """A question that can be asked.

    Raises:
        UsageError: it is empty or too long.
    """
    if not question.strip():
        raise UsageError("the question is empty", "ask something, such as: edge-assistant ask 'What was the total?'")
    if len(question) > (most := limits.QUESTION_CHARACTERS.now):
        raise UsageError(
            f"the question has {len(question):,} characters, over the limit of {most:,}",
            "shorten it, or hand the long part over with --text FILE",
        )
    return question


class Expect(StrEnum):
    """The type of value that answers a question: a type of `candidates.FINDERS`, or sentences."""

    QUANTITY = "quantity"
    MONEY = "money"
    NUMBER = "number"
    PAIR = "pair"
    DATE = "date"
    CLOCK = "clock"
    TRUTH = "truth"
    NAME = "name"
    ITEMS = "items"
    TELEPHONE = "telephone"
    IDENTIFIER = "identifier"
    WORDS = "words"
    PROSE = "prose"


AMOUNTS = frozenset({Expect.QUANTITY, Expect.MONEY, Expect.NUMBER, Expect.PAIR})
NOUNS = frozenset({Expect.NAME, Expect.ITEMS, Expect.IDENTIFIER, Expect.TELEPHONE, Expect.WORDS})
_ADMITTED = {  # by what the interrogative asks for: the types of value that can answer
    Expect.QUANTITY: AMOUNTS,
    Expect.DATE: frozenset({Expect.DATE, Expect.CLOCK}),
    Expect.CLOCK: frozenset({Expect.CLOCK}),
    Expect.NAME: frozenset({Expect.NAME, Expect.WORDS, Expect.IDENTIFIER}),  # where: on a shelf with a number
}


@dataclass(frozen=True, slots=True)
class Query:
    """A question understood.

    Attributes:
        text: as it was asked.
        expects: the type of its answer.
        attribute: what is asked for, as a short noun phrase for the verdict.
        restated: the question as it is put to one source alone.
        attributes: those of the vocabulary that it can mean, the likeliest first.
        subject: its words that say of whom or of what, in lower case and singular.
        agreement: asked outright whether the sources agree.
        counted: the singular noun of "how many X", or None.
        category: the kind of thing that it asks for in pictures, see `kinds`, or None.
        units: canonical units that can answer; empty for any.
        computing: the computation over readings that it names, or None.
        whole: asked whether the sources agree on everything.
        named: the likeliest attribute is meant for sure.
        kinds: of the one source that it asks what it says; empty for any.
    """

    text: str
    expects: Expect
    attribute: str
    restated: str
    attributes: tuple[Attribute, ...] = ()
    subject: frozenset[str] = frozenset()
    agreement: bool = False
    counted: str | None = None
    category: str | None = None
    units: frozenset[str] = frozenset()
    computing: Computing | None = None
    whole: bool = False
    named: bool = False
    kinds: frozenset[Kind] = frozenset()

    @property
    def priced(self) -> bool:
        """Whether it asks for an amount of money."""
        return self.expects is Expect.MONEY


def understand(question: str) -> Query:
    """Find out what a question asks for."""
    text = " ".join(question.split())
    if asks_agreement(text):
        return _agreement(text)
    asked_as, text = text, bare(text)
    lower = text.lower()
    interrogative = _interrogative(lower)
    unit = counted_unit(lower)
    mentions = _mentions(text)
    count = None if unit else counted(text)
    attributes = _attributes(text, mentions, interrogative) or _of_unit(unit)
    if count is not None and (not attributes or (count.is_label and count.outright)):
        attributes = ()
        interrogative = interrogative or Expect.QUANTITY
    else:
        count = None
    computing = statistic(text)
    return Query(
        asked_as,
        _expected(interrogative, attributes),
        attribute=_attribute(text, () if computing else attributes),
        restated=asked_as,
        attributes=attributes,
        subject=_subject(text, mentions, attributes),
        counted=count.noun if count else None,
        category=kind_of_thing(text),
        units=frozenset({unit}) if unit else _units(attributes),
        computing=computing,
        named=bool(attributes) and _is_named(mentions, attributes),
        kinds=named_kinds(text),
    )


def bare(text: str) -> str:
    """A question without the courtesies before it: "could you please tell me her weight" -> "her weight"."""
    while match := _courtesy().match(text):
        if not text[match.end() :].strip(" ?!.,"):
            break
        text = text[match.end() :]
    return text


@per_vocabulary
def _courtesy(vocabulary: Vocabulary) -> re.Pattern[str]:
    courtesies, requests = (alternatives(vocabulary.asking[key]) for key in ("courtesy", "requests"))
    ends = r"(?![\w'])"
    return patterns.compile(
        rf"\W*(?:(?:{courtesies}){ends}|(?:{requests})(?=\W+(?:{courtesies}){ends}))[\s,:;.!-]*", re.I
    )


def _agreement(text: str) -> Query:
    """A question whether sources agree becomes the question what each says of the attribute."""
    mentions = agreed_on(text)
    count = counted(comparing_words().sub(";", text)) or counted(text)
    count = count if count and count.is_label else None
    computing = compared(text)
    kind = kind_of_thing(text, agreement=True) if count is None and computing is None else None
    if not mentions and count is None and computing is None and kind is None:
        mentions = labels_agreed_on(text)
    attributes = _attributes(text, mentions, None) if count is None else ()
    if attributes:
        first = attributes[0]
        return Query(
            text,
            Expect(first.value),
            first.name,
            first.question or f"What is the {first.name}?",
            attributes,
            subject=_subject(text, mentions, attributes),
            agreement=True,
            units=first.units,
            computing=computing,
            named=_is_named(mentions, attributes),
        )
    if kind is not None:
        return Query(text, Expect.WORDS, kind, f"What is the {kind}?", agreement=True, category=kind)
    match = _AGREED_ON.search(text) or _AGREED_NOUN.search(text)
    attribute = match["noun"] if match else text.rstrip("?")
    count = count or counted_things(attribute)
    unclear = match is None or bool(set(attribute.lower().split()) & (vocabulary().words["generic"] | source_words()))
    return Query(
        text,
        Expect.QUANTITY if count else Expect.WORDS,
        f"number of {count.words}" if count else attribute,
        f"How many {count.words} are there?" if count else f"What is the {attribute}?",
        agreement=True,
        counted=count.noun if count else None,
        computing=computing,
        whole=unclear and count is None and computing is None,
    )


def _mentions(text: str) -> list[Mention]:
    """The attributes that a question mentions; a word that only names a source means none."""
    mentions = [mention for mention in asked(text) if not is_source(text, mention.start, mention.end)]
    return [mention for mention in mentions if may_mean(text, mention.attribute)]


def _is_named(mentions: Iterable[Mention], attributes: tuple[Attribute, ...]) -> bool:
    """Whether the likeliest attribute is meant for sure: by its name or both ends of a phrase, and not general."""
    sure = any((m.named or m.gapped) and m.attribute is attributes[0] for m in mentions)
    return sure and not attributes[0].general


def as_meaning(query: Query, attribute: Attribute) -> Query:
    """A question with the attribute that it was found to mean; what its first word wants stays."""
    kept = query.expects in (Expect.TRUTH, Expect.CLOCK) and not query.agreement
    restated = (attribute.question or f"What is the {attribute.name}?") if query.agreement else query.restated
    return replace(
        query,
        restated=restated,
        attributes=(attribute, *(other for other in query.attributes if other is not attribute)),
        expects=query.expects if kept else Expect(attribute.value),
        attribute=attribute.name,
        units=attribute.units,
    )


def as_computing(query: Query, computing: Computing) -> Query:
    """A question with the computation that it was found to ask for."""
    return replace(query, computing=computing, attribute=_attribute(bare(query.text), ()))


def admitted(query: Query) -> frozenset[Expect] | None:
    """The types of value that a question's first word lets answer; None for any."""
    interrogative = _interrogative(query.text.lower())
    return _ADMITTED.get(interrogative) if interrogative else None


def admits(query: Query, attribute: Attribute) -> bool:
    """Whether an attribute's values are of the type that a question's first word asks for."""
    types = admitted(query)
    return types is None or attribute.value in types


def _attributes(text: str, mentions: Iterable[Mention], interrogative: Expect | None) -> tuple[Attribute, ...]:
    """The attributes that can be meant, of those with the right type of value.

    Names come before phrases, and of one type leave none of them: "How much was the tip?" does not ask for the total.
    Longer ones come before shorter ones: "On what date was its last service?" asks for the date of service; and what
    has a meaning of its own comes before "date": "On what date does she come back?" asks for the appointment. A limit
    is always one of something else, and comes before that: "How high may the temperature be?".
    """
    types = _ADMITTED.get(interrogative) if interrogative else None
    meant = [m for m in mentions if types is None or m.attribute.value in types or _asks(text, m)]
    meant = [m for m in meant if not any(_is_measure_of(text, m, other) for other in meant)]
    meant = [m for m in meant if m.attribute.general or not any(_covers(other, m) for other in meant)]
    meant = [m for m in meant if not _acts(text, m)] or meant
    named = {m.attribute.value for m in meant if m.named and not m.attribute.general}
    meant = [m for m in meant if m.named or m.attribute.value not in named or m.attribute.name == LIMIT]
    if determined := [m for m in meant if _is_determined(text, m) and not m.attribute.general]:
        meant = determined + [m for m in meant if m.attribute.general or m.attribute.name == LIMIT]
    ranked = sorted(
        meant,
        key=lambda m: (
            m.attribute.name != LIMIT,
            m.attribute.general,
            not m.named,
            -_weight(text[m.start : m.end]),
            m.start,
        ),
    )
    return tuple(dict.fromkeys(mention.attribute for mention in ranked))


def _is_determined(text: str, mention: Mention) -> bool:
    """Whether a question asks for it by name: "the medicine that ran out: which dose is it?"."""
    return re.search(r"\b(?:which|what)\s+(?:[a-z]+\s+)?$", text[: mention.start].lower()) is not None and mention.named


def _covers(long: Mention, short: Mention) -> bool:
    """Whether a longer mention has a shorter one's words, and no name of its own: "which number does the bill have"."""
    return within(short, long) and (long.gapped or not short.named)


def _acts(text: str, mention: Mention) -> bool:
    """Whether who is mentioned does what is asked about: "what did the cashier give back?" does not ask for them."""
    acts = re.search(r"\b(?:did|does|do|has|have|had)\s+(?:the|our|his|her|their|this|that)\s+$", text[: mention.start])
    return mention.attribute.value == Expect.NAME and acts is not None and acts.start() > 0


def _asks(text: str, mention: Mention) -> bool:
    """Whether a phrase holds the question word itself, and so says of what type the answer is: "when does she take"."""
    first, _, rest = text[mention.start : mention.end].lower().partition(" ")
    return (
        bool(rest)
        and not mention.named
        and (first in ("when", "where", "who", "how") or "time" in (first, *rest.split()))
    )


def _weight(phrase: str) -> int:
    """How many words of a phrase carry its meaning."""
    return len(_content(phrase))


def _is_measure_of(text: str, head: Mention, other: Mention) -> bool:
    """Whether a name only says how much there is of what another names: "the amount of cash"."""
    if head.attribute.value != other.attribute.value or head.attribute is other.attribute:
        return False
    measure = {singular(word) for word in text[head.start : head.end].lower().split()} <= vocabulary().words["measure"]
    return measure and bool(
        re.fullmatch(r"\s+(?:of|in|for)\s+(?:(?:the|any|all)\s+)?", text[head.end : other.start], re.I)
    )


def _attribute(text: str, attributes: tuple[Attribute, ...]) -> str:
    """The words that carry what is asked for, without question words, auxiliaries and stop words."""
    if attributes:
        return attributes[0].name
    words = _content(text)
    return " ".join(words[:_MAX_ATTRIBUTE]) or text.rstrip("?!. ") or text


def _subject(text: str, mentions: Iterable[Mention], attributes: tuple[Attribute, ...]) -> frozenset[str]:
    """The words of a question beside the attribute: of whom, of what, in which circumstance."""
    spans = [(m.start, m.end) for m in mentions if m.attribute in attributes]
    rest = "".join(" " if any(a <= i < b for a, b in spans) else character for i, character in enumerate(text))
    return frozenset(singular(word) for word in _content(rest)) - source_words()


def _content(text: str) -> list[str]:
    """The words of a question that are no question words, auxiliaries or stop words."""
    rules = vocabulary().question
    drop = vocabulary().words["stop"] | set(rules["auxiliary"]) | set(rules["interrogative"])
    words = re.findall(r"[^\W_]+(?:['’/.-][^\W_]+)*", text.lower())
    return [word for word in words if not {word, re.split("['’]", word)[0]} & drop]  # what's, isn't


def _of_unit(unit: str | None) -> tuple[Attribute, ...]:
    """The attributes that a question for so many of a unit can mean: "how many hertz does it need?"."""
    if unit is None:
        return ()
    names = [name for name, units in vocabulary().telling["units"].items() if unit in units]
    known = [attribute for attribute in vocabulary().attributes.values() if unit in attribute.units]
    return tuple(a for a in known if a.name in names) or (tuple(known) if len(known) == 1 else ())


def _units(attributes: tuple[Attribute, ...]) -> frozenset[str]:
    """The units of the quantity that a question names."""
    return attributes[0].units if attributes else frozenset()


def _interrogative(lower: str) -> Expect | None:
    """What the question word asks for; None where it does not tell."""
    rules = vocabulary().question
    if has_phrase(lower, [*rules["retell"], *rules["prose"]]):
        return Expect.PROSE
    if has_phrase(lower, rules["clock"]):
        return Expect.CLOCK
    if lower.split(" ", 1)[0] in (*rules["auxiliary"], "if", "whether"):
        return Expect.TRUTH
    if has_phrase(_without_while(lower), rules["date"]):
        return Expect.DATE
    if has_phrase(lower, rules["how"]) or (
        lower.startswith("what") and has_phrase(lower.replace("in charge", ""), rules["costing"], _NO_NOUN)
    ):
        return Expect.QUANTITY
    if lower.startswith(("who", "where", "for whom", "to whom", "by whom", "from whom")):
        return Expect.NAME
    return None


def _without_while(lower: str) -> str:
    """A question without a "when" that asks nothing: "what was the pressure when the belt slipped?"."""
    return _WHILE.sub(r"\g<asked> ", lower)


def _expected(interrogative: Expect | None, attributes: tuple[Attribute, ...]) -> Expect:
    """The type of the likeliest attribute's value, unless the question word wants another."""
    if interrogative in (Expect.PROSE, Expect.TRUTH, Expect.CLOCK):
        return interrogative
    if attributes:
        return Expect(attributes[0].value)
    return Expect.WORDS if interrogative in (None, Expect.NAME) else interrogative


def has_phrase(lower: str, phrases: Iterable[str], behind: str = "") -> bool:
    """Whether a text in lower case has one of some phrases as whole words, and behind it what a pattern says."""
    return any(patterns.compile(rf"(?<!\w){re.escape(phrase)}(?!\w){behind}").search(lower) for phrase in phrases)
