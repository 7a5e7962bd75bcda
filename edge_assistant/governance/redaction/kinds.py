"""The kinds of personal data that are found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PiiKind(StrEnum):
    """What a pseudonym stands for; the word in its brackets."""

    PERSON = "PERSON"
    BIRTH = "BIRTH"  # a date of birth
    ADDRESS = "ADDRESS"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    CARD = "CARD"
    ACCOUNT = "ACCOUNT"  # IBAN, account number, sort code
    ID = "ID"  # a national identifier, a passport
    RECORD = "RECORD"  # a medical record number
    FILE = "FILE"  # a file's name, which can be anything that somebody called it


@dataclass(frozen=True, slots=True)
class PiiMatch:
    """A piece of personal data in a text.

    Attributes:
        kind: of what kind.
        start: first character, in code points of the text as it was.
        end: the character after the last one.
        pseudonym: what stands for it: "[PHONE-2]".
    """

    kind: PiiKind
    start: int
    end: int
    pseudonym: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without the personal data in it.

    Attributes:
        text: as it may be handed on.
        found: what stood in it, in order and apart.
    """

    text: str
    found: tuple[PiiMatch, ...]
