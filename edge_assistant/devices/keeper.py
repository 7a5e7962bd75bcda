"""Keeps one device open in a thread of its own, and gets it back when it was lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from edge_assistant.core.errors import DeviceEnded, DeviceError, EdgeAssistantError
from edge_assistant.devices.device import Change, Device

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT = 0.25, 2.0  # seconds between tries to get a lost device back; doubled from try to try
STOP_WITHIN = 5.0  # seconds; a driver that hangs longer than this is left to its (daemon) thread

logger = logging.getLogger(__name__)


class Keeper(Generic[T]):
    """Reads a device in a thread of its own until it is stopped.

    `give` and `changed` are called in that thread and must not wait for the one that calls `stop`. The text beside a
    change is one line for a person: the name of the device, or what is wrong and what to do.
    """

    def __init__(self, device: Device[T], give: Callable[[T], None], changed: Callable[[Change, str], None]) -> None:
        self.device = device
        self._give, self._changed = give, changed
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the device is kept: open, or lost and tried again."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; nothing happens where it runs."""
        if not self.running:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name=f"keeper of {self.device.name}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Close the device and wait until its thread is at its end: as long as one `read` takes."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_WITHIN)

    def _run(self) -> None:
        try:
            self._keep()
            change, text = Change.CLOSED, self.device.name
        except DeviceEnded as error:
            change, text = Change.CLOSED, str(error)
        except EdgeAssistantError as error:
            change, text = Change.FAILED, str(error)
        except Exception as error:  # a thread that ends in silence would leave the device shown as open
            logger.exception("%s failed", self.device.name)
            change, text = Change.FAILED, f"{self.device.name} failed ({type(error).__name__}) - switch it on again"
        finally:
            self.device.close()
        self._changed(change, text)

    def _keep(self) -> None:
        """Open the device and read it until it is stopped, is over, or fails.

        It is back when it gives something: a camera that can be opened and gives no picture is still lost.
        """
        self.device.open()
        self._changed(Change.OPENED, self.device.name)
        lost, wait = False, FIRST_WAIT
        while not self._stopping.is_set():
            try:
                if lost:
                    self.device.open()
                item = self.device.read()
            except DeviceEnded:
                raise
            except EdgeAssistantError as error:
                if not lost and not isinstance(error, DeviceError):
                    raise
                self.device.close()
                if not lost:
                    self._changed(Change.LOST, str(error))
                self._stopping.wait(wait)
                lost, wait = True, min(2 * wait, LONGEST_WAIT)
                continue
            if lost:
                self._changed(Change.BACK, self.device.name)
                lost, wait = False, FIRST_WAIT
            if item is not None:
                self._give(item)
