"""Devices that do what a script says, and a record of what a keeper tells of one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from edge_assistant.devices.device import Change, Device
from edge_assistant.devices.keeper import Keeper

PATIENCE = 20.0  # seconds until a test gives up; nothing is asserted on how long anything took


class Scripted:
    """A device whose opens and reads give, one after the other, what stands in the script, or raise it.

    At the script's end it gives None for ever, as a device does from which nothing comes.
    """

    def __init__(self, *script: Any, opens: Iterable[Exception | None] = ()) -> None:
        self.name = "a device"
        self._script, self._opens = list(script), list(opens)
        self.opened = self.closed = self.tried = 0

    def open(self) -> None:
        self.tried += 1
        if self._opens and (error := self._opens.pop(0)) is not None:
            raise error
        self.opened += 1

    def read(self) -> Any:
        if not self._script:
            time.sleep(0.01)
            return None
        item = self._script.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1


class Kept:
    """A device under a keeper, with all that it gave and all that was told of it."""

    def __init__(self, device: Device[Any], give: Callable[[Any], None] | None = None) -> None:
        self.items: list[Any] = []
        self.told: list[tuple[Change, str]] = []
        self._came = threading.Condition()
        self.keeper: Keeper[Any] = Keeper(device, give or self._give, self._changed)

    def __enter__(self) -> Kept:
        self.keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.keeper.stop()

    @property
    def changes(self) -> list[Change]:
        return [change for change, _ in self.told]

    def wait(self, happened: Callable[[], Any]) -> None:
        """Wait until something is so."""
        with self._came:
            assert self._came.wait_for(happened, PATIENCE), (self.told, len(self.items))

    def until(self, change: Change, count: int = 1) -> str:
        """Wait until a change was told so many times; its line."""
        self.wait(lambda: self.changes.count(change) >= count)
        return [text for this, text in self.told if this is change][count - 1]

    def _give(self, item: Any) -> None:
        with self._came:
            self.items.append(item)
            self._came.notify_all()

    def _changed(self, change: Change, text: str) -> None:
        with self._came:
            self.told.append((change, text))
            self._came.notify_all()
