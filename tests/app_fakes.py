"""A scripted worker for the app's screens, and answers made in memory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.message import Message

from edge_assistant.core.answer import Agreement, Answer, Computation, ModelUsed, Route, Status, Timings, Told, Verdict
from edge_assistant.core.evidence import Evidence, Field, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal
from edge_assistant.history.saved import Unsent
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options
from edge_assistant_tui.work import Work

BOX = Locator(box=(92, 662, 455, 47))
TAKEN = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


class ScriptedWork(Work):
    """Records what it is asked; the test posts the messages. It computes nothing and has no thread.

    Attributes:
        asked: (method, arguments) of each call.
        busy: what `running` says.
        noted: what was to be kept of what is typed.
    """

    def __init__(self, post: Callable[[Message], Any], options: Options) -> None:
        super().__init__(post, options)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.busy = False
        self.noted: list[Unsent] = []

    @property
    def running(self) -> bool:
        return self.busy

    def note(self, unsent: Unsent) -> None:
        self.noted.append(unsent)

    def start(self) -> None:
        self.asked.append(("start", ()))

    def close(self, *, ended: bool = True) -> None:
        self.asked.append(("close", ()))

    def stop(self) -> None:
        self.asked.append(("stop", ()))

    def calls(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of a method."""
        return [arguments for method, arguments in self.asked if method == name]


def _recording(name: str) -> Callable[..., None]:
    def method(self: ScriptedWork, *arguments: Any) -> None:
        self.asked.append((name, arguments))

    return method


for _name, _method in inspect.getmembers(Work, inspect.isfunction):
    if not _name.startswith("_") and _name not in vars(ScriptedWork):
        setattr(ScriptedWork, _name, _recording(_name))


def app(**options: Any) -> tuple[EdgeAssistant, ScriptedWork]:
    """The app over a scripted worker."""
    made = EdgeAssistant(Options(**options))
    made.work = work = ScriptedWork(made.conversation.post_message, made.options)
    return made, work


def signal(id: str, name: str, path: Path | None = None, data: bytes | None = None) -> Signal:
    """A signal of the kind that its id says."""
    kind = Kind(id.partition(":")[0])
    return Signal(id, kind, Origin.FILE, name, "0" * 64, TAKEN, path, data)


FORM = signal("image:1", "form.jpg")
NOTE = signal("audio:1", "note.wav")
VITALS = signal("readings:1", "vitals.csv")


def conflict() -> Answer:
    """An answer with two sides."""
    return Answer(
        question="What is the patient allergic to?",
        text="The signals contradict each other: the picture says none [E1]; the recording says penicillin [E2].",
        status=Status.CONFLICT,
        route=Route("cross-signal", ("whisper-base",), "2 signals are compared; code answered"),
        signals=(FORM, NOTE),
        evidence=(
            Evidence(
                "E1", "image:1", "Allergies: none", 0.99, Locator(box=(92, 662, 455, 47)), Field("Allergies", "none")
            ),
            Evidence("E2", "audio:1", "I am allergic to penicillin.", 0.8, Locator(seconds=(4.1, 6.3)), Passage()),
        ),
        verdicts=(Verdict("allergy", None, Agreement.CONFLICT, (Told("none", ("E1",)), Told("penicillin", ("E2",)))),),
        citations=("E1", "E2"),
        timings=Timings(total_s=1.9),
        models=(ModelUsed("whisper-base", "0" * 64),),
    )


def computed() -> Answer:
    """An answer with a computation over rows."""
    return Answer(
        question="What was the highest temperature?",
        text="It was 38.4 degC [C1][E1], by the readings.",
        status=Status.SUPPORTED,
        route=Route("readings", (), "code computes over the rows"),
        signals=(VITALS,),
        evidence=(Evidence("E1", "readings:1", "temperature 38.4 degC", None, Locator(rows=(7, 7)), Passage()),),
        computed=(Computation("C1", "max(temperature)", "38.4 degC", ("E1",)),),
        citations=("E1",),
        timings=Timings(total_s=0.2, first_token_s=0.1, tokens_per_s=30.0),
    )
