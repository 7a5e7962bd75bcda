"""One source and one question: the model copies what the source says, or says that it does not tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_assistant.evidence import Evidence
from edge_assistant.language.chat import Message
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.comprehension.expected import Expected, answers, truth
from edge_assistant.reasoning.comprehension.grounding import found
from edge_assistant.reasoning.comprehension.pages import as_read
from edge_assistant.reasoning.sources import Source, select
from edge_assistant.reasoning.told.corrections import corrected
from edge_assistant.signals import Origin

_NEAREST = 3  # lines of a second look
_NEAR = 0.4  # cosine from which on a line may be what is asked about
_AGAIN = 0.5  # confidence from which on a second look counts
_MOST_TOKENS = 28  # of an answer; a sentence that answers why has 20


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says to a question.

    Attributes:
        signal: id of the source.
        text: as the model copied it.
        evidence: the lines in which it stands.
        told: probability that the source tells this, against "not told".
        fits: probability that this, seen in its line, answers the question.
    """

    signal: str
    text: str
    evidence: tuple[Evidence, ...]
    told: float
    fits: float

    @property
    def confidence(self) -> float:
        """Probability that it is right: both have to be so."""
        return self.told * self.fits


class Reader:
    """Reads sources.

    Args:
        engine: opens the language model.
        embedder: opens the sentence embedder, where there is one.
    """

    def __init__(self, engine: Callable[[], Engine], embedder: Callable[[], Embedder | None]) -> None:
        self._engine = engine
        self._embedder = embedder

    def read(self, question: str, source: Source, kind: Expected) -> Reading | None:
        """What a source says; None where it does not tell, where it cannot be found in it, or is of another type.

        Where a source does not tell, the lines of it that are nearest in meaning are read once more, by themselves.
        """
        lines = select(question, source, self._engine().count, self._embedder())
        if (reading := self._look(question, source, lines, kind)) is not None or len(lines) <= _NEAREST:
            return reading
        near = self._nearest(question, lines)
        again = self._look(question, source, near, kind) if near else None
        return again if again is not None and again.confidence >= _AGAIN else None

    def _nearest(self, question: str, lines: Sequence[Evidence]) -> list[Evidence]:
        """The lines that are nearest in meaning to a question, in their order; none where no line is near."""
        cosines = self._cosines(question, as_read(lines))
        if max(cosines, default=0.0) < _NEAR:
            return []
        best = sorted(sorted(range(len(lines)), key=lambda i: -cosines[i])[:_NEAREST])
        return [lines[i] for i in best]

    def _cosines(self, question: str, texts: Sequence[str]) -> list[float]:
        """How near texts are to a question; empty without an embedder."""
        embedder = self._embedder()
        if embedder is None:
            return []
        vectors = embedder.embed([question, *texts])
        return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

    def _look(self, question: str, source: Source, lines: Sequence[Evidence], kind: Expected) -> Reading | None:
        engine = self._engine()
        if not lines:
            return None
        shown = [corrected(text) for text in as_read(lines)]
        messages = prompts.reading(source.signal.kind, shown, question, lasting=source.signal.origin is Origin.FILE)
        untold: str = prompts.prompts()["reading"]["untold"]
        copied = written(engine, messages, _MOST_TOKENS).rstrip(".")
        if not copied or copied.lower().startswith(untold) or not answers(copied, kind):
            return None
        places = self._places(copied, question, lines, shown, kind)
        if not places:
            return None
        told = against(engine, messages, copied, untold)
        text = dict(zip(lines, shown, strict=True))
        seen = " ".join(text[line] for line in places)
        given = (f"Line: {seen}", f"Question: {question}", f"Answer: {copied}")
        fits = against(engine, prompts.asked("verifying", *given), "yes", "no")
        return Reading(source.signal.id, copied, places, told, fits)

    def _places(
        self, copied: str, question: str, lines: Sequence[Evidence], shown: Sequence[str], kind: Expected
    ) -> tuple[Evidence, ...]:
        """The lines of a reading; a bare yes or no rests on the line that is nearest in meaning to the question."""
        if places := found(copied, lines, shown):
            return places
        yes, rest = truth(copied)
        if yes is None or kind is not Expected.TRUTH:
            return ()
        if rest:
            return found(rest, lines, shown)
        cosines = self._cosines(question, shown)
        return (lines[cosines.index(max(cosines))],) if cosines else ()


def against(engine: Engine, messages: Sequence[Message], text: str, other: str) -> float:
    """The probability that the model writes a text rather than another."""
    choice = engine.choose(messages, (other, text))
    return choice.probability if choice.index == 1 else 1 - choice.probability


def written(engine: Engine, messages: Sequence[Message], most: int) -> str:
    """The first line that the model writes."""
    text = ""
    for piece in engine.stream(messages, max_tokens=most):
        text += piece
        if "\n" in text.strip():
            break
    return text.strip().split("\n")[0].strip()
