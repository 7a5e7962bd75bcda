"""What workers tell the app; nothing else crosses from a thread to the screens."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from edge_assistant.core.errors import EdgeAssistantError, ModelError

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from edge_assistant.core.events import Event
    from edge_assistant.core.evidence import Evidence
    from edge_assistant.core.signals import Signal
    from edge_assistant.governance.policy.approval import Doubt
    from edge_assistant.history.store import Saved
    from edge_assistant_tui.halfblocks import HalfBlockPicture


@dataclass
class Ready(Message):
    """The models of the profile were looked for; `missing` are the names of those that are not in the store."""

    missing: tuple[str, ...]


@dataclass
class Taken(Message):
    """A signal is in the conversation; it will be perceived."""

    signal: Signal


@dataclass
class Doubted(Message):
    """What an answer rests on has to be confirmed by the person; a worker waits for it.

    Attributes:
        doubts: what the person is asked, one after the other.
        agreed: gets whether all is right; it is cancelled if nobody wants the answer any more.
    """

    doubts: Sequence[Doubt]
    agreed: Future[bool]


@dataclass
class Notice(Message):
    """Something that a person should know: one line of what happened, one of what to do.

    Attributes:
        timeout: seconds that it is shown; None for as long as others are.
    """

    message: str
    hint: str
    severity: SeverityLevel = "error"
    timeout: float | None = 10


@dataclass
class Removed(Message):
    """A signal is no longer in the conversation; it can be restored."""

    signal: Signal


@dataclass
class SignalTold(Message):
    """What happened while a signal is perceived."""

    event: Event


@dataclass
class PerceptionEnded(Message):
    """A turn perceives nothing more, whatever became of it."""


@dataclass
class TurnTold(Message):
    """What happened while a turn is answered; with `Answered` it is over."""

    turn: int
    event: Event


@dataclass
class TurnStopped(Message):
    """A turn was stopped by the person."""

    turn: int


@dataclass
class TurnFailed(Message):
    """A turn has no answer: what happened and what to do."""

    turn: int
    message: str
    hint: str


@dataclass
class Heard(Message):
    """What is said to the assistant.

    Attributes:
        text: the transcript.
        final: whether the person has ended; a partial one may still change.
        recording: the WAV of the utterance, where it is final.
    """

    text: str
    final: bool
    recording: bytes | None = None


@dataclass
class Looked(Message):
    """What was found in a picture that was taken and is not sent.

    Attributes:
        name: of the picture.
        evidence: what was found; its boxes are in the picture's pixels.
        error: why nothing could be, or empty.
    """

    name: str
    evidence: tuple[Evidence, ...]
    error: str = ""


@dataclass
class DeviceChanged(Message):
    """Something happened to a device that is kept.

    Attributes:
        device: `camera`, `microphone` or `voice`.
        number: of the switching on that it belongs to.
        change: `opened`, `lost`, `back`, `closed` or `failed`.
        text: the device's name, or what is wrong and what to do.
    """

    device: str
    number: int
    change: str
    text: str


@dataclass
class Pictured(Message):
    """The next picture of the camera's preview."""

    picture: HalfBlockPicture


@dataclass
class Loud(Message):
    """How loud it is at the microphone, in dBFS, and whether somebody is speaking."""

    dbfs: float
    speaking: bool


@dataclass
class SpeechBegan(Message):
    """Somebody has begun to speak to the assistant."""


@dataclass
class SpeechWentOn(Message):
    """They go on speaking."""


@dataclass
class SpeechEnded(Message):
    """They have finished; what they said is written down, unless it was nothing."""

    nothing: bool = False


@dataclass
class Interrupted(Message):
    """Somebody speaks while the assistant does."""


@dataclass
class Unfinished(Message):
    """A conversation that the last run did not end is there to be restored."""

    saved: Saved


@dataclass
class ConversationClosed(Message):
    """Nothing more follows of a conversation that was left for a new one."""


@dataclass
class ConversationResumed(Message):
    """An earlier conversation goes on; its signals follow one by one."""

    saved: Saved


@dataclass
class PullSaid(Message):
    """How far the pull of a model or profile is."""

    name: str
    line: str


@dataclass
class PullEnded(Message):
    """A pull is over: all is there, or what hindered it and what to do."""

    name: str
    done: bool
    message: str
    hint: str


def hint(error: EdgeAssistantError) -> str:
    """What to do about an error; models are at hand here."""
    return f"press F9 for the models, or {error.hint}" if isinstance(error, ModelError) else error.hint
