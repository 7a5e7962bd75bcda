"""Whether a value of a list is the one that a question means: by the words that its row shares with the question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from edge_assistant.reasoning.comprehension.answer_types import AnswerType, common_values
from edge_assistant.reasoning.values.clocks import clocks
from edge_assistant.reasoning.values.days import dates
from edge_assistant.reasoning.values.quantities import quantities
from edge_assistant.reasoning.values.spans import has_digit
from edge_assistant.reasoning.values.values import Clock, Day, Quantity, same
from edge_assistant.reasoning.values.words import as_words

TOLD = 0.9  # confidence of an argument that words decide: in two sets, read since, 25 of 27 of these were right
_CODE, _NUMBER = re.compile(r"\S*\d\S*"), re.compile(r"[-+]?[\d.,]+")
_APART = re.compile(r"['\u2019]s\b|[,;|](?=\D)")  # Bramble's; the cells of a row


def tokens(text: str) -> frozenset[str]:
    """The words of a text that tell something, each alone.

    >>> sorted(tokens("Bramble's ring")), sorted(tokens("Bramble,Harris hawk"))
    (['bramble', 'ring'], ['bramble', 'harris', 'hawk'])
    """
    return as_words(_APART.sub(" ", text)).tokens


def sureness(text: str, own: Sequence[str], beside: Iterable[str], apart: Iterable[str], question: str) -> float | None:
    """`TOLD` if a value is the one that a question means, 0.0 if it is another one; None if words do not tell that.

    The value's own rows share more words with the question than any rival beside them: a row with another day, number
    or code of its shape. Another code in another source is no such choice but a contradiction, if its row shares a
    word.

    >>> rows = ["P-114  return pump, jellies", "P-115  air blower, jellies"]
    >>> asked = "Stop the jellies' return pump"
    >>> [sureness(code, [row], rows, [], asked) for code, row in zip(["P-114", "P-115"], rows)]
    [0.9, 0.0]
    >>> sureness("P-114", rows[:1], rows, ["Pump: P-141"], asked)
    0.0
    """
    asked = tokens(question)
    if _is_code(text) and any(asked & tokens(row) and _has_other(text, row) for row in apart):
        return 0.0
    rivals = [row for row in beside if _has_other(text, row)]
    mine, theirs = (max((len(asked & tokens(row)) for row in rows), default=-1) for rows in (own, rivals))
    if mine == theirs or not (rivals or has_digit(text)):
        return None
    return TOLD if mine > theirs else 0.0


def _is_code(text: str) -> bool:
    """Whether a text has digits, and is neither a number, nor a day or a time."""
    dated = isinstance(common_values([text], AnswerType.OTHER)[0], Day | Clock)
    return bool(_CODE.fullmatch(text)) and not _NUMBER.fullmatch(text) and not dated


def _has_other(text: str, row: str) -> bool:
    """Whether a row has another value of the kind of a text."""
    if not _is_code(text):
        value = common_values([text], AnswerType.OTHER)[0]
        kinds = (Day, dates), (Clock, clocks), (Quantity, quantities)
        finder = next((found for kind, found in kinds if isinstance(value, kind)), lambda row: iter(()))
        return any(not same(value, one.value) for one in finder(row))
    shape = "".join(r"[^\W\d_]" if one.isalpha() else r"\d" if one.isdigit() else re.escape(one) for one in text)
    return any(one.lower() != text.lower() for one in re.findall(rf"(?<!\w){shape}(?!\w)", row))
