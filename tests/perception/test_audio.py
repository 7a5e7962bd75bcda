"""Sound out of files: every container, and every way in which a file can be wrong."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.sounds import RATE, tone, wav
from PIL import Image

from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputEmpty, InputError, InputUnsupported
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.perception import audio


def encoded(suffix: str, codec: str, samples: np.ndarray, folder: Path) -> bytes:
    path = folder / f"sound.{suffix}"
    rate = 48_000 if codec == "libopus" else 44_100
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream(codec, rate=rate, layout="stereo")
        resampler = av.AudioResampler(
            format=stream.format.name, layout="stereo", rate=rate, frame_size=stream.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            sink.mux(stream.encode(part))
        sink.mux(stream.encode(None))
    return path.read_bytes()


def signal(data: bytes, name: str = "note.wav") -> Signal:
    return take_bytes(data, Kind.AUDIO, 1, origin=Origin.FILE, name=name)


def heard(data: bytes) -> tuple[np.ndarray, list[str]]:
    with audio.listen(signal(data)) as (sound, blocks):
        samples = [*blocks]
        return np.concatenate(samples), sound.notes


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 2), (22_050, 1), (44_100, 2), (96_000, 1)])
def test_any_rate_and_channel_count_becomes_16_khz_mono(rate: int, channels: int) -> None:
    samples, notes = heard(wav(tone(1.0, rate), rate, channels))
    assert abs(len(samples) - RATE) < 100
    assert np.abs(np.fft.rfft(samples)).argmax() == pytest.approx(440, abs=2)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)
    assert notes == []


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("flac", "flac"), ("m4a", "aac"), ("mp3", "libmp3lame"), ("ogg", "libopus"), ("mkv", "aac")],
)
def test_containers(suffix: str, codec: str, tmp_path: Path) -> None:
    samples, notes = heard(encoded(suffix, codec, tone(2.0), tmp_path))
    assert len(samples) / RATE == pytest.approx(2.0, abs=0.12)
    assert np.abs(np.fft.rfft(samples)).argmax() / (len(samples) / RATE) == pytest.approx(440, abs=2)
    assert notes == []


def test_a_header_that_declares_more_than_there_is_leaves_a_note() -> None:
    samples, notes = heard(wav(tone(4.0))[:64_044])
    assert len(samples) == pytest.approx(2.0 * RATE, abs=100)
    assert [note.partition(" breaks off")[0] for note in notes] == ["note.wav"]


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_header_written_before_the_length_was_known_is_no_damage(size: int) -> None:
    data = bytearray(wav(tone(1.0)))
    data[4:8] = data[40:44] = struct.pack("<I", size)
    samples, notes = heard(bytes(data))
    assert len(samples) == pytest.approx(RATE, abs=100)
    assert notes == []


def test_samples_that_are_no_numbers_become_numbers() -> None:
    samples = np.array([np.nan, np.inf, -np.inf, 0.5] * 4_000, "<f4").tobytes()
    header = struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE")
    header += struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, RATE, RATE * 4, 4, 32)
    got, _ = heard(header + struct.pack("<4sI", b"data", len(samples)) + samples)
    assert np.isfinite(got).all()
    assert np.abs(got).max() <= 1.0


PNG = io.BytesIO()
Image.new("RGB", (64, 64), "red").save(PNG, "PNG")
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n"
BAD: dict[str, tuple[bytes, type[InputError]]] = {
    "zero seconds": (wav(tone(0.0)), InputEmpty),
    "a picture": (PNG.getvalue(), InputUnsupported),
    "a text": (b"Total: 12.50\n" * 50, InputUnsupported),
    "a playlist": (PLAYLIST, InputUnsupported),
    "a list of files to join": (b"ffconcat version 1.0\nfile /etc/hostname\n", InputUnsupported),
    "random bytes": (bytes(np.random.default_rng(5).integers(0, 256, 4_000, np.uint8)), InputUnsupported),
    "one byte": (b"R", InputUnsupported),
    "only a header's beginning": (wav(tone(1.0))[:20], InputCorrupt),
    "a rate of zero": (wav(tone(1.0))[:24] + bytes(8) + wav(tone(1.0))[32:], InputCorrupt),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_recording_is_refused(name: str) -> None:
    data, error = BAD[name]
    with pytest.raises(error) as caught:
        heard(data)
    assert "note.wav" in caught.value.message
    assert caught.value.hint


def test_a_recording_damaged_in_the_middle_is_heard_around_it(tmp_path: Path) -> None:
    data = bytearray(encoded("ogg", "libopus", tone(6.0), tmp_path))
    middle = len(data) // 2
    data[middle : middle + 2_000] = bytes(2_000)
    samples, _ = heard(bytes(data))
    assert len(samples) > 2 * RATE


def test_a_film_without_sound_has_none(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        sink.mux([*stream.encode(frame), *stream.encode()])
    film = take_file(path, Kind.VIDEO, 1)
    assert not audio.has_sound(film)
    assert audio.has_sound(signal(wav(tone(1.0))))
    assert not audio.has_sound(signal(PNG.getvalue()))
    with pytest.raises(InputUnsupported, match="no sound"), audio.listen(film):
        pass


def test_no_more_than_the_limit_is_heard() -> None:
    with limits.lowered({"sound_seconds": 1}):
        samples, notes = heard(wav(tone(5.0)))
        assert len(samples) < 1.5 * RATE
        assert len(notes) == 1


def test_what_is_wanted_far_in_is_looked_for_and_its_place_is_told() -> None:
    levels = np.repeat(np.arange(100) / 200, RATE)  # each second has its own
    signal = take_bytes(wav(levels), Kind.AUDIO, 1, origin=Origin.FILE, name="long.wav")
    with audio.listen(signal, 90.0) as (sound, blocks):
        first = next(blocks)
        assert 88.0 < sound.heard <= 90.0
        assert first[0] == pytest.approx(int(sound.heard) / 200, abs=1e-4)
        assert sum(map(len, blocks)) + len(first) == pytest.approx((100 - 89) * RATE, abs=RATE)
        assert sound.heard == pytest.approx(100.0, abs=0.01)
        assert sound.notes == []
    with audio.listen(signal, 500.0) as (_, blocks):
        assert list(blocks) == []
    with audio.listen(signal, 5.0) as (sound, blocks):
        next(blocks)
        assert sound.heard == 0.0
