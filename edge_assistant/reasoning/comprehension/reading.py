"""One source and one question: the model copies what the source says, or says that it does not tell."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_assistant.core.evidence import Evidence, Line
from edge_assistant.core.signals import Origin
from edge_assistant.language.chat import Message
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning.comprehension import prompts
from edge_assistant.reasoning.comprehension.answer_types import AnswerType, answers, is_of_kind, truth
from edge_assistant.reasoning.sources import BUDGET, Source, fits_whole, one_line, select
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.spans import has_digit
from edge_assistant.reasoning.values.values import Clock, Day, Month, Quantity, Value, same

# The weights were fitted to 282 readings of development sets (wide, u2, k2) with Qwen2.5-Coder-1.5B; then the whole
# was scaled by 0.59 and lowered by 0.87, which fits the 131 answers of two sets at first sight (u5, k3).
_BIAS, _TOLD, _FITS = -1.3, 0.29, 0.45
_CALL_BIAS, _CALLED, _CALL_FITS = -2.4, 0.37, 0.39  # the same of 37 computed answers
_JOINT_BIAS, _JOINT_FITS = -0.65, 0.27  # and of 23 that took several sources
ONLY = 0.7  # probability of a value that is the only one of its kind; no set had enough of them to fit it
_LEAST = 0.001  # a probability is kept this far from 0 and 1

MOST_AHEAD = 4  # sources that are read before there is a question
_MOST_TOKENS = 28  # of an answer; a sentence that answers why has 20
_HEADER_CELLS = 3  # of a table's header, at least; two are a label and its value
_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W_]+")
_ENOUGH = 0.75  # of the copied words in one line: a model leaves out an article, or puts a label between
_MOST_LINES = 3
LITTLE = frozenset({"the", "a", "an", "of", "in", "at", "on", "by", "with", "mr", "mrs", "ms", "miss", "dr"})


Page = Mapping[Evidence, str]
"""Lines of a source, each as it is read."""


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What one source says to a question."""

    signal: str  # id of the source
    text: str  # as the model copied it
    evidence: tuple[Evidence, ...]  # the lines in which it stands
    told: float  # probability that the source tells this, against "not told"
    fits: float  # probability that this, seen in its line, answers the question

    @property
    def confidence(self) -> float:
        """Probability that it is right, by a logistic regression over both."""
        return confidence(self.told, self.fits)

    def __str__(self) -> str:
        return f"{self.text!r}: told {self.told:.2f}, fits {self.fits:.2f}"


def confidence(told: float, fits: float) -> float:
    """The probability that a reading is right, from those that the source tells it and that it answers the question.

    >>> round(confidence(0.95, 0.95), 2), round(confidence(0.5, 0.8), 2), round(confidence(0.5, 0.5), 2)
    (0.71, 0.34, 0.21)
    """
    return _logistic(_BIAS + _TOLD * _logit(told) + _FITS * _logit(fits))


def computed_confidence(called: float, fits: float) -> float:
    """The same of a computed value, from those of the call and that its result answers the question.

    >>> round(computed_confidence(0.99, 0.8), 2), round(computed_confidence(0.95, 0.4), 2)
    (0.46, 0.19)
    """
    return _logistic(_CALL_BIAS + _CALLED * _logit(called) + _CALL_FITS * _logit(fits))


def joint_confidence(fits: float) -> float:
    """The same of an answer of several sources, from that it answers the question beside its lines."""
    return _logistic(_JOINT_BIAS + _JOINT_FITS * _logit(fits))


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def _logit(probability: float) -> float:
    kept = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(kept / (1 - kept))


class Reader:
    """Reads sources with the language model; the embedder may be missing."""

    def __init__(self, engine: Callable[[], Engine], embedder: Callable[[], Embedder | None]) -> None:
        self._engine = engine
        self._embedder = embedder

    def read(self, question: str, source: Source, kind: AnswerType) -> SourceReading | None:
        """What a source says; None where it does not tell, where it cannot be found in it, or is of another type."""
        page = self.page(question, source)
        if not page:
            return None
        messages = self._messages(question, source, page)
        copied = write_line(self._engine(), messages, _MOST_TOKENS).rstrip(".")
        if not copied or copied.lower().startswith(prompts.not_told()) or not answers(copied, kind):
            return None
        places = self._places(copied, question, page, kind)
        return self._with_probabilities(copied, question, places, messages, page) if places else None

    def prompt(self, question: str, source: Source) -> list[Message]:
        """What the model is shown of a source for a question."""
        return self._messages(question, source, self.page(question, source))

    def prefill(self, sources: Sequence[Source]) -> None:
        """Read up to `MOST_AHEAD` sources that fit into a prompt as a whole, before there is a question."""
        engine = self._engine()
        held = [s for s in sources if s.table is None and s.lines and fits_whole(s, engine.count)]
        for source in held[:MOST_AHEAD]:
            engine.prefill(self.prompt("", source))

    def seek(self, question: str, source: Source, like: Value, text: str) -> SourceReading | None:
        """What a source that was read as not telling says all the same; None if no value of it is of that type.

        The model chooses among the values comparable with `like`, which another source tells in the words `text`.
        """
        page = self.page(question, source)
        places = _comparable_on_page(page, like, text, unit=True) or _comparable_on_page(page, like, text, unit=False)
        if not places:
            return None
        messages, choices = self._messages(question, source, page), [*places]
        chosen = choices[self._engine().choose(messages, choices).index] if len(choices) > 1 else choices[0]
        return self._with_probabilities(chosen, question, (places[chosen],), messages, page)

    def only_comparable(self, sources: Sequence[Source], like: Value) -> SourceReading | None:
        """The only value in some sources that is comparable with another one and has its unit; None if several are."""
        pages = (prompt_lines(source.lines) for source in sources)
        places = [place for page in pages for place in _comparable_on_page(page, like, "", unit=True).items()]
        if len(places) != 1:
            return None
        text, line = places[0]
        return SourceReading(line.signal, text, (line,), ONLY, ONLY)

    def weigh(
        self, text: str, question: str, source: Source, page: Page, places: tuple[Evidence, ...]
    ) -> SourceReading:
        """What stands in some lines of a page as a reading, with the probabilities that it would have as one."""
        return self._with_probabilities(text, question, places, self._messages(question, source, page), page)

    def page(self, question: str, source: Source, budget: int = BUDGET) -> Page:
        """The lines that matter to a question, up to a number of tokens."""
        texts = prompt_lines(source.lines)
        return {line: texts[line] for line in select(question, source, self._engine().count, self._embedder(), budget)}

    def _messages(self, question: str, source: Source, page: Page) -> list[Message]:
        shown = [*page.values()]
        return prompts.reading(source.signal.kind, shown, question, lasting=source.signal.origin is Origin.FILE)

    def _with_probabilities(
        self, copied: str, question: str, places: tuple[Evidence, ...], messages: Sequence[Message], page: Page
    ) -> SourceReading:
        """A reading with its probabilities."""
        told = probability_against(self._engine(), messages, copied, prompts.not_told())
        seen = " ".join(page[line] for line in places)
        return SourceReading(
            places[0].signal, copied, places, told, probability_of_answer(self._engine(), seen, question, copied)
        )

    def _places(self, copied: str, question: str, page: Page, kind: AnswerType) -> tuple[Evidence, ...]:
        """The lines of a reading; a bare yes or no rests on the line that is nearest in meaning to the question."""
        if places := locate(copied, page):
            return places
        yes, rest = truth(copied)
        if yes is None or kind is not AnswerType.TRUTH:
            return ()
        embedder = self._embedder()
        if rest or embedder is None:
            return locate(rest, page)
        vectors = embedder.embed([question, *page.values()])
        return ([*page][int(np.argmax(vectors[1:] @ vectors[0]))],)


def comparable_spans(text: str, value: Value, words: str, *, unit: bool = False) -> Iterator[str]:
    """What in a text is comparable with a value: values of its type, else its very words.

    With `unit`, a bare number is not comparable with a quantity that has a unit.
    """
    finders = {Quantity: quantities, Clock: clocks, Day: dates, Month: dates}
    if finder := finders.get(type(value)):
        yield from (candidate.text for candidate in finder(text) if is_of_kind(candidate.value, value, unit=unit))
    elif match := re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.I):
        yield match[0]


def _comparable_on_page(page: Page, value: Value, words: str, *, unit: bool) -> dict[str, Evidence]:
    """What on a page can be compared with a value, each with the first line that has it."""
    found = dict[str, Evidence]()
    for line, shown in page.items():
        for candidate in comparable_spans(shown, value, words, unit=unit):
            found.setdefault(candidate, line)
    return found


def probability_against(engine: Engine, messages: Sequence[Message], text: str, other: str) -> float:
    """The probability that the model writes a text rather than another."""
    choice = engine.choose(messages, (other, text))
    return choice.probability if choice.index == 1 else 1 - choice.probability


def probability_of_answer(engine: Engine, line: str, question: str, answer: str) -> float:
    """The probability that an answer, seen in its line, answers a question."""
    given = (f"Line: {line}", f"Question: {question}", f"Answer: {answer}")
    return probability_against(engine, prompts.with_examples("verifying", *given), "yes", "no")


def write_line(engine: Engine, messages: Sequence[Message], most: int) -> str:
    """The first line that the model writes."""
    text = ""
    for piece in engine.stream(messages, max_tokens=most):
        text += piece
        if "\n" in text.strip():
            break
    return text.strip().split("\n")[0].strip()


def prompt_lines(lines: Sequence[Evidence]) -> dict[Evidence, str]:
    """Each line of evidence as it stands in a prompt: a table's cells stand behind the names of their columns."""
    header: tuple[str, ...] = ()
    shown = dict[Evidence, str]()
    for number, line in enumerate(lines):
        cells = _cells(line)
        if not len(header) - 1 <= len(cells) <= len(header):
            header = ()
        text = line.text
        if header:
            text = "; ".join(f"{name}: {cell}" for name, cell in zip(header, cells, strict=False))
        elif _is_header(cells, lines[number + 1 : number + 2]):
            header = cells
        elif len(cells) == 2:
            text = f"{cells[0].rstrip(':')}: {cells[1]}"
        shown[line] = one_line(text)
    return shown


def _cells(line: Evidence) -> tuple[str, ...]:
    return line.detail.cells if isinstance(line.detail, Line) else ()


def _is_header(cells: Sequence[str], following: Sequence[Evidence]) -> bool:
    """Whether cells without digits stand over a row of as many."""
    if len(cells) < _HEADER_CELLS or any(map(has_digit, cells)):
        return False
    return any(len(cells) - 1 <= len(_cells(line)) <= len(cells) for line in following)


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case.

    >>> words("No, at 12:30 - 3.8 °C")
    ['no', 'at', '12:30', '3.8', 'c']
    """
    return _WORD.findall(text.lower())


def runs(wanted: Sequence[str], said: Sequence[str]) -> int:
    """How often words stand in others, one behind the other."""
    return sum(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1))


def parallel(one: str, other: str) -> bool:
    """Whether two phrases differ in one word of several: that word is what they tell, however near in meaning both are.

    >>> parallel("left ear", "the right ear"), parallel("Mrs Hale", "Ms Hale"), parallel("blue", "dark blue")
    (True, False, False)
    """
    a, b = (set(words(text)) - LITTLE for text in (one, other))
    return len(a) == len(b) > 1 and len(a - b) == 1


def locate(copied: str, page: Page) -> tuple[Evidence, ...]:
    """The line in which copied words stand, or the neighbouring lines over which they go; empty if there are none."""
    wanted = words(copied)
    if not wanted or not page:
        return ()
    lines, said = [*page], [words(text) for text in page.values()]
    for many in range(1, _MOST_LINES + 1):
        for start in range(len(said) - many + 1):
            run = [word for part in said[start : start + many] for word in part]
            if runs(wanted, run):
                return tuple(lines[start : start + many])
    if line := _of_value(copied, page):
        return (line,)
    shares = [sum(word in line for word in wanted) / len(wanted) for line in said]
    best = max(range(len(shares)), key=lambda i: shares[i])
    numbers = {word for word in wanted if word[0].isdigit()}
    return (lines[best],) if shares[best] >= _ENOUGH and numbers <= set(said[best]) else ()


def _of_value(copied: str, page: Page) -> Evidence | None:
    """The line with the number, time or day that is all of what was copied: "150 grams" of "one hundred and fifty"."""
    for finder in (dates, clocks, quantities):
        wanted = [*finder(copied)]
        if not wanted or sum(len(words(one.text)) for one in wanted) < len(words(copied)):
            continue  # it says more than the value
        for line, text in page.items():
            if all(any(same(one.value, other.value) for other in finder(text)) for one in wanted):
                return line
    return None
