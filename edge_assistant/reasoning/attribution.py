"""Which sentences of a passage an answer rests on: those with its values, or else with most of its words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_assistant.core.answer import Answer
    from edge_assistant.core.evidence import Evidence, Locator

CITATION = re.compile(r"\[([EC]\d{1,6})\]")
_WORD = re.compile(r"\w+(?:[.,]\d+)*")
_ENDS = re.compile(r"(?<=[.!?])\s+")  # of the sentences of an answer
_CITED_BEHIND = re.compile(rf"([.!?])((?:\s*{CITATION.pattern})+)")  # a sentence that its citations follow
_SHORT = 3  # letters; shorter words stand everywhere


def span(answer: Answer, item: Evidence) -> tuple[int, int]:
    """The part [a, b) of the evidence's text that the answer rests on; all of it where that cannot be told."""
    text = item.text
    if item.locator.chars is None:
        return 0, len(text)
    from edge_assistant.reasoning.sentences import sentences

    spans = [(b - len(text[a:b].lstrip()), a + len(text[a:b].rstrip())) for a, b in sentences(text)]
    values = {told.value for verdict in answer.verdicts for told in verdict.values if item.id in told.evidence}
    said = _ENDS.split(_CITED_BEHIND.sub(r"\2\1", answer.text))
    cited = [CITATION.sub("", sentence) for sentence in said if f"[{item.id}]" in sentence] or [""]
    said_words = [_long(_words(f"{answer.question} {sentence}")) for sentence in cited]
    chosen = _choose([text[a:b] for a, b in spans], values, said_words) if len(spans) > 1 else set()
    if not chosen:
        return 0, len(text)
    return spans[min(chosen)][0], spans[max(chosen)][1]


def place(answer: Answer, item: Evidence) -> Locator:
    """Where that part stands; all of the evidence where its text is another than there, such as a redacted one."""
    a, b = span(answer, item)
    if item.locator.chars is None or b - a == len(item.text):
        return item.locator
    begin, end = item.locator.chars
    if end - begin != len(item.text):
        return item.locator
    return replace(item.locator, chars=(begin + a, begin + b))


def excerpt(answer: Answer, item: Evidence) -> str:
    """That part in one line, with an ellipsis where something was left out."""
    a, b = span(answer, item)
    part = " ".join(item.text[a:b].split())
    return f"{'… ' if a else ''}{part}{' …' if b < len(item.text) else ''}"


def _choose(sentences: list[str], values: Iterable[str], said: list[set[str]]) -> set[int]:
    """The numbers of the sentences; for each value the one that has most of its words, then most of what is said.

    Without a value: for each sentence of the answer the one that has most of its words.
    """
    words = [_words(sentence) for sentence in sentences]
    longer, all_said = [*map(_long, words)], set[str]().union(*said)
    shared = [len(all_said & have) for have in longer]
    chosen: set[int] = set()
    for value in values:
        wanted = _words(value)
        scores = [(len(wanted & have), other) for have, other in zip(words, shared, strict=True)]
        best = max(scores)
        if best[0]:
            chosen.update(at for at, score in enumerate(scores) if score == best)
    for answered in () if chosen else said:
        common = [len(answered & have) for have in longer]
        if max(common) > 1 and common.count(max(common)) == 1:
            chosen.add(common.index(max(common)))
    return chosen


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _long(words: set[str]) -> set[str]:
    return {word for word in words if len(word) > _SHORT or word[0].isdigit()}
