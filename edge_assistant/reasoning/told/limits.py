"""Limits that sentences tell, in whatever words: "the alarm is set at 80", "it must not go above 80", "80 at most"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from edge_assistant import patterns
from edge_assistant.perception.table import Column
from edge_assistant.reasoning.attributes import asked
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.readings.columns import converted, score
from edge_assistant.reasoning.readings.comparing import numbers_in
from edge_assistant.reasoning.readings.subjects import heading, other_than
from edge_assistant.reasoning.rules.phrasing import found
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.told.clauses import any_of, any_word, listed, sentences
from edge_assistant.reasoning.told.sayings import Found, is_money, is_timed, quantities_in
from edge_assistant.reasoning.values.candidates import Candidate
from edge_assistant.reasoning.values.values import Quantity, Value
from edge_assistant.reasoning.values.words import MAX_TEXT, as_words
from edge_assistant.signals import Kind

LIMIT = "limit"
_MARK, _OTHER = "\x00", "\x01"  # stand for a number and for the others in the skeleton of a sentence
_MOST = 24  # numbers of one sentence; what has more is a list
_BEFORE, _BEHIND = 120, 80  # characters beside a number in which the words stand that make it a limit
_TIMES = frozenset({"minute", "hour", "day", "week", "month", "year"})


def with_limits(found_ones: Iterable[Found], text: str) -> list[Found]:
    """What a text tells, and its limits, each told once: a number that is a limit is no value of anything else.

    Args:
        found_ones: what other rules found.
        text: the whole text, corrected.
    """
    known = list(found_ones)
    about = heading(text)
    own = {f.start: f for f in known if f.attribute == LIMIT}
    limits = [f if _is_range(f.value) else own.get(f.start, f) for f in _limits(text)]
    sentences_of = {sentence_at(text, limit.start) for limit in limits}  # "it was 85, but now it's 90" goes on with it
    started = {limit.start for limit in limits}
    limits += [f for at, f in own.items() if at not in started and sentence_at(text, at) in sentences_of]
    placed = [_of_whom(limit, text, about) for limit in limits]
    taken = {limit.start for limit in placed if not _is_range(limit.value)}  # a range to keep is also how it is kept
    others = (f for f in known if f.attribute != LIMIT)
    return [*(f for f in others if f.start not in taken or not isinstance(f.value, Quantity)), *placed]


def limits_at(text: str) -> frozenset[int]:
    """Where the numbers of a text start that are limits."""
    return frozenset(limit.start for limit in _limits(text))


def _of_whom(limit: Found, text: str, about: str) -> Found:
    """A limit with the thing that it is of, where that is not the one at hand."""
    if limit.subject is not None:
        return limit
    other = other_than(sentence_at(text, limit.start), about)
    return replace(limit, subject=other)


def sentence_at(text: str, at: int) -> str:
    """The sentence that a character of a text stands in."""
    return next((text[start:end] for start, end in sentences(text) if start <= at < end), "")


def limits_among(claims: Sequence[Claim]) -> list[Claim]:
    """The limits among claims, those that are called so first; a label that gives a most or a least tells one too."""
    named = [claim for claim in claims if claim.attribute == LIMIT]
    return [*named, *(claim for claim in claims if claim.attribute != LIMIT and _is_written_bound(claim))]


def _is_written_bound(claim: Claim) -> bool:
    """Whether a page states a value as the most or least that may be: "Max. storage temp.: 21 °C"."""
    if not claim.signal.startswith(Kind.IMAGE.value) or not isinstance(claim.value, Quantity):
        return False
    return (
        claim.value.unit is not None
        and found(claim.sentence.partition(":")[0], "rules", "extreme", "permitted") is not None
    )


def told_limit(claims: Sequence[Claim], question: str, column: Column | None = None) -> list[Claim]:
    """The limits that a question means of several: those of its quantity, of its side and by the name that it uses.

    Args:
        claims: limits that signals tell, at present and of the thing at hand.
        question: with the words for what is limited.
        column: what is compared, where that is known; its unit has to fit.
    """
    left = [claim for claim in claims if isinstance(claim.value, Quantity)]
    if column is not None:
        left = told_limit_of(left, column)
    else:
        topic = as_words(question).tokens - as_words(" ".join(vocabulary().measuring["rules"]["name"])).tokens
        left = _best(left, lambda claim: len(topic & as_words(claim.sentence).tokens))
    left = [claim for claim in left if claim.attribute == LIMIT] or left
    low = found(question, "rules", "lower") is not None or found(question, "words", "under") is not None
    left = _best(left, lambda claim: int(is_lower_limit(claim) is low))
    named = as_words(question).tokens & as_words(" ".join(vocabulary().measuring["rules"]["name"])).tokens
    return _best(left, lambda claim: len(named & as_words(claim.sentence).tokens))


def told_limit_of(claims: Sequence[Claim], column: Column) -> list[Claim]:
    """The limits that are told of a column."""
    fitting = [c for c in claims if isinstance(c.value, Quantity) and converted(c.value, column) is not None]
    left = [claim for claim in fitting if not _is_of_else(claim, column)]
    return _best(left, lambda claim: min(score(claim.sentence, column), 1))


def both_limits(claims: Sequence[Claim], column: Column) -> Claim | None:
    """The range between the only lower and the only upper limit of a column; None where there are not both."""
    fitting = told_limit_of(claims, column)
    ends = {low: {c.value: c for c in fitting if is_lower_limit(c) is low} for low in (True, False)}
    if any(len(found_ones) != 1 for found_ones in ends.values()):
        return None
    (low,), (high,) = ends[True].values(), ends[False].values()
    if not isinstance(low.value, Quantity) or not isinstance(high.value, Quantity) or low.value.unit != high.value.unit:
        return None
    least, most = low.value.readings[0], high.value.readings[0]
    evidence = tuple(dict.fromkeys((*low.evidence, *high.evidence)))
    ranged = replace(low.value, readings=(least, most), least=least, most=most)
    return replace(low, value=ranged, evidence=evidence) if least < most else None


def is_lower_limit(claim: Claim) -> bool:
    """Whether a claim's limit is one from below, where its sentence may tell two: "between the low of 2 and 8"."""
    numbers = list(quantities_in(claim.sentence))
    own = next((n for n in numbers if n.text == claim.text), None)
    if own is None or len(numbers) == 1:
        return is_lower(claim.sentence)
    near = _near(_skeleton(claim.sentence, numbers), own)[1]
    if _patterns()["lower"].search(near):
        return True
    before = claim.sentence[: own.start]
    sides = [(m.start(), name) for name in ("lower", "higher") for m in _sides()[name].finditer(before)]
    return bool(sides) and max(sides)[1] == "lower"


def is_lower(sentence: str) -> bool:
    """Whether a limit is one from below: "must not fall below 2"."""
    pattern = _patterns()["lower"]
    skeleton = _skeleton(sentence, quantities_in(sentence)).replace(_OTHER, _MARK)
    return pattern.search(skeleton) is not None or found(sentence, "rules", "lower") is not None


def _best(claims: Sequence[Claim], points: Callable[[Claim], int]) -> list[Claim]:
    """The claims with most points."""
    ranked = [(points(claim), claim) for claim in claims]
    most = max((p for p, _ in ranked), default=0)
    return [claim for p, claim in ranked if p == most]


def _is_of_else(claim: Claim, column: Column) -> bool:
    """Whether a sentence names what another quantity is called, and not this one."""
    named = {m.attribute.name for m in asked(claim.sentence) if m.attribute.units and m.attribute.name != LIMIT}
    return bool(named) and not score(claim.sentence, column)


def _limits(text: str) -> Iterator[Found]:
    for start, end in sentences(text):
        sentence = text[start : min(end, start + MAX_TEXT)]
        if sentence.rstrip().endswith("?") or not _hints().search(sentence) or found(sentence, "rules", "perfect"):
            continue
        numbers = list(quantities_in(sentence))
        if len(numbers) > _MOST:
            continue
        measured = {n.start for n in numbers_in(sentence)}  # no counts, and no number of a thing
        numbers = [n for n in numbers if n.start in measured and _can_be_limit(n)]
        skeleton = _skeleton(sentence, numbers)
        for number in numbers:
            at = _told_at(skeleton, number)
            if at is not None and isinstance(number.value, Quantity):
                span = (start + number.start, start + number.end)
                when = _earlier(sentence, number)
                yield Found(LIMIT, _plain(number.value), *span, (start + at, span[1]), None, when)


def _can_be_limit(number: Candidate) -> bool:
    unit = number.value.unit if isinstance(number.value, Quantity) else None
    return not is_money(number.value) and unit not in _TIMES and not is_timed(number)


def _skeleton(sentence: str, numbers: Sequence[Candidate]) -> str:
    """A sentence of the same length with marks in place of its numbers."""
    for number in numbers:
        sentence = sentence[: number.start] + _OTHER * (number.end - number.start) + sentence[number.end :]
    return sentence


def _told_at(skeleton: str, number: Candidate) -> int | None:
    """Where the words begin that make a number a limit; None where none do."""
    first, near = _near(skeleton, number)
    for name in (*(("ranged",) if _is_range(number.value) else ()), *_WAYS):
        match = _patterns()[name].search(near)
        if match is not None and not (name == "named" and _is_event(near[: match.start()], match[0])):
            return first + match.start()
    return None


_WAYS = ("named", "naming", "upper", "order", "granted", "permitted", "acting", "most", "lower")


def _near(skeleton: str, number: Candidate) -> tuple[int, str]:
    """What stands around a number, which is marked, and where that begins."""
    first = max(0, number.start - _BEFORE)
    before, behind = skeleton[first : number.start], skeleton[number.end : number.end + _BEHIND]
    return first, before + _MARK * (number.end - number.start) + behind


def _plain(value: Quantity) -> Quantity:
    """A limit without the side that words beside it give; a range keeps its ends."""
    return value if _is_range(value) else value.exact()


def _is_range(value: Value) -> bool:
    return isinstance(value, Quantity) and value.least is not None and value.most is not None


def _is_event(before: str, named: str) -> bool:
    """Whether it went off: "there was an alarm at 78 degrees" is no limit, but "it has a limit of 78 degrees" is."""
    article = _ONE.search(before)
    return article is not None and (article[1].lower() != "a" or not re.match(r"limit|threshold|set", named, re.I))


_ONE = re.compile(r"\b(an|a|no|another|first|any)\s+$", re.I)


def _earlier(sentence: str, number: Candidate) -> str | None:
    """The words that place a limit in another time."""
    before = sentence[: number.start]
    for name in ("recent", "past"):
        match = listed(name).search(before)
        if match is not None and not listed("now").search(before[match.end() :]):
            return " ".join(match[0].split())
    match = re.search(rf"\b({any_word(vocabulary().telling['words']['earlier'])})\s+\w*\s*{_names()}", before, re.I)
    return match[1] if match else None


def _names() -> str:
    return any_word(vocabulary().measuring["rules"]["name"])


@per_vocabulary
def _hints(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Words of which a sentence has one that tells a limit."""
    rules = vocabulary.measuring["rules"]
    names = ("name", "modal", "below", "above", "most", "granted", "order", "floor", "permitted", "allows", "kept")
    return patterns.compile(
        rf"{any_word(word for name in names for word in rules[name])}|trips|shuts|cuts|switch|stops|goes\s+off",
        re.I,
    )


@per_vocabulary
def _sides(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    rules = vocabulary.measuring["rules"]
    lower = ["lower", "low", "minimum", "min", "lowest", "least", "at least", "not below", "above", "over"]
    return {"lower": any_of(lower), "higher": any_of([*rules["below"], "upper", "high", "highest", "top", "most"])}


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> dict[str, re.Pattern[str]]:
    """The ways to tell a limit, over skeletons."""
    word = {name: any_word(phrases) for name, phrases in vocabulary.measuring["rules"].items()}
    mark = f"{_MARK}+"
    nouns = any_word(name for a in vocabulary.attributes.values() if a.units for name in a.names)
    of = r"(?:for|of|on|in|by)\s+(?:(?:the|our|this|that|its|my)\s+)?(?:[\w-]+\s+){0,4}?[\w-]+"
    between = rf"(?:\s*(?:[,:=(]|->)\s*|\s+(?:{word['link']}|{of}))*?\s*"
    clause = r"\s+(?:that|which|we|they|you|it)(?:\s+[\w'-]+){1,4}?(?=\s+(?:is|are)\b)"
    what = rf"(?:[\w'-]+\s+){{0,3}}?(?:{nouns}|level|value|maximum|minimum|limit)"
    no = r"(?:not|never|n't|in no case|under no circumstances)"
    some = r"(?:[\w'-]+\s+){0,3}?"
    some_so = r"(?:(?!not\b|never\b)[\w'-]+\s+){0,3}?"
    ways = {
        "named": rf"{word['name']}(?:\s+(?:[\w'-]+\s+){{0,2}}?{nouns})?(?:{clause})?{between}[\s(:=]{mark}",
        "naming": (
            rf"{mark}\s*,?\s+(?:(?:is|was|are|being|as|for|=)\s+)?(?:(?:the|our|its|a|an|my)\s+)?"
            rf"(?:(?!{word['above']}|{word['below']}|from|off|short|and|but|when|to)[\w-]+\s+){{0,2}}?{word['name']}"
            rf"(?=\s*(?:[.,;!]|$|for|of|on|here|now|goes|comes|kicks|rings|sounds|trips|level))"
            rf"|\bat\s+{mark}\s+(?:(?:the|its|our|an?)\s+)?{some}(?:goes\s+off|trips|shuts\s+(?:down|off)|cuts\s+out|switches\s+off|stops\s+itself|kicks\s+in)"
            rf"|\b(?:trips|shuts\s+(?:down|off)|cuts\s+out|switches\s+off|stops\s+itself|switches\s+itself\s+off)\s+(?:at|above|over|from|beyond|when\s+it\s+(?:reaches|hits|passes|exceeds))\s+{mark}"
        ),
        "upper": (
            rf"{word['modal']}\s+{some}{no}\s+{some}{word['rise']}\s+(?:{some}{word['above']}\s+)?{mark}"
            rf"|(?:mustn't|shouldn't|cannot|can't|isn't\s+allowed\s+to|is\s+not\s+(?:allowed|permitted|supposed)\s+to|is\s+not\s+to)\s+{some}{word['rise']}\s+(?:{some}{word['above']}\s+)?{mark}"
            rf"|{word['modal']}\s+{some}(?:{word['stay']}|{word['rise']})\s+{some}{word['below']}\s+{mark}"
            rf"|{word['modal']}\s+{some}(?:{word['stay']}|{word['rise']})\s+{some}{mark}\s*,?\s*{word['most']}"
            rf"|{word['modal']}\s+{some}(?:{word['below']})\s+{mark}"
            rf"|(?:may|(?:is|are|'s)\s+(?:allowed|permitted)\s+to)\s+(?:go|rise|climb|reach|run|creep|heat\s+up|warm\s+up|get\s+up)\s+(?:(?:to|as\s+far\s+as|as\s+\w+\s+as)\s+)?{mark}"
            rf"|{word['modal']}\s+{some}(?:{word['stay']}\s+)?{word['floor']}\s+{_OTHER}+\s*,?\s+(?:and|but)\s+(?:{word['below']})\s+{mark}"
            rf"|limits\s+(?:are|of|were)\s+{_OTHER}+\s+and\s+{mark}"
            rf"|{mark}\s+(?:must|may|should|shall)\s*(?:not|never|n't)\s+be\s+{word['passed']}"
        ),
        "ranged": (
            rf"(?:{word['modal']}|{word['order']})\s+(?:[\w'-]+\s+){{0,5}}?(?:(?:between|at|within|from|in)\s+)?{mark}"
            rf"|{word['permitted']}\s+(?:is|are|:)?\s*(?:from\s+|between\s+)?{mark}"
        ),
        "order": (
            rf"(?:not\s+to|do\s+not|don't|never|must\s+not)\s+exceed\s+{mark}"
            rf"|{word['order']}\s+(?:[\w'-]+\s+){{0,5}}?(?:{word['below']}|{word['above']})\s+{mark}"
            rf"|{word['order']}\s+(?:[\w'-]+\s+){{0,4}}?{mark}\s*,?\s*{word['most']}"
            rf"|^\W*(?:no|not)\s+(?:more|higher|hotter|warmer)\s+than\s+{mark}\s*,?\s+please"
        ),
        "permitted": (
            rf"{word['permitted']}\s+{what}{between}[\s(:=]{mark}"
            rf"|(?:{word['extreme']}|rated)\s+{what}\s+(?:that\s+)?(?:[\w'-]+\s+){{0,3}}?(?:{word['permitted']}|{word['allows']}|may\s+[\w-]+){between}[\s(:=]{mark}"
            rf"|rated\s+{word['extreme']}{between}[\s(:=]{mark}"
            rf"|{word['allows']}\s+(?:(?:us|it|only|just|a|for)\s+)?(?:(?:{word['below']}|{word['above']})\s+)?{mark}(?:\s*,?\s*{word['most']})?"
            rf"|{mark}\s+(?:is|are)\s+(?:as\s+\w+\s+as|(?:the\s+)?{word['extreme']})\s+{some}(?:may|can|should|allowed|permitted|needs?|requires?)\b"
            rf"|{mark}\s+as\s+(?:the|its|an?)\s+{word['extreme']}\s+{some}{word['permitted']}"
        ),
        "acting": (
            rf"{word['above']}\s+{mark}\s*,?\s+{some}{word['acts']}"
            rf"|{word['name']}\s+(?:[\w'-]+\s+){{0,3}}?(?:if|when|once|as\s+soon\s+as)\s+(?:[\w'-]+\s+){{1,4}}?(?:{word['passes']})\s+{mark}"
            rf"|(?:has|have|must)\s+(?:to\s+)?(?:be\s+)?(?:shut|stop|switch|stopped|switched)\s*(?:down|off|it\s+down|it\s+off)?\s+(?:at|above|from|over)\s+{mark}"
        ),
        "granted": (
            rf"{word['below']}\s+{mark}\s*,?\s+(?:is|are|would\s+be)\s+{some}{word['granted']}"
            rf"|{mark}\s+(?:{word['most']}\s+)?(?:is|are)\s+{some}(?:{word['granted']}|the\s+(?:most|maximum|highest)\s+{some}(?:may|can|allowed|permitted|should))"
            rf"|anything\s+{word['above']}\s+{mark}\s+(?:is|would\s+be|means|needs|gets|has)\b"
            rf"|{word['granted']}\s*(?:is|are|:|=)?\s*(?:{word['below']}\s+)?{mark}"
        ),
        "most": (
            rf"(?:according\s+to|by|as\s+per|says?|specification|manual)\b[^\x00\x01]{{0,60}}"
            rf"{mark}\s*,?\s*{word['most']}"
        ),
        "lower": (
            rf"{word['modal']}\s+{some}{no}\s+{some}{word['fall']}\s+(?:{some})?{word['kept']}\s+{mark}"
            rf"|(?:mustn't|shouldn't|cannot|can't)\s+{some}{word['fall']}\s+{some}{word['kept']}\s+{mark}"
            rf"|{word['modal']}\s+{some_so}(?:{word['stay']}\s+)?{word['floor']}\s+{mark}"
            rf"|{word['order']}\s+(?:[\w'-]+\s+){{0,5}}?(?:above|over|at\s+least)\s+{mark}"
            rf"|at\s+least\s+{mark}\s+(?:is|are)\s+(?:required|needed|necessary)"
            rf"|(?:pressure|temperature|level|flow|humidity|speed|it)\s+(?:needs|requires)\s+(?:to\s+be\s+)?at\s+least\s+{mark}"
        ),
    }
    return {name: patterns.compile(way, re.I) for name, way in ways.items()}
