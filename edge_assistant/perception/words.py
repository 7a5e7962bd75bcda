"""Words and sentences with their times, from Whisper's tokens and the attention that follows the sound."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.core.evidence import Word
from edge_assistant.perception.decoding import POSITION_SECONDS, TokenVocabulary
from edge_assistant.perception.whisper import Hypothesis

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MEDIAN = 7  # positions (openai/whisper: timing.py, medfilt_width)
_EXCHANGES = (
    (0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4),
)  # fmt: skip
_OPENING = "\"'“¿([{-"  # belongs to the word that follows (openai/whisper: prepend_punctuations)
_WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # languages that do not space their words
_SENTENCE_END = re.compile(r"[.?!。？！][\"'”)\]]*$")
_ABBREVIATION = re.compile(
    r"^(?:[A-Za-z]|[A-Za-z]\.[A-Za-z.]*|mr|mrs|ms|dr|st|no|vs|prof|approx|ca|e\.g|i\.e)\.$", re.I
)
_LONG_PAUSE = 2.0  # seconds that part sentences where no full stop does


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words up to a full stop or a long pause.

    Attributes:
        text: the sentence.
        words: its words, times in seconds of the window.
        probability: geometric mean over its tokens.
    """

    text: str
    words: tuple[Word, ...]
    probability: float


def sentences(
    hypothesis: Hypothesis, vocabulary: TokenVocabulary, language: str, regions: Sequence[tuple[float, float]]
) -> list[Sentence]:
    """The sentences of a window.

    Args:
        hypothesis: what was understood.
        vocabulary: of the model.
        language: which was spoken.
        regions: first and last second of each stretch of speech; words are moved into them.
    """
    at = [i for i, token in enumerate(hypothesis.tokens) if token < vocabulary.end]
    if not at:
        return []
    tokens = [hypothesis.tokens[i] for i in at]
    bounds = _token_times(hypothesis.attention[[*at, at[-1] + 1] if at[-1] + 1 < len(hypothesis.attention) else at])
    spans = _merge_punctuation(_spans(tokens, vocabulary, spaced=language not in _WITHOUT_SPACES), tokens, vocabulary)
    scores = [hypothesis.log_probabilities[i] for i in at]
    found: list[tuple[Word, str, int, int]] = []
    for a, b in spans:
        text = vocabulary.tokenizer.decode(tokens[a:b])
        start, end = _into_speech(bounds[a], bounds[min(b, len(bounds) - 1)], regions)
        start = max(start, found[-1][0].end if found else 0.0)
        word = Word(text.strip(), start, max(start, end), math.exp(sum(scores[a:b]) / (b - a)))
        if word.text:
            found.append((word, text, a, b))
    return [_sentence(group, scores) for group in _grouped(found)]


def _sentence(group: Sequence[tuple[Word, str, int, int]], scores: Sequence[float]) -> Sentence:
    own = scores[group[0][2] : group[-1][3]]
    text = "".join(raw for _, raw, _, _ in group).strip()
    return Sentence(text, tuple(word for word, *_ in group), math.exp(sum(own) / len(own)))


def _grouped(found: Sequence[tuple[Word, str, int, int]]) -> list[list[tuple[Word, str, int, int]]]:
    groups: list[list[tuple[Word, str, int, int]]] = []
    previous: Word | None = None
    for item in found:
        if previous is None or _ends(previous.text) or item[0].start - previous.end > _LONG_PAUSE:
            groups.append([])
        groups[-1].append(item)
        previous = item[0]
    return groups


def _ends(word: str) -> bool:
    return bool(_SENTENCE_END.search(word)) and not _ABBREVIATION.match(word)


def _spans(tokens: Sequence[int], vocabulary: TokenVocabulary, *, spaced: bool) -> list[tuple[int, int]]:
    """First and last+1 token of each word: a word begins with a space, and bytes of one character stay together."""
    pieces: list[tuple[int, int]] = []
    start = 0
    for end in range(1, len(tokens) + 1):
        if "\N{REPLACEMENT CHARACTER}" not in vocabulary.tokenizer.decode(tokens[start:end]) or end == len(tokens):
            pieces.append((start, end))
            start = end
    if not spaced:
        return pieces
    spans: list[tuple[int, int]] = []
    for a, b in pieces:
        text = vocabulary.tokenizer.decode(tokens[a:b])
        if not spans or text.startswith(" ") or text.strip() in string.punctuation:
            spans.append((a, b))
        else:
            spans[-1] = (spans[-1][0], b)
    return spans


def _merge_punctuation(
    spans: Sequence[tuple[int, int]], tokens: Sequence[int], vocabulary: TokenVocabulary
) -> list[tuple[int, int]]:
    """Join a mark to the word that it belongs to, and what follows a point or a dash without a space, as in 10.5."""
    merged: list[tuple[int, int]] = []
    opened = False
    for a, b in spans:
        text = vocabulary.tokenizer.decode(tokens[a:b])
        joins = bool(merged) and (opened or not text.startswith(" "))
        merged = [*merged[:-1], (merged[-1][0], b)] if joins else [*merged, (a, b)]
        opened = text.startswith(" ") and text.strip() in _OPENING
    return merged


def _token_times(attention: NDArray[np.float32]) -> list[float]:
    """Second at which each token begins, and the last ends.

    As openai/whisper's timing.py: weights are standardised over the tokens, median-filtered over time, averaged over
    the heads, and aligned by dynamic time warping.

    Args:
        attention: f32 [tokens + 1, heads, positions].
    """
    weights = attention.transpose(1, 0, 2)
    deviation = weights.std(axis=1, keepdims=True)
    weights = (weights - weights.mean(axis=1, keepdims=True)) / np.maximum(deviation, 1e-10)
    smooth = np.mean([_median(head) for head in weights], axis=0)
    return [position * POSITION_SECONDS for position in first_positions(-smooth)]


def _median(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each value f32 [rows, columns] and the three on each side of it the median; rows are mirrored at their ends.

    A network of exchanges does it for all values at once (N. Devillard 1998, "Fast median search", opt_med7).
    """
    half = _MEDIAN // 2
    padded = np.pad(rows, ((0, 0), (half, half)), mode="reflect")
    seven = [padded[:, at : at + rows.shape[1]] for at in range(_MEDIAN)]
    for low, high in _EXCHANGES:
        a, b = seven[low], seven[high]
        seven[low], seven[high] = np.minimum(a, b), np.maximum(a, b)
    return seven[half]


def first_positions(cost: NDArray[np.float32]) -> list[int]:
    """First column of each row on the cheapest monotone path from the first cell to the last (dynamic time warping).

    A row is computed at once: with C the sums of its costs, the cheapest way to column j is C[j] and the least of what
    it costs to come from the row above at any column k up to j, less C[k - 1].

    Args:
        cost: f32 [rows, columns].
    """
    rows, columns = cost.shape
    steps = np.empty((rows, columns), np.int8)  # 0 from both before, 1 from the row above, 2 from the column before
    before = np.full(columns + 1, np.inf)
    before[0] = 0
    for i in range(rows):
        sums = np.cumsum(cost[i], dtype=np.float64)
        above = np.minimum(before[:-1], before[1:])
        total = sums + np.minimum.accumulate(above - (sums - cost[i]))
        steps[i] = before[1:] < before[:-1]
        steps[i, 1:][total[:-1] < above[1:]] = 2
        before = np.concatenate([[np.inf], total])
    return _followed(steps)


def _followed(steps: NDArray[np.int8]) -> list[int]:
    """The first column of each row on the way back from the last cell."""
    first = [0] * len(steps)
    i, j = len(steps) - 1, steps.shape[1] - 1
    while i >= 0 and j >= 0:
        first[i] = j
        kind = int(steps[i, j])
        i, j = i - (kind != 2), j - (kind != 1)
    return first


def _into_speech(start: float, end: float, regions: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Move a word's ends out of silence: its start on to the next speech, its end back to the last."""
    for a, b in regions:
        if start < b:
            start = max(start, a)
            break
    for a, b in reversed(regions):
        if end > a:
            end = min(end, b)
            break
    return start, max(start, end)
