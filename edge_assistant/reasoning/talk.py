"""Messages that no source answers: courtesies, and what is asked about the assistant, its use and the conversation.

Such a message is told by the nearest of some examples (`NearestExamples`, by the embedder) and gets the reply that
stands beside them in rules/talk.toml; no model writes one. Every other question without a source is declined, unless
free talk is on, and then what is risky (doses, law, money, safety) still is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from edge_assistant.core.answer import Route
from edge_assistant.core.limits import ANSWER_TOKENS
from edge_assistant.language.chat import Message, Role
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine
from edge_assistant.reasoning import rules
from edge_assistant.reasoning.attribution import CITATION
from edge_assistant.reasoning.guard import sentences
from edge_assistant.reasoning.route import declined_route, free_route, talk_route
from edge_assistant.reasoning.sentences import asks, is_remark, split_message

DECLINED = (
    "I answer from sources, and none that could answer this is attached. Attach a file, a picture, a recording or "
    "readings, and ask again."
)
RISKY = (
    "I do not answer this without a source, as it may touch doses, law, money or safety. Attach one that holds the "
    "answer, and ask again."
)
LIKE = 0.25  # mean cosine of the nearest examples, from their middle, from which on a topic is meant
MARGIN = 0.03  # how far ahead of the questions that sources answer it must be
MOST_REMARKED = 2  # words of a remark that ends like a question: "ok?", "really?"
CERTAIN = 0.35  # the same for what asks while sources are attached, which may well be about them
_ADDRESSING = re.compile(r"\b(?:you|your|yourself|i|my|me|we|our|us)\b", re.I)  # what asks about the conversation
TEMPERATURE = 0.3  # of free talk; the seed makes it repeatable
_ALONE = "You are a helpful assistant that runs offline on the user's own computer. Answer briefly."
CAUTION = 0.1  # as much nearer to what is harmless must a message be to be answered without a source


@dataclass(frozen=True, slots=True)
class Topic:
    """What a message may be about."""

    name: str
    reply: str  # with places for the questions and the sources of the conversation
    courtesy: bool  # it asks nothing, so that it is no question about sources either
    examples: tuple[str, ...]  # how people put it; empty if rules tell it


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """What the conversation holds that a reply may name: earlier messages, and the names of the sources."""

    asked: Sequence[str] = ()
    attached: Sequence[str] = ()

    def fill(self, reply: str) -> str:
        """A reply with what it names."""
        listed = "; ".join(f'"{message}"' for message in self.asked)
        asked = f"So far you wrote: {listed}." if self.asked else "You have asked nothing before."
        attached = f"Attached: {', '.join(self.attached)}." if self.attached else "Nothing is attached."
        return reply.replace("{asked}", asked).replace("{attached}", attached)


def topic(message: str, likeness: NearestExamples, *, sources: bool) -> Topic | None:
    """What a message is about, if it is no question that sources could answer.

    Args:
        message: as it was written or said.
        likeness: compares it with the examples; without an embedder only plain remarks are known.
        sources: whether any are attached; a question must then be like its examples almost word for word.
    """
    talk = _read()
    asking = asks(message)
    if sources and asking and len(message.split()) > MOST_REMARKED and not _ADDRESSING.search(message):
        return None
    if not split_message(message)[1]:
        return talk.topics["statement"]
    questions = (*talk.questions, *talk.risky, *talk.harmless)
    examples = {"": questions} | {one.name: one.examples for one in talk.topics.values() if one.examples}
    near = likeness.near(message, examples)
    found = talk.topics.get(max(near, key=lambda name: near[name]) if near else "")
    if found is not None and near[found.name] >= max(LIKE, near[""] + MARGIN):
        known = not sources or (found.courtesy and not asks(message)) or near[found.name] >= CERTAIN
        return found if known else None
    return talk.topics["nothing asked"] if is_remark(message) else None


def reply(
    message: str, said: ConversationContext, likeness: NearestExamples, free: Callable[[], Iterator[str]] | None
) -> tuple[Route, Iterable[str]] | None:
    """The reply to a message that no source answers, and its route; None if sources may answer it.

    `free` begins free talk; None if that is off.
    """
    about = topic(message, likeness, sources=bool(said.attached))
    if about is not None:
        return talk_route(), [said.fill(about.reply)]
    if said.attached:
        return None
    if free is None:
        return declined_route(), [DECLINED]
    return (declined_route(), [RISKY]) if _is_risky(message, likeness) else (free_route(), free())


def free_talk(message: str, engine: Callable[[], Engine], likeness: NearestExamples, seed: int) -> Iterator[str]:
    """Sentences of the language model without any source, without citations; they end before a risky one.

    Without an embedder everything is risky. `seed` is of sampling.
    """
    pieces = engine().stream(
        free_talk_prompt(message), max_tokens=ANSWER_TOKENS.now, temperature=TEMPERATURE, seed=seed
    )
    for sentence in sentences(pieces):
        if _is_risky(sentence, likeness):
            yield RISKY
            return
        if bare := re.sub(rf"\s*{CITATION.pattern}", "", sentence).strip():
            yield bare


def free_talk_prompt(message: str) -> list[Message]:
    """The prompt of free talk."""
    return [Message(Role.SYSTEM, _ALONE), Message(Role.USER, message)]


def example_texts() -> tuple[str, ...]:
    """All that messages are compared with."""
    talk = _read()
    topics = (example for one in talk.topics.values() for example in one.examples)
    return (*talk.questions, *talk.risky, *talk.harmless, *topics)


def prepare(embedder: Embedder) -> int:
    """Compute the missing vectors of all examples that messages are compared with; returns the number of examples."""
    return len(embedder.known(example_texts()))


def _is_risky(text: str, likeness: NearestExamples) -> bool:
    """Whether a text is about doses, law, money or safety, in doubt too."""
    talk = _read()
    near = likeness.near(text, {"risky": talk.risky, "harmless": talk.harmless})
    return not near or near["harmless"] < near["risky"] + CAUTION


@dataclass(frozen=True, slots=True)
class _Talk:
    """rules/talk.toml."""

    questions: tuple[str, ...]
    risky: tuple[str, ...]
    harmless: tuple[str, ...]
    topics: Mapping[str, Topic]


@cache
def _read() -> _Talk:
    found = tomllib.loads((files(rules) / "talk.toml").read_text(encoding="utf-8"))
    topics = (
        Topic(one["name"], one["reply"], one.get("courtesy", False), tuple(one.get("examples", ())))
        for one in found["topics"]
    )
    questions, risky, harmless = (tuple(found[key]) for key in ("questions", "risky", "harmless"))
    return _Talk(questions, risky, harmless, {one.name: one for one in topics})


NEAREST = 3  # examples of one meaning that decide together


def nearness(cosines: Iterable[float]) -> float:
    """How near a text is to a meaning: the mean cosine of the nearest of its examples, of which there is at least one.

    >>> nearness([0.1, 0.9, 0.6, 0.3])
    0.6
    """
    best = sorted(cosines)[-NEAREST:]
    return sum(best) / len(best)


class NearestExamples:
    """Compares texts with examples. Without an embedder nothing is like anything.

    Args:
        embedder: opens the sentence embedder, where there is one.
        examples: all that texts are compared with; cosines are taken from their middle.
    """

    def __init__(self, embedder: Callable[[], Embedder | None], examples: tuple[str, ...]) -> None:
        self._embedder = embedder
        self._examples = examples

    def near(self, text: str, groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """How near a text is to each group of examples; empty without an embedder."""
        embedder = self._embedder()
        if embedder is None:
            return {}
        known, middle = _center(embedder, self._examples)
        cosines = dict(zip(self._examples, (known @ _unit(embedder.embed([text]) - middle)[0]).tolist(), strict=True))
        return {name: nearness(cosines[example] for example in examples) for name, examples in groups.items()}


@lru_cache(maxsize=8)
def _center(embedder: Embedder, examples: tuple[str, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The vectors of examples from their middle, each of length 1, and the middle."""
    known = embedder.known(examples)
    middle: NDArray[np.float32] = known.mean(axis=0)
    return _unit(known - middle), middle


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-6)
    return vectors / lengths
