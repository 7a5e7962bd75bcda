"""Who is at the keys: a visitor, or the operator until they lock the app or nothing is pressed for a while."""

from __future__ import annotations

from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.operator import Operator
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.status import StatusBar
from edge_assistant_tui.widgets.welcome import Welcome

if TYPE_CHECKING:
    from textual.timer import Timer

    from edge_assistant_tui.interface import AppInterface
    from edge_assistant_tui.messages import Doubted
    from edge_assistant_tui.screens.conversation import ConversationScreen

KEY = "ctrl+t"


class Roles:
    """What the policy lets whoever is there do, and who that is; without roles it is one person who may do all."""

    def __init__(self, app: AppInterface, conversation: ConversationScreen) -> None:
        """Prepare.

        Args:
            app: with the policy.
            conversation: is emptied when the operator or a visitor has gone.
        """
        self._app, self._conversation = app, conversation
        self._idle: Timer | None = None

    def start(self) -> None:
        """Show who is there, and look when they have gone."""
        if self._app.policy.roles:
            self._app.bind(KEY, "operator", description="Operator", show=False)
            self._count()
            self._show()

    def refuses(self, action: str) -> bool:
        """Whether the policy refuses something to whoever is there, which is said then."""
        try:
            self._app.policy.check_action(action)
        except EdgeAssistantError as error:
            self._app.notify(f"Ctrl+T: {error.hint}", title=error.message, severity="warning", markup=False)
            return True
        return False

    def stay(self) -> None:
        """Somebody does something."""
        self._app.policy.touch()
        if self._idle is not None:
            self._idle.stop()  # one that is reset would come to its end first, and take up to twice the time
            self._count()

    def toggle(self) -> None:
        """Ask for the PIN, or lock."""
        if self._app.policy.unlocked:
            self.lock()
        elif not isinstance(self._app.screen, Operator):
            self._app.push_screen(Operator(), lambda _: self._show())

    def lock(self) -> None:
        """The operator is gone: a visitor has the conversation before them, and nothing else."""
        self._app.policy.lock()
        while self._app.screen is not self._conversation:
            self._app.screen.dismiss(None)
        if not self._app.policy.may("history"):
            self._conversation.query(Restore).remove()
        self._show()

    def confirm(self, asked: Doubted) -> None:
        """Ask the person about each value that an answer rests on."""
        self._app.run_worker(self._confirmed(asked))

    async def _confirmed(self, asked: Doubted) -> None:
        yes = True
        for doubt in asked.doubts:
            if not await self._app.push_screen_wait(Confirm(doubt.question, "It is right", "No", unasked=True)):
                yes = False
                break
        if yes and self._app.policy.operator_confirms and not self._app.policy.unlocked:
            await self._app.push_screen_wait(Operator())
            self._show()
        with suppress(InvalidStateError):  # nobody wants the answer any more
            asked.agreed.set_result(yes)

    def _count(self) -> None:
        self._idle = self._app.set_interval(self._app.policy.idle_s, self._gone)

    async def _gone(self) -> None:
        """Nothing was pressed, nor asked, for as long as the policy says: who comes next finds nothing of it.

        An answer that is being made is waited for, but not a person who should confirm it and is gone.
        """
        if self._app.work.running and self._app.work.confirming is None:
            return
        self.lock()
        self._conversation.capture.leave()
        if not self._conversation.untouched:
            await self._conversation.action_new()

    def _show(self) -> None:
        who = "operator" if self._app.policy.unlocked else "visitor"
        self._conversation.query_one(StatusBar).role = who
        self._conversation.query_one(Prompt).invite(attach=self._app.policy.may("attach"))
        for welcome in self._conversation.query(Welcome):
            welcome.refresh(layout=True)  # says what they may do
