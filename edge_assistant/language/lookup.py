"""Prompt-lookup decoding: where the model repeats what it has read, several tokens are decoded at a time.

The last tokens that were written are looked up in the prompt; what followed there is a draft of what comes now, and one
batch verifies it. The model's own choice stands at every place. A batch of a few tokens is computed to the last bit as
single tokens are. A larger one is not, and neither is what stands behind it then: where the choice is a near thing, all
of that is computed once more in small ones. After llama.cpp's examples/lookup and
https://github.com/apoorvumang/prompt-lookup-decoding.

How long a draft is depends on what batches cost, and on how often drafts were right in this answer; not on a clock, so
that the same prompt gives the same text on a busy machine, too. Where batches turn out to cost much more than they
should, there are no drafts any more.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from edge_assistant.language.chat import Message
from edge_assistant.language.context import MOST_OUTPUTS

SHORTEST = 2  # tokens that have to be found again; of one, something else follows nearly every time
_LONGEST = 16  # tokens that are compared; what agrees so far is being copied
_PLACES = 8  # where the same two tokens stand that are looked at, the last ones
_CITED = re.compile(r"^\[(E\d+)\] (.+)$", re.MULTILINE)

# What a batch of so many tokens costs, a batch of one being 1: Qwen 1.5B Q4_K_M on two cores with AVX-512, of two
# machines the dearer one. Up to 7 tokens llama.cpp computes each for itself; from 8 on it unpacks the weights for all.
_COSTS = {1: 1.0, 2: 2.0, 4: 2.8, 7: 5.3, 8: 6.4, 16: 8.0, 24: 8.7, 32: 9.6}
_SIZES = (4, 16, 24, 32)  # of batches that are considered
_DEAR = 1.5  # times that cost, from which on drafts do not pay: 16 tokens cost nearly as much as one by one
_MEASURED = 8  # batches of drafts after which that is known
# How likely the next token of a draft is right, by the tokens that were found again, before anything was tried.
_LIKELY = {2: 0.6, 3: 0.7, 4: 0.8, 8: 0.92, 16: 0.96}
_TRIED = 12.0  # tokens of drafts that this counts as
_GAIN = 1.05  # by which a draft has to be quicker


# Tokens in a batch at most that llama.cpp computes to the last bit as it does them one by one: measured over 33 tokens
# in batches of 2 to 24, Qwen 1.5B Q4_K_M on AVX-512, llama-cpp-python 0.3.36; from 8 on no logit is the same.
ALIKE = 7
# By how much the likeliest token's logit has to be above the next one's, or what larger batches computed is computed
# once more: by them such a difference changed by 0.06 on average and 0.26 at most (24 tokens of a quotation, Qwen
# 1.5B); where a text is repeated it is 2 to 12.
MARGIN = 0.25


def likely(messages: Sequence[Message]) -> Iterator[str]:
    r"""What an answer over numbered evidence may say: all of it, each number before or behind, or the numbers alone.

    >>> from edge_assistant.language.chat import Role
    >>> list(likely([Message(Role.USER, "[E1] It stands still.\n[E2] It is hot.")]))
    ['[E1] It stands still. [E2] It is hot.', 'It stands still [E1]. It is hot [E2].', '[E1], [E2].']
    """
    for message in messages:
        if cited := _CITED.findall(message.content):
            yield " ".join(f"[{id}] {text}" for id, text in cited)
            yield " ".join(f"{text.rstrip('.')} [{id}]." for id, text in cited)
            yield ", ".join(f"[{id}]" for id, _ in cited) + "."


@dataclass(slots=True)
class Lookup:
    """What was read and written, to find the last tokens again.

    Attributes:
        texts: what may be repeated; a draft ends where its text does.
        written: tokens that were added since.
    """

    texts: Sequence[Sequence[int]]
    written: int = 0
    _tokens: list[int] = field(default_factory=list)
    _places: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for text in self.texts:
            for token in text:
                self._append(token)
            self._tokens.append(-1)  # no token is that

    def add(self, token: int) -> None:
        """A token was written."""
        self._append(token)
        self.written += 1

    def draft(self) -> tuple[list[int], int]:
        """What followed where the longest of the last tokens stood before, and how many they are; 0 for none."""
        tokens, end = self._tokens, len(self._tokens)
        best, longest = 0, SHORTEST - 1
        for place in reversed(self._places.get((tokens[-2], tokens[-1]), ())[-_PLACES - 1 :]):
            if place < end and (length := self._agreeing(place)) > longest:
                best, longest = place, length
        if longest < SHORTEST:
            return [], 0
        following = tokens[best : best + MOST_OUTPUTS - 1]
        return following[: following.index(-1)] if -1 in following else following, longest

    def _agreeing(self, place: int) -> int:
        """How many tokens before a place are those that were written last."""
        tokens, end = self._tokens, len(self._tokens)
        most = min(_LONGEST, self.written, place)
        return next((n for n in range(most) if tokens[place - 1 - n] != tokens[end - 1 - n]), most)

    def _append(self, token: int) -> None:
        if self._tokens and self._tokens[-1] >= 0:
            self._places.setdefault((self._tokens[-1], token), []).append(len(self._tokens) + 1)
        self._tokens.append(token)


class Pace:
    """How long a draft should be, by what batches cost and how often drafts were right in this answer."""

    def __init__(self) -> None:
        """Nothing is tried yet."""
        self._right = {length: likely * _TRIED for length, likely in _LIKELY.items()}
        self._tried = dict.fromkeys(_LIKELY, _TRIED)

    def length(self, drafted: int, found: int) -> int:
        """Tokens of a draft that are worth verifying.

        Args:
            drafted: tokens that there are.
            found: tokens that were found again.
        """
        if not drafted:
            return 0
        expected = [1.0]  # tokens that a batch of one, two, ... gives: its first is right in any case
        chance = 1.0
        for place in range(drafted):
            chance *= self._likely(found + place)
            expected.append(expected[-1] + chance)
        sizes = [size for size in (*_SIZES, drafted + 1) if 1 < size <= drafted + 1]
        best = max(sizes, key=lambda size: expected[size - 1] / cost(size), default=1)
        return best - 1 if expected[best - 1] / cost(best) > _GAIN else 0

    def judged(self, found: int, right: int, drafted: int) -> None:
        """Of so many tokens of a draft, verified or not, these were right, the first ones; the next was not."""
        for place in range(min(right + 1, drafted)):
            length = _class(found + place)
            self._right[length] += place < right
            self._tried[length] += 1

    def _likely(self, found: int) -> float:
        return min(0.99, self._right[_class(found)] / self._tried[_class(found)])


class Costs:
    """What batches of drafts take on this machine; told while it writes."""

    def __init__(self) -> None:
        """Nothing is measured yet."""
        self._singles: deque[float] = deque(maxlen=4 * _MEASURED)
        self._batches: deque[float] = deque(maxlen=4 * _MEASURED)  # times what they should cost

    def took(self, size: int, seconds: float) -> None:
        """A batch was computed in so much time."""
        if size == 1:
            self._singles.append(seconds)
        elif self._singles:
            self._batches.append(seconds / median(self._singles) / cost(size))

    @property
    def pay(self) -> bool:
        """Whether drafts may pay; once they do not, nothing is measured any more that could say otherwise."""
        return len(self._batches) < _MEASURED or median(self._batches) < _DEAR


def cost(size: int) -> float:
    """What a batch costs, one of a single token being 1.

    >>> cost(1), cost(20)
    (1.0, 8.35)
    """
    below = max(known for known in _COSTS if known <= size)
    above = min((known for known in _COSTS if known >= size), default=below)
    part = (size - below) / (above - below) if above > below else 0.0
    return _COSTS[below] + part * (_COSTS[above] - _COSTS[below])


def _class(found: int) -> int:
    return max(length for length in _LIKELY if length <= found)
