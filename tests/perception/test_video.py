"""Video: shots are cut where the scene changes, and what is seen, read and heard in them has its seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import limits
from edge_assistant.core.errors import InputCorrupt, InputTooLarge, InputUnsupported
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.evidence import Speech as Spoken
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes, take_file
from edge_assistant.perception import frames
from edge_assistant.perception.frames import shots
from edge_assistant.perception.sense import Percept, Request
from edge_assistant.perception.senses.video import Video

EXAMPLES = Path(__file__).parents[2] / "examples"
WIDTH, HEIGHT, RATE = 320, 192, 25


def slide(*lines: str, paper: tuple[int, int, int] = (250, 250, 250)) -> np.ndarray:
    image = Image.new("RGB", (WIDTH, HEIGHT), paper)
    for i, line in enumerate(lines):
        ImageDraw.Draw(image).text((16, 16 + 48 * i), line, font=ImageFont.load_default(30), fill=(20, 20, 20))
    return np.asarray(image)


def film(
    path: Path,
    scenes: Sequence[tuple[np.ndarray, float]],
    *,
    codec: str = "libx264",
    sound: np.ndarray | None = None,
    noise: int = 3,
) -> Path:
    """A video of still scenes with a little noise; sound is f32 at 16 kHz."""
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=RATE, options={"preset": "superfast"} if codec == "libx264" else {})
        video.height, video.width = scenes[0][0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=16_000, layout="mono") if sound is not None else None
        for rgb, seconds in scenes:
            for _ in range(round(seconds * RATE)):
                noisy = (rgb + random.integers(-noise, noise + 1, rgb.shape, np.int16)).clip(0, 255).astype(np.uint8)
                container.mux(video.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="flt", layout="mono")
            frame.sample_rate = 16_000
            container.mux([*audio.encode(frame), *audio.encode()])
    return path


def tone(seconds: float) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 16_000)) / 16_000)).astype(np.float32)


def cut(path: Path) -> tuple[list[frames.Shot], tuple[str, ...]]:
    return shots(take_file(path, Kind.VIDEO, 1), 2, lambda _: None)


def spans(found: Sequence[frames.Shot]) -> list[tuple[float, float]]:
    return [(round(shot.start, 1), round(shot.end, 1)) for shot in found]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two slides on the same paper, then one on another, and a tone."""
    path = tmp_path_factory.mktemp("video") / "talk.mp4"
    first, second = slide("Intake form", "Weight 71 kg"), slide("Summary", "Total 60.30")
    third = slide("Summary", "400 V  12 A", paper=(90, 130, 170))
    return film(path, [(first, 2.0), (second, 1.6), (third, 2.0)], sound=tone(5.6))


def test_cuts_and_slides_that_only_change_their_writing(talk):
    found, notes = cut(talk)
    assert spans(found) == [(0.0, 2.0), (2.0, 3.6), (3.6, 5.6)]
    assert notes == ()
    for shot in found:
        assert shot.page.rgb.shape == (HEIGHT, WIDTH, 3)
        assert shot.page.size == (WIDTH, HEIGHT)
    assert abs(found[2].page.rgb[-8:, -8:].reshape(-1, 3).mean(0) - (90, 130, 170)).max() < 8


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx-vp9"), ("a.mkv", "mpeg4")])
def test_other_containers_and_codecs(tmp_path, name, codec):
    path = film(tmp_path / name, [(slide("one"), 1.2), (slide("two", paper=(60, 60, 160)), 1.2)], codec=codec)
    assert spans(cut(path)[0]) == [(0.0, 1.2), (1.2, 2.4)]


def test_noise_motion_and_flashes_are_no_scenes(tmp_path):
    """Heavy noise, a box that wanders, and two white frames: one shot."""
    scenes = []
    for i in range(75):
        picture = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
        picture[60:100, 10 + 3 * i : 50 + 3 * i] = (200, 60, 40)
        scenes.append((picture, 1 / RATE))
    scenes[5] = scenes[6] = (np.full((HEIGHT, WIDTH, 3), 255, np.uint8), 1 / RATE)
    assert spans(cut(film(tmp_path / "a.mp4", scenes, noise=25))[0]) == [(0.0, 3.0)]


def test_a_slow_fade_is_seen(tmp_path):
    a, b = np.full((HEIGHT, WIDTH, 3), 30, np.uint8), np.full((HEIGHT, WIDTH, 3), 220, np.uint8)
    fade = [((a + (b - a.astype(int)) * i / 50).astype(np.uint8), 1 / RATE) for i in range(50)]
    found, _ = cut(film(tmp_path / "a.mp4", [(a, 1.0), *fade, (b, 1.0)]))
    assert len(found) >= 2
    assert found[-1].page.rgb.mean() > 150
    assert found[0].page.rgb.mean() < 60


def test_scenes_that_come_back_are_looked_at_once(tmp_path):
    a, b = slide("one"), slide("two", paper=(60, 60, 160))
    found, notes = cut(film(tmp_path / "a.mp4", [(a, 0.8), (b, 0.8), (a, 0.8), (b, 0.8)]))
    assert [shot.start for shot in found] == [0.0, pytest.approx(0.8, abs=0.13)]
    assert notes == ("a.mp4: of 4 scenes the 2 that differ most were looked at",)


def test_of_many_scenes_those_that_differ_most(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_SHOTS", 3)
    colours = [(200, 30, 30), (30, 200, 30), (200, 30, 30), (30, 200, 30), (30, 30, 200)]
    found, notes = cut(film(tmp_path / "a.mp4", [(slide("x", paper=colour), 0.8) for colour in colours]))
    kept = [tuple((shot.page.rgb[-8:, -8:].reshape(-1, 3).mean(0) > 100).tolist()) for shot in found]
    assert kept == [(True, False, False), (False, True, False), (False, False, True)]
    assert notes == ("a.mp4: of 5 scenes the 3 that differ most were looked at",)


def test_of_a_long_video_only_key_frames_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "_ALL_FRAMES", WIDTH * HEIGHT * 30)
    path = film(tmp_path / "a.mp4", [(slide("one"), 2.0), (slide("two", paper=(60, 60, 160)), 2.0)])
    decoded: list[float] = []
    original = frames.upright
    monkeypatch.setattr(frames, "upright", lambda frame: decoded.append(frame.time) or original(frame))
    found, _ = cut(path)
    monkeypatch.undo()
    with av.open(str(path)) as container:
        keys = {float(p.pts * p.time_base) for p in container.demux(video=0) if p.is_keyframe and p.pts is not None}
    assert set(decoded) <= keys
    assert len(found) == 2


def test_a_video_that_lies_on_its_side_is_turned(tmp_path):
    picture = slide("upright", paper=(200, 200, 200))
    picture = picture.copy()
    picture[:40] = (220, 20, 20)  # red above
    path = film(tmp_path / "a.mp4", [(np.ascontiguousarray(np.rot90(picture)), 1.0)])
    turned = tmp_path / "b.mp4"
    with av.open(str(path)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.dts is not None]
        for packet in packets:
            packet.stream = stream
            target.mux(packet)
    data = bytearray(turned.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    clockwise = b"".join(n.to_bytes(4, "big", signed=True) for n in (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30))
    data[matrix : matrix + 36] = clockwise
    signal = take_bytes(bytes(data), Kind.VIDEO, 1, origin=Origin.CAMERA, name="phone.mp4")
    (shot,), _ = shots(signal, 1, lambda _: None)
    assert shot.page.size == (WIDTH, HEIGHT)
    assert shot.page.rgb[:20].reshape(-1, 3).mean(0)[0] > 180 > shot.page.rgb[:20].reshape(-1, 3).mean(0)[1]


def perceive(path: Path, models: dict, progress: Callable[[float], None] = lambda _: None) -> Percept:
    return Video(models, Runtime(2)).perceive(take_file(path, Kind.VIDEO, 1), Request(language="en", progress=progress))


@pytest.fixture(scope="module")
def told(talk, models) -> tuple[Percept, list[float]]:
    """What reading and detecting tell of it, and the progress meanwhile."""
    seen: list[float] = []
    return perceive(talk, {role: models(role) for role in ("writing", "detector")}, seen.append), seen


def test_what_is_written_and_seen_has_seconds_and_box(told):
    percept, seen = told
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    def found(text: str) -> Evidence:
        return next(e for e in percept.evidence if text in e.text)

    assert found("71 kg").locator.seconds == pytest.approx((0.0, 2.0), abs=0.15)
    assert found("60.30").locator.seconds == pytest.approx((2.0, 3.6), abs=0.15)
    x, y, w, h = found("71 kg").locator.box
    assert 0 <= x < 30
    assert 50 <= y < 80
    assert w > 100
    assert h > 15
    assert all(e.locator.seconds and e.locator.box for e in percept.evidence)
    starts = [e.locator.seconds[0] for e in percept.evidence]
    assert starts == sorted(starts)
    assert percept.notes == ("talk.mp4: its sound was not heard, for want of a model",)


def test_what_stands_in_two_shots_on_end_is_told_once(told):
    (title,) = [e for e in told[0].evidence if e.text.startswith("Summary")]
    assert title.locator.seconds == pytest.approx((2.0, 5.6), abs=0.15)


def test_what_is_said_has_its_seconds(tmp_path, models):
    """The spoken claim of the examples, after a second of silence."""
    with av.open(str(EXAMPLES / "expense" / "claim.wav")) as recording:
        said = np.concatenate([frame.to_ndarray()[0] for frame in recording.decode(audio=0)]) / np.float32(32768)
    sound = np.concatenate((np.zeros(16_000, np.float32), said.astype(np.float32)))
    path = film(tmp_path / "claim.mkv", [(slide("Claim"), 1.0)], sound=sound)
    percept = perceive(path, {role: models(role) for role in ("speech", "vad")})
    words = " ".join(e.text for e in percept.evidence).lower()
    assert "forty" in words or "42" in words
    assert {type(e.detail) for e in percept.evidence} == {Spoken}
    assert all(e.locator.box is None for e in percept.evidence)
    assert 0.8 <= percept.evidence[0].locator.seconds[0] <= 2.0
    assert percept.evidence[-1].locator.seconds[1] <= len(sound) / 16_000 + 0.1


def test_without_a_model_it_says_what_was_not_done(talk):
    percept = perceive(talk, {})
    assert percept.evidence == ()
    assert percept.notes == (
        "talk.mp4: objects in it were not looked for, for want of a model",
        "talk.mp4: writing in it was not read, for want of a model",
        "talk.mp4: its sound was not heard, for want of a model",
    )


def test_it_can_be_stopped(talk):
    def stop(done: float) -> None:
        if done > 0.1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perceive(talk, {}, stop)


def video(data: bytes) -> Signal:
    return take_bytes(data, Kind.VIDEO, 1, origin=Origin.USER, name="clip.mp4")


def test_half_a_video_yields_its_half_and_a_note(tmp_path):
    path = film(tmp_path / "a.mkv", [(slide("one"), 1.2), (slide("two", paper=(60, 60, 160)), 1.2)])
    data = path.read_bytes()
    found, notes = shots(video(data[: len(data) * 2 // 3]), 2, lambda _: None)
    assert found[0].start == 0.0
    assert found[-1].end < 2.0
    assert re.fullmatch(r"clip\.mp4 breaks off after 1\.\d s of 2\.4 s that it declares", notes[-1])


def test_a_clock_that_does_not_start_at_zero(tmp_path):
    """As in what is cut out of a broadcast: seconds count from the first picture."""
    path = film(tmp_path / "a.ts", [(slide("one"), 1.2), (slide("two", paper=(60, 60, 160)), 1.2)])
    with av.open(str(path)) as container:
        assert container.streams.video[0].start_time
    assert spans(cut(path)[0]) == [(0.0, 1.2), (1.2, 2.4)]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(64), InputUnsupported),
        (b"GIF89a" + bytes(64), InputUnsupported),
        (b"words, and no video", InputUnsupported),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n", InputUnsupported),
        (b"\0\0\0\x18ftypisom" + bytes(64), InputCorrupt),
        (b"\x1aE\xdf\xa3" + bytes(64), InputCorrupt),
    ],
)
def test_what_is_no_video_is_refused(data, error):
    with pytest.raises(error):
        shots(video(data), 1, lambda _: None)


def test_no_more_than_the_limit_is_looked_at(talk):
    with limits.lowered({"video_seconds": 2}):
        found, notes = cut(talk)
    assert len(found) == 1
    assert "talk.mp4: only the first 2 seconds were looked at" in notes


def test_frames_of_too_many_pixels_are_refused(talk, monkeypatch):
    monkeypatch.setattr(frames, "MAX_PIXELS", 1000)
    with pytest.raises(InputTooLarge, match="1,000 pixels"):
        cut(talk)
