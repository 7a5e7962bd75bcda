"""The demo's three examples: their signals are attached, their question stands in the prompt."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets.option_list import Option

from edge_assistant_tui.screens.conversation import ConversationScreen
from edge_assistant_tui.screens.place import PlaceScreen
from edge_assistant_tui.widgets.option_list import OptionList
from edge_assistant_tui.widgets.prompt import Prompt
from edge_assistant_tui.widgets.signals import SignalList
from edge_assistant_tui.widgets.turn import Turn


@dataclass(frozen=True, slots=True)
class Example:
    """A question over files of the folder `examples`."""

    title: str
    about: str
    files: tuple[str, ...]
    question: str


EXAMPLES = (
    Example(
        "A clinic",
        "An intake form says one thing about allergies, the patient another; readings from the monitor.",
        ("clinic/form.jpg", "clinic/note.wav", "clinic/vitals.csv"),
        "What is the patient allergic to?",
    ),
    Example(
        "A production line",
        "A picture of the belt, the motor's readings, a remark from the shift before.",
        ("line/camera.jpg", "line/motor.csv", "line/remark.txt"),
        "When was the alarm limit first exceeded?",
    ),
    Example(
        "An expense claim",
        "A receipt, and the claim as it was spoken.",
        ("expense/receipt.jpg", "expense/claim.wav"),
        "Does the claim agree with the receipt on the amount?",
    ),
)


class Examples(PlaceScreen):
    """Three examples; Enter begins a conversation with one."""

    NAME = "examples"
    TITLE = "Examples"
    KEY = "f6"
    HELP = "Begin with an example's signals and question"

    def body(self) -> ComposeResult:
        """A list."""
        yield OptionList(*(Option(_shown(example), id=str(at)) for at, example in enumerate(EXAMPLES)), id="body")

    def on_mount(self) -> None:
        """Enter takes the first."""
        options = self.query_one(OptionList)
        options.focus()
        options.highlighted = 0

    @on(OptionList.OptionSelected)
    async def _told_selected(self, event: OptionList.OptionSelected) -> None:
        if self.app.screen is not self:  # a second Enter
            return
        example = EXAMPLES[event.option_index]
        self.dismiss()
        conversation = self.app.conversation
        assert isinstance(conversation, ConversationScreen)
        if conversation.query_one(SignalList).entries or conversation.query(Turn):
            await conversation.begin_anew()
        for path in paths(example):
            self.app.work.attach(path)
        prompt = conversation.query_one(Prompt)
        prompt.put(example.question)
        prompt.focus()


def paths(example: Example) -> tuple[Path, ...]:
    """The files of an example; they come with the package."""
    folder = Path(str(resources.files("edge_assistant_tui"))) / "examples"
    return tuple(folder / name for name in example.files)


def _shown(example: Example) -> Content:
    return Content.assemble(
        (example.title, "bold"),
        f"\n  {example.about}",
        ("\n  Asks: ", "$text-muted"),
        example.question,
        (f"\n  {', '.join(name.partition('/')[2] for name in example.files)}\n", "$text-muted"),
    )
