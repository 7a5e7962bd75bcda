"""The words with which somebody takes back what was said: "no, wait", "sorry, wrong line, that should be"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_of, any_word, listed

_GAP = r"[\s,.:;!…–—-]+"  # between the parts of a repair
_SET_OFF = re.compile(r"\bno[,.!]", re.I)


@dataclass(frozen=True, slots=True)
class Repair:
    """Where somebody begins to take something back and where the right words can begin.

    Attributes:
        start: first character.
        end: after the last character.
        weak: it is only "no" or the like, which may answer a question or deny a thing.
        set_off: a mark sets it off from what follows, or it has more words than "no".
        said: as it was said.
    """

    start: int
    end: int
    weak: bool
    set_off: bool
    said: str


def repairs(text: str) -> Iterator[Repair]:
    """The repairs of a text in order, but not "I mean" where it only says of what something was told."""
    for match in _repair().finditer(text):
        said = " ".join(match[0].lower().split())
        weak = match["strong"] is None
        set_off = not weak or match["tail"] is not None or text[match.end() : match.end() + 1] in (",", ".", "!", ";")
        if not _is_afterthought(text, match):
            yield Repair(match.start(), match.end(), weak, set_off or bool(_SET_OFF.search(match[0])), said)


def _is_afterthought(text: str, match: re.Match[str]) -> bool:
    """Whether "I mean" only says of what something was told: "the limit is 80, the temperature I mean."."""
    meant = listed("meaning").fullmatch(match[0])
    before = text[: match.start()].rstrip()[-1:].isalpha()
    return bool(meant and before and re.match(r"\s*(?:$|[.!?\n])", text[match.end() : match.end() + 8]))


@per_vocabulary
def tails(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What stands before the right value: "it's", "that should be"."""
    return any_of(vocabulary.telling["repairs"]["tails"])


@per_vocabulary
def _repair(vocabulary: Vocabulary) -> re.Pattern[str]:
    words, table = vocabulary.telling["words"], vocabulary.telling["repairs"]
    lead, no = (rf"(?:{any_word(table[name])}(?!-\d))" for name in ("leads", "noes"))  # AH-5534 is a code
    strong = f"(?:{_made(vocabulary)}|{any_word(set(words['corrections']) - set(table['noes']))})"
    more = rf"(?:{strong}|{lead}|{no})"
    first = rf"(?:(?:{lead}|{no}){_GAP}){{0,4}}?"
    return patterns.compile(
        rf"(?<![\w'])(?:{first}(?P<strong>{strong})|(?:{lead}{_GAP})?{no})(?:{_GAP}{more}){{0,6}}"
        rf"(?P<tail>{_GAP}(?:and\s+)?{tails().pattern})?(?![\w'])(?!\s+than\b)",
        re.I,
    )


def _made(vocabulary: Vocabulary) -> str:
    """What is made of a verb and what it takes back: "scratch that", "let me read it again", "I mixed them up"."""
    table = vocabulary.telling["repairs"]
    undo, anew, again, mistaken, badly, made, taken, wrong, place, apart = (
        any_word(table[name])
        for name in (
            "undo", "anew", "again", "mistaken", "badly", "changed", "taken", "wrong", "places", "apart",
        )
    )  # fmt: skip
    it = r"(?:that|this|it|those|they|which)(?:'s|'re|\s+(?:is|was|are|were))"
    return "|".join((
        rf"(?:please\s+)?{undo}\s+{taken}(?:\s+back)?(?:,?\s+please)?",
        rf"(?:let\s+me|i'd\s+better|i'll|i\s+have\s+to|i\s+must|just\s+let\s+me)\s+(?:just\s+)?{anew}(?:\s+(?:{taken}|{again}))*",
        rf"(?:sorry,?\s+)?i(?:'ve|\s+have|\s+must\s+have)?\s+(?:just\s+)?(?:{mistaken}(?:\s+{taken})?|{badly}(?:\s+{taken})?\s+{wrong})(?:\s+up)?",
        rf"{it}\s+(?:{wrong}|(?:the\s+|an?\s+|from\s+the\s+)?{apart}(?:\s+{place})?)",
        rf"(?:the\s+)?{wrong}\s+{place}",
        rf"(?<!the\s)(?<!\ba\s)(?<!no\s)(?:please\s+|better\s+)?{made}\s+{taken}(?:\s+(?:to|into|a))?",
    ))  # fmt: skip
