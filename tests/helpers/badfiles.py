"""Files that are not what they should be. Each is made in a folder and named."""

from __future__ import annotations

import io
import json
import struct
import wave
import zipfile
import zlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DAY = 86_400


def written(folder: Path, name: str | bytes, content: bytes) -> Path:
    path = folder / (name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
    path.write_bytes(content)
    return path


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width, 3), np.uint8))


def picture(format: str, width: int = 320, height: int = 240, **options: object) -> bytes:
    stream = io.BytesIO()
    noise(width, height).save(stream, format, **options)
    return stream.getvalue()


def damaged_tiff() -> bytes:
    """A TIFF whose compressed pixels make no sense, of which libtiff would say much."""
    content = bytearray(picture("TIFF", 160, 120, compression="tiff_lzw"))
    content[2_000:2_200] = bytes(range(200))
    return bytes(content)


def png_that_declares(width: int, height: int) -> bytes:
    """A PNG of a few bytes that asks for `width` x `height` pixels."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", body), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def animation() -> bytes:
    stream = io.BytesIO()
    noise(64, 48).save(stream, "GIF", save_all=True, append_images=[Image.new("RGB", (64, 48), "white")] * 3)
    return stream.getvalue()


def black_bitmap(path: Path, side: int) -> Path:
    """A BMP of side x side black pixels, 3 bytes each, which takes no room on the disk."""
    size = 54 + side * side * 3
    path.write_bytes(
        struct.pack("<2sIHHI", b"BM", size, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, side * side * 3, 2835, 2835, 0, 0)
    )
    with path.open("r+b") as file:
        file.truncate(size)
    return path


def wav(samples: NDArray[np.int16], rate: int = 16_000) -> bytes:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()


def silence(seconds: float) -> bytes:
    return wav(np.zeros(int(seconds * 16_000), np.int16))


def wav_that_declares(*, channels: int = 1, rate: int = 16_000, data_bytes: int | None = None) -> bytes:
    """A second of silence under a header that lies."""
    sound = b"\0" * 32_000
    size = len(sound) if data_bytes is None else data_bytes
    head = struct.pack("<HHIIHH", 1, channels, rate, (rate * channels * 2) & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", (len(body) + size) & 0xFFFFFFFF) + body + sound


def long_recording(path: Path, seconds: int) -> Path:
    """Silence at 8 kHz with a short tone every ten minutes, which takes little room on the disk."""
    rate = 8_000
    tone = (8000 * np.sin(np.arange(rate // 2) * 0.3)).astype("<i2").tobytes()
    path.write_bytes(wav(np.zeros(0, np.int16), rate))
    size = seconds * rate * 2
    with path.open("r+b") as file:
        file.seek(4)
        file.write(struct.pack("<I", 36 + size))
        file.seek(40)
        file.write(struct.pack("<I", size))
        for start in range(0, seconds, 600):
            file.seek(44 + start * rate * 2)
            file.write(tone)
        file.truncate(44 + size)
    return path


def many_rows(path: Path, rows: int) -> Path:
    """A reading a second."""
    day = b"".join(b"DAYT%02d:%02d:%02d,%d.5\n" % (s // 3600, s // 60 % 60, s % 60, 20 + s % 7) for s in range(DAY))
    line = day.index(b"\n") + 1
    with path.open("wb") as file:
        file.write(b"time,temperature [degC]\n")
        for number in range(-(-rows // DAY)):
            whole = day.replace(b"DAY", (date(2024, 1, 1) + timedelta(number)).isoformat().encode())
            left = rows - number * DAY
            file.write(whole if left >= DAY else whole[: left * (line + 7)])
    return path


def archive(name: str = "xl/workbook.xml") -> bytes:
    """A ZIP, which is what a spreadsheet is."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, json.dumps(list(range(2000))))
    return stream.getvalue()


def pdf(pages: int, *, locked: bool = False) -> bytes:
    """Pages of one line of text; `locked` declares a password that nobody knows."""
    kids = b" ".join(b"%d 0 R" % (5 + number) for number in range(pages))
    text = b"BT /F1 12 Tf 10 50 Td (Total 12.50) Tj ET"
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 260 80] /Contents 4 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        *[page] * pages,
    ]
    if locked:
        objects.append(b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (b"11" * 32, b"22" * 32))
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    lock = b" /Encrypt %d 0 R /ID [<00> <00>]" % len(objects) if locked else b""
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, lock, table)
    return bytes(out)


def sound_only(path: Path) -> Path:
    """An MP4 without pictures."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path
