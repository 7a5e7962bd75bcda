"""Sentences, and what a message states apart from what it asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary

_END = re.compile(r"[.!?;]+(?=[\s\"'”’)]|$)|\n+")
_LAST_WORD = re.compile(r"([^\W\d_](?:[^\W\d_]|\.(?=[^\W\d_]))*)\.?$")
_FIRST_WORD = re.compile(r"\s*[a-zß-ÿ]")
_TAIL = 12  # characters before a full stop in which an abbreviation stands
_SAYING = ("pronouns", "articles", "verbs", "behind")


def any_of(words: Iterable[str], flags: re.RegexFlag = re.I) -> re.Pattern[str]:
    """A pattern of whole words or phrases."""
    return re.compile(any_word(words), flags)


def any_word(words: Iterable[str]) -> str:
    """The text of a pattern of whole words or phrases, the longest first; a blank of a phrase may be several."""
    ordered = sorted(words, key=lambda word: (-len(word), word))  # the same in every process, for sets too
    phrases = (re.escape(word).replace(r"\ ", r"\s+") for word in ordered)
    return rf"(?<![\w'])(?:{'|'.join(phrases) or '(?!)'})(?![\w'])"


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """The spans of sentences; the point of "Mrs." ends none, nor does a line that goes on in lower case."""
    start = 0
    for match in _END.finditer(text):
        if _goes_on(text, match):
            continue
        if text[start : match.end()].strip():
            yield start, match.end()
        start = match.end()
    if text[start:].strip():
        yield start, len(text)


def parted(message: str) -> tuple[str, str]:
    """A message's statements, and its question: each sentence is in one of them, in their order.

    A sentence that both states and asks ("it was at ten, is that right?"), and one that does neither ("hello"), stay
    with the question. Where no sentence asks outright, the message is a question still, unless each states something.

    >>> parted("I counted two people. How many are in the picture?")
    ('I counted two people.', 'How many are in the picture?')
    >>> parted("The total on the receipt"), parted("It was 80 mg, is that right?")
    (('', 'The total on the receipt'), ('', 'It was 80 mg, is that right?'))
    """
    spans = [message[a:b].strip() for a, b in sentences(message)]
    asking = [sentence for sentence in spans if _asks(sentence)]
    told = [sentence for sentence in spans if sentence not in asking and not is_remark(sentence)]
    if asking:
        return " ".join(told), " ".join(sentence for sentence in spans if sentence not in told)
    if told and all(_says_something(sentence) for sentence in told):
        return " ".join(told), ""
    return "", message.strip()


def asks(message: str) -> bool:
    """Whether a message asks or orders, in whole or in part."""
    return any(_asks(message[a:b].strip()) for a, b in sentences(message))


def is_remark(sentence: str) -> bool:
    """Whether a sentence neither asks nor states anything."""
    return not re.search(r"\w", sentence) or _remark().fullmatch(_plain(sentence)) is not None


def _goes_on(text: str, end: re.Match[str]) -> bool:
    if end[0].isspace():
        return end[0] == "\n" and bool(_FIRST_WORD.match(text, end.end()))
    if end[0] != ".":
        return False
    word = _LAST_WORD.search(text[max(0, end.start() - _TAIL) : end.start()])
    if word is None:
        return False
    return word[1].lower() in vocabulary().asking["abbreviations"] and bool(
        re.match(r"\s*[A-Z0-9]", text[end.end() : end.end() + 9])
    )


def _asks(sentence: str) -> bool:
    """Whether a sentence asks or orders, in whole or in part."""
    if sentence.rstrip(" \n\"'").endswith(("?", "\uff1f")) or _asking().match(sentence):
        return True
    plain = _plain(sentence)
    return bool(_opening().match(plain) or _wishing().search(plain))


def _says_something(sentence: str) -> bool:
    """Whether a sentence says of somebody or something that it is or does so: there is a subject with its verb."""
    return _saying().match(_plain(sentence)) is not None


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().replace("\u2019", "'").split())


@per_vocabulary
def _asking(vocabulary: Vocabulary) -> re.Pattern[str]:
    auxiliaries = any_word(vocabulary.question["auxiliary"])
    persons = any_word(("i", "you", "he", "she", "it", "we", "they", "there", "this", "that", "the"))
    return re.compile(
        rf"\s*(?:(?:and|or|so),?\s+)?(?:{auxiliaries}\s+{persons}|(?:what|which|who|when|where|how)\b)", re.I
    )


@per_vocabulary
def _opening(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = (*vocabulary.asking["ordering"], *vocabulary.question["auxiliary"])
    return re.compile(rf"\W*(?:please\W+)?{any_word(words)}", re.I)


@per_vocabulary
def _wishing(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of(vocabulary.asking["wishing"])


@per_vocabulary
def _remark(vocabulary: Vocabulary) -> re.Pattern[str]:
    remark = any_word(vocabulary.asking["remarks"])
    return re.compile(rf"\W*{remark}(?:\W+{remark})*\W*", re.I)


@per_vocabulary
def _saying(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A pronoun with its verb; or a subject of a few words, with no clause of its own, and then a verb."""
    pronoun, article, verb, behind = (any_word(vocabulary.asking[f"saying_{key}"]) for key in _SAYING)
    word = rf"(?!{any_word(vocabulary.asking['saying_breaks'])})[\w'%.,/-]+\s+"
    active = rf"{article}\s+(?:{word}){{1,4}}\w+ed\s+(?!{behind})\w"
    return re.compile(rf"\W*(?:{pronoun}(?:'\w+)?\s+\w|(?:{word}){{1,7}}{verb}|{active})", re.I)
