"""What every domain does: deals who agrees with whom, and composes questions with their right answers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from scenarios.model import Question, Rest, Signal, transcript
from scenarios.phrases import load, own_names
from scenarios.values import Value, mark, plain

AGREE = (
    "yes|agree|agrees|match|matches|matching|consistent|same|fits|fit|correct|identical|confirmed|confirms|confirm|right|"
    "true|in line|accurate|accurately|correctly|no conflict|no contradiction|no difference|no differences|do not differ"
)
T = TypeVar("T")
_TRIES = 100  # more than there are questions for anything


@dataclass(frozen=True, slots=True)
class Told:
    """A value as a signal tells it.

    Attributes:
        signal: the signal's id.
        value: what it tells.
        words: the writing that stands there, marked up.
    """

    signal: str
    value: Value
    words: str

    def rest(self) -> Rest:
        """What an answer with this value rests on."""
        return Rest(self.signal, self.words, self.value.answers)


@dataclass(frozen=True, slots=True)
class Deal:
    """Whether two signals agree on something, and whether the question asks that outright."""

    agree: bool
    outright: bool


class Desk:
    """Where one domain's scenarios are made.

    Attributes:
        draw: what chooses.
        phrases: the domain's sentences and questions.
        common: those of every domain.
        split: which half of the phrasings.
    """

    def __init__(self, domain: str, split: str, seed: int, pairs: int) -> None:
        """Deal so many pairs of comparisons: one of a pair agrees, two fifths are asked about outright."""
        self.draw = random.Random(f"{seed} {split} {domain}")  # noqa: S311 - for variety, not for secrets
        self.phrases = load(domain, split, self.draw)
        self.common = load("common", split, self.draw)
        self.split = split
        self._names: Mapping[str, Any] = own_names(domain, split)
        self._deals = self._dealt(pairs)

    def _dealt(self, pairs: int) -> list[Deal]:
        outright = [number < round(pairs * 0.4) for number in range(pairs)]
        deals = [Deal(agree, asked) for asked in outright for agree in (True, False)]
        self.draw.shuffle(deals)
        return deals

    def deal(self) -> Deal:
        """The next comparison."""
        return self._deals.pop()

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.draw.random() < probability

    def ask(self, fact: str, words: Mapping[str, str], what: str = "ask") -> str:
        """A question for a fact; where `words` has `must`, one in which that occurs."""
        for _ in range(_TRIES):
            found = self.phrases.pick(fact, what, words)
            if words.get("must", "") in found:
                return found
        raise ValueError(f"no question for {fact} has {words['must']!r}")

    def compared(
        self, fact: str, deal: Deal, tellings: Sequence[Told], words: Mapping[str, str], names: Sequence[str]
    ) -> Question:
        """A question for a value that two signals give.

        Args:
            fact: the fact.
            deal: whether they agree and what is asked.
            tellings: the two tellings; where they agree of equal values.
            words: of the question.
            names: what people call the two signals.
        """
        if deal.outright:
            a, b = names
            noun = self.phrases.noun(fact).format_map(words) + words.get("of", "")
            ask = self.common.pick("source_agree", "ask", {**words, "a": a, "b": b, "noun": noun})
        else:
            ask = self.ask(fact, words)
        entries = tuple(dict.fromkeys(entry for told in tellings for entry in told.value.answers))
        if deal.agree:
            entries = tellings[0].value.answers
            if deal.outright:
                entries = ("|".join([AGREE, *entries]),)
        status = "supported" if deal.agree else "conflict"
        return Question(
            ask, "conflict" if deal.outright else "spontaneous", status, entries, tuple(t.rest() for t in tellings)
        )

    def lookup(self, fact: str, told: Told, words: Mapping[str, str], what: str = "ask") -> Question:
        """A question for a value that one signal tells."""
        return Question(self.ask(fact, words, what), "lookup", "supported", told.value.answers, (told.rest(),))

    def absent(self, words: Mapping[str, str], fact: str = "absent") -> Question:
        """A question for something that nothing tells."""
        return Question(self.ask(fact, {**words, "must": ""}), "absent", "not_in_evidence", (), ())

    def unrelated(self) -> Signal:
        """A text that has nothing to do with the rest."""
        sentences = [self.common.pick("unrelated", "say", {}) for _ in range(self.draw.randint(1, 2))]
        return Signal("text", "notice.txt", sentences)

    def ordered(self, signals: Sequence[Signal]) -> list[Signal]:
        """The signals in any order."""
        found = list(signals)
        self.draw.shuffle(found)
        return found

    def pick(self, options: Sequence[T], key: str) -> T:
        """One of some words; each split draws from its own, so that documents differ too.

        Args:
            options: `dev` has every other of these, `test` the rest.
            key: what a half apart has in their place, see `own`.
        """
        if self._names:
            return self.draw.choice(self.own(key, options))
        return self.draw.choice(options[1::2] if self.split == "test" else options[::2])

    def own(self, key: str, options: T) -> T:
        """What this split has in place of some names: `dev` and `test` share them, the others have their own.

        Args:
            key: where they stand in the domain's part of `names.toml`, such as `labels.dose`.
            options: what the other two have.
        """
        found: Any = self._names
        for part in key.split(".") if self._names else ():
            found = found[part]
        return found if self._names else options


def approximation(number: float, word: str, within: float = 0.03) -> str | None:
    """A rounded number with its unit, marked up, as somebody says it after "about"; None if no round one is near.

    >>> approximation(68.9, "kilos"), approximation(63.0, "kilos", 0.02)
    ('<seventy kilos|70 kilos>', None)
    """
    from scenarios.numerals import decimal

    step = 10 ** (len(str(int(number))) - 1)
    for unit in (step, step / 2):
        near = round(number / unit) * unit
        if near and near != number and abs(near - number) <= within * number:
            text = plain(near)
            return mark(f"{decimal(text)} {word}", f"{text} {word}")
    return None


def as_rounded(value: Value, about: str) -> Value:
    """A value as it is known from a rounding: what answers say is the rounded number."""
    number = transcript(about).split()[0]
    return replace(value, answers=(number,))


def typed(writing: str) -> str:
    """A marked up writing as it is typed."""
    return transcript(writing)
