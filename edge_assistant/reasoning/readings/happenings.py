"""What happened at a moment that only another signal tells: "when the belt squeaked", "at the time of the knocking"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SINCE = (
    r"(?:right |just |exactly )?(?:when|while|as(?= (?:the|a|an|we|it|they|he|she|somebody|someone)\b)|during(?= the)"
    r"|at the (?:very |same |exact )?(?:time|moment|point|instant|minute)"
    r"(?: (?:when|that|of|at which|in which|where|as)\b)?"
    r"|the (?:very )?(?:moment|instant|minute)(?: (?:when|that)\b)?(?! of\b)|the time (?:when|that)\b)"
)
_BEHIND = re.compile(
    rf"(?<=\w)[\s,]+(?<!\bon )(?<!\babout )(?<!\bof ){_SINCE}\s+(?P<clause>(?:[\w'-]+\W+){{1,20}}[\w'-]+)\W*$", re.I
)
_FRONTED = re.compile(
    rf"(?P<clause>{_SINCE}\s+(?:[\w'-]+\s+){{1,20}}[\w'-]+),\s*"
    r"(?P<asked>(?:what|which|how|where|was|were|is|did)\b.*?)[?!. ]*$",
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
    match = _BEHIND.search(text)
    return Happening(text[: match.start()].ljust(len(text)), match["clause"]) if match else None


def fronted(text: str) -> str:
    """The question with what happened then behind what it asks: "When the pump stalled, how hot was it?"."""
    match = _FRONTED.match(text)
    return f"{match['asked']} {match['clause'][0].lower()}{match['clause'][1:]}?" if match else text
