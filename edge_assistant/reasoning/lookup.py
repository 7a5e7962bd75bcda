"""The claims of one source that answer a question: code finds them by attribute and subject, without a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from edge_assistant.reasoning.attributes import asked as meant_by
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.permitting import may_mean
from edge_assistant.reasoning.pointing import NAMED, likeness, matters
from edge_assistant.reasoning.question import Expect, Query, admits
from edge_assistant.reasoning.rules.vocabulary import Attribute, vocabulary
from edge_assistant.reasoning.seen import COUNT, PRESENCE
from edge_assistant.reasoning.told.clauses import any_of, listed
from edge_assistant.reasoning.told.limits import LIMIT, told_limit
from edge_assistant.reasoning.told.lists import is_drug
from edge_assistant.reasoning.told.whose import apart
from edge_assistant.reasoning.values.candidates import as_words, find
from edge_assistant.reasoning.values.units import fits
from edge_assistant.reasoning.values.values import Items, Name, Nothing, Quantity, Truth, Value, Words, same

_TIMES = frozenset({Expect.DATE, Expect.CLOCK})
PRICE, QUANTITY = "price", "quantity"
MISHEARD = 0.6  # likeness from which on a word that means nothing may be a name that was misheard
_DECIDED = ("truth", "items", "words", "name")  # asked for a yes or no without a value; of others the value is wanted
STEM = 5  # letters that two words must share at their start to be of one stem


def lookup(query: Query, claims: Sequence[Claim]) -> list[Claim]:
    """The claims that answer a question, of the likeliest attribute that has any.

    Args:
        query: what is asked.
        claims: all that code found in one source.

    Returns:
        Several where the source gives several values.
    """
    for attribute in query.attributes:
        if found := _direct(query, attribute, claims):
            return found
    now = [claim for claim in claims if claim.present]
    return _by_label(query, now) or _narrower(query, now)


def looked_up(query: Query, told: Mapping[str, Sequence[Claim]]) -> dict[str, list[Claim]]:
    """The claims of each source that answer a question, all of the one attribute that is likeliest of those told.

    Else "what does the tax come to?" would be the tax in one source, and the total in another that tells no tax.
    """
    if item := _of_item(query, told):
        return item
    known = vocabulary().attributes
    others = (known[key] for attribute in query.attributes for key in attribute.instead if key in known)
    asked = [a for a in (*query.attributes, *others) if not _is_pointed_at(query, a, told)]
    query = replace(query, attributes=tuple(a for a in query.attributes if a in asked))
    meant = (a for a in asked if any(_direct(query, a, claims) for claims in told.values()))
    if (attribute := next(meant, None)) is not None:
        query = replace(query, attributes=(attribute,))
    found = {id: answers for id, claims in told.items() if (answers := lookup(query, claims))}
    found = _of_the_named(query, found)
    return found | _as_limits(query, told, found)


def _is_pointed_at(query: Query, attribute: Attribute, told: Mapping[str, Sequence[Claim]]) -> bool:
    """Whether a question tells which of several things it means by what happened to it: the one that ran out.

    What is told of some other thing is no answer, where no signal says which one that is.
    """
    if not attribute.per or not matters(query.text):
        return False
    things = {c.subject for claims in told.values() for c in claims if c.attribute == attribute.name and c.subject}
    return len(things) > 1 and not any(names(query.subject, thing) for thing in things)


def _of_the_named(query: Query, found: Mapping[str, list[Claim]]) -> dict[str, list[Claim]]:
    """Without what a source tells of another subject only, where another source tells it of the one that is named."""
    named = {c.subject for claims in found.values() for c in claims if c.subject and _is_named(query, c.subject)}
    if not named:
        return dict(found)

    def is_meant(subject: str | None) -> bool:
        return subject is None or any(_is_one(subject, name) or _is_misheard(subject, name) for name in named)

    kept = {id: [claim for claim in claims if is_meant(claim.subject)] for id, claims in found.items()}
    return {id: claims for id, claims in kept.items() if claims}


def _is_one(subject: str, name: str) -> bool:
    return likeness(subject, name) >= NAMED and not apart(name, subject)


def _is_misheard(heard: str, name: str) -> bool:
    """Whether a word that is no drug may be one that a recogniser did not know: "rambrol" for ramipril."""
    same_start = heard[:1].lower() == name[:1].lower()
    return same_start and not is_drug(heard) and likeness(heard, name) >= MISHEARD


def _as_limits(
    query: Query, told: Mapping[str, Sequence[Claim]], found: Mapping[str, Sequence[Claim]]
) -> dict[str, list[Claim]]:
    """Limits that sources tell where another has a value that is said to be the most: "Max. pressure: 25 bar"."""
    units = query.attributes[0].units if query.attributes and query.attributes[0].name != LIMIT else frozenset()
    if not units or not any(_is_most(claim) for claims in found.values() for claim in claims):
        return {}
    name = query.attributes[0].name
    limits = {
        id: [c for c in claims if c.present and c.subject is None and _is_limit(c, name) and _is_in(c.value, units)]
        for id, claims in told.items()
        if id not in found
    }
    return {id: claims for id, claims in limits.items() if claims}


def _is_limit(claim: Claim, attribute: str) -> bool:
    return claim.attribute == LIMIT or (claim.attribute == attribute and claim.statistic == "maximum")


def _is_most(claim: Claim) -> bool:
    limit = vocabulary().attributes.get("limit")
    phrases = (*vocabulary().telling["extremes"]["maximum"], *(limit.labels if limit else ()))
    return bool(any_of(phrases).search(claim.sentence))


def _is_in(value: Value, units: Collection[str]) -> bool:
    return isinstance(value, Quantity) and value.unit is not None and fits(value.unit, units)


def bought(noun: str, told: Mapping[str, Sequence[Claim]]) -> dict[str, list[Claim]]:
    """How many of an item a receipt lists."""
    found = {id: [c for c in claims if c.attribute == QUANTITY and c.present] for id, claims in told.items()}
    own = {id: [c for c in claims if c.subject and names({noun}, c.subject)] for id, claims in found.items()}
    return {id: claims for id, claims in own.items() if claims}


def _of_item(query: Query, told: Mapping[str, Sequence[Claim]]) -> dict[str, list[Claim]]:
    """What one item cost, where a question for an amount names it and no kind of amount: "what did the soup cost?"."""
    if query.named or query.expects is not Expect.MONEY:
        return {}
    sellers = (c.value for claims in told.values() for c in claims if c.attribute == "seller")
    place = {word for name in sellers if isinstance(name, Name) for word in name.words}
    asked = query.subject - vocabulary().words["generic"] - place
    prices = {id: [c for c in claims if c.attribute == PRICE and c.present] for id, claims in told.items()}
    found = {
        id: [c for c in claims if c.subject and asked and asked <= as_words(c.subject).tokens]
        for id, claims in prices.items()
    }
    return {id: claims for id, claims in found.items() if claims}


def _direct(query: Query, attribute: Attribute, claims: Sequence[Claim]) -> list[Claim]:
    """The claims about an attribute that answer."""
    about = _about(query, attribute, [claim for claim in claims if claim.present and claim.attribute == attribute.name])
    decides = query.expects is Expect.TRUTH and (attribute.value in _DECIDED or any(find(attribute.value, query.text)))
    answers = [_truth(query, attribute.value, claim) for claim in about] if decides else about
    found = _best_told(query, [claim for claim in answers if claim is not None and _is_of_statistic(query, claim)])
    return told_limit(found, query.text) if attribute.name == LIMIT and len(found) > 1 else found


def _is_of_statistic(query: Query, claim: Claim) -> bool:
    """Whether what is told as the highest, lowest or mean of many is asked for as that."""
    if claim.statistic is None or (query.computing is not None and query.computing.kind.value == claim.statistic):
        return True
    return bool(listed(claim.statistic, "extremes").search(query.text))


def _best_told(query: Query, claims: list[Claim]) -> list[Claim]:
    """Of several values that one source gives, those whose sentence has most words of the question: "bought on ..."."""
    if len({claim.value for claim in claims}) < 2:
        return claims
    asked = as_words(query.text).tokens - vocabulary().words["generic"]
    shared = [len(asked & as_words(claim.sentence).tokens) for claim in claims]
    return [claim for claim, number in zip(claims, shared, strict=True) if number == max(shared)]


def of_type(query: Query, claims: Iterable[Claim]) -> list[Attribute]:
    """The attributes of claims whose values could answer a question, as its question word goes."""
    known = {attribute.name: attribute for attribute in vocabulary().attributes.values()}
    present = dict.fromkeys(claim.attribute for claim in claims if claim.present and claim.attribute in known)
    fitting = [known[name] for name in present if name is not None and admits(query, known[name])]
    fitting = [attribute for attribute in fitting if may_mean(query.text, attribute)]
    return [a for a in fitting if not a.units or not query.units or a.units & query.units]  # degrees are no humidity


def _narrower(query: Query, claims: Sequence[Claim]) -> list[Claim]:
    """Claims of the one narrower attribute, where a general one is asked for: her temperature is a body temperature."""
    named = {mention.attribute for mention in meant_by(query.text) if mention.named}
    more = query.subject - vocabulary().words["generic"]
    for general in (attribute for attribute in query.attributes if attribute.general):
        if more and (general not in named or not general.units):
            continue  # "when was her last tetanus shot" asks for no other day
        narrower = [a for a in of_type(query, claims) if a.value == general.value and _in_unit(general, a)]
        if len(narrower) == 1 and _is_explained(query, narrower[0]):
            return _about(query, narrower[0], [claim for claim in claims if claim.attribute == narrower[0].name])
    return []


def _is_explained(query: Query, narrower: Attribute) -> bool:
    """Whether a question for a time asks for nothing of its own: "his last tetanus shot" is no appointment."""
    if narrower.value not in _TIMES:
        return True
    own = query.subject - vocabulary().words["generic"] - set(vocabulary().pointing["generic"])
    named = {word for name in narrower.names for word in as_words(name).tokens}
    return all(related([word], named) for word in own)


def _in_unit(general: Attribute, narrower: Attribute) -> bool:
    """Whether the narrower attribute is measured in units of the general one."""
    return any(fits(unit, general.units) for unit in narrower.units) if general.units else not narrower.units


def names(words: Iterable[str], subject: str) -> bool:
    """Whether words of a question name a subject."""
    return bool(as_words(subject).tokens & set(words))


def _is_named(query: Query, subject: str) -> bool:
    """Whether a question names a subject; of numbered things the number counts, valve 17 is not valve 15."""
    return names(query.subject, subject) and not apart(query.text, subject)


def related(topic: Iterable[str], asked: Iterable[str]) -> bool:
    """Whether a label and a question share a word or its stem: "Allergies" and "allergic", "Smoker" and "smoke"."""
    return any(_alike(a, b) for a in topic for b in asked)


def _alike(a: str, b: str) -> bool:
    return a == b or (len(a) >= STEM and a[:STEM] == b[:STEM])


def _about(query: Query, attribute: Attribute, claims: Sequence[Claim]) -> list[Claim]:
    """The claims about the subject of the question: the one it names, else the one that the signal is about."""
    named = [claim for claim in claims if claim.subject and _is_named(query, claim.subject)]
    if named:
        return named
    if attribute.per is None:
        return [claim for claim in claims if claim.subject is None and not apart(query.text, claim.sentence)]
    return list(claims) if len({claim.subject for claim in claims}) == 1 else []


def _by_label(query: Query, claims: Sequence[Claim]) -> list[Claim]:
    """The claims of a field whose label is no attribute of the vocabulary, where the question has the label's words."""
    known = {attribute.name for attribute in vocabulary().attributes.values()}
    asked = as_words(query.text).tokens - vocabulary().words["generic"] - set(vocabulary().question["interrogative"])
    found = []
    for claim in claims:
        topic = as_words(claim.attribute or "").tokens
        if (
            claim.attribute in {*known, COUNT, PRESENCE}
            or not topic
            or not all(related([word], asked) for word in topic)
        ):
            continue
        answer = _truth(query, query.expects, claim) if query.expects is Expect.TRUTH else claim
        if answer is not None:
            found.append(answer)
    return found


def _truth(query: Query, kind: str, claim: Claim) -> Claim | None:
    """What a claim says to a yes-or-no question; None where it does not decide it."""
    yes = _decides(query, kind, claim.value)
    return None if yes is None else replace(claim, value=Truth(yes))


def _decides(query: Query, kind: str, value: Value) -> bool | None:
    topic = query.subject - vocabulary().words["generic"]
    match value:
        case Truth(yes):
            return yes
        case Nothing():
            return False
        case Items(items):
            return any(as_words(item).tokens & topic for item in items) if topic else True
        case Words(tokens) if tokens <= vocabulary().words["yes"]:
            return True
        case Words(tokens):
            return bool(tokens & topic) or None
        case Name(words):
            return bool(set(words) & topic) or None
        case _:
            stated = [candidate.value for candidate in find(kind, query.text)]
            return any(same(value, other) for other in stated) if stated else None
