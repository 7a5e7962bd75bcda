"""What sees and hears, in threads of its own: devices are kept, and what they give is told in messages.

Nothing here is state of the app: the handlers of `widgets/capture.py` have that. Devices are opened and closed one
after the other in one thread, because a driver may take its time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from textual.message import Message

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_tui import halfblocks, messages
from edge_assistant_tui.interrupting import Interruption

if TYPE_CHECKING:
    from edge_assistant.devices.camera import Frame
    from edge_assistant.devices.keeper import Keeper
    from edge_assistant.perception.live import Endpointer, Heard

Post = Callable[[Message], Any]
NEVER = math.inf  # a pause that ends nothing: push-to-talk
_TAIL = 0.25  # seconds heard after the key that ends push-to-talk: the driver is late, and people are early
_LEVELS = 3  # windows of 32 ms to one level that is shown


class Writes(Protocol):
    """What writes down speech, such as the worker; each returns at once."""

    def begin_hearing(self) -> None:
        """Somebody begins to speak."""

    def hear(self, samples: Any, final: bool) -> None:  # noqa: ANN401
        """Is given what is said, f32 [n] at 16 kHz, and whether that is all."""

    def expect(self, samples: Any) -> None:  # noqa: ANN401
        """Is given what may be all; None where it is not, or is dropped."""


class Looking:
    """Keeps the camera.

    Attributes:
        frame: its newest picture; None while it is off.
        cells: how large the preview is; None while it is not to be seen.
    """

    def __init__(self, post: Post, jobs: ThreadPoolExecutor) -> None:
        self._post = post
        self._jobs = jobs
        self._keeper: Keeper[Frame] | None = None
        self._number = 0
        self._undrawn = False
        self.frame: Frame | None = None
        self.cells: tuple[int, int] | None = None

    def start(self, chosen: str | None) -> int:
        """Switch a camera on; the number is that of its changes."""
        from edge_assistant.devices import chosen as devices
        from edge_assistant.devices.keeper import Keeper

        self._number += 1
        number, self._undrawn = self._number, False
        told = _telling(self._post, "camera", number)
        try:
            self._keeper = Keeper(devices.camera(chosen), self._give, told)
        except EdgeAssistantError as error:  # the policy refuses it
            self._post(messages.DeviceChanged("camera", number, "failed", str(error)))
        else:
            self._jobs.submit(self._keeper.start)
        return number

    def stop(self) -> None:
        """Switch it off."""
        if self._keeper is not None:
            self._jobs.submit(self._end, self._keeper)
            self._keeper = None

    def drawn(self) -> None:
        """The last picture is on the screen; until then others are left out, so that a busy app is not held up."""
        self._undrawn = False

    def _give(self, frame: Frame) -> None:
        self.frame = frame
        if self._undrawn or self.cells is None:
            return
        self._undrawn = True
        self._post(messages.Pictured(halfblocks.picture(frame.rgb, *self.cells)))

    def _end(self, keeper: Keeper[Frame]) -> None:
        keeper.stop()
        if self._keeper is None:
            self.frame = None


class Listening:
    """Keeps the microphone, and tells what is said into it.

    Attributes:
        pause_s: seconds of silence that end what is said; may be changed at any time.
    """

    def __init__(
        self,
        post: Post,
        jobs: ThreadPoolExecutor,
        open_endpointer: Callable[[], Endpointer],
        writes: Writes,
        speaking: Callable[[], bool],
        sounding: Callable[[], bool],
    ) -> None:
        """Be ready.

        Args:
            post: tells the app.
            jobs: where devices are opened and closed.
            open_endpointer: opens what hears when somebody has finished; called in the microphone's thread.
            writes: is given what is said.
            speaking: whether the assistant speaks, or did a moment ago: it must not hear itself.
            sounding: whether that can be heard by now.
        """
        self._post = post
        self._jobs = jobs
        self._open = open_endpointer
        self._writes = writes
        self._speaking, self._sounding = speaking, sounding
        self._endpointer: Endpointer | None = None
        self._interruption: Interruption | None = None
        self._keeper: Keeper[Any] | None = None
        self._number = 0
        self._loud: list[float] = []
        self._unshown = False
        self.pause_s = NEVER

    def start(self, chosen: str | None, pause_s: float) -> int:
        """Switch a microphone on; the number is that of its changes."""
        from edge_assistant.devices import chosen as devices
        from edge_assistant.devices.keeper import Keeper

        self._number += 1
        number, self.pause_s, self._unshown = self._number, pause_s, False
        told = _telling(self._post, "microphone", number)
        try:
            self._keeper = Keeper(devices.microphone(chosen), self._give, told)
        except EdgeAssistantError as error:  # the policy refuses it
            self._post(messages.DeviceChanged("microphone", number, "failed", str(error)))
            self._post(messages.SpeechEnded(nothing=True))
        else:
            self._jobs.submit(self._begin, self._keeper)
        return number

    def stop(self, *, keep: bool) -> None:
        """Switch it off; what is being said is taken, or forgotten."""
        if self._keeper is not None:
            self._jobs.submit(self._end, self._keeper, keep)
            self._keeper = None

    def shown(self) -> None:
        """The last level is on the screen."""
        self._unshown = False

    def _begin(self, keeper: Keeper[Any]) -> None:
        if self._endpointer is not None:
            self._endpointer.reset()
        keeper.start()

    def _end(self, keeper: Keeper[Any], keep: bool) -> None:
        if keep and keeper.running:
            time.sleep(_TAIL)
        keeper.stop()
        self.finish(keep)

    def finish(self, keep: bool) -> None:
        """End what is being said; only once the device is closed."""
        ended = self._endpointer.finish() if self._endpointer is not None else None
        if not keep:
            self._writes.expect(None)
        elif ended is not None:
            self._tell(ended)
        else:
            self._post(messages.SpeechEnded(nothing=True))

    def _give(self, block: Any) -> None:  # noqa: ANN401 - f32 [512]
        if self._endpointer is None:
            self._endpointer = self._open()
        self._endpointer.pause_s = self.pause_s
        if self._speaking():
            self._overhear(block)
            return
        if self._interruption is not None:
            self._endpointer.reset()
            self._interruption = None
        for heard in self._endpointer.feed(block):
            self._tell(heard)

    def _overhear(self, block: Any) -> None:  # noqa: ANN401 - f32 [512]
        """While the assistant speaks nothing is heard, but that somebody is louder than it."""
        from edge_assistant.perception.live import dbfs

        self._interruption = self._interruption or Interruption()
        level = dbfs(block)
        self._show(level, False)
        if self._interruption.hears(level, self._sounding()):
            self._post(messages.Interrupted())

    def _tell(self, heard: Heard) -> None:
        from edge_assistant.perception import live

        match heard:
            case live.Level(level, speaking):
                self._show(level, speaking)
            case live.Started():
                self._writes.begin_hearing()
                self._post(messages.SpeechBegan())
            case live.Pending(samples):
                self._writes.hear(samples, False)
            case live.Paused(samples):
                self._writes.expect(samples)
            case live.Resumed():
                self._writes.expect(None)
            case live.Ended(samples):
                self._post(messages.SpeechEnded())
                self._writes.hear(samples, True)

    def _show(self, level: float, speaking: bool) -> None:
        """Tell the loudest of some levels."""
        self._loud.append(level)
        if len(self._loud) >= _LEVELS and not self._unshown:
            self._unshown = True
            self._post(messages.Loud(max(self._loud), speaking))
        del self._loud[: -_LEVELS + 1]


def _telling(post: Post, device: str, number: int) -> Callable[[Any, str], None]:
    return lambda change, text: post(messages.DeviceChanged(device, number, str(change), text))
