"""What is perceived in what is not a signal yet: a picture that was taken.

It goes the way of every signal, under the name that it will have; once it is sent, all is recalled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.message import Message

from edge_assistant.core.errors import EdgeAssistantError, Stopped
from edge_assistant_tui import messages

if TYPE_CHECKING:
    from edge_assistant.core.events import Event
    from edge_assistant.core.evidence import Evidence
    from edge_assistant.session.assistant import Assistant


def look(
    post: Callable[[Message], Any],
    assistant: Callable[[], Assistant],
    data: bytes,
    name: str,
    language: str | None,
    wanted: Callable[[], bool],
) -> None:
    """Tell what is found in a picture, or why nothing is; nothing where it is not wanted any more."""
    if not wanted():
        return
    try:
        found = picture(assistant(), data, name, language, wanted)
    except Stopped:
        pass
    except EdgeAssistantError as error:
        post(messages.Looked(name, (), str(error)))
    except Exception:
        post(messages.Looked(name, (), "a fault of ours - take another one; the log has the details"))
        raise
    else:
        post(messages.Looked(name, found))


def picture(
    assistant: Assistant, data: bytes, name: str, language: str | None, wanted: Callable[[], bool]
) -> tuple[Evidence, ...]:
    """What is found in a picture.

    Raises:
        Stopped: it is not wanted any more, or all was stopped.
        InputError, ModelError: as `Assistant.perceive`.
    """
    from edge_assistant.core.signals import Kind, Origin, take_bytes

    def watch(event: Event) -> None:
        if not wanted():
            raise Stopped("it is not wanted any more", "take another one")

    signal = take_bytes(data, Kind.IMAGE, 0, origin=Origin.CAMERA, name=name)
    return assistant.perceive(signal, watch, language)
