"""What of a conversation goes into the history; where that cannot be written, the conversation goes on without."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.governance.policy.policy import current
from edge_assistant_tui import messages

if TYPE_CHECKING:
    from edge_assistant.governance.audit.auditor import Auditor
    from edge_assistant.history.store import History, Saved, Unsent
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.vault.vault import Vault

_OFFER_S = 60.0  # that what is typed waits for the last conversation to be offered


@dataclass
class _Open:
    """A conversation that is not closed yet."""

    unsent: Unsent | None = None  # what was noted last and is not kept yet
    visited: bool = False  # whether a visitor takes part in it


class Keeping:
    """The history, opened when it is first needed, and the conversation that is kept in it now.

    Attributes:
        current: its id; None where nothing of it is kept yet.
    """

    def __init__(
        self, post: Callable[[Message], Any], assistant: Callable[[], Assistant | None] = lambda: None
    ) -> None:
        """Prepare.

        Args:
            post: hands a message to the app.
            assistant: gives what remembers signals in memory, too, once there is one.
        """
        self.current: str | None = None
        self._coming: str | None = None  # the id of this conversation while nothing of it is kept
        self._post = post
        self._assistant = assistant
        self._history: History | None = None
        self._open = deque([_Open()])  # the last is the one that is shown, those before it were left
        self._failing = ""  # what went wrong last, and was said
        self._opening = threading.Lock()
        self._lock = threading.RLock()  # of the conversation that is kept, which two threads write to
        self._offered = threading.Event()
        self._notes = ThreadPoolExecutor(1, "notes")

    @property
    def history(self) -> History:
        """The history, for any thread; its methods may raise what `History` says."""
        with self._opening:
            if self._history is None:
                from edge_assistant.history.store import History

                self._history = History()
            return self._history

    def offer(self) -> None:
        """Complete a forgetting that was killed, then offer what the last run did not end."""

        def offered() -> None:
            from edge_assistant.governance import erasure

            if erasure.pending():
                self._forgetting(lambda: erasure.complete(self.history))
            if self.current is None and current().may("history") and (saved := self.history.unfinished()) is not None:
                self._post(messages.Unfinished(saved))
            if note := self.history.note:
                self._post(messages.Notice("History", note, "warning"))

        try:
            self.guarded(offered)
        finally:
            self._offered.set()

    def begin(self) -> str:
        """The id of this conversation, also where nothing of it is kept yet."""
        with self._lock:
            self._coming = self.current or self._coming or self.history.begin()
            return self._coming

    def note(self, unsent: Unsent) -> None:
        """Keep what is typed and not answered; in a thread of its own, as the one that computes may be busy."""
        self._open[-1].unsent = unsent
        if unsent.draft or unsent.inputs:
            self.join()
        with suppress(RuntimeError):  # all is at its end
            self._notes.submit(self._write_unsent)

    def _write_unsent(self) -> None:
        """Keep the latest; that it fails is said where a question is kept, and not at each key."""
        self._offered.wait(_OFFER_S)  # a conversation that begins is no reason not to offer the last one
        with self._lock:
            if len(self._open) == 1:
                self._keep_unsent()

    def _keep_unsent(self) -> None:
        unsent, self._open[0].unsent = self._open[0].unsent, None
        with suppress(EdgeAssistantError):
            if unsent is None:
                return
            something = self.current is not None or unsent.draft or unsent.inputs
            if something and self._keeps():  # nothing does not begin a conversation
                self.current = self.begin()
                self.history.keep_unsent(self.current, unsent)

    def write(self, write: Callable[[History, str], object]) -> None:
        """Write to the history; `write` is given it and the conversation's id, and may raise what it does.

        Where the policy wants none, or a visitor is there, nothing is written.
        """
        if not self._keeps():
            return

        def written() -> None:
            with self._lock:
                self.current = self.begin()
                write(self.history, self.current)

        self.guarded(written)

    def join(self, at: int = -1) -> None:
        """Whoever is there takes part in the latest conversation; of a visitor's, no more is kept."""
        self._open[at].visited |= not current().unlocked

    def _keeps(self) -> bool:
        """Whether the first conversation is kept; once a visitor was there, it is not, whoever unlocks what."""
        self.join(0)
        return current().keeps_history and not self._open[0].visited

    def resume(self, saved: Saved) -> None:
        """Go on with a conversation of the history, which nobody else deletes from now on; say what is missing."""
        with self._lock:
            self.current = saved.id
            self.guarded(lambda: self.history.hold(saved.id))
        if saved.lost:
            self._post(messages.Notice("History", f"{saved.lost} parts of this conversation cannot be read", "warning"))
        for kept in (one for one in saved.signals if one.state != "ready" and not one.removed):
            what = f"{kept.signal.name} is {kept.state} since"
            self._post(messages.Notice(what, "attach it again to ask about its new content"))

    def expire(self, days: int) -> None:
        """Forget what nothing was added to for some days; what is open stays."""

        def expired() -> None:
            from edge_assistant.governance import erasure
            from edge_assistant.vault import caches

            cached = caches.kept_bytes()
            if erasure.expire(days, self.history) or caches.kept_bytes() < cached:
                self.let_go()

        self.guarded(expired)

    def auditor(self) -> Auditor:
        """What writes down what is asked in this conversation, with the key of it."""
        from edge_assistant.governance.audit.auditor import Auditor
        from edge_assistant.governance.audit.trail import Trail

        return Auditor(Trail(vault=self.history.vault), self.begin)

    def caches(self, *, wanted: bool) -> Vault | None:
        """What has the keys of caches; None where none is wanted or allowed, and then those that are there go."""
        if wanted and current().keeps_caches:
            return self.history.vault
        self._forget_caches()
        return None

    def let_go(self) -> None:
        """Let memory go the way of what was forgotten; in the thread that computes."""
        if (assistant := self._assistant()) is not None:
            assistant.forget()

    def _forget_caches(self) -> None:
        def forgotten() -> None:
            from edge_assistant.governance import erasure

            self._forgetting(lambda: erasure.forget_caches(self.history.vault))

        self.guarded(forgotten)

    def _forgetting(self, forget: Callable[[], object]) -> None:
        """Forget on the disk and in memory, the latter whatever becomes of the former."""
        try:
            forget()
        finally:
            self.let_go()

    def guarded(self, job: Callable[[], object]) -> None:
        """Do something with the history; that it fails is said, once until it works again, and no more than that."""
        try:
            job()
        except EdgeAssistantError as error:
            if error.message != self._failing:
                hint = f"The history is not written: {error.hint}"
                self._post(messages.Notice(error.message, hint, "warning", None))
            self._failing = error.message
        else:
            self._failing = ""

    def leave(self) -> None:
        """What is noted from now on belongs to the next conversation; this one is closed later."""
        self._open.append(_Open())

    def finish(self) -> None:
        """Close the conversation; where there are visitors, the next one is another person."""
        with self._lock:
            if was_left := len(self._open) > 1:
                self._keep_unsent()
            if (id := self.current) is not None:
                self.guarded(lambda: self.history.close(id))
            self.current = self._coming = None
            if was_left:
                self._open.popleft()
                self._post(messages.ConversationClosed())
            else:
                self._open[0] = _Open()
        if (unsent := self._open[-1].unsent) is not None:
            self.note(unsent)
        if current().roles:
            self._forget_caches()

    def quit(self) -> None:
        """Close the file, once what waits is written."""
        self._offered.set()
        self._notes.shutdown()
        if self._history is not None:
            self._history.quit()
