"""Models that the launcher pulls for the app, over pipes, told of in messages; and which are missing."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from textual.message import Message

from edge_assistant_tui import messages
from edge_assistant_tui.options import PIPES


class Pulls:
    """Asks the launcher for models, one pull at a time.

    Attributes:
        available: whether there is a launcher; without one the app says what to run instead.
        name: the model or profile that is pulled; None where nothing is.
        line: the last line of its progress.
        tried: whether one was begun since the app started.
        stopped: whether the person stopped it.
    """

    def __init__(
        self,
        post: Callable[[Message], Any],
        environment: MutableMapping[str, str] | None = None,
        gone: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the pipes, which no process that the app starts will have.

        Args:
            post: hands a message to the app; may be called from any thread.
            environment: where the launcher has put the pipes' numbers; by default the process's own.
            gone: called once, in a thread, when the launcher has ended: the app has lost its terminal and should end.
        """
        environment = os.environ if environment is None else environment
        pipes = _pipes(environment.pop(PIPES, ""))
        self.available = pipes is not None
        self._post = post
        self._gone = gone
        self.name: str | None = None
        self.line = ""
        self.tried = self.stopped = False
        if pipes is not None:
            self._read, self._write = pipes
            threading.Thread(target=self._listen, name="launcher", daemon=True).start()

    def start(self, name: str) -> None:
        """Begin to pull a model or profile of the catalog."""
        if self.name is not None:
            self._post(messages.Notice("a pull is running", "wait for its end, or stop it"))
            return
        self.name, self.line, self.tried, self.stopped = name, "asking the launcher", True, False
        if not self._send(name):
            hint = f"run 'edge-assistant models pull {name}' in a terminal"
            self._post(messages.PullEnded(name, False, "models cannot be pulled from here", hint))

    def cancel(self) -> None:
        """Stop the pull that runs; what it has brought is kept for the next one."""
        if self.name is not None:
            self.stopped = True
            self._send(None)

    def ended(self) -> None:
        """The app knows that it is over."""
        self.name, self.line = None, ""

    def close(self) -> None:
        """Ask for nothing more: the launcher stops what it pulls."""
        if self.available:
            self.available = False
            os.close(self._write)

    def _send(self, name: str | None) -> bool:
        """Whether the launcher was asked."""
        if self.available:
            try:
                os.write(self._write, json.dumps({"pull": name}).encode() + b"\n")
            except OSError:
                self.available = False
        return self.available

    def _listen(self) -> None:
        """Read answers until the launcher ends."""
        last = ""
        with contextlib.suppress(OSError), open(self._read, "rb") as answers:  # noqa: PTH123 - a descriptor
            for line in answers:
                with contextlib.suppress(ValueError):
                    last = self._answered(json.loads(line), last)
        self.available = False
        if self.name is not None:
            self._post(messages.PullEnded(self.name, False, "the launcher is gone", "start the app again"))
        self._gone()

    def _answered(self, answer: Any, last: str) -> str:  # noqa: ANN401 - JSON
        """Tell what the launcher says of the pull; gives its last line, which says why it failed."""
        if not isinstance(answer, dict) or self.name is None:
            return last
        if "status" not in answer:
            line = str(answer.get("line", ""))
            self._post(messages.PullSaid(self.name, line))
            return line
        message, _, hint = last.removeprefix("error: ").partition(" - ")
        message, hint = str(answer.get("error", message)), str(answer.get("hint", hint))
        self._post(messages.PullEnded(self.name, answer["status"] == 0, message, hint))
        return ""


def _pipes(text: str) -> tuple[int, int] | None:
    """The two descriptors, from now on for this process alone; None where there are none."""
    try:
        read, write = map(int, text.split(","))
        os.set_inheritable(read, False)
        os.set_inheritable(write, False)
    except (ValueError, OSError):
        return None
    return read, write


def missing(profile: str, instead: Mapping[str, str]) -> tuple[str, ...]:
    """The models that a profile needs and that are not in the store.

    Args:
        profile: its name.
        instead: models by role that are used instead of its own.
    """
    from edge_assistant_models.portfolio import Portfolio
    from edge_assistant_models.store import ModelState

    portfolio = Portfolio()
    chosen, optional = portfolio.resolve(profile) | dict(instead), portfolio.profile(profile).optional
    names = (name for role, name in chosen.items() if role not in optional)
    return tuple(name for name in names if portfolio.state(name) is not ModelState.INSTALLED)
