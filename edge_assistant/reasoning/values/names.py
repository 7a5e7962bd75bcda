"""Names of people, drugs and firms, and lists of things, in text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.spans import Candidate, alternatives
from edge_assistant.reasoning.values.values import Items, Name
from edge_assistant.reasoning.values.words import MAX_TEXT, nothings, singular

MAX_NAME = 8  # words
MAX_ITEMS = 40
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CAPITAL = r"(?:[A-ZÀ-ÖØ-Þ]|\d(?=[\w-]{0,12}[A-Za-z]))[\w'’&.-]{0,40}"
_CLAUSE = re.compile(r"[^.;!?:\n]+(?:[.:](?=[^\s])[^.;!?:\n]+)*")


def names(text: str) -> Iterator[Candidate]:
    """Find names by their capitals: Martin Hale, Dr Hale, "Hale, Martin", MR. D.I.Y. (M) SDN BHD.

    Where nothing is in capitals, as some recognisers write, each clause without its stop words is offered.
    """
    text = text[:MAX_TEXT]
    pattern = _name_pattern() if re.search(r"[A-ZÀ-ÖØ-Þ]", text) else _bare_pattern()
    for match in pattern.finditer(text):
        start, end = _inner(text, match.start(), match.end())
        words = as_name(text[start:end]).words
        told = set(words) - vocabulary().months.keys() - vocabulary().words["stop"]
        if told:
            yield Candidate(text[start:end], Name(words), start, end)


def as_name(text: str) -> Name:
    """A text as one name: its words in lower case, single letters joined, without titles and forms of firms.

    >>> as_name("Dr. Martin J. Hale").words, as_name("Hale, Martin").words, as_name("MR. D.I.Y. (M) SDN BHD").words
    (('martin', 'j', 'hale'), ('martin', 'hale'), ('diy',))
    """
    known = vocabulary().words
    last, comma, first = text.partition(",")
    if comma and len(_WORD.findall(last)) == 1 and 1 <= len(_WORD.findall(first)) <= 3:
        text = f"{first} {last}"
    words = [match[0].lower() for match in _WORD.finditer(text)]
    if any(word in known["firm"] and len(word) > 2 for word in words):
        words = [word for word in words if word not in known["firm"]] or words
    bare = [word for word in words if word not in known["titles"] and word not in known["particles"] & known["stop"]]
    return Name(tuple(_initials_joined(bare or words)))


def items(text: str) -> Iterator[Candidate]:
    """Find lists, and what says that there are none: "penicillin, latex and nuts". One candidate a clause."""
    none = list(nothings(text))
    yield from none
    taken = {i for found in none for i in range(found.start, found.end)}
    for clause in _CLAUSE.finditer(text[:MAX_TEXT]):
        spans = [span for span in _item_spans(text, *clause.span()) if taken.isdisjoint(range(*span))][:MAX_ITEMS]
        named = tuple(dict.fromkeys(item for span in spans for item in [as_item(text[slice(*span)])] if item))
        if named:
            start, end = spans[0][0], spans[-1][1]
            yield Candidate(text[start:end], Items(named), start, end)


def as_item(text: str) -> str:
    """One item as it is compared: words in lower case and singular, without stop words, noise and doses.

    >>> as_item("the Ramipril 5 mg"), as_item("bee stings")
    ('ramipril', 'bee sting')
    """
    known = vocabulary().words
    doses = {i for found in quantities(text) for i in range(found.start, found.end)}
    words = [m[0].lower() for m in _WORD.finditer(text) if doses.isdisjoint(range(*m.span()))]
    noise = known["stop"] | known["list_noise"] | (vocabulary().units.keys() if doses else set())  # "5 mg a day"
    return " ".join(singular(word) for word in words if word not in noise)


def _item_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The items of a clause: of the first what stands behind the last verb or "to", of each what is before "in"."""
    at, first = start, True
    for separator in [*_separator().finditer(text, start, end), None]:
        stop = separator.start() if separator else end
        low, high = at, stop
        if first:
            verbs = [match.end() for match in _before_list().finditer(text, low, high)]
            low = verbs[-1] if verbs and text[verbs[-1] : high].strip() else low
            first = False
        after = _after_item().search(text, low, high)
        high = after.start() if after and text[low : after.start()].strip() else high
        inside = text[low:high]
        if inside.strip():
            yield low + len(inside) - len(inside.lstrip()), high - len(inside) + len(inside.rstrip())
        at = separator.end() if separator else end


def _inner(text: str, start: int, end: int) -> tuple[int, int]:
    """A span of capitals without the stop words that begin a sentence, and without a full stop at its end."""
    stop = vocabulary().words["stop"]
    words = list(re.finditer(r"\S+", text[start:end]))
    while len(words) > 1 and words[0][0].lower().rstrip(",.") in stop:
        words = words[1:]
    last = words[-1][0]
    dots = len(last) - len(last.rstrip(".,-&'’")) if not re.search(r"\.\w", last) and len(last) > 2 else 0
    return start + words[0].start(), start + words[-1].end() - dots


def _initials_joined(words: list[str]) -> Iterator[str]:
    """Single letters that follow one another are one word: d i y."""
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            yield run
            run = ""
        if word:
            yield word


@per_vocabulary
def _name_pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words in capitals, with particles between them; a comma only in "Hale, Martin" at the end of a text."""
    word = rf"(?:{_CAPITAL}|\([A-Z]{{1,4}}\))"
    comma = r", (?=[A-ZÀ-ÖØ-Þ][\w'’-]{1,30}(?: [A-Z]\.?)?\Z)"
    particle = rf"(?: (?:{alternatives(vocabulary.words['particles'])})){{1,3}} "
    return patterns.compile(rf"(?<![^\W_]){word}(?:(?: |{comma}|{particle}){word}){{0,{MAX_NAME}}}")


@per_vocabulary
def _bare_pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    stop = alternatives(vocabulary.words["stop"])
    word = rf"(?!(?:{stop})\b)[^\W\d_][\w'’-]{{0,40}}"
    return patterns.compile(rf"\b{word}(?: {word}){{0,{MAX_NAME}}}", re.I)


@per_vocabulary
def _separator(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = alternatives(vocabulary.words["list_joins"])
    return patterns.compile(rf"\s*(?:,\s*(?:{words})\b|[,&+/•|]|\b(?:{words})\b)\s*", re.I)


@per_vocabulary
def _before_list(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"\b(?:{alternatives(vocabulary.words['list_before'])})\s", re.I)


@per_vocabulary
def _after_item(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(rf"\s(?:{alternatives(vocabulary.words['list_after'])})\b", re.I)
