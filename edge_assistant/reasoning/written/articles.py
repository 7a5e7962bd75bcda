"""The articles on a receipt: what they are called, how many, and what they cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from edge_assistant.reasoning.attributes import labelled, phrase
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, per_vocabulary, vocabulary
from edge_assistant.reasoning.values.values import Quantity
from edge_assistant.reasoning.written.amounts import Amount
from edge_assistant.reasoning.written.rows import Row
from edge_assistant.reasoning.written.typed import dates

_MAX_NAME_ROWS = 3  # rows without a price above an article's price that can be its name
_MIN_LETTERS = 3  # of a name; fewer is a tax code
_CODE = re.compile(r"^\d{4,14}$")
_COUNT_CELL = re.compile(r"^(?:[xX×*]\s?)?(\d{1,3})(?:\s?[xX×]|\s[A-Z]{1,3})?$")


@dataclass(frozen=True, slots=True)
class Article:
    """One article that was bought.

    Attributes:
        name: as it is written, without its count and number.
        number: what it cost in all.
        amount: the same as it is written.
        count: how many, or None where that is not told.
        single: price of one, where it stands apart from what they cost in all.
        rows: indices of its rows, that of the price first.
        ids: of their evidence.
    """

    name: str
    amount: Amount
    count: tuple[str, int] | None
    single: Amount | None
    rows: tuple[int, ...]
    ids: tuple[str, ...]

    @property
    def number(self) -> Decimal:
        """What it cost in all."""
        return self.amount.number

    def claims(self, signal: str) -> Iterator[Claim]:
        """What it cost, how many of it, and the price of one where more than one was bought."""
        yield Claim(signal, self.amount.value, self.amount.text, self.ids, attribute="price", subject=self.name)
        if self.count is not None:
            text, number = self.count
            value = Quantity((Decimal(number),))
            yield Claim(signal, value, text, self.ids, attribute="quantity", subject=self.name)
        if self.single is not None and self.single.number != self.number:
            value = self.single.value
            yield Claim(signal, value, self.single.text, self.ids, attribute="unit price", subject=self.name)


def articles(page: Sequence[Row], found: Sequence[Amount], end: int) -> list[Article]:
    """The articles above the row `end`, where the sums begin; what is only taken off is none of them."""
    by_row: dict[int, list[Amount]] = {}
    for amount in found:
        if amount.row < end and not (amount.role == "discount" and not amount.rest):
            by_row.setdefault(amount.row, []).append(amount)
    bought: list[Article] = []
    last = -1  # the row before which no name of this article can stand
    pending: Amount | None = None  # a price of one, in a row above the price of all
    for index, own in by_row.items():
        if own[-1].unit_price and len(own) == 1:
            if any(c.isalpha() for c in own[0].label):
                pending = own[0]
            elif bought:
                bought[-1] = _with_single(bought[-1], page[index], own[0])
            continue
        names = _names(page, index, last, by_row)
        if names and own[-1].number >= 0:
            bought.append(_article(page, index, names, own, pending))
        last, pending = index, None
    return bought


def _with_single(article: Article, row: Row, single: Amount) -> Article:
    """An article with the row under it that says how many at what price: `2 @ 1.50`."""
    count = re.match(r"\W*(\d{1,3})\s*@", row.text)
    if count is None or int(count[1]) * single.number != article.number:
        return article
    told = (count[1], int(count[1]))
    return replace(article, count=told, single=single, rows=(*article.rows, single.row), ids=(*article.ids, row.id))


def _article(
    page: Sequence[Row], index: int, names: Mapping[int, str], own: Sequence[Amount], pending: Amount | None
) -> Article:
    amount = own[-1]
    count = _count(page[index], names.get(index, ""), amount)
    single = next((a for a in own[:-1] if count is None or a.number * count[1] == amount.number), pending)
    rows = tuple(dict.fromkeys((index, *names)))
    return Article(" ".join(names.values()), amount, count, single, rows, tuple(page[row].id for row in rows))


def _names(page: Sequence[Row], index: int, last: int, by_row: Mapping[int, Sequence[Amount]]) -> dict[int, str]:
    """The rows that name the article of a price: its own, or those above it since the last price."""
    own = _name(page[index], by_row[index][0])
    if own:
        return {index: own}
    found: dict[int, str] = {}
    most = _MAX_NAME_ROWS if last >= 0 else _rows_between(by_row)
    for row in range(index - 1, max(last, index - 1 - _MAX_NAME_ROWS), -1):
        words = _name(page[row], by_row[row][0] if row in by_row else None)
        if _is_head(page[row]) or len(found) == most:
            break
        if words:
            found[row] = words
    return dict(sorted(found.items()))


def _rows_between(by_row: Mapping[int, Sequence[Amount]]) -> int:
    """How many rows without a price stand between prices; so many can be the first article's name, under the head."""
    gaps = [b - a - 1 for a, b in pairwise(by_row)]
    return max(1, min(gaps, default=1))


def _is_head(row: Row) -> bool:
    """Whether a row belongs to what stands above the articles: a labelled field, a title, a table's header."""
    if dates(row.text) or (row.field and _tells(row) and bool(labelled(row.cells[0]))):
        return True
    words = phrase(row.text)
    return words in _titles() or len(vocabulary().written["columns"] & set(words)) >= 2


def _tells(row: Row) -> bool:
    """Whether a field has a value; a tax code such as `*S` beside an article's name is none."""
    return sum(c.isalnum() for c in row.cells[1]) > 1


@per_vocabulary
def _titles(vocabulary: Vocabulary) -> frozenset[tuple[str, ...]]:
    return frozenset(phrase(title) for title in vocabulary.written["not_seller"])


def _name(row: Row, amount: Amount | None) -> str:
    """The words of a row before its amounts that can be an article's name, or nothing."""
    cells = row.cells if amount is None else _before(row, amount)
    kept = [cell for cell in cells if not _CODE.match(cell) and not _COUNT_CELL.match(cell)]
    name = " ".join(kept).strip(" :*-")
    name = re.sub(r"^\d{1,3}\s?[xX×]?\s+(?=\D)|\s*\*\w$|\s*@$", "", name).strip(" :*-")
    return name if sum(c.isalpha() for c in name) >= _MIN_LETTERS else ""


def _before(row: Row, amount: Amount) -> list[str]:
    """The cells of a row up to its first amount."""
    kept = []
    for cell in row.cells:
        at = cell.find(amount.label) if amount.label in cell else -1
        if amount.text in cell or (at < 0 and cell not in amount.label):
            head = cell[: cell.find(amount.text)] if amount.text in cell else ""
            kept.append(_without_times(head))
            break
        kept.append(cell)
    return [cell for cell in kept if cell.strip()]


def _without_times(text: str) -> str:
    """Words before a price without the count that multiplies it: `Tea 2 x 1.50`."""
    return re.sub(r"\s*(?:\d{1,3}\s*[xX×@]|[xX×*]\s?\d{1,3}|@)\s*$", "", text)


def _count(row: Row, name: str, amount: Amount) -> tuple[str, int] | None:
    """How many were bought: a cell of its own, before the name or before the price of one."""
    for cell, column in zip(row.cells, row.columns, strict=True):
        named = column is not None and any(m.attribute.name == "quantity" for m in labelled(column))
        match = _COUNT_CELL.match(cell)
        if match and (named or cell != row.cells[0] or len(row.cells) > 2):
            return match[1], int(match[1])
    text = row.text
    match = re.match(r"(\d{1,3})\s?[xX×]?\s+(?=\D)", text) or re.search(r"(?<!\S)(\d{1,3})\s?[xX×@]\s", text)
    return (match[1], int(match[1])) if match else None
