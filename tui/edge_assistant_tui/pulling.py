"""The app's side of the pipes to its launcher: models are asked for here, and the launcher's end is noticed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from edge_assistant.core.errors import PullFailed

PIPES = "EDGE_ASSISTANT_APP_PIPES"  # the numbers of the pipes that answers come from and requests go to
GONE = {"status": 70, "error": "the launcher is gone", "hint": "start the app again"}


class Puller:
    """Asks the launcher for models.

    Attributes:
        available: whether there is a launcher; without one the app says what to run instead.
    """

    def __init__(
        self, environment: MutableMapping[str, str] | None = None, gone: Callable[[], None] | None = None
    ) -> None:
        """Take the pipes, which no process that the app starts will have.

        Args:
            environment: where the launcher has put their numbers; by default the process's own.
            gone: called once, in a thread, when the launcher has ended: the app has lost its terminal and should end.
        """
        environment = os.environ if environment is None else environment
        pipes = _pipes(environment.pop(PIPES, ""))
        self.available = pipes is not None
        self._gone = gone
        self._answers: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._one = threading.Lock()
        if pipes is not None:
            self._read, self._write = pipes
            threading.Thread(target=self._listen, name="launcher", daemon=True).start()

    def pull(self, name: str, line: Callable[[str], None]) -> int:
        """Have a model or profile pulled; blocks until it is there, or refused, or stopped.

        Args:
            name: of the catalog.
            line: called with each line of progress, in this thread.

        Returns:
            The exit status of the pull, 0 where all is there.

        Raises:
            PullFailed: there is no launcher, it refuses, or it has ended.
        """
        if not self._one.acquire(blocking=False):
            raise PullFailed("a pull is running", "wait for its end, or stop it")
        try:
            self._send(name)
            while "status" not in (answer := self._answers.get()):
                line(str(answer.get("line", "")))
        finally:
            self._one.release()
        if "error" in answer:
            raise PullFailed(str(answer["error"]), str(answer.get("hint", "")))
        return int(answer["status"])

    def cancel(self) -> None:
        """Stop the pull that runs, from any thread; what it has brought is kept for the next one."""
        if self._one.locked():
            with contextlib.suppress(PullFailed):
                self._send(None)

    def close(self) -> None:
        """Ask for nothing more: the launcher stops what it pulls."""
        if self.available:
            self.available = False
            os.close(self._write)

    def _send(self, name: str | None) -> None:
        try:
            if self.available:
                os.write(self._write, json.dumps({"pull": name}).encode() + b"\n")
                return
        except OSError:
            self.available = False
        raise PullFailed("models cannot be pulled from here", f"run 'edge-assistant models pull {name}' in a terminal")

    def _listen(self) -> None:
        """Read answers until the launcher ends."""
        with contextlib.suppress(OSError), open(self._read, "rb") as answers:  # noqa: PTH123 - a descriptor
            for line in answers:
                with contextlib.suppress(ValueError):
                    answer = json.loads(line)
                    if isinstance(answer, dict):
                        self._answers.put(answer)
        self.available = False
        self._answers.put(GONE)
        if self._gone is not None:
            self._gone()


def _pipes(text: str) -> tuple[int, int] | None:
    """The two descriptors, from now on for this process alone; None where there are none."""
    try:
        read, write = map(int, text.split(","))
        os.set_inheritable(read, False)
        os.set_inheritable(write, False)
    except (ValueError, OSError):
        return None
    return read, write
