"""What a resident keeps from one question to the next, and how it gets it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from edge_assistant.cli import _conversations
from edge_assistant.cli._conversations import Conversations
from edge_assistant.compute.runtime import Runtime
from edge_assistant.compute.scheduling.memory import Residency
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.events import Event
from edge_assistant.core.signals import SAMPLE_RATE, Kind, Origin, Signal, take_bytes
from edge_assistant.governance.policy.policy import Policy, current
from edge_assistant.perception.senses.speech import SpeechSense
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.portfolio import Portfolio

if TYPE_CHECKING:
    from edge_assistant.reasoning.rules.vocabulary import Vocabulary
    from edge_assistant.vault.vault import Vault

_READINGS = b"time,temperature [degC]\n2026-01-01T00:00:00Z,20.5\n2026-01-01T00:01:00Z,21\n"
_TEXT = "Allergies: none. Total: 12.50 EUR."

_log = logging.getLogger(__name__)


class Warm:
    """What is kept.

    Attributes:
        runtime: that all of it computes with.
        residency: senses and models; what they perceive is not kept here, but sealed on the disk by every command.
        conversations: of clients of the gateway.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Begin with nothing."""
        self.runtime = runtime
        self.residency = Residency(0)  # as much as the first question's profile needs
        self.conversations = Conversations()
        self._words: Vocabulary | None = None

    def relieve(self) -> bool:
        """Let go of what has become old, and free memory if the machine is short of it; False if nothing is left."""
        self.conversations.expire()
        for item in self.residency.loaded:
            if isinstance(sense := self.residency.peek(item.key), SpeechSense):
                sense.forget(time.monotonic() - _conversations.LATELY_S)
        return self.residency.relieve()

    def vocabulary(self, read: Vocabulary | None) -> Vocabulary | None:
        """The words of a domain, as the question before had them where they are the same: much is made of them once."""
        if read is None or self._words is None or vars(read) != vars(self._words):
            self._words = read
        return self._words


def get_ready(kept: Warm, profile: str, words: Vocabulary | None, caches: Vault | None) -> EdgeAssistantError | None:
    """Load the models of a profile, and compute with each once, over small things that are made here.

    What cannot be used stays cold: whoever asks for it is told.

    Returns:
        The first error by which something stays cold.
    """
    allowed = Policy(current().rules, current().file)  # one that records nothing, as nobody asked
    try:
        assistant = Assistant(
            Portfolio(),
            profile,
            vocabulary=kept.vocabulary(words),
            policy=allowed,
            caches=caches,
            runtime=kept.runtime,
            residency=kept.residency,
        )
    except EdgeAssistantError as error:
        _log.warning("the resident stays cold: %s", error)
        return error
    tried = [_tried(partial(assistant.perceive, signal, _ignore)) for signal in _signals()]
    tried.append(_tried(assistant.prepare))
    tried.append(_tried(partial(assistant.check, list(_texts()), _ignore)))
    tried.append(_tried(partial(assistant.ask, "How much was it?", list(_texts()), _ignore)))
    return next((error for error in tried if error is not None), None)


def _tried(do: Callable[[], object]) -> EdgeAssistantError | None:
    try:
        do()
    except EdgeAssistantError as error:
        _log.info("the resident does without: %s", error)
        return error
    return None


def _ignore(event: Event) -> None:
    """Nobody watches."""


def _signals() -> Iterator[Signal]:
    """One of each kind that has models."""
    for kind, data in ((Kind.IMAGE, _picture()), (Kind.AUDIO, _sound()), (Kind.READINGS, _READINGS)):
        yield take_bytes(data, kind, 1, origin=Origin.USER, name="of the resident")


def _texts() -> Iterator[Signal]:
    for number in (1, 2):
        yield take_bytes(_TEXT.encode(), Kind.TEXT, number, origin=Origin.USER, name="of the resident")


def _picture() -> bytes:
    """A page with a line on it."""
    import cv2
    import numpy as np

    page = np.full((480, 640, 3), 255, np.uint8)
    cv2.putText(page, _TEXT, (20, 240), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2)
    return bytes(cv2.imencode(".png", page)[1])


def _sound() -> bytes:
    """A second of noise."""
    import numpy as np

    from edge_assistant.devices.microphone import to_wav

    return to_wav(np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32))
