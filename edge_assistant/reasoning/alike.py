"""Whether words say of two sources that one is as the other: "the dose in the note the one on the form"."""

from __future__ import annotations

import re

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import asked
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.sourcenames import MARK, WHICH, compared_sources, marked
from edge_assistant.reasoning.told.clauses import any_word

_PAIR = rf"{MARK}\s*(?:and|or|vs\.?|versus|against|with|[&+/,-])\s*{MARK}"
_EITHER = re.compile(rf"{MARK}\s+or\s+(?:in\s+|on\s+|from\s+)?{MARK}")  # one or the other: nobody is compared
_NUMBER_OF = re.compile(r"\b(?:number\s+of|how\s+many|head ?count|count\s+of)\b")
FAULTS = (
    r"(?:wrong|incorrect|inconsistent|not right|not correct|not true|mistaken|off|different|untrue|false|inaccurate"
    r"|(?:a |an |the |any )?(?:mistakes?|errors?))"
)


def is_alike(sourced: str, known: bool) -> bool:
    """Whether a yes-or-no question, its sources marked, asks if one is as the other: "does the dose fit the form?".

    Args:
        sourced: the question.
        known: it names an attribute, so that "does it fit?" is about a value.
    """
    patterns = (same_in_all, other_than, _told_right, _the_one_of)
    if any(found().search(sourced) for found in patterns):
        return True
    fitting = _fitting().search(sourced)
    return fitting is not None and (known or MARK in fitting[0])


def is_of_two(plain: str) -> bool:
    """Whether a question has one thing of two sources, or of what somebody says: "is the dose he gave on the form?"."""
    if _EITHER.search(marked(plain)):
        return False
    return len(compared_sources(plain, people=False)) + len(_somebody_says().findall(plain)) > 1


def is_known(text: str) -> bool:
    """Whether a text names an attribute, or how many of something there are."""
    return bool(asked(text)) or bool(_NUMBER_OF.search(text))


@per_vocabulary
def holds_against(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Check the dose against the form, verify the tip, how well does the note fit the plate."""
    checking, verifying = (any_word(vocabulary.asking[name]) for name in ("checking", "verifying"))
    fitting = any_word((*vocabulary.asking["fitting"], *vocabulary.asking["matching"]))
    judged = any_word(vocabulary.asking["judged"])
    pair = _PAIR
    asked = r"(?:what|which|anything|something|where|how|nothing|there|any|whether)"
    return patterns.compile(
        rf"{checking}\s+[^,;]*?\b(?:against|with|beside|next\s+to)\s+{MARK}"
        rf"|(?:^|please\s+|\byou\s+|\bto\s+|\bme\s+){verifying}\s+(?:that|if|whether|{WHICH})\b"
        rf"|\bhow\s+(?:well|closely|accurately|far|exactly|faithfully|truly)\s+(?:do|does|did|is|are)\b.*{fitting}"
        rf"|\bhow\s+(?:reliable|correct|accurate|right|true|trustworthy|exact|sure)\s+(?:is|are|was)\b.*\s(?:in|on|of|from)\s+{MARK}"
        rf"|^(?:what|which)\s+(?:is|was)\s+{judged}\b[^?]*{MARK}|{checking}\b.*{pair}"
        rf"|\b{asked}\b[\w' ]{{0,25}}?\b{FAULTS}\s+(?:with|about|in|on)\s+[\w ']{{1,40}}?\s(?:in|on|from|of)\s+{MARK}"
        r"|^where\b.*\b(?:wrong|off|different|not\s+match|not\s+agree|inconsistent|incorrect)$"
        rf"|\bdifference\s+in\b.*\bbetween\s+(?:{pair}|the\s+two|both)"
    )


@per_vocabulary
def same_in_all(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The same dose in both, the note and the form: same dose."""
    placed = rf"(?:in|on|for|from|at|by|with)\s+(?:both|all|either|the\s+two|{MARK})"
    pair = _PAIR
    different = rf"(?:{any_word(vocabulary.asking['stating'])}|have|has|got)\s+(?:an?\s+|two\s+)?(?:different|other)\b"
    return patterns.compile(
        rf"\bsame\b[^,;]*?\b{placed}|\bsame\b[^,;]*\btwice\b|=|\bas\s+(?:\w+\s+(?:is|are|stands?)\s+)?(?:in|on|by)\s+{MARK}"
        rf"|{pair}.*\bsame\b|{pair}\s+{different}|\b(?:have|has|had)\s+{MARK}\s+the\s+same\b|\bsame\b.*{pair}"
    )


@per_vocabulary
def other_than(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Does the note give another dose than the form, does it say otherwise."""
    stating = any_word(vocabulary.asking["stating"])
    another = r"(?:another|an\s+other|(?:a|any|some|the)\s+(?:different|differing|other|opposite)|different)"
    otherwise = any_word(vocabulary.asking["otherwise"])
    return patterns.compile(
        rf"\b{another}\b[^,;]*?\b(?:than|from|to)\s+(?:\w+\s+)?{MARK}"
        rf"|{MARK}\s+(?:{stating}|have|has|got)\s+(?:us\s+)?{another}\b"
        rf"|\bone\b[^,;]*[,;]?\s+(?:and\s+|but\s+)?(?:the\s+other|{MARK})\s+(?:\w+\s+)?(?:another|a\s+different)\b"
        rf"|{stating}\s+(?:us\s+|me\s+)?{otherwise}"
    )


@per_vocabulary
def _told_right(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Did they give the right dose, were we told the correct dose, has anybody mixed up the dose, is it off."""
    telling, mixing = (any_word(vocabulary.asking[name]) for name in ("telling", "mixing"))
    right = r"(?:right(?!\s+to\b)|correct|wrong|true|proper|false|exact|accurate)"
    off = rf"(?:{MARK}|given|stated|mentioned|noted|quoted|told)\s+(?:is\s+|a\s+bit\s+)?off"
    return patterns.compile(
        rf"{telling}\s+(?:[\w{MARK}]+\s+){{0,2}}?(?:the|a|an)\s+{right}\s+\w"
        rf"|\b(?:the|a)\s+{right}\s+[\w ]{{1,30}}?\s{telling}|\bproblems?\s+with\b.*{MARK}|{mixing}"
        rf"|{off}$|\boff\s+(?:in|on)\s+{MARK}"
        r"|\b(?:all|everything|anything|something)\s+(?:is\s+)?(?:well|right|fine|in\s+order|ok|okay|amiss)\s+(?:with|about)\b"
    )


@per_vocabulary
def _the_one_of(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The dose in the note the one on the form, the dose of the form that the note gives, the date of both the date."""
    placed = r"(?:in|on|of|from|by|at)"
    stating = any_word(vocabulary.asking["stating"])
    return patterns.compile(
        rf"\bthe\s+(?:ones?|same|very)\s+(?:[\w']+\s+){{0,3}}?(?:{placed}\s+)?{MARK}"
        rf"|\bit\s+(?:\w+\s+)?the\s+[^,;]*?{placed}\s+{MARK}\s+(?:that|which)\s+{MARK}"
        rf"|\bthe\s+([\w ]{{2,30}}?)\s+{placed}\s+{MARK}\s+(?:and\s+)?the\s+\1\b"
        rf"|{MARK}\s+what\s+{MARK}|\bit\s+(?:\w+\s+)?the\s+[^,;]*?\s{MARK}\s+{stating}"
        rf"|{MARK}\s+(?:also|really|indeed|actually|truly)\s+{stating}"
    )


@per_vocabulary
def _fitting(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Does the dose fit, does it hold against the form, does it equal that on the label."""
    fitting = any_word(vocabulary.asking["fitting"])
    behind = rf"(?:{MARK}|that\b|those\b|the\s+ones?\b|what\b|both\b)"
    verbs = r"(?:fits?|match(?:es)?|deviates?|var(?:y|ies)|aligns?|aligned|compatible|compare)"
    return patterns.compile(
        rf"\b{verbs}\s+(?:regarding|concerning|on|about|as|between)\b|{fitting}(?:$|\s+(?:(?:in|up|together|with|to|against|for)\s+){{0,2}}{behind})"
    )


@per_vocabulary
def _somebody_says(vocabulary: Vocabulary) -> re.Pattern[str]:
    """The dose he mentions, what she told us."""
    told = any_word((*vocabulary.asking["stating"], *vocabulary.asking["saying"], "gave", "wrote", "typed", "noted"))
    people = any_word(vocabulary.asking["speakers"])
    return patterns.compile(rf"\b(?:he|she|they|i|we|{WHICH}\s+{people})\s+(?:has\s+|have\s+)?{told}")
