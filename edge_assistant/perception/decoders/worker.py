"""What runs in a process that decodes: it imports what it needs, gives up everything else, and does one job at a time.

https://chromium.googlesource.com/chromium/src/+/HEAD/docs/design/sandbox.md is the model: the code that reads what
strangers made has no rights that are worth taking it over.
"""

from __future__ import annotations

import _thread
import codecs
import contextlib
import importlib
import io
import os
import pkgutil
import socket
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from edge_assistant.core import limits
from edge_assistant.core.errors import InputError, InputTooLarge
from edge_assistant.core.signals import SAMPLE_RATE, Origin, Signal
from edge_assistant.perception.decoders import wire
from edge_assistant.sandbox import confinement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_assistant.perception.page import Page

Sent = tuple[msgspec.Struct, "NDArray[Any] | None"]
Tell = Callable[[float], None]

# Fonts of the system, in place of those that a PDF names and does not hold; nothing else is read.
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/X11/fonts")
# What is imported for the jobs of a process. Nothing can be imported once it is confined, so what libraries import in
# the middle of their work stands here too; of the packages all that is in them.
_IMPORTS = {
    "pictures": (
        "edge_assistant.perception.pictures", "PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.ImageCms",
        "PIL.ImagePalette", "PIL.ImageSequence", "PIL.JpegImagePlugin", "PIL.MpoImagePlugin", "PIL.PngImagePlugin",
        "PIL.PpmImagePlugin", "PIL.TiffImagePlugin", "PIL.WebPImagePlugin",
    ),
    "documents": ("edge_assistant.perception.pictures", "edge_assistant.perception.pdf", "pypdfium2.raw"),
    "films": ("edge_assistant.perception.stills", "edge_assistant.perception.audio"),
}  # fmt: skip
_PACKAGES = {"films": ("av", "av.audio", "av.codec", "av.container", "av.sidedata", "av.subtitles", "av.video")}
_CODECS = ("ascii", "cp1252", "latin-1", "utf-16", "utf-16-be", "utf-16-le")
_BATCH = SAMPLE_RATE  # samples of sound that are sent at a time
_LOOK_S = 1.0  # from one look at whether the other process is there to the next


@dataclass(frozen=True)
class HandedSignal(Signal):
    """A signal of which only the open file is known."""

    descriptor: int = -1

    def open(self, *, check: bool = True) -> io.BufferedReader | io.BytesIO:
        """Open the bytes for reading; raises no error."""
        return io.BytesIO(self.data) if self.data is not None else io.BufferedReader(_Reader(self.descriptor))


class _Reader(io.RawIOBase):
    """A file read at a place of its own: a descriptor that was handed over has one place for all who read it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        count = os.preadv(self._descriptor, [buffer], self._at)
        self._at += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = max(0, offset + (os.fstat(self._descriptor).st_size if start is None else start))
        return self._at

    def tell(self) -> int:
        return self._at


def main(descriptor: int) -> None:
    """Take jobs by a socket until its other end is closed."""
    parent = os.getppid()
    with socket.socket(fileno=descriptor) as channel:
        start = wire.start.decode(wire.receive(channel, wire.at_once)[0])
        _prepare(start.family)
        with limits.lowered(start.limits):
            missing = confinement.confine(FONTS if start.family == "documents" else (), limits.WORK_BYTES.now)
            _thread.start_new_thread(_end_with, (parent,))  # Landlock keeps no thread that was there before
            wire.send(channel, wire.ReadyMessage(missing))
            try:
                while True:
                    _work(channel)
            except (EOFError, ConnectionError):
                return


def _end_with(parent: int) -> None:
    """End with the process that started this one, whatever is decoded then."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(0)


def _prepare(family: str) -> None:
    packages = [importlib.import_module(name) for name in _PACKAGES.get(family, ())]
    modules = [f"{found.__name__}.{name}" for found in packages for _, name, _ in pkgutil.iter_modules(found.__path__)]
    for name in (*_IMPORTS[family], *(name for name in modules if not name.endswith(("__main__", "datasets")))):
        importlib.import_module(name)
    for name in _CODECS:
        codecs.lookup(name)
    if family == "pictures":
        from edge_assistant.perception import pictures

        pictures.silence_libtiff()
    if family == "documents":
        _open_a_document()


def _open_a_document() -> None:
    """Let Python and the library make what they need to read by calls of this program's: it is taken from files."""
    import pypdfium2

    try:
        pypdfium2.PdfDocument(io.BytesIO(b"%PDF-1.4"))
    except pypdfium2.PdfiumError:
        return


def _work(channel: socket.socket) -> None:
    """Do one job; raises EOFError where the other end is closed."""
    job, signal = _taken(channel)
    items = _CALLS[job.call](signal, *job.numbers, lambda done: wire.send(channel, wire.ProgressMessage(done)))
    try:
        with contextlib.closing(items):
            wire.send(channel, _sent(channel, items))
    except InputError as error:
        wire.send(channel, wire.fault_of(error))
    except MemoryError:
        what = f"{job.name} takes over {limits.WORK_BYTES.now / (1 << 30):.1f} GiB of memory"
        wire.send(channel, wire.fault_of(InputTooLarge(what, "give a smaller part")))
    finally:
        if signal.descriptor >= 0:
            os.close(signal.descriptor)


def _sent(channel: socket.socket, items: Generator[Sent]) -> wire.DoneMessage:
    """Send one thing after the other, as each is asked for; what is to be said at the end."""
    for header, array in items:
        if isinstance(header, wire.DoneMessage):
            return header
        wire.send(channel, header, b"" if array is None else np.ascontiguousarray(array).data.cast("B"))
        if isinstance(wire.order.decode(wire.receive(channel, wire.at_once)[0]), wire.CloseMessage):
            break
    return wire.DoneMessage()


def _taken(channel: socket.socket) -> tuple[wire.DecodeJob, HandedSignal]:
    prefix, descriptors, _, _ = socket.recv_fds(channel, wire.PREFIX.size, 1)
    if not prefix:
        raise EOFError
    header, data = wire.receive(channel, wire.at_once, prefix, limits.FILE_BYTES.value)
    job = wire.job.decode(header)
    descriptor = descriptors[0] if descriptors else -1
    held = None if descriptors else bytes(data)
    return job, HandedSignal(
        f"{job.kind}:1", job.kind, Origin.FILE, job.name, "", datetime.now(UTC), data=held, descriptor=descriptor
    )


def _page(page: Page, seconds: tuple[float, float] = (0.0, 0.0)) -> Sent:
    height, width = page.rgb.shape[:2]
    layer = page.text_layer
    runs = None if layer is None else tuple((wire.sendable(run.text), run.box) for run in layer)
    notes = wire.told(page.notes)
    return wire.PageMessage(page.number, height, width, page.size, page.scale, runs, notes, seconds), page.rgb


def _pages(signal: Signal, first: float, _: Tell) -> Generator[Sent]:
    from edge_assistant.perception import pictures

    for page in pictures.pages(signal, int(first)):
        yield _page(page)


def _still(signal: Signal, start: float, end: float, _: Tell) -> Generator[Sent]:
    from edge_assistant.perception import stills

    yield _page(stills.frame(signal, (start, end)))


def _shots(signal: Signal, threads: float, tell: Tell) -> Generator[Sent]:
    from edge_assistant.perception import frames

    found, notes = frames.shots(signal, int(threads), tell)
    for shot in found:
        yield _page(shot.page, (shot.start, shot.end))
    yield wire.DoneMessage(wire.told(notes)), None


def _has_sound(signal: Signal, _: Tell) -> Generator[Sent]:
    from edge_assistant.perception import audio

    if audio.has_sound(signal):
        yield wire.SoundMessage(), None


def _listen(signal: Signal, start: float, _: Tell) -> Generator[Sent]:
    from edge_assistant.perception import audio

    with audio.listen(signal, start) as (sound, blocks):
        yield wire.SoundMessage(seconds=sound.seconds, notes=wire.told(sound.notes)), None
        batch: list[NDArray[np.float32]] = []
        begins = 0.0
        for block in blocks:
            begins = begins if batch else sound.heard
            batch.append(block)
            if sum(map(len, batch)) >= _BATCH:
                yield wire.SoundMessage(begins), np.concatenate(batch)
                batch = []
        if batch:
            yield wire.SoundMessage(begins), np.concatenate(batch)
        yield wire.DoneMessage(wire.told(sound.notes), sound.heard), None


_CALLS: dict[str, Callable[..., Generator[Sent]]] = {
    "pages": _pages,
    "still": _still,
    "shots": _shots,
    "has_sound": _has_sound,
    "listen": _listen,
}
