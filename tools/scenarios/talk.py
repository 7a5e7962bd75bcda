"""Notes: sentences that tell values, with corrections, approximations, distractors, and what people say in between."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scenarios.model import Recording, Signal
from scenarios.numerals import decimal
from scenarios.phrases import Phrases
from scenarios.values import Value, mark, plain


@dataclass(slots=True)
class Note:
    """A note being made, spoken or typed.

    Attributes:
        draw: what chooses.
        phrases: the domain's sentences, and `common` the ones that every domain shares.
        words: what stands for the names in braces.
        typed: whether it is typed rather than spoken.
    """

    draw: random.Random
    phrases: Phrases
    common: Phrases
    words: Mapping[str, str]
    typed: bool
    groups: list[list[str]] = field(default_factory=list)

    def writing(self, value: Value) -> str:
        """One of the value's writings for this note."""
        return self.draw.choice(value.typed if self.typed else value.said or value.typed)

    def tell(
        self,
        fact: str,
        value: Value,
        *,
        wrong: Value | None = None,
        about: str | None = None,
        negated: Value | None = None,
        what: str = "say",
        more: Mapping[str, str] | None = None,
    ) -> str:
        """Tell a value in a sentence of its own, and return the writing that counts.

        Args:
            fact: its name in the phrasings.
            value: what is told.
            wrong: a value that is said first and then taken back.
            about: a rounded number with its unit, said in place of the value.
            negated: a value that is ruled out in the same breath.
            what: which phrasings.
            more: further words.
        """
        writing = about or self.writing(value)
        shown = f"{self.common.raw('about', 'say', {})} {writing}" if about else writing
        if wrong is not None:
            shown = self.common.raw("correction", "say", {"wrong": self.writing(wrong), "x": shown})
        sentence = self.phrases.pick(fact, what, {**self.words, **(more or {}), "x": shown})
        if negated is not None:
            sentence = (
                f"{sentence.removesuffix('.')}, {self.common.raw('negation', 'say', {'y': self.writing(negated)})}."
            )
        self.groups.append([sentence])
        return writing

    def aside(
        self, fact: str, what: str, value: Value, *, alone: bool = False, more: Mapping[str, str] | None = None
    ) -> None:
        """An older value or somebody else's behind what was told last; or anywhere, `alone`."""
        sentence = self.phrases.pick(fact, what, {**self.words, **(more or {}), "x": self.writing(value)})
        if self.groups and not alone:
            self.groups[-1].append(sentence)
        else:
            self.groups.append([sentence])

    def add(self, sentence: str) -> None:
        """A sentence that is there as it is."""
        self.groups.append([sentence])

    def sentences(self, opening: Sequence[str] = ()) -> list[str]:
        """The whole note: facts in any order, now and then a greeting, talk in between and a farewell."""
        groups = list(self.groups)
        self.draw.shuffle(groups)
        told = list(opening)
        if not told and self.draw.random() < 0.4:
            told.append(self.common.pick("typed_opening" if self.typed else "opening", "say", {}))
        for group in groups:
            if self.draw.random() < 0.3:
                told.append(self.phrases.pick("talk", "say", self.words))
            told += group
        if self.draw.random() < 0.3:
            told.append(self.common.pick("closing", "say", {}))
        return told

    def signal(self, file: str, opening: Sequence[str] = ()) -> Signal:
        """The note as a signal."""
        sentences = self.sentences(opening)
        if self.typed:
            return Signal("text", f"{file}.txt", sentences)
        return Signal(
            "audio", f"{file}.wav", sentences, recording=recording(self.draw), in_words=self.draw.random() < 0.4
        )


def rounded(value: Value, number: float, unit: str, short: str) -> tuple[str, str]:
    """A number with its unit as somebody says it who does not know better: spoken and typed."""
    text = plain(number, 1)
    return mark(f"{decimal(text)} {unit}", f"{text}{short}"), f"{text} {unit}"


def recording(draw: random.Random) -> Recording:
    """A microphone, a telephone, a noisy hall; half of the recordings are plain."""
    kind = draw.choice(("plain", "plain", "plain", "noise", "telephone", "silence"))
    return Recording(
        speed=draw.choice((0.9, 1.0, 1.0, 1.1)),
        rate=8000 if kind == "telephone" else draw.choice((16000, 16000, 16000, 8000)),
        noise=draw.uniform(14, 25) if kind == "noise" else 32.0 if draw.random() < 0.3 else None,
        telephone=kind == "telephone",
        lead=draw.uniform(1.5, 4) if kind == "silence" else 0.25,
        trail=draw.uniform(1.5, 5) if kind == "silence" else 0.4,
    )
