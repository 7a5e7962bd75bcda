"""The operator's PIN, typed without being shown; a wrong one takes a while."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_tui.screens.once import Once

if TYPE_CHECKING:
    from edge_assistant.governance.policy.policy import Policy
    from edge_assistant_tui.interface import AppInterface

_ABOUT = "What visitors may not do is unlocked until you press Ctrl+T again, or nothing for {:.0f} min."

_TRIES = ThreadPoolExecutor(1, "pin")  # one after the other; one that waits is given up with its screen


class Operator(ModalScreen[bool], Once[bool]):
    """Asks for the PIN; gives True where it was right."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]
    app: AppInterface

    def compose(self) -> ComposeResult:
        """A line to type in, what becomes of it, two buttons."""
        say = self.app.gettext
        with Vertical(id="box"):
            yield Static(Content.styled(say("PIN of the operator"), "bold"))
            yield Input(id="pin", password=True)
            about = say(_ABOUT).format(self.app.policy.idle_s / 60)
            yield Static(Content.styled(about, "$text-muted"), id="about")
            with Horizontal(id="buttons"):
                yield Button(say("Back (Esc)"), id="no")
                yield Button(say("Unlock (Enter)"), id="yes", variant="primary")

    @on(Input.Submitted)
    @on(Button.Pressed, "#yes")
    @work(exclusive=True)
    async def _told_pin(self) -> None:
        """Try it in a thread: hashing takes a moment, and a wrong PIN some seconds."""
        field = self.query_one("#pin", Input)
        if not field.value or field.disabled:
            return
        pin, field.value, field.disabled = field.value, "", True
        self._say("looking ...")
        try:
            right = await asyncio.get_running_loop().run_in_executor(_TRIES, self._tried, self.app.policy, pin)
        except EdgeAssistantError as error:  # it cannot be written into the audit trail
            self._say(f"{error.message} - {error.hint}", bad=True)
            return
        if right:
            self.dismiss(True)
            return
        self._say("That is not the PIN.", bad=True)
        field.disabled = False
        field.focus()

    def _tried(self, policy: Policy, pin: str) -> bool:
        """Whether it is the PIN; who went back before that was known has unlocked nothing. In a thread."""
        right = policy.unlock(pin)
        if right and not self.is_attached:
            policy.lock()
        return right

    @on(Button.Pressed, "#no")
    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(False)

    def _say(self, text: str, *, bad: bool = False) -> None:
        said, style = self.app.gettext(text), "$text-error" if bad else "$text-muted"
        self.query_one("#about", Static).update(Content.styled(said, style))
