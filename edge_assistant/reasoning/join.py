"""Joins: one signal says which item or drug a question means, and another has the value of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.lookup import names, related
from edge_assistant.reasoning.meant import Meant
from edge_assistant.reasoning.owners import owned
from edge_assistant.reasoning.pointing import NAMED, Pointer, likeness, matters, places, pointers
from edge_assistant.reasoning.question import AMOUNTS, Expect, Query
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.clauses import any_of, listed
from edge_assistant.reasoning.values.candidates import as_words, find
from edge_assistant.reasoning.values.values import Items, Quantity, same

# Nearness in meaning does not help to choose a clause: MiniLM's cosine to the question was 0.09 to 0.34 for the clause
# that singles the thing out and up to 0.37 for the note's other sentences (17 questions of the generated dev set).
CLEAR = 0.25  # how far the next column must be behind where examples say against a header which one is asked for
WHOLE = "total"  # the attribute that tells of all items together
_SHARED_OUT = frozenset({"repaid", "private"})  # of these each item of a receipt is one
_ITEM = "item"  # the kind of things that are bought
_CONNECTED = "connected"  # the matter of a supply
# What is not of the one is of the other
_OPPOSITE = {"repaid": "private", "private": "repaid", "lacking": "stocked", "stocked": "lacking"}
_TIMES = frozenset({Expect.DATE, Expect.CLOCK})


def join(
    query: Query, sources: Sequence[Source], claims: Mapping[str, Sequence[Claim]], meant: Meant | None = None
) -> list[Claim]:
    """The value of what another signal says the question is about; empty where nothing says so.

    "How much does the company pay?" over "only the chocolate slice is on the company" and a receipt: clause and
    question are about one matter, and the clause names an item of the receipt. "What current does it draw here?" over
    "it has 400 V" and a plate with a row for each voltage: the value that is told is the subject of a row.

    Args:
        query: what is asked.
        sources: all of them.
        claims: what code found in each source, by the id of its signal.
        meant: compares with examples what no word tells.

    Returns:
        A claim for each thing that is meant, which also cites the clause that says so; one for values that cannot be
        summed.
    """
    if query.agreement or query.counted or query.expects is Expect.TRUTH or _is_computed(query, sources):
        return []
    meant = meant or Meant(lambda: None)
    if query.priced and _has_prices(claims) and not _is_of_items(query) and not meant.asked(query.text, "item"):
        return []  # the change, the tax, the tip
    if query.category is not None:
        return owned(query, sources, claims)
    table = _table(query, claims, meant)
    if not table or _names_one(query, table):
        return []
    if measured := _measured(table, claims):
        return measured
    whole = any(_is_plain(claim, query) for told in claims.values() for claim in told)
    rows = _meant(query, table, sources, whole, meant)
    joined = [replace(c, evidence=(*c.evidence, *lines), chosen_by=by) for c, lines, by in rows]
    return joined if len(joined) < 2 or _is_money(table[0]) else _listed(joined)


def _is_computed(query: Query, sources: Iterable[Source]) -> bool:
    """Whether a question asks for a computation over readings that are there: "how fast" may ask for the maximum."""
    return query.computing is not None and any(source.table is not None for source in sources)


def _has_prices(claims: Mapping[str, Sequence[Claim]]) -> bool:
    return any(claim.subject and _is_money(claim) for told in claims.values() for claim in told)


def _is_of_items(query: Query) -> bool:
    """Whether a question for money can ask what single items cost: "what did the item cost that was returned?"."""
    whole = [attribute.per is not None or attribute.name == WHOLE for attribute in query.attributes]
    item = not query.named and any(whole) and _has("things", query.text)
    return any(whole[:1]) or item or _is_repaid(query)


def _is_repaid(query: Query) -> bool:
    """Whether a question asks what somebody's company pays, and names no other amount: "what will the firm refund"."""
    paid = _has("payers", query.text) or not query.attributes
    return not query.named and "repaid" in matters(query.text) and paid


def _table(query: Query, claims: Mapping[str, Sequence[Claim]], meant: Meant) -> list[Claim]:
    """The claims told of single things, of what is asked for: by attribute, by price, by the header of a column.

    Then by examples, of what is asked for among the columns that there are.
    """
    told = [
        claim for found in claims.values() for claim in found if claim.subject and claim.present and claim.attribute
    ]
    headers = dict.fromkeys(claim.attribute or "" for claim in told)
    clear = meant.column(query.text, headers, CLEAR) if len(headers) > 1 and not query.named else None
    for wanted in [clear] if clear else _wanted(query):
        if found := [claim for claim in told if claim.attribute == wanted]:
            return found
    asked = next((header for header in headers if _is_asked(query, header)), None)
    asked = asked or meant.column(query.text, headers)
    return [claim for claim in told if claim.attribute == asked]


def _wanted(query: Query) -> Iterator[str]:
    """The attributes that a question asks for; of an amount of money, first what an item costs.

    Then those of single things with values of its type and unit: "how much" asks for a dose or a price.
    """
    single = [a for a in vocabulary().attributes.values() if a.per and Expect(a.value) in AMOUNTS]
    if query.priced or (not query.attributes and query.text.lower().startswith("what") and _is_repaid(query)):
        yield from (attribute.name for attribute in single if attribute.value == Expect.MONEY)
    else:
        yield from (attribute.name for attribute in query.attributes)
    if query.expects in AMOUNTS:
        units = frozenset().union(*(a.units for a in query.attributes if a.value == query.expects))
        loose = not query.named and not any(attribute.general for attribute in query.attributes)
        yield from (a.name for a in single if loose or (units & a.units and a.value == query.expects))


def _is_asked(query: Query, header: str) -> bool:
    """Whether a column has what a question asks for: "where" asks for a shelf, "when" for a time of day in words."""
    text = query.text.lower()
    if query.expects in _TIMES or _has("asking_when", text):
        return bool(_words_of(header) & set(vocabulary().pointing["when"]))
    if _has("asking_where", text):
        return bool(_words_of(header) & set(vocabulary().pointing["where"]))
    words = as_words(header).tokens
    return bool(words) and all(related([word], as_words(text).tokens) for word in words)


def _words_of(header: str) -> frozenset[str]:
    """What a column may be called: the names of its attribute, else its header and the words of it."""
    known = (attribute for attribute in vocabulary().attributes.values() if attribute.name == header)
    names = {name for attribute in known for name in (*attribute.names, *attribute.labels)}
    return as_words(header).tokens | names | {header}


def _has(name: str, text: str) -> bool:
    return bool(any_of(vocabulary().pointing[name]).search(text))


def _names_one(query: Query, table: Iterable[Claim]) -> bool:
    """Whether the question itself names one of the things."""
    topic = query.subject - vocabulary().words["generic"]
    subjects = {claim.subject or "" for claim in table}
    return any(names(topic, subject) or likeness(subject, query.text) >= NAMED for subject in subjects)


def _measured(table: Sequence[Claim], claims: Mapping[str, Sequence[Claim]]) -> list[Claim]:
    """The row whose subject is the value that other signals tell: the current at the voltage that a note tells."""
    rows = [(claim, value) for claim in table if (value := _as_quantity(claim.subject or "")) is not None]
    told = [
        claim
        for found in claims.values()
        for claim in found
        if claim.present and isinstance(claim.value, Quantity) and claim.value.unit
        if (claim.subject is None or _CONNECTED in matters(claim.subject)) and not _is_denied(claim)
    ]
    hits = [(row, c) for row, value in rows for c in told if c.signal != row.signal and same(c.value, value)]
    if len({row.subject for row, _ in hits}) != 1:
        return []
    row, by = hits[0]
    return [replace(row, evidence=(*row.evidence, *by.evidence), chosen_by=by.signal)]


def _is_denied(claim: Claim) -> bool:
    """Whether a value stands behind a "not" in its clause: "it is not connected to 400 V"."""
    before = claim.sentence[: max(claim.sentence.find(claim.text), 0)]
    return bool(listed("negations").search(re.split(r"[,;:]", before)[-1]))


def _is_money(claim: Claim) -> bool:
    return any(a.name == claim.attribute and a.value == Expect.MONEY for a in vocabulary().attributes.values())


def _as_quantity(subject: str) -> Quantity | None:
    """The quantity that a row is told of, where its first cell is one."""
    found = [candidate for candidate in find(Expect.QUANTITY, subject) if isinstance(candidate.value, Quantity)]
    value = found[0].value if len(found) == 1 and found[0].text.strip() == subject.strip() else None
    return value if isinstance(value, Quantity) and value.unit else None


def _is_plain(claim: Claim, query: Query) -> bool:
    """Whether a claim tells what is asked for of no single thing: the total of a receipt."""
    return claim.subject is None and claim.present and claim.attribute in {a.name for a in query.attributes}


def _meant(
    query: Query, table: Sequence[Claim], sources: Sequence[Source], whole: bool, meant: Meant
) -> list[tuple[Claim, tuple[str, ...], str]]:
    """The rows that other signals say are meant, with the evidence that says so and its signal."""
    owners = {claim.signal for claim in table}
    things = list(dict.fromkeys(claim.subject or "" for claim in table))
    named = list(pointers(things, [source for source in sources if {source.signal.id} != owners]))
    named = [p for p in named if any(c.subject == p.thing and c.signal != p.line.signal for c in table)]
    asked, named = _by_example(query, named, table, meant)
    chosen = _chosen(query, table, named, whole, asked)
    if not chosen:
        return []
    out = {p.thing for p in chosen if p.excluded is not _is_opposite(asked, p)}
    lines = tuple(dict.fromkeys(p.line.id for p in chosen))
    if out and len(out) == len({p.thing for p in chosen}):
        if not any(p.rest for p in chosen) and not asked & _SHARED_OUT:
            return []
        kept = [thing for thing in things if thing not in out]
    else:
        kept = [p.thing for p in chosen if p.thing not in out]
    rows = [next(c for c in table if c.subject == thing) for thing in dict.fromkeys(kept)]
    return [(row, lines, chosen[0].line.signal) for row in rows]


def _by_example(
    query: Query, named: Sequence[Pointer], table: Sequence[Claim], meant: Meant
) -> tuple[frozenset[str], list[Pointer]]:
    """The matters that a question means, and the clauses with theirs, as words say and examples.

    Where an example says the opposite of a word, that is what is said: "that is not for the company". What it says of a
    thing holds for the thing, whatever is denied: "she has no more of it".
    """
    kind, things = _kind(table), [claim.subject or "" for claim in table]
    asked = _settled(matters(query.text), meant.asked(query.text, kind) if _can_ask(query, table) else None)
    found = [pointer for pointer in named if not pointer.others]
    for pointer in named:
        if pointer.others and kind != _ITEM:
            continue  # a medicine of her husband's
        alone = len({other.thing for other in named if other.sentence == pointer.sentence}) == 1
        said = pointer.sentence if alone else pointer.clause
        about = meant.told(said, places(said, things), kind)
        if about in asked and about not in pointer.matters:
            about_it = replace(pointer, excluded=pointer.barred, matters=_settled(pointer.matters, about))
            found = [p for p in found if p is not pointer] + [about_it]
    return asked, found


def _can_ask(query: Query, table: Sequence[Claim]) -> bool:
    """Whether a question can ask for the column of a table: it names nothing of another type or unit."""
    if not query.named:
        return True
    known = [a for a in vocabulary().attributes.values() if a.name == table[0].attribute]
    first = query.attributes[0]
    return any(a.value == first.value and (a.units & first.units or not a.units | first.units) for a in known)


def _settled(by_word: frozenset[str], by_example: str | None) -> frozenset[str]:
    """What words and an example say something is about."""
    return (by_word - {_OPPOSITE.get(by_example)}) | {by_example} if by_example else by_word


def _kind(table: Sequence[Claim]) -> str:
    """The kind of things in a table: what is bought, medicines, goods."""
    if _is_money(table[0]):
        return _ITEM
    known = next((a for a in vocabulary().attributes.values() if a.name == table[0].attribute), None)
    return (known.per if known else None) or "goods"


def _is_opposite(asked: frozenset[str], pointer: Pointer) -> bool:
    """Whether a clause is about the opposite of what is asked: what is private, where the company is to pay."""
    return not asked & pointer.matters and any(_OPPOSITE.get(matter) in asked for matter in pointer.matters)


def _chosen(
    query: Query, table: Sequence[Claim], named: Sequence[Pointer], whole: bool, asked: frozenset[str]
) -> list[Pointer]:
    """Of the clauses that name things those that a question means: by matter, by words, by being alone."""
    linked = asked | {_OPPOSITE[matter] for matter in asked if matter in _OPPOSITE}
    if same_matter := [p for p in named if p.matters & asked] or [p for p in named if p.matters & linked]:
        return same_matter
    things = set(vocabulary().pointing["things"])
    own = _own_words(query, table[0].attribute or "")
    if own - things and (worded := [p for p in named if related(own - things, as_words(p.clause).tokens)]):
        return worded
    pointed = bool(own & things) or not whole
    alone = len({p.thing for p in named}) == 1 and pointed and not own - things and not asked and _refers(query.text)
    singled = bool(asked & _SHARED_OUT) and any(p.singled for p in named)
    return list(named) if alone or singled else []


def _refers(text: str) -> bool:
    """Whether a question speaks of one thing without its name: "the item", "it", "what has arrived"."""
    return bool(any_of((*vocabulary().pointing["things"], *vocabulary().pointing["referring"])).search(text[1:]))


def _own_words(query: Query, attribute: str) -> frozenset[str]:
    """The words of a question that are neither of the attribute nor of every question: "blood pressure medicine"."""
    known = [a for a in vocabulary().attributes.values() if a.name == attribute]
    names = {word for a in known for name in (*a.names, *a.labels) for word in as_words(name).tokens}
    names |= as_words(attribute).tokens
    things = frozenset(vocabulary().pointing["things"])
    units = {word for word in as_words(query.text).tokens if vocabulary().units.get(word)}
    dull = vocabulary().words["generic"] | vocabulary().words["stop"] | set(vocabulary().question["auxiliary"])
    dull |= frozenset(vocabulary().pointing["generic"])
    return as_words(query.text).tokens - dull - (names - things) - units


def _listed(claims: Sequence[Claim]) -> list[Claim]:
    """One claim for the values of several things: "B23 for the tulips and B9 for the film"."""
    if len({claim.text for claim in claims}) == 1:
        return [claims[0]]
    text = " and ".join(f"{claim.text} ({claim.subject})" for claim in claims)
    value = Items(tuple(claim.text.lower() for claim in claims))
    evidence = tuple(dict.fromkeys(id for claim in claims for id in claim.evidence))
    subject = " and ".join(claim.subject or "" for claim in claims)
    return [replace(claims[0], value=value, text=text, evidence=evidence, subject=subject)]
