"""Joins: one signal says which item or drug a question means, and another has the value of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from edge_assistant.evidence import Evidence, Passage, Speech
from edge_assistant.reasoning.candidates import as_words, quantities
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.lookup import names
from edge_assistant.reasoning.question import AMOUNTS, Query
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.vocabulary import vocabulary

NAMED = 0.75  # likeness from which on words name an item: "double chocolate slices" and "DoubleChoc Slice" have 0.83
_CLAUSE = re.compile(r"[^.,;:!?]+")


def join(query: Query, sources: Sequence[Source], claims: Mapping[str, Sequence[Claim]]) -> list[Claim]:
    """The value of what another signal says the question is about; empty where nothing says so.

    "How much does the company pay?" over "only the chocolate slice is on the company" and a receipt: the clause has the
    question's word, names an item of the receipt, and tells no amount itself.

    Args:
        query: what is asked.
        sources: all of them.
        claims: what code found in each source, by the id of its signal.

    Returns:
        A claim for each thing that is meant, which also cites the clause that says so.
    """
    topic = query.subject - vocabulary().words["generic"]
    things = list(_things(query, claims))
    if query.expects not in AMOUNTS or not topic or any(names(topic, claim.subject or "") for claim in things):
        return []
    named = [(line, clause, best) for line, clause in _clauses(sources) if (best := _named(clause, line, things))]
    said = [(line, best) for line, clause, best in named if topic & as_words(clause).tokens]
    if not said and len({best.subject for _, _, best in named}) == 1 and not _is_total(query):
        said = [(line, best) for line, _, best in named[:1]]
    meant = {best: line for line, best in reversed(said)}
    return [replace(best, evidence=(*best.evidence, line.id), chosen_by=line.signal) for best, line in meant.items()]


def _named(clause: str, line: Evidence, things: Sequence[Claim]) -> Claim | None:
    """The thing of another signal that a clause names, where it tells no amount itself."""
    others = [claim for claim in things if claim.signal != line.signal]
    best = max(others, key=lambda claim: likeness(claim.subject or "", clause), default=None)
    if best is None or likeness(best.subject or "", clause) < NAMED or any(quantities(clause)):
        return None
    return best


def _is_total(query: Query) -> bool:
    """Whether a question may ask for all of it together, and not for one thing's."""
    return not any(attribute.per for attribute in query.attributes)


def likeness(name: str, text: str) -> float:
    """How much some run of words in a text is like a name, 0 to 1; what is written solid or shortened is still like it.

    >>> round(likeness("DoubleChoc Slice", "only the double chocolate slices"), 2)
    0.83
    """
    wanted, words = _solid(name), re.findall(r"\w+", text)
    runs = (_solid("".join(words[i : i + n])) for i in range(len(words)) for n in range(1, len(name.split()) + 3))
    return max((SequenceMatcher(None, wanted, run, autojunk=False).ratio() for run in runs), default=0.0)


def _solid(text: str) -> str:
    return "".join(re.findall(r"\w+", text)).lower()


def _clauses(sources: Sequence[Source]) -> Iterator[tuple[Evidence, str]]:
    """What is said and typed, clause by clause."""
    for source in sources:
        for line in source.evidence:
            if isinstance(line.detail, (Speech, Passage)):
                yield from ((line, match[0]) for match in _CLAUSE.finditer(line.text))


def _things(query: Query, claims: Mapping[str, Sequence[Claim]]) -> Iterator[Claim]:
    """The claims told of one of several subjects, of the type that is asked for."""
    per = {a.name for a in vocabulary().attributes.values() if a.per and a.value == query.expects}
    return (claim for told in claims.values() for claim in told if claim.attribute in per and claim.subject)
