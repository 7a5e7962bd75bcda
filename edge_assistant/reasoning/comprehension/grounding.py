"""Where what the model copied stands in its source: what cannot be found there was not read there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_assistant.core.evidence import Evidence
from edge_assistant.reasoning.values.candidates import clocks, quantities
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.values import same

_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W_]+")
_ENOUGH = 0.75  # of the copied words in one line: a model leaves out an article, or puts a label between
_MOST_LINES = 3


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case.

    >>> words("No, at 12:30 - 3.8 °C")
    ['no', 'at', '12:30', '3.8', 'c']
    """
    return _WORD.findall(text.lower())


LITTLE = frozenset({"the", "a", "an", "of", "in", "at", "on", "by", "with", "mr", "mrs", "ms", "miss", "dr"})


def parallel(one: str, other: str) -> bool:
    """Whether two phrases differ in one word of several: that word is what they tell, however near in meaning both are.

    >>> parallel("left ear", "the right ear"), parallel("Mrs Hale", "Ms Hale"), parallel("blue", "dark blue")
    (True, False, False)
    """
    a, b = (set(words(text)) - LITTLE for text in (one, other))
    return len(a) == len(b) > 1 and len(a - b) == 1


def found(copied: str, lines: Sequence[Evidence], shown: Sequence[str]) -> tuple[Evidence, ...]:
    """The line that copied words stand in, or the neighbouring lines over which they go; none where they do not.

    Args:
        copied: what the model wrote.
        lines: the evidence that it was shown.
        shown: each line as it stood in the prompt.
    """
    wanted = words(copied)
    if not wanted or not lines:
        return ()
    said = [words(text) for text in shown]
    for many in range(1, _MOST_LINES + 1):
        for start in range(len(said) - many + 1):
            if _holds([word for part in said[start : start + many] for word in part], wanted):
                return tuple(lines[start : start + many])
    if same_value := _of_value(copied, shown):
        return (lines[same_value[0]],)
    shares = [sum(word in line for word in wanted) / len(wanted) for line in said]
    best = max(range(len(shares)), key=lambda i: shares[i])
    numbers = {word for word in wanted if word[0].isdigit()}
    return (lines[best],) if shares[best] >= _ENOUGH and numbers <= set(said[best]) else ()


def _of_value(copied: str, shown: Sequence[str]) -> list[int]:
    """The lines with the number, time or day that is all of what was copied: "150 grams" of "one hundred and fifty"."""
    for finder in (dates, clocks, quantities):
        candidates = [*finder(copied)]
        wanted = [candidate.value for candidate in candidates]
        if sum(len(words(candidate.text)) for candidate in candidates) < len(words(copied)):
            continue  # it says more than the value
        places = [
            at
            for at, text in enumerate(shown)
            if wanted and all(any(same(value, other.value) for other in finder(text)) for value in wanted)
        ]
        if places:
            return places
    return []


def _holds(line: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether words stand in a line one behind the other."""
    return any(line[at : at + len(wanted)] == [*wanted] for at in range(len(line) - len(wanted) + 1))
