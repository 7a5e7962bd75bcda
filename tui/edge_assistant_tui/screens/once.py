"""Screens that close once, however many keys of a burst ask for it."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import Screen, ScreenResultType


class Once(Screen[ScreenResultType]):
    """Closes itself only: Textual's `dismiss` pops whichever screen is on top, the next one after a second Enter.

    It stands behind other bases: Textual takes style rules from the first one only.
    """

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close, unless this screen is closed already or another one is over it."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()
