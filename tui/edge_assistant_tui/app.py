"""The app: screens over one worker, and what every screen may do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from edge_assistant_tui import messages
from edge_assistant_tui.screens.conversation import Conversation
from edge_assistant_tui.work import Work

if TYPE_CHECKING:
    from edge_assistant_tui.options import Options


class EdgeAssistant(App[int]):
    """Ask over what is told, shown and played, with the evidence in sight.

    Attributes:
        options: what the command line chose.
        conversation: the first screen.
        work: the worker; screens ask it, and it posts messages to the conversation, from where they bubble to here.
        missing: names of the profile's models that are not in the store.
    """

    TITLE = "Edge Assistant"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", priority=True)]

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.options = options
        self.conversation = Conversation()
        self.work = Work(self.conversation.post_message, options)
        self.missing: tuple[str, ...] = ()

    async def on_mount(self) -> None:
        """Show the conversation; what is heavy begins once it is drawn."""
        await self.push_screen(self.conversation)
        self.call_after_refresh(self._begin)

    def on_unmount(self) -> None:
        """End what runs."""
        self.work.close()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers beside Textual's own: every place, and what the conversation can do."""
        from edge_assistant_tui.screens.place import places

        for place in places():
            yield SystemCommand(place.TITLE, place.HELP, lambda place=place: self.action_visit(place.NAME))
        yield from self.conversation.commands()
        yield from super().get_system_commands(screen)

    def action_visit(self, name: str) -> None:
        """Open a place by its name; one that is open already stays."""
        from edge_assistant_tui.screens.place import places

        place = next(place for place in places() if name == place.NAME)
        if not isinstance(self.screen, place):
            self.push_screen(place())

    def _begin(self) -> None:
        from edge_assistant_tui.screens.place import places

        self.work.start()
        for path in self.options.attach:
            self.work.attach(Path(path))
        for place in places():
            self.bind(place.KEY, f"visit('{place.NAME}')", description=place.TITLE, show=False)

    @on(messages.Ready)
    def _told_ready(self, event: messages.Ready) -> None:
        self.missing = event.missing

    @on(messages.Refused)
    def _told_refused(self, event: messages.Refused) -> None:
        self.notify(event.hint, title=event.message, severity="error", timeout=10, markup=False)

    @on(messages.NotKept)
    def _told_not_kept(self, event: messages.NotKept) -> None:
        self.notify(f"The history is not written: {event.hint}", title=event.message, severity="warning", markup=False)

    @on(messages.Faulted)
    def _told_faulted(self, event: messages.Faulted) -> None:
        title = f"A fault of ours ({event.what})"
        self.notify("The log has the details; please report it.", title=title, severity="error", markup=False)
