"""One turn of the conversation: the question, the answer as it comes, the verdicts, the sources, how it was made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Markdown, Static

from edge_assistant.core.events import Answered, Compared, Perceiving, Reading, Routed, Said, Thinking, Waiting
from edge_assistant_tui import citation_links
from edge_assistant_tui.rendering.texts import plain
from edge_assistant_tui.widgets.figures import Figures
from edge_assistant_tui.widgets.sources import Sources
from edge_assistant_tui.widgets.verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.widgets._markdown import MarkdownStream

    from edge_assistant.core.answer import Answer, Verdict
    from edge_assistant.core.events import Event
    from edge_assistant_tui.interface import AppInterface

MORE = "more may follow: each sentence is shown once it is checked"
CHECK = "Compare the signals"  # what stands where a question would, for a comparison without one


class Turn(Vertical):
    """A question and its answer.

    Attributes:
        number: from 1, as messages name it.
        question: as it was sent; None for a comparison without one.
        answer: once it is complete.
    """

    app: AppInterface

    @dataclass
    class Cited(Message):
        """A citation was chosen."""

        answer: Answer
        id: str

    def __init__(self, number: int, question: str | None) -> None:
        super().__init__(id=f"turn-{number}", classes="turn")
        self.number = number
        self.question = question
        self.answer: Answer | None = None
        self.over = False
        self._sentences: list[str] = []
        self._verdicts: list[Verdict] = []
        self._stream: MarkdownStream | None = None

    def compose(self) -> ComposeResult:
        """The question, then what happens."""
        say = self.app.gettext
        yield Static(Content(plain(self.question or say(CHECK))), classes="question")
        yield Static(say("waiting"), classes="working")
        yield Markdown("", classes="answer", open_links=False)

    async def tell(self, event: Event) -> None:
        """Show what happened while it is answered; each step of the reasoning is for `ask --trace` alone."""
        if isinstance(event, Answered):
            await self._end(event.answer)
        if self.over:
            return
        match event:
            case Routed(route):
                self._working(route.path)
            case Waiting():
                self._working("waits: another edge-assistant is computing")
            case Thinking():
                self._working("thinking")
            case Reading(signal):
                self._working("the language model reads {}", signal)
            case Perceiving(signal, "speech", _):
                self._working("hearing {}", signal)
            case Perceiving(signal, sense, _):
                self._working("looks at {} for {}", signal, sense)
            case Compared(verdict):
                self._verdicts.append(verdict)
                await self._judge(self._verdicts)
            case Said(text):
                await self._say(text)

    def _working(self, what: str, *of: str) -> None:
        said = self.app.gettext(what).format(*of)
        for line in self.query(".working").results(Static):  # none where the conversation was left meanwhile
            line.update(Content(f"… {said}"))

    async def _say(self, sentence: str) -> None:
        markdown = self.query_one(Markdown)
        if self._stream is None:
            self._stream = Markdown.get_stream(markdown)
        self._sentences.append(sentence)
        await self._stream.write(citation_links.linked(sentence) + " ")
        self._working(MORE)

    async def _end(self, answer: Answer) -> None:
        """The answer is complete: verdicts, sources and figures stand under it."""
        self.answer = answer
        await self.close()
        for words in self.query(Markdown) if not self._sentences else ():
            await words.update(citation_links.linked(answer.text))
        await self._judge(answer.verdicts)
        for line in answer.unquoted:
            await self._add(Static(Content(plain(line)), classes="note"))
        if answer.citations or answer.computed:
            await self._add(Sources(answer))
        await self._add(Figures(answer))

    async def _judge(self, verdicts: Sequence[Verdict]) -> None:
        """Show verdicts, and a conflict among them at a glance."""
        shown = self.query(Verdicts)
        if shown and verdicts:
            shown.first().show(verdicts)
        elif shown:
            await shown.remove()
        elif verdicts:
            await self._add(Verdicts(verdicts))
        self.set_class(any(verdict.status == "conflict" for verdict in verdicts), "conflict")

    async def _add(self, widget: Widget) -> None:
        """Put something under the answer, unless the turn is gone by now, as when the app was left meanwhile."""
        if self.is_attached:
            await self.mount(widget)

    async def stopped(self) -> None:
        """The person stopped it; what was said stays."""
        await self._ended("stopped", "stopped")

    async def unanswered(self) -> None:
        """The app ended, or another conversation began, while it was answered."""
        await self._ended("not answered - Up brings it back", "stopped")

    async def failed(self, message: str, hint: str) -> None:
        """There is no answer."""
        await self._ended(f"error: {message} - {hint}", "failed")

    async def _ended(self, text: str, classes: str) -> None:
        if self.over:
            return
        await self.close()
        await self._add(Static(Content(self.app.gettext(text)), classes=classes))

    async def close(self) -> None:
        """Nothing more is to be said."""
        self.over = True
        stream, self._stream = self._stream, None
        if stream is not None:  # one that had not begun is cancelled, which is not meant for whoever waits for that
            await asyncio.gather(stream.stop(), return_exceptions=True)
        await self.query(".working").remove()

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """A citation in the text; other links lead nowhere, for an answer holds none of its own."""
        event.stop()
        id = citation_links.cited(event.href)
        if id is not None and self.answer is not None:
            self.post_message(self.Cited(self.answer, id))

    def on_sources_chosen(self, event: Sources.Chosen) -> None:
        """A source under the answer."""
        event.stop()
        if self.answer is not None:
            self.post_message(self.Cited(self.answer, event.id))
