"""What sees and hears, in threads of its own: devices are kept, and what they give is told in messages.

Nothing here is state of the app: the handlers of `widgets/capture.py` have that. Devices are opened and closed one
after the other in one thread, because a driver may take its time.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.message import Message

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_tui import halfblocks, messages

if TYPE_CHECKING:
    from edge_assistant.devices.camera import Frame
    from edge_assistant.devices.keeper import Keeper
    from edge_assistant.perception.live import Endpointer, Heard
    from edge_assistant_tui.work import Work

T = TypeVar("T")
Post = Callable[[Message], Any]
NEVER = math.inf  # a pause that ends nothing: push-to-talk
_TAIL = 0.25  # seconds heard after the key that ends push-to-talk: the driver is late, and people are early
_WINDOW_S = 0.032
_LEARN = round(1.0 / _WINDOW_S)  # windows of the assistant's own sound by which its loudness is known
_ABOVE = 6.0  # decibels over the loudest of them
_LEAST = -45.0  # dBFS; what is fainter is nobody who speaks to us
_OF, _LOUD = 10, 7  # of so many windows so many must be loud: more than a click or a cough
_LEVELS = 3  # windows of 32 ms to one level that is shown


class _Kept(Generic[T]):
    """A device that is kept; `device` is its name in messages, `number` that of its changes since it is on."""

    device: ClassVar[str]

    def __init__(self, post: Post, jobs: ThreadPoolExecutor) -> None:
        self._post = post
        self._jobs = jobs
        self._keeper: Keeper[T] | None = None
        self.number = 0
        self._unshown = False

    def start(self, chosen: str | None) -> None:
        """Switch a device on."""
        from edge_assistant.devices import chosen as devices
        from edge_assistant.devices.keeper import Keeper

        self.number += 1
        number, self._unshown = self.number, False

        def told(change: str, text: str) -> None:
            self._post(messages.DeviceChanged(self.device, number, str(change), text))

        try:
            self._keeper = Keeper(getattr(devices, self.device)(chosen), self._give, told)
        except EdgeAssistantError as error:  # the policy refuses it
            told("failed", str(error))
        else:
            self._jobs.submit(self._begin, self._keeper)

    def shown(self) -> None:
        """The last that was told is on the screen; until then no more is, so that a busy app is not held up."""
        self._unshown = False

    def _begin(self, keeper: Keeper[T]) -> None:
        keeper.start()

    def _give(self, taken: T) -> None:
        raise NotImplementedError


class Looking(_Kept["Frame"]):
    """Keeps the camera.

    Attributes:
        frame: its newest picture; None while it is off.
        cells: how large the preview is; None while it is not to be seen.
    """

    device = "camera"
    frame: Frame | None = None
    cells: tuple[int, int] | None = None

    def stop(self) -> None:
        """Switch it off."""
        if self._keeper is not None:
            self._jobs.submit(self._end, self._keeper)
            self._keeper = None

    def _give(self, frame: Frame) -> None:
        self.frame = frame
        if self._unshown or self.cells is None:
            return
        self._unshown = True
        self._post(messages.Pictured(halfblocks.picture(frame.rgb, *self.cells)))

    def _end(self, keeper: Keeper[Frame]) -> None:
        keeper.stop()
        self.frame = None  # also where it is on again: that one begins only behind this


class Listening(_Kept[Any]):
    """Keeps the microphone, and tells what is said into it.

    Attributes:
        pause_s: seconds of silence that end what is said; may be changed at any time.
    """

    device = "microphone"

    def __init__(
        self,
        post: Post,
        jobs: ThreadPoolExecutor,
        open_endpointer: Callable[[], Endpointer],
        writes: Work,
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
        super().__init__(post, jobs)
        self._open = open_endpointer
        self._writes = writes
        self._speaking, self._sounding = speaking, sounding
        self._endpointer: Endpointer | None = None
        self._interruption: Interruption | None = None
        self._loud: list[float] = []
        self._forgotten = 0  # number of the last switching on of which nothing is wanted any more
        self.pause_s = NEVER

    def start(self, chosen: str | None) -> None:
        """Switch a microphone on; one that is refused has heard nothing."""
        super().start(chosen)
        if self._keeper is None:
            self._post(messages.SpeechEnded(nothing=True))

    def stop(self, *, keep: bool) -> None:
        """Switch it off; what is being said is taken, or forgotten."""
        if self._keeper is not None:
            self._jobs.submit(self._end, self._keeper, keep, self.number)
            self._keeper = None

    def forget(self) -> None:
        """What was said until now is not wanted, even where it is still being taken."""
        self._forgotten = self.number

    def _begin(self, keeper: Keeper[Any]) -> None:
        if self._endpointer is not None:
            self._endpointer.reset()
        keeper.start()

    def _end(self, keeper: Keeper[Any], keep: bool, number: int) -> None:
        if keep and keeper.running:
            time.sleep(_TAIL)
        keeper.stop()
        self.finish(keep and number > self._forgotten)

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
        if self.number == self._forgotten:
            return  # it is being switched off
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
                self._post(messages.SpeechWentOn())
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


class Interruption:
    """Listens to levels while the assistant speaks.

    There is no echo cancellation: what the microphone hears of the loudspeaker is taken as the measure in the first
    second, and only what is clearly louder, for a while, is a person. With headphones that is anybody who speaks.
    """

    def __init__(self) -> None:
        self._learned = 0
        self._own = -90.0
        self._last: deque[bool] = deque(maxlen=_OF)

    def hears(self, dbfs: float, sounding: bool) -> bool:
        """Whether somebody speaks.

        Args:
            dbfs: level of the next window of 32 ms.
            sounding: whether the assistant can be heard by now, or its voice is still being made.
        """
        if not sounding:
            return False
        if self._learned < _LEARN:
            self._learned += 1
            self._own = max(self._own, dbfs)
            return False
        self._last.append(dbfs > max(self._own + _ABOVE, _LEAST))
        return sum(self._last) >= _LOUD
