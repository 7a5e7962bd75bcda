"""What a message states apart from what it asks: "I counted two people. How many are in the picture?"."""

from __future__ import annotations

import re

from edge_assistant import patterns
from edge_assistant.reasoning.agreement import asks_agreement
from edge_assistant.reasoning.question import bare
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_of, any_word, asked_from, sentences

_SAYING = ("pronouns", "articles", "verbs", "behind")


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


def _asks(sentence: str) -> bool:
    """Whether a sentence asks or orders, in whole or in part."""
    if sentence.endswith("\uff1f") or asked_from(sentence) < len(sentence):
        return True
    first = _plain(bare(sentence))
    return bool(_opening().match(first) or _wishing().search(_plain(sentence))) or (
        not _says_something(sentence) and asks_agreement(sentence)
    )


def is_remark(sentence: str) -> bool:
    """Whether a sentence neither asks nor states anything."""
    return not re.search(r"\w", sentence) or _remark().fullmatch(_plain(sentence)) is not None


def _says_something(sentence: str) -> bool:
    """Whether a sentence says of somebody or something that it is or does so: there is a subject with its verb."""
    return _saying().match(_plain(sentence)) is not None


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().replace("\u2019", "'").split())


@per_vocabulary
def _opening(vocabulary: Vocabulary) -> re.Pattern[str]:
    words = (*vocabulary.asking["ordering"], *vocabulary.question["auxiliary"])
    return patterns.compile(rf"\W*{any_word(words)}", re.I)


@per_vocabulary
def _wishing(vocabulary: Vocabulary) -> re.Pattern[str]:
    return any_of(vocabulary.asking["wishing"])


@per_vocabulary
def _remark(vocabulary: Vocabulary) -> re.Pattern[str]:
    remark = any_word(vocabulary.asking["remarks"])
    return patterns.compile(rf"\W*{remark}(?:\W+{remark})*\W*", re.I)


@per_vocabulary
def _saying(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A pronoun with its verb; or a subject of a few words, with no clause of its own, and then a verb."""
    pronoun, article, verb, behind = (any_word(vocabulary.asking[f"saying_{key}"]) for key in _SAYING)
    word = rf"(?!{any_word(vocabulary.asking['saying_breaks'])})[\w'%.,/-]+\s+"
    active = rf"{article}\s+(?:{word}){{1,4}}\w+ed\s+(?!{behind})\w"
    return patterns.compile(rf"\W*(?:{pronoun}(?:'\w+)?\s+\w|(?:{word}){{1,7}}{verb}|{active})", re.I)
