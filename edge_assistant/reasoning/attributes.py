"""Which attributes a text mentions: a label, a question, a clause of what somebody says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from edge_assistant.reasoning.printed import Word, label_words
from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.candidates import singular

_WORD = re.compile(r"[^\W_]+")
_GAP = " ... "
_MOST_READINGS = 64  # of a few abbreviated words together

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Names and phrases that mean attributes.

    Attributes:
        named: attributes by the words of a name or phrase, and whether it is a name; one may be of several attributes,
            whose values then decide.
        longest: how many words the longest has.
        first: the words that one begins with.
    """

    named: Mapping[Phrase, tuple[tuple[Attribute, bool], ...]]
    longest: int
    first: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mention:
    """An attribute in a text, at the characters [start, end).

    Attributes:
        attribute: which.
        start: first character.
        end: after the last character.
        named: by its name and not by a phrase that means it.
        words: how many words name it.
        gapped: by a phrase with other words between.
    """

    attribute: Attribute
    start: int
    end: int
    named: bool
    words: int
    gapped: bool = False


def labelled(text: str) -> list[Mention]:
    """The attributes that a label or the words beside a value name: "Total incl. GST (RM):"."""
    found = _found(label_words(text), _label_names())
    return [mention for mention in found if not _is_slight(text[mention.start : mention.end]) or _is_all(text, mention)]


def asked(text: str) -> list[Mention]:
    """The attributes that a question asks for, those of gapped phrases ("number ... slip") first."""
    return [*_gapped(text), *_found(_words_of(text), _question_names())]


def told(text: str) -> list[Mention]:
    """The attributes that a sentence tells of."""
    return list(_found(_words_of(text), _told_names()))


def phrase(text: str) -> Phrase:
    """A name as it is compared: its words in lower case and singular."""
    return tuple(singular(match[0].lower()) for match in _WORD.finditer(text))


def _is_slight(name: str) -> bool:
    """Whether a name is one letter or a word that stands anywhere: "M" and "In" mean something only alone."""
    return len(name) == 1 or name.lower() in vocabulary().words["stop"]


def _is_all(text: str, mention: Mention) -> bool:
    return not re.search(r"[^\W_]", text[: mention.start] + text[mention.end :])


def _words_of(text: str) -> list[Word]:
    """The words of a sentence, each as it stands."""
    return [Word((singular(match[0].lower()),), *match.span()) for match in _WORD.finditer(text)]


def _found(words: Sequence[Word], names: Names) -> Iterator[Mention]:
    """The longest names from left to right; a shorter one that a longer one holds, or begins within, is not meant."""
    longest = names.longest
    at = 0
    while at < len(words):
        most = 0 if names.first.isdisjoint(words[at].meant) else min(longest, len(words) - at)
        for length in range(most, 0, -1):
            known = _known(words[at : at + length], names)
            if known and not any(
                _known(words[inner : inner + more], names)
                for inner in range(at + 1, at + length)
                for more in range(max(length, at + length - inner) + 1, min(longest, len(words) - inner) + 1)
            ):
                start, end = words[at].start, words[at + length - 1].end
                yield from (Mention(attribute, start, end, named, length) for attribute, named in known)
                at += length - 1
                break
        at += 1


def _known(words: Sequence[Word], names: Names) -> tuple[tuple[Attribute, bool], ...]:
    """What words together name, in whichever way the abbreviated ones are read."""
    readings = islice(product(*(word.meant for word in words)), _MOST_READINGS)
    return next((names.named[reading] for reading in readings if reading in names.named), ())


def _words(words: Sequence[tuple[str, int, int]], at: int, length: int) -> Phrase:
    return tuple(word for word, _, _ in words[at : at + length])


def _gapped(text: str) -> Iterator[Mention]:
    """The attributes of which a question has both ends of a phrase."""
    words = [(singular(match[0].lower()), match.start(), match.end()) for match in _WORD.finditer(text)]
    said = {word for word, _, _ in words}
    for attribute, first, last in _gapped_names():
        if not (said.issuperset(first) and said.issuperset(last)):
            continue
        for start in (words[i][1] for i in range(len(words)) if _stands(words, i, first)):
            behind = [i for i in range(len(words)) if words[i][1] > start and _stands(words, i, last)]
            if behind:
                yield Mention(
                    attribute, start, words[behind[0] + len(last) - 1][2], False, len(first) + len(last), True
                )
                break


def _stands(words: Sequence[tuple[str, int, int]], at: int, name: Phrase) -> bool:
    return _words(words, at, len(name)) == name


def within(a: Mention, b: Mention) -> bool:
    """Whether a mention stands in a longer one."""
    return b.start <= a.start and a.end <= b.end and (a.start, a.end) != (b.start, b.end)


@per_vocabulary
def _gapped_names(vocabulary: Vocabulary) -> tuple[tuple[Attribute, Phrase, Phrase], ...]:
    return tuple(
        (attribute, phrase(first), phrase(last))
        for attribute in vocabulary.attributes.values()
        for first, gap, last in (name.partition(_GAP) for name in attribute.asked)
        if gap
    )


def _index(vocabulary: Vocabulary, phrases: str, words: Callable[[str], Phrase] = phrase) -> Names:
    """The names of all attributes, and what else means them in one place: `labels`, `asked` or `told`."""
    index: dict[Phrase, tuple[tuple[Attribute, bool], ...]] = {}
    for attribute in vocabulary.attributes.values():
        known = {words(name): False for name in getattr(attribute, phrases) if _GAP not in name}
        known |= {words(name): True for name in attribute.names}
        for name, named in known.items():
            index[name] = (*index.get(name, ()), (attribute, named))
    return Names(index, max(map(len, index), default=0), frozenset(name[0] for name in index if name))


def _label_phrase(name: str) -> Phrase:
    return tuple(word.meant[0] for word in label_words(name))


_label_names = per_vocabulary(lambda vocabulary: _index(vocabulary, "labels", _label_phrase))
_question_names = per_vocabulary(lambda vocabulary: _index(vocabulary, "asked"))
_told_names = per_vocabulary(lambda vocabulary: _index(vocabulary, "told"))
