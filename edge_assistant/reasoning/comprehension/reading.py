"""One source and one question: the model copies what the source says, or says that it does not tell."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Origin
from edge_assistant.language.chat import Message
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.comprehension.expected import Expected, answers, is_of_kind, truth
from edge_assistant.reasoning.comprehension.grounding import found
from edge_assistant.reasoning.comprehension.pages import as_read
from edge_assistant.reasoning.sources import BUDGET, Source, fits_whole, select
from edge_assistant.reasoning.values.candidates import clocks, quantities
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.values import Clock, Day, Month, Quantity, Value

# The weights were fitted to 282 readings of development sets (wide, u2, k2) with Qwen2.5-Coder-1.5B; then the whole
# was scaled by 0.59 and lowered by 0.87, which fits the 131 answers of two sets at first sight (u5, k3).
_BIAS, _TOLD, _FITS = -1.3, 0.29, 0.45
_CALL_BIAS, _CALLED, _CALL_FITS = -2.4, 0.37, 0.39  # the same of 37 computed answers
_JOINT_BIAS, _JOINT_FITS = -0.65, 0.27  # and of 23 that took several sources
ONLY = 0.7  # probability of a value that is the only one of its kind; no set had enough of them to fit it
_LEAST = 0.001  # a probability is kept this far from 0 and 1

MOST_AHEAD = 4  # sources that are read before there is a question
_MOST_TOKENS = 28  # of an answer; a sentence that answers why has 20


Page = Mapping[Evidence, str]
"""Lines of a source, each as it is read."""


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
        """Probability that it is right, by a logistic regression over both."""
        return confidence(self.told, self.fits)


def confidence(told: float, fits: float) -> float:
    """The probability that a reading is right.

    Args:
        told: probability that the source tells it.
        fits: probability that it, in its line, answers the question.

    >>> round(confidence(0.95, 0.95), 2), round(confidence(0.5, 0.8), 2), round(confidence(0.5, 0.5), 2)
    (0.71, 0.34, 0.21)
    """
    return _logistic(_BIAS + _TOLD * _logit(told) + _FITS * _logit(fits))


def computed_confidence(called: float, fits: float) -> float:
    """The probability that a computed value is right.

    Args:
        called: probability of the call, against none.
        fits: probability that its result answers the question.

    >>> round(computed_confidence(0.99, 0.8), 2), round(computed_confidence(0.95, 0.4), 2)
    (0.46, 0.19)
    """
    return _logistic(_CALL_BIAS + _CALLED * _logit(called) + _CALL_FITS * _logit(fits))


def joint_confidence(fits: float) -> float:
    """The probability that what several sources tell together is right.

    Args:
        fits: probability that it, beside its lines, answers the question.
    """
    return _logistic(_JOINT_BIAS + _JOINT_FITS * _logit(fits))


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def _logit(probability: float) -> float:
    kept = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(kept / (1 - kept))


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
        """What a source says; None where it does not tell, where it cannot be found in it, or is of another type."""
        return self._look(question, source, self.page(question, source), kind)

    def prompt(self, question: str, source: Source) -> list[Message]:
        """What the model is shown of a source for a question."""
        return self._messages(question, source, self.page(question, source))

    def prefill(self, sources: Sequence[Source]) -> None:
        """Let the model read sources that a prompt holds whole, up to `MOST_AHEAD` of them, before there is a question.

        Args:
            sources: in the order of the signals.
        """
        engine = self._engine()
        held = [s for s in sources if s.table is None and s.lines and fits_whole(s, engine.count)]
        for source in held[:MOST_AHEAD]:
            engine.prefill(self.prompt("", source))

    def seek(self, question: str, source: Source, like: Value, text: str) -> Reading | None:
        """What a source that was read as not telling says all the same; None where nothing in it is of that type.

        Of the values in it that can be compared with what another source tells, the model chooses one against none.

        Args:
            question: as it was asked.
            source: where to look.
            like: what another source tells.
            text: the words of that.
        """
        page = self.page(question, source)
        places = _alike(page, like, text, unit=True) or _alike(page, like, text, unit=False)
        if not places:
            return None
        messages, choices = self._messages(question, source, page), [*places]
        chosen = choices[self._engine().choose(messages, choices).index] if len(choices) > 1 else choices[0]
        return self._weighed(chosen, question, source, (places[chosen],), messages, page)

    def only(self, sources: Sequence[Source], like: Value) -> Reading | None:
        """The only value in some sources that can be compared with another and has its unit; None where more do.

        Args:
            sources: where to look.
            like: such as a number in the unit of a column, for which a limit is looked for.
        """
        found: list[tuple[str, Evidence, str]] = []
        for source in sources:
            page = dict(zip(source.lines, as_read(source.lines), strict=True))
            found += [(text, line, source.signal.id) for text, line in _alike(page, like, "", unit=True).items()]
        if len(found) != 1:
            return None
        text, line, signal = found[0]
        return Reading(signal, text, (line,), ONLY, ONLY)

    def page(self, question: str, source: Source, budget: int = BUDGET) -> Page:
        """The lines that matter to a question, up to a number of tokens."""
        texts = dict(zip(source.lines, as_read(source.lines), strict=True))
        return {line: texts[line] for line in select(question, source, self._engine().count, self._embedder(), budget)}

    def _cosines(self, question: str, texts: Sequence[str]) -> list[float]:
        """How near texts are to a question; empty without an embedder."""
        embedder = self._embedder()
        if embedder is None:
            return []
        vectors = embedder.embed([question, *texts])
        return [float(cosine) for cosine in vectors[1:] @ vectors[0]]

    def _look(self, question: str, source: Source, page: Page, kind: Expected) -> Reading | None:
        engine = self._engine()
        if not page:
            return None
        messages = self._messages(question, source, page)
        copied = written(engine, messages, _MOST_TOKENS).rstrip(".")
        if not copied or copied.lower().startswith(prompts.untold()) or not answers(copied, kind):
            return None
        places = self._places(copied, question, [*page], [*page.values()], kind)
        return self._weighed(copied, question, source, places, messages, page) if places else None

    def _messages(self, question: str, source: Source, page: Page) -> list[Message]:
        shown = [*page.values()]
        return prompts.reading(source.signal.kind, shown, question, lasting=source.signal.origin is Origin.FILE)

    def _weighed(
        self,
        copied: str,
        question: str,
        source: Source,
        places: tuple[Evidence, ...],
        messages: Sequence[Message],
        page: Page,
    ) -> Reading:
        """A reading with its probabilities."""
        told = against(self._engine(), messages, copied, prompts.untold())
        seen = " ".join(page[line] for line in places)
        fits = fitting(self._engine(), seen, question, copied)
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


def alike(text: str, value: Value, words: str, *, unit: bool = False) -> Iterator[str]:
    """What in a text can be compared with a value: those of its type, or the very words.

    Args:
        text: where to look.
        value: what another source tells.
        words: the words of that.
        unit: whether a bare number is none beside a quantity with a unit.
    """
    finders = {Quantity: quantities, Clock: clocks, Day: dates, Month: dates}
    if finder := finders.get(type(value)):
        yield from (candidate.text for candidate in finder(text) if is_of_kind(candidate.value, value, unit=unit))
    elif match := re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.I):
        yield match[0]


def _alike(page: Page, value: Value, words: str, *, unit: bool) -> dict[str, Evidence]:
    """What on a page can be compared with a value, each with the first line that has it."""
    found = dict[str, Evidence]()
    for line, shown in page.items():
        for candidate in alike(shown, value, words, unit=unit):
            found.setdefault(candidate, line)
    return found


def against(engine: Engine, messages: Sequence[Message], text: str, other: str) -> float:
    """The probability that the model writes a text rather than another."""
    choice = engine.choose(messages, (other, text))
    return choice.probability if choice.index == 1 else 1 - choice.probability


def fitting(engine: Engine, line: str, question: str, answer: str) -> float:
    """The probability that an answer, seen in its line, answers a question."""
    given = (f"Line: {line}", f"Question: {question}", f"Answer: {answer}")
    return against(engine, prompts.asked("verifying", *given), "yes", "no")


def written(engine: Engine, messages: Sequence[Message], most: int) -> str:
    """The first line that the model writes."""
    text = ""
    for piece in engine.stream(messages, max_tokens=most):
        text += piece
        if "\n" in text.strip():
            break
    return text.strip().split("\n")[0].strip()
