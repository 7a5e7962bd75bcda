"""A question: whether it can be asked, and the words of it that say what it is about."""

from __future__ import annotations

import re

from edge_assistant.core import limits
from edge_assistant.core.errors import UsageError
from edge_assistant.reasoning.rules.vocabulary import vocabulary

_MOST_WORDS = 5  # of what a verdict is about
_WORD = re.compile(r"[^\W_]+(?:['\u2019/.-][^\W_]+)*")


def checked(question: str) -> str:
    """A question that can be asked.

    Raises:
        UsageError: it is empty or too long.
    """
    if not question.strip():
        raise UsageError("the question is empty", "ask something, such as: edge-assistant ask 'What was the total?'")
    if len(question) > (most := limits.QUESTION_CHARACTERS.now):
        raise UsageError(
            f"the question has {len(question):,} characters, over the limit of {most:,}",
            "shorten it, or hand the long part over with --text FILE",
        )
    return question


def matter(question: str) -> str:
    """What a question is about, for a verdict: its words without question words, auxiliaries and stop words.

    >>> matter("What was the highest temperature?"), matter("Is it so?")
    ('highest temperature', 'Is it so')
    """
    asking = vocabulary().question
    drop = vocabulary().words["stop"] | set(asking["auxiliary"]) | set(asking["interrogative"])
    words = [w for w in _WORD.findall(question.lower()) if not {w, re.split("['\u2019]", w)[0]} & drop]
    return " ".join(words[:_MOST_WORDS]) or question.rstrip("?!. ") or question


def differs(question: str) -> bool:
    """Whether a question asks if sources contradict each other, so that "yes" means that they do."""
    words = set(_WORD.findall(question.lower()))
    return not words.isdisjoint(vocabulary().asking["contrary"])
