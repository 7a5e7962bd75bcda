"""What happened at a moment that only another signal tells: "when the belt squeaked", "at the time of the knocking"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.reasoning.rules.phrasing import pattern
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary

_SINCE = (
    r"(?:right |just |exactly )?(?:when|while|as(?= (?:the|a|an|we|it|they|he|she|somebody|someone)\b)|during(?= the)"
    r"|at the (?:very |same |exact )?(?:time|moment|point|instant|minute)"
    r"(?: (?:when|that|of|at which|in which|where|as)\b)?"
    r"|the (?:very )?(?:moment|instant|minute)(?: (?:when|that)\b)?(?! of\b)|the time (?:when|that)\b)"
)
_ASKS = r"(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|exactly|for|first)\b"  # "when was it"
_SENTENCE = r"(?:[\w'-]+\s+){1,20}[\w'-]+"
_NOT_SINCE = "".join(rf"(?<!\b{word} )" for word in ("on", "about", "of", "since", "from", "until", "by"))
_BEHIND = re.compile(
    rf"(?<=\w)[\s,]+{_NOT_SINCE}{_SINCE}\s+(?!{_ASKS})(?P<clause>(?:[\w'-]+\W+){{1,20}}[\w'-]+)\W*$", re.I
)
_FRONTED = re.compile(
    rf"(?P<clause>{_SINCE}\s+(?!{_ASKS}){_SENTENCE})[,:;]\s*(?:and\s+|then\s+)?(?P<asked>\w.*?)[?!. ]*$", re.I
)
# What happened as a sentence of its own: "The belt squeaked: how high was it then?"
_BESIDE = re.compile(
    rf"(?P<clause>(?:the|a|an|we|they|he|she|it|our|my|somebody|someone)\s+{_SENTENCE})[:;.,]\s*"
    r"(?P<asked>(?:and\s+)?(?:what|which|how)\b.*?)\s+"
    r"(?:then|at\s+that\s+(?:time|moment|point)|at\s+the\s+(?:time|moment)|just\s+then)[?!. ]*$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Happening:
    """A question that tells a moment by what happened then.

    Attributes:
        head: what is asked, of the length of the question.
        clause: what happened.
    """

    head: str
    clause: str


def happening(text: str) -> Happening | None:
    """Take what happened then from the end of a question: "how hot was it when the pump stalled?"."""
    match = _BEHIND.search(text) or _nominal().search(text)
    return Happening(text[: match.start()].ljust(len(text)), match["clause"]) if match else None


def fronted(text: str) -> str:
    """The question with what happened then behind what it asks: "When the pump stalled, how hot was it?"."""
    match = _FRONTED.match(text)
    if match is None and (match := _BESIDE.match(text)) is not None:
        return f"{match['asked']} when {match['clause'][0].lower()}{match['clause'][1:]}?"
    return f"{match['asked']} {match['clause'][0].lower()}{match['clause'][1:]}?" if match else text


@per_vocabulary
def _nominal(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What happened as a noun: "the level at the filter change"."""
    events = pattern(vocabulary.measuring["words"]["events"]).pattern
    return patterns.compile(
        rf"(?<=\w)\s+(?:at|during|upon|on|with)\s+(?P<clause>(?:the|our|that)\s+(?:[\w'-]+\s+){{1,3}}?{events})\W*$",
        re.I,
    )
