"""The models: how each stands, pulling by the launcher, verifying, removing, switching."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from edge_assistant.core.errors import EdgeAssistantError, ModelUnknown
from edge_assistant.core.evidence import counted
from edge_assistant_tui import choices
from edge_assistant_tui.screens.choose import Choose
from edge_assistant_tui.screens.confirm import Confirm
from edge_assistant_tui.screens.place import PlaceScreen
from edge_assistant_tui.widgets.option_list import OptionList
from edge_assistant_tui.widgets.welcome import Welcome

if TYPE_CHECKING:
    from edge_assistant_models.portfolio import Portfolio

_STYLES = {
    "in use": "bold $text-success",
    "installed": "$text-success",
    "missing": "$text-muted",
    "partial": "$text-warning",
    "corrupt": "bold $text-error",
}
_PERCENT = re.compile(r"\b(\d{1,3}) %")
_BAR = 20  # cells


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model as it stands.

    Attributes:
        state: `in use`, or as the store says it.
        about: licence, profiles, and whether it was tested.
    """

    name: str
    role: str
    size: str
    state: str
    about: str


class ModelsScreen(PlaceScreen):
    """Every model of the catalog; the app itself opens no network, its launcher pulls."""

    NAME = "models"
    TITLE = "Models"
    KEY = "f9"
    HELP = "Pull, verify, remove and switch models"
    CSS_PATH: ClassVar[list[str]] = ["place.tcss", "models.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pull", "Pull"),
        Binding("a", "pull_profile", "Pull profile"),
        Binding("c", "cancel", "Stop"),
        Binding("v", "verify", "Verify"),
        Binding("x,delete", "remove", "Remove"),
        Binding("u", "use", "Use"),
        Binding("s", "switch", "Profile"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[ModelRow] = []

    def body(self) -> ComposeResult:
        """The list; under it what is missing, and the pull that runs."""
        yield OptionList(id="body")
        yield Static(id="about")
        yield Static(id="pull")

    def on_mount(self) -> None:
        """List them; at a first run, bring what is missing."""
        self.query_one(OptionList).focus()
        self.app.pull_changed.subscribe(self, lambda _: self._told_pull())
        empty = bool(self.app.conversation.query(Welcome))
        if self.app.missing and empty and self.app.pulls.available and not self.app.pulls.tried:
            self.action_pull_profile(agreed=True)
        self._told_pull()
        self._list()

    def on_unmount(self) -> None:
        """Be let go of: a signal holds whoever hears it."""
        self.app.pull_changed.unsubscribe(self)

    @work(thread=True, exclusive=True, group="list")
    def _list(self) -> None:
        """Look how the models stand."""
        self.call_later(self._show, rows(self.app.options.profile, dict(self.app.instead)))

    def _show(self, found: list[ModelRow]) -> None:
        options = self.query_one(OptionList)
        at = options.highlighted
        self._rows = found
        options.clear_options()
        options.add_options([Option(_shown(row), id=row.name) for row in found])
        options.highlighted = min(at or 0, options.option_count - 1)
        here = sum(row.state in {"in use", "installed"} for row in found)
        options.border_title = f"Profile {self.app.options.profile}"
        options.border_subtitle = f"{here} of {len(found)} are here"

    def _told_pull(self) -> None:
        """Show how far the pull is, and what is there now."""
        pulls, missing = self.app.pulls, self.app.missing
        self.query_one("#pull", Static).update(_progress(pulls.name, pulls.line))
        if missing:
            said = Content.assemble(
                (f"Missing for the profile {self.app.options.profile}: ", "$text-error"), ", ".join(missing)
            )
        else:
            said = Content("All that the profile needs is here.")
        if missing and not self.app.pulls.available:
            pull = f"edge-assistant models pull --profile {self.app.options.profile}"
            said = Content.assemble(said, f"\nNo launcher runs: in another terminal, run '{pull}'")
        self.query_one("#about", Static).update(said)
        if pulls.name is None or pulls.line.endswith("ready"):
            self._list()

    def action_pull(self, agreed: bool = False) -> None:
        """Have the highlighted model pulled, once its size is confirmed."""
        row = self._row()
        if row is None:
            return
        if agreed or row.state in {"in use", "installed"} or not self._asks:
            self.app.pulls.start(row.name)
            self._told_pull()
        else:
            self._ask(f"Download {row.name} ({row.size})?", self.action_pull)

    def action_pull_profile(self, agreed: bool = False) -> None:
        """Have all models of the profile pulled, once their size is confirmed."""
        profile = self.app.options.profile
        count, size = (0, "") if agreed or not self._asks else absent(profile)
        if not count:
            self.app.pulls.start(profile)
            self._told_pull()
        else:
            what = f"Download {counted(count, 'model')} of the profile {profile} ({size})?"
            self._ask(what, self.action_pull_profile)

    @property
    def _asks(self) -> bool:
        """Whether a download could begin; where none can, that is said instead."""
        return self.app.pulls.name is None and self.app.pulls.available

    def _ask(self, question: str, pull: Callable[[bool], None]) -> None:
        """Ask before a download; yes begins it."""
        self.app.push_screen(Confirm(question, "Download", "Not now"), lambda yes: pull(True) if yes else None)

    def action_cancel(self) -> None:
        """Stop the pull."""
        self.app.pulls.cancel()

    def action_verify(self) -> None:
        """Read every byte of the highlighted model."""
        if (row := self._row()) is not None:
            self.notify(f"Reading {row.name}", markup=False)
            self._change(lambda portfolio: self._verify(portfolio, row.name))

    def _verify(self, portfolio: Portfolio, name: str) -> None:
        problems = [check.problem for check in portfolio.verify(name) if check.problem]
        if problems:
            self.notify("Pull it again.", title="; ".join(problems), severity="error", markup=False)
        else:
            self.notify(f"{name} is sound: every file has its sum.", markup=False)

    @work(thread=True)
    def _change(self, change: Callable[[Portfolio], object]) -> None:
        """Do something with the models in a thread, then list them anew."""
        from edge_assistant_models.portfolio import Portfolio

        try:
            change(Portfolio())
        except EdgeAssistantError as error:
            self.notify(error.hint, title=error.message, severity="error", markup=False)
        self.call_later(self._list)

    @work
    async def action_remove(self) -> None:
        """Delete the highlighted model, once that is confirmed."""
        row = self._row()
        if row is None:
            return
        if row.state == "missing":
            self.notify(f"{row.name} is not here.", markup=False)
            return
        again = "It can be pulled again if there is a network."
        if await self.app.push_screen_wait(Confirm(f"Delete {row.name} ({row.size})? {again}", "Delete")):
            self._change(lambda portfolio: self._remove(portfolio, row.name))

    def _remove(self, portfolio: Portfolio, name: str) -> None:
        try:
            portfolio.store.remove(portfolio.entry(name))
        finally:
            self.app.work.look()

    def action_use(self) -> None:
        """Answer with the highlighted model until the app ends."""
        row = self._row()
        if row is None or row.state == "in use":
            return
        if row.state != "installed":
            self.notify(f"{row.name} is not here; P pulls it.", severity="warning", markup=False)
            return
        self.app.switch({**self.app.instead, row.role: row.name})
        self.notify(f"{row.name} is used from now on, until the app ends.", markup=False)
        self._list()

    @work
    async def action_switch(self) -> None:
        """Answer with the models of another profile until the app ends; the settings keep one."""
        now = self.app.options.profile
        chosen = await self.app.push_screen_wait(Choose("Profile, until the app ends", choices.profiles(), now))
        if chosen is not None and chosen != now:
            self.app.options = replace(self.app.options, profile=chosen)
            self.app.switch({})
            self._list()

    @on(OptionList.OptionSelected)
    def _told_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter uses what is here, and pulls what is not."""
        row = self._row()
        if row is not None and row.state in {"in use", "installed"}:
            self.action_use()
        else:
            self.action_pull()

    def _row(self) -> ModelRow | None:
        at = self.query_one(OptionList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None


def absent(profile: str) -> tuple[int, str]:
    """How many models a pull of a profile brings, and how large they are; nothing where there is no such profile."""
    from edge_assistant_models.portfolio import Portfolio
    from edge_assistant_models.store import ModelState
    from edge_assistant_models.transfer import mebibytes

    portfolio = Portfolio()
    try:
        left_out = portfolio.profile(profile).on_request
        names = [name for role, name in portfolio.resolve(profile).items() if role not in left_out]
    except ModelUnknown:
        names = []
    sizes = [portfolio.entry(name).bytes for name in names if portfolio.state(name) is not ModelState.INSTALLED]
    return len(sizes), mebibytes(sum(sizes))


def rows(profile: str, instead: dict[str, str]) -> list[ModelRow]:
    """Every model of the catalog.

    Args:
        profile: the one that is used.
        instead: models by role that are used instead of its own.
    """
    from edge_assistant_models.portfolio import Portfolio
    from edge_assistant_models.transfer import mebibytes

    portfolio = Portfolio()
    try:
        used = set((portfolio.resolve(profile) | instead).values())
    except ModelUnknown:
        used = set(instead.values())
    found = []
    for entry in portfolio.entries():
        state = str(portfolio.state(entry.name))
        within = portfolio.within(entry.name)
        about = [entry.licence, f"in {', '.join(within)}" if within else "in no profile"]
        about += entry.doubts
        word = "in use" if state == "installed" and entry.name in used else state
        found.append(ModelRow(entry.name, entry.role, mebibytes(entry.bytes), word, " · ".join(about)))
    return found


def _shown(row: ModelRow) -> Content:
    return Content.assemble(
        (f"{row.state:10}", _STYLES.get(row.state, "$text")),
        (f"{row.name:38}", "bold"),
        f"{row.role:11}",
        f"{row.size:>9}",
        (f"\n          {row.about}", "$text-muted"),
    )


def _progress(name: str | None, line: str) -> Content:
    """A bar and what the pull says of itself."""
    if name is None:
        return Content("")
    percent = int(found[1]) if (found := _PERCENT.search(line)) else 0
    done = min(_BAR, percent * _BAR // 100)
    return Content.assemble(
        (f"Pulling {name} ", "bold $accent"), "█" * done, ("░" * (_BAR - done), "$text-muted"), f" {line}"
    )
