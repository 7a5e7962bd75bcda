"""Claims, typed statements of what a source says with their evidence, and verdicts: code compares, in any order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from edge_assistant.core.answer import Agreement, Computation, Told, Verdict
from edge_assistant.core.evidence import Evidence, Locator, Statistic
from edge_assistant.core.signals import Kind
from edge_assistant.perception.table import Computed
from edge_assistant.reasoning.values.phonetics import same_sound
from edge_assistant.reasoning.values.values import Identifier, Value, Words, comparable, is_negated, same


class Standing(IntEnum):
    """Where a claim stands: outside of instructions to the reader, in them as a statement, or in an order."""

    PLAIN = 0
    STATED = 1
    ORDER = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says of what is asked.

    Attributes:
        signal: id of the source.
        value: typed.
        text: as it stands in the source.
        evidence: ids of the evidence.
        confidence: probability that it is right; 1 where code decided.
        computed: id of the computation, where the value was computed over readings.
        label: what the source calls it, where that stands beside it on a form; else "".
        standing: whether it stands in instructions to the reader.
    """

    signal: str
    value: Value
    text: str
    evidence: tuple[str, ...]
    confidence: float = 1.0
    computed: str | None = None
    label: str = ""
    standing: Standing = Standing.PLAIN

    @property
    def is_speech(self) -> bool:
        """Whether a recogniser heard it; else it is written, seen or measured."""
        return self.signal.startswith((Kind.AUDIO, Kind.VIDEO))


@dataclass(slots=True)
class Ledger:
    """What an answer adds to the evidence that was perceived.

    Attributes:
        highest: the greatest number of an id of that evidence, read or not.
        evidence: the rows that computations rest on.
        computed: the computations.
    """

    highest: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    computed: list[Computation] = field(default_factory=list)

    def rows(self, signal: str, column: str, computed: Computed, text: str) -> str:
        """Record the rows that a computation rests on; returns the id of the evidence."""
        id = f"E{self.highest + len(self.evidence) + 1}"
        detail = Statistic(column, computed.unit, "computed", computed.value, computed.time)
        self.evidence.append(Evidence(id, signal, text, None, Locator(rows=computed.rows), detail))
        return id

    def compute(self, formula: str, value: str, evidence: tuple[str, ...]) -> str:
        """Record a computation; returns its id."""
        self.computed.append(Computation(f"C{len(self.computed) + 1}", formula, value, evidence))
        return f"C{len(self.computed)}"


# Cosine of MiniLM from which on two phrases mean the same: kitten / cat has 0.78, couch / sofa 0.86, dog / white cat
# 0.45. What excludes each other is near, too: red / blue and penicillin / amoxicillin have 0.74. Of 40 such pairs 3 are
# joined (at 0.70: 10), of 40 pairs of synonyms 12 (17); a synonym that is not joined is shown as a contradiction.
NEAR = 0.76

Nearness = Callable[[str, str], float]


def compare(
    attribute: str, claims: Sequence[Claim], nearness: Nearness | None = None, subject: str | None = None
) -> Verdict:
    """Compare the claims about one attribute, in the order of the signals.

    Args:
        attribute: what the claims are about.
        claims: of all sources.
        nearness: cosine of two phrases in meaning; without it only words in common count.
        subject: whom or what they are about, if not the signals' own subject.
    """
    groups: list[list[Claim]] = []
    for claim in claims:
        home = next((group for group in groups if all(compatible(claim, other, nearness) for other in group)), None)
        if home is None:
            groups.append([claim])
        else:
            home.append(claim)
    return verdict_of(attribute, groups, subject)


def verdict_of(attribute: str, groups: Sequence[Sequence[Claim]], subject: str | None = None) -> Verdict:
    """The verdict on claims in groups, each of claims that agree."""
    return Verdict(attribute, subject, _agreement(groups), tuple(map(_value_of, groups)))


def compatible(a: Claim, b: Claim, nearness: Nearness | None = None) -> bool:
    """Whether two claims can both be true; a day and a time of day, say, do not speak about the same and can."""
    if same(a.value, b.value) or not comparable(a.value, b.value) or _sounds_same(a, b):
        return True
    if not isinstance(a.value, Words) or not isinstance(b.value, Words) or is_negated(a.value) != is_negated(b.value):
        return False
    numbers = [set(re.findall(r"\d+", claim.text)) for claim in (a, b)]
    letters = [{token for token in words.tokens if len(token) == 1} for words in (a.value, b.value)]
    if numbers[0] != numbers[1] or (all(letters) and letters[0] != letters[1]):
        return False  # hepatitis A and B are near in meaning
    return nearness is not None and nearness(a.text, b.text) >= NEAR


def _sounds_same(a: Claim, b: Claim) -> bool:
    """Whether two codes, of which one was heard and one is written, differ only in letters that sound alike."""
    heard, written = (a, b) if a.is_speech else (b, a)
    if not heard.is_speech or written.is_speech:
        return False
    one, other = heard.value, written.value
    return isinstance(one, Identifier) and isinstance(other, Identifier) and same_sound(one.code, other.code)


def merge(claims: Iterable[Claim]) -> list[Claim]:
    """Claims without what one signal tells twice; the evidence of both stands for it."""
    found: list[Claim] = []
    for claim in claims:
        at = next((at for at, other in enumerate(found) if _repeats(other, claim)), None)
        if at is None:
            found.append(claim)
        else:
            evidence = tuple(dict.fromkeys((*found[at].evidence, *claim.evidence)))
            found[at] = replace(found[at], evidence=evidence)
    return found


def _repeats(a: Claim, b: Claim) -> bool:
    return (a.signal, a.computed) == (b.signal, b.computed) and (a.text == b.text or same(a.value, b.value))


def _agreement(groups: Sequence[Sequence[Claim]]) -> Agreement:
    if not groups:
        return Agreement.MISSING
    if len(groups) > 1:
        return Agreement.CONFLICT
    return Agreement.AGREE if len({claim.signal for claim in groups[0]}) > 1 else Agreement.SINGLE


def _value_of(group: Sequence[Claim]) -> Told:
    """A value with all its evidence; whether only instructions state it; the probability of its surest claim."""
    evidence = tuple(dict.fromkeys(id for claim in group for id in claim.evidence))
    instructed = all(claim.standing is not Standing.PLAIN for claim in group)
    return Told(group[0].text, evidence, instructed, max(claim.confidence for claim in group))
