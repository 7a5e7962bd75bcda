"""Meaning by example: which attribute a question asks for, or a sentence tells, by examples of how people put it.

The rules over words come first, for they are exact. What they do not know is compared with the examples of the
vocabulary (rules/examples) by the sentence embedder: the nearest of those whose values are of the right type decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.nearest import clear, nearness
from edge_assistant.reasoning.permitting import may_mean
from edge_assistant.reasoning.question import LIMIT, Query, admitted, as_meaning, bare
from edge_assistant.reasoning.rules.vocabulary import NONE, VALUE, Attribute, Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_of
from edge_assistant.reasoning.told.lists import is_drug
from edge_assistant.reasoning.values.candidates import find

# Mean cosine of the nearest examples from which on a question asks for what they ask for, and how far the next
# attribute must be behind.
ASKED_LIKENESS = 0.6
ASKED_MARGIN = 0.04
OVERRULED = 0.25  # as far behind must be every other than what a name in the question says
AROUND = 0.1  # is added for an attribute that the signals tell: it is what a question over them is about
_LESS, _FAR = 0.08, 0.14  # how much less like an attribute may be, and how far ahead it must then be
_STANDS_FOR = {  # what stands in an example and in what is compared with it for a value of each type
    "money": "20 dollars",
    "quantity": "20",
    "number": "20",
    "date": "3 May",
    "clock": "10:30",
    "name": "Alex",
    "identifier": "AB12",
    "telephone": "555 1234",
    "pair": "120 over 80",
    "words": "that",
    "items": "those",
}
_PLACES = {"name": "she", "thing": "thing", "drug": "aspirin"}
_OWNER = "her"  # of a name with an s
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Likely:
    """An attribute that a text may be about.

    Attributes:
        attribute: which; None for none of the vocabulary.
        likeness: mean cosine of the nearest examples, and what `Meaning` adds.
    """

    attribute: Attribute | None
    likeness: float


class Meaning:
    """Compares texts with examples. Without an embedder nothing is like anything.

    Args:
        embedder: opens the sentence embedder, where there is one.
        around: names of the attributes that the signals tell by rules: what is asked or told is likelier one of them.
    """

    def __init__(self, embedder: Callable[[], Embedder | None], around: Collection[str] = ()) -> None:
        self._embedder = embedder
        self.around = frozenset(around)

    def among(self, around: Collection[str]) -> Meaning:
        """The same where the signals tell some attributes."""
        return Meaning(self._embedder, around)

    def asked(self, question: str, values: Collection[str] | None = None) -> list[Likely]:
        """What a question may ask for, the likeliest first.

        Args:
            question: without the courtesies before it.
            values: types of value that can answer; None for any.
        """
        return self._ranked(_nameless(question), _asked(), lambda a: values is None or a is None or a.value in values)

    def told(self, sentence: str, start: int, end: int, value: str, units: Collection[str] = ()) -> list[Likely]:
        """What a value in a sentence may be told of, the likeliest first.

        Args:
            sentence: with the value at the characters [start, end).
            start: of the value.
            end: of the value.
            value: its type.
            units: canonical units that it can have; empty where it has none.
        """
        text = masked(sentence, start, end, value)
        return self._ranked(text, _told(), lambda a: a is None or _can_be(a, value, units))

    def labelled(self, label: str) -> list[Likely]:
        """What a label on a page may mean, the likeliest first: names of attributes are the examples."""
        return self._ranked(label.lower(), _names(), lambda _: True)

    def near(self, text: str, examples: tuple[str, ...]) -> list[float]:
        """The cosine of a text and each of some examples, from the middle of those; none without an embedder."""
        embedder = self._embedder() if examples else None
        if embedder is None:
            return []
        known, middle = _centred(embedder, examples)
        cosines: list[float] = (known @ _unit(embedder.embed([text]) - middle)[0]).tolist()
        return cosines

    def opened(self) -> Embedder | None:
        """The sentence embedder, where there is one."""
        return self._embedder()

    def _ranked(self, text: str, index: _Index, admitted: Callable[[Attribute | None], bool]) -> list[Likely]:
        near = self.near(text, index.texts)
        best = (
            Likely(attribute, self._likeness(attribute, [near[row] for row in rows]))
            for attribute, rows in (index.rows if near else ())
            if admitted(attribute)
        )
        return sorted(best, key=lambda likely: -likely.likeness)

    def _likeness(self, attribute: Attribute | None, near: Iterable[float]) -> float:
        """The mean cosine of the nearest examples, and more for what the signals tell anyhow."""
        at_hand = attribute is not None and attribute.name in self.around
        return nearness(near) + (AROUND if at_hand else 0.0)


def by_example(query: Query, meaning: Meaning) -> Query:
    """A question with the attribute that examples say it means, where it does not name one.

    A limit is no measured value, however like one it is asked for; of a question whether sources agree, only what they
    are to agree on is compared.
    """
    is_limit = bool(query.attributes) and query.attributes[0].name == LIMIT
    if query.whole or query.counted or query.category or query.computing or is_limit:
        return query
    if query.agreement:
        ranked = [] if query.attributes else meaning.asked(f"What is the {query.attribute}?")
    else:
        ranked = meaning.asked(bare(query.text), admitted(query))
    sure = query.named and query.attributes[0].name in meaning.around
    likely = surely(ranked, ASKED_LIKENESS, OVERRULED if sure else ASKED_MARGIN)
    if likely is None or likely.attribute is None or query.attributes[:1] == (likely.attribute,):
        return query
    if not may_mean(query.text, likely.attribute):
        return query
    return as_meaning(query, likely.attribute)


def masked(sentence: str, start: int, end: int, value: str) -> str:
    """A sentence as it is compared: the same for every value of a type at [start, end), and for every thing at hand."""
    before, behind = (_things().sub(_PLACES["thing"], part) for part in (sentence[:start], sentence[end:]))
    return " ".join(f"{before}{_STANDS_FOR[value]}{behind}".split())


def compared_with() -> tuple[str, ...]:
    """All that texts are compared with here: examples filled in, and names."""
    return (*_asked().texts, *_told().texts, *_names().texts)


def tellings() -> tuple[str, ...]:
    """All examples that tell an attribute, filled in."""
    return _told().texts


def told_of(told: Mapping[str, Iterable[Claim]]) -> frozenset[str]:
    """The attributes that sources tell."""
    return frozenset(c.attribute for claims in told.values() for c in claims if c.attribute and c.present)


def surely(ranked: Sequence[Likely], likeness: float, margin: float) -> Likely | None:
    """The likeliest attribute, where it is like enough and no other is nearly as like; None where none is meant.

    One that is far ahead of all others may be a little less like.
    """
    best = clear([(likely, likely.likeness) for likely in ranked], likeness, margin, less=_LESS, far=_FAR)
    return best if best is not None and best.attribute is not None else None


@dataclass(frozen=True, slots=True)
class _Index:
    """Examples in one order.

    Attributes:
        texts: of all attributes.
        rows: of each attribute, the numbers of its texts.
    """

    texts: tuple[str, ...]
    rows: tuple[tuple[Attribute | None, tuple[int, ...]], ...]


@lru_cache(maxsize=32)
def _centred(embedder: Embedder, examples: tuple[str, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The vectors of examples from their middle, each of length 1, and the middle."""
    known = embedder.known(examples)
    middle: NDArray[np.float32] = known.mean(axis=0)
    return _unit(known - middle), middle


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-6)
    return vectors / lengths


def _can_be(attribute: Attribute, value: str, units: Collection[str]) -> bool:
    return attribute.value == value and (not units or not attribute.units or bool(attribute.units & set(units)))


@per_vocabulary
def _names(vocabulary: Vocabulary) -> _Index:
    named = {key: (*a.names, *a.labels) for key, a in vocabulary.attributes.items()}
    return _index(vocabulary, named)


@per_vocabulary
def _asked(vocabulary: Vocabulary) -> _Index:
    asked = {key: tuple(map(_filled, examples.asked)) for key, examples in vocabulary.examples.items()}
    return _index(vocabulary, asked)


@per_vocabulary
def _told(vocabulary: Vocabulary) -> _Index:
    told = {
        key: tuple(_filled(text, _STANDS_FOR.get(vocabulary.attributes[key].value, "that")) for text in examples.told)
        for key, examples in vocabulary.examples.items()
        if key != NONE
    }
    return _index(vocabulary, told)


def _index(vocabulary: Vocabulary, texts: Mapping[str, Sequence[str]]) -> _Index:
    """The index of the texts of each attribute, by its key."""
    said: list[str] = []
    rows: list[tuple[Attribute | None, tuple[int, ...]]] = []
    for key, own in sorted(texts.items()):
        if own:
            rows.append((vocabulary.attributes.get(key), tuple(range(len(said), len(said) + len(own)))))
            said += own
    return _Index(tuple(said), tuple(rows))


def _filled(example: str, value: str = "that") -> str:
    """An example with something in its places."""
    owned = example.replace("{name}'s", _OWNER)
    return _PLACE.sub(lambda place: value if place[1] == VALUE else _PLACES[place[1]], owned)


def _nameless(question: str) -> str:
    """A question with one name for all people and one for all medicines: who is meant does not say what is asked."""
    text = question
    for start, end in reversed(_named(question)):
        owns = text[start:end].endswith("'s") or text[end:].startswith("'s")
        rest = text[end:].removeprefix("'s")
        text = f"{text[:start]}{_OWNER if owns else _PLACES['name']}{rest}"
    text = re.sub(r"[^\W\d_]{4,}", lambda word: _PLACES["drug"] if is_drug(word[0]) else word[0], text)
    return _things().sub(_PLACES["thing"], text)


@per_vocabulary
def _things(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words for the thing at hand that name no attribute: which it is does not say what is asked of it."""
    telling = vocabulary.telling
    meant = {word for attribute in vocabulary.attributes.values() for name in attribute.names for word in name.split()}
    return any_of({*telling["words"]["numbered"], *telling["goods"]["packs"]} - meant)


def _named(question: str) -> Sequence[tuple[int, int]]:
    """The spans of names in a question; its first word has a capital anyhow."""
    rest = question.find(" ") + 1
    if not re.search(r"[a-z]", question) or not re.search(r"[A-Z]", question[rest:]):
        return ()  # there is nothing to tell names by
    found = find("name", question[rest:]) if rest else ()
    return [(c.start + rest, c.end + rest) for c in found if not c.text.isupper()]  # VAT and IBAN name nobody
