"""Compare claims about one attribute to a verdict. Code decides; the order of the claims does not matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from edge_assistant.core.answer import Agreement, Told, Verdict
from edge_assistant.reasoning.claims import Claim, Standing
from edge_assistant.reasoning.values.likeness import same_sound
from edge_assistant.reasoning.values.values import Identifier, Words, comparable, same

# Cosine of MiniLM from which on two phrases mean the same: kitten / cat has 0.79, couch / sofa 0.86, bus / school bus
# 0.68 (but shares a word), dog / white cat 0.45, penicillin / latex 0.19.
NEAR = 0.70

Nearness = Callable[[str, str], float]


def compare(
    attribute: str, claims: Sequence[Claim], nearness: Nearness | None = None, subject: str | None = None
) -> Verdict:
    """Compare the claims about one attribute.

    Args:
        attribute: what the claims are about.
        claims: of all sources, in the order of the signals.
        nearness: cosine of two phrases in meaning; without it only words in common count.
        subject: of whom or of what, where that is not what the signals are about.
    """
    groups: list[list[Claim]] = []
    for claim in claims:
        home = next((group for group in groups if all(compatible(claim, other, nearness) for other in group)), None)
        if home is None:
            groups.append([claim])
        else:
            home.append(claim)
    values = tuple(Told(group[0].text, _evidence(group), _instructed(group), _confidence(group)) for group in groups)
    return Verdict(attribute, subject, _agreement(groups), values)


def compatible(a: Claim, b: Claim, nearness: Nearness | None = None) -> bool:
    """Whether two claims can both be true; a day and a time of day, say, do not speak about the same and can."""
    if same(a.value, b.value) or not comparable(a.value, b.value) or _sounds_same(a, b):
        return True
    if not isinstance(a.value, Words) or not isinstance(b.value, Words):
        return False
    numbers = (set(re.findall(r"\d+", claim.text)) for claim in (a, b))
    return len({frozenset(n) for n in numbers}) == 1 and nearness is not None and nearness(a.text, b.text) >= NEAR


def _sounds_same(a: Claim, b: Claim) -> bool:
    """Whether two codes, of which one was heard and one is written, differ only in letters that sound alike."""
    heard, written = (a, b) if a.heard else (b, a)
    if not heard.heard or written.heard:
        return False
    one, other = heard.value, written.value
    return isinstance(one, Identifier) and isinstance(other, Identifier) and same_sound(one.code, other.code)


def merged(claims: Iterable[Claim]) -> list[Claim]:
    """Claims without what one signal tells twice; the evidence of both stands for it."""
    found: list[Claim] = []
    for claim in claims:
        known = (i for i, other in enumerate(found) if other.signal == claim.signal and _repeats(other, claim))
        at = next(known, None)
        if at is None:
            found.append(claim)
        else:
            evidence = tuple(dict.fromkeys((*found[at].evidence, *claim.evidence)))
            found[at] = replace(found[at], evidence=evidence)
    return found


def _repeats(a: Claim, b: Claim) -> bool:
    return a.computed == b.computed and (a.text == b.text or same(a.value, b.value))


def _agreement(groups: Sequence[Sequence[Claim]]) -> Agreement:
    if not groups:
        return Agreement.MISSING
    if len(groups) > 1:
        return Agreement.CONFLICT
    return Agreement.AGREE if len({claim.signal for claim in groups[0]}) > 1 else Agreement.SINGLE


def _instructed(group: Sequence[Claim]) -> bool:
    """Whether a value is told by instructions alone."""
    return all(claim.standing is not Standing.PLAIN for claim in group)


def _confidence(group: Sequence[Claim]) -> float:
    """The probability of the surest claim of a value."""
    return max(claim.confidence for claim in group)


def _evidence(group: Sequence[Claim]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id for claim in group for id in claim.evidence))
