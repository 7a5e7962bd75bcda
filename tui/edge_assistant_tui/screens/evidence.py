"""A citation opened: what was perceived, where and how surely, what it is compared with, and the thing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from edge_assistant.core.evidence import UNSURE, clock, confidence_of
from edge_assistant.core.signals import printable
from edge_assistant_tui.exhibits import Exhibit
from edge_assistant_tui.rendering.loader import Problem
from edge_assistant_tui.screens.once import Once
from edge_assistant_tui.widgets import verdicts
from edge_assistant_tui.widgets.keys import SteadyFooter
from edge_assistant_tui.widgets.passage_view import PassageView
from edge_assistant_tui.widgets.picture_view import PictureView
from edge_assistant_tui.widgets.rows_view import RowsView
from edge_assistant_tui.widgets.transcript_view import TranscriptView
from edge_assistant_tui.widgets.view import View

if TYPE_CHECKING:
    from edge_assistant.core.evidence import Locator
    from edge_assistant_tui.interface import AppInterface
    from edge_assistant_tui.rendering.decoder import Decoded

LOADING = "loading …"
PATIENCE = 0.15  # seconds until that is said
GONE = "it was removed from this conversation and cannot be shown"


class EvidenceScreen(ModalScreen[None], Once[None]):
    """One exhibit at a time; the next and the one before are a key away.

    Attributes:
        waiting: whether something is made ready.
    """

    CSS_PATH = "evidence.tcss"
    app: AppInterface

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close"),
        Binding("n,right", "step(1)", "Next", priority=True, key_display="n"),
        Binding("p,left", "step(-1)", "Previous", priority=True, key_display="p"),
    ]

    def __init__(self, exhibits: Sequence[Exhibit], id: str) -> None:
        super().__init__()
        self._exhibits = tuple(exhibits)
        self._sound = ""
        self.waiting = False
        self._at = next((at for at, exhibit in enumerate(self._exhibits) if exhibit.id == id), 0)

    @property
    def exhibit(self) -> Exhibit:
        """What is shown."""
        return self._exhibits[self._at]

    def compose(self) -> ComposeResult:
        """What is told about it, then the thing itself."""
        with Vertical(id="exhibit"):
            yield Static("", id="what")
            yield Static("", id="where")
            yield Static("", id="verdicts")
            yield Container(id="thing")
            yield Static("", id="state")
        yield SteadyFooter(show_command_palette=False)

    async def on_mount(self) -> None:
        """Show the one that was chosen."""
        await self._show()

    def on_unmount(self) -> None:
        """Nothing is wanted any more, and it is silent."""
        self.app.loader.drop()
        self.app.playback.stop()

    async def action_step(self, by: int) -> None:
        """The next exhibit or the one before, round and round."""
        if len(self._exhibits) > 1:
            self._at = (self._at + by) % len(self._exhibits)
            await self._show()

    async def _show(self) -> None:
        exhibit = self.exhibit
        self._sound = ""
        self.app.loader.drop()
        self.app.playback.stop()
        place = f" {self._at + 1} of {len(self._exhibits)} "
        title = exhibit.id if not exhibit.id.isdigit() else printable(exhibit.name)
        self.query_one("#exhibit").border_title = Content(f" {title} ")
        self.query_one("#exhibit").border_subtitle = Content(place)
        self.query_one("#what", Static).update(_what(exhibit))
        self.query_one("#what").set_class(exhibit.kind == "text", "brief")  # it stands below as well
        self.query_one("#where", Static).update(_where(exhibit))
        compared = self.query_one("#verdicts", Static)
        compared.update(Content("\n").join(verdicts.row(verdict) for verdict in exhibit.verdicts))
        compared.display = bool(exhibit.verdicts)
        thing = self.query_one("#thing")
        await thing.remove_children()
        view = _view(exhibit)
        self._say("" if view is not None and exhibit.signal is not None else GONE)
        if view is not None and (exhibit.signal is not None or view is TranscriptView):
            shown = view(exhibit, self.app.terminal)
            await thing.mount(shown)
            if shown.can_focus:
                shown.focus()

    def _say(self, text: str, *, problem: bool = False) -> None:
        self.waiting = False
        state = self.query_one("#state", Static)
        state.update(Content(text))
        state.set_class(problem, "problem")

    def _wait(self) -> None:
        """Something is made ready; what takes a moment only is not talked about."""
        self.waiting = True
        self.set_timer(PATIENCE, self._say_loading)

    def _say_loading(self) -> None:
        if self.waiting:
            self._say(LOADING)
            self.waiting = True

    @on(View.Wants)
    def _told_wants(self, event: View.Wants) -> None:
        event.stop()
        self._wait()
        view = event.view
        self.app.loader.want(event.job, lambda made: self.call_later(self._made, view, made))

    async def _made(self, view: View, made: object) -> None:
        """What a view wanted is ready, or cannot be had."""
        if not view.is_attached:
            return
        if isinstance(made, Problem):
            self._say(f"{made.message}: {made.hint}", problem=True)
            return
        self._say(self._sound)
        await view.show(made)

    @on(View.Plays)
    def _told_plays(self, event: View.Plays) -> None:
        event.stop()
        if self.app.playback.playing:
            self.app.playback.stop()
            return
        signal, playback, chosen = self.exhibit.signal, self.app.playback, self.app.options.speaker
        if signal is None:
            self._say(GONE)
            return

        def job(decoded: Decoded) -> tuple[float, float]:
            from edge_assistant_tui.rendering.sounds import excerpt

            decoded.unchanged(signal)
            sound = excerpt(signal, event.seconds, decoded.check)
            playback.play(sound.samples, sound.rate, chosen, self._silent)
            return event.seconds

        self._wait()
        self.app.loader.want(job, lambda made: self.call_later(self._played, made))

    def _silent(self) -> None:
        """In the speaker's thread: it was heard."""
        self.call_later(self._played, None)

    def _played(self, made: Any) -> None:  # noqa: ANN401 - what the job made
        """Seconds are being played, or cannot be; None once that is over."""
        if isinstance(made, Problem):
            self._say(f"{made.message}: {made.hint}", problem=True)
            return
        self._sound = "" if made is None else f"♪ playing {clock(made[0])}-{clock(made[1])}"
        self._say(self._sound)


def _view(exhibit: Exhibit) -> type[View] | None:
    """How it is looked at: by where it stands, and by what sort of signal it is."""
    place = exhibit.place
    match exhibit.kind:
        case "video" if place.box is not None:
            return PictureView
        case "audio" | "video":
            return TranscriptView
        case "image":
            return PictureView
        case "readings":
            return RowsView
        case "text":
            return PassageView
        case _:
            return None


def _what(exhibit: Exhibit) -> Content:
    return Content.styled(printable(" ".join(exhibit.text.split())), "bold")


def _where(exhibit: Exhibit) -> Content:
    """The signal, the place in words, how sure, what a computation rests on."""
    parts = [printable(exhibit.name)] if exhibit.name else []
    parts += [in_words(place) for place in exhibit.places[:3]]
    if len(exhibit.places) > 3:
        parts.append(f"and {len(exhibit.places) - 3} more places")
    if exhibit.rests:
        parts.append(f"computed from {', '.join(exhibit.rests)}")
    if exhibit.confidence is not None:
        doubt = ", uncertain" if exhibit.confidence < UNSURE else ""
        parts.append(f"{confidence_of(exhibit.confidence)}{doubt}")
    return Content.styled(" · ".join(part for part in parts if part), "$text-muted")


def in_words(place: Locator) -> str:
    """A place as a person says it.

    >>> from edge_assistant.core.evidence import Locator
    >>> in_words(Locator(page=2, box=(10, 20, 300, 40)))
    'page 2, a box of 300 x 40 pixels at 10, 20'
    """
    parts = []
    if place.page is not None:
        parts.append(f"page {place.page}")
    if place.seconds is not None:
        parts.append(f"from {clock(place.seconds[0])} to {clock(place.seconds[1])}")
    if place.box is not None:
        x, y, width, height = place.box
        parts.append(f"a box of {width} x {height} pixels at {x}, {y}")
    if place.rows is not None:
        a, b = place.rows
        parts.append(f"row {a}" if a == b else f"rows {a} to {b}")
    if place.chars is not None:
        parts.append(f"characters {place.chars[0]} to {place.chars[1]}")
    return ", ".join(parts)
