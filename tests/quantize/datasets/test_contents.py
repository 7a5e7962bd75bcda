"""Copies with other metadata, in another container or another writing are the same content; changed ones are not."""

from __future__ import annotations

import io
import shutil
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from edge_assistant.core.signals import Kind
from edge_assistant_quantize.datasets import contents
from edge_assistant_quantize.datasets.data import clusters

samples = st.binary(min_size=3200, max_size=6400).map(lambda raw: np.frombuffer(raw[: len(raw) // 2 * 2], np.int16))
words = st.text("abcdefgh XYZ", max_size=20)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("contents")


def wav(path: Path, sound, comment: str = "") -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    said = comment.encode()
    said += b" " * (len(said) % 2)
    content = bytearray(path.read_bytes() + b"LIST" + (4 + 8 + len(said)).to_bytes(4, "little") + b"INFOICMT")
    content += len(said).to_bytes(4, "little") + said
    content[4:8] = (len(content) - 8).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def flac(path: Path, sound, title: str) -> Path:
    with av.open(str(path), "w") as file:
        file.metadata["title"] = title
        stream = file.add_stream("flac", rate=16000, layout="mono", format="s16")
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = 16000
        for part in (frame, None):
            file.mux(stream.encode(part))
    return path


@given(samples, words, words)
def test_a_recording_with_another_tag_or_in_another_lossless_format_is_the_same(place, sound, one, other):
    found = contents.of_file(Kind.AUDIO, wav(place / "a.wav", sound, one))
    assert contents.of_file(Kind.AUDIO, wav(place / "b.wav", sound, f"{other}.")) == found
    assert contents.of_file(Kind.AUDIO, flac(place / "c.flac", sound, other)) == found
    louder = sound.copy()
    louder[0] ^= 64
    assert contents.of_file(Kind.AUDIO, wav(place / "d.wav", louder, one)) != found


@given(st.integers(0, 2**32 - 1), st.sampled_from(["PNG", "BMP", "TIFF"]), words)
def test_a_picture_with_another_tag_or_in_another_lossless_format_is_the_same(place, seed, form, comment):
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    tag = PngInfo()
    tag.add_text("comment", comment)
    Image.fromarray(pixels).save(place / "a.png", pnginfo=tag)
    found = contents.of_file(Kind.IMAGE, place / "a.png")
    Image.fromarray(pixels).save(place / "b", form)
    assert contents.of_file(Kind.IMAGE, place / "b") == found
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(place / "a.png", pnginfo=tag)
    assert contents.of_file(Kind.IMAGE, place / "a.png") != found
    Image.fromarray(pixels.reshape(7, 5, 3)).save(place / "a.png")
    assert contents.of_file(Kind.IMAGE, place / "a.png") != found


@given(
    st.text(max_size=30),
    st.sampled_from([str.casefold, lambda text: f" {text}\n", lambda text: text.replace(" ", "\t\n")]),
)
def test_a_text_in_another_case_or_with_other_spaces_is_the_same(text, change):
    assert contents.of_text(change(text)) == contents.of_text(text)
    assert contents.of_text(f"{text}x") != contents.of_text(text)


def test_a_later_page_counts_only_for_what_reads_it(tmp_path):
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    for name, second in (("a.tiff", pages[1]), ("b.tiff", pages[2])):
        made = io.BytesIO()
        pages[0].save(made, "TIFF", save_all=True, append_images=[second])
        (tmp_path / name).write_bytes(made.getvalue())
    data = {"path": str(tmp_path)}
    assert len(set(clusters("detector", data, ["a.tiff", "b.tiff"]))) == 1
    assert len(set(clusters("writing", data, ["a.tiff", "b.tiff#2"]))) == 2


def test_a_file_is_decoded_once_wherever_its_copies_lie(tmp_path, monkeypatch):
    Image.new("RGB", (8, 8), (3, 1, 4)).save(tmp_path / "a.png")
    shutil.copyfile(tmp_path / "a.png", tmp_path / "b.png")
    decode, decoded = contents._decoded, []
    monkeypatch.setattr(contents, "_known", {})
    monkeypatch.setattr(contents, "_decoded", lambda *given: decoded.append(given) or decode(*given))
    found = [contents.of_file(Kind.IMAGE, tmp_path / name, pages=1) for name in ("a.png", "b.png", "a.png")]
    assert (len(set(found)), len(decoded)) == (1, 1)


def test_what_cannot_be_decoded_is_its_bytes(tmp_path):
    for kind in (Kind.AUDIO, Kind.IMAGE, Kind.VIDEO, Kind.TEXT):
        one, other = tmp_path / "one", tmp_path / "other"
        one.write_bytes(b"\xff\xfe\xfd")
        other.write_bytes(b"\xff\xfe\xfc")
        assert contents.of_file(kind, one) != contents.of_file(kind, other)
