"""Characters of a text: how its bytes are encoded, and which of them a reader sees.

Left out are control and format characters with the escape sequences that they begin, characters that turn the reading
order, tag characters and variation selectors, fillers that look like nothing, and more accents than any script stacks:
no reader sees them, but a model or a terminal reads them.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from edge_assistant.core.evidence import Evidence

MOST_MARKS = 4  # on one letter: Vietnamese, Hebrew and Thai stack up to three
NOTE = "characters that cannot be seen were left out"
HEAD = 1 << 16  # bytes that are looked at
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b\x1a"))  # \x1a ends files of DOS; \x1b colours the lines of logs
_ESCAPE = re.compile(  # ECMA-48: a control sequence, a string such as a title or a link, or two characters
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -~]"
)
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_SELECTORS = "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SUSPECT = re.compile(  # a quick look: most texts have none
    rf"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    rf"\u2060-\u206f\ufeff\ufff0-\ufffb{_SELECTORS}{_FILLERS}\U000e0000-\U000e0fff\U0001d173-\U0001d17a\U000110bd]"
)
_MARKS = re.compile(
    rf"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{{{MOST_MARKS},}}"
)
_JOINERS = "\u200c\u200d"  # written between letters of Persian and of Indian scripts, and in emoji of several parts
_SHAPING = "\u0600-\u06ff\u0750-\u077f\u0900-\u0dff\U0001f300-\U0001faff\u2640\u2642\u2695\u2764\ufe0f"

T = TypeVar("T")


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text from its first bytes, by byte order mark, else UTF-8.

    Args:
        head: the first `HEAD` bytes, or all there are.

    Returns:
        A codec's name that takes the mark off: `utf-8-sig` or `utf-16`; None where the bytes are not text.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return None
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return None if b"\0" in head or controls * 100 > len(head) else "utf-8-sig"


def shown(text: str) -> str:
    r"""A text as it is seen.

    >>> shown("Aller\u200bgies:\u202e none\x1b[2J")
    'Allergies: none'
    """
    if _SUSPECT.search(text):
        text = "".join(_seen(text, at, c) for text in (_ESCAPE.sub("", text),) for at, c in enumerate(text))
    return _MARKS.sub(lambda match: match[0][:MOST_MARKS], text)


def hidden(text: str) -> bool:
    """Whether something in a text is left out that its writer may have hidden; a selector alone styles an emoji."""
    alone = re.findall(f"(?<![{_SELECTORS}])[{_SELECTORS}](?![{_SELECTORS}])", text)
    return len(text) - len(shown(text)) - len(alone) > 1


def cleaned(evidence: Iterable[Evidence]) -> tuple[tuple[Evidence, ...], bool]:
    """Evidence with its texts as they are seen, without what has none left; and whether anything was hidden in it."""
    kept, any_hidden = [], False
    for item in evidence:
        if _SUSPECT.search(item.text) or _MARKS.search(item.text):
            any_hidden = any_hidden or hidden(item.text)
            item = replace(item, text=shown(item.text).strip(), detail=_within(item.detail))
        if item.text:
            kept.append(item)
    return tuple(kept), any_hidden


def _within(value: T) -> T:
    """A detail with every text in it as it is seen."""
    made: Any = value
    if isinstance(value, str):
        made = shown(value)
    elif isinstance(value, tuple):
        made = tuple(_within(item) for item in value)
    elif is_dataclass(value) and not isinstance(value, type):
        made = replace(value, **{field.name: _within(getattr(value, field.name)) for field in fields(value)})
    return made  # type: ignore[no-any-return]


def _seen(text: str, at: int, c: str) -> str:
    """A character as it is seen at its place in a text."""
    if c in "\t\n\r":
        return c
    if c in "\u2028\u2029":
        return "\n"
    if c in _JOINERS:
        around = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
        return c if len(around) == 2 and re.fullmatch(f"[{_SHAPING}]+", around) else ""
    if c in _FILLERS or re.fullmatch(f"[{_SELECTORS}]", c) or 0xE0000 <= ord(c) <= 0xE0FFF:
        return ""
    return "" if unicodedata.category(c) in ("Cc", "Cf") else c
