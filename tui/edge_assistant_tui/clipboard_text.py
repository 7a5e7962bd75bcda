"""An answer or one of its sources as text for the clipboard, redacted where the policy lets nothing else out."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.core.evidence import how_sure
from edge_assistant.reasoning import attribution
from edge_assistant_tui.rendering.texts import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_assistant.core.answer import Answer
    from edge_assistant_tui.interface import AppInterface


def copy(app: AppInterface, answer: Answer, id: str | None = None) -> None:
    """Have the terminal copy an answer with its sources, or one source by its id; what came of it is said."""
    if app.roles.refuses("export"):
        return
    try:
        redacted = not app.policy.exports_as_it_is
        if redacted:
            app.policy.check_export(".md", redacted=True)
    except EdgeAssistantError as error:
        app.notify(error.hint, title=error.message, severity="warning", markup=False)
        return
    app.copy_to_clipboard(plain(text(without_personal_data(answer) if redacted else answer, id)))
    what = f"Source {id}" if id else "The answer"
    how = ", redacted; check it before you pass it on" if redacted else ""
    app.notify(f"{what} was sent to the terminal's clipboard{how}.", title="Copied")


def without_personal_data(answer: Answer) -> Answer:
    """An answer with pseudonyms, as an export has it."""
    from edge_assistant.governance.redaction.answers import AnswerRedaction
    from edge_assistant.governance.redaction.redactor import Redactor

    redaction = AnswerRedaction(Redactor(secrets.token_bytes(32)))
    redaction.text(answer.question)
    return redaction.answer(answer)


def text(answer: Answer, id: str | None = None) -> str:
    """The question, the answer, instructions in signals and the sources, one a line; with an id that source alone."""
    computed = {found.id for found in answer.computed}
    lines = {
        source: f"[{source}] {what}, {where}" if source in computed else f"[{source}] {where}: {what}"
        for source, what, where in sources(answer)
    }
    if id is not None:
        return lines.get(id, "")
    said = [part for part in (answer.question, answer.text, *answer.unquoted) if part]
    return "\n".join([*said, "", *lines.values()]).strip()


def sources(answer: Answer) -> Iterator[tuple[str, str, str]]:
    """The id of each source, what it says, and where that stands or what it is computed from."""
    evidence = {item.id: item for item in answer.evidence}
    names = {signal.id: signal.name for signal in answer.signals}
    for item in (evidence[id] for id in answer.citations if id in evidence):
        where = f"{names.get(item.signal, item.signal)}, {attribution.place(answer, item)}{how_sure(item.confidence)}"
        yield item.id, attribution.excerpt(answer, item), where
    for found in answer.computed:
        yield found.id, f"{found.formula} = {found.value}", f"from {', '.join(found.evidence)}"
