"""The doctor: what is there, what is missing and what to do, as `edge-assistant doctor` says it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from edge_assistant_tui.screens.place import PlaceScreen
from edge_assistant_tui.widgets.option_list import OptionList

if TYPE_CHECKING:
    from edge_assistant.session.health import DoctorCheck

_STYLES = {True: "$text-success", False: "bold $text-error", None: "$text-warning"}


class Doctor(PlaceScreen):
    """Every check with its word; Enter on a model leads to the models."""

    NAME = "doctor"
    TITLE = "Doctor"
    KEY = "f11"
    HELP = "What is installed, what is missing, and what to do"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "look", "Look again")]

    def body(self) -> ComposeResult:
        """A list and, under it, what it comes to."""
        yield OptionList(id="body")
        yield Static(id="about")

    def on_mount(self) -> None:
        """Look at once."""
        self.query_one(OptionList).focus()
        self.action_look()

    def action_look(self) -> None:
        """Look at everything anew."""
        self.query_one("#about", Static).update(Content("looking ..."))
        self._look()

    @work(thread=True, exclusive=True)
    def _look(self) -> None:
        from edge_assistant.session import health

        self.call_later(self._show, list(health.checks(self.app.options.profile)))

    def _show(self, found: list[DoctorCheck]) -> None:
        from edge_assistant.session import health

        checks = [self._graphics() if check.name == "terminal graphics" else check for check in found]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_line(check), id=check.name) for check in checks])
        first = next((at for at, check in enumerate(checks) if check.ok is False), 0)
        options.highlighted = first
        missing = sum(check.ok is False for check in checks)
        without = sum(check.ok is None for check in checks)
        said = "Ready." if health.ready(checks) else f"Not ready: {missing} missing; F9 brings models."
        self.query_one("#about", Static).update(Content(f"{said} {without} can be done without."))

    def _graphics(self) -> DoctorCheck:
        """What the terminal said when it was asked counts more than its name."""
        from edge_assistant.session import health

        terminal = self.app.terminal
        drawn = {"kitty": "Kitty", "sixel": "Sixel"}.get(str(terminal.graphics), "")
        return health.graphics(os.environ, drawn)

    @on(OptionList.OptionSelected)
    def _told_selected(self, event: OptionList.OptionSelected) -> None:
        if (event.option.id or "").startswith("model for"):
            self.app.action_visit("models")


def _line(check: DoctorCheck) -> Content:
    parts: list[str | tuple[str, str]] = [
        (f"{check.word:8}", _STYLES[check.ok]),
        (check.name, "bold"),
        f"  {check.found}",
    ]
    if check.hint:
        parts.append((f"\n        → {check.hint}", "$text-accent"))
    return Content.assemble(*parts)
