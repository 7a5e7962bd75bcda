"""Text fields whose keys act in the order in which they are pressed."""

from __future__ import annotations

from textual import events
from textual.widget import Widget
from textual.widgets import Input


async def act(field: Widget, event: events.Key) -> None:
    """Act on a key that a text field binds, such as Backspace, where the field takes in letters.

    Textual does so only once the key has bubbled up to the app; the next letters of a burst overtake it.
    """
    for binding in field._bindings.key_to_bindings.get(event.key, ()):
        if await field.app.run_action(binding.action, field):
            event.stop()
            event.prevent_default()
            return


class LineInput(Input):
    """A line of text."""

    async def _on_key(self, event: events.Key) -> None:
        await act(self, event)
