"""What looks like a label, and labels in one line with their values: `Allergies: none`, `Total .... 4.50`."""

from __future__ import annotations

import re

EMPTY, TICKED = "☐", "☑"  # how a tick box stands among the pieces of a page
MAX_LABEL = 48  # characters
_MAX_LABEL_WORDS = 6
_LEADER = re.compile(r"_{2,}|\.{4,}|…{2,}|·{3,}")
_PERCENT = re.compile(r"[(@]?\s?\d{1,2}(?:[.,]\d{1,2})?\s?%\)?")
_MEASURED = re.compile(r"[<>~±-]?\s?\d[\d.,/-]*\s?(?:[^\W\d_]|[°%])[\w°%/.^]{0,8}")


def split_label(text: str) -> tuple[str | None, str]:
    """Label and value of words with a colon or a leader between them; (None, words) where there is no label.

    >>> split_label("Allergies: none"), split_label("Total ...... 4.50"), split_label("19-04-18 18:04")
    (('Allergies', 'none'), ('Total', '4.50'), (None, '19-04-18 18:04'))
    """
    head, colon, tail = text.partition(":")
    if not colon:
        parts = [part.strip() for part in _LEADER.split(text, maxsplit=1)]
        if len(parts) == 2 and is_label(parts[0]):
            return parts[0], _LEADER.sub(" ", parts[1]).strip()
        return None, text
    label, value = head.strip(), _LEADER.sub(" ", tail).strip()
    is_time = label[-1:].isdigit() and value[:1].isdigit()
    return (label, value) if is_label(label) and not is_time and not value.startswith("//") else (None, text)


def is_label(text: str) -> bool:
    """Whether words may name a value: a few of them, mostly letters; a rate of tax may stand with them.

    >>> is_label("Blood pressure"), is_label("VAT (20%)"), is_label("12 kg"), is_label("50%")
    (True, True, False, False)
    """
    dense = [c for c in _PERCENT.sub("", text) if not c.isspace()]
    letters = sum(c.isalpha() for c in dense)
    short = len(text) <= MAX_LABEL and len(text.split()) <= _MAX_LABEL_WORDS
    return short and letters >= 2 and letters > 0.5 * len(dense)


def is_symbol(text: str, value: str) -> bool:
    """Whether a single letter names a value with its unit, as on a rating plate: `U` of `400 V`.

    >>> is_symbol("f", "50 Hz"), is_symbol("x", "12.50"), is_symbol("2", "50 Hz")
    (True, False, False)
    """
    return len(text) == 1 and text.isalpha() and _MEASURED.fullmatch(value) is not None


def has_digit(text: str) -> bool:
    """Whether a digit is among the characters."""
    return any(c.isdigit() for c in text)
