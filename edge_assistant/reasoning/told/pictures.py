"""Which picture and which moment a clause speaks of: the one at hand, or a deleted one, the next, a sister's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_of, any_word
from edge_assistant.reasoning.told.sayings import Saying

_SMALL = re.compile(r"[\s,]*(?:(?:and|but|so|then|on|in|at|from|of|to|by|with|for)\b[\s,]*)*")
_BEHIND = re.compile(
    r"[\s,]*(?:(?:and|but|though|although|only)\s+)*(?:(?:that|this|it|those|these|they)(?:'s|\s+(?:is|are|was|were))\s+)?"
    r"(?:all\s+)?(?:on|in|from|of)\s+$",
    re.I,
)  # "there are three, but that's on the next one"


def elsewhere(saying: Saying, at: int) -> str | None:
    """The words by which something at a place of a clause is in another picture, at another moment or outside; or None.

    Args:
        saying: the clause.
        at: where what is seen is named.
    """
    for pattern in _patterns().others:
        for match in pattern.finditer(saying.text):
            contrasted = _patterns().contrast.search(saying.text[: match.start()])
            if not (contrasted and "," in saying.text[match.end() : at]):
                return _words(match)
    return _around(saying)


def is_taken(saying: Saying) -> bool:
    """Whether a sentence says that the picture was taken, so that what it tells of that time is seen in it."""
    return bool(_patterns().taken.search(saying.sentence))


def speaks_of_picture(text: str) -> bool:
    """Whether a text is about a picture."""
    return bool(_patterns().picture.search(text))


def _around(saying: Saying) -> str | None:
    """The same where only that stands before a clause or behind it: "on the next one, there are three"."""
    begins = saying.sentence.find(saying.text)
    before, behind = saying.sentence[:begins], saying.sentence[begins + len(saying.text) :]
    for pattern in _patterns().others:
        for match in pattern.finditer(before):
            if _SMALL.fullmatch(before[: match.start()]) and _SMALL.fullmatch(before[match.end() :]):
                return _words(match)
        after = pattern.search(behind)
        if after and _BEHIND.fullmatch(behind[: after.start()]):
            return _words(after)
    return None


def _words(match: re.Match[str]) -> str:
    return " ".join(match[0].lower().split())


@dataclass(frozen=True, slots=True)
class _Patterns:
    """How pictures are told apart.

    Attributes:
        others: what names another picture, another moment, or what is outside.
        contrast: stands before another picture that the one at hand is compared with: "unlike the last one, this has".
        taken: says that it was taken.
        picture: names a picture, a camera, or what one does with it.
    """

    others: tuple[re.Pattern[str], ...]
    contrast: re.Pattern[str]
    taken: re.Pattern[str]
    picture: re.Pattern[str]


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> _Patterns:
    words = {name: any_word(phrases) for name, phrases in vocabulary.telling["pictures"].items()}
    relations = any_word(word for group in vocabulary.telling["relations"].values() for word in group)
    picture, others, dropped, units = words["nouns"], words["others"], words["dropped"], words["units"]
    one = rf"(?:{picture}|(?<=\s)ones?\b)"
    article = r"(?:(?:the|an?|my|our|this|that|these|those|some|all|your)\s+)?"
    who = (
        r"(?:(?:that|which|i|we|he|she|they|you|was|were|is|are|had|has|have|been|got|later|then|just|since"
        r"|unfortunately)\s+)"
    )
    speaks = r"(?:\s*$|\s*[,;:.!]|\s+(?:shows?|showed|has|had|is|was|are|were|there|you|we|i|it|this|that|these)\b)"
    return _Patterns(
        (
            patterns.compile(rf"(?:(?:in|on|at|from)\s+)?{article}(?:\w+\s+)?{others}\s+(?:\w+\s+)?{one}", re.I),
            patterns.compile(rf"{words['owners']}\s+(?:own\s+)?(?:\w+\s+)?{picture}", re.I),
            patterns.compile(
                rf"(?<![\w'])(?!(?:it|that|there|here|what|let|who|he|she|this|today|morning)'s)[\w-]+'s?\s+(?:\w+\s+)?{picture}",
                re.I,
            ),
            patterns.compile(
                rf"{relations}\s+(?:took|made|got|has|had|shot)\s+(?:one|another|some|(?:his|her|their)\s+own)\b"
                rf"|{relations}\s+(?:photographed|snapped|filmed|shot)\s+(?!this|it\b|that)",
                re.I,
            ),
            patterns.compile(rf"{one}\s+{who}{{0,4}}?{dropped}|{one}\s+(?:with|of)\s.*{dropped}", re.I),
            patterns.compile(
                rf"{one}\s+(?:taken\s+|shot\s+|made\s+)?(?:from|of|on)?\s*(?:yesterday|last\s+\w+|another\s+\w+|the\s+other\s+\w+|that\s+day"
                rf"|the\s+\w+\s+(?:before|after)|next\s+to\s+(?:it|this))\b",
                re.I,
            ),
            patterns.compile(
                rf"{one}\s+(?:(?:right|just|taken|shot|made|that\s+came|which\s+came|coming|directly)\s+)*(?:before|after|following|beside)"
                rf"(?:wards?\b|\s+(?:it|that|this)(?:\s+one)?\b)?(?={speaks})",
                re.I,
            ),
            patterns.compile(
                rf"(?:{words['few']}\s+)?{units}\s+(?:later|earlier|before|after(?:wards)?|ago|previously)\b"
                rf"|(?:right|just|shortly|soon|long)\s+(?:before|after)(?:wards)?(?:\s+(?:that|this|it))?(?=\s*,|\s+(?:we|i|there|it|you)\b)"
                rf"|\bthe\s+{units}\s+(?:before|after)\b|{words['moments']}",
                re.I,
            ),
            patterns.compile(
                rf"{picture}\s+(?:\w+\s+)?(?:in|on|at|above|over|from)\s+(?:(?:the|our|my|his|her|your|their|a|an)\s+)?{words['hung']}"
                rf"|(?<![\w'])(?:an?|some)\s+{picture}\s+(?:from|of)\s+(?:the\s+)?(?:19|20)\d\d"
                rf"|{picture}\s+(?:that\s+|which\s+)?(?:you|they|he|she)\s+(?:\w+\s+)?sent\b"
                rf"|\balso\s+(?:have|took|got|made|own)\s+(?:an?|some|one|two)\b"
                rf"|(?:(?:on|in)\s+)?\bthe\s+{others}\s+(?:shows?|showed|has|had|is\s+of|was\s+of)\b",
                re.I,
            ),
            any_of(vocabulary.telling["pictures"]["outside"]),
        ),
        patterns.compile(rf"{words['contrast']}\s+(?:on\s+|in\s+)?$", re.I),
        any_of(vocabulary.telling["pictures"]["taken"]),
        any_of(vocabulary.telling["pictures"]["tools"]),
    )
