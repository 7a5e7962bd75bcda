"""By what a question means a thing, and what a sentence says of one, by the examples of pointed.toml."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from edge_assistant.language.embedder import Embedder
from edge_assistant.reasoning.meaning import Meaning
from edge_assistant.reasoning.nearest import clear, nearness
from edge_assistant.reasoning.question import LIMIT
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary

# Mean cosine to the nearest examples from which on a text is about their matter, and how far the next must be behind.
LIKENESS = 0.22
MARGIN = 0.08
BEHIND = 0.15  # how far a column may be behind the likeliest of all attributes
NONE = "none"  # key of the examples that are about no matter
_PLACE = "{thing}"
_STANDS_FOR = {"drug": "medicine", "goods": "goods", "item": "item"}  # what stands for a name, by the kind of thing


class Meant:
    """Compares questions and sentences with examples. Without an embedder nothing is about anything.

    Args:
        embedder: opens the sentence embedder, where there is one.
    """

    def __init__(self, embedder: Callable[[], Embedder | None]) -> None:
        self._meaning = Meaning(embedder)

    def column(self, question: str, columns: Collection[str], margin: float = MARGIN) -> str | None:
        """Which of the attributes that a table tells of its things a question asks for; None where it is not clear."""
        ranked = [(a.attribute.name if a.attribute else NONE, a.likeness) for a in self._meaning.asked(question)]
        ranked = [near for near in ranked if near[0] != LIMIT]  # how cold it must be asks for its temperature
        known = [near for near in ranked if near[0] in columns]
        if not known or len(known) < len(set(columns)) or ranked[0][1] - known[0][1] > BEHIND:
            return None  # a header may be any word; and what the table does not tell is likelier asked for
        return clear(known, LIKENESS, margin)

    def asked(self, question: str, kind: str) -> str | None:
        """By which matter a question means one of several things of a kind; None where it is not clear."""
        return self._surely(question, kind, "asked")

    def told(self, sentence: str, names: Sequence[tuple[int, int]], kind: str) -> str | None:
        """Which matter a sentence tells of a thing of a kind; None where it is not clear.

        Args:
            sentence: with the name at some of its characters.
            names: where.
            kind: of thing.
        """
        for start, end in sorted(names, reverse=True):
            sentence = f"{sentence[:start]}{_STANDS_FOR.get(kind, 'thing')}{sentence[end:]}"
        return self._surely(sentence, kind, "told")

    def nearest(self, text: str, groups: Mapping[str, Sequence[str]]) -> list[tuple[str, float]]:
        """How near a text is to each group of examples, mean cosine of the nearest ones, the nearest group first."""
        near = self._meaning.near(text, tuple(example for group in groups.values() for example in group))
        ranked, start = [], 0
        for name, group in groups.items() if near else ():
            ranked.append((name, nearness(near[start : start + len(group)])))
            start += len(group)
        return sorted(ranked, key=lambda group: -group[1])

    def _surely(self, text: str, kind: str, way: str) -> str | None:
        ranked = self.nearest(" ".join(text.split()), _groups().get((kind, way), {}))
        found = clear(ranked, LIKENESS, MARGIN)
        return None if found == NONE else found


def compared_with() -> tuple[str, ...]:
    """All examples that texts are compared with here, filled in."""
    return tuple(text for matters in _groups().values() for texts in matters.values() for text in texts)


@per_vocabulary
def _groups(vocabulary: Vocabulary) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
    """The examples of each kind of thing and way, by matter."""
    return {
        (kind, way): {
            matter: tuple(text.replace(_PLACE, _STANDS_FOR.get(kind, "thing")) for text in getattr(examples, way))
            for matter, examples in matters.items()
            if getattr(examples, way)
        }
        for kind, matters in vocabulary.pointed.items()
        for way in ("asked", "told")
    }
