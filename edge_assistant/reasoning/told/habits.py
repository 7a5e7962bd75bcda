"""Whether somebody smokes, drinks or is pregnant, told by what they do: "I gave up the fags"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed
from edge_assistant.reasoning.told.sayings import Found, Saying
from edge_assistant.reasoning.values.values import Truth

_BEFORE = 32  # characters before a habit in which it is denied
_DENIED = re.compile(r"\s*[:?,]?\s*(?:no|never|not)\b|[^,;]{0,24}\b(?:any\s?more|any\s+longer)\b", re.I)
_ENDS = re.compile(r"[,;:]")


def habits(saying: Saying) -> Iterator[Found]:
    """What a clause says of a habit or state without its name, or with words that end or deny it."""
    for attribute, (ended, sure, likely) in _patterns().items():
        so, no, habit = (pattern.search(saying.text) for pattern in (sure, ended, likely))
        match: re.Match[str] | None
        if no and not (so and so.start() <= no.start() and no.end() <= so.end()):  # "can't get off the cigarettes"
            match, yes = no, False
        else:
            match = so or habit
            yes = match is not None and not _is_denied(saying.text, match)
        if match is None:
            continue
        span, subject = match.span(), saying.subject(match.start())
        yield Found(attribute, Truth(yes), *span, span, subject, saying.when(attribute) if yes else None)


def _is_denied(text: str, habit: re.Match[str]) -> bool:
    before = _ENDS.split(text[max(0, habit.start() - _BEFORE) : habit.start()])[-1]
    behind = _DENIED.match(text[habit.end() :])
    return bool(listed("negations").search(before) or listed("given_up", "habits").search(before) or behind)


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> dict[str, tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]]:
    """For each, words that say that it is no more or never was, that it surely is, and that it is unless denied."""
    words = vocabulary.telling["habits"]
    given_up, doing, amounts = (any_word(words[name]) for name in ("given_up", "doing", "amounts"))
    few = rf"(?:(?:{amounts}|smoking|drinking)\s+){{0,3}}"
    last = r"(?:haven't|hasn't|not|never)\s+(?:\w+\s+)?(?:had|touched|bought|lit|smoked|drunk|tasted)"
    apart = rf"(?!\s+{any_word(words['apart'])})"
    found = {}
    for attribute in ("smoker", "alcohol", "pregnant"):
        things, yes, no = (any_word(words[f"{attribute}_{name}"]) for name in ("things", "yes", "no"))
        found[attribute] = (
            patterns.compile(rf"{no}|(?:{given_up}|(?<![\w']){last})\s+{few}{things}{apart}", re.I),
            patterns.compile(rf"{yes}{apart}", re.I),
            patterns.compile(rf"{doing}\s+(?:(?:{amounts}|\d+)\s+){{0,6}}{things}{apart}", re.I),
        )
    return found
