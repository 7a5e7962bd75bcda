"""The Whisper importer against CTranslate2, on a small random model of the same architecture."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import whisper, whisper_float
from edge_assistant_quantize.importers.ctranslate2_file import read_variables
from edge_assistant_quantize.onnx import blocks

WIDTH, HEADS, LAYERS, VOCABULARY, MELS, LENGTH = 64, 4, 2, 51_865, 80, 96
START = 50_258


def randomised(spec: Any, random: np.random.Generator) -> None:
    """Fill a specification with weights of the right shapes."""

    def linear(part: Any, outputs: int, inputs: int) -> None:
        part.weight = (random.standard_normal((outputs, inputs)) / inputs**0.5).astype(np.float16)
        part.bias = (random.standard_normal(outputs) * 0.1).astype(np.float16)

    def norm(part: Any) -> None:
        part.gamma = (1 + 0.1 * random.standard_normal(WIDTH)).astype(np.float16)
        part.beta = (0.1 * random.standard_normal(WIDTH)).astype(np.float16)

    encoder, decoder = spec.encoder, spec.decoder
    for conv, inputs in ((encoder.conv1, MELS), (encoder.conv2, WIDTH)):
        conv.weight = (random.standard_normal((WIDTH, inputs, 3)) / (3 * inputs) ** 0.5).astype(np.float16)
        conv.bias = (random.standard_normal(WIDTH) * 0.1).astype(np.float16)
    encoder.position_encodings.encodings = random.standard_normal((1500, WIDTH)).astype(np.float16)
    decoder.position_encodings.encodings = random.standard_normal((LENGTH, WIDTH)).astype(np.float16)
    decoder.embeddings.weight = random.standard_normal((VOCABULARY, WIDTH)).astype(np.float16)
    decoder.projection.weight = decoder.embeddings.weight
    for layer in [*encoder.layer, *decoder.layer]:
        norm(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
        linear(layer.self_attention.linear[1], WIDTH, WIDTH)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
        linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
    for layer in decoder.layer:
        norm(layer.attention.layer_norm)
        for at, outputs in enumerate((WIDTH, 2 * WIDTH, WIDTH)):
            linear(layer.attention.linear[at], outputs, WIDTH)
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as CTranslate2 writes it, with a tokenizer that the importer only copies."""
    from ctranslate2.specs import WhisperSpec

    folder = tmp_path_factory.mktemp("ctranslate2")
    spec = WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    randomised(spec, np.random.default_rng(0))
    names = [f"w{number}" for number in range(VOCABULARY)]
    names[50_257:50_259] = ["<|endoftext|>", "<|startoftranscript|>"]
    names[50_359:50_364] = ["<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    spec.register_vocabulary(names)
    spec.config.suppress_ids, spec.config.suppress_ids_begin, spec.config.lang_ids = [], [], [50_259]
    spec.config.alignment_heads = [(0, 1), (1, 0), (1, 3)]
    spec.validate()
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def imported(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    whisper.convert(inputs(source), folder)
    return folder


def inputs(folder: Path) -> Mapping[str, Path]:
    return {"model": folder / "model.bin", "tokenizer": folder / "tokenizer.json", "config": folder / "config.json"}


@pytest.fixture(scope="module")
def exact(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("float")
    whisper_float.convert(inputs(source), folder)
    return folder


def mel(frames: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((1, MELS, frames)).astype(np.float32)


def encoded(folder: Path, spectrum: np.ndarray) -> dict[str, np.ndarray]:
    session = Runtime(1).session(folder / "encoder.onnx")
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, {"mel": spectrum}), strict=True))


@pytest.mark.parametrize(("form", "error"), [("imported", 0.05), ("exact", 1e-4)])
def test_the_encoder_computes_what_ctranslate2_does(
    source: Path, request: pytest.FixtureRequest, form: str, error: float
) -> None:
    import ctranslate2

    spectrum = mel(3000)
    reference = ctranslate2.models.Whisper(str(source), compute_type="float32", intra_threads=1)
    states = np.array(reference.encode(ctranslate2.StorageView.from_array(spectrum)))[0]
    weights = read_variables(source / "model.bin", "WhisperSpec")
    ours = encoded(request.getfixturevalue(form), spectrum)
    for layer in range(LAYERS):
        name = f"decoder/layer_{layer}/attention/linear_1"
        fused = states @ weights[f"{name}/weight"].astype(np.float32).T + weights[f"{name}/bias"].astype(np.float32)
        key, value = np.split(fused, 2, axis=1)
        assert relative(ours[f"cross_key_{layer}"].transpose(2, 0, 1).reshape(-1, WIDTH), key) < error
        assert relative(ours[f"cross_value_{layer}"].transpose(1, 0, 2).reshape(-1, WIDTH), value) < error


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.sqrt(np.mean((ours - theirs) ** 2)) / theirs.std())


@pytest.mark.parametrize(("form", "error"), [("imported", 0.2), ("exact", 1e-3)])
def test_greedy_decoding_follows_ctranslate2(
    source: Path, request: pytest.FixtureRequest, form: str, error: float
) -> None:
    """The same tokens as long as the best is clearly the best, and the same probability for them."""
    import ctranslate2

    imported = request.getfixturevalue(form)

    spectrum = mel(3000)
    reference = ctranslate2.models.Whisper(str(source), compute_type="float32", intra_threads=1)
    found = reference.generate(
        reference.encode(ctranslate2.StorageView.from_array(spectrum)), [[START, 50_259, 50_359, 50_363]],
        beam_size=1, max_length=24, suppress_blank=False, suppress_tokens=None, return_scores=True,
    )[0]  # fmt: skip
    tokens, score = greedy(imported, encoded(imported, spectrum), [START, 50_259, 50_359, 50_363], 20)
    theirs = found.sequences_ids[0]
    assert len(theirs) >= 5
    assert tokens[: len(theirs)] == theirs
    assert score[: len(theirs)].mean() == pytest.approx(found.scores[0], abs=error)


def empty() -> dict[str, np.ndarray]:
    return {
        f"past_{part}_{n}": np.zeros((HEADS, 0, WIDTH // HEADS), np.float32)
        for part in ("key", "value")
        for n in range(LAYERS)
    }


def greedy(folder: Path, heard: dict[str, np.ndarray], prompt: list[int], count: int) -> tuple[list[int], np.ndarray]:
    session = Runtime(1).session(folder / "decoder.onnx")
    names = [one.name for one in session.get_outputs()]
    fed, past, tokens, scores = prompt, empty(), [], []
    for _ in range(count):
        result = dict(zip(names, session.run(None, {"tokens": np.array(fed), **past, **heard}), strict=True))
        logits = result["logits"][-1]
        logits[50_364:] = -np.inf  # timestamps: the prompt asks for none
        tokens.append(int(logits.argmax()))
        scores.append(float(logits.max() - np.logaddexp.reduce(logits)))
        fed = tokens[-1:]
        past = {name: result[name.removeprefix("past_")] for name in past}
    return tokens, np.array(scores)


def test_the_cache_makes_no_difference(imported: Path) -> None:
    session = Runtime(1).session(imported / "decoder.onnx")
    names = [one.name for one in session.get_outputs()]
    heard = encoded(imported, mel(120))
    tokens = [START, 5, 6, 7, 8]
    whole = dict(zip(names, session.run(None, {"tokens": np.array(tokens), **empty(), **heard}), strict=True))
    first = dict(zip(names, session.run(None, {"tokens": np.array(tokens[:2]), **empty(), **heard}), strict=True))
    past = {name: first[name.removeprefix("past_")] for name in empty()}
    rest = dict(zip(names, session.run(None, {"tokens": np.array(tokens[2:]), **past, **heard}), strict=True))
    assert rest["logits"] == pytest.approx(whole["logits"][2:], abs=0.05)
    assert whole["alignment"].shape == (3, 5, 60)
    assert whole["alignment"].sum(axis=-1) == pytest.approx(1.0, abs=1e-4)


def test_the_same_input_gives_the_same_bytes(source: Path, imported: Path, tmp_path: Path) -> None:
    whisper.convert(inputs(source), tmp_path)
    for name in ("encoder.onnx", "decoder.onnx", "tokenizer.json", "config.json"):
        assert (tmp_path / name).read_bytes() == (imported / name).read_bytes()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused(source: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    head = (source / "model.bin").read_bytes()[:3_000]
    content = bytearray(head[: data.draw(st.integers(0, len(head)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ModelCorrupt):
        read_variables(path, "WhisperSpec")


def variable(name: bytes, shape: tuple[int, ...], kind: int, data: bytes) -> bytes:
    head = struct.pack(f"<H{len(name)}sB{len(shape)}IBI", len(name), name, len(shape), *shape, kind, len(data))
    return head + data


def file_of(*variables: bytes, version: int = 6, kind: bytes = b"WhisperSpec\0", count: int | None = None) -> bytes:
    head = struct.pack(f"<IH{len(kind)}sII", version, len(kind), kind, 3, len(variables) if count is None else count)
    return head + b"".join(variables)


BAD = {
    "another version": file_of(version=5),
    "another kind of model": file_of(kind=b"TransformerSpec\0"),
    "a name that is no text": file_of(variable(b"\xff\xfe", (), 4, b"\0\0")),
    "too many variables": file_of(count=10**9),
    "too many dimensions": file_of(variable(b"w\0", (1,) * 9, 4, b"\0\0")),
    "an unknown type": file_of(variable(b"w\0", (1,), 9, b"\0\0")),
    "a size that does not fit": file_of(variable(b"w\0", (2**31, 2**31), 4, b"\0\0")),
    "no weights at all": file_of(),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_whisper_model_is_refused(name: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(BAD[name])
    with pytest.raises(ModelCorrupt):
        whisper.convert({**inputs(source), "model": tmp_path / "model.bin"}, tmp_path)


@pytest.mark.parametrize("config", [b"[]", b"{}", b"{", json.dumps({"alignment_heads": [3]}).encode()])
def test_a_configuration_without_alignment_heads_is_refused(config: bytes, source: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(config)
    with pytest.raises(ModelCorrupt):
        whisper.convert({**inputs(source), "config": tmp_path / "config.json"}, tmp_path)


def test_blocks_keep_their_largest_value() -> None:
    weight = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    levels, scales, _ = blocks.by_range(weight, 32, 8)
    restored = ((levels.astype(np.float32) - 128) * scales[..., None]).reshape(weight.shape)
    assert np.abs(restored - weight).max() < np.abs(weight).max() / 127
    assert (levels == 0).any(axis=-1).all()
    assert (blocks.by_range(np.zeros((1, 32)), 32, 8)[0] == 128).all()
