"""What of a conversation goes into the history; where that cannot be written, the conversation goes on without."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual.message import Message

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant.governance.policy.policy import current
from edge_assistant_tui import messages

if TYPE_CHECKING:
    from edge_assistant.governance.audit.auditor import Auditor
    from edge_assistant.history.store import History, Unsent
    from edge_assistant.session.assistant import Assistant
    from edge_assistant.vault.vault import Vault

_OFFER_S = 60.0  # that what is typed waits for the last conversation to be offered


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
        self._failing = ""  # what went wrong last, and was said
        self._opening = threading.Lock()
        self._lock = threading.RLock()  # of the conversation that is kept, which two threads write to
        self._offered = threading.Event()
        self._notes = ThreadPoolExecutor(1, "notes")
        self._unsent: Unsent | None = None
        self._left: deque[Unsent | None] = deque()  # what was noted last of each that is left and not closed yet

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
        self._unsent = unsent
        with suppress(RuntimeError):  # all is at its end
            self._notes.submit(self._write_unsent)

    def _write_unsent(self) -> None:
        """Keep the latest; that it fails is said where a question is kept, and not at each key."""
        self._offered.wait(_OFFER_S)  # a conversation that begins is no reason not to offer the last one
        with self._lock:
            if not self._left:
                unsent, self._unsent = self._unsent, None
                self._keep_unsent(unsent)

    def _keep_unsent(self, unsent: Unsent | None) -> None:
        with suppress(EdgeAssistantError):
            if unsent is None or not current().keeps_history:
                return
            if self.current is not None or unsent.draft or unsent.inputs:  # nothing does not begin a conversation
                self.current = self.begin()
                self.history.keep_unsent(self.current, unsent)

    def write(self, write: Callable[[History, str], object]) -> None:
        """Write to the history; `write` is given it and the conversation's id, and may raise what it does.

        Where the policy wants none, nothing is written.
        """
        if not current().keeps_history:
            return

        def written() -> None:
            with self._lock:
                self.current = self.begin()
                write(self.history, self.current)

        self.guarded(written)

    def resume(self, id: str) -> None:
        """Go on with a conversation of the history, which nobody else deletes from now on."""
        with self._lock:
            self.current = id
            self.guarded(lambda: self.history.hold(id))

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
        self._left.append(self._unsent)
        self._unsent = None

    def finish(self) -> None:
        """Close the conversation; where there are visitors, the next one is another person."""
        with self._lock:
            if was_left := bool(self._left):
                self._keep_unsent(self._left[0])
            if (id := self.current) is not None:
                self.guarded(lambda: self.history.close(id))
            self.current = self._coming = None
            if was_left:
                self._left.popleft()
            else:
                self._unsent = None
        if self._unsent is not None:
            self.note(self._unsent)
        if current().roles:
            self._forget_caches()

    def quit(self) -> None:
        """Close the file, once what waits is written."""
        self._offered.set()
        self._notes.shutdown()
        if self._history is not None:
            self._history.quit()
