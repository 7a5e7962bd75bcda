"""What a question does, written to the audit trail: each event is a row on the disk before a front end sees it.

No row holds content. What came in and what was said stand as digests under the conversation's key: whoever has the
thing and the key can tell that it was this one; from the digest alone, or once the key is destroyed, nobody can.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from edge_assistant import __version__
from edge_assistant.core.answer import Answer, Verdict
from edge_assistant.core.errors import EdgeAssistantError, StorageFull
from edge_assistant.core.events import Answered, Compared, Event, Failed, Perceived, Routed, Said, Watch
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Signal
from edge_assistant.governance.audit.rows import canonical
from edge_assistant.governance.audit.trail import Entry, Trail
from edge_assistant.governance.offline import lock
from edge_assistant.vault.vault import Key

# What of an answer its digest stands for: all but how long it took. What a later version adds is not among it.
DIGESTED = (
    *("question", "answer", "status", "route", "signals", "failed"),
    *("evidence", "computed", "verdicts", "citations", "models"),
)


class Auditor:
    """Writes down what becomes of questions; every method may raise StorageFull and KeyLost."""

    def __init__(self, trail: Trail, conversation: Callable[[], str]) -> None:
        """Prepare.

        Args:
            trail: takes the rows; its vault has the keys of conversations.
            conversation: gives the id of the conversation that goes on now.
        """
        self._trail = trail
        self._conversation = conversation
        self._of = ""  # the conversation that the next are of
        self._known: set[tuple[str, str]] = set()  # ids and sums of signals that are in the trail already

    def note(self, kind: str, body: Mapping[str, Any]) -> None:
        """Write a row of this conversation, such as what the policy decided; nothing in it may be content."""
        self._trail.append(kind, body, self._conversation())

    def took(self, signals: Sequence[Signal]) -> None:
        """Write down the signals that came in, each once."""
        conversation = self._conversation()
        self._write([], signals, conversation, self._key(conversation))

    @contextlib.contextmanager
    def asked(self, verb: str, question: str, signals: Sequence[Signal], watch: Watch) -> Iterator[Watch]:
        """Write down a question and, by what is called with each event, what becomes of it.

        Args:
            verb: `ask` or `check`.
            question: what was said.
            signals: it is about these.
            watch: is called with each event once that is written.
        """
        conversation = self._conversation()
        key = self._key(conversation)
        facts = {
            "verb": verb,
            "digest": _digest(question, key),
            "signals": [signal.id for signal in signals],
            "version": __version__,
            "lock": lock.state().word,
        }
        self._write([("question", facts)], signals, conversation, key)
        said = 0

        def watched(event: Event) -> None:
            nonlocal said
            said += isinstance(event, Said)
            if entry := _entry(event, said, key):
                self._trail.extend([entry], conversation, checkpoint=isinstance(event, Answered))
            watch(event)

        try:
            yield watched
        except BaseException as error:
            with contextlib.suppress(EdgeAssistantError):  # where the trail cannot be written, that is what is raised
                self._trail.append("ended", {"code": _code(error)}, conversation)
            raise

    def filled(self, function: str, text: str, verdicts: Sequence[Verdict]) -> None:
        """Write down what of an answer goes into a client's schema, or into a call of its function.

        Args:
            function: its name; "" of a schema.
            text: the JSON; "" where something is missing that may not be.
            verdicts: on each value, by its path; they go out in any case.
        """
        conversation = self._conversation()
        key = self._key(conversation)
        facts = {
            "function": _digest(function, key) if function else None,
            "digest": _digest(text, key) if text else None,
            "verdicts": [_verdict(verdict, key) for verdict in verdicts],
        }
        self._trail.extend([("filled", facts)], conversation, checkpoint=True)

    def _write(self, entries: Sequence[Entry], signals: Sequence[Signal], conversation: str, key: Key) -> None:
        """Write rows, and those of the signals that the trail does not have yet."""
        if conversation != self._of:
            self._of, self._known = conversation, set()
        fresh = {(signal.id, signal.sha256): signal for signal in signals}
        fresh = {mark: signal for mark, signal in fresh.items() if mark not in self._known}
        rows = [*entries, *(("signal", _signal(signal, key)) for signal in fresh.values())]
        if rows:
            self._trail.extend(rows, conversation)
        self._known.update(fresh)

    def _key(self, conversation: str) -> Key:
        try:
            return self._trail.vault.key(conversation)
        except StorageFull as error:
            self._trail.stopped(error, conversation)
            raise


def answer_digest(found: Mapping[str, Any], key: Key) -> str:
    """The digest of an answer as the contract's object; one that `ask --json` printed has the same.

    Raises:
        KeyError: it is no such object.
    """
    return key.digest(canonical({name: found[name] for name in DIGESTED}).encode())


def _entry(event: Event, said: int, key: Key) -> Entry | None:
    """The row of an event; those that only show how far the work is have none."""
    match event:
        case Routed(route):
            return "route", {"path": route.path, "models": list(route.models)}
        case Perceived(signal, sense, evidence, _):
            return "evidence", _evidence(signal, sense, evidence, key)
        case Failed(failure):
            return "failed", {"signal": failure.signal, "code": failure.code}
        case Compared(verdict):
            return "verdict", _verdict(verdict, key)
        case Said(text):
            return "said", {"sentence": said, "digest": _digest(text, key)}
        case Answered(answer):
            return "answer", _answer(answer, key)
        case _:
            return None


def _signal(signal: Signal, key: Key) -> dict[str, Any]:
    """What came in: the digest is over its SHA-256 sum in hexadecimal, so that nobody needs the bytes twice."""
    size = None if signal.data is None else len(signal.data)
    with contextlib.suppress(OSError):
        size = signal.path.stat().st_size if signal.path else size
    return {
        "signal": signal.id,
        "kind": signal.kind,
        "origin": signal.origin,
        "bytes": size,
        "digest": key.digest(signal.sha256.encode()),
    }


def _evidence(signal: str, sense: str, evidence: Sequence[Evidence], key: Key) -> dict[str, Any]:
    found = canonical([item.to_json() for item in evidence])
    return {
        "signal": signal,
        "sense": sense,
        "evidence": [item.id for item in evidence],
        "digest": key.digest(found.encode()),
    }


def _verdict(verdict: Verdict, key: Key) -> dict[str, Any]:
    """A comparison; what it is about may be a word of a form, and so is a digest like the values."""
    return {
        "status": verdict.status,
        "matter": _digest(verdict.matter, key),
        "values": [{"digest": _digest(told.value, key), "evidence": list(told.evidence)} for told in verdict.values],
    }


def _answer(answer: Answer, key: Key) -> dict[str, Any]:
    return {
        "status": answer.status,
        "text": _digest(answer.text, key),
        "digest": answer_digest(answer.to_json(), key),
        "citations": list(answer.citations),
        "verdicts": len(answer.verdicts),
        "models": [model.to_json() for model in answer.models],
    }


def _digest(text: str, key: Key) -> str:
    return key.digest(text.encode("utf-8", "surrogatepass"))


def _code(error: BaseException) -> str:
    """Why there is no answer, in a word that says nothing of content."""
    if isinstance(error, EdgeAssistantError):
        return error.code
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "fault"
