"""How far values went: "up to what did it rise?", "it climbed as far as 76", "down to what did it cool?"."""

from __future__ import annotations

import re

from edge_assistant import patterns
from edge_assistant.reasoning.rules.phrasing import pattern
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary

_LATER = r"(?:on|at|in|during|by|when|as|over|that)\b"  # words that say when, behind "rise to"


def asked_extent(rest: str) -> bool | None:
    """Whether a question asks how far up (True) or down (False) something went; None for neither.

    >>> asked_extent("To what value did the pressure rise?"), asked_extent("How far did the level sink?")
    (True, False)
    """
    return next((up for up, way in _questions().items() if way.search(rest)), None)


def told_extent(rest: str) -> tuple[bool, re.Match[str]] | None:
    """Whether a remark tells how far up or down something went, and where; what fell back has its extreme elsewhere.

    >>> told_extent("it climbed as far as 76 degrees")[0]
    True
    >>> told_extent("it fell back to 76 degrees") is None
    True
    """
    return next(((up, match) for up, way in _remarks().items() if (match := way.search(rest))), None)


def _verbs(vocabulary: Vocabulary, up: bool) -> str:
    return pattern(vocabulary.measuring["words"]["upwards" if up else "downwards"]).pattern


@per_vocabulary
def _questions(vocabulary: Vocabulary) -> dict[bool, re.Pattern[str]]:
    ways = {}
    for up, way, far in ((True, "up", "high|far"), (False, "down", "low|far|deep")):
        verbs = _verbs(vocabulary, up)
        what = r"(?:what|which|how\s+(?:high|low|much|many))"
        ways[up] = patterns.compile(
            rf"\b{way}\s+(?:to|till|as\s+far\s+as)\s+{what}\b"
            rf"|\bto\s+{what}\b.*{verbs}"
            rf"|\b(?:what|which)\b.*{verbs}\s+(?:{way}\s+)?to\b(?!\s+(?!{_LATER})\w)"
            rf"|\b(?:what|which)\b.*\b(?:was|were|is|are)\b.*\b{way}\s+to\b(?!\s+(?!{_LATER})\w)"
            rf"|\bhow\s+(?:{far})\b(?!\s+(?:above|over|below|under|beyond)).*{verbs}"
            + (r"|\b(?:what|which)\b.*\b(?:reach|reached|attain|attained)\b|\bhow\s+far\b.*\bget\b" if up else ""),
            re.I,
        )
    return ways


@per_vocabulary
def _remarks(vocabulary: Vocabulary) -> dict[bool, re.Pattern[str]]:
    ways = {}
    for up, way, how, far in ((True, "up", "high|hot|warm|much", "|far"), (False, "down", "low|cold|cool|little", "")):
        to = rf"(?:all\s+the\s+way\s+)?(?:{way}\s+)?(?:to|as\s+(?:{how}|far)\s+as)(?=\s)"
        ways[up] = patterns.compile(
            rf"{_verbs(vocabulary, up)}\s+(?:(?:slowly|right|briefly|once)\s+)?{to}"
            rf"|\b(?:went|got|came|ran|was)\s+(?:{way}\s+to|(?:{way}\s+)?as\s+(?:{how}{far})\s+as)(?=\s)"
            + (r"|\b(?:went|got|made\s+it)\s+to(?=\s+\d)" if up else ""),
            re.I,
        )
    return ways
