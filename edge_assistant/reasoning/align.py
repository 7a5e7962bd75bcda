"""Alignment: which claims of different signals are about one thing, and which signals about whom a question asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.pointing import NAMED, likeness
from edge_assistant.reasoning.question import Query
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.seen import COUNT, PRESENCE, member
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.whose import apart
from edge_assistant.reasoning.values.names import as_name
from edge_assistant.reasoning.values.values import Name, Truth, same

Told = Mapping[str, Sequence[Claim]]
"""The claims that code found in each source, by the id of its signal."""

Group = tuple[str, str | None, list[Claim]]
"""Claims about one attribute of one subject (None: what the signals are about)."""

WHOSE = ("patient", "seller")  # the attributes that say of whom a signal is, or whose receipt


def about_others(query: Query, told: Told) -> frozenset[str]:
    """The signals that are about another than the question names: another patient's form, another shop's receipt."""
    return frozenset(id for attribute in WHOSE for id in _about_others(query, told, attribute))


def _about_others(query: Query, told: Told, attribute: str) -> Iterator[str]:
    names = {
        id: [c.value for c in claims if _is_identity(c, attribute) and isinstance(c.value, Name)]
        for id, claims in told.items()
    }
    best = max((_named(query, name) for known in names.values() for name in known), default=0)
    meant = {id for id, known in names.items() if best and any(_is_meant(query, name, best) for name in known)}
    yield from (id for id, known in names.items() if meant and known and id not in meant)


def unasked(query: Query, sources: Sequence[Source]) -> frozenset[str]:
    """The signals that a question does not ask, where it asks what the only one of a kind says: "does the note say"."""
    meant = {source.signal.id for source in sources if source.signal.kind in query.kinds}
    return frozenset(s.signal.id for s in sources if s.signal.id not in meant) if len(meant) == 1 else frozenset()


def shared(told: Told) -> list[Group]:
    """Every attribute on which at least two signals speak, with the claims, in the order of the vocabulary."""
    now = {id: [claim for claim in claims if claim.present] for id, claims in told.items()}
    groups: list[Group] = []
    for claim in (claim for claims in now.values() for claim in claims):
        home = next((group for group in groups if _is_same_matter(group, claim)), None)
        if home is None:
            groups.append((claim.attribute or "", claim.subject, [claim]))
        else:
            home[2].append(claim)
    groups = [group for group in groups if (_signals(group[2]) > 1 and group[0] != PRESENCE) or _is_denied(group)]
    return [*_ordered(groups), *_members(now)]


def _is_same_matter(group: Group, claim: Claim) -> bool:
    attribute, subject, members = group
    if attribute != claim.attribute or (subject is None) != (claim.subject is None):
        return False
    if subject is None or claim.subject is None:
        return not any(apart(member.sentence, claim.sentence) for member in members)
    return same_subject(subject, claim.subject)


def same_subject(a: str, b: str) -> bool:
    """Whether two subjects are the same, as written and as heard: ramipril and "rambrol", "DoubleChoc Slice"."""
    if apart(a, b):
        return False  # pump 1 and pump 2
    return a == b or likeness(a, b) >= NAMED or likeness(b, a) >= NAMED


def _is_denied(group: Group) -> bool:
    """Whether one signal says that a thing is there and another that it is not."""
    return _signals(group[2]) > 1 and len({claim.value for claim in group[2]} & {Truth(True), Truth(False)}) > 1


def _members(told: Told) -> list[Group]:
    """The one member of each category in each source: a picture shows a dog, and its caption tells of a cat."""
    groups: list[Group] = []
    for category in vocabulary().categories:
        claims = [claim for found in told.values() for claim in member(category, found)]
        if _signals(claims) > 1 and not any(_covers(other, claims) for _, _, other in groups):
            groups.append((category, None, claims))
    return groups


def _covers(known: Iterable[Claim], claims: Iterable[Claim]) -> bool:
    """Whether the same was found for a narrower category: a dog is an animal and a pet."""
    return {(c.signal, c.text) for c in claims} <= {(c.signal, c.text) for c in known}


def _ordered(groups: Iterable[Group]) -> list[Group]:
    order = {attribute.name: i for i, attribute in enumerate(vocabulary().attributes.values())}
    return sorted(groups, key=lambda group: (order.get(group[0], len(order)), group[0], group[1] or ""))


def _signals(claims: Iterable[Claim]) -> int:
    return len({claim.signal for claim in claims})


def _is_identity(claim: Claim, attribute: str) -> bool:
    return claim.attribute == attribute and claim.subject is None and claim.present and isinstance(claim.value, Name)


def _named(query: Query, name: Name) -> int:
    """How many words of a name a question has that are no words for shops in general."""
    return len((query.subject - vocabulary().written["company"]).intersection(name.words))


def _is_meant(query: Query, name: Name, best: int) -> bool:
    """Whether no other name has more of its words in the question, or all of this one's are: Mrs Hale is Ada Hale."""
    return _named(query, name) > 0 and _named(query, name) in (best, len(name.words))


def at_hand(told: Told) -> dict[str, tuple[Claim, ...]]:
    """Claims of the patient by name as those of the one at hand, where another source says who that is.

    "Paul takes aspirin" in a note is told of the patient of a form for Paul Porter; not where there are two patients.
    """
    names = [c.value for claims in told.values() for c in claims if _is_identity(c, WHOSE[0])]
    people = [name for name in names if isinstance(name, Name)]
    if not people or not all(same(people[0], other) for other in people):
        return {id: tuple(claims) for id, claims in told.items()}
    own = set(people[0].words)
    return {id: tuple(_settled(claim, own) for claim in claims) for id, claims in told.items()}


def _settled(claim: Claim, own: set[str]) -> Claim:
    per = {attribute.name for attribute in vocabulary().attributes.values() if attribute.per} | {PRESENCE, COUNT}
    words = set(as_name(claim.subject).words) if claim.subject and claim.attribute not in per else set[str]()
    return replace(claim, subject=None) if words and words <= own else claim
