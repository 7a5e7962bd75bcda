"""Labels with their values: what a form, a plate or a receipt's head states, each value of its attribute's type.

A label that names no attribute still makes a claim, with the label as its attribute and the value in words, so that a
question in the page's own words finds it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from edge_assistant.reasoning.attributes import Mention, labelled, phrase
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.values import Nothing, Quantity, Value
from edge_assistant.reasoning.written.medicines import medicine_claims
from edge_assistant.reasoning.written.plates import unit_pattern
from edge_assistant.reasoning.written.rivals import is_count, overlap, rank, surely
from edge_assistant.reasoning.written.rows import Row
from edge_assistant.reasoning.written.typed import dose_beside, is_nothing, plain_words, typed

_MAX_LABEL_WORDS = 9  # more words before a colon are a sentence
_MAX_WORDS = 12  # of a line in which names stand before values without a colon
_BETWEEN = re.compile(r"\s*(?:/|,|&|\+|and|or)\s*", re.I)
_ENTITY = "name"  # type of the attributes that others can be told of: the doctor's telephone
_BODY = {"degC": (33, 43), "degF": (92, 110)}  # temperatures that a living person can have
_OF_PATIENTS = frozenset(["patient", "birth date", "blood pressure", "pulse", "allergy", "medication"])
_WHEN = frozenset(["date", "time"])
_CONTACT = "emergency contact"
_LIMIT = "limit"  # is told beside what it is the limit of: "Storage: keep below 25 °C"
_RISKY = frozenset(["number", "telephone"])  # types of which "Unit" and "Contact" are sure only before such a value
_GENERIC = frozenset(["date", "time", "patient", "quantity", "total", "model"])  # give way to a more special one


@dataclass(frozen=True, slots=True)
class Label:
    """What a label means.

    Attributes:
        mentions: the attributes that it names.
        several: it names them side by side, as in "Height / Weight".
        subject: whose they are, where it says so.
        when: the word that places them in another time.
        rest: words of it that name nothing.
        words: all words of it that belong to no name, those included that say nothing: "pump 1".
        headed: such a word stands behind the names, and is what the label is about: "Insurer ref".
    """

    mentions: tuple[Mention, ...]
    several: bool = False
    subject: str | None = None
    when: str | None = None
    rest: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    headed: bool = False

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """The attributes that it names, each once."""
        return tuple(dict.fromkeys(mention.attribute for mention in self.mentions))

    def twins(self, attribute: Attribute) -> tuple[Attribute, ...]:
        """An attribute, and others that the very same words name."""
        places = {(m.start, m.end) for m in self.mentions if m.attribute == attribute}
        return tuple(m.attribute for m in self.mentions if (m.start, m.end) in places)

    def order(self, attribute: Attribute) -> tuple[bool, int, int]:
        """The special before the general, then from left to right, of twins first what not any text can be."""
        start = next(mention.start for mention in self.mentions if mention.attribute == attribute)
        return attribute.name in _GENERIC, start, rank(attribute)

    def is_doubtful(self, attribute: Attribute) -> bool:
        """Whether its words mean something else too, or mean it only because they stand on a label."""
        named = any(mention.named for mention in self.mentions if mention.attribute == attribute)
        return len({twin.value for twin in self.twins(attribute)}) > 1 or (not named and attribute.value in _RISKY)


def field_claims(page: Sequence[Row], signal: str) -> list[Claim]:
    """The claims of the fields of a page; blank fields make none."""
    found: list[tuple[Label, Claim]] = []
    for row in page:
        if row.field and row.cells[1]:
            label = understood(row.cells[0])
            found += [(label, claim) for claim in _stated(row, label, signal)]
    return bodily(_told_apart(found))


def bodily(claims: list[Claim], beside: Sequence[Claim] = ()) -> list[Claim]:
    """Claims with a temperature among what is told of a patient as that of the body too, and the other way round.

    Where nobody is a patient, a "temp" that no body can have is that of a thing.

    Args:
        claims: that are told in one way.
        beside: what the same source tells in another.
    """
    if not _OF_PATIENTS & {claim.attribute for claim in (*claims, *beside)}:
        things = [c for c in claims if c.attribute == "body temperature" and not _is_of_a_body(c.value)]
        return [*claims, *(replace(c, attribute="temperature") for c in things)]
    other = {"temperature": "body temperature", "body temperature": "temperature"}
    twins = [
        replace(c, attribute=other[c.attribute]) for c in claims if c.attribute in other and _is_of_a_body(c.value)
    ]
    return [*claims, *twins]


def _is_of_a_body(value: Value) -> bool:
    if not isinstance(value, Quantity):
        return False
    low, high = _BODY["degF" if value.unit == "degF" else "degC"]
    return low <= value.readings[0] <= high


def understood(label: str) -> Label:
    """What a label means.

    >>> [a.name for a in understood("Height / Weight").attributes], understood("Mother's allergies").subject
    (['height', 'weight'], 'mother')
    """
    words = vocabulary().written
    found = labelled(label)
    listed = _side_by_side(label, found)
    mentions = [mention for mention in found if mention.named or listed or _is_alone(mention, found)]
    covered = {at for mention in mentions for at in range(mention.start, mention.end)}
    rest = [m[0].lower() for m in re.finditer(r"[^\W_]+", label) if m.start() not in covered]
    when = next((word for word in rest if word in words["qualifiers"]), None)
    subject = next((word for word in rest if word in words["others"]), None)
    units = {unit.lower() for unit in re.findall(r"\(([^)]*)\)", label) if unit.lower() in vocabulary().units}
    kept = tuple(word for word in rest if word not in words["plain"] | words["qualifiers"] | units)
    named = [mention for mention in mentions if mention.named or not kept]  # "Payment type" is not a machine's type
    return Label(tuple(named), _side_by_side(label, named), subject, when, kept, tuple(rest), _headed(label, named))


def _is_alone(mention: Mention, mentions: Sequence[Mention]) -> bool:
    """Whether no name stands beside what only a label means: the "type" of "Payment type" is not a machine's."""
    return not any(other.named and other.start != mention.start for other in mentions)


def _headed(label: str, mentions: Sequence[Mention]) -> bool:
    """Whether a word that names nothing follows the last name directly."""
    if not mentions:
        return False
    behind = re.match(r"(?:'s)?\s+([^\W\d_]+)", label[max(mention.end for mention in mentions) :])
    return behind is not None and behind[1].lower() not in vocabulary().written["plain"]


def _side_by_side(label: str, mentions: Sequence[Mention]) -> bool:
    """Whether nothing but a stroke or an "and" stands between the names of different attributes."""
    gaps = [label[a.end : b.start] for a, b in pairwise(mentions) if a.end <= b.start and a.attribute != b.attribute]
    return bool(gaps) and all(_BETWEEN.fullmatch(re.sub(r"\([^)]*\)", "", gap)) for gap in gaps)


def _stated(row: Row, label: Label, signal: str) -> Iterator[Claim]:
    """The claims of one field."""
    name, value = row.cells
    confidence = row.confidence
    said = f"{name}: {value}"
    base = Claim(signal, Nothing(), value, (row.id,), confidence, subject=label.subject, when=label.when, sentence=said)
    if not label.attributes or len(name.split()) > _MAX_LABEL_WORDS:
        stated = list(_opened(value, base))  # "Storage conditions: Store below 25 °C"
        yield from stated or _in_own_words(name, value, base)
    elif (numbered := _numbered(label, name)) is not None:
        yield from _inline(numbered, name[numbered.start : numbered.end], name[numbered.end :], base)
        yield from _in_own_words(name, value, base)
    elif label.rest and {attribute.name for attribute in label.attributes} <= _WHEN:
        for found in typed(label.attributes[0], value, name):  # a "due date" is a date, and not the page's
            yield replace(base, value=found.value, text=found.text, attribute=" ".join(name.lower().split()))
    elif label.several:
        yield from _several(label, name, value, base)
    else:
        chosen = _fitting(label, name, value)
        if chosen is None:
            yield from (found for a in label.attributes if a.name == _CONTACT for found in _reached(a, value, base))
            if label.headed or label.rest:  # a value of another type than its label names is for the model to read
                yield from _in_own_words(name, value, base)
        elif chosen.name == "medication":
            yield from medicine_claims(value, replace(base, subject=None))
        else:
            base = replace(base, subject=label.subject or _owner(label, chosen))
            own = _values(label, chosen, name, value)
            for attribute in label.twins(chosen):
                other = _values(label, attribute, name, value)
                if attribute.value == chosen.value or not overlap(other, own):
                    yield from _claims(attribute, other, base)
            yield from _reached(chosen, value, base)
            yield from (c for c in _opened(value, base) if c.attribute == _LIMIT and chosen.name != _LIMIT)


def _opened(value: str, base: Claim) -> Iterator[Claim]:
    """The claim of a value that is a name with its own value."""
    mentions = labelled(value) if len(value.split()) <= _MAX_WORDS else []
    for mention in (m for m in mentions if m.start == 0 and m.end < len(value)):
        yield from _inline(mention, value[: mention.end], value[mention.end :], base)


def _reached(chosen: Attribute, value: str, base: Claim) -> Iterator[Claim]:
    """The telephone number behind a name: that of an emergency contact, say."""
    if chosen.value == _ENTITY and chosen.name not in _GENERIC:
        for found in list(find("telephone", value))[:1]:
            yield replace(base, value=found.value, text=found.text, attribute="telephone", subject=chosen.name)


def _numbered(label: Label, name: str) -> Mention | None:
    """The name in a label that its own number follows: the label `Table 7` of the value `4 guests`."""
    for mention in label.mentions:
        if mention.attribute.value == "identifier" and re.fullmatch(r"\W*\d+\W*", name[mention.end :]):
            return mention
    return None


def _claims(attribute: Attribute, candidates: Iterable[Candidate], base: Claim) -> Iterator[Claim]:
    for candidate in candidates:
        yield replace(base, value=candidate.value, text=candidate.text, attribute=attribute.name)


def _in_own_words(name: str, value: str, base: Claim) -> Iterator[Claim]:
    """A claim whose attribute is the label itself; a dose beside a drug's name is that drug's."""
    dose = dose_beside(value)
    own = " ".join(name.lower().split())
    if dose is not None and not labelled(name):
        yield replace(base, value=dose.value, text=dose.text, attribute="dose", subject=name)
    elif any(c.isalpha() for c in own) and own not in _known() and not re.fullmatch(unit_pattern(), name):
        yield replace(base, value=Nothing() if is_nothing(value) else plain_words(value), attribute=own, subject=None)


@per_vocabulary
def _known(vocabulary: Vocabulary) -> frozenset[str]:
    return frozenset(attribute.name for attribute in vocabulary.attributes.values())


def _several(label: Label, name: str, value: str, base: Claim) -> Iterator[Claim]:
    """Each attribute takes its part: the one that its type fits, or the one in its place."""
    parts = [part.strip() for part in re.split(r"[/;,]|\s-\s", value)]
    for index, attribute in enumerate(label.attributes):
        own = parts[index] if len(parts) == len(label.attributes) else value
        found = typed(attribute, own, name) or (typed(attribute, value, name) if attribute.units else [])
        yield from _claims(attribute, found[:1], base)


def _fitting(label: Label, name: str, value: str) -> Attribute | None:
    """The attribute among those named whose type the value has: the most special one, the first of such."""
    for attribute in sorted(label.attributes, key=label.order):
        found = _values(label, attribute, name, value)
        if label.headed and not any(isinstance(c.value, Quantity) and c.value.unit for c in found):
            continue
        if found and not _is_other_entity(label, attribute, value):
            return attribute
    return None


def _values(label: Label, attribute: Attribute, name: str, value: str) -> list[Candidate]:
    """What a field's value says of an attribute of its label; only what is sure where the label can mean another."""
    found = typed(attribute, value, name)
    return surely(attribute, found, value) if label.is_doubtful(attribute) else found


def _is_other_entity(label: Label, attribute: Attribute, value: str) -> bool:
    """Whether an attribute only says of whom another is told: "Doctor's phone" with a number."""
    return attribute.value == _ENTITY and len(label.attributes) > 1 and not any(c.isalpha() for c in value)


def _owner(label: Label, chosen: Attribute) -> str | None:
    """Of whom an attribute is told, where the label names one: the telephone of the doctor."""
    owners = [a.name for a in label.attributes if a.value == _ENTITY and a != chosen and a.name not in _GENERIC]
    return owners[0] if owners and chosen.value != _ENTITY else None


def _told_apart(found: Sequence[tuple[Label, Claim]]) -> list[Claim]:
    """Where two fields state different values of one attribute, the other words of their labels are their subjects."""
    fields: dict[tuple[str | None, str | None, str | None], list[tuple[Label, Claim]]] = defaultdict(list)
    for label, claim in found:
        fields[claim.attribute, claim.subject, claim.when].append((label, claim))
    apart: dict[int, Claim] = {}
    for same in fields.values():
        labels = Counter(label.rest for label, _ in same)
        if len({claim.value for _, claim in same}) > 1 and len(labels) > 1:
            for label, claim in same:
                if label.rest and claim.subject is None:
                    apart[id(claim)] = replace(claim, subject=" ".join(label.words))
    return [apart.get(id(claim), claim) for _, claim in found]


def line_claims(page: Sequence[Row], signal: str) -> Iterator[Claim]:
    """The claims of lines in which a name stands before its value without a colon: `EXP 06/2027  LOT A123`."""
    for row in page:
        if row.field or len(row.text.split()) > _MAX_WORDS or any(row.columns):
            continue
        text = row.text
        mentions = labelled(text)
        base = Claim(signal, Nothing(), text, (row.id,), row.confidence)
        for index, mention in enumerate(mentions):
            if mention.start > 0 and not _opens(row, mention, mentions[:index]):
                continue
            until = next((m.start for m in _later(row, mentions, mention)), len(text))
            yield from _inline(mention, text[mention.start : mention.end], text[mention.end : until], base)


def _later(row: Row, mentions: Sequence[Mention], mention: Mention) -> Iterator[Mention]:
    """The names behind one in a line: "Type BM 90L" has no other, though BM is one on a label."""
    for index, other in enumerate(mentions):
        if other.start >= mention.end and (other.named or _opens(row, other, mentions[:index])):
            yield other


def _opens(row: Row, mention: Mention, before: Sequence[Mention]) -> bool:
    """Whether a name in a line begins a cell, or follows the value of a name before it."""
    starts, at = set(), 0
    for cell in row.cells:
        starts.add(at)
        at += len(cell) + 1
    head = row.text[: mention.start].rstrip(" (")
    return mention.start in starts or (bool(before) and bool(re.search(r"\d\S*$", head))) or not phrase(head)


def _inline(mention: Mention, name: str, after: str, base: Claim) -> Iterator[Claim]:
    attribute = mention.attribute
    text = re.sub(r"^[\s:.#=-]+", "", after)
    if not text or attribute.value in ("words", "items", "money", "truth"):
        return
    if attribute.value == _ENTITY and not (mention.words > 1 and text[:1].isupper()):
        return
    if attribute.value == "number" and not mention.named and not is_count(text):  # "Unit 5, Mill Lane"
        return
    if attribute.value == "identifier":
        code = re.match(r"(?:[^\W\d_]+ )?\S*\d\S*", text)
        if code is None or attribute.name == "protection class":  # which is told from plates
            return
        text = code[0].rstrip(".,;:")
    found = typed(attribute, text, name)
    first = found[0] if found else None
    if first is not None and text.find(first.text) <= 1:
        if attribute.value == "quantity" and not getattr(first.value, "unit", None):
            return
        yield replace(base, value=first.value, text=first.text, attribute=attribute.name)
