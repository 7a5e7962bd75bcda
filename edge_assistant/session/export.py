"""A conversation as a file to keep or hand on: Markdown for people, JSON for programs, each with the evidence.

What signals say is text here too: in Markdown it becomes no markup, so that no link or picture of an export leads
anywhere by what a signal holds. Of a signal's file only the name goes out. Who exports says whether it is redacted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from edge_assistant import __version__
from edge_assistant.core.answer import Answer, Verdict
from edge_assistant.core.errors import UsageError
from edge_assistant.core.evidence import how_sure
from edge_assistant.core.signals import printable
from edge_assistant.governance.redaction.answers import REDACTED, WHOLE
from edge_assistant.history.conversations import Saved, SavedSignal, SavedTurn
from edge_assistant.reasoning import attribution
from edge_assistant.storage import atomic

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&])")
_BEGINNING = re.compile(r"^(\d+(?=[.)](?:\s|$))|)([-+=.)])")  # of a line that would be a list, a heading or a rule


def write(saved: Saved, path: Path, redact: Callable[[Saved], Saved] | None) -> None:
    """Write a conversation to a file, JSON where its name ends so and Markdown otherwise; whole or not at all.

    Args:
        saved: what is written.
        path: where to.
        redact: puts personal data out of it; None for all as it is, which somebody has to have chosen.

    Raises:
        UsageError: it cannot lie there.
        StorageFull: the disk is full, or nothing may be written there.
    """
    shown, whole = (redact(saved), False) if redact else (saved, True)
    text = as_json(shown, whole=whole) if path.suffix.lower() == ".json" else markdown(shown, whole=whole)
    if path.exists() and not path.is_file():  # a folder, or a device, which must not be replaced by a file
        raise UsageError(f"{printable(path.name)} is no file", "name a file in a folder that is there")
    if not path.parent.is_dir():
        what = f"{printable(path.name)} cannot lie in a folder that does not exist"
        raise UsageError(what, "name a file in a folder that is there")
    hint = "free some space, or choose another folder"
    with atomic.storing(printable(path.name), hint), atomic.writing(path) as stream:
        stream.write(text.encode("utf-8", "replace"))


def as_json(saved: Saved, *, whole: bool) -> str:
    """The conversation as one JSON object; each answer is the contract's object.

    Args:
        saved: what is written.
        whole: whether it is as it was, and not redacted; the object says so.
    """
    signals = [
        {
            "id": kept.signal.id,
            "kind": kept.signal.kind,
            "origin": kept.signal.origin,
            "name": kept.signal.name,
            "sha256": kept.signal.sha256,
            "taken": kept.signal.taken.isoformat(),
            "state": kept.state,
            "removed": kept.removed,
        }
        for kept in saved.signals
    ]
    found = {
        "edge_assistant": __version__,
        "conversation": saved.id,
        "redacted": not whole,
        "redaction": None if whole else REDACTED,
        "title": saved.title,
        "began": saved.began.isoformat(),
        "signals": signals,
        "turns": [{"asked": turn.asked.isoformat(), "answer": turn.answer} for turn in saved.turns],
    }
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def markdown(saved: Saved, *, whole: bool) -> str:
    """The conversation as a page: the signals, then each question with its answer, verdicts and sources.

    Args:
        saved: what is written.
        whole: whether it is as it was, and not redacted; the page says which.
    """
    parts = [f"# {_plain(saved.title)}", f"Begun {_time(saved.began)}, kept by Edge Assistant {__version__}."]
    parts.append(f"**{WHOLE if whole else REDACTED}**")
    if saved.signals:
        head = ("signal", "name", "from", "taken", "now", "sha256")
        parts.append("## Signals\n\n" + _table(head, [_signal_row(kept) for kept in saved.signals]))
    for number, turn in enumerate(saved.turns, 1):
        parts.extend(_turn(number, turn))
    return "\n\n".join(parts) + "\n"


def _signal_row(kept: SavedSignal) -> tuple[str, ...]:
    signal = kept.signal
    state = f"{kept.state}, removed" if kept.removed else str(kept.state)
    return (signal.id, signal.name, signal.origin, _time(signal.taken), state, signal.sha256)


def _turn(number: int, turn: SavedTurn) -> Iterator[str]:
    """The parts of one turn."""
    answer = Answer.from_json(turn.answer)
    yield f"## {number}. {_plain(answer.question) or 'Do the signals agree?'}"
    yield _answered(answer.text)
    yield f"*{answer.status.replace('_', ' ')}*, {_time(turn.asked)}, {_plain(_route(answer))}"
    if answer.verdicts:
        rows = [_verdict_row(verdict) for verdict in answer.verdicts]
        yield "### Verdicts\n\n" + _table(("attribute", "of", "verdict", "values"), rows)
    if sources := list(_sources(answer)):
        yield "### Sources\n\n" + "\n".join(sources)
    if answer.notes:
        yield "### Notes\n\n" + "\n".join(f"- {_plain(f'{note.signal}: {note.text}')}" for note in answer.notes)
    if answer.failed:
        failed = (f"{failure.signal}: {failure.message} - {failure.hint}" for failure in answer.failed)
        yield "### Not used\n\n" + "\n".join(f"- {_plain(line)}" for line in failed)


def _route(answer: Answer) -> str:
    models = ", ".join(model.name for model in answer.models)
    return f"{answer.route.path}: {answer.route.why}{f'; by {models}' if models else ''}"


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    return (verdict.attribute, verdict.subject or "", verdict.status.word, verdict.shown)


def _sources(answer: Answer) -> Iterator[str]:
    """What the answer or one of its verdicts rests on, and what was computed."""
    rests = set(answer.citations)
    rests.update(id for verdict in answer.verdicts for told in verdict.values for id in told.evidence)
    rests.update(id for found in answer.computed for id in found.evidence)
    names = {signal.id: signal.name for signal in answer.signals}
    for item in answer.evidence:
        if item.id in rests:
            place = attribution.place(answer, item)
            where = f"{item.signal} {names.get(item.signal, '')}, {place}{how_sure(item.confidence)}"
            yield f"- [{item.id}] {_plain(where)}: {_plain(attribution.excerpt(answer, item))}"
    for found in answer.computed:
        yield f"- [{found.id}] {_plain(f'{found.formula} = {found.value}')}, from {_ids(found.evidence)}"


def _ids(ids: Sequence[str]) -> str:
    return "".join(f"[{id}]" for id in ids)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """A text in one line, without markup; the ids of sources stay as they are read."""
    escaped = _MARKUP.sub(r"\\\1", printable(" ".join(text.split())))
    return re.sub(r"\\\[([EC]\d+)\\\](?![(:])", r"[\1]", escaped)


def _answered(text: str) -> str:
    """An answer as it is read: what it quotes is text, so 2*3*4 keeps its asterisks and -5 its sign."""
    return "\n".join(_BEGINNING.sub(r"\1\\\2", _plain(line)) for line in text.splitlines())
