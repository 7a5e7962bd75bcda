"""Sentences that the language model writes over numbered evidence, and the check that each passes before it is shown.

What a sentence cites exists, and its numbers stand there. `ungrounded` checks a whole answer after the fact, and
stricter: its dates, its numbers in words and its names too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from edge_assistant.core.answer import Answer
from edge_assistant.core.evidence import (
    Code,
    Detail,
    Evidence,
    Field,
    Line,
    Passage,
    Scene,
    Speech,
    Statistic,
    Thing,
    TickBox,
)
from edge_assistant.core.limits import ANSWER_TOKENS
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.engine import Engine
from edge_assistant.perception.sense import REST
from edge_assistant.reasoning.attribution import CITATION
from edge_assistant.reasoning.compose import NOUNS
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.sources import one_line
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.codes import identifiers, telephones
from edge_assistant.reasoning.values.days import days, months
from edge_assistant.reasoning.values.quantities import pairs, quantities
from edge_assistant.reasoning.values.spans import ValueSpan, blank_out
from edge_assistant.reasoning.values.values import (
    LOOKS_LIKE,
    Clock,
    Day,
    Identifier,
    Month,
    Pair,
    Quantity,
    Telephone,
    Value,
)
from edge_assistant.reasoning.values.words import as_words, singular

MOST_QUOTES = 5  # lines that stand for an answer which the model could not write
_ABOUT = (
    "You answer questions from numbered evidence. Write short sentences. End each sentence with the number of the "
    "evidence it rests on, such as [E1]. Say nothing that the evidence does not say."
)
_LISTED = re.compile(r"\[(E\d{1,6}(?:,\s*E\d{1,6})+)\]")
_SEVERAL = re.compile(r"(?<=\])\s*,\s*(?=\[E\d)")
_LAST = re.compile(r",\s*(?=(?:\[E\d{1,6}\])+\W*$)")  # the comma before the citations at the end of a sentence
_UNREAD = re.compile(rf"(?:^|(?<=[.!?] ))Of [^;]{{1,500}}{re.escape(REST)}")
_ALMOST = re.compile(r"\[\s*[EC]\s*\d", re.I)  # what a reader would take for a citation, and is none
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SOURCE_NUMBER = re.compile(rf"\b(?:{'|'.join(NOUNS.values())}) \d+\b")  # "recording 12"
_FINDERS = (days, months, clocks, pairs, quantities)  # what one finds, the next ones do not see
_OPENERS = frozenset(
    ("yes", "no", "none", "nothing", "only", "both", "neither", "all", "each", "there", "not", "these")
)
_CODED = (identifiers, telephones)
_REQUESTS = ("retell", "prose", "interrogative")  # lists of words that ask, of a vocabulary's questions
_DIALLED = 7  # digits of a telephone number; no amount is said with as many
_SUPPORTED = 0.6  # share of a sentence's longer words that its evidence has; a model phrases with words of its own
_REPEATED = 5  # words in a row of its instructions that a sentence may not have
# What leads out of a text, or is markup
_ADDRESS = re.compile(r"\w+://\S+|www\.\S+|\S+@\S+\.\w+|<[a-z!/][^>]*>?|\]\(", re.I)
_STEM = 4  # letters that the first word of a sentence shares with a word of the evidence: Heating, heater


def sentences(pieces: Iterator[str]) -> Iterator[str]:
    """Cut a stream of text into sentences; citations that follow a full stop belong to the sentence before it."""
    rest = ""
    for piece in pieces:
        rest += piece
        while match := re.search(r"[.!?](?:[^\S\n]*\[[EC]\d{1,6}\])*[^\S\n]+(?=[^\s\[])|\n+", rest):
            if sentence := rest[: match.end()].strip():
                yield sentence
            rest = rest[match.end() :]
    if rest.strip():
        yield rest.strip()


def citations(sentence: str) -> tuple[str, ...]:
    """Ids that a sentence cites, each once, in order."""
    return tuple(dict.fromkeys(CITATION.findall(sentence)))


def holds(sentence: str, texts: Mapping[str, str]) -> bool:
    """Whether a sentence cites something, only what exists, and has only numbers of the cited texts.

    Args:
        sentence: with citations in brackets.
        texts: text by id of all evidence and computations.
    """
    ids = citations(sentence)
    if not ids or any(id not in texts for id in ids):
        return False
    known = {_plain(number) for id in ids for number in _NUMBER.findall(texts[id])}
    bare = CITATION.sub(" ", sentence)
    return not _ALMOST.search(bare) and all(_plain(number) in known for number in _NUMBER.findall(bare))


def is_supported(sentence: str, texts: Mapping[str, str], question: str) -> bool:
    """Whether most words of a sentence stand in what it cites or in the question, and its addresses and names all do.

    A model that obeys what it reads writes words that nothing tells. One that believes what a question takes for
    granted ("Describe the explosion") makes it up: the evidence must tell what is asked about, too.
    """
    told = " ".join(texts[id] for id in citations(sentence) if id in texts)
    known, asked = ({_word(name)[:_STEM] for name in _NAME.findall(text)} for text in (told, question))
    presumed, known = {word[:_STEM] for word in subject_words(question)} - known, known | asked
    bare = CITATION.sub(" ", sentence)
    words = [_word(name) for name in _NAME.findall(bare) if len(name) >= _STEM]
    words = [word for word in words if word not in vocabulary().words["stop"]]
    found = sum(word[:_STEM] in known for word in words)
    names = all(first or _word(name)[:_STEM] in known for name, first in _names(bare))
    enough = bool(words) and found >= _SUPPORTED * len(words) and presumed.isdisjoint(word[:_STEM] for word in words)
    return enough and names and all(address in told for address in _ADDRESS.findall(bare))


def subject_words(question: str) -> frozenset[str]:
    """The words of a question that say what it is about; none where it names nothing.

    >>> sorted(subject_words("Describe the leak in the pump."))
    ['leak', 'pump']
    >>> sorted(subject_words("Summarize the note."))
    []
    """
    return as_words(question).tokens - _request()


@per_vocabulary
def _request(words: Vocabulary) -> frozenset[str]:
    """Words by which a question asks, and which name no more than its signals."""
    asking = as_words(" ".join(phrase for name in _REQUESTS for phrase in words.question[name])).tokens
    return asking | words.words["generic"]


def repeats(sentence: str, instructions: str) -> bool:
    """Whether a sentence has a run of words of the instructions that a model was given.

    >>> repeats("So I say nothing that the evidence does not say.", "Say nothing that the evidence does not say.")
    True
    """
    said, given = (re.findall(r"\w+", CITATION.sub(" ", text).lower()) for text in (sentence, instructions))
    run = min(_REPEATED, len(said))
    runs = {tuple(given[i : i + run]) for i in range(len(given) - run + 1)}
    return run > 1 and any(tuple(said[i : i + run]) in runs for i in range(len(said) - run + 1))


def _plain(number: str) -> str:
    """A number without thousands separators and trailing zeros: 1,450.00 and 1450 are the same."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", number):
        number = number.replace(",", "")
    return number.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", number) else number


def ungrounded(answer: Answer) -> list[str]:
    """What an answer says and neither the evidence that it cites nor a computation that it cites yields.

    Looked for are dates, times of day, numbers in digits and words, and capitalised names, as they stand in the answer.
    Evidence yields every reading of its numbers ("thirty-eight forty" is 38.40 and 3840), its dates in any format, the
    counts of a scene; a computation yields its formula and value. Names of sources ("the first picture"), of what was
    asked for, the attributes of the verdicts, and what was not read of a source need none.
    """
    yielded = _Yield()
    for verdict in answer.verdicts:
        yielded.add_words(verdict.attribute)
    for text in _backing(answer):
        yielded.add(text)
    text = _SOURCE_NUMBER.sub(" ", CITATION.sub(" ", _UNREAD.sub(" ", answer.text)))
    return _missing(text, yielded, len(answer.signals))


def adds(text: str, told: str) -> bool:
    """Whether a text has a number, a date, a time or a name that another does not have.

    >>> adds("What does the room cost?", "Is 80 right for the room?"), adds("What is 12 kg?", "Is the weight right?")
    (False, True)
    """
    yielded = _Yield()
    yielded.add(told)
    return bool(_missing(f"{text[:1].lower()}{text[1:]}", yielded, 0))


def _missing(text: str, yielded: _Yield, sources: int) -> list[str]:
    """The dates, times, numbers and names of a text that are not yielded."""
    coded = (one for finder in _CODED for one in finder(text))
    codes = [one for one in coded if _normalized_code(one.value) in yielded.codes and is_code(one.value)]
    found: list[str] = []
    for finder in _FINDERS:
        candidates = list(finder(text))
        untold = (one for one in candidates if not yielded.has(one, sources))
        found += [one.text for one in untold if not any(c.start <= one.start and one.end <= c.end for c in codes)]
        text = blank_out(text, (one.span for one in candidates))
    text = blank_out(text, (one.span for one in codes))
    found += [number for number in _NUMBER.findall(text) if not yielded.has_number(number)]
    return found + [name for name, first in _names(text) if not yielded.has_name(name, first=first)]


def _backing(answer: Answer) -> Iterator[str]:
    """All text of what an answer cites: evidence with its details, formulas and values of computations."""
    ids = {*answer.citations, *citations(answer.text)}
    for computation in answer.computed:
        if computation.id in ids:
            ids.update(computation.evidence)
            yield from (computation.formula, computation.value)
    for item in answer.evidence:
        if item.id in ids:
            yield item.text
            yield from _detail_texts(item.detail)


def _detail_texts(detail: Detail) -> tuple[str, ...]:
    """What a detail tells in words; not the times and probabilities of spoken words."""
    match detail:
        case Line(cells=cells):
            return cells
        case Field(label=label, value=value):
            return label, value
        case TickBox(label=label) | Thing(label=label):
            return (label,)
        case Code(content=content):
            return (content,)
        case Scene(counts=counts):
            return tuple(f"{count} {label}" for label, count in counts)
        case Speech(words=words):
            return (" ".join(word.text for word in words),)
        case Statistic(column=column, unit=unit, value=number, time=time):
            return tuple(str(part) for part in (column, unit, number, time) if part is not None)
        case Passage():
            return ()


@dataclass(slots=True)
class _Yield:
    """What texts yield, in every reading."""

    days: set[tuple[int | None, int, int]] = field(default_factory=set)
    months: set[tuple[int | None, int]] = field(default_factory=set)
    clocks: set[int] = field(default_factory=set)
    numbers: set[Decimal] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    codes: set[Value] = field(default_factory=set)

    def add(self, text: str) -> None:
        """Read a text; the parts of a date are no numbers, but its year is one."""
        self.add_words(text)
        self.codes.update(_normalized_code(one.value) for finder in _CODED for one in finder(text))
        for finder in _FINDERS:
            candidates = list(finder(text))
            for candidate in candidates:
                self._add(candidate)
            if finder is not quantities:
                text = blank_out(text, (one.span for one in candidates))
        self.numbers.update(part for number in _NUMBER.findall(text) for part in _parts(number))

    def add_words(self, text: str) -> None:
        """Read a text for its words alone."""
        self.words.update(_word(name) for name in _NAME.findall(text))

    def _add(self, candidate: ValueSpan) -> None:
        match candidate.value:
            case Day(readings=readings):
                self.days.update(readings)
                self.months.update((year, month) for year, month, _ in readings)
                self.numbers.update(Decimal(year) for year, _, _ in readings if year is not None)
            case Month(year=year, month=month):
                self.months.add((year, month))
                self.numbers.update([] if year is None else [Decimal(year)])
            case Clock(readings=minutes):
                self.clocks.update(minutes)
            case Pair(first=first, second=second):
                self.numbers.update((*first.readings, *second.readings))
            case Quantity(readings=numbers):
                self.numbers.update(numbers)

    def has(self, candidate: ValueSpan, sources: int) -> bool:
        """Whether a date, time or number is yielded; "two" may count the sources."""
        match candidate.value:
            case Day(readings=readings):
                # the answer may leave the year out, but not add one
                return any(a[1:] == b[1:] and a[0] in (None, b[0]) for a in readings for b in self.days)
            case Month(year=year, month=month):
                return any(month == other and year in (None, known) for known, other in self.months)
            case Pair(first=first, second=second):
                return self.numbers >= {first.readings[0], second.readings[0]}
            case Clock(readings=minutes):
                return not self.clocks.isdisjoint(minutes)
            case Quantity(readings=numbers):
                if re.search(r"\d", candidate.text):
                    return numbers[0] in self.numbers  # it says this number, whatever a recogniser may have meant
                return not self.numbers.isdisjoint(numbers) or numbers[0] <= sources
        return True

    def has_number(self, number: str) -> bool:
        """Whether digits that are no quantity, such as 128/82, are yielded part by part."""
        return all(part in self.numbers for part in _parts(number))

    def has_name(self, name: str, *, first: bool) -> bool:
        """Whether a name is yielded; the first word of a sentence may be any form of a word, or one of grammar."""
        word = _word(name)
        if word in self.words or all(part in self.words for part in word.split("-")):
            return True
        if not first:
            return False
        grammar = _OPENERS | vocabulary().words["stop"] | {*vocabulary().question["interrogative"]}
        return name.lower() in grammar or any(known[:_STEM] == word[:_STEM] for known in self.words)


def _names(text: str) -> Iterator[tuple[str, bool]]:
    """Capitalised words, each with whether a sentence begins with it."""
    for match in _NAME.finditer(text):
        if match[0][0].isupper():
            before = text[: match.start()].rstrip()
            yield match[0], not before or before[-1] in ".!?"


def _word(name: str) -> str:
    """A word as it is compared: lower case, singular, no possessive."""
    return singular(re.sub(r"['’]s$", "", name.lower()))


def _parts(number: str) -> Iterator[Decimal]:
    """The numbers in digits with separators: 1,450.00 is one, 128/82 are two."""
    plain = _plain(number)
    for part in [plain] if re.fullmatch(r"\d+(\.\d+)?", plain) else re.split(r"[,:/-]", plain):
        if re.fullmatch(r"\d+(\.\d+)?", part):
            yield Decimal(part)


def is_code(value: Value) -> bool:
    """Whether an identifier or telephone is one by its looks: letters, a zero in front, long; 3840 may be a number."""
    if isinstance(value, Telephone):
        return value.digits.startswith(("0", "+")) or len(value.digits) >= _DIALLED
    code = value.code if isinstance(value, Identifier) else ""
    return not code.isdigit() and not code.isalpha()


def _normalized_code(value: Value) -> Value:
    """A code with its letters O and I as the digits that they are taken for, as codes are compared."""
    return Identifier(value.code.translate(LOOKS_LIKE)) if isinstance(value, Identifier) else value


def write(
    question: str, lines: Sequence[Evidence], engine: Engine, *, constant: int = 0, lasting: bool = False
) -> Iterator[str]:
    """Sentences over evidence, each with citations that exist and nothing that its evidence does not support.

    A sentence without a citation gets the only possible one, if there is a single piece of evidence; one that fails the
    check is left out.

    Args:
        question: what is asked.
        lines: the evidence.
        engine: writes.
        constant: number of lines at the beginning that do not depend on the question.
        lasting: whether the state after those may be kept for other processes.
    """
    texts = {line.id: line.text for line in lines}
    told = [f"[{line.id}] {one_line(line.text)}" for line in lines]
    beginning, first = ("Evidence:\n" + "\n".join(part) for part in (told, told[:constant]))
    beginning += "\n\nQuestion:"
    before = len(first) if 0 < constant < len(lines) else 0
    asked = Message(Role.USER, f"{beginning} {question}", len(beginning), lasting and constant > 0, before)
    messages = [Message(Role.SYSTEM, _ABOUT), asked]
    written: set[str] = set()
    for sentence in sentences(engine.stream(messages, max_tokens=ANSWER_TOKENS.now)):
        checked = _with_citation(sentence, texts)
        sound = holds(checked, texts) and is_supported(checked, texts, question) and not repeats(checked, _ABOUT)
        if checked not in written and sound:
            written.add(checked)
            yield checked


def quote(question: str, lines: Sequence[Evidence]) -> Iterator[str]:
    """The evidence in its own words, where no sentence of the model passed: lines with words of the question.

    Where the question names nothing, as in "Summarize the note", they are the first lines.
    """
    asked = subject_words(question)
    near = sorted(lines, key=lambda line: -len(asked & as_words(line.text).tokens))[:MOST_QUOTES]
    for line in near:
        if not asked or asked & as_words(line.text).tokens:
            yield f"{one_line(line.text).rstrip('.')} [{line.id}]."


def _with_citation(sentence: str, texts: Mapping[str, str]) -> str:
    """A sentence with its citations as they are written here: [E1, E2] is [E1][E2], and so is [E1], [E2]."""
    sentence = _LISTED.sub(lambda match: "".join(f"[{id}]" for id in re.split(r",\s*", match[1])), sentence)
    sentence = _LAST.sub(" ", _SEVERAL.sub("", sentence))
    if citations(sentence) or len(texts) != 1:
        return sentence
    return f"{sentence} [{next(iter(texts))}]"
