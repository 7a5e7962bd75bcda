"""What a value must pass beyond its pattern: checksums of python-stdnum, lengths of phonenumbers."""

from __future__ import annotations

import importlib
import re
from functools import lru_cache

_LONG = ("2", "35", "4", "5", "60", "62", "64", "65", "67")
# What cards begin with (ISO/IEC 7812), by how many digits they have
ISSUERS = {13: ("4",), 14: ("30", "36", "38", "39"), 15: ("34", "37", "1800", "2131")} | dict.fromkeys(
    range(16, 20), _LONG
)
_NO_DIGIT = re.compile(r"[^0-9+]")
_NO_LETTER = re.compile(r"[^0-9A-Za-z]")
_NUMBERS = {ord(letter): str(ord(letter) - 55) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # ISO 7064: A is 10
_SHORTEST_HEARD = 6  # digits of a number that stands behind a word as it may be an amount
_SHORTEST_CODE = 5  # characters of one with less than three digits
_SHORTEST_DICTATED = 5  # digits; shorter ones are counted, or times


def passes(check: str, value: str, original: str) -> bool:
    """Whether a value passes.

    Args:
        check: `card` (Luhn's check digit), `iban`, `phone:GB` (a length that numbers have in that region), `dictated`
            (spelled in words), `digits:9-12` (so many of them), `code` (digits, few of them only in capitals), `long`
            (a code that is no year and no amount), `number` (a digit at least), `handle` (more than one word
            behind an @, which code has too), `not:park rad` (begins with none of these), `stdnum:gb.nhs` (a module of
            python-stdnum); empty for none.
        value: as a pattern found it.
        original: the text it stands for.
    """
    name, _, what = check.partition(":")
    if not name:
        return True
    if name == "card":
        plain = _NO_DIGIT.sub("", value)
        return plain.startswith(ISSUERS.get(len(plain), ())) and _standard("luhn", plain)
    if name == "phone":
        return phone(value, what) is not None
    digits = sum(c.isdigit() for c in value)
    if name == "digits":
        least, _, most = what.partition("-")
        return int(least) <= digits <= int(most)
    if name == "long":
        few = digits < (_SHORTEST_HEARD if value.isdigit() else 3 if " " in value else 2)
        return not few and len(value) >= _SHORTEST_CODE
    if name == "code":
        return digits > 2 or (digits > 0 and value.isupper() and len(value) >= _SHORTEST_CODE)
    if name == "dictated":
        return any(c.isalpha() for c in original) and digits >= _SHORTEST_DICTATED
    if name == "handle":
        return any(c in "._-" or c.isdigit() for c in value)
    if name == "number":
        return digits > 0
    if name == "not":
        return not value.lower().lstrip().startswith(tuple(what.split()))
    if name == "iban":
        plain = _NO_LETTER.sub("", value).upper()
        remainder = int(f"{plain[4:]}{plain[:4]}".translate(_NUMBERS)) % 97  # the library takes 8 times as long
        return remainder == 1 and _standard("iban", plain)
    if name == "stdnum":
        return _standard(what, value.upper()) or _standard(what, _NO_LETTER.sub("", value).upper())
    raise ValueError(f"there is no check {check!r}")


@lru_cache(maxsize=1024)
def phone(value: str, region: str) -> str | None:
    """A telephone number as +CCNNN (E.164), where it has a length that numbers of its region have.

    Args:
        value: as it is written.
        region: where it is dialled without a country code, as ISO 3166 has it: "GB".
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None  # such as one that can be dialled within a town only
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _standard(module: str, value: str) -> bool:
    return bool(importlib.import_module(f"stdnum.{module}").is_valid(value))
