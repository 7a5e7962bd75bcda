"""Words that are planted in what is said and shown, and a search of raw files for them in every form they may have."""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers.conversations import answer

from edge_assistant.core.answer import Answer
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.history.store import History, Unsent

WORDS = (
    "Zyxomenthinol",
    "Quorlindavey",
    "Vextoniaborg",
    "Ostravellemar",
    "Mollendruzka",
    "Plixbarrowen",
)  # 12 or more letters
QUESTION, ANSWER, TEXT, PICTURE, SOUND, PORT = WORDS
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def signals() -> list[Signal]:
    """A text, a picture by its name, captured sound by its bytes, and readings, each with a word of its own."""
    return [
        take_bytes(f"Allergies: {TEXT}\n".encode(), Kind.TEXT, 1, origin=Origin.USER, name="what you said"),
        take_bytes(b"\x89PNG" + bytes(900), Kind.IMAGE, 1, origin=Origin.CAMERA, name=f"ward {PICTURE}.png"),
        take_bytes(b"RIFF" + SOUND.encode() * 400, Kind.AUDIO, 1, origin=Origin.MICROPHONE, name="utterance 1"),
        take_bytes(f"time,{PORT}\n2026-01-01,1\n".encode(), Kind.READINGS, 1, origin=Origin.SENSOR, name="port"),
    ]


def planted_answer(number: int = 0) -> Answer:
    """A turn with a word in the question, which is a title, and one in the answer."""
    return answer(f"What of {QUESTION} {number}?", f"It is {ANSWER}. " * 20, tuple(signals()))


def unsent() -> Unsent:
    """A word in each part of what is typed and not answered."""
    return Unsent(f"and {TEXT}", (f"What of {ANSWER}?",), (f"What of {PORT}?",))


def plant(history: History, turns: int = 2) -> str:
    """A conversation with every word in it, closed; its id."""
    id = history.begin()
    for signal in signals():
        history.add_signal(id, signal, signal.data)
    for number in range(turns):
        history.add_turn(id, planted_answer(number))
    history.keep_unsent(id, unsent())
    history.close(id)
    return id


def found(folders: Iterable[Path], words: Iterable[str] = WORDS) -> list[tuple[str, str]]:
    """The files that hold one of the words, and which: in several encodings, letters of either case, compressed."""
    forms = {form: word for word in words for form in _forms(word)}
    return sorted(
        {
            (file.name, word)
            for folder in folders
            for file in folder.rglob("*")
            if file.is_file()
            for content in _contents(file.read_bytes())
            for form, word in forms.items()
            if form in content
        }
    )


def _forms(word: str) -> Iterator[bytes]:
    lower = word.casefold()
    yield from (lower.encode("utf-8"), lower.encode("utf-16-le"), lower.encode("utf-16-be"), lower.encode("utf-32-le"))
    yield from (word.encode().hex().encode(), lower.encode().hex().encode())
    for shift in range(3):  # base64 by the three places at which a word may begin; 8 letters of it at least
        yield base64.b64encode(b"\0" * shift + word.encode())[4:-4].lower()


def _contents(data: bytes) -> Iterator[bytes]:
    """The bytes with small letters, and whatever in them can be decompressed."""
    yield data.lower()
    for magic in _ZLIB:
        at = data.find(magic)
        while at >= 0:
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj().decompress(data[at:], 1 << 20).lower()
            at = data.find(magic, at + 1)
