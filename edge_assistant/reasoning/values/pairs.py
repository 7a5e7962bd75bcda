"""Two numbers that are said together: a blood pressure of 120/80, one twenty over eighty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.days import days
from edge_assistant.reasoning.values.spans import Candidate, alternatives, hedge, untaken
from edge_assistant.reasoning.values.spoken import number_words, spoken_numbers
from edge_assistant.reasoning.values.values import Pair, Quantity

_LEAST, _MOST = 20, 350  # mmHg; what is outside is no blood pressure


def pairs(text: str) -> Iterator[Candidate]:
    """Find pairs of whole numbers: 120/80, "120 over 80", "a hundred and twenty over eighty"."""
    yield from untaken(_found(text), days(text))


def _found(text: str) -> Iterator[Candidate]:
    for match in _pattern().finditer(text):
        first, second = _number(match["first"]), _number(match["second"])
        if first is None or second is None:
            continue
        unit = vocabulary().units.get(" ".join(match["unit"].lower().split())) if match["unit"] else None
        approximate = hedge(text, match.start(), match.end()) in ("about", "under", "over")
        pair = Pair(Quantity((first,), unit, approximate), Quantity((second,), unit, approximate))
        yield Candidate(match[0], pair, *match.span())


def _number(text: str) -> Decimal | None:
    """A whole number in the range of pressures; "one twenty" is 120, and so is 100 and 20."""
    parts = re.findall(r"\d+", text)
    readings = (Decimal(sum(map(int, parts))),) if parts else spoken_numbers(text)
    return next((n for n in readings if n == int(n) and _LEAST <= n <= _MOST), None)


@per_vocabulary
def _pattern(vocabulary: Vocabulary) -> re.Pattern[str]:
    article = alternatives(vocabulary.words["article"])
    words = rf"(?:(?:{article}) )?(?:{number_words()})(?:(?:[ -]| and )(?:{number_words()})){{0,4}}"
    broken = r"[1-3]00(?:,? and |,? )\d{1,2}|\d{0,2}[2-9]0,? [1-9]"  # 100 and 20, 120 4: one number for a listener
    number = rf"(?:{broken}|\d{{2,3}}|{words})"
    over = alternatives(vocabulary.words["pair"])
    return re.compile(
        rf"(?<![\w./,-])(?P<first>{number})(?:\s?/\s?| (?:{over}) )(?P<second>{number})(?![\w/]|[.,]\d)"
        rf"(?: ?(?P<unit>mm ?hg|millimet(?:re|er)s of mercury)\b)?",
        re.I,
    )
