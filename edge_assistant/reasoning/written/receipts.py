"""What was bought, what it cost and what was paid, from a receipt, bill or invoice: labels propose, arithmetic decides.

Of several amounts called total the one to pay is that which cash less change, the parts or the articles confirm. Where
nothing confirms any of them, words like "grand" and "payable" decide, and the claim says so in its confidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import product

from edge_assistant.reasoning.attributes import labelled, phrase
from edge_assistant.reasoning.claims import Claim
from edge_assistant.reasoning.rules.vocabulary import vocabulary
from edge_assistant.reasoning.written.amounts import Amount, amounts
from edge_assistant.reasoning.written.articles import Article, articles
from edge_assistant.reasoning.written.rows import Row

CONFIRMED, LIKELY, GUESSED = 0.99, 0.9, 0.6  # confidence: arithmetic says so; the only one; the best of several
_PER_ROLE = 6  # amounts of one role that enter the arithmetic; a bill has one or two
_BY_PAYMENT, _BY_PARTS, _BY_ARTICLES, _BY_EQUAL_PAYMENT = 4.0, 3.0, 2.0, 2.0
_FINAL, _PROVISIONAL, _IN_TAX_TABLE, _AGAIN = 0.5, -0.5, -4.0, 0.5

_MIN_PRICES = 3  # of a list of prices
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A page as a receipt.

    Attributes:
        claims: what it tells of amounts and articles.
        used: indices of the rows that tell it.
        body: index of the first row of articles or amounts; what stands above is the head.
    """

    claims: list[Claim]
    used: frozenset[int]
    body: int


def read(page: Sequence[Row], signal: str) -> Receipt | None:
    """Read a page as a receipt; None where it is none: no amount is called a total or paid, or has a price."""
    found = amounts(page)
    named = [amount for amount in found if _names_role(amount)]
    if not any(amount.role in ("total", "subtotal", "cash") for amount in named):
        return _price_list(page, found, signal)
    bought = articles(page, found, _first_sum(named))
    bill = _Bill(page, named, bought)
    claims = [*bill.claims(signal), *(claim for article in bought for claim in article.claims(signal))]
    used = {amount.row for amount in named} | {row for article in bought for row in article.rows}
    return Receipt(claims, frozenset(used), min(used))


def _price_list(page: Sequence[Row], found: Sequence[Amount], signal: str) -> Receipt | None:
    """A page most of whose rows name a thing and its price, such as a menu."""
    priced = [amount for amount in found if amount.role is None and amount.alone == 1 and not labelled(amount.label)]
    if len(priced) < _MIN_PRICES or 2 * len(priced) < len(page):
        return None
    bought = articles(page, priced, len(page))
    claims = [claim for article in bought for claim in article.claims(signal)]
    return Receipt(claims, frozenset(row for article in bought for row in article.rows), 0) if claims else None


def _names_role(amount: Amount) -> bool:
    """Whether an amount's label is the name of a role and of nothing else; "member discount" is one too."""
    return amount.role is not None and (not amount.rest or (amount.role == "discount" and amount.number < 0))


def _first_sum(named: Sequence[Amount]) -> int:
    """Index of the row where the articles end."""
    return min((amount.row for amount in named if amount.role != "discount"), default=0)


class _Bill:
    """The named amounts of a page, and which of them is which."""

    def __init__(self, page: Sequence[Row], named: Sequence[Amount], bought: Sequence[Article]) -> None:
        self.page, self.named, self.bought = page, named, bought
        self.table = _tax_table(page)

    def claims(self, signal: str) -> Iterator[Claim]:
        total, confidence = self.total()
        if total is not None:
            yield self._claim("total", total, confidence, signal)
        for role in ("cash", "change", "subtotal", "tax", "rounding", "service charge", "tip", "discount"):
            chosen, confidence = self._one(role, total)
            if chosen is not None:
                yield self._claim(role, chosen, confidence, signal)

    def total(self) -> tuple[Amount | None, float]:
        """The amount to pay and how sure that is."""
        offered = self._of("total")
        if not offered:
            return self._unnamed()
        scores = {amount.number: self._confirmed(amount) for amount in offered}
        best = max(offered, key=lambda a: (scores[a.number] + self._said(a), a.number))
        if scores[best.number] > 0:
            return best, LIKELY if self._contradicted(best) else CONFIRMED
        several = len({amount.number for amount in offered if not self._is_in_table(amount)}) > 1
        return best, GUESSED if several or self._contradicted(best) else LIKELY

    def _contradicted(self, total: Amount) -> bool:
        """Whether cash less change is another amount: one of them was misread, or the rounded total was not read."""
        changes = [change.number for change in self._of("change") if change.number > 0]
        paid = {cash.number - change for cash in self._of("cash") for change in changes}
        return bool(paid) and total.number not in paid

    def _unnamed(self) -> tuple[Amount | None, float]:
        """What cash and change say, where it also stands as a sum; a page whose total has another name."""
        paid = {c.number - h.number for c in self._of("cash") for h in self._of("change")}
        for amount in self._of("subtotal"):
            if amount.number in paid:
                return amount, LIKELY
        return None, 0.0

    def _is_in_table(self, amount: Amount) -> bool:
        return amount.alone > 1 or (self.table is not None and amount.row > self.table)

    def _said(self, amount: Amount) -> float:
        """What the words around a total say for it."""
        words = set(phrase(amount.label))
        again = sum(other.number == amount.number for other in self._of("total")) - 1
        score = _AGAIN * min(2, again)
        score += _FINAL if words & vocabulary().written["final"] else 0.0
        score += _PROVISIONAL if words & vocabulary().written["provisional"] else 0.0
        return score + (_IN_TAX_TABLE if self._is_in_table(amount) else 0.0)

    def _confirmed(self, amount: Amount) -> float:
        """What the other amounts say for a total."""
        number = amount.number
        score = 0.0
        paid = [a for a in (*self._of("cash"), *self._of("total")) if a.row != amount.row]
        if any(p.number - h.number == number and h.number > 0 for p in paid for h in self._of("change")):
            score += _BY_PAYMENT
        elif any(cash.number == number for cash in self._of("cash")):
            score += _BY_EQUAL_PAYMENT
        if number in self._sums(amount):
            score += _BY_PARTS
        if len(self.bought) > 0 and sum((a.number for a in self.bought), _ZERO) == number:
            score += _BY_ARTICLES
        return score

    def _sums(self, amount: Amount) -> set[Decimal]:
        """What the parts of a bill make: a sum before, and taxes, charges, discounts and rounding, or some of them."""
        before = {a.number for a in (*self._of("subtotal"), *self._of("total")) if a.number != amount.number}
        return {start + more for start in before for more in self._added}

    @cached_property
    def _added(self) -> set[Decimal]:
        """What taxes, charges, discounts and rounding, or some of them, add to a sum."""
        parts = [{_ZERO, *(-abs(a.number) for a in self._of("discount"))}]
        for role in ("tax", "service charge", "rounding", "tip"):
            offered = self._of(role)
            numbers = [a.number for a in offered if not self._is_in_table(a)] or [a.number for a in offered]
            parts.append({_ZERO, *numbers, sum(dict.fromkeys(numbers), _ZERO)})
        return {sum(choice, _ZERO) for choice in product(*parts)} - {_ZERO}

    def _one(self, role: str, total: Amount | None) -> tuple[Amount | None, float]:
        """The one amount of a role, or the one that arithmetic confirms."""
        offered = self._of(role)
        if not offered and role == "subtotal":
            offered = [a for a in self._of("total") if total is not None and self._fits(role, a, total)]
        if not offered and role == "tax":
            offered = [a for a in self._of("total") if total is not None and _is_its_tax(a, total)]
        if not offered:
            return None, 0.0
        confirmed = [amount for amount in offered if total is not None and self._fits(role, amount, total)]
        if confirmed:
            return confirmed[0], CONFIRMED
        if role == "tax":
            offered = [a for a in offered if "total" in phrase(a.label)] or offered
        if len({amount.number for amount in offered}) > 1:
            return None, 0.0
        return offered[0], LIKELY

    def _fits(self, role: str, amount: Amount, total: Amount) -> bool:
        """Whether an amount and the total go together with what else is on the bill."""
        if role == "cash":
            return any(amount.number - h.number == total.number for h in self._of("change"))
        if role == "change":
            return any(cash.number - amount.number == total.number for cash in self._of("cash"))
        if role == "subtotal":
            return any(amount.number + tax.number == total.number for tax in self._of("tax"))
        if role == "tax":
            return any(before.number + amount.number == total.number for before in self._of("subtotal"))
        return False

    def _of(self, role: str) -> list[Amount]:
        return [amount for amount in self.named if amount.role == role][:_PER_ROLE]

    def _claim(self, role: str, amount: Amount, confidence: float, signal: str) -> Claim:
        """A claim that rests on every row which gives this amount this name, the chosen one first."""
        rows = [amount.row, *(a.row for a in self._of(role) if a.number == amount.number and not self._is_in_table(a))]
        ids = tuple(dict.fromkeys(self.page[row].id for row in rows))
        return Claim(signal, amount.value, amount.text, ids, confidence, attribute=role)


def _is_its_tax(amount: Amount, total: Amount) -> bool:
    """Whether an amount is the tax in a total: "bill inclusive of 6% GST" beside 2.21 under a total of 39.00."""
    names = {mention.attribute.name for mention in labelled(amount.label)}
    return "tax" in names and 0 < 2 * amount.number < total.number


def _tax_table(page: Sequence[Row]) -> int | None:
    """Index of the row that heads a table of taxes."""
    heads = [phrase(head) for head in vocabulary().written["tax_table"]]
    for index, row in enumerate(page):
        words = phrase(row.text)
        if any(c.isdigit() for c in row.text) or not words:
            continue
        if any(words[at : at + len(head)] == head for head in heads for at in range(len(words))):
            return index
    return None
