"""How an answer was made, on one line; Enter shows all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_assistant.core.answer import Answer
    from edge_assistant_tui.interface import AppInterface


STATUS = {
    "supported": "supported by the sources",
    "conflict": "the sources conflict",
    "not_in_evidence": "not found in the sources",
    "chat": "no source",
}


class Figures(Static, can_focus=True):
    """What the answer rests on, its time, the route and why, models, tokens a second."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "unfold", "All figures")]
    app: AppInterface

    def __init__(self, answer: Answer) -> None:
        super().__init__(classes="figures")
        self._answer = answer
        self._unfolded = False

    def on_mount(self) -> None:
        """The line."""
        self.update(Content(_brief(self._answer, self.app.gettext)))

    def on_click(self) -> None:
        """A click is as good as Enter."""
        self.action_unfold()

    def action_unfold(self) -> None:
        """Show all, or only the line."""
        self._unfolded = not self._unfolded
        self.set_class(self._unfolded, "unfolded")
        self.update(Content((_full if self._unfolded else _brief)(self._answer, self.app.gettext)))


def _brief(answer: Answer, say: Callable[[str], str]) -> str:
    timings = answer.timings
    parts = [say(STATUS[answer.status]), f"{timings.total_s:.1f} s"]
    if timings.first_token_s is None:
        parts.append(say("no language model used"))
    else:
        parts.append(say("first word after {:.1f} s").format(timings.first_token_s))
    if timings.tokens_per_s is not None:
        parts.append(f"{timings.tokens_per_s:.0f} tokens/s")
    return " · ".join(parts)


def _full(answer: Answer, say: Callable[[str], str]) -> str:
    timings = answer.timings
    lines = [_brief(answer, say), f"route: {answer.route.path}, as {answer.route.why}"]
    if timings.perception_s:
        lines.append("perceived: " + ", ".join(f"{id} in {took:.1f} s" for id, took in timings.perception_s.items()))
    if timings.prompt_tokens:
        lines.append(
            f"tokens: {timings.prompt_tokens} read, {timings.reused_tokens} of them again, "
            f"{timings.completion_tokens} written"
        )
    lines.append("models: " + (", ".join(model.name for model in answer.models) or "none"))
    return "\n".join(lines)
