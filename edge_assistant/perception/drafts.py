"""Which tokens probably come next, so that the decoder checks several in one run instead of one in each.

A run of the decoder reads all of its weights, whether for one token or for a dozen. What is guessed here is only a
draft: of a guess that fails nothing is kept, so the words are the same with and without it, as far as several rows are
rounded like one (Leviathan et al. 2023, "Fast Inference from Transformers via Speculative Decoding").
"""

from __future__ import annotations

from collections.abc import Sequence

_MOST = 12  # tokens in one run; more cost more than they save where an early one fails
_TAIL = 2  # tokens that must stand in the draft for what follows them there to be guessed


def guess(tokens: Sequence[int], draft: Sequence[int], first_timestamp: int) -> list[int]:
    """Tokens that probably follow.

    Args:
        tokens: what was said so far.
        draft: what another hypothesis says about the same sound; may be empty.
        first_timestamp: the least token that is a time.

    Returns:
        What follows in the draft where the same stands as the tokens end with, the nearest place first; behind the time
        at which a sentence ends the same time, at which the next begins; else nothing.
    """
    if not tokens:
        return list(draft[:_MOST])
    tail = list(tokens[-_TAIL:])
    ends = [end for end in range(len(tail), len(draft)) if list(draft[end - len(tail) : end]) == tail]
    if ends:
        end = min(ends, key=lambda place: abs(place - len(tokens)))
        return list(draft[end : end + _MOST])
    closes = len(tokens) > 1 and tokens[-1] >= first_timestamp > tokens[-2]
    return [tokens[-1]] if closes else []
