"""Damaged pictures, recordings and videos: whatever is wrong with a file, it is an error that says so.

What decodes in a process of its own says the same as what decodes here.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType

import av
import numpy as np
import pytest
from helpers import badfiles as bad

from edge_assistant.core.errors import InputError, InputUnsupported
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes
from edge_assistant.perception import audio, frames, pictures
from edge_assistant.perception.decoders import client

FILES = 25  # of each format


def taken(content: bytes, kind: Kind) -> Signal:
    return take_bytes(content, kind, 1, origin=Origin.USER, name="hostile")


def film(container: str, codec: str, sound: str) -> bytes:
    """Two seconds of noise, seen and heard."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as file:
        video = file.add_stream(codec, rate=10)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        heard = file.add_stream(sound, rate=48_000, layout="mono")
        for number in range(20):
            picture = np.random.default_rng(number // 5).integers(0, 255, (120, 160, 3), np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(video.encode(None))
        noise = np.random.default_rng(1).integers(-999, 999, (1, 96_000), np.int16)
        block = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        block.sample_rate = 48_000
        resampler = av.AudioResampler(heard.codec_context.format.name, "mono", 48_000, heard.codec_context.frame_size)
        for part in (*resampler.resample(block), *resampler.resample(None)):
            file.mux(heard.encode(part))
        file.mux(heard.encode(None))
    return stream.getvalue()


def damaged(content: bytes, source: random.Random) -> bytes:
    """Cut off, bytes of the head or of the whole changed, or a number in the head made extreme."""
    data, head = bytearray(content), min(len(content) - 4, 500)
    match source.randrange(4):
        case 0:
            return content[: source.randrange(1, len(content))]
        case 1:
            for _ in range(source.randrange(1, 20)):
                data[source.randrange(head)] = source.randrange(256)
        case 2:
            for _ in range(source.randrange(1, 200)):
                data[source.randrange(len(data))] = source.randrange(256)
        case _:
            at = source.randrange(head)
            data[at : at + 4] = source.choice(
                (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")
            )
    return bytes(data)


def look(content: bytes, decoder: ModuleType = pictures) -> None:
    for page in decoder.pages(taken(content, Kind.IMAGE)):
        assert page.rgb.dtype == np.uint8


def hear(content: bytes, decoder: ModuleType = audio) -> None:
    with decoder.listen(taken(content, Kind.AUDIO)) as (_, blocks):
        for block in blocks:
            assert np.isfinite(block).all()


def watch(content: bytes, decoder: ModuleType = frames) -> None:
    decoder.shots(taken(content, Kind.VIDEO), 1, lambda fraction: None)


def cases() -> Iterator[tuple[str, Callable[[], bytes], Callable[..., None]]]:
    for name in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        yield name, lambda name=name: bad.picture(name, 160, 120), look
    yield "TIFF-LZW", lambda: bad.picture("TIFF", 160, 120, compression="tiff_lzw"), look
    yield "PDF", lambda: bad.pdf(3), look
    yield "WAV", lambda: bad.silence(1), hear
    for name, container, codec, sound in (("MP4", "mp4", "libx264", "aac"), ("WebM", "webm", "libvpx", "libopus")):
        content = (lambda *made: lambda: film(*made))(container, codec, sound)
        yield f"{name}-heard", content, hear
        yield f"{name}-watched", content, watch


def outcome(decode: Callable[[], None]) -> str:
    """The class and the words of the error that it raises; empty for none."""
    try:
        decode()
    except InputError as error:
        return f"{type(error).__name__} {error}"
    return ""


@pytest.mark.filterwarnings("ignore")  # of libraries; as errors they would be other ones than in the other process
@pytest.mark.parametrize(("make", "sense"), [pytest.param(make, sense, id=name) for name, make, sense in cases()])
def test_damaged_files(make: Callable[[], bytes], sense: Callable[..., None], request: pytest.FixtureRequest) -> None:
    content, source = make(), random.Random(request.node.name)
    sense(content)
    files = [damaged(content, source) for _ in range(FILES)]
    said = [outcome(partial(sense, file)) for file in files]
    assert not any("\n" in line for line in said)
    assert [outcome(partial(sense, file, client)) for file in files] == said


def test_pdf_page_with_an_empty_crop_box() -> None:
    (page,) = pictures.pages(taken(bad.pdf(1).replace(b"/MediaBox", b"/CropBox [5 5 5 5] /MediaBox"), Kind.IMAGE))
    assert page.text_layer is not None
    assert page.text_layer[0].text == "Total 12.50"


def test_streams_of_unknown_codecs() -> None:
    content = film("matroska", "libx264", "aac")
    with pytest.raises(InputUnsupported, match="picture format that cannot be read"):
        watch(content.replace(b"V_MPEG4/ISO/AVC", b"V_NOPE4/ISO/AVC"))
    with pytest.raises(InputUnsupported, match="a sound format that cannot be read"):
        hear(content.replace(b"A_AAC", b"A_NOP"))
