"""Telephone numbers, codes and names that a clause tells, and whom to call in an emergency."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_assistant import patterns
from edge_assistant.reasoning.attributes import Mention, told
from edge_assistant.reasoning.rules.vocabulary import Attribute, Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed, told_words
from edge_assistant.reasoning.told.measures import earlier
from edge_assistant.reasoning.told.sayings import Found, Saying, distance, is_dialled, is_linked, nearest, overlaps
from edge_assistant.reasoning.values.candidates import Candidate, find
from edge_assistant.reasoning.values.names import as_name
from edge_assistant.reasoning.values.values import Identifier, Name

CONTACT, TELEPHONE, PATIENT, PLACE = "emergency contact", "telephone", "patient", "place"
_CODED = ("identifier", "name")  # their values stand beside what names them
_OWN = (CONTACT, "doctor", "insurer")  # of the one at hand, whoever they are
_NEAR = 24  # distance within which a name belongs to what names it
_FULL = re.compile(r"[A-Z][\w.'-]*(?: [A-Z][\w.'-]*){1,3}(?<!'s)")
_DOCTOR = re.compile(r"(?:dr|doctor|prof|professor|nurse)\b", re.I)
_HERE = re.compile(
    r"[\s,]*(?:(?i:hi|hello|good\s+\w+|hey)\b[\s,]*)?(?:(?i:it's|it\s+is|this\s+is)\s+)?"
    r"(?P<name>[A-Z][\w'-]+\s+[A-Z][\w'-]+)\s+(?i:here|speaking|calling)\b"
)  # who says so: "hello, it's Ada Hale speaking"
_LONG = (10, 11)  # digits of a telephone number with its area in most countries
_NUMBERED = re.compile(
    r"\b(?:number|no|nr|code|account|policy|serial|ref|reference|order|id|part|lot|batch|invoice|card)\b", re.I
)
_OF = re.compile(r"\b(?:for|of)\s+$", re.I)


def contacts(saying: Saying) -> Iterator[Found]:
    """Whom to call and on which number; who asks or sets a condition tells that too: "could you ring me on"."""
    yield from _telephones(saying)
    yield from _emergency(saying)


def _telephones(saying: Saying) -> Iterator[Found]:
    """Each number beside what names it, or in a sentence that speaks of calling."""
    named = [m for m in saying.mentions if m.attribute.value in (TELEPHONE, "identifier")]
    for value in find(TELEPHONE, saying.text):
        mention = next(iter(nearest(saying.text, named, value)), None)
        if mention is not None and mention.attribute.name == TELEPHONE:
            beside = mention.end <= value.start and is_linked(saying.text[mention.end : value.start])
        else:
            beside = False
        calls = mention is None and (bool(listed("calling").search(saying.sentence)) or _is_bare(saying.text, value))
        called = is_dialled(value) and (calls or (mention is not None and mention.attribute.name == TELEPHONE))
        if not beside and not called:
            continue
        at = (mention.start, mention.end) if mention else (value.start, value.end)
        if _is_of_us(saying.text[: value.start]) or (not saying.clause.statement and mention and mention.named):
            continue
        when = saying.when(TELEPHONE) or earlier(saying, TELEPHONE)
        subject = _reached(saying, value.start) or _last(saying, value.start) or saying.subject(value.start)
        yield Found(TELEPHONE, value.value, value.start, value.end, at, subject, when)


def _is_bare(text: str, value: Candidate) -> bool:
    """Whether a number as long as a telephone's is called no other number: no reference, no account."""
    digits = re.sub(r"\D", "", getattr(value.value, "digits", ""))
    return len(digits) in _LONG and not _NUMBERED.search(text[: value.start])


def _last(saying: Saying, at: int) -> str | None:
    """Of whom a number is by the one who was named last before it: "try my son on"."""
    before = [one for one in saying.speaking if one.start < at]
    return max(before, key=lambda one: one.start).subject if before else None


def _reached(saying: Saying, at: int) -> str | None:
    """Of whom a number is, where that is somebody who is to be called in the patient's stead."""
    before = saying.text[:at]
    if any(m.attribute.name == CONTACT for m in saying.mentions if m.start < at):
        return CONTACT
    called = _called().search(before)
    return " ".join((called["who"] or called["name"] or called["whose"]).split()).lower() if called else None


def _is_of_us(before: str) -> bool:
    """Whether it is the number of those who speak for an office: "call us on"."""
    return bool(_us().search(before))


@per_vocabulary
def _us(vocabulary: Vocabulary) -> re.Pattern[str]:
    calling = any_word(vocabulary.telling["words"]["calling"])
    return patterns.compile(
        rf"{calling}\s+(?:back\s+)?(?:us|our\s+\w+)\b|\bour\s+(?:\w+\s+)?(?:number|phone|line)\b", re.I
    )


@per_vocabulary
def _called(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Who is called, where it is a thing or a full name: "call the office", "ring Laura Hale"."""
    calling = any_word(vocabulary.telling["words"]["calling"])
    home = any_word(vocabulary.telling["words"]["at_home"])
    other = rf"(?:the|a|an|our)\s+(?!{home})"
    return patterns.compile(
        rf"{calling}\s+(?:back\s+)?(?:{other}(?P<who>[^\W\d_]+)|(?-i:(?P<name>[A-Z]\w+\s+[A-Z]\w+)))"
        rf"|{other}(?P<whose>[^\W\d_]+)\s+(?:can|could|may|should|must|is\s+to|has\s+to)\s+be\s+{calling}",
        re.I,
    )


def _emergency(saying: Saying) -> Iterator[Found]:
    """Who is to be told when something happens: the name beside it, or the one who is called in such a sentence."""
    mentions = [m for m in saying.mentions if m.attribute.name == CONTACT]
    calls = listed("emergencies").search(saying.sentence) and listed("calling").search(saying.text)
    if not mentions and not calls and not _goes_on(saying):
        return
    full = [value for found in find("name", saying.text) if (value := _person(found, saying))]
    for mention in mentions:
        beside = _beside(saying, mention)
        if beside and not (full and _OF.search(saying.text[: beside.start])):
            yield _contact(beside, (mention.start, mention.end))
            return
    spans = [(m.start, m.end) for m in mentions]
    spans = spans or [match.span() for match in listed("calling").finditer(saying.text)] or [(0, 1)]
    apart = {
        value.start: min(distance(saying.text, span, (value.start, value.end)) for span in spans) for value in full
    }
    best = min(full, key=lambda value: apart[value.start], default=None)
    if best is not None and apart[best.start] <= _NEAR:
        yield _contact(best, spans[0])


def _goes_on(saying: Saying) -> bool:
    """Whether a clause follows one that ends with the name of the contact: "as emergency contact, | but down ..."."""
    before = saying.sentence[: max(0, saying.sentence.find(saying.text))].rstrip(" ,.:")
    return any(m.attribute.name == CONTACT and m.end == len(before) for m in told(before))


def _contact(value: Candidate, mention: tuple[int, int]) -> Found:
    return Found(CONTACT, value.value, value.start, value.end, mention)


def _person(found: Candidate, saying: Saying) -> Candidate | None:
    """A name as that of a person with first and last name, who is not the one whose contact it is; else None."""
    text = saying.text
    lead = _verb().match(found.text)
    start = found.start + (lead.end() if lead else 0)
    said = text[start : found.end]
    others = [(m.start, m.end) for m in saying.mentions if m.attribute.name == PATIENT]
    if (
        not _FULL.fullmatch(said)
        or _OF.search(text[:start])
        or text[found.end :].startswith("'s")
        or any(is_linked(text[end:start]) for _, end in others if end <= start)
    ):
        return None
    return Candidate(said, as_name(said), start, found.end)


@per_vocabulary
def _verb(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words in capitals before a name that only begin the sentence: "Please call Laura Hale"."""
    words = vocabulary.telling["words"]
    lead = any_word([*words["calling"], *words["nobody"], *vocabulary.words["stop"]])
    return patterns.compile(rf"(?:{lead}\s+)+", re.I)


def coded(saying: Saying) -> Iterator[Found]:
    """Codes and names that stand beside what names them."""
    here = _HERE.match(saying.text)
    if here:
        yield Found(PATIENT, as_name(here["name"]), *here.span("name"), here.span())
    for mention in saying.mentions:
        if mention.attribute.value not in _CODED or mention.attribute.name in (CONTACT, PLACE):  # see `taken`
            continue
        value = _beside(saying, mention)
        if value is not None:
            subject = None if mention.attribute.name in _OWN else saying.subject(mention.start)
            when = saying.when(mention.attribute.name) or earlier(saying, mention.attribute.name)
            yield Found(
                mention.attribute.name, value.value, value.start, value.end, (mention.start, mention.end), subject, when
            )


def _beside(saying: Saying, mention: Mention) -> Candidate | None:
    """The value right behind the name of its attribute."""
    text, attribute = saying.text, mention.attribute
    if _is_loose(text, mention):
        return None
    for value in find(attribute.value, text[mention.end :]):
        start, end = mention.end + value.start, mention.end + value.end
        if not is_linked(text[mention.end : start]):
            return None
        if _fits(attribute, value, text, end) and not overlaps(
            start, end, ((s.start, s.end) for s in saying.speaking if s.subject)
        ):
            return Candidate(value.text, value.value, start, end)
    return None


def _is_loose(text: str, mention: Mention) -> bool:
    """Whether a phrase that introduces a name ("this is") stands where it introduces nobody."""
    phrase = " ".join(text[mention.start : mention.end].lower().split())
    return phrase == "this is" and not re.fullmatch(
        r"[\s,]*(?:(?:hello|hi|good\s+\w+|yes|okay|hey)[,.]?\s*)*", text[: mention.start], re.I
    )


def _fits(attribute: Attribute, value: Candidate, text: str, end: int) -> bool:
    """Whether a candidate is what an attribute of its type wants."""
    match value.value:
        case Name(words):
            introduced = "this is" not in text.lower() or (
                len(words) > 1 and not re.match(r"\s*(?:from|calling from|at)\b", text[end:])
            )
            carriers = set(told_words("carriers")) | set(vocabulary().months)
            introduced = introduced and not (attribute.name == PATIENT and _DOCTOR.match(value.text))
            return bool(words) and value.text[:1].isupper() and introduced and carriers.isdisjoint(words)
        case Identifier(code):
            return len(code) > 1 and not re.match(r"\s+[^\W_]*\d", text[end:])
        case _:
            return True
