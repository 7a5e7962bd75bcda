"""The app while a test plays it: over a scripted worker, with devices that are files, as a kiosk, or as a whole."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Agreement, Answer, Computation, ModelUsed, Route, Status, Timings, Told, Verdict
from edge_assistant.core.evidence import Evidence, Field, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal
from edge_assistant.governance.policy import pin
from edge_assistant.governance.policy.approval import Doubt
from edge_assistant.history.conversations import Unsent
from edge_assistant.perception.live import Endpointer
from edge_assistant_models.model import InstalledModel
from edge_assistant_tui import messages
from edge_assistant_tui.app import EdgeAssistant
from edge_assistant_tui.options import Options
from edge_assistant_tui.screens.conversation import ConversationScreen
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.screens.visitor import Attract
from edge_assistant_tui.terminal import Terminal
from edge_assistant_tui.widgets.capture import Capture
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.signals import SignalEntry, SignalList
from edge_assistant_tui.widgets.status import StatusBar
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.work import Work

BOX = Locator(box=(92, 662, 455, 47))
TAKEN = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


class ScriptedWork(Work):
    """Records what it is asked; the test posts the messages. It computes nothing and has no thread.

    Attributes:
        asked: (method, arguments) of each call.
        noted: what was to be kept of what is typed.
    """

    def __init__(self, post: Callable[[Message], Any], options: Options) -> None:
        super().__init__(post, options)
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.noted: list[Unsent] = []

    def note(self, unsent: Unsent) -> None:
        self.noted.append(unsent)

    def start(self) -> None:
        self.asked.append(("start", ()))

    def close(self, *, ended: bool = True) -> None:
        self.asked.append(("close", ()))

    def stop(self) -> None:
        self.asked.append(("stop", ()))

    def begin(self) -> None:
        self.asked.append(("begin", ()))
        self._post(messages.ConversationClosed())

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


ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BOTTLES = EXAMPLES / "line/camera.jpg"
COUNTED = ROOT / "tests/fixtures/speech/bottles.wav"
PATIENCE = 240.0  # seconds until a test gives up; nothing is asserted on how long anything took
POLL_S = 0.02

PIN = "147258"
HASH = pin.hashed(PIN, cost=1024)
KIOSK = f'[roles]\npin = "{HASH}"\nvisitor = ["ask"]\n'
PENICILLIN = Doubt(
    "penicillin", "allergy", Evidence("E2", "audio:1", "Penicillin.", 0.81, Locator(seconds=(4.1, 6.3)), Passage())
)


def shown(widget: Widget) -> str:
    """The text of a widget."""
    return str(widget.render())


class Stage:
    """The app, its worker and the pilot that presses keys."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        self.app: EdgeAssistant = pilot.app  # type: ignore[assignment]
        self.pilot = pilot

    @property
    def work(self) -> ScriptedWork:
        """The worker; `Whole` has the real one."""
        return self.app.work  # type: ignore[return-value]

    @property
    def screen(self) -> Screen[Any]:
        """The screen on top."""
        return self.app.screen

    @property
    def talk(self) -> ConversationScreen:
        """The conversation's screen."""
        return self.app.conversation

    @property
    def prompt(self) -> Prompt:
        """Where a question is typed."""
        return self.talk.query_one(Prompt)

    @property
    def capture(self) -> Capture:
        """Camera, microphone and voice."""
        return self.talk.query_one(Capture)

    @property
    def devices(self) -> dict[str, str]:
        """What the line at the top says of the devices."""
        bar = self.talk.query_one(StatusBar)
        return {"microphone": bar.microphone, "camera": bar.camera, "voice": bar.voice}

    @property
    def role(self) -> str:
        """Who the line at the top says is there."""
        return self.talk.query_one(StatusBar).role

    @property
    def toasts(self) -> list[str]:
        """What was notified, title and text."""
        return [f"{toast.title} {toast.message}".strip() for toast in self.app._notifications]

    @property
    def turns(self) -> list[Turn]:
        """The turns on the screen."""
        return list(self.talk.query(Turn))

    @property
    def entries(self) -> tuple[SignalEntry, ...]:
        """The signals in the list."""
        return self.talk.query_one(SignalList).entries

    def turn(self, number: int = 1) -> Turn:
        """One of them."""
        return self.talk.query_one(f"#turn-{number}", Turn)

    async def press(self, *keys: str) -> None:
        """Press keys and wait until what they began in threads is shown."""
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if character == " " else character for character in text))

    async def burst(self, *keys: str) -> None:
        """Have keys come while the app does something else: all before the first one is handled."""
        self.post_keys(*keys)
        await self.settle()
        await self.app._input_order._waiting.join()
        await self.settle()

    def post_keys(self, *keys: str) -> None:
        """Have keys come, and wait for nothing."""
        for key in keys:
            character = key if len(key) == 1 else None
            self.app.post_message(events.Key("space" if key == " " else key, character))

    async def tell(self, *told: Message) -> None:
        """Post what a worker would, and wait until it is shown."""
        for message in told:
            self.talk.post_message(message)
        await self.settle()

    async def ask(self, text: str) -> None:
        """Send a text as it is in the prompt at once."""
        self.prompt.put(text)
        await self.press("enter")

    async def arrive(self) -> None:
        """Begin as a visitor, if one is waited for."""
        if self.app.policy.roles and not self.app.policy.unlocked:
            await self.until(lambda: isinstance(self.screen, Attract), "that a visitor is waited for")
            await self.press("enter")

    async def unlock(self, typed: str = PIN) -> None:
        """Try to become the operator."""
        await self.press("ctrl+t")
        await self.type(typed)
        await self.press("enter")
        await self.until(lambda: not isinstance(self.screen, Operator) or "not the PIN" in self.said("#about"), "so")
        await self.settle()

    async def settle(self) -> None:
        """Wait for what goes on in threads, and until what it told is shown."""
        await self.pilot.pause()
        await self.until(lambda: not any(one.is_running and one._thread_worker for one in self.app.workers), "threads")
        await self.pilot.pause()

    async def until(self, so: Callable[[], Any], what: str = "it") -> None:
        """Let the app go on until something is so."""
        end = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < end, f"waited in vain: {what}; {self.devices}; {self.entries}; {self.toasts}"
            await self.pilot.pause(POLL_S)

    def said(self, selector: str) -> str:
        """The text of a widget of the screen on top."""
        return shown(self.screen.query_one(selector, Static))


class IdleClock:
    """Time that a test lets pass for the policy and the roles."""

    def __init__(self) -> None:
        self._now: float | None = None

    async def passes(self, stage: Stage, seconds: float) -> None:
        """Let time pass, at first since somebody did something last, and have the app look at it."""
        if self._now is None:  # whole seconds, else a sum may be less or more than what it is compared with
            self._now = stage.app.roles._last = float(math.ceil(stage.app.roles._last))
        self._now += seconds
        stage.app.roles._clock = stage.app.policy._clock = lambda: self._now or 0.0
        await stage.app.roles.look()
        await stage.settle()


@asynccontextmanager
async def play(
    size: tuple[int, int] = (80, 24), terminal: Terminal | None = None, *, arrived: bool = True, **options: Any
) -> AsyncIterator[Stage]:
    """The app over a scripted worker while it runs.

    Args:
        size: columns and rows.
        terminal: what it can draw.
        arrived: whether a visitor is there, if one is waited for.
        options: of the app.
    """
    made, _ = app(**options)
    made.NOTIFICATION_TIMEOUT = 3600.0  # that is left when it is looked at, however busy the machine is
    if terminal is not None:
        made.terminal = terminal
    async with made.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        stage = Stage(pilot)
        if arrived:
            await stage.arrive()
        yield stage


class Whole(Stage):
    """The app with its real worker."""

    async def rest(self) -> None:
        """Until nothing is computed and all is shown."""
        await self.until(lambda: not self.work.running, "the worker's rest")
        for _ in range(3):
            await self.pilot.pause()

    async def attach(self, *paths: Path) -> None:
        """As if they were pasted, each; until they are perceived."""
        for path in paths:
            self.prompt.put(str(path))
            await self.pilot.press("enter")
        await self.rest()

    async def answer(self, text: str) -> Turn:
        """Send a question, and wait until its turn is over."""
        self.prompt.put(text)
        await self.pilot.press("enter")
        turn = self.turns[-1]
        await self.until(lambda: turn.over, text)
        await self.rest()
        return turn

    def part(self, turn: Turn, selector: str) -> str:
        """The text of a part of a turn."""
        return shown(turn.query_one(selector))


@asynccontextmanager
async def whole(size: tuple[int, int] = (100, 32), **options: Any) -> AsyncIterator[Whole]:
    """The app with the models of the profile `test` while it runs."""
    made = EdgeAssistant(Options(**{"profile": "test", "language": "en", **options}))
    made.NOTIFICATION_TIMEOUT = 3600.0
    async with made.run_test(size=size, notifications=True) as pilot:
        stage = Whole(pilot)
        await stage.rest()
        yield stage


class Senses:
    """What a scripted worker's assistant opens: a real endpointer, a voice that hums."""

    rate = 16_000

    def __init__(self, models: Callable[[str], InstalledModel], seconds: float = 0.3) -> None:
        self._installed = models
        self.said: list[str] = []
        self._seconds = seconds

    @property
    def models(self) -> Senses:
        return self

    def endpointer(self) -> Endpointer:
        return Endpointer(self._installed("vad"), Runtime(1))

    def voice(self) -> Senses:
        return self

    def speak(self, text: str) -> Iterator[NDArray[np.float32]]:
        """A hum for each text."""
        self.said.append(text)
        times = np.arange(round(self._seconds * self.rate)) / self.rate
        yield (0.2 * np.sin(440 * np.pi * times)).astype(np.float32)

    def stop(self) -> None:
        """Nothing takes long here."""
