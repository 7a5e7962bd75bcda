"""Which of two values is told of somebody or something else, or of another time, in words that no rule knows.

Where a text tells two values of one attribute, both as of the one at hand and of now, one of them is often an aside.
Sentences of both kinds (rules/asides.toml) say which: a linear discriminant over their vectors by the sentence embedder
tells them apart. It decides between two values only. Of a single value it would be wrong too often: at a loss of 1 in
100 values that are no aside it finds a fifth of those that are one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.meaning import Meaning, masked, tellings
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import listed
from edge_assistant.reasoning.told.sayings import Found, Saying, kind_of

ANOTHER = "another"  # the subject of what is told of somebody or something else in words that no rule knows
ANOTHER_TIME = "at another time"
# How much liker an aside than none the vectors must be, of 1 between the two, and how much liker than of the other
# value; for a third of the sentences that the fit has not seen see tests/reasoning/told/test_asides.py.
ASIDE = 0.2
AHEAD = 0.5
_RIDGE = 3e-4  # keeps the fit from following single sentences; the best of six by three-fold cross-validation
_TYPES = ("money", "quantity", "number", "date", "clock", "name", "identifier", "telephone", "pair")
_CLASSES = ("own", "other", "earlier")
_MAX_RIVALS = 6  # values of one attribute: more are a list, in which none is an aside
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much liker an aside than none a sentence is.

    Attributes:
        other: one about somebody or something else.
        earlier: one about another time.
    """

    other: float
    earlier: float

    @property
    def most(self) -> float:
        """Of whichever it is likelier."""
        return max(self.other, self.earlier)


def without_asides(found: Sequence[Found], said: Sequence[Saying], meaning: Meaning) -> list[Found]:
    """The same, with another subject or time for what is told beside a value that is more the one at hand.

    Args:
        found: what a text tells, spans in the text.
        said: its clauses.
        meaning: has the embedder; without one all stays as it is.
    """
    changed = list(found)
    for rows in _rivals(found):
        likes = [_likeness(found[row], [found[other] for other in rows], said, meaning) for row in rows]
        known = [(like, row) for like, row in zip(likes, rows, strict=True) if like is not None]
        if len(known) < len(rows):
            continue
        least = min(like.most for like, _ in known)
        for like, row in known:
            if like.most >= ASIDE and like.most - least >= AHEAD:
                is_other = like.other >= like.earlier
                subject, when = (ANOTHER, None) if is_other else (None, ANOTHER_TIME)
                changed[row] = replace(found[row], subject=subject, when=when)
    return changed


def _rivals(found: Sequence[Found]) -> list[list[int]]:
    """The numbers of those that tell different values of one attribute, all of the one at hand and of now."""
    groups: dict[tuple[str, str | None], list[int]] = {}
    for row, f in enumerate(found):
        if f.subject is None and f.when is None and not f.negated and kind_of(f.attribute) in _TYPES:
            groups.setdefault((f.attribute, f.statistic), []).append(row)
    return [rows for rows in groups.values() if _differ(found, rows) and len(rows) <= _MAX_RIVALS]


def _differ(found: Sequence[Found], rows: Sequence[int]) -> bool:
    return any(found[row].value != found[rows[0]].value for row in rows)


def _likeness(one: Found, rivals: Sequence[Found], said: Sequence[Saying], meaning: Meaning) -> Likeness | None:
    """How like an aside the clause of a value is, or its sentence where that tells none of the other values."""
    saying = next((s for s in said if s.clause.start <= one.start < s.clause.end), None)
    embedder = meaning.opened()
    if saying is None or embedder is None:
        return None
    beside = [s for s in said if s.clause.sentence == saying.clause.sentence]
    start, end = beside[0].clause.start, beside[-1].clause.end
    at = saying.sentence.find(saying.text)
    alone = not any(start <= rival.start < end for rival in rivals if rival is not one)
    whole = alone and at >= 0
    begin = one.start - saying.clause.start + (at if whole else 0)
    text = masked(saying.sentence if whole else saying.text, begin, begin + one.end - one.start, kind_of(one.attribute))
    own, other, earlier = _discriminant(embedder, vocabulary()).scores(embedder.embed([text]))[0].tolist()
    is_own = any(speaking.subject is None for speaking in saying.speaking)
    is_now = listed("now").search(saying.text) is not None
    return Likeness(-1.0 if is_own else other - own, -1.0 if is_now else earlier - own)


@dataclass(frozen=True, slots=True)
class Discriminant:
    """Linear scores of classes: least squares with a ridge on their indicators, each class with the same weight.

    Attributes:
        middle: float32 [d], what is taken off the vectors.
        weights: float64 [d + 1, classes], the last row a constant.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition, sections 3.4.1 and 4.2.
    """

    middle: NDArray[np.float32]
    weights: NDArray[np.float64]

    @staticmethod
    def of(classes: Sequence[NDArray[np.float32]], middle: NDArray[np.float32]) -> Discriminant:
        """Fit to the vectors of each class, [n, d]."""
        points = _centred(np.concatenate(classes), middle)
        number = np.repeat(np.arange(len(classes)), [len(vectors) for vectors in classes])
        share = 1.0 / (len(classes) * np.bincount(number).astype(np.float64))
        weighted = points * share[number][:, None]
        ridge = np.diag([_RIDGE] * (points.shape[1] - 1) + [0.0])
        indicators = np.eye(len(classes))[number]
        weights = np.linalg.solve(weighted.T @ points + ridge, weighted.T @ indicators).astype(np.float64)
        return Discriminant(middle, weights)

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of each class, [n, classes]; near 1 for what is of it, near 0 for what is not."""
        scores: NDArray[np.float64] = _centred(vectors, self.middle) @ self.weights
        return scores


def _centred(vectors: NDArray[np.float32], middle: NDArray[np.float32]) -> NDArray[np.float64]:
    away: NDArray[np.float64] = (vectors - middle).astype(np.float64)
    away = away / np.linalg.norm(away, axis=1, keepdims=True).clip(1e-6)
    return np.hstack([away, np.ones((len(away), 1))])


@lru_cache(maxsize=4)
def _discriminant(embedder: Embedder, vocabulary: Vocabulary) -> Discriminant:
    """Fitted to the shipped sentences; whatever else tells an attribute by example is no aside."""
    lists = [embedder.known(tuple(filled(text) for text in vocabulary.asides[name])) for name in _CLASSES]
    middle = np.concatenate(lists).mean(axis=0)
    return Discriminant.of([np.concatenate([lists[0], embedder.known(tellings())]), *lists[1:]], middle)


def compared_with() -> tuple[str, ...]:
    """All examples that texts are compared with here, filled in."""
    return tuple(filled(text) for name in _CLASSES for text in vocabulary().asides[name])


def filled(example: str) -> str:
    """An example with what stands for a value of its type, as what is compared with it has."""
    place = _PLACE.search(example)
    return example if place is None else masked(example, place.start(), place.end(), place[1])
