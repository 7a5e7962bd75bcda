"""Camera, microphone and voice on the conversation screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, on, work
from textual.screen import Screen

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_tui import choices, messages
from edge_assistant_tui.widgets.camera import CameraView
from edge_assistant_tui.widgets.capture import Capture
from edge_assistant_tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

STEP_S, SHORTEST_S, LONGEST_S = 0.2, 0.4, 5.0  # of the silence that ends what is said hands-free


class DeviceScreen(Screen[None]):
    """A screen with a `Capture` and a `Prompt`.

    Attributes:
        leaving: conversations that were left for a new one, of which workers may still tell something.
        began: when this conversation began, by the clock of messages.
    """

    app: AppInterface
    leaving = 0
    began = 0.0

    @property
    def capture(self) -> Capture:
        """Camera, microphone and voice."""
        return self.query_one(Capture)

    def silence(self) -> None:
        """Stop what is spoken."""
        if self.is_mounted:
            self.capture.silence()

    @on(events.ScreenSuspend)
    def _told_hidden(self) -> None:
        if not self.app.screen.is_modal:
            self.capture.suspend()

    @on(events.ScreenResume)
    def _told_seen(self) -> None:
        self.capture.resume()

    def action_talk(self) -> None:
        """Begin to speak to the assistant, or end it."""
        if not self.app.roles.refuses("microphone"):
            self.capture.talk()

    def action_hands_free(self) -> None:
        """Listen until switched off."""
        if not self.app.roles.refuses("microphone"):
            self.capture.toggle_hands_free()

    def action_camera(self) -> None:
        """Switch the camera on or off."""
        if not self.app.roles.refuses("camera"):
            self.capture.toggle_camera()

    def action_voice(self) -> None:
        """Speak answers, or do not."""
        if not self.app.roles.refuses("voice"):
            self.capture.toggle_voice()

    def change_pause(self, *, longer: bool) -> None:
        """Let a longer or shorter pause end what is said hands-free."""
        step = STEP_S if longer else -STEP_S
        pause_s = round(min(LONGEST_S, max(SHORTEST_S, self.app.settings.pause_s + step)), 1)
        self.app.configure(pause_s=pause_s)
        self.notify(f"A pause of {pause_s:.1f} s ends what is said hands-free.")

    @work(exclusive=True)
    async def choose(self, device: str) -> None:
        """Let the person choose another camera, microphone or speaker."""
        try:
            await choices.choose(self.app, device)
        except EdgeAssistantError as error:
            self.notify(error.hint, title=error.message, severity="error", markup=False)

    @on(messages.Heard)
    def _told_heard(self, event: messages.Heard) -> None:
        if not self.leaving:
            self.capture.hear(event)

    @on(messages.Looked)
    async def _told_looked(self, event: messages.Looked) -> None:
        await self.capture.told_looked(event)

    @on(Capture.Done)
    def _told_captured(self, event: Capture.Done) -> None:
        prompt = self.query_one(Prompt)
        prompt.focus()
        if event.sent and prompt.text.strip():
            prompt.action_send()

    @on(Prompt.Entered)
    def _told_entered(self) -> None:
        if self.capture.has_class("seeing"):
            self.query_one(CameraView).action_enter()

    def action_onward(self) -> None:
        """To the camera's preview, where there is one, else to what comes next."""
        if self.capture.has_class("seeing"):
            self.query_one(CameraView).focus()
        else:
            self.focus_next()
