"""Yes and no: whether somebody smokes, is pregnant, has diabetes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import Mention, told
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import listed
from edge_assistant.reasoning.told.habits import habits
from edge_assistant.reasoning.told.sayings import Found, Saying
from edge_assistant.reasoning.values.values import Truth

_BEFORE = 40  # characters before a name in which its negation stands
_LABEL = re.compile(r"\s*[:=]\s*(yes|no|none|nil|y|n|true|false|positive|negative|never)\b", re.I)


_RULED_OUT = re.compile(
    r"\s+(?:is|was|has\s+been|were|can\s+be)\s+(?:ruled\s+out|excluded|denied|not\s+(?:known|present|found))|\s*:?\s*(?:ruled\s+out|excluded|denied)",
    re.I,
)
_SINCE = re.compile(
    r"\b(?:diagnosed|found\s+to\s+have|fitted|implanted|put\s+in|put\s+an?|developed|given|got)\b", re.I
)
_FITTED = re.compile(
    r"\b(?:put|fitted|implanted|gave|placed|inserted|got|had)\s+(?:\w+\s+)?(?:an?|her|his|my|the)\s+$", re.I
)
_ONE = re.compile(r"\s*(?:an?|his|her|my|the)\s+", re.I)
_PLACED = re.compile(
    r"\s+(?:put\s+|fitted\s+)?in\b|\s+(?:(?:was|has\s+been|is)\s+)?(?:fitted|implanted|inserted|put\s+in)\b", re.I
)
_LASTING = re.compile(r"\s+(?:since\b|for\s+\w+\s+years|on\s+insulin)", re.I)
_BODILY = re.compile(r"\s+in\s+(?:him|her|me|his|my|the\s+(?:family|history|patient))\b", re.I)


def truths(saying: Saying) -> Iterator[Found]:
    """What a clause says of attributes that are so or not so."""
    known = list(habits(saying))
    yield from known
    for mention in told(saying.text):
        if mention.attribute.value != "truth" or any(f.attribute == mention.attribute.name for f in known):
            continue
        yes = _is_so(saying, mention)
        if yes is not None:
            span = (mention.start, mention.end)
            since = _SINCE.search(saying.text)  # and so to this day
            when = None if not yes or since else saying.when(mention.attribute.name)
            start = min(mention.start, _subject_start(saying, mention))
            subject = saying.subject(mention.start)
            yield Found(mention.attribute.name, Truth(yes), start, mention.end, span, subject, when)


def _subject_start(saying: Saying, mention: Mention) -> int:
    return max((one.start for one in saying.speaking if one.start < mention.start), default=mention.start)


def _is_so(saying: Saying, mention: Mention) -> bool | None:
    """Yes, no, or None where the words do not say it of anybody: "the smoke alarm", "smoking is not allowed"."""
    text = saying.text
    label = _LABEL.match(text, mention.end)
    if label:
        return label[1].lower() in vocabulary().words["yes"] or label[1].lower() == "positive"
    if _RULED_OUT.match(text, mention.end):
        return False
    before = text[max(0, mention.start - _BEFORE) : mention.start]
    if listed("negations").search(before):
        return False if _is_personal(saying, mention) else None
    if not before.strip(" ,") and _LASTING.match(text, mention.end):
        return True
    if (_FITTED.search(before) or _ONE.fullmatch(before)) and _PLACED.match(text, mention.end):
        return True
    if not _is_personal(saying, mention):
        return None
    return bool(_asserting().search(before)) or None


def _is_personal(saying: Saying, mention: Mention) -> bool:
    """Whether the thing named is not part of another: smoke detector, diabetes clinic."""
    if _BODILY.match(saying.text, mention.end):
        return True
    behind = re.match(r"[\s-]*([^\W\d_]+)(?!\s+(?:19|20)\d\d)", saying.text[mention.end :])
    return behind is None or behind[1].lower() not in _COMPOUNDS


_COMPOUNDS = frozenset(
    (
        "alarm",
        "alarms",
        "detector",
        "detectors",
        "clinic",
        "nurse",
        "test",
        "check",
        "is",
        "room",
        "area",
        "free",
        "ward",
        "came",
        "comes",
        "specialist",
        "wipe",
        "wipes",
        "gel",
        "rub",
        "was",
        "swab",
        "allowed",
        "in",
    )
)


@per_vocabulary
def _asserting(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words right before a name that say it of somebody."""
    relations = "|".join(word for group in vocabulary.telling["relations"].values() for word in group)
    said = r"suffer(?:s|ed|ing)?\s+from|admits?\s+to|history\s+of|li(?:ves|ving)\s+with|confirmed|positive\s+for"
    return patterns.compile(
        rf"(?:\b(?:i|he|she|they|we|patient|who|i'm|he's|she's|am|is|are|was|have|has|had|got|a|an|with|do|does|been|known|sugar|{said}|{relations})|(?:mrs?|ms|miss)\.?\s+\w+|(?-i:[A-Z][a-z]+))"
        r"(?:\s+(?:also|still|a|an|type\s+\w+|heavy|light|regular|currently|been|diagnosed|with|diagnosed\s+with|have|has|am|is|now|implanted|\w+\s+(?:weeks|months)))*\s*$",
        re.I,
    )
