"""The keys at the foot of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

if TYPE_CHECKING:
    from edge_assistant_tui.interface import AppInterface

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


class SteadyFooter(Footer):
    """Textual's footer, which makes its parts anew when they change, and not whenever the focus moves.

    Its keys do not watch its attribute `compact`, which never changes: each would be styled three times, and Textual
    forgets who watches an attribute, and is gone, only when that attribute changes.
    """

    app: AppInterface
    _made: object = None  # what the parts were made of

    def compose(self) -> ComposeResult:
        """The keys that are always shown."""
        for part in super().compose():
            yield self._said(part) if isinstance(part, FooterKey) else part

    def _said(self, key: FooterKey) -> FooterKey:
        """A key as wide as the footer's, with what it does in the person's language, that watches nothing."""
        key.description = self.app.gettext(key.description)
        key._reactive_connect = None
        key.set_reactive(FooterKey.compact, False)
        return key

    async def recompose(self) -> None:
        """Make the keys anew, if others are to be shown; nothing where the screen has gone meanwhile."""
        if not self.is_attached:
            return
        every = self.screen.active_bindings.values()
        shown = [found for found in every if found.binding.show or found.binding.action in MORE]
        made = self.app.size.width, [(found.binding, found.enabled, found.tooltip) for found in shown]
        if made != self._made:
            self._made = made
            await super().recompose()


class Keys(SteadyFooter):
    """The footer of the conversation, with as many keys as there is room for."""

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
            yield self._said(FooterKey(binding.key, key, binding.description, binding.action))
        self.styles.grid_size_columns = len(shown)

    def _width(self, binding: Binding) -> int:
        """The columns of a key."""
        return len(self.app.get_key_display(binding)) + len(self.app.gettext(binding.description)) + 3

    def on_resize(self) -> None:
        """There is room for more keys, or for fewer."""
        if self._bindings_ready:
            self.call_after_refresh(self.recompose)
