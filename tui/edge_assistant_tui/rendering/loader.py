"""One thread that makes things ready to be shown: the newest wish is done, older ones are given up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_tui.rendering.decoder import Decoded, Superseded

_log = logging.getLogger("edge_assistant.app")  # below the logger whose records reach the file
Job = Callable[[Decoded], object]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be shown: what happened and what to do."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Wish:
    job: Job
    told: Callable[[object], object]


class Loader:
    """Does one job at a time, away from the interface; it ends when nothing was wanted for a while."""

    IDLE = 30.0  # seconds after which what was decoded is let go

    def __init__(self) -> None:
        self._wish: _Wish | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def want(self, job: Job, told: Callable[[object], object]) -> None:
        """Do a job instead of what is done and waits.

        Args:
            job: makes something out of what is decoded; raises EdgeAssistantError.
            told: is called with what was made or with a `Problem`, in the loader's thread, unless something else is
                wanted by then.
        """
        with self._changed:
            self._wish = _Wish(job, told)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
                self._thread.start()
            self._changed.notify()

    def drop(self) -> None:
        """Nothing is wanted any more."""
        with self._changed:
            self._wish = None

    def close(self) -> None:
        """Let go of everything now."""
        with self._changed:
            self._wish, self._closed = None, True
            self._changed.notify()

    def _run(self) -> None:
        decoded = Decoded(lambda: None)
        while (wish := self._next()) is not None:
            decoded.check = lambda wish=wish: self._check(wish)  # type: ignore[misc]
            try:
                made: object = wish.job(decoded)
            except Superseded:
                continue
            except EdgeAssistantError as error:
                made = Problem(error.message, error.hint)
            except Exception as error:
                _log.exception("fault while something was made ready to be shown")
                made = Problem(f"it cannot be shown ({type(error).__name__})", "the log has the details")
            with self._changed:
                wanted = self._wish is wish
                if wanted:
                    self._wish = None
            if wanted:
                wish.told(made)

    def _next(self) -> _Wish | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wish is not None or self._closed, self.IDLE)
            if self._wish is None:
                self._thread = None
            return self._wish

    def _check(self, wish: _Wish) -> None:
        if self._wish is not wish:
            raise Superseded
