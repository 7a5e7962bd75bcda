"""The keys at the foot of a screen that stays."""

from __future__ import annotations

from textual.widgets import Footer


class Keys(Footer):
    """Textual's footer, which makes its parts anew whenever the focus moves, and lets go of the former ones.

    Textual forgets who watches an attribute, and is gone, only when that attribute changes; `compact`, which every key
    of the footer watches, never does. Some 10 KB a move would stay.
    """

    async def recompose(self) -> None:
        """Make the keys anew."""
        await super().recompose()
        self.mutate_reactive(Footer.compact)
