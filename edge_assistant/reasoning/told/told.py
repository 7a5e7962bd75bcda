"""What people say and type, as claims, without a question and without a language model.

A claim of the wrong attribute, subject or time makes a false contradiction, so what is not sure is left out: the model
reads it when somebody asks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from edge_assistant.reasoning.attributes import Mention
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.heard import with_sounds
from edge_assistant.reasoning.meaning import Meaning
from edge_assistant.reasoning.seen import COUNT
from edge_assistant.reasoning.sources import Source
from edge_assistant.reasoning.told.asides import without_asides
from edge_assistant.reasoning.told.clauses import (
    MAX_CLAUSE,
    Clause,
    any_word,
    clauses,
    plain,
    sentences,
    told_words,
)
from edge_assistant.reasoning.told.contacts import coded, contacts
from edge_assistant.reasoning.told.contents import contained
from edge_assistant.reasoning.told.corrections import corrected
from edge_assistant.reasoning.told.crew import operated
from edge_assistant.reasoning.told.dated import dated
from edge_assistant.reasoning.told.goods import handled, named_behind, packed
from edge_assistant.reasoning.told.intakes import intakes
from edge_assistant.reasoning.told.likened import likeliest, likened, refined
from edge_assistant.reasoning.told.limits import with_limits
from edge_assistant.reasoning.told.lists import ALLERGY, DOSE, MEDICATION, allergies, items_of, items_value, medicines
from edge_assistant.reasoning.told.measures import measured
from edge_assistant.reasoning.told.occasions import occasions
from edge_assistant.reasoning.told.paid import paid, settled
from edge_assistant.reasoning.told.pictures import speaks_of_picture
from edge_assistant.reasoning.told.reactions import reactions
from edge_assistant.reasoning.told.repairs import repairs
from edge_assistant.reasoning.told.runs import parted
from edge_assistant.reasoning.told.sayings import Found, Saying, as_meant, mentions_in, quantities_in
from edge_assistant.reasoning.told.script import Script
from edge_assistant.reasoning.told.sighted import sighted
from edge_assistant.reasoning.told.taken import taken
from edge_assistant.reasoning.told.tenses import Times
from edge_assistant.reasoning.told.truths import truths
from edge_assistant.reasoning.told.whose import UNSURE, Speaking, Thread
from edge_assistant.reasoning.values.candidates import MAX_TEXT
from edge_assistant.reasoning.values.values import Items, Name, Quantity

_MAX_COMPARED = 2_000  # clauses of one text that are compared with examples: an hour of speech has not as many
_ANEW = 48  # characters behind a correction in which a claim is made anew
_READERS: tuple[Callable[[Saying], Iterator[Found]], ...] = (
    measured,
    paid,
    dated,
    coded,
    contacts,
    allergies,
    reactions,
    intakes,
    truths,
    operated,
    packed,
    handled,
    named_behind,
    contained,
    sighted,
    taken,
    occasions,
)


def told_claims(source: Source, meaning: Meaning | None = None) -> list[Claim]:
    """The claims of a source's sentences, in the order in which they are told.

    Args:
        source: of which what is spoken and typed is read; writing in pictures is not made of sentences.
        meaning: compares with examples what the rules do not know; None to leave that out.
    """
    script = Script.of(source.evidence)
    ends = [end for _, end in sentences(script.text)]
    return [_claim(source, script, found, ends) for found in told_in(script.text, meaning)]


def told_in(text: str, meaning: Meaning | None = None) -> list[Found]:
    """What a text tells; spans count in the text."""
    ready = "".join(parted(corrected(block)) for block in _blocks(plain(text)))
    found: list[Found] = []
    last: str | None = None  # the medicine spoken of
    topic: tuple[int, str | None] = (-1, None)  # what the sentence measured last
    said = list(_sayings(ready))
    for number, saying in enumerate(said):
        if saying.clause.sentence == topic[0]:
            saying = replace(saying, topic=topic[1])
        own = _distinct([*(f for reader in _readers(saying) for f in reader(saying)), *_medicines(saying, last)])
        if meaning is not None and saying.clause.statement and number < _MAX_COMPARED:
            own = refined(saying, own, meaning)
            own += likened(saying, own, meaning)
        own = [replace(f, around=saying.tense.words) if saying.tense and f.when is None else f for f in own]
        drugs = [f.value.items for f in own if f.attribute == MEDICATION and isinstance(f.value, Items)]
        last = drugs[-1][-1] if drugs else last
        measures = [f.attribute for f in own if isinstance(f.value, Quantity) and f.attribute not in (DOSE, COUNT)]
        topic = (saying.clause.sentence, measures[-1] if measures else saying.topic)
        more = None if own or not found or not saying.clause.statement else _more(saying, found)
        if more is not None:
            found[-1] = more
        found += [_placed(f, saying.clause) for f in own if f.subject != UNSURE]
    found = _timed(_standing(with_limits(found, ready), text))
    if meaning is not None:
        found = without_asides(found, said, meaning)
    return sorted(_named_at_hand(settled(likeliest(found))), key=lambda f: (f.start, f.end, f.attribute))


def _readers(saying: Saying) -> tuple[Callable[[Saying], Iterator[Found]], ...]:
    """What can be told: even in a question or condition whom to call, "if anything happens, ring my wife"."""
    return _READERS if saying.clause.statement else (contacts,)


def _medicines(saying: Saying, last: str | None) -> Iterator[Found]:
    return medicines(saying, last) if saying.clause.statement else iter(())


def _blocks(text: str) -> Iterator[str]:
    """A text in blocks that finders search whole, cut at the ends of sentences where that can be."""
    at = 0
    while len(text) - at > MAX_TEXT:
        ends = [at + end for _, end in sentences(text[at : at + MAX_TEXT])][:-1]
        end = ends[-1] if ends else at + MAX_TEXT
        yield text[at:end]
        at = end
    yield text[at:]


def _sayings(text: str) -> Iterator[Saying]:
    """The clauses, each with whom and what time it speaks of."""
    thread, times = Thread(), Times()
    parts, pictured = clauses(text), speaks_of_picture(text)
    whole: dict[int, str] = {}
    for clause in parts:
        whole[clause.sentence] = whole.get(clause.sentence, "") + clause.text
    for clause in parts:
        quantities = quantities_in(clause.text)
        measured_at = [(c.start, c.end) for c in quantities if getattr(c.value, "unit", None)]
        speaking = tuple(thread.speaking(clause, measured_at))
        tense = times.of(clause)
        sentence = whole[clause.sentence]
        if len(sentence) > 2 * MAX_CLAUSE:  # no sentence, but a text without full stops
            sentence = clause.text
        mentions = _of_its_own(mentions_in(clause.text), speaking)
        yield Saying(clause, speaking, tense, sentence, mentions, as_meant(quantities, mentions), pictured=pictured)


def _of_its_own(mentions: Sequence[Mention], speaking: Sequence[Speaking]) -> tuple[Mention, ...]:
    """Names of attributes, without those that are part of what something else is called: "the spare in the store"."""
    others = (one for one in speaking if one.subject and one.pronoun is None and "'s " not in one.subject)
    named = [(one.start, one.end) for one in others]
    return tuple(m for m in mentions if not any(a <= m.start and m.end <= b for a, b in named))


def _placed(found: Found, clause: Clause) -> Found:
    """The same with spans that count in the whole text."""
    a, b = found.mention
    at = clause.start
    return replace(found, start=found.start + at, end=found.end + at, mention=(a + at, b + at))


def _more(saying: Saying, found: Sequence[Found]) -> Found | None:
    """The list before, with what a sentence adds that only goes on with it: "And nuts."."""
    lead = re.match(rf"\s*{any_word(told_words('more'))}\s+(?:(?:to|against)\s+)?", saying.text, re.I)
    before = found[-1]
    if lead is None or not saying.clause.opens or before.attribute not in (ALLERGY, MEDICATION) or before.negated:
        return None
    items = items_of(saying.text, lead.end())
    if not items or not isinstance(before.value, Items) or not _is_all(saying.text[items[-1].end :]):
        return None
    added = items_value(items)
    assert isinstance(added, Items)
    value = Items(tuple(dict.fromkeys((*before.value.items, *added.items))))
    return replace(before, value=value, end=saying.clause.start + items[-1].end)


def _is_all(rest: str) -> bool:
    """Whether nothing else is said."""
    return not re.search(r"\w", re.sub(r"\b(?:too|as well|also|and)\b", "", rest, flags=re.I))


def _distinct(found: Iterable[Found]) -> list[Found]:
    """Without what a clause tells twice, and with no medicine's dose that is another's weight."""
    known: dict[tuple[object, ...], Found] = {}
    for f in found:
        known.setdefault((f.attribute, f.subject, f.value, f.when, f.negated), f)
    doses = {(f.start, f.end) for f in known.values() if f.attribute == DOSE}
    return [f for f in known.values() if f.attribute == DOSE or (f.start, f.end) not in doses]


def _standing(found: Sequence[Found], text: str) -> list[Found]:
    """Without what is said anew after a correction: "I smoke. No, sorry, I don't smoke any more."."""
    said = plain(text)
    last: dict[tuple[str, str | None], int] = {}
    gone: set[int] = set()
    for i, f in enumerate(found):
        key = (f.attribute, f.subject)
        if key in last and found[last[key]].value != f.value and _corrects(said[found[last[key]].end : f.start]):
            gone.add(last[key])
        last[key] = i
    return [f for i, f in enumerate(found) if i not in gone]


def _timed(found: Sequence[Found]) -> list[Found]:
    """With another time where the same is told without one: "63 euros. A year ago we paid 60 for it"."""
    plainly = {(f.attribute, f.subject) for f in found if f.when is None and f.around is None and not f.negated}
    return [replace(f, when=f.around) if (f.attribute, f.subject) in plainly and f.when is None else f for f in found]


def _corrects(between: str) -> bool:
    """Whether the words between two claims take the first back."""
    for repair in repairs(between[:MAX_CLAUSE]):
        anew = between[repair.end :]
        if repair.set_off and len(anew) <= _ANEW and not re.search(r"\w[.!?]\s", anew):
            return True
    return False


def _named_at_hand(found: Sequence[Found]) -> list[Found]:
    """Without a subject where it is the very one who gave a name: "this is Martin Hale ... Mr. Hale takes"."""
    own = {
        word
        for f in found
        if f.attribute == "patient" and f.subject is None and isinstance(f.value, Name)
        for word in f.value.words
    }

    def settle(f: Found) -> Found:
        words = set(re.findall(r"[^\W\d_]+", (f.subject or "").lower())) - set(told_words("titles"))
        is_own = bool(words) and words <= own and f.attribute not in ("dose", "price", "count", "presence")
        return replace(f, subject=None) if is_own else f

    return [settle(f) for f in found]


def _claim(source: Source, script: Script, found: Found, ends: Sequence[int]) -> Claim:
    sentence = bisect_right(ends, found.start)
    start, end = min(found.start, found.mention[0]), max(found.end, found.mention[1])
    text = " ".join(script.text[found.start : found.end].split())
    ids = script.evidence(start, end)
    return Claim(
        source.signal.id,
        with_sounds(found.value, text, [line for line in source.evidence if line.id in ids]),
        text,
        ids,
        attribute=found.attribute,
        subject=found.subject,
        when=found.when,
        negated=found.negated,
        statistic=found.statistic,
        confidence=found.likeness,
        sentence=script.text[ends[sentence - 1] if sentence else 0 : ends[sentence]].strip(),
    )
