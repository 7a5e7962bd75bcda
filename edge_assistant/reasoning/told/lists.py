"""Lists that somebody tells: what one is allergic to, which medicines one takes and how much of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary
from edge_assistant.reasoning.told.clauses import any_word, listed, told_words
from edge_assistant.reasoning.told.sayings import Found, Saying, is_followed
from edge_assistant.reasoning.values.candidates import Candidate, as_words
from edge_assistant.reasoning.values.values import Items, Nothing, Quantity, Value

ALLERGY, MEDICATION, DOSE = "allergy", "medication", "dose"
_MAX_ITEM = 3  # words of one item
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:[-'][^\W_]+)*")
_NEAR = 24  # characters between a drug and its dose
_OTHER = re.compile(r"\b(?:no|any)\s+(?:other|further|more)\s+(?:\w+\s+)?$", re.I)  # "no other allergies" denies none
_ANYTHING = re.compile(r"\s+(?:to\s+)?(?:anything|nothing)\b", re.I)
_NONE = re.compile(r"\s*(?:are|is|:|=|-)?\s*(?P<none>none|nil|no|nothing|negative|nka|nkda)\b(?:\s+known\b)?", re.I)
_NO_MEDICINE = re.compile(
    r"\b(?:no|not\s+on\s+any|without|denies(?:\s+any)?)\s+(?:(?:regular|current)\s+)?"
    r"(?:medications?|medicines?|drugs|tablets|meds)\b"
    r"(?!\s+(?:(?:were|are)\s+)?(?:left|remaining|in\s+stock|at\s+home|here|any\s?more))"  # run out, but taken
    r"|\bmedications?\s*:?\s*(?:none|nil)\b",
    re.I,
)


_LISTED = re.compile(
    r"\b(?:medications?|medicines?|meds|pills|tablets|inhalers?|prescriptions?|drug\s+chart|(?:pill|dosette)\s?(?:box|organi[sz]er))"
    r"(?:\s+(?:on\s+admission|at\s+home|list|[a-z]+\s+(?:is\s+given|takes?|has|have)))?\s*"
    r"(?::|=|\b(?:is|are|lists?|includes?|contains?|there\s+(?:is|are)|has|have|holds)\b)\s*(?:just\s+|only\s+)?$",
    re.I,
)
_HAS = re.compile(
    r"(?:\b(?:[Ii]|[Hh]e|[Ss]he|[Ww]e|[Mm]um|[Mm]om|[Dd]ad|patient)(?:'s|'ve)?|[A-Z]\w+|\b(?:mother|father|husband|wife|son|daughter))\s+"
    r"(?:(?:still|also|currently|now|just|only)\s+)?(?:has|have|needs?|got|uses)\s+(?:(?:my|his|her|the|a|some|one)\s+)?$"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list at the characters [start, end) of a clause."""

    name: str
    start: int
    end: int
    denied: bool = False


def allergies(saying: Saying) -> Iterator[Found]:
    """What the clause says one is allergic to, is not, or that it is nothing."""
    mentions = [m for m in saying.mentions if m.attribute.name == ALLERGY]
    if not mentions and (none := listed("nkda").search(saying.text)):
        yield Found(ALLERGY, Nothing(), *none.span(), none.span(), saying.subject(none.start()))
    if not mentions or _OTHER.search(saying.text[: mentions[0].start]):
        return
    first = mentions[0]
    span = (first.start, mentions[-1].end)
    subject, when = saying.subject(first.start), saying.when(ALLERGY)
    denied = _is_denied(saying.text, first.start)
    behind = saying.text[span[1] :]
    items = items_of(saying.text, span[1]) if _leads(saying.text, span) else []
    if denied and (not items or listed("anything").match(behind.lstrip(" :,to"))):
        every = _ANYTHING.match(behind)
        start, end = _denial(saying.text, first.start), span[1] + (every.end() if every else 0)
        yield Found(ALLERGY, Nothing(), start, end, span, subject, when)
        return
    none = None if items else _NONE.match(behind)
    if none:
        yield Found(ALLERGY, Nothing(), span[1] + none.start("none"), span[1] + none.end(), span, subject, when)
        return
    items = items or _before(saying.text, first.start)
    yield from _lists(ALLERGY, items, span, subject, when, denied=denied)


def _denial(text: str, at: int) -> int:
    """Where the words begin that deny what is named at a place: "no known allergies"."""
    denials = list(listed("negations").finditer(text, max(0, at - 40), at))
    return denials[-1].start() if denials else at


def _leads(text: str, span: tuple[int, int]) -> bool:
    """Whether a list follows: "allergic to", "allergies:", "her allergies are"; not "a latex allergy since 2010"."""
    named = text[span[0] : span[1]].lower()
    behind = text[span[1] : span[1] + 12]
    return named.endswith(("to", "in a rash", "have", "with", "of", "from")) or bool(
        re.match(
            r"\s*(?:to\b|against\b|is\b|are\b|include|:|=|-|only\b)",
            behind,
            re.I,
        )
    )


def _before(text: str, at: int) -> list[Item]:
    """The item in front of the name: "a latex allergy"."""
    match = re.search(
        r"\b(?:a|an|with|has|have)\s+([^\W\d_][\w-]+(?:\s+[^\W\d_][\w-]+)?)\s+$", text[max(0, at - 40) : at], re.I
    )
    if (
        match is None
        or not _is_item(match[1])
        or re.match(r"(?:no|any|known|drug|food|severe|bad|an?|history)\b", match[1], re.I)
    ):
        return []
    start = max(0, at - 40) + match.start(1)
    return [Item(match[1], start, start + len(match[1]))]


def _lists(
    attribute: str, items: Sequence[Item], span: tuple[int, int], subject: str | None, when: str | None, *, denied: bool
) -> Iterator[Found]:
    """The items that are so as one list, and those that are denied as another."""
    for no in (False, True):
        part = [item for item in items if (item.denied or denied) == no]
        if part:
            value = items_value(part)
            start, end = min(i.start for i in part), max(i.end for i in part)
            yield Found(attribute, value, start, end, span, subject, when, negated=no)


def items_value(items: Sequence[Item]) -> Value:
    """A list as it is compared."""
    return Items(tuple(dict.fromkeys(_compared(item.name) for item in items)))


def _compared(name: str) -> str:
    """An item's name in lower case and singular, without stop words, in its own order."""
    tokens = as_words(name).tokens
    singulars = [next(iter(as_words(word).tokens), "") for word in name.split()]
    return " ".join(word for word in singulars if word in tokens) or name.lower()


def items_of(text: str, start: int) -> list[Item]:
    """The items that are listed from a place of a clause on, up to a word that ends lists."""
    stop = listed("list_ends").search(
        text, start + len(text[start:]) - len(text[start:].lstrip(" ,:")) + _leading(text[start:])
    )
    end = min(stop.start() if stop else len(text), _mark(text, start))
    found: list[Item] = []
    at = start
    for join in [*_joins().finditer(text, start, end), None]:
        part_end = join.start() if join else end
        item = _item(text, at, part_end)
        if item is not None:
            found.append(item)
        elif text[at:part_end].strip(" ,:") and found:
            break
        at = join.end() if join else end
    return found


def _leading(text: str) -> int:
    match = re.match(rf"[ ,:]*(?:(?:{'|'.join(told_words('list_fillers'))})\b[ ,:]*)*", text, re.I)
    return max(0, (match.end() if match else 0) - (len(text) - len(text.lstrip(" ,:"))))


def _mark(text: str, start: int) -> int:
    match = re.search(r"[.;!?()\n]", text[start:])
    return start + match.start() if match else len(text)


@per_vocabulary
def _joins(vocabulary: Vocabulary) -> re.Pattern[str]:
    return patterns.compile(
        rf"\s*,\s*(?:{any_word(vocabulary.telling['words']['list_joins'])}\s+)?"
        rf"|\s+{any_word(vocabulary.telling['words']['list_joins'])}\s+",
        re.I,
    )


def _item(text: str, start: int, end: int) -> Item | None:
    part = text[start:end]
    denied = re.match(r"[\s:]*(?:but\s+)?not\b", part, re.I)
    begin = denied.end() if denied else 0
    lead = re.match(rf"[\s:=-]*(?:(?:{'|'.join(told_words('list_fillers'))})\b[\s:]*)*", part[begin:], re.I)
    begin += lead.end() if lead else 0
    name = part[begin:].rstrip(" ,:")
    if not _is_item(name):
        return None
    return Item(" ".join(name.split()), start + begin, start + begin + len(name), bool(denied))


def _is_item(name: str) -> bool:
    words = name.split()
    return (
        0 < len(words) <= _MAX_ITEM
        and all(_WORD.fullmatch(w) for w in words)
        and not {"me", "him", "her", "us", "them"} & {w.lower() for w in words[1:]}
        and words[0].lower() not in told_words("no_items") + told_words("anything") + ("not", "no", "known", "well")
    )


def _is_denied(text: str, at: int) -> bool:
    return bool(listed("negations").search(text[max(0, at - 40) : at]))


def is_drug(word: str) -> bool:
    """Whether a word is a medicine's name, known or by its ending."""
    lower = word.lower()
    return lower in told_words("drugs") or (len(lower) > 6 and lower.endswith(told_words("drug_endings")))


def medicines(saying: Saying, last: str | None) -> Iterator[Found]:
    """The medicines of a clause and their doses.

    Args:
        saying: the clause.
        last: the medicine that was spoken of before it, whose dose may follow.
    """
    text = saying.text
    if any(m.attribute.name == ALLERGY for m in saying.mentions):
        return
    doses = doses_in(saying)
    take = listed("takes").search(text)
    drugs = drugs_of(text, doses, take)
    subject = saying.subject(drugs[0].start if drugs else take.start() if take else 0)
    when = saying.when(MEDICATION)
    if not drugs and (none := _none_taken(saying, take)):
        yield Found(MEDICATION, Nothing(), *none, none, subject, when)
    denied = bool(drugs) and (_is_denied(text, drugs[0].start) or bool(listed("stopped").search(text)))
    named = bool(drugs) and (
        take is not None
        or bool(doses)
        or any(m.attribute.name == DOSE for m in saying.mentions)
        or _is_only(text, drugs)
        or bool(_HAS.search(text[: drugs[0].start]))
    )
    if named:
        start, end = drugs[0].start, drugs[-1].end
        span = (min(start, take.start()) if take else start, end)
        used_to = saying.tense.words if saying.tense and saying.tense.words.lower() == "used to" else None
        yield Found(MEDICATION, items_value(drugs), start, end, span, subject, when, negated=denied and used_to is None)
    if not denied or when:
        yield from _doses(saying, drugs, doses, last, take is not None)


def doses_in(saying: Saying) -> list[Candidate]:
    """The amounts of medicine that a clause tells."""
    return [value for value in saying.quantities if _is_dose(value)]


def _is_dose(value: Candidate) -> bool:
    return isinstance(value.value, Quantity) and value.value.unit in told_words("doses")


def _is_only(text: str, drugs: Sequence[Item]) -> bool:
    """Whether a clause names its medicines as a form does: "Medication: ramipril"."""
    return bool(_LISTED.search(text[: drugs[0].start]))


def drugs_of(text: str, doses: Sequence[Candidate], take: re.Match[str] | None) -> list[Item]:
    """The medicines: known ones, and what one "takes" right before or behind a dose."""
    found = [Item(m[0], m.start(), m.end()) for m in _known().finditer(text) if is_drug(m[0])]
    for dose in doses:
        near = [f for f in found if abs(f.end - dose.start) < _NEAR or abs(dose.end - f.start) < _NEAR]
        if near or take is None:
            continue
        unknown = _beside(text, dose, take.end())
        if unknown is not None:
            found.append(unknown)
    return sorted(found, key=lambda item: item.start)


@per_vocabulary
def _known(vocabulary: Vocabulary) -> re.Pattern[str]:
    known = any_word(vocabulary.telling["words"]["drugs"])
    return patterns.compile(rf"{known}|[^\W\d_]{{4,}}", re.I)


def _beside(text: str, dose: Candidate, begin: int) -> Item | None:
    """The unknown word beside a dose: "rambrol, ten milligrams", "ten milligrams of rambrol"."""
    behind = re.match(
        r"\s+of\s+([^\W\d_]{4,}(?:\s+[^\W\d_]{4,})?)\s*(?=[.,;]|$|\b(?:a|once|twice|every|daily|in|at)\b)",
        text[dose.end :],
        re.I,
    )
    if behind:
        return Item(behind[1], dose.end + behind.start(1), dose.end + behind.end(1))
    before = re.search(
        r"(?:^|[\s,])([^\W\d_]{4,}(?:\s+[^\W\d_]{4,})?)\s*,?\s*(?:at\s+|about\s+)?$", text[begin : dose.start], re.I
    )
    if before and _is_unknown(before[1]):
        return Item(before[1], begin + before.start(1), begin + before.end(1))
    return None


def _is_unknown(name: str) -> bool:
    known = (
        set(told_words("list_fillers"))
        | set(told_words("list_ends"))
        | set(told_words("takes"))
        | {
            "about",
            "tablet",
            "tablets",
            "dose",
            "daily",
            "around",
            "roughly",
            "another",
            "with",
            "this",
            "medicine",
            "medication",
        }
    )
    return known.isdisjoint(name.lower().split())


def _none_taken(saying: Saying, take: re.Match[str] | None) -> tuple[int, int] | None:
    """Where a clause says that no medicine is taken at all."""
    match = _NO_MEDICINE.search(saying.text)
    if match is None and take is not None and listed("anything").match(saying.text[take.end() :].lstrip()):
        behind = saying.text[take.end() :]
        denied = _is_denied(saying.text, take.start()) or re.match(r"\s*(?:nothing|none|no)\b", behind, re.I)
        if denied and re.match(
            r"\s*(?:nothing|none|anything|(?:any|no)(?:\s+\w+){1,2})\s*(?:$|[.,;]|at all|else|regularly)", behind, re.I
        ):
            return take.span()
    return match.span() if match else None


def _doses(
    saying: Saying, drugs: Sequence[Item], doses: Sequence[Candidate], last: str | None, taken: bool
) -> Iterator[Found]:
    """Each dose with the medicine it stands beside; without one, with that of before, where a dose is spoken of."""
    named = next((m for m in saying.mentions if m.attribute.name == DOSE), None)
    plain = [v for v in saying.quantities if _is_plain(saying.text, v, drugs)]
    for dose in [*doses, *plain]:
        drug = min(drugs, key=lambda d: _gap(saying.text, d, dose), default=None)
        name = drug.name.lower() if drug else last
        if drug is None and named is None and not (taken and last):
            continue
        at = min(dose.start, drug.start if drug else dose.start, named.start if named else dose.start)
        if saying.subject(at) is not None:
            continue  # of another's medicine there is no saying whose dose it is
        yield Found(
            DOSE,
            dose.value,
            dose.start,
            dose.end,
            (at, max(dose.end, drug.end if drug else 0)),
            name,
            saying.when(DOSE),
        )


def _gap(text: str, drug: Item, dose: Candidate) -> int:
    """How far a medicine is from a dose; one before it is nearer than one behind, but for "of"."""
    if drug.end <= dose.start:
        return dose.start - drug.end
    return drug.start - dose.end + (0 if re.fullmatch(r"\s+of\s+", text[dose.end : drug.start]) else 12)


def _is_plain(text: str, value: Candidate, drugs: Sequence[Item]) -> bool:
    """Whether a number without a unit is a dose: "metformin 500 twice a day"."""
    if not isinstance(value.value, Quantity) or value.value.unit is not None:
        return False
    behind = re.match(r"\s*([^\W\d_]*)", text[value.end :])
    follows = is_followed(text, value.end) or (behind is not None and behind[1].lower() in told_words("hows"))
    return follows and any(not text[d.end : value.start].strip() for d in drugs if d.end <= value.start)
