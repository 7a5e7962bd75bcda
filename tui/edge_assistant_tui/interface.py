"""What screens and widgets use of the app. They import this module; only `app` knows the screens and widgets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from textual.app import App
from textual.screen import Screen
from textual.signal import Signal

if TYPE_CHECKING:
    from edge_assistant.governance.policy.policy import Policy
    from edge_assistant.storage.settings import Settings
    from edge_assistant_tui.options import Options
    from edge_assistant_tui.playback import Playback
    from edge_assistant_tui.pulls import Pulls
    from edge_assistant_tui.rendering.loader import Loader
    from edge_assistant_tui.terminal import Terminal
    from edge_assistant_tui.work import Work


class RolesInterface(Protocol):
    """Who is at the keys."""

    def refuses(self, action: str) -> bool:
        """Whether the policy refuses something to whoever is there, which is said then."""

    def stay(self) -> None:
        """Somebody does something, with their hands."""

    async def end(self) -> None:
        """Erase what is there of the operator or a visitor, and wait for the next one."""


class AppInterface(App[int]):
    """Declarations only. It is a subclass of `App`, as Textual types the `app` of screens and widgets so.

    Attributes:
        options: what the command line chose, and what was set since.
        settings: what was set once for all.
        instead: models by role that are used for now instead of the profile's.
        conversation: the first screen.
        work: the worker; screens ask it, and it posts messages to the conversation, from where they bubble to the app.
        missing: names of the profile's models that are not in the store.
        pulls: has models pulled by the launcher.
        pull_changed: published with its name when it goes on or ends, or what is missing changes.
        terminal: what the terminal can draw.
        loader: makes evidence ready to be shown, in a thread of its own.
        playback: plays evidence.
        policy: what is allowed.
        roles: who is at the keys.
    """

    options: Options
    settings: Settings
    instead: Mapping[str, str]
    conversation: Screen[None]
    work: Work
    missing: tuple[str, ...]
    pulls: Pulls
    pull_changed: Signal[str]
    terminal: Terminal
    loader: Loader
    playback: Playback
    policy: Policy
    roles: RolesInterface

    def action_visit(self, name: str) -> None:
        """Open a place by its name; one that is open already stays."""
        raise NotImplementedError

    def gettext(self, text: str) -> str:
        """A text of a screen in the language of whoever is there, as it is where there is no translation."""
        raise NotImplementedError

    def configure(self, **changes: Any) -> None:  # noqa: ANN401 - what settings hold
        """Set something once for all, and go on with it now.

        Args:
            changes: values by the names of the settings; None for the default.

        Raises:
            UsageError: a value is not one that may be.
            StorageFull: it cannot be written.
            PolicyRefused: a visitor may not.
        """
        raise NotImplementedError

    def switch(self, instead: Mapping[str, str]) -> None:
        """Go on with these models instead of the profile's, until the app ends."""
        raise NotImplementedError
