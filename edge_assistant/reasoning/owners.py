"""Whose a thing in a picture is: a note says that Ada owns the animal, and the picture shows one dog."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from edge_assistant.evidence import Passage, Speech
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.kinds import kinds_in, labels
from edge_assistant.reasoning.question import Query
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.seen import member
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.clauses import listed, sentences, told_words
from edge_assistant.reasoning.told.script import Script
from edge_assistant.reasoning.told.things import things

_RUN = re.compile(r"\b[A-Z][a-zß-ÿ]+(?:[ -][A-Z][a-zß-ÿ]+)*")
_OWNING = re.compile(r"(?:'s\b|\s+(?:is|has|had|was|owns|got|came|brought|goes|belongs|and|on)\b)")
_POINTS = re.compile(r"\b(?:it|that|this|one)\b", re.I)


def owned(query: Query, sources: Sequence[Source], claims: Mapping[str, Sequence[Claim]]) -> list[Claim]:
    """The one thing of a kind that a picture shows, where another signal names it with whom a question names.

    Args:
        query: asks for a kind of thing and names somebody.
        sources: all of them.
        claims: what code found in each source, by the id of its signal.

    Returns:
        One claim that also cites the sentence; none where nothing names them together, or the picture shows several.
    """
    asked = _people(query.text, question=True)
    for source in sources if asked else ():
        others = [found for id, found in claims.items() if id != source.signal.id]
        for sentence, evidence in _named_together(source, asked, query.category or ""):
            shown = [claim for found in others for claim in _shown(query.category or "", sentence, found)]
            if len(shown) == 1:
                return [replace(c, evidence=(*c.evidence, *evidence)) for c in shown]
    return []


def _shown(kind: str, sentence: str, claims: Sequence[Claim]) -> list[Claim]:
    """The thing that a sentence names, or else the only one of its kind."""
    named = {label for label, _, _ in things(sentence)} & labels(kind)
    if not named:
        return member(kind, claims)
    return [claim for label in named for claim in member(label, claims)]


def _named_together(source: Source, asked: Sequence[str], kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sentences that name somebody together with a kind of thing, each with the evidence that it stands in.

    "It is Anna's" goes on with the thing of the sentence before.
    """
    if not any(isinstance(line.detail, Speech | Passage) for line in source.evidence):
        return
    script, before = Script.of(source.evidence), False
    for start, end in sentences(script.text):
        sentence = script.text[start:end]
        names_it = kind in kinds_in(sentence) or bool({label for label, _, _ in things(sentence)} & labels(kind))
        meant = names_it or (before and not kinds_in(sentence) and bool(_POINTS.search(sentence)))
        if meant and _names_all(sentence, asked) and not listed("negations").search(sentence):
            yield sentence, script.evidence(start, end)
        before = names_it


def _names_all(sentence: str, asked: Sequence[str]) -> bool:
    """Whether a sentence names those whom a question names, by the whole name or a part of it."""
    known = [set(name.lower().split()) for name in _people(sentence)]
    plain = set(re.findall(r"\w+", sentence.lower()))
    return all(
        set(name.lower().split()) <= plain or any(words & set(name.lower().split()) == words for words in known)
        for name in asked
    )


def _people(text: str, *, question: bool = False) -> list[str]:
    """The names in a text; the first word of a question is one only where it owns or does something."""
    found: list[str] = []
    for match in _RUN.finditer(text.replace("’", "'")):
        name = match[0]
        first, _, rest = name.partition(" ")
        if first.lower() in told_words("titles") and rest:
            found.append(rest)
            continue
        if not text[: match.start()].strip() and first.lower() in _no_names():
            name = rest
        elif question and not match.start() and not rest and not _OWNING.match(text.replace("’", "'"), match.end()):
            name = ""
        found += [name] if name else []
    return found


@per_vocabulary
def _no_names(vocabulary: Vocabulary) -> frozenset[str]:
    """Words with which sentences begin that are no names."""
    question = vocabulary.question
    words = (*question["interrogative"], *question["auxiliary"], *vocabulary.asking["courtesy"], "by", "to", "whose")
    return frozenset((*words, *vocabulary.words["stop"], *vocabulary.telling["words"]["starts"]))
