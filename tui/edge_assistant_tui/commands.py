"""What the palette offers of the conversation: all that its keys do, and what has none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from edge_assistant_tui import choices

if TYPE_CHECKING:
    from edge_assistant_tui.screens.conversation import ConversationScreen


def commands(of: ConversationScreen, settings: bool = True) -> Iterator[SystemCommand]:
    """A title, a line of help and an action for each; what changes settings only where these may be changed."""
    yield SystemCommand("Compare", "Compare the signals without a question", of.action_check)
    yield SystemCommand("Ask again", "Ask the last question over the signals as they are now", of.action_retry)
    yield SystemCommand("Edit question", "Put the last question back into the prompt", of.action_edit)
    yield SystemCommand("Copy answer", "Copy the last answer with its sources (Ctrl+Y)", of.action_copy_answer)
    yield SystemCommand("Undo remove", "Put back the signal that was removed last", of.bring_back)
    yield SystemCommand("Talk", "Begin to speak to the assistant, or end it (F3)", of.action_talk)
    yield SystemCommand("Hands-free", "Listen until switched off; a pause asks (F4)", of.action_hands_free)
    if settings:
        for device in choices.DEVICES:
            yield SystemCommand(f"Choose the {device}", "From the connected devices", partial(of.choose, device))
        yield SystemCommand("Longer pause", "Hands-free: wait longer", lambda: of.change_pause(longer=True))
        yield SystemCommand("Shorter pause", "Hands-free: answer sooner", lambda: of.change_pause(longer=False))
    yield SystemCommand("Camera", "Switch the camera on or off (F5)", of.action_camera)
    yield SystemCommand("Voice", "Speak answers, or do not (F12)", of.action_voice)
    yield SystemCommand("Sources", "Go to the sources of the last answer", of.action_sources)
    stays = of.app.policy.keeps_history and of.app.policy.unlocked
    kept = "; this one stays in the history" if stays else ""
    yield SystemCommand("New conversation", f"Start a new conversation{kept}", of.action_new)
