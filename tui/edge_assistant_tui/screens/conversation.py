"""The conversation: signals at the side, turns in the middle, the prompt below; it owns what is shown."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import AwaitMount

from edge_assistant.core import limits
from edge_assistant.core.answer import Failure
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.events import Answered, Compared, Failed, Perceived, Said
from edge_assistant_tui import citation_links, messages
from edge_assistant_tui.screens.citations import Citing
from edge_assistant_tui.screens.devices import DeviceScreen
from edge_assistant_tui.screens.text_entry import Typed
from edge_assistant_tui.widgets import restore
from edge_assistant_tui.widgets.camera import CameraView
from edge_assistant_tui.widgets.capture import Capture
from edge_assistant_tui.widgets.end_button import EndButton
from edge_assistant_tui.widgets.keys import Keys
from edge_assistant_tui.widgets.live_readings import Following
from edge_assistant_tui.widgets.prompt import PATHS, Prompt
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.status import StatusBar
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.widgets.welcome import Welcome

if TYPE_CHECKING:
    from edge_assistant.core.events import Event
    from edge_assistant.core.signals import Signal

MAX_TURNS = limits.TURNS.value
UNDO_S = 10.0  # that a removal is shown, and Ctrl+Z means it
MAX_REMOVED = 20  # signals that can be brought back; each may hold a picture
NARROW = 100  # columns below which the side list is slim
STACKED = 60  # columns below which it stands above the turns


class ConversationScreen(Typed, Citing, DeviceScreen):
    """One conversation over all signals."""

    CSS_PATH = "conversation.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", priority=True),
        Binding("escape", "back", "Back to the prompt", priority=True, show=False),
        Binding("f3", "talk", "Talk"),
        Binding("f4", "hands_free", "Hands-free", show=False),
        Binding("f5", "camera", "Camera"),
        Binding("f7", "check", "Compare"),
        Binding("f12", "voice", "Voice", show=False),
        Binding("ctrl+r", "retry", "Ask again", show=False),
        Binding("ctrl+z", "undo", "Undo", show=False),
        Binding("ctrl+y", "copy_answer", "Copy answer", show=False),
        Binding("ctrl+n", "new", "New", show=False),
        Binding("ctrl+l", "signals", "Signals", show=False),
        Binding("ctrl+g", "sources", "Sources", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._removed: deque[Signal] = deque(maxlen=MAX_REMOVED)
        self._removed_at = 0.0  # monotonic seconds, of the last one
        self._turns = 0
        self._live: set[int] = set()

    def compose(self) -> ComposeResult:
        """The parts."""
        self.on_resize()  # before there are parts, which would all be styled anew
        yield StatusBar(id="status")
        with Horizontal(id="middle"):
            yield SignalList(id="signals")
            with Vertical(id="talk"):
                yield Capture(id="capture")
                yield VerticalScroll(Welcome(), id="turns", can_focus=False)
        yield Following()
        with Horizontal(id="ask"):
            yield Prompt(id="prompt")
            yield EndButton()
        yield Keys(show_command_palette=False)

    def on_mount(self) -> None:
        """Typing goes into the prompt."""
        self.query_one(Prompt).focus()

    @property
    def answering(self) -> bool:
        """Whether an answer is being made."""
        return bool(self._live)

    def on_resize(self) -> None:
        """The side list is slim on a narrow terminal, and above the turns on a very narrow one."""
        width = self.app.size.width
        self.update_classes({"narrow": width < NARROW, "stacked": width < STACKED})

    # What the person does

    @on(Prompt.Sent)
    async def _told_sent(self, event: Prompt.Sent) -> None:
        if (id := citation_links.named(event.text)) is not None:
            self.open_source(id)
            return
        if self.app.roles.refuses("ask"):
            self.query_one(Prompt).put(event.text)
            return
        self.capture.send()  # a picture that was taken goes with the question
        await self.ask(event.text, event.recording)

    @on(Prompt.Changed)
    def _told_typed(self, event: Prompt.Changed) -> None:
        text = event.text_area.text
        self.query_one(CameraView).worded = bool(text.strip())
        self.note_soon()
        if text and not text.startswith(PATHS) and not _is_device(text):
            self.app.work.typing()

    @on(Prompt.Dropped)
    def _told_dropped(self, event: Prompt.Dropped) -> None:
        if self.app.roles.refuses("attach"):
            return
        for path in event.paths:
            self.app.work.attach(path)

    @on(Prompt.Unsent)
    def _told_unsent(self, event: Prompt.Unsent) -> None:
        self.app.work.forget(event.recording)

    @on(Prompt.Port)
    def _told_port(self, event: Prompt.Port) -> None:
        if self.app.roles.refuses("follow"):
            return
        try:
            self.query_one(Following).open(event.text)
        except EdgeAssistantError as error:
            self.notify(error.hint, title=error.message, severity="error", markup=False)

    @on(SignalList.Unwanted)
    def _told_unwanted(self, event: SignalList.Unwanted) -> None:
        self.app.work.remove(event.signal.id)

    @on(SignalList.Wanted)
    def _told_wanted(self, event: SignalList.Wanted) -> None:
        from edge_assistant_tui.screens.signal import SignalScreen

        self.app.push_screen(SignalScreen(event.entry))

    async def ask(self, text: str | None, recording: bytes | None = None) -> None:
        """Begin a turn; without a text the signals are compared."""
        if self.app.roles.refuses("check" if text is None else "ask"):
            return
        self.app.roles.stay()
        begun = self._begin(text)
        self.note()
        self.app.work.ask(self._turns, text, recording)  # at once: who begins anew meanwhile leaves it behind
        await begun
        self._scroll()

    async def action_check(self) -> None:
        """Compare the signals without a question."""
        await self.ask(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to stop where nothing is answered."""
        return self.answering if action == "stop" else super().check_action(action, parameters)

    def action_back(self) -> None:
        """Escape while nothing is answered."""
        self.action_stop()

    def action_stop(self) -> None:
        """Stop what is computed and spoken, at once."""
        dropped = self.capture.escape()
        if self._live:
            self.app.work.stop()
        elif dropped:
            pass
        elif not self.query_one(Prompt).has_focus:
            self.query_one(Prompt).focus()
        else:
            self.query_one(Prompt).put_aside()

    async def action_retry(self) -> None:
        """Ask the last question again, over the signals as they are now."""
        if (last := self._last()) is not None:
            await self.ask(last.question)

    def action_edit(self) -> None:
        """Put the last question back into the prompt."""
        if (last := self._last()) is not None and last.question is not None:
            self.query_one(Prompt).put(last.question)
            self.query_one(Prompt).focus()

    def action_undo(self) -> None:
        """Put back a removed signal while its removal is shown, or where nothing is typed; else undo typing."""
        shown = self._removed and monotonic() - self._removed_at < UNDO_S
        if self.query_one(Prompt).text and not shown:
            self.query_one(Prompt).undo()
        else:
            self.bring_back()

    def bring_back(self) -> None:
        """Put back the signal that was removed last."""
        if self._removed:
            self.app.work.restore([self._removed.pop()])
        else:
            self.notify("Nothing was removed.")

    async def action_new(self) -> None:
        """Begin anew, where a visitor is there for the next one; the operator's conversation stays in the history."""
        if self.app.policy.unlocked:
            await self.begin_anew()
        else:
            await self.app.roles.end()

    async def begin_anew(self) -> None:
        """Begin a new conversation."""
        typed = "" if self.app.policy.roles else self.query_one(Prompt).text
        self.note()
        self.app.work.stop()
        self.app.work.begin()
        self.leaving, self.began = self.leaving + 1, monotonic()
        await self.empty()
        self.query_one(Prompt).put(typed)

    def action_signals(self) -> None:
        """Go to the list of signals."""
        self.query_one(SignalList).focus()

    def action_page(self, pages: int) -> None:
        """Look at earlier or later turns."""
        turns = self.query_one("#turns", VerticalScroll)
        turns.scroll_relative(y=pages * max(1, turns.size.height - 2), animate=False)

    async def empty(self) -> None:
        """Show nothing of what was."""
        self._removed.clear()
        self._live.clear()
        self._busy()
        self.query_one(SignalList).clear_all()
        self.query_one(Following).leave_all()
        self.query_one(Prompt).forget()
        for turn in self.query(Turn):
            await turn.close()
        await self.query_one("#turns").remove_children()
        await self.query_one("#turns").mount(Welcome())

    # What the worker tells

    @on(messages.Ready)
    def _told_ready(self, event: messages.Ready) -> None:
        for welcome in self.query(Welcome):
            welcome.missing = event.missing

    @on(messages.ConversationResumed)
    async def _told_resumed(self, event: messages.ConversationResumed) -> None:
        from edge_assistant.core.answer import Answer

        saved, typed = event.saved, self.query_one(Prompt).text
        restore.withdraw(self, saved.id)
        await self.empty()
        for turn in saved.turns[-MAX_TURNS:]:
            answer = Answer.from_json(turn.answer)
            await self._begin(answer.question or None)
            if (shown := self._turn(self._turns)) is not None:
                await shown.tell(Answered(answer))
        for question in saved.unanswered:
            await self._begin(question)
            if (waiting := self._turn(self._turns)) is not None:
                await waiting.unanswered()
        asked = tuple(str(turn.answer["question"]) for turn in saved.turns if turn.answer.get("question"))
        self.query_one(Prompt).bring(saved.unsent.draft, saved.unsent.inputs or asked)
        if typed:
            self.query_one(Prompt).put(typed)
        self._live.clear()
        self._busy()
        self._scroll()

    @on(messages.ConversationClosed)
    def _told_closed(self) -> None:
        self.leaving -= 1

    @on(messages.Taken)
    def _told_taken(self, event: messages.Taken) -> None:
        if self.leaving:
            return
        self.query_one(SignalList).take(event.signal)
        self.query_one(Following).take(event.signal)
        self._introduce()

    @on(messages.Removed)
    def _told_gone(self, event: messages.Removed) -> None:
        if self.leaving:
            return
        self.query_one(SignalList).drop(event.signal.id)
        self.query_one(Following).leave(event.signal.id)
        self._removed.append(event.signal)
        self._introduce()
        self._removed_at = monotonic()
        removed = self.app.gettext("{} is removed; Ctrl+Z brings it back.")
        self.notify(removed.format(event.signal.name), timeout=UNDO_S, markup=False)

    def _introduce(self) -> None:
        """Until something is asked, say what can be done with so many signals."""
        for welcome in self.query(Welcome):
            welcome.signals = len(self.query_one(SignalList).entries)

    @on(messages.SignalTold)
    def _told_signal(self, event: messages.SignalTold) -> None:
        self._perceived(event.event)

    def _perceived(self, event: Event) -> None:
        """What becomes of signals, also while a turn is answered."""
        self.query_one(SignalList).tell(event)
        match event:
            case Perceived(signal, _, _, _) | Failed(Failure(signal=signal)):
                self.query_one(Following).settled(signal)

    @on(messages.PerceptionEnded)
    def _told_ended(self) -> None:
        self.query_one(SignalList).end()

    @on(Following.Told)
    def _told_followed(self, event: Following.Told) -> None:
        self.query_one(SignalList).follow(event.signal, event.words)

    @on(messages.TurnTold)
    async def _told_turn(self, event: messages.TurnTold) -> None:
        if self.leaving:
            return
        told = event.event
        self._perceived(told)
        over = isinstance(told, Answered)
        turn = self._over(event.turn) if over else self._turn(event.turn)
        if turn is None:
            return
        await turn.tell(told)
        if over:
            self.call_after_refresh(self._show, turn)
        elif isinstance(told, Compared | Said):
            self._scroll()
        if isinstance(told, Said):
            self.capture.speak(told.text)

    @on(messages.TurnStopped)
    async def _told_stopped(self, event: messages.TurnStopped) -> None:
        if (turn := self._over(event.turn)) is not None:
            await turn.stopped()

    @on(messages.TurnFailed)
    async def _told_failed(self, event: messages.TurnFailed) -> None:
        if (turn := self._over(event.turn)) is not None:
            await turn.failed(event.message, event.hint)
            self.call_after_refresh(self._show, turn)

    @on(Capture.Spoke)
    async def _told_spoke(self, event: Capture.Spoke) -> None:
        if event.time < self.began:
            return  # somebody said it in the conversation before
        prompt = self.query_one(Prompt)
        if event.send and not prompt.text.strip():
            self.capture.send()
            await self.ask(event.text, event.recording)
        else:
            prompt.hear(event.text, event.recording)
            prompt.focus()

    def _begin(self, text: str | None) -> AwaitMount:
        """Begin the next turn, which is there at once and drawn once that is waited for."""
        turns = self.query_one("#turns", VerticalScroll)
        self.query(Welcome).remove()
        self._turns += 1
        self._live.add(self._turns)
        self._busy()
        begun = turns.mount(Turn(self._turns, text))
        for old in list(turns.query(Turn))[:-MAX_TURNS]:
            old.remove()
        return begun

    def _scroll(self) -> None:
        self.query_one("#turns", VerticalScroll).scroll_end(animate=False)

    def _show(self, turn: Turn) -> None:
        """A turn that is over, from its question on."""
        if turn.is_attached:
            self.query_one("#turns", VerticalScroll).scroll_to_widget(turn, top=True, animate=False)

    def _turn(self, number: int) -> Turn | None:
        found = self.query(f"#turn-{number}")
        return found.first(Turn) if found else None

    def _over(self, number: int) -> Turn | None:
        self._live.discard(number)
        self._busy()
        self.note_soon()
        return self._turn(number)

    def _busy(self) -> None:
        """Say at the top whether something is answered, wherever in the conversation one is."""
        self.query_one(StatusBar).activity = "answering" if self._live else ""
        self.refresh_bindings()


def _is_device(text: str) -> bool:
    """Whether a typed text names a device; devices are not imported for a text without a colon, at the first key."""
    if ":" not in text:
        return False
    from edge_assistant.devices import chosen

    return chosen.follows(text)
