"""Sentences, what a message states apart from what it asks, and what a question may be and is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from edge_assistant.core import limits
from edge_assistant.core.errors import UsageError
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, vocabulary, word_pattern

_END = re.compile(r"[.!?;]+(?=[\s\"'”’)]|$)|\n+")
_LAST_WORD = re.compile(r"([^\W\d_](?:[^\W\d_]|\.(?=[^\W\d_]))*)\.?$")
_FIRST_WORD = re.compile(r"\s*[a-zß-ÿ]")
_TAIL = 12  # characters before a full stop in which an abbreviation stands
_STATEMENT_KEYS = ("pronouns", "articles", "verbs", "behind")


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


def split_message(message: str) -> tuple[str, str]:
    """A message's statements, and its question: each sentence is in one of them, in their order.

    A sentence that both states and asks ("it was at ten, is that right?"), and one that does neither ("hello"), stay
    with the question. Where no sentence asks outright, the message is a question still, unless each states something.

    >>> split_message("I counted two people. How many are in the picture?")
    ('I counted two people.', 'How many are in the picture?')
    >>> split_message("The total on the receipt"), split_message("It was 80 mg, is that right?")
    (('', 'The total on the receipt'), ('', 'It was 80 mg, is that right?'))
    """
    spans = [message[a:b].strip() for a, b in sentences(message)]
    asking = [sentence for sentence in spans if _asks(sentence)]
    told = [sentence for sentence in spans if sentence not in asking and not is_remark(sentence)]
    if asking:
        return " ".join(told), " ".join(sentence for sentence in spans if sentence not in told)
    if told and all(_statement_pattern().match(_plain(sentence)) for sentence in told):  # a subject with its verb
        return " ".join(told), ""
    return "", message.strip()


def asks(message: str) -> bool:
    """Whether a message asks or orders, in whole or in part."""
    return any(_asks(message[a:b].strip()) for a, b in sentences(message))


def is_remark(sentence: str) -> bool:
    """Whether a sentence neither asks nor states anything."""
    return not re.search(r"\w", sentence) or _remark_pattern().fullmatch(_plain(sentence)) is not None


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
    if sentence.rstrip(" \n\"'").endswith(("?", "\uff1f")) or _question_pattern().match(sentence):
        return True
    plain = _plain(sentence)
    return bool(_request_pattern().match(plain) or _wish_pattern().search(plain))


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().replace("\u2019", "'").split())


@word_pattern
def _question_pattern(vocabulary: Vocabulary) -> str:
    auxiliaries = any_word(vocabulary.question["auxiliary"])
    persons = any_word(("i", "you", "he", "she", "it", "we", "they", "there", "this", "that", "the"))
    return rf"\s*(?:(?:and|or|so),?\s+)?(?:{auxiliaries}\s+{persons}|(?:what|which|who|when|where|how)\b)"


_request_pattern = word_pattern(
    lambda known: rf"\W*(?:please\W+)?{any_word((*known.asking['ordering'], *known.question['auxiliary']))}"
)
_wish_pattern = word_pattern(lambda known: any_word(known.asking["wishing"]))
_remark_pattern = word_pattern(
    lambda known: rf"\W*{any_word(known.asking['remarks'])}(?:\W+{any_word(known.asking['remarks'])})*\W*"
)


@word_pattern
def _statement_pattern(vocabulary: Vocabulary) -> str:
    """A pronoun with its verb; or a subject of a few words, with no clause of its own, and then a verb."""
    pronoun, article, verb, behind = (any_word(vocabulary.asking[f"saying_{key}"]) for key in _STATEMENT_KEYS)
    word = rf"(?!{any_word(vocabulary.asking['saying_breaks'])})[\w'%.,/-]+\s+"
    active = rf"{article}\s+(?:{word}){{1,4}}\w+ed\s+(?!{behind})\w"
    return rf"\W*(?:{pronoun}(?:'\w+)?\s+\w|(?:{word}){{1,7}}{verb}|{active})"


_MOST_WORDS = 5  # of what a verdict is about
_WORD = re.compile(r"[^\W_]+(?:['\u2019/.-][^\W_]+)*")


def check_question(question: str) -> str:
    """A question that can be asked.

    Raises:
        UsageError: it is empty or too long.
    """
    if not question.strip():
        raise UsageError("the question is empty", "ask something, such as: edge-assistant ask 'What was the total?'")
    if len(question) > (most := limits.QUESTION_CHARACTERS.now):
        raise UsageError(
            f"the question has {len(question):,} characters, over the limit of {most:,}",
            "shorten it, or hand the long part over with --text FILE",
        )
    return question


def subject(question: str) -> str:
    """What a question is about, for a verdict: its words without question words, auxiliaries and stop words.

    >>> subject("What was the highest temperature?"), subject("Is it so?")
    ('highest temperature', 'Is it so')
    """
    asking = vocabulary().question
    drop = vocabulary().words["stop"] | set(asking["auxiliary"]) | set(asking["interrogative"])
    words = [w for w in _WORD.findall(question.lower()) if not {w, re.split("['\u2019]", w)[0]} & drop]
    return " ".join(words[:_MOST_WORDS]) or question.rstrip("?!. ") or question


def asks_for_differences(question: str) -> bool:
    """Whether a question asks if sources contradict each other, so that "yes" means that they do."""
    words = set(_WORD.findall(question.lower()))
    return not words.isdisjoint(vocabulary().asking["contrary"])
