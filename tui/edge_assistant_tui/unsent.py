"""What is perceived in what is not a signal yet: a picture that was taken, speech that is written down.

It goes the way of every signal, under the name that it will have; once it is sent, all is recalled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_assistant.assistant import Assistant
    from edge_assistant.events import Event
    from edge_assistant.evidence import Evidence
    from edge_assistant.signals import Signal


def picture(
    assistant: Assistant, data: bytes, name: str, language: str | None, wanted: Callable[[], bool]
) -> tuple[Evidence, ...]:
    """What is found in a picture.

    Raises:
        Stopped: it is not wanted any more, or all was stopped.
        InputError, ModelError: as `Assistant.perceive`.
    """
    from edge_assistant.signals import Kind, Origin, take_bytes

    return _perceived(assistant, take_bytes(data, Kind.IMAGE, 0, origin=Origin.CAMERA, name=name), language, wanted)


def speech(assistant: Assistant, samples: Any, language: str | None) -> tuple[str, bytes]:  # noqa: ANN401 - f32 [n]
    """What is said in samples at 16 kHz, and their WAV.

    Raises:
        Stopped: all was stopped.
        InputError, ModelError: as `Assistant.perceive`.
    """
    from edge_assistant.devices.microphone import to_wav
    from edge_assistant.signals import SAID, Kind, Origin, take_bytes

    recording = to_wav(samples)
    signal = take_bytes(recording, Kind.AUDIO, 0, origin=Origin.MICROPHONE, name=SAID)
    found = _perceived(assistant, signal, language, lambda: True)
    return " ".join(item.text for item in found), recording


def forget(assistant: Assistant, data: bytes) -> None:
    """Forget what was perceived in bytes that did not become a signal."""
    import hashlib

    assistant.recall.forget(hashlib.sha256(data).hexdigest())


def _perceived(
    assistant: Assistant, signal: Signal, language: str | None, wanted: Callable[[], bool]
) -> tuple[Evidence, ...]:
    from edge_assistant.errors import Stopped
    from edge_assistant.events import Perceived

    found: list[Evidence] = []

    def watch(event: Event) -> None:
        if not wanted():
            raise Stopped("it is not wanted any more", "take another one")
        if isinstance(event, Perceived):
            found.extend(event.evidence)

    assistant.perceive(signal, watch, language)
    return tuple(found)
