"""Slots of a recording's words: numbers, units, dates, codes, names and negations, each heard right or wrong.

A word error rate counts "fifty" for "fifteen" as one word of a hundred; whoever acts on it is wrong by 35. So each slot
counts as one, right or wrong, whatever the rest of the transcript is (slot error rate: Makhoul et al. 1999,
"Performance measures for information extraction").

docs/quantize-details.md says what a slot of each kind is and where it is right; numbers are those that
`transcripts.normalised` reads. What the transcript adds beside the slots is not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.values.codes import identifiers
from edge_assistant.reasoning.values.units import unit_at, unit_of
from edge_assistant.reasoning.values.values import Identifier
from edge_assistant_quantize.metrics.transcripts import MONTHS, NEGATIONS, WEEKDAYS, edit_counter, normalised

SlotKind = Literal["number", "unit", "date", "code", "name", "negation"]

_VERBS = frozenset(("may", "march"))  # which are months only beside a number
_HALVES = frozenset(("am", "pm"))
_TAKEN = "-"  # the tag of a word that is of a slot
_DATE = re.compile(r"D{1,2}M(?:D{4}(?!D))?|M(?:D{1,2})?D{4}(?!D)|MD{1,2}(?!D)|[MW]")  # over tags; a year has 4 digits
_NUMBER = re.compile("D+")
_NEGATION = re.compile("X")
_CAPITALS = re.compile(r"(?<![^\W\d_])[A-Z]+(?![a-z])")
_WORD = re.compile(r"[A-Z](?: [A-Z])+\b|[^\W\d_]+(?:['’-][^\W\d_]+)*")  # "D I Y" is one
_LONGEST_UNIT = 4  # words: "pounds per square inch"


@dataclass(frozen=True, slots=True)
class Slot:
    """Words that only count together.

    Attributes:
        kind: what it is.
        start: its first word among those that are compared.
        words: as they are compared.
    """

    kind: SlotKind
    start: int
    words: tuple[str, ...]

    @property
    def end(self) -> int:
        """The word behind it."""
        return self.start + len(self.words)


def slots(said: str) -> list[Slot]:
    """The slots of a text in their order; no word is in two.

    >>> [(slot.kind, " ".join(slot.words)) for slot in slots("Not fifteen mg, Mrs. Ode: on 9 May.")]
    [('negation', 'not'), ('number', '1 5'), ('unit', 'milligrams'), ('name', 'ode'), ('date', '9 may')]
    """
    text = _negations_apart(said)
    words = normalised(text).split()
    tags = [_tag(word, words[max(0, at - 1) : at + 2]) for at, word in enumerate(words)]
    found: list[Slot] = []

    def take(kind: SlotKind, start: int, end: int) -> None:
        if start < end and _TAKEN not in tags[start:end]:
            found.append(Slot(kind, start, tuple(words[start:end])))
            tags[start:end] = _TAKEN * (end - start)

    for span in _codes(text):
        take("code", *_words_at(text, *span))
    for match in _DATE.finditer("".join(tags)):
        take("date", *match.span())
    for match in _NUMBER.finditer("".join(tags)):
        take("number", *match.span())
        take("unit", match.end(), match.end() + _unit_length(words[match.end() :]))
    for span in _names(text):
        take("name", *_words_at(text, *span))
    for match in _NEGATION.finditer("".join(tags)):
        take("negation", *match.span())
    return sorted(found, key=lambda slot: slot.start)


def counted(said: str, heard: str) -> Mapping[SlotKind, tuple[int, int]]:
    """How many slots of a text are wrong in its transcript, and how many there are, by kind.

    >>> counted("I do not take fifteen mg.", "I do take 50 milligrams.")
    {'negation': (1, 1), 'number': (1, 1), 'unit': (0, 1)}

    Raises:
        ToolMissing: jiwer is not installed.
    """
    wanted = slots(said)
    if not wanted:
        return {}
    words = normalised(_negations_apart(heard)).split()
    places = _places(normalised(_negations_apart(said)), " ".join(words))
    found: dict[SlotKind, tuple[int, int]] = {}
    for slot in wanted:
        wrong, of = found.get(slot.kind, (0, 0))
        there = words[places[slot.start][0] : places[slot.end][1]]
        found[slot.kind] = wrong + (not _is_heard(slot, there)), of + 1
    return found


def _negations_apart(text: str) -> str:
    return re.sub(r"\bcannot\b", "can not", re.sub(r"n['’]t\b", " not", text), flags=re.IGNORECASE)


def _words_at(text: str, start: int, end: int) -> tuple[int, int]:
    """The first of the compared words of a span of a text, and the one behind its last."""
    return len(normalised(text[:start]).split()), len(normalised(text[:end]).split())


def _codes(text: str) -> Iterator[tuple[int, int]]:
    """Spans of letters and digits; no article or pronoun beside a number, and no number with its unit."""
    for found in identifiers(text):
        assert isinstance(found.value, Identifier)
        letters = re.sub(r"\d", "", found.value.code)
        alone = " " in found.text and letters in ("A", "I")
        measured = re.fullmatch(r"[\d.,]+\s*(\D+)", found.text)
        if _CAPITALS.search(found.text) and letters and not alone and not (measured and unit_of(measured[1])):
            yield found.span


def _names(text: str) -> Iterator[tuple[int, int]]:
    """Spans of capitalised words, those side by side as one, that do not stand where every word has a capital."""
    titles = {*vocabulary().words["titles"]}
    spans: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        before = text[: match.start()].rstrip(" \"“‘'(")
        titled = before.removesuffix(".").rpartition(" ")[2].lower() in titles
        begins = not before or (before[-1] in ".!?:\n" and not titled)
        common = match[0].lower() in {*titles, *MONTHS, *WEEKDAYS} or len(re.split("['’]", match[0])[0]) == 1
        if begins or common or not match[0][0].isupper():
            continue
        if spans and text[spans[-1][1] : match.start()] == " ":
            spans[-1] = spans[-1][0], match.end()
        else:
            spans.append(match.span())
    yield from spans


def _tag(word: str, around: Sequence[str]) -> str:
    """One letter for what a word is: digit, month, day of the week, negation, or nothing of these."""
    if word.isdecimal():
        return "D"
    if word in MONTHS:
        return "M" if word not in _VERBS or any(other.isdecimal() for other in around) else "."
    return "W" if word in WEEKDAYS else "X" if word in NEGATIONS else "."


def _unit_length(words: Sequence[str]) -> int:
    """How many words the unit is long that words begin with; 0 where they do not."""
    if words and words[0] in _HALVES:
        return 1
    found = unit_at(" ".join(words[:_LONGEST_UNIT]), 0)
    return len(found[0].split()) if found else 0


def _places(said: str, heard: str) -> list[tuple[int, int]]:
    """For each place between two words of what was said the first and the last place of the transcript it can be."""
    last = len(said.split())
    low, high = [len(heard.split())] * (last + 1), [0] * (last + 1)
    for chunk in edit_counter().process_words(said, heard).alignments[0]:
        length, heard_length = chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
        for step in range(max(length, heard_length) + 1):
            place = chunk.ref_start_idx + min(step, length)
            other = chunk.hyp_start_idx + min(step, heard_length)
            low[place], high[place] = min(low[place], other), max(high[place], other)
    return list(zip(low, high, strict=True))


def _is_heard(slot: Slot, there: Sequence[str]) -> bool:
    """Whether words of a transcript are a slot, with no digit beside one that has digits."""
    wanted = _key(slot.kind, slot.words)
    digits = any(word.isdecimal() for word in slot.words)
    most = max(_LONGEST_UNIT, len("".join(slot.words)))
    for start in range(len(there)):
        for end in range(start + 1, min(len(there), start + most) + 1):
            beside = (*there[:start], *there[end:])
            if _key(slot.kind, there[start:end]) == wanted and not (digits and any(w.isdecimal() for w in beside)):
                return True
    return False


def _key(kind: SlotKind, words: Sequence[str]) -> tuple[str, str]:
    """What two writings of a slot have in common."""
    joined = "".join(words)
    if kind == "unit":
        return unit_of(" ".join(words)) or joined, ""
    if kind == "date":
        return re.sub(r"\d", "", joined), re.sub(r"\D", "", joined)
    return joined, ""
