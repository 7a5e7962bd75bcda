"""When two ways of writing mean one value: the form in which they are compared."""

from __future__ import annotations

import re

from edge_assistant.governance.redaction import checks
from edge_assistant.governance.redaction.kinds import PiiKind
from edge_assistant.governance.redaction.rules import RedactionPatterns
from edge_assistant.governance.redaction.views import digits, written

_SIGNS = re.compile(r"[\W_]+")
_TOKEN = re.compile(r"[a-z]+|\d+")
_HOME = ("GB", "US")  # where numbers without a country's code are taken to be dialled; the first that fits
_THOUSAND = "000"
_THIS_CENTURY = 30  # a year of two digits below that is one of this century


def same(kind: PiiKind, value: str, rules: RedactionPatterns) -> str:
    """The form of a value, as the rules' view has it, in which the ways of writing it are equal."""
    if kind is PiiKind.PHONE:
        return _phone(value)
    if kind is PiiKind.BIRTH:
        return _date(value, rules)
    if kind is PiiKind.EMAIL:
        return "".join(part for part in _SIGNS.split(value.casefold()) if part not in rules.said)
    return value if kind is PiiKind.FILE else _SIGNS.sub("", value).casefold()


def both(date: str, rules: RedactionPatterns) -> set[str]:
    """The forms of a date whose day and month may stand the other way round."""
    found = same(PiiKind.BIRTH, date, rules)
    day, _, rest = found.partition("-")
    month, _, year = rest.partition("-")
    return {found, f"{month}-{day}-{year}"} if day.isdigit() and month.isdigit() and year else {found}


def _phone(value: str) -> str:
    """With the country's code, where there is one that fits."""
    digits = re.sub("[^0-9+]", "", f"+{value[2:]}" if value.startswith("00") else value)
    regions = _HOME if digits.startswith(("0", "+")) else reversed(_HOME)
    return next((found for region in regions if (found := checks.phone(digits, region))), digits)


def _date(value: str, rules: RedactionPatterns) -> str:
    """Day, month and year as numbers, in the order of writing, but for a year or a month's name in front."""
    parts: list[str] = []
    named = -1
    spoken = digits(written(value.casefold()), rules.spoken).data.decode()
    numbers = {**rules.spoken.digits, **rules.spoken.ordinals, **rules.months}
    tokens = _TOKEN.findall(spoken)
    for before, token in zip(["", *tokens], tokens, strict=False):
        if token in rules.months:
            named = len(parts)
        number = numbers.get(token, token if token.isdigit() else "")
        if f"{before} {token}" in numbers:  # twenty first
            parts.pop()
            number = numbers[f"{before} {token}"]
        if parts and number == _THOUSAND:
            parts[-1] += number
        elif parts and number and parts[-1].endswith(_THOUSAND):
            parts[-1] = str(int(parts[-1]) + int(number))
        elif number:
            parts.append(number.lstrip("0"))
    if parts and len(parts[0]) == 4:
        parts.reverse()
    elif named == 0 and len(parts) > 1:
        parts[:2] = parts[1], parts[0]
    if len(parts) == 3 and len(parts[2]) <= 2:
        parts[2] = f"{'20' if int(parts[2] or 0) < _THIS_CENTURY else '19'}{parts[2]:0>2}"
    return "-".join(parts)
