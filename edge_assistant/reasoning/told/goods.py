"""What is said of goods: how many there are in a pack, who took them in, who checked them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed
from edge_assistant.reasoning.told.sayings import Found, Saying, codes_in, is_followed, is_money
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.names import as_name
from edge_assistant.reasoning.values.values import Name, Quantity

QUANTITY, RECEIVER, OPERATOR = "quantity", "receiver", "operator"
_NAMING = re.compile(
    r"\s*[,:]?\s*(?:and\s+)?(?:that's|that\s+is|this\s+is|it's|is|was|being|as)\s+(?:(?:the|its|our|my)\s+)?(?:whole\s+)?",
    re.I,
)
PIECES = frozenset({"tablet", "capsule", "unit"})  # units that are things, which a pack holds so many of


def packed(saying: Saying) -> Iterator[Found]:
    """How many pieces there are: "the pack holds 72", "we got fifty pieces", "there are sixty in it"."""
    text, patterns = saying.text, _patterns()
    if listed("buying").search(saying.text) or any(is_money(value.value) for value in saying.quantities):
        return
    for value in saying.quantities:
        number = value.value
        if not isinstance(number, Quantity) or number.unit not in (None, *PIECES):
            continue
        held = patterns.holding.search(text[: value.start]) or patterns.inside.match(text, value.end)
        counted = number.unit is None and patterns.pieces.match(text, value.end)
        if counted or (held and (number.unit is not None or is_followed(text, value.end))):
            number = Quantity(number.readings, None, number.approximate, side=number.side)
            span = (value.start, counted.end() if counted else value.end)
            yield Found(QUANTITY, number, *span, span, saying.subject(value.start), saying.when(QUANTITY))


def handled(saying: Saying) -> Iterator[Found]:
    """Who took goods in and who checked them: "Ruth Calder checked it", "it was taken in by Simon Turner"."""
    for name in _names(saying.text):
        attribute = _deed(saying.text, name)
        is_name = name.text[:1].isupper() and not name.text.endswith(" I")  # "in Oslo I took it"
        if attribute and isinstance(name.value, Name) and is_name:
            span = (name.start, name.end)
            yield Found(attribute, name.value, *span, span, saying.subject(name.start), saying.when(attribute))


def named_behind(saying: Saying) -> Iterator[Found]:
    """A code whose name stands behind it: "TT-2163-40, that's the serial number"."""
    for mention in saying.mentions:
        for value in codes_in(saying.text) if mention.attribute.value == "identifier" else ():
            if _NAMING.fullmatch(saying.text, value.end, mention.start):
                span, named = (value.start, value.end), (mention.start, mention.end)
                yield Found(mention.attribute.name, value.value, *span, named, saying.subject(min(*span, *named)))


def _names(text: str) -> Iterator[Candidate]:
    """Names, "Calder, Ruth" as one."""
    last: Candidate | None = None
    for name in find("name", text):
        if last is not None and text[last.end : name.start] == ", " and _is_word(last) and _is_word(name):
            whole = text[last.start : name.end]
            last = Candidate(whole, as_name(whole), last.start, name.end)
            continue
        if last is not None:
            yield last
        last = name
    if last is not None:
        yield last


def _is_word(name: Candidate) -> bool:
    return isinstance(name.value, Name) and len(name.text.split()) == 1


def _deed(text: str, name: Candidate) -> str | None:
    """What somebody who is named did."""
    before, patterns = text[: name.start], _patterns()
    for attribute, doing in patterns.active:
        if doing.match(text, name.end):
            return attribute
    for attribute, done in (*patterns.passive, *patterns.cleft):
        if done.search(before):
            return attribute
    if patterns.given.search(before):
        return OPERATOR if patterns.to_check.match(text, name.end) else RECEIVER
    return None


@dataclass(frozen=True, slots=True)
class _Patterns:
    """How goods are spoken of.

    Attributes:
        holding: what stands before the number of what is in a pack.
        inside: what stands behind it.
        pieces: what is counted, behind a number.
        active: what stands behind the name of somebody who took goods in or checked them, with the attribute.
        passive: what stands before the name.
        cleft: the same where a sentence begins with the deed: "who took it in was".
        given: what stands before the name of somebody whom they were given to.
        to_check: why they were given, behind the name.
    """

    holding: re.Pattern[str]
    inside: re.Pattern[str]
    pieces: re.Pattern[str]
    active: tuple[tuple[str, re.Pattern[str]], ...]
    passive: tuple[tuple[str, re.Pattern[str]], ...]
    cleft: tuple[tuple[str, re.Pattern[str]], ...]
    given: re.Pattern[str]
    to_check: re.Pattern[str]


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> _Patterns:
    goods = vocabulary.telling["goods"]
    packs, holds, pieces = (any_word(goods[name]) for name in ("packs", "holds", "pieces"))
    deeds = ((RECEIVER, goods["receive"], goods["received"]), (OPERATOR, goods["check"], goods["checked"]))
    things = any_word((*goods["packs"], *goods["things"]))
    thing = rf"(?:it|them|this|that|these|those|everything|all|(?:the|this|that|our)\s+(?:\w+\s+)?{things})"
    between = r"(?:\s+(?:about|only|exactly|now|just|really|in|total|be|of))*\s*$"
    return _Patterns(
        patterns.compile(
            rf"(?:{packs}\s+(?:\w+\s+)?{holds}|(?<![\w'])it\s+{holds}|(?:pack|packs|box|boxes|case|bag|carton|set|tray)\s+of){between}",
            re.I,
        ),
        patterns.compile(
            rf"\s+(?:\w+\s+)?(?:in|inside)\s+(?:it|there|(?:the|this|that|each|every|a|one)\s+(?:\w+\s+)?{packs})(?![\w'])",
            re.I,
        ),
        patterns.compile(rf"\s*-?{pieces}", re.I),
        tuple((attribute, patterns.compile(_active(active, thing), re.I)) for attribute, active, _ in deeds),
        tuple((attribute, patterns.compile(_passive(passive), re.I)) for attribute, _, passive in deeds),
        tuple(
            (attribute, patterns.compile(rf"\bwho{_active(active, thing)}\s+(?:was|is)\s+$", re.I))
            for attribute, active, _ in deeds
        ),
        patterns.compile(
            rf"{any_word(goods['give'])}\s+(?:{thing}\s+)?(?:over\s+|on\s+)?to\s+(?:our\s+colleague\s+)?$", re.I
        ),
        patterns.compile(rf"\s*,?\s*(?:to|for|so\s+that\s+\w+\s+can)\s+(?:be\s+)?{any_word(goods['checking'])}", re.I),
    )


def _active(verbs: tuple[str, ...], thing: str) -> str:
    """Behind a name: "checked it", "who accepted it", "has taken it in"; `...` stands for what was dealt with."""
    forms = "|".join(
        rf"\s+{thing}\s+".join(part.replace(" ", r"\s+") for part in verb.split(" ... "))
        if "..." in verb
        else rf"{verb.replace(' ', chr(92) + 's+')}\s+{thing}"
        for verb in sorted(verbs, key=len, reverse=True)
    )
    return rf"\s*,?\s*(?:(?:who|that)\s+)?(?:(?:has|had|have|already|then|also|just|kindly)\s+)*(?:{forms})(?![\w'])"


def _passive(verbs: tuple[str, ...]) -> str:
    between = r"(?:\s+(?:in|for|off|over|today|here|yesterday|this\s+morning))*"
    return rf"{any_word(verbs)}{between}\s+by\s+(?:our\s+\w+\s+)?$"
