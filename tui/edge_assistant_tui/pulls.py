"""The pull that runs, whichever place one looks at: a thread waits for the launcher and tells in messages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from textual.message import Message

from edge_assistant.core.errors import PullFailed
from edge_assistant_tui import messages
from edge_assistant_tui.pulling import Puller


class Pulls:
    """One pull at a time.

    Attributes:
        name: the model or profile that is pulled; None where nothing is.
        line: the last line of its progress.
        tried: whether one was begun since the app started.
        stopped: whether the person stopped it.
    """

    def __init__(self, puller: Puller, post: Callable[[Message], Any]) -> None:
        """Prepare.

        Args:
            puller: asks the launcher.
            post: hands a message to the app; may be called from any thread.
        """
        self._puller = puller
        self._post = post
        self.name: str | None = None
        self.line = ""
        self.tried = self.stopped = False

    def start(self, name: str) -> None:
        """Begin to pull a model or profile; what comes of it is told."""
        if self.name is not None:
            self._post(messages.Refused("a pull is running", "wait for its end, or stop it"))
            return
        self.name, self.line, self.tried, self.stopped = name, "asking the launcher", True, False
        threading.Thread(target=self._pull, args=(name,), name="pull", daemon=True).start()

    def cancel(self) -> None:
        """Stop it; what it has brought is kept for the next one."""
        if self.name is not None:
            self.stopped = True
            self._puller.cancel()

    def ended(self) -> None:
        """The app knows that it is over."""
        self.name, self.line = None, ""

    def _pull(self, name: str) -> None:
        last = ""

        def said(line: str) -> None:
            nonlocal last
            last = line
            self._post(messages.PullSaid(name, line))

        try:
            status = self._puller.pull(name, said)
        except PullFailed as error:
            self._post(messages.PullEnded(name, False, error.message, error.hint))
        else:
            message, _, hint = last.removeprefix("error: ").partition(" - ")
            self._post(messages.PullEnded(name, status == 0, message, hint))
