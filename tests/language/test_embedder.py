"""The sentence embedder over real weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import ModelCorrupt
from edge_assistant.language import embedder as module
from edge_assistant.language.embedder import Embedder
from edge_assistant.storage import cachefile
from edge_assistant_models.model import InstalledModel


@pytest.fixture(scope="module")
def embedder(models: Callable[[str], InstalledModel]) -> Embedder:
    return Embedder(models("embedder"), Runtime.detect())


def test_vectors_have_length_one_and_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = ["a much longer text than the others about pumps", "dog", "", "a sentence of middle length"]
    vectors = embedder.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert embedder.embed([]).shape[0] == 0
    many = embedder.embed([f"reading number {i}" for i in range(70)])  # more than a batch
    assert int(np.argmax(many @ embedder.embed(["reading number 42"])[0])) == 42
    for text, vector in zip(texts, vectors, strict=True):  # alone: an int8 model rounds by the batch
        assert float(embedder.embed([text])[0] @ vector) > 0.97


def test_near_in_meaning_is_nearer_than_far(embedder: Embedder) -> None:
    sofa, couch, penicillin = embedder.embed(["sofa", "couch", "penicillin"])
    assert float(sofa @ couch) > 0.7 > 0.4 > float(sofa @ penicillin)


def test_a_text_of_any_length_or_bytes(embedder: Embedder) -> None:
    vectors = embedder.embed(["word " * 20_000, "\0", "写真 👍", "\ud800"])
    assert np.isfinite(vectors).all()


def test_a_file_that_is_no_model(models: Callable[[str], InstalledModel], tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"not onnx")
    files = {**models("embedder").files, "model": broken}
    with pytest.raises(ModelCorrupt, match=r"model\.onnx cannot be loaded"):
        Embedder(InstalledModel("x", "0" * 64, files), Runtime(1))


def test_known_texts_are_computed_once_and_kept(
    models: Callable[[str], InstalledModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path))
    texts = ("How heavy is she?", "What does she weigh?")
    first = Embedder(models("embedder"), Runtime(1)).known(texts)
    again = Embedder(models("embedder"), Runtime(1))
    monkeypatch.setattr(again, "embed", lambda texts: pytest.fail(f"computed again: {texts}"))
    assert np.array_equal(again.known(texts), first)
    assert np.array_equal(again.known(texts[::-1]), first[::-1])  # by text, whatever the list
    assert not list((tmp_path / "cache" / "embeddings").glob("*.part"))


@pytest.mark.parametrize("content", [b"", b"not vectors", b"PK\x03\x04 broken"])
def test_a_file_of_vectors_that_is_broken_is_made_anew(
    content: bytes, models: Callable[[str], InstalledModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path))
    model = models("embedder")
    path = tmp_path / "cache" / "embeddings" / f"{model.sha256}.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    made = Embedder(model, Runtime(1)).known(("How heavy is she?",))
    assert np.array_equal(Embedder(model, Runtime(1)).known(("How heavy is she?",)), made)
    assert path.read_bytes() != content


def test_vectors_that_are_damaged_anywhere_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "vectors.bin"
    vectors = {hashlib.sha256(name).hexdigest(): np.full(5, len(name), np.float16) for name in (b"a", b"bb", b"ccc")}
    module._write(path, vectors)
    found = module._read(path)
    assert list(found) == list(vectors)
    assert all(np.array_equal(found[name], vectors[name]) for name in vectors)
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        assert module._read(path) == {}
        path.write_bytes(content[:at])
        assert module._read(path) == {}


@pytest.mark.parametrize(
    "rest",
    [b"", b"\xff" * 16, module._COUNTS.pack(2**40, 2**40), module._COUNTS.pack(1, 3) + b"x" * 37,
     module._COUNTS.pack(1, 1) + b"x" * 32 + np.float16("nan").tobytes()],
    ids=["nothing", "counts", "large", "short", "no number"],
)  # fmt: skip
def test_vectors_that_were_written_by_another_program_are_made_anew(rest: bytes, tmp_path: Path) -> None:
    cachefile.write(tmp_path / "vectors.bin", module._HEAD, [rest])
    assert module._read(tmp_path / "vectors.bin") == {}


def test_vectors_where_nothing_can_be_kept(
    models: Callable[[str], InstalledModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path))
    assert Embedder(models("embedder"), Runtime(1)).known(("How heavy is she?",)).shape == (1, 384)
