"""The files of a base, with or without an attack: drawn, written and spoken by code, the same bytes each time."""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.signals import Kind
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.paper import font
from evals.attack.corpus import Attack, Base, Given
from evals.attack.document import document
from evals.attack.hidden_text import hide

if TYPE_CHECKING:
    from PIL import Image

_NAMES = {Kind.IMAGE: "page.png", Kind.TEXT: "note.txt", Kind.READINGS: "line.csv", Kind.AUDIO: "said.wav"}
_WIDTH, _MARGIN, _SIZE = 1200, 40, 30  # pixels of a picture, and of its writing
_LONG = 60  # characters of a line of it
_LONGEST_NAME = 250  # bytes of a file's name that file systems take

Files = list[tuple[Kind, Path]]
Say = Callable[[Sequence[str]], bytes]


def files_of(base: Base, attack: Attack | None, folder: Path, say: Say) -> Files:
    """Write the signals of a base into a folder, attacked or as they are.

    Args:
        base: what is attacked.
        attack: None for the base alone.
        folder: empty.
        say: speaks sentences, as a WAV file's bytes.

    Raises:
        VoiceUnavailable, ModelMissing: something is spoken, and nothing speaks here.
    """
    given = list(base.signals if attack is None else _with_attack(base, attack))
    made: Files = []
    for number, signal in enumerate(given):
        name = f"{number}-{_NAMES[signal.kind]}" if not signal.pdf else f"{number}-page.pdf"
        if attack is not None and attack.way == "name" and number == 0:
            name = _as_name(hide(attack.words, attack.hide))
        path = folder / name
        path.write_bytes(_bytes(signal, attack if number == _changed_signal(base, attack) else None, say))
        made.append((signal.kind, path))
    return made


def _as_name(words: str) -> str:
    return words.replace("/", "_").encode("utf-8")[:_LONGEST_NAME].decode("utf-8", "ignore")


def _changed_signal(base: Base, attack: Attack | None) -> int | None:
    """The signal whose bytes an attack changes in a way that its text does not tell."""
    if attack is None:
        return None
    wanted = {"qr": Kind.IMAGE, "layer": Kind.IMAGE, "column": Kind.READINGS, "cell": Kind.READINGS}
    wanted |= {"unit": Kind.READINGS, "page": Kind.IMAGE, "heading": Kind.IMAGE, "behind": Kind.AUDIO}
    kind = wanted.get(attack.way)
    return next((at for at, signal in enumerate(base.signals) if signal.kind is kind), None)


def _with_attack(base: Base, attack: Attack) -> Iterator[Given]:
    """The signals with what an attack adds to a text, or as a signal of its own."""
    words = hide(attack.words, attack.hide)
    into = next((at for at, signal in enumerate(base.signals) if signal.kind is Kind.TEXT), None)
    way = "file" if into is None and attack.way in ("note", "beside", "ahead") else attack.way
    for at, signal in enumerate(base.signals):
        text = signal.text
        if at == into and way in ("note", "beside", "ahead"):
            between = {"note": "\n" if "\n" in words else " "}.get(way, "\n\n")
            text = f"{words}{between}{text}" if way == "ahead" else f"{text}{between}{words}"
        yield replace(signal, text=text)
    if way == "file":
        yield Given(Kind.TEXT, text=words)
    elif way == "poster":
        yield Given(Kind.IMAGE, lines=tuple(_lines(words)))
    elif way == "speech":
        yield Given(Kind.AUDIO, said=words)


def _bytes(signal: Given, attack: Attack | None, say: Say) -> bytes:
    """The bytes of a signal's file; `attack` is what changes them."""
    match signal.kind:
        case Kind.TEXT:
            return signal.text.encode("utf-8")
        case Kind.READINGS:
            return _readings(signal, attack)
        case Kind.AUDIO:
            return say([signal.said] if attack is None else [signal.said, attack.words])
        case _ if signal.pdf:
            layer, words = ("", "") if attack is None else (attack.layer, attack.words)
            return document(signal.pdf, layer, words)
        case _:
            return _picture(signal, attack)


def _readings(signal: Given, attack: Attack | None) -> bytes:
    """A header and a row a minute; an attack takes the place of a name or a cell, or is a further column's unit."""
    time, temperature, state = signal.header.split(",")
    words = "" if attack is None else hide(attack.words, attack.hide)
    way = "" if attack is None else attack.way
    more = [f"flow [{words.replace('[', '(').replace(']', ')')}]"] if way == "unit" else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([time, temperature, words if way == "column" else state, *more])
    for minute, value in enumerate(signal.values):
        last = minute == len(signal.values) - 1
        cell = words if way == "cell" and last else "run"
        writer.writerow([f"2026-03-02T10:{minute:02}:00", value, cell, *[minute / 10 for _ in more]])
    return out.getvalue().encode("utf-8")


def _picture(signal: Given, attack: Attack | None) -> bytes:
    """Lines of print as PNG, with what an attack draws above, below or beside them."""
    lines = list(signal.lines)
    if attack is not None and not attack.look and attack.way in ("page", "heading"):
        added = list(_lines(hide(attack.words, attack.hide)))
        lines = [*added, *lines] if attack.way == "heading" else [*lines, *added]
    image = _drawn(lines)
    if attack is not None and attack.look:
        strip = _strip(attack)
        image = _stacked([strip, image] if attack.way == "heading" else [image, strip])
    if attack is not None and attack.way == "qr":
        image = _beside(image, attack.words)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _lines(words: str) -> Iterator[str]:
    """Words as lines that fit a picture."""
    import textwrap

    for line in words.split("\n"):
        yield from textwrap.wrap(line, _LONG)


def _drawn(lines: Sequence[str], size: int = _SIZE, ink: str = "black", paper: str = "white") -> Image.Image:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (_WIDTH, 2 * _MARGIN + 2 * size * len(lines)), paper)
    draw = ImageDraw.Draw(image)
    for at, line in enumerate(lines):
        draw.text((_MARGIN, _MARGIN + 2 * size * at), line, fill=ink, font=font(size))
    return image


def _strip(attack: Attack) -> Image.Image:
    """Words drawn as an attack's look says."""
    from PIL import ImageOps

    lines = list(_lines(attack.words))
    match attack.look:
        case "faint":
            return _drawn(lines, ink="#ececec")
        case "tiny":
            return _drawn(lines, size=6)
        case "turned":
            return _drawn(lines).rotate(180)
        case "mirrored":
            return ImageOps.mirror(_drawn(lines))
        case "large":
            return _drawn(lines, size=48)
        case _:
            return _drawn(lines, ink="#d02020", paper="black")


def _stacked(images: Sequence[Image.Image]) -> Image.Image:
    from PIL import Image

    whole = Image.new("RGB", (_WIDTH, sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    return whole


def _beside(image: Image.Image, words: str) -> Image.Image:
    """A picture with a QR code at its right, below where it is not high enough."""
    import zxingcpp
    from PIL import Image

    barcode = zxingcpp.create_barcode(words, zxingcpp.BarcodeFormat.QRCode)
    code = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(barcode, scale=6)))
    whole = Image.new("RGB", (_WIDTH, max(image.height, code.height + 2 * _MARGIN)), "white")
    whole.paste(image, (0, 0))
    whole.paste(code.convert("RGB"), (_WIDTH - code.width - _MARGIN, _MARGIN))
    return whole


_SEED = 7
_PAUSE_S = 0.8  # behind each


class Speaker:
    """Speaks. The voice draws noise from ONNX Runtime's generator, which is seeded anew for each recording."""

    def __init__(self, portfolio: Portfolio, profile: str) -> None:
        """Name where the voice is; it is opened when first needed."""
        self._portfolio = portfolio
        self._profile = profile
        self._said: dict[tuple[str, ...], bytes] = {}

    def say(self, sentences: Sequence[str]) -> bytes:
        """Sentences with a pause between them, as WAV.

        Raises:
            VoiceUnavailable: espeak-ng is not installed.
            ModelMissing, ModelCorrupt: the voice's model.
        """
        key = tuple(sentences)
        if key not in self._said:
            self._said[key] = self._speak(key)
        return self._said[key]

    def _speak(self, sentences: Sequence[str]) -> bytes:
        import onnxruntime

        from edge_assistant.voice.piper import Voice

        model = self._portfolio.open(self._portfolio.resolve(self._profile)["voice"])
        onnxruntime.set_seed(_SEED)
        voice = Voice(model, Runtime(1))
        parts = []
        for sentence in sentences:
            parts += [*voice.speak(sentence), np.zeros(round(_PAUSE_S * voice.rate), np.float32)]
        out = io.BytesIO()
        with wave.open(out, "wb") as sink:
            sink.setnchannels(1)
            sink.setsampwidth(2)
            sink.setframerate(voice.rate)
            sink.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
        return out.getvalue()
