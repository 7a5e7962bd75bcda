"""The keys at the foot of a screen that stays."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

# Actions whose keys a wide screen shows too, the most useful first.
MORE = (
    "sources",
    "copy_answer",
    "new",
    "visit('history')",
    "hands_free",
    "voice",
    "signals",
    "visit('export')",
    "visit('models')",
    "visit('settings')",
    "visit('examples')",
    "retry",
)


class Keys(Footer):
    """Textual's footer, which makes its parts anew whenever the focus moves, and lets go of the former ones.

    Textual forgets who watches an attribute, and is gone, only when that attribute changes; `compact`, which every key
    of the footer watches, never does. Some 10 KB a move would stay.
    """

    _drawn = 0  # columns when it was made

    def compose(self) -> ComposeResult:
        """The keys that are always shown, then as many of the others as the screen is wide enough for."""
        yield from super().compose()
        if not self._bindings_ready:
            return
        active = [found for found in self.screen.active_bindings.values() if found.binding.description]
        shown = {found.binding.action: found.binding for found in active if found.binding.show}
        room = self.app.size.width - sum(map(self._width, shown.values()))
        for wanted in MORE:
            found = next((found for found in active if found.binding.action == wanted), None)
            if found is None or wanted in shown or not found.enabled:
                continue
            room -= self._width(found.binding)
            if room < 0:
                break
            shown[wanted] = found.binding
            key, binding = self.app.get_key_display(found.binding), found.binding
            yield FooterKey(binding.key, key, binding.description, binding.action).data_bind(compact=Footer.compact)
        self.styles.grid_size_columns = len(shown)

    def _width(self, binding: Binding) -> int:
        """The columns of a key."""
        return len(self.app.get_key_display(binding)) + len(binding.description) + 3

    def on_resize(self, event: events.Resize) -> None:
        """There is room for more keys, or for fewer."""
        if self._bindings_ready and event.size.width != self._drawn:
            self._drawn = event.size.width
            self.call_after_refresh(self.recompose)

    async def recompose(self) -> None:
        """Make the keys anew."""
        await super().recompose()
        self.mutate_reactive(Footer.compact)
