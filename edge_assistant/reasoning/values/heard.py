"""What a recogniser of speech writes for numbers, units, codes and repeated names, as it was said.

Only what makes no sense as it stands is mended: "0.5 to megapassables" is no range, "7 December 2080" no day on which
something was done. What could be meant as it stands is left alone, and compared with its sound in mind elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_assistant import patterns
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.spans import alternatives

_DIGITS = {"to": "2", "too": "2", "for": "4", "ate": "8", "won": "1"}  # words that sound like a digit
_DIGIT_WORDS = {"to": "two", "too": "two", "for": "four", "ate": "eight", "won": "one"}
_LIKE = "|".join(_DIGITS)
_TENS = {"twen": 20, "thir": 30, "for": 40, "four": 40, "fif": 50, "six": 60, "eight": 80, "nine": 90, "night": 90}
_PREFIXED = re.compile(r"(?<=[\d ])(?:kilo|mega|milli|micro|centi|hecto)[a-z]{4,14}\b", re.I)
_UNIT_APART = 0.35  # share of the letters of a misheard unit with a prefix that may be others; of "kilopassables" 0.31
_SHORT_UNIT = 6  # letters of a unit that is told from others by its prefix
_HALF_OF_DAY = re.compile(
    r"(?<![\d:.])(?P<hour>1[0-2]|0?\d)(?:[:.]?(?P<minute>[0-5]\d))? ?"
    r"(?:(?:(?:at|a|ate|add) )?(?P<half>[AP])\.? ?M\b|(?P<m>(?:at|add|ate) M\b)"
    r"|(?P<small>[ap])(?:\.? ?m\b(?!\.[^\W\d_])|\.? and(?= (?:the|my|our|his|her|their|it|he|she|we|they|i)\b)))"
)
_CODE_DIGIT = re.compile(r"\b([A-Z][A-Za-z]) (to|too|for) (?=\d{4,}\b)")  # "Fc for 29018" is FC429018
_ARE = re.compile(r"\bare ([A-Za-z])-(?=\d{3})")  # "is RM-3202-30"
_REPEATED = re.compile(r"\b([^\W\d_]{3,})(?:[,.]|\.\.\.) (?=(\1) [^\W\d_]{3,})", re.I)
_LAST_WORD = re.compile(r"\b([A-Z][^\W\d_]{2,})[.,]$")
_CODE_HEAD = re.compile(r"\b(?:[A-Z]|[A-Z](?:-[A-Z])+|[A-Z]\d{1,2})\.$")
_SMALL_CODE = re.compile(r"(?<![\w-])[a-z]{1,3}-\d{3,}(?:-\d+)*\b")
_WORD_BACK = r"(?:No|Oh|Wait|Hang On|Hold On|Sorry|Correction|Actually|Make That|I Mean|Rather)"
_TAKEN_BACK = re.compile(rf"(?<=, ){_WORD_BACK}(?:,? {_WORD_BACK})*(?=[,.] )")  # in capitals as if it were a name
_AT = re.compile(r"(?<= is) (?:at|a) (?=\d\b)")  # "the lot is A 8"
_CODED = re.compile(r"\b(?:lot|batch|serial|code)\b[^.]* is at? \d\b", re.I)
_DOSE = re.compile(r"\b([A-Z][a-z]+ [A-Z][a-z]+), (?=[A-Z][a-z]+ \d+ ?(?:m|mc|micro|milli)?(?:g|grams?)\b)")
_THAT = re.compile(r"(?<=\d) that (?=(?:weighs|takes|runs|turns|draws|needs|delivers|makes|wants)\b)")
_NUMBERED = re.compile(r"\b(?:telephone|phone|mobile|number|call|dial|ring|reach)\b[^.]*\d{2,}\.$", re.I)
_SOLID = re.compile(
    r"\b(?P<lead>(?:correction|sorry|no|hang on|make that|i mean|rather),? )(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)\b", re.I
)
_CRIED = re.compile(r"\b(no|sorry|wait)!", re.I)
_CUT_SHORT = re.compile(r"\b((?:max(?:imum)?|min(?:imum)?|highest|most|not|lowest) )(allow|permit)(?= )", re.I)
_I_MEAN = re.compile(r"(?:the|this|that) [^\W\d_][\w ]{2,40}?,? I mean\b", re.I)
_DIGITS_FIRST = re.compile(r"\d{3,}(?=[.,]|$)")


def mended(lines: Sequence[str]) -> list[str]:
    """The segments of one recording as they were said; as many as were given.

    >>> mended(["I noted 0.5 to megapassables.", "It was taken by Simon.", "Simon Turner."])
    ['I noted 0.52 megapascals.', 'It was taken by', 'Simon Turner.']
    """
    found = [_line(line) for line in lines]
    for i in range(len(found) - 1):
        found[i], found[i + 1] = _moved(_joined(found[i], found[i + 1]), found[i + 1])
    return found


def _line(text: str) -> str:
    units, points, tens, years, labels = _patterns()
    text = units.sub(lambda match: vocabulary().misheard[match[0].lower()], text)
    text = _PREFIXED.sub(lambda match: _unit(match[0]), text)
    text = points.sub(_digit, text)
    text = tens.sub(lambda match: str(_TENS[match["ten"].lower()]), text)
    text = years.sub(lambda match: f"{match['before']}201{match['decade']}", text)
    text = _HALF_OF_DAY.sub(_half, text)
    text = _CODE_DIGIT.sub(lambda match: match[1].upper() + _DIGITS[match[2]], text)
    text = _ARE.sub(lambda match: f"is R{match[1].upper()}-", text)
    text = _SMALL_CODE.sub(lambda match: match[0].upper(), text)
    text = _AT.sub(" A", text, count=1) if _CODED.search(text) else text
    text = _DOSE.sub(r"\1. ", text)
    text = _THAT.sub(". It ", text)
    text = _TAKEN_BACK.sub(lambda match: match[0].lower(), text)
    text = _runs_on().sub(lambda match: f". {match[match.lastgroup or 0].upper()}", text)
    text = _CRIED.sub(r"\1.", text)
    text = _CUT_SHORT.sub(lambda match: f"{match[1]}{'permitted' if match[2].lower() == 'permit' else 'allowed'}", text)
    text = _corrected_clock(text)
    text = labels.sub(lambda match: f". {match['name'][0].upper()}{match['name'][1:]}", text)
    return _REPEATED.sub(lambda match: "" if match[1].lower() not in _said_twice() else match[0], text)


def _corrected_clock(text: str) -> str:
    """A time of day in four digits that stands for another: "5 past 7 in the evening, correction, 1530"."""
    match = _SOLID.search(text)
    if match is None or not any(found.end <= match.start() for found in clocks(text)):
        return text
    return f"{text[: match.start('h')]}{match['h']}:{match['m']}{text[match.end() :]}"


def _joined(line: str, following: str) -> str:
    """A segment without the full stop at which nothing ended: a name that is said again, the letters of a code."""
    name = _LAST_WORD.search(line)
    if name and re.match(rf"{name[1]} [A-Z]", following):
        return line[: name.start()].rstrip()
    goes_on = _DIGITS_FIRST.match(following) and (_CODE_HEAD.search(line) or _NUMBERED.search(line))
    return line[:-1] if goes_on else line


def _moved(line: str, following: str) -> tuple[str, str]:
    """Two segments with a day or a time at the end of the first where it belongs: ", 2145. Motor temperature 75"."""
    if line.endswith("."):
        if meant := _I_MEAN.match(following):
            rest = re.sub(r"^ (?!the |a |my |our |that )(.)", lambda on: f". {on[1].upper()}", following[meant.end() :])
            return f"{line[:-1]},", following[0].lower() + following[1 : meant.end()].replace(", I", " I") + rest
        if _that_is().match(following):
            return f"{line[:-1]},", following[0].lower() + following[1:]
    match = _last_moment().search(line)
    if match and not match["then"] and re.match(r"It (?:was|is|stood at|read|showed) (?:about )?\d", following):
        return f"{line[:-1]},", following[0].lower() + following[1:]
    goes_on = match and (match["then"] or _measured().match(following))
    if match is None or not goes_on or not match["before"] or (_moment().search(following) and not match["then"]):
        return line, following
    moment = re.sub(r"^([01]\d|2[0-3])[.:]?([0-5]\d)(?!\d)", r"\1:\2", match["moment"])
    kept = line[: match.start()] + ("" if match["before"].startswith(",") else match["before"])
    return f"{kept}. {moment[0].upper()}{moment[1:]},", following[0].lower() + following[1:]


def _digit(match: re.Match[str]) -> str:
    if match["point"]:
        return f"{match['point']} {_DIGIT_WORDS[match['spoken'].lower()]}"
    if match["number"]:
        return f"{match['number']}{_DIGITS[match['digit'].lower()]}"
    return match["whole"]  # "213 in kilos"


def _half(match: re.Match[str]) -> str:
    """A time of day as it is written: 1150 AM is 11:50 am."""
    half = (match["half"] or match["small"] or "a").lower()
    return f"{match['hour']}:{match['minute']} {half}m" if match["minute"] else f"{match['hour']} {half}m"


def _unit(word: str) -> str:
    """The unit with a prefix that a word sounds like, or the word."""
    from jellyfish import levenshtein_distance

    if word.lower() in vocabulary().units:
        return word
    prefix = re.match("kilo|mega|milli|micro|centi|hecto", word.lower())
    known = [unit for unit in vocabulary().units if prefix and unit.startswith(prefix[0]) and len(unit) > _SHORT_UNIT]
    apart = {unit: levenshtein_distance(unit, word.lower()) for unit in known}
    least = min(apart.values(), default=len(word))
    nearest = [unit for unit in known if apart[unit] == least]
    one = len({vocabulary().units[unit] for unit in nearest}) == 1  # millimetres are not to become millilitres
    return nearest[0] if one and least <= _UNIT_APART * len(word) else word


def _said_twice() -> frozenset[str]:
    """Words that are said twice on purpose: "no, no", digits of a number that is read out."""
    known = vocabulary()
    return frozenset(known.numbers) | known.words["stop"] | known.words["zero"] | known.words["no"]


@per_vocabulary
def _moment(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A day or a time of day."""
    day = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{alternatives(vocabulary.months)})|\d{{1,2}}(?:st|nd|rd|th)\b)"
    clock = r"(?:\d{1,2}[:.]\d\d(?: ?[ap]m)?|\d{1,2} ?[ap]m|(?:[01]\d|2[0-3])[0-5]\d)"
    moment = rf"(?:{clock}(?: on (?:the )?{day})?|{day})"
    return patterns.compile(rf"(?<![\w.])(?:(?:on|at) )?(?:the )?{moment}(?![\w%]|\.\d)", re.I)


@per_vocabulary
def _that_is(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What says behind a pause which value that was: "116 over 92. That's the blood pressure."."""
    names = alternatives(name for a in vocabulary.attributes.values() for name in a.names)
    return patterns.compile(rf"that(?:'s| is| was) (?:the|my|her|his|its) (?:{names})\b(?! of)", re.I)


@per_vocabulary
def _runs_on(vocabulary: Vocabulary) -> re.Pattern[str]:
    """Where a sentence ended that runs on: "60 hertz is it since the 9th of May it is in service"."""
    months = alternatives(vocabulary.months)
    day = rf"(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{months})(?:,? \d{{4}})?"
    measured = (a for a in vocabulary.attributes.values() if a.value in ("quantity", "pair"))
    names = alternatives(name for a in measured for name in a.names if len(name) > 5)
    dated = [name for a in vocabulary.attributes.values() if a.value in ("date", "clock") for name in a.names]
    return patterns.compile(
        rf"(?<=[\w%]) (?P<next>s)(?=ince {day} (?:it|he|she|we|they|there) [a-z])"
        rf"|(?<=[\w%]) to (?=(?:follow[- ]?up )?(?:{alternatives(dated)}) (?:falls|is|was|will be)\b)(?P<due>\w)"
        rf"|(?<=[\w%]) (?P<f>f)(?=or the (?:{names}),? (?:it|the (?:number|value|figure)) )"
        r"|, (?P<own>i)(?= (?:took|measured|noted|wrote|checked|read) )"
        r"|, (?P<at>a)(?=t \d{1,2}(?::\d\d)? ?[ap]m the )"
        r"|(?<= [ap]m) (?P<most>[mhlp])(?=(?:aximum|inimum|ighest|owest|eak) )",
        re.I,
    )


@per_vocabulary
def _measured(vocabulary: Vocabulary) -> re.Pattern[str]:
    """What is measured, at the beginning of a sentence: "Motor temperature roughly 75 degrees."."""
    names = (name for a in vocabulary.attributes.values() if a.value in ("quantity", "pair") for name in a.names)
    return patterns.compile(rf"(?:the )?(?:[^\W\d_]+ )?(?:{alternatives(names)})\b", re.I)


@per_vocabulary
def _last_moment(vocabulary: Vocabulary) -> re.Pattern[str]:
    """A day or time at the end that stands alone, behind a comma or another day: "on the 18th on the 18th of June"."""
    other = r"(?<=\d)(?: [ap]m)? on the \d{1,2}(?:st|nd|rd|th)"
    return patterns.compile(rf"(?P<before>,(?P<then> then,?)?|{other}|) (?P<moment>{_moment().pattern})\.$", re.I)


@per_vocabulary
def _patterns(vocabulary: Vocabulary) -> tuple[re.Pattern[str], ...]:
    unit = rf"(?:{alternatives(w for w in vocabulary.units if len(w) > 3)}|%|°)(?!\w)"
    months = alternatives(vocabulary.months)
    numbers = alternatives(vocabulary.numbers)
    measured = (a for a in vocabulary.attributes.values() if a.value in ("quantity", "pair", "date", "clock"))
    labels = alternatives(name for a in measured for name in a.names if len(name) > 5)
    ahead = alternatives(vocabulary.misheard)
    return (
        patterns.compile(rf"(?:(?<=\d )|(?<=\dk )|(?<=hundred )|(?<=ty )|(?<=teen ))(?:{ahead})\b", re.I),
        patterns.compile(
            rf"(?P<point>\b(?:{numbers}) point) (?P<spoken>{_LIKE})(?= {unit})"
            rf"|(?<![\d.])(?P<number>\d+\.\d*) (?P<digit>{_LIKE})(?= {unit})"
            rf"|(?P<whole>(?<![\d.])\d+(?:\.\d+)?) in(?= {unit}\s*(?:[.,;]|$))",
            re.I,
        ),
        patterns.compile(rf"\b(?P<ten>{alternatives(_TENS)}) (?:to|tea|tee|ty)(?= {unit})", re.I),
        patterns.compile(
            rf"(?P<before>\b(?:{months})\.?,? (?:\d{{1,2}}(?:st|nd|rd|th)?,? )?)20(?P<decade>[5-9])0\b",
            re.I,
        ),
        patterns.compile(rf", (?P<name>(?:{labels})(?:,| is| was|:)? (?:about |a |the )?(?=\d))", re.I),
    )
