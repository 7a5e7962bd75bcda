"""What goods are, by what is said of the pack, of what is in it, or of what came: "you will find cable ties in it"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed
from edge_assistant.reasoning.told.sayings import Found, Saying, is_money
from edge_assistant.reasoning.values.candidates import as_words, singular

PRODUCT = "product"
_NO_PLURALS = ("ous", "less", "ss", "us", "is", "'s")
_BESIDE = ("money", "name")  # "dropped off", "the supplier": named beside goods, and not told
_MAX_WORDS = 3  # of the name of goods


def contained(saying: Saying) -> Iterator[Found]:
    """What goods are: "it's tulip bulbs", "the box contains film reels", "a crate of apples came in"."""
    text = saying.text.rstrip(" .,;!\n")
    if saying.pictured or listed("buying").search(text) or any(is_money(value.value) for value in saying.quantities):
        return
    for form in _forms():
        match = form.pattern.fullmatch(text)
        if match is None:
            continue
        start, end = match.span("what")
        named = [m for m in saying.mentions if m.attribute.name != PRODUCT and m.attribute.value not in _BESIDE]
        if any(not start <= m.start < end for m in named) or not _is_goods(match["what"], plural=form.plural):
            continue
        if form.plural and _is_titled(match["what"]) and not _packs().search(text[:start]):
            continue  # "this is Sarah Jones"
        span = (start, end)
        yield Found(PRODUCT, as_words(match["what"]), *span, span, saying.subject(start), saying.when(PRODUCT))
        return


def _is_goods(noun: str, *, plural: bool) -> bool:
    """Whether words can name goods: "it's always" and "the box has dents" name none."""
    words = noun.lower().split()
    goods = vocabulary().telling["goods"]
    no_goods = {*goods["no_things"], *goods["no_goods"], *(goods["packs"] if len(words) == 1 else ())}
    if no_goods & {words[-1], singular(words[-1])} or words[-1].endswith("ed"):  # "inspected", "damaged"
        return False
    return not plural or _is_plural(words[-1])


def _is_titled(noun: str) -> bool:
    """Whether words are written as the name of somebody is."""
    words = noun.split()
    return len(words) > 1 and all(word.istitle() for word in words)


def _is_plural(word: str) -> bool:
    return not word.endswith(_NO_PLURALS) and singular(word) != word


@dataclass(frozen=True, slots=True)
class _Form:
    """A way to say what goods are.

    Attributes:
        pattern: of the whole clause, the goods as `what`.
        plural: only several things can be goods there: "it's heavy" names none.
    """

    pattern: re.Pattern[str]
    plural: bool


@per_vocabulary
def _packs(vocabulary: Vocabulary) -> re.Pattern[str]:
    goods = vocabulary.telling["goods"]
    packs = (*goods["packs"], *goods["holders"])
    return patterns.compile(rf"{any_word(packs)}|\b(?:{_plurals(packs)})\b", re.I)


@per_vocabulary
def _forms(vocabulary: Vocabulary) -> tuple[_Form, ...]:
    goods, stop = vocabulary.telling["goods"], vocabulary.words["stop"]
    pack = rf"(?:{_packs().pattern})"
    number = r"(?:\s+(?:number\s+|no\.?\s*)?\w{1,3})?"
    unit = rf"(?:(?:the|this|that|our|each|these|those|every)\s+)?(?:[a-z-]+\s+)?{pack}{number}"
    it = rf"(?:{unit}|it|they|this|that|this\s+one|that\s+one)"
    none = any_word((*goods["no_noun"], *goods["around"], *stop, *vocabulary.numbers))
    word = rf"(?!{none})[^\W\d_]+(?:-[^\W\d_]+)?"
    noun = rf"(?P<what>{word}(?:\s+{word}){{0,{_MAX_WORDS - 1}}})"
    many_of = r"(?:loads|lots|plenty)\s+of|nothing\s+but"
    some = rf"(?:(?:a|an|the|some|our|new|just|only|all|mostly|mainly|{many_of})\s+)*"
    what = rf"{some}{noun}"
    rest = rf"(?:\s*,?\s+{any_word(goods['around'])}[^;]*)?"
    within = rf"(?:inside|in\s+(?:it|there|here|{unit})|inside\s+(?:it|{unit}))"
    lies = rf"(?:is|are|was|were|there\s+(?:is|are|was|were)|there's|{any_word(goods['finding'])})"
    who = "(?:we|i|they|you|it)"
    came = any_word((*goods["coming"], *goods["containing"]))
    came = rf"(?:came|comes|arrived)(?:\s+[a-z]+){{0,2}}?|(?:{who}|the\s+\w+)\s+(?:have\s+|just\s+)?{came}"
    start = r"[\s,]*(?:(?:so|and|well|yes|ok|okay|right|then)\b[\s,]*)*"
    holding = any_word(goods["containing"])
    sure = (
        rf"{it}\s+(?:[a-z]+ly\s+)?{holding}\s+{what}{rest}",
        rf"(?:the\s+)?(?:{any_word(goods['contents'])})(?:\s+of\s+{unit})?\s*(?:is|are|was|were|[:=])\s*{what}{rest}",
        rf"(?:(?:[a-z]+ed\s+|what's\s+|what\s+is\s+|what\s+{it}\s+has\s+)?{within}|what\s+{came})\s*,?\s+{lies}\s+{what}{rest}",
        rf"(?:what's|what\s+is)\s+{within}\s+(?:is|are)\s+{what}{rest}",
        rf"(?:[^,;:]{{0,40}}\s)?{any_word(goods['finding'])}\s+{what}\s+{within}{rest}",
        rf"it\s+says\s+{what}\s+on\s+(?:the|its)\s+(?:{any_word(goods['sides'])}|{pack}|label)",
        rf"{what}\s+(?:is|are|was|were)\s+(?:what's|what\s+(?:is|came|{who}\s+[a-z' ]{{2,16}}))(?:\s+{within})?{rest}",
        rf"(?:[^,;:]{{0,40}}\s)?{_packed(goods)}\s+of\s+{what}{rest}",
        rf"(?:[^,;:]{{0,40}}\s)?(?:nothing\s+but|full\s+of)\s+{what}(?:\s+{within})?{rest}",
    )
    many = (
        rf"(?:it's|it\s+is|they\s+are|they're|these\s+are|those\s+are|{it}\s+(?:is|are|was|were)\s+(?:all\s+)?)\s*{what}{rest}",
        rf"(?:{unit}|this\s+one|that\s+one|it|this\s+one's|it's|{unit}'s)\s+(?:has|have|had|got|has\s+got)\s+{what}(?:\s+(?:in|inside|in\s+it))?",
        rf"(?:they|we|the\s+\w+|i)(?:'ve|\s+have|\s+just)?\s+{any_word(goods['coming'])}\s+{what}{rest}",
        rf"[^,;:]{{0,40}}\s(?:and|to)\s+(?:found|find|got|saw)\s+{what}{rest}",
        rf"(?:there\s+are|there\s+were|we\s+have|we've\s+got)\s+[^\W_]+\s+{what}\s+{within}{rest}",
        rf"{what}\s+(?:are|were)\s+(?:all\s+)?{within}{rest}",
    )
    found = ((pattern, plural) for plural, patterns in ((False, sure), (True, many)) for pattern in patterns)
    return tuple(_Form(patterns.compile(start + pattern, re.I), plural) for pattern, plural in found)


def _plurals(packs: Iterable[str]) -> str:
    return "|".join(rf"{pack}e?s" for pack in packs)


def _packed(goods: Mapping[str, tuple[str, ...]]) -> str:
    """Packs that are of something: "a crate of", "twelve boxes of"; "a lot of" is none."""
    packs = [pack for pack in goods["packs"] if pack not in goods["no_packs"]]
    one = rf"(?:an?|the|this|that|our|another)\s+(?:[a-z]+\s+)?{any_word(packs)}"
    return rf"(?:{one}|[^\W_]+\s+(?:{_plurals(packs)}))"
