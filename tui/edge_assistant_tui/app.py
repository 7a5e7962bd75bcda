"""The app: screens over one worker, and what every screen may do."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.signal import Signal
from textual.theme import Theme, ThemeProvider

from edge_assistant.compute import sd_notify
from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.governance.erasure import EVERY_S
from edge_assistant.governance.policy.policy import current
from edge_assistant.storage import settings as stored
from edge_assistant.storage.settings import Settings
from edge_assistant_tui import i18n, messages, themes
from edge_assistant_tui.commands import commands
from edge_assistant_tui.driver import TerminalDriver
from edge_assistant_tui.input_order import Input, InputOrder
from edge_assistant_tui.interface import AppInterface
from edge_assistant_tui.playback import Playback
from edge_assistant_tui.pulls import Pulls
from edge_assistant_tui.rendering.loader import Loader
from edge_assistant_tui.roles import KEY, Roles
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.conversation import ConversationScreen
from edge_assistant_tui.screens.palette import Palette
from edge_assistant_tui.screens.visitor import AnyKey
from edge_assistant_tui.terminal import Terminal
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.restore import Restore
from edge_assistant_tui.widgets.turn import Turn
from edge_assistant_tui.work import Work

if TYPE_CHECKING:
    from rich.console import RenderableType

    from edge_assistant_tui.options import Options

_log = logging.getLogger("edge_assistant.app")
_IS_READY = "is ready"  # as systemd shows it
_RELIEVE_S = 60.0  # between two looks at whether the machine runs short of memory
_ALIVE_S = 1.0  # between two signs of life to systemd
_ACTS = (events.Key, events.MouseDown, events.MouseScrollDown, events.MouseScrollUp, events.Paste)  # of a person
_SCREENSHOT = "Screenshot"  # as Textual calls it: what is shown, as a file


class EdgeAssistant(AppInterface):
    """Ask over what is told, shown and played, with the evidence in sight.

    Attributes:
        fault: what ended the app, where that was a fault of ours.
    """

    TITLE = "Edge Assistant"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", priority=True)]

    def __init__(self, options: Options, settings: Settings | None = None, terminal: Terminal | None = None) -> None:
        super().__init__(driver_class=TerminalDriver)
        self.options = options
        self.settings = settings or Settings()
        self.instead = {}
        self.policy = current()
        for theme in themes.OWN:
            self.register_theme(theme)
        known = self.settings.theme in self.available_themes
        self.theme = self.settings.theme if known else themes.DARK.name
        self.conversation: ConversationScreen = ConversationScreen()
        self.roles: Roles = Roles(self, self.conversation)
        self.work = Work(self.conversation.post_message, options)
        self.missing = ()
        self.pulls = Pulls(self.conversation.post_message, gone=lambda: self.call_from_thread(self.exit))
        self.pull_changed = Signal(self, "pull")
        self.terminal = terminal or Terminal()
        self.loader = Loader()
        self.playback = Playback()
        self.fault: Exception | None = None
        self._touched = False  # whether a key was pressed yet
        self._input_order = InputOrder(self, self._hand_on)

    async def on_mount(self) -> None:
        """Show the conversation; what is heavy begins once it is drawn."""
        self.run_worker(self._input_order.run())
        await self.push_screen(self.conversation)
        self.call_after_refresh(self._begin)

    def on_unmount(self) -> None:
        """End what runs; after a fault the conversation stays open in the history, to be offered."""
        self.work.close(ended=self.fault is None)
        self.loader.close()
        self.playback.stop()
        self.pulls.close()

    def _handle_exception(self, error: Exception) -> None:
        """End the app. Textual's own traceback shows locals, which hold what was said and shown: none is printed."""
        if self.fault is None:
            self.fault = error
            _log.error("fault of the app", exc_info=error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """End the app without printing: an error that draws itself may quote content."""
        self._close_messages_no_wait()

    async def on_event(self, event: events.Event) -> None:
        """What somebody does is handed on in its order, and no more at the end of the app, when parts are gone."""
        if not isinstance(event, events.InputEvent | events.Paste) or (event.is_forwarded and self.is_running):
            await super().on_event(event)
        elif self.is_running:
            if isinstance(event, _ACTS):
                self.roles.stay()
            await self._input_order.take(event)

    async def _hand_on(self, event: Input) -> None:
        """A key that is pressed stops what is spoken; Escape does so itself, and nothing else then."""
        if not self.is_running:
            return
        if isinstance(event, events.Key):
            self._touched = True
            if isinstance(self.screen, AnyKey):
                self.screen.dismiss()
                if event.key != KEY:
                    return
            elif self.screen is self.conversation:
                self.conversation.aim(event)
            elif isinstance(self.screen, Confirm) and self.screen.overhears(event):
                if event.is_printable and event.character:
                    self.conversation.query_one(Prompt).insert(event.character)
                return
            if event.key != "escape":
                self.conversation.silence()
        await super().on_event(event)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers beside Textual's own: every place, and what the conversation can do."""
        from edge_assistant_tui.screens.place import places

        for place in places():
            if not place.NEEDED or self.policy.may(place.NAME):
                yield SystemCommand(place.TITLE, place.HELP, lambda place=place: self.action_visit(place.NAME))
        yield from commands(self.conversation, self.policy.may("settings"))
        if self.policy.roles:
            yield SystemCommand("Operator", "Unlock with the PIN, or lock (Ctrl+T)", self.action_operator)
        if self.policy.unlocked:
            own = super().get_system_commands(screen)
            yield from (one for one in own if one.title != _SCREENSHOT or self.policy.exports_as_it_is)

    def action_visit(self, name: str) -> None:
        """Open a place by its name; one that is open already stays."""
        from edge_assistant_tui.screens.place import PlaceScreen, places

        place = next(place for place in places() if name == place.NAME)
        if place.NEEDED and self.roles.refuses(name):
            return
        if (
            isinstance(self.screen, PlaceScreen)
            and not isinstance(self.screen, place)
            and not issubclass(place, ModalScreen)
        ):
            self.switch_screen(place())
        elif not isinstance(self.screen, place):
            self.push_screen(place())

    def action_command_palette(self) -> None:
        """Open the palette; one that is open stays."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Open the palette over the themes."""
        self.push_screen(Palette([ThemeProvider], placeholder="Search for themes..."))

    def action_operator(self) -> None:
        """Ask for the operator's PIN; where the operator is there, lock."""
        self.roles.toggle()

    async def action_quit(self) -> None:
        """End the app, where whoever is there may."""
        if not self.roles.refuses("quit"):
            await super().action_quit()

    def action_help_quit(self) -> None:
        """Ctrl-C where nothing is copied: say which key ends the app, to whom may end it."""
        if not self.roles.refuses("quit"):
            super().action_help_quit()

    def gettext(self, text: str) -> str:
        """A text of a screen in the language of whoever is there, as it is where there is no translation."""
        return i18n.catalog(i18n.language(self.options.language)).get(text, text)

    def notify(self, message: str, *, title: str = "", **how: Any) -> None:  # noqa: ANN401 - as Textual's
        """Say something in the language of whoever is there."""
        super().notify(self.gettext(message), title=self.gettext(title), **how)

    def configure(self, **changes: Any) -> None:  # noqa: ANN401 - what settings hold
        """Set something once for all, and go on with it now."""
        self.policy.check_action("settings")
        stored.save(changes)
        default = Settings()
        values = {key: getattr(default, key) if value is None else value for key, value in changes.items()}
        self.settings = replace(self.settings, **values)
        known = {field.name for field in fields(self.options)} & values.keys()
        before, self.options = self.options, replace(self.options, **{key: values[key] for key in known})
        if any(getattr(before, key) != getattr(self.options, key) for key in ("profile", "language", "domain")):
            self.switch(self.instead if before.profile == self.options.profile else {})
        self.conversation.capture.configured(changes)

    def switch(self, instead: Mapping[str, str]) -> None:
        """Go on with these models instead of the profile's, until the app ends."""
        self.instead = instead
        self.work.switch(self.options, instead)

    def _begin(self) -> None:
        from edge_assistant_tui.screens.place import places

        if not self.is_running:  # whoever quits at once is not waited for
            return
        self.roles.start()
        self.work.start()
        for path in self.options.attach:
            self.work.attach(Path(path))
        for place in places():
            first, _, others = place.KEY.partition(",")
            self.bind(first, f"visit('{place.NAME}')", description=place.TITLE, show=place.SHOWN)
            if others:
                self.bind(others, f"visit('{place.NAME}')", description=place.TITLE, show=False)
        self._expire()
        self.set_interval(EVERY_S, self._expire)
        self.set_interval(_RELIEVE_S, self.work.relieve)
        sd_notify.ready(_IS_READY)
        self.set_interval(_ALIVE_S, self._live)
        self.theme_changed_signal.subscribe(self, self._remember)

    def _expire(self) -> None:
        """Let what is too old be forgotten: at the start, and again while the app stays open for days."""
        if (days := self.policy.history_days(self.settings.keep_days)) is not None:
            self.work.expire(days)

    def _live(self) -> None:
        """This loop came round, which is an advance while nothing is computed; else the work tells of its own."""
        if not self.work.running or self.work.confirming is not None:
            sd_notify.advanced()

    def _remember(self, theme: Theme) -> None:
        """Keep a theme that was chosen, in the settings or the palette."""
        if theme.name != self.settings.theme:
            try:
                self.configure(theme=theme.name)
            except EdgeAssistantError as error:
                self.notify(error.hint, title=error.message, severity="warning", markup=False)

    @on(messages.Ready)
    def _told_ready(self, event: messages.Ready) -> None:
        self.missing = event.missing
        sd_notify.status(f"{_IS_READY}, degraded: model.missing" if event.missing else _IS_READY)
        self.pull_changed.publish("")

    @on(messages.PullSaid)
    def _told_pull_said(self, event: messages.PullSaid) -> None:
        self.pulls.line = event.line
        self.pull_changed.publish(event.name)

    @on(messages.PullEnded)
    def _told_pull_ended(self, event: messages.PullEnded) -> None:
        self.pulls.ended()
        self.pull_changed.publish(event.name)
        self.work.look()
        if event.done:
            self.notify(f"{event.name} is installed.", markup=False)
        elif self.pulls.stopped:
            self.notify(f"The download of {event.name} is stopped; the next one resumes it.", markup=False)
        else:
            self.notify(event.hint, title=event.message, severity="error", timeout=10, markup=False)

    @on(messages.Unfinished)
    async def _told_unfinished(self, event: messages.Unfinished) -> None:
        if not self.conversation.query(Restore):
            banner = Restore(event.saved)
            await self.conversation.mount(banner, before="#ask")
            if not (self._touched or self.conversation.query_one(Prompt).text or self.conversation.query(Turn)):
                self.conversation.set_focus(banner)  # nobody types, whose letters it would take

    @on(messages.Doubted)
    def _told_doubted(self, event: messages.Doubted) -> None:
        self.roles.confirm(event)

    @on(messages.ConversationClosed)
    def _told_closed(self) -> None:
        self.roles.listen()

    @on(messages.SpeechBegan)
    @on(messages.SpeechWentOn)
    @on(messages.Interrupted)
    def _told_speech(self) -> None:
        self.roles.hear()

    @on(messages.Notice)
    def _told_notice(self, event: messages.Notice) -> None:
        if self.conversation.leaving and not self.policy.unlocked:
            return  # it may name what the last visitor showed
        self.notify(event.hint, title=event.message, severity=event.severity, timeout=event.timeout, markup=False)
