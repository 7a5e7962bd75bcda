"""Who is at the keys: a visitor, or the operator until they lock the app or nothing is pressed for a while."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.screens.visitor import AnyKey, Attract, Countdown
from edge_assistant_tui.widgets.end_button import EndButton
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.status import StatusBar
from edge_assistant_tui.widgets.welcome import Welcome

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface
    from edge_assistant_tui.messages import Doubted
    from edge_assistant_tui.screens.conversation import ConversationScreen

KEY = "ctrl+t"
COUNTDOWN_S = 20.0  # before a session ends by itself, in which that is shown
_LOOK_S = 0.5  # between two looks at whether anybody is there


class Roles:
    """What the policy lets whoever is there do, and who that is; without roles it is one person who may do all."""

    def __init__(
        self, app: AppInterface, conversation: ConversationScreen, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare.

        Args:
            app: with the policy.
            conversation: is emptied when the operator or a visitor has gone.
            clock: seconds, for the time in which nobody does anything.
        """
        self._app, self._conversation, self._clock = app, conversation, clock
        self._last = clock()  # when somebody did something

    def start(self) -> None:
        """Show who is there, or wait for a visitor, and look when they have gone."""
        if self._app.policy.roles:
            self._app.bind(KEY, "operator", description="Operator", show=False)
            self._app.set_interval(_LOOK_S, self.look)
            self._show()
            if not self._app.policy.unlocked:
                self._wait()
                self.listen()

    def refuses(self, action: str) -> bool:
        """Whether the policy refuses something to whoever is there, which is said then."""
        try:
            self._app.policy.check_action(action)
        except EdgeAssistantError as error:
            self._app.notify(f"Ctrl+T: {error.hint}", title=error.message, severity="warning", markup=False)
            return True
        return False

    def stay(self) -> None:
        """Somebody does something, with their hands."""
        self._app.policy.touch()
        self._last = self._clock()

    def hear(self) -> None:
        """Somebody speaks, who may be anybody: that begins a visitor's session, or goes on with it, no operator's."""
        screen = self._app.screen
        if self._app.policy.unlocked or (isinstance(screen, Attract) and not screen.listens):
            return  # the latter were the last visitor's words
        self._last = self._clock()
        if isinstance(screen, AnyKey):
            screen.dismiss(True)

    def toggle(self) -> None:
        """Ask for the PIN, or lock."""
        if self._app.policy.unlocked:
            self.lock()
        elif not isinstance(self._app.screen, Operator):
            self._app.push_screen(Operator(), lambda _: self._show())

    def lock(self) -> None:
        """The operator is gone: a visitor has the conversation before them, and nothing else."""
        try:
            self._app.policy.lock()
        except EdgeAssistantError as error:  # it is locked, but that cannot be recorded
            self._app.notify(error.hint, title=error.message, severity="warning", markup=False)
        while self._app.screen is not self._conversation:
            self._app.screen.dismiss(None)
        if not self._app.policy.may("history"):
            self._conversation.query(Restore).remove()
        self._show()

    def confirm(self, asked: Doubted) -> None:
        """Ask the person about each value that an answer rests on, unless nobody wants the answer any more."""
        if asked.agreed.done():
            return
        self._app.run_worker(self._confirmed(asked))

    async def _confirmed(self, asked: Doubted) -> None:
        yes = True
        for doubt in asked.doubts:
            yes_is, no_is = self._app.gettext("It is right"), self._app.gettext("No")
            if not await self._app.push_screen_wait(Confirm(doubt.question, yes_is, no_is, unasked=True)):
                yes = False
                break
        if yes and self._app.policy.operator_confirms and not self._app.policy.unlocked:
            await self._app.push_screen_wait(Operator())
            self._show()
        with suppress(InvalidStateError):  # nobody wants the answer any more
            asked.agreed.set_result(yes)

    async def look(self) -> None:
        """Where nobody did anything for a while say so, and in the end see to it that who comes next finds nothing.

        An answer that is being made is waited for, but not a person who should confirm it and is gone.
        """
        bars = self._conversation.query(StatusBar)  # none where the app is at its end
        if not bars or any(isinstance(screen, Attract) for screen in self._app.screen_stack):
            return
        if self._engaged:
            self._last = self._clock()
        left_s, idle_s = self._last + self._app.policy.idle_s - self._clock(), self._app.policy.idle_s
        shown = self._app.screen if isinstance(self._app.screen, Countdown) else None
        if bars.first().role != self._who:
            self._show()  # the operator's time is over
        if left_s <= 0:
            await self.end()
        elif left_s > min(COUNTDOWN_S, idle_s / 2):
            if shown is not None:
                shown.dismiss()
        elif shown is None:
            self._app.push_screen(Countdown(math.ceil(left_s), operator=self._app.policy.unlocked))
        else:
            shown.left = math.ceil(left_s)

    @property
    def _engaged(self) -> bool:
        """Whether something goes on that a person waits for or listens to."""
        answering = self._conversation.answering and self._app.work.confirming is None
        return answering or self._conversation.capture.engaged

    async def end(self) -> None:
        """Erase what is there of the operator or a visitor, and wait for the next one."""
        self._app.clear_notifications()
        self.lock()
        self._wait()  # first: nothing is seen of what is erased
        self._app.playback.stop()
        self._conversation.silence()
        self._conversation.capture.leave()
        self._conversation.capture.configured(["spoken_answers"])  # the voice is on or off as it was for this visitor
        if self._app.clipboard:
            self._app.copy_to_clipboard("")
        await self._conversation.begin_anew()

    def _wait(self) -> None:
        def begun(spoken: bool | None) -> None:
            if not spoken:  # who presses a key did not ask to be listened to
                self._conversation.capture.leave()

        self._app.push_screen(Attract(), begun)

    def listen(self) -> None:
        """Where a visitor is waited for, and that is set, open the microphone, so that speaking begins."""
        wanted = self._app.settings.listen and self._app.policy.may("microphone")
        if wanted and isinstance(self._app.screen, Attract) and not self._conversation.leaving:
            self._conversation.capture.toggle_hands_free()

    @property
    def _who(self) -> str:
        return "operator" if self._app.policy.unlocked else "visitor"

    def _show(self) -> None:
        self._conversation.query_one(StatusBar).role = self._who
        self._conversation.query_one(EndButton).display = not self._app.policy.unlocked
        self._conversation.query_one(Prompt).invite(attach=self._app.policy.may("attach"))
        for welcome in self._conversation.query(Welcome):
            welcome.refresh(layout=True)  # says what they may do
