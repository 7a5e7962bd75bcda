"""Amounts of money on a written page, each with the words beside it and the role that these give it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from edge_assistant.reasoning.attributes import labelled, phrase
from edge_assistant.reasoning.printed import joined
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.values import Quantity
from edge_assistant.reasoning.written.rows import Row

_CURRENCIES = {"RM": "MYR", "$": "USD", "€": "EUR", "£": "GBP"}
_CURRENCY = r"(?:RM|MYR|USD|EUR|GBP|SGD|AUD|CHF|US\$|S\$|[$€£])"
_AMOUNT = re.compile(
    rf"(?:(?<![\w.,:/-])|(?<=[A-Za-z]{{3}})|(?<=[%:)]))(?P<open>\()?(?P<sign>[-–−+])?\s?(?P<before>{_CURRENCY})?\s?(?P<minus>[-–−])?"
    r"(?P<number>\d{1,3}(?:[,' ]\d{3})+[.]\d{2}|\d{1,3}(?:[.' ]\d{3})+,\d{2}|\d{1,7}[.,]\d{2})"
    rf"(?!\d|[.,:/-]\d|\s?%|\s?(?:kg|g|lb|l|L|ml|cm|mm)\b)(?P<behind>\s?(?:{_CURRENCY})(?!\w))?(?P<after>[-–−](?!\S))?"
)
_WHOLE = re.compile(rf"(?<![\w.,])(?P<before>{_CURRENCY})\s?(?P<number>\d{{1,6}})(?![^\s)])")
_ROUND_ZERO = re.compile(r"(?:(?<=RM)|(?<![^\W]))[Oo](?=[.,]\d\d(?!\d))")  # a zero read as a letter
_LETTERS = str.maketrans("0158", "olsb")  # digits as which readers take letters
# The order in which names decide what an amount is, where a label has several: "Total paid" is what was paid
_PRECEDENCE = ("discount", "change", "rounding", "cash", "service charge", "tip", "subtotal", "tax", "total")
ROLES = frozenset(_PRECEDENCE)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount with what stands beside it.

    Attributes:
        number: signed.
        unit: ISO 4217 code of the currency, or None where none is written.
        text: as it is written.
        label: the words before it in its row, or beside it in the row before.
        role: name of the attribute that the label gives it, or None.
        rest: words of the label that do not belong to the role's name; they make an article of it.
        row: index of its row.
        alone: how many amounts stand in its row.
        unit_price: it is marked as the price of one.
    """

    number: Decimal
    unit: str | None
    text: str
    label: str
    role: str | None
    rest: tuple[str, ...]
    row: int
    alone: int
    unit_price: bool = False

    @property
    def value(self) -> Quantity:
        """The amount as a value."""
        return Quantity((abs(self.number),), self.unit)


def amounts(page: Sequence[Row]) -> list[Amount]:
    """The amounts of a page with their labels and roles, row by row.

    A label whose amount stands in the next row is found too, and so are several labels above as many amounts.
    """
    found: list[Amount] = []
    waiting: list[str] = []  # labels that name an amount and have none
    bare: list[tuple[int, list[Amount]]] = []  # rows of amounts without a label, since then
    for index, row in enumerate(page):
        own = list(_in_row(row, index))
        if own and not _has_words(own[0].label):
            bare.append((index, own))
            continue
        found += _paired(waiting, bare)
        if own:
            found += own
            waiting, bare = [], []
            continue
        if bare:
            waiting, bare = [], []
        role, rest = role_of(row.text)
        waiting = [*waiting, row.text] if role is not None and not rest else []
    return found + _paired(waiting, bare)


def role_of(label: str) -> tuple[str | None, tuple[str, ...]]:
    """What a label calls an amount (a name of `ROLES`, or None), and its words that belong to no such name.

    >>> role_of("Total incl. 6% GST (RM)"), role_of("GST 6% included in total"), role_of("Gift card")
    (('total', ()), ('tax', ()), ('cash', ('gift',)))
    """
    words = vocabulary().written
    parts = [_letters(re.sub(r"\([^)]*\)?", " ", label)), *map(_letters, re.findall(r"[(]([^)]*)", label))]
    if any(words["counts"] & set(phrase(part)) for part in parts):
        return None, tuple(" ".join(parts).split())
    names: list[str] = []
    rest: list[str] = []
    for part in parts:
        mentions = [mention for mention in labelled(part) if mention.attribute.name in ROLES]
        names += [mention.attribute.name for mention in mentions]
        covered = {at for mention in mentions for at in range(mention.start, mention.end)}
        rest += [m[0] for m in re.finditer(r"\S+", part) if m.start() not in covered and m[0] not in words["fillers"]]
    return _deciding(names, set(" ".join(parts).split())), tuple(rest)


def _letters(text: str) -> str:
    """The words of a label without numbers and what only fills it, so that names in it stand together."""
    found = [part for word in re.findall(r"[^\W_]+", joined(text).lower()) for part in _mended(word)]
    return " ".join(word for word in found if word not in vocabulary().written["unsaid"])


def _mended(word: str) -> list[str]:
    """The letters of a word, with those that were read as digits where that makes the word of a name: T0TAL."""
    if word.isalpha():
        return [word]
    whole = word.translate(_LETTERS)
    return [whole] if whole in _words_of_names() else re.findall(r"[^\W\d_]+", word)


@per_vocabulary
def _words_of_names(vocabulary: Vocabulary) -> frozenset[str]:
    roles = [attribute for attribute in vocabulary.attributes.values() if attribute.name in ROLES]
    return frozenset(word for attribute in roles for name in attribute.names for word in name.split() if len(word) > 2)


def _deciding(names: Sequence[str], words: set[str]) -> str | None:
    """The role among those that a label names."""
    if not names:
        return None
    role = min(names, key=_PRECEDENCE.index)
    around = vocabulary().written["around"]
    qualified = {"tax": vocabulary().written["inclusive"], "rounding": around, "discount": around}.get(role)
    if qualified is not None and names[0] == "total":  # "total incl. GST", "total before rounding"
        return "total" if words & qualified else role
    return role


def _in_row(row: Row, index: int) -> Iterator[Amount]:
    """The amounts of one row, each with the words before the first of them."""
    written = "\t".join(row.cells)  # apart from each other, so that no number reaches over a gap
    text = _ROUND_ZERO.sub("0", written)
    matches = list(_AMOUNT.finditer(text)) or list(_WHOLE.finditer(text))
    if not matches:
        return
    label = text[: matches[0].start()].replace("\t", " ").strip(" :\t*-@(=")
    role, rest = role_of(label)
    for match in matches:
        before = text[: match.start()].rstrip()
        yield Amount(
            _number(match),
            _unit(match),
            written[match.start() : match.end()].strip(" \t(").rpartition("\t")[2].lstrip(),
            label,
            role,
            rest,
            index,
            len(matches),
            before.endswith("@"),
        )


def _number(match: re.Match[str]) -> Decimal:
    digits = re.sub(r"[ ']", "", match["number"])
    if re.search(r"[.,]\d{2}$", digits):
        digits = f"{re.sub(r'[.,]', '', digits[:-3])}.{digits[-2:]}"
    groups = match.groupdict()
    minus = any(groups.get(key) in ("-", "–", "−") for key in ("sign", "minus", "after"))
    enclosed = groups.get("open") and match.string[match.end() : match.end() + 1] == ")"
    return -Decimal(digits) if minus or enclosed else Decimal(digits)


def _unit(match: re.Match[str]) -> str | None:
    written = (match.groupdict().get("before") or match.groupdict().get("behind") or "").strip()
    if not written:
        return None
    return _CURRENCIES.get(written[-1:]) or _CURRENCIES.get(written) or written


def _has_words(label: str) -> bool:
    return any(c.isalpha() for c in label)


def _paired(labels: Sequence[str], bare: Iterable[tuple[int, list[Amount]]]) -> list[Amount]:
    """Amounts whose labels stand above them: one label and one amount, or as many of one as of the other."""
    rows = list(bare)
    if labels and len(labels) == len(rows):
        return [_named(amount, label) for label, (_, own) in zip(labels, rows, strict=True) for amount in own]
    return [amount for _, own in rows for amount in own]


def _named(amount: Amount, label: str) -> Amount:
    role, rest = role_of(label)
    return Amount(amount.number, amount.unit, amount.text, label, role, rest, amount.row, amount.alone)
