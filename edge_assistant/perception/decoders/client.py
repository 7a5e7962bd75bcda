"""What is decoded, as the decoders of this package give it, but by a process that has no files and can be killed."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from edge_assistant.core.errors import InputError, InputMissing
from edge_assistant.core.limits import PAGES, SHOTS, SOUND_SECONDS, VIDEO_SECONDS
from edge_assistant.core.signals import SAMPLE_RATE, Kind, Signal
from edge_assistant.perception.audio import Sound
from edge_assistant.perception.decoders import pool, wire
from edge_assistant.perception.frames import Shot
from edge_assistant.perception.page import Page, TextRun, is_pdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

Check = Callable[[], None]
_MOST_BLOCKS = max(SOUND_SECONDS.value, VIDEO_SECONDS.value) + 60  # and what is said before them
_Item = TypeVar("_Item", wire.PageMessage, wire.SoundMessage)


def ahead(signal: Signal) -> None:
    """Start what decodes a signal, which gets ready while other things are loaded; what fails is told by the job."""
    with suppress(InputError), signal.open() as stream:
        pool.ahead(_family(signal, stream))


def pages(signal: Signal, first: int = 1) -> Iterator[Page]:
    """The pages of a picture or document from the first one wanted; see `pictures.pages`."""
    with closing(_job(signal, wire.PageMessage, "pages", first, most=PAGES.value)) as items:
        for item in items:
            yield _page(*item)


def page(signal: Signal, number: int | None, check: Check = lambda: None) -> Page:
    """One page of a document by its number from 1, or the picture where it has none.

    Raises:
        InputCorrupt, InputTooLarge, InputUnsupported: as `pages`.
        InputMissing: there is no such page.
    """
    with closing(_job(signal, wire.PageMessage, "pages", number or 1, most=1, check=check)) as items:
        found = next((_page(*item) for item in items), None)
    if found is None or found.number != number:
        raise InputMissing(f"{signal.name} has no page {number}", "look at the file itself")
    return found


def still(signal: Signal, seconds: tuple[float, float], check: Check) -> Page:
    """The frame of a video that was looked at in a stretch of it; see `stills.frame`."""
    with closing(_job(signal, wire.PageMessage, "still", *seconds, least=1, most=1, check=check)) as items:
        return _page(*next(items))


def shots(signal: Signal, threads: int, progress: Callable[[float], None]) -> tuple[list[Shot], tuple[str, ...]]:
    """The shots of a video in order, and notes on what was left out; see `frames.shots`."""
    notes: list[str] = []

    def over(done: wire.DoneMessage) -> None:
        notes.extend(wire.notes_of(done.notes))

    job = _job(signal, wire.PageMessage, "shots", threads, most=SHOTS.value, progress=progress, over=over)
    with closing(job) as items:
        found = [Shot(*header.seconds, _page(header, array)) for header, array in items]
    return found, tuple(notes)


def has_sound(signal: Signal) -> bool:
    """Whether a container has an audio stream; see `audio.has_sound`."""
    with closing(_job(signal, wire.SoundMessage, "has_sound", most=1)) as items:
        return next(items, None) is not None


@contextmanager
def listen(signal: Signal, start: float = 0.0) -> Iterator[tuple[Sound, Iterator[NDArray[np.float32]]]]:
    """Open the sound of a recording or a video; its blocks are a second long here. See `audio.listen`."""
    sound = Sound(None)

    def over(done: wire.DoneMessage) -> None:
        sound.heard, sound.notes[:] = done.heard, wire.notes_of(done.notes)

    with closing(_job(signal, wire.SoundMessage, "listen", start, least=1, most=_MOST_BLOCKS, over=over)) as items:
        opened, _ = next(items)
        sound.seconds, sound.notes[:] = opened.seconds, wire.notes_of(opened.notes)
        yield sound, _blocks(items, sound)


def _blocks(items: Iterator[tuple[wire.SoundMessage, bytearray]], sound: Sound) -> Iterator[NDArray[np.float32]]:
    for header, array in items:
        block = np.frombuffer(array, np.float32)
        sound.heard = header.heard
        yield block
        sound.heard = header.heard + len(block) / SAMPLE_RATE


def _job(
    signal: Signal,
    expects: type[_Item],
    call: str,
    *numbers: float,
    least: int = 0,
    most: int,
    check: Check = lambda: None,
    progress: Callable[[float], None] = lambda done: None,
    over: Callable[[wire.DoneMessage], None] = lambda done: None,
) -> Generator[tuple[_Item, bytearray], None, None]:
    """Have something decoded, one thing at a time; where this is closed before its end, the process is told so.

    Args:
        signal: what is decoded.
        expects: what is told of each thing.
        call: a function of `worker`.
        numbers: what that is called with besides.
        least: things that it gives.
        most: of them; a process that gives more lies.
        check: is called while this waits.
        progress: is told how much is done, 0 to 1.
        over: is told what is said at the end.

    Raises:
        InputError: of the signal, or the process ended in the middle.
    """
    with signal.open() as stream, pool.borrowed(_family(signal, stream), signal.name, check) as process:
        job = wire.DecodeJob(call, wire.sendable(signal.name), signal.kind, numbers)
        if isinstance(stream, io.BufferedReader):
            process.send(job, check, descriptor=stream.fileno())
        else:
            process.send(job, check, stream.getvalue())
        given = 0
        while True:
            header, array = process.receive(check)
            match header:
                case wire.ProgressMessage(done):
                    progress(min(done, 1.0))
                    continue
                case wire.DoneMessage() if given >= least:
                    over(header)
                    return
                case wire.FaultMessage():
                    raise wire.error_of(header)
            given += 1
            if given > most or not isinstance(header, expects):
                raise pool.DecoderEnded
            try:
                yield header, array
            except GeneratorExit:
                _close(process, check)
                raise
            process.send(wire.NextMessage(), check)


def _close(process: pool.DecoderProcess, check: Check) -> None:
    """Have a job ended before its end; raises DecoderEnded."""
    process.send(wire.CloseMessage(), check)
    while isinstance(header := process.receive(check)[0], wire.ProgressMessage):
        pass
    if not isinstance(header, wire.DoneMessage | wire.FaultMessage):
        raise pool.DecoderEnded


def _family(signal: Signal, stream: io.BufferedReader | io.BytesIO) -> str:
    """Which process decodes a signal; its stream is at the start again."""
    if signal.kind is not Kind.IMAGE:
        return pool.FILMS
    return pool.DOCUMENTS if is_pdf(stream) else pool.PICTURES


def _page(header: wire.PageMessage, array: bytearray) -> Page:
    rgb = np.frombuffer(array, np.uint8).reshape(header.height, header.width, 3)
    layer = None if header.text_layer is None else tuple(TextRun(*run) for run in header.text_layer)
    return Page(header.number, rgb, header.size, header.scale, layer, wire.notes_of(header.notes))
