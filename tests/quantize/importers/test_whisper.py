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

WIDTH, HEADS, LAYERS, VOCABULARY, MELS, LENGTH = 64, 4, 2, 600, 80, 96
MARKS = ("endoftext", "startoftranscript", "en", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
FIRST = VOCABULARY - len(MARKS)  # number of the first mark; there are no timestamps behind the last
START, ENGLISH, TRANSCRIBE, NO_TIMES = FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 7


def randomised(spec: Any, random: np.random.Generator) -> None:
    """Fill a specification with weights of the right shapes."""

    def drawn(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * random.standard_normal(shape)).astype(np.float16)

    def linear(part: Any, outputs: int, inputs: int) -> None:
        part.weight, part.bias = drawn(outputs, inputs, scale=inputs**-0.5), drawn(outputs, scale=0.1)

    def norm(part: Any) -> None:
        part.gamma, part.beta = 1 + drawn(WIDTH, scale=0.1), drawn(WIDTH, scale=0.1)

    encoder, decoder = spec.encoder, spec.decoder
    for conv, inputs in ((encoder.conv1, MELS), (encoder.conv2, WIDTH)):
        conv.weight, conv.bias = drawn(WIDTH, inputs, 3, scale=(3 * inputs) ** -0.5), drawn(WIDTH, scale=0.1)
    encoder.position_encodings.encodings = drawn(1500, WIDTH)
    decoder.position_encodings.encodings = drawn(LENGTH, WIDTH)
    decoder.embeddings.weight = decoder.projection.weight = drawn(VOCABULARY, WIDTH)
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
    names[FIRST : FIRST + len(MARKS)] = [f"<|{mark}|>" for mark in MARKS]
    spec.register_vocabulary(names)
    spec.config.suppress_ids, spec.config.suppress_ids_begin, spec.config.lang_ids = [], [], [ENGLISH]
    spec.config.alignment_heads = [(0, 1), (1, 0), (1, 3)]
    spec.validate()
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text("{}")
    return folder


def inputs(folder: Path) -> Mapping[str, Path]:
    return {"model": folder / "model.bin", "tokenizer": folder / "tokenizer.json", "config": folder / "config.json"}


@pytest.fixture(scope="module", params=[whisper, whisper_float], ids=["8 bits", "exact"])
def imported(source: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    request.param.convert(inputs(source), folder)
    return folder


def mel(frames: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((1, MELS, frames)).astype(np.float32)


def encoded(folder: Path, spectrum: np.ndarray) -> dict[str, np.ndarray]:
    session = Runtime(1).session(folder / "encoder.onnx")
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, {"mel": spectrum}), strict=True))


def test_encoder_and_greedy_decoding_follow_ctranslate2(source: Path, imported: Path, request: Any) -> None:
    """Nearly the same keys and values; the same tokens while the best is clearly so, and their probability."""
    import ctranslate2

    exact = "exact" in request.node.name
    spectrum = mel(3000)
    reference = ctranslate2.models.Whisper(str(source), compute_type="float32", intra_threads=1)
    heard = reference.encode(ctranslate2.StorageView.from_array(spectrum))
    states = np.array(heard)[0]
    weights = read_variables(source / "model.bin", "WhisperSpec")
    ours = encoded(imported, spectrum)
    for layer in range(LAYERS):
        name = f"decoder/layer_{layer}/attention/linear_1"
        fused = states @ weights[f"{name}/weight"].astype(np.float32).T + weights[f"{name}/bias"].astype(np.float32)
        keys, values = np.split(fused, 2, axis=1)
        for theirs, made, order in ((keys, "key", (2, 0, 1)), (values, "value", (1, 0, 2))):
            found = ours[f"cross_{made}_{layer}"].transpose(order).reshape(-1, WIDTH)
            assert np.sqrt(np.mean((found - theirs) ** 2)) / theirs.std() < (1e-4 if exact else 0.05)
    prompt = [START, ENGLISH, TRANSCRIBE, NO_TIMES]
    found = reference.generate(
        heard, [prompt], beam_size=1, max_length=24, suppress_blank=False, suppress_tokens=None, return_scores=True
    )[0]
    tokens, score = greedy(imported, ours, prompt, 20)
    theirs = found.sequences_ids[0]
    assert len(theirs) >= 5
    assert tokens[: len(theirs)] == theirs
    assert score[: len(theirs)].mean() == pytest.approx(found.scores[0], abs=1e-3 if exact else 0.2)


def empty() -> dict[str, np.ndarray]:
    shape = (HEADS, 0, WIDTH // HEADS)
    return {f"past_{part}_{n}": np.zeros(shape, np.float32) for part in ("key", "value") for n in range(LAYERS)}


def greedy(folder: Path, heard: dict[str, np.ndarray], prompt: list[int], count: int) -> tuple[list[int], np.ndarray]:
    decoder = Decoder(folder, heard)
    fed, past, tokens, scores = prompt, empty(), [], []
    for _ in range(count):
        result = decoder.run(fed, past)
        logits = result["logits"][-1]
        tokens.append(int(logits.argmax()))
        scores.append(float(logits.max() - np.logaddexp.reduce(logits)))
        fed = tokens[-1:]
        past = {name: result[name.removeprefix("past_")] for name in past}
    return tokens, np.array(scores)


class Decoder:
    def __init__(self, folder: Path, heard: dict[str, np.ndarray]) -> None:
        self.session, self.heard = Runtime(1).session(folder / "decoder.onnx"), heard
        self.names = [one.name for one in self.session.get_outputs()]

    def run(self, tokens: list[int], past: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {"tokens": np.array(tokens), **past, **self.heard}
        return dict(zip(self.names, self.session.run(None, given), strict=True))


def test_the_cache_makes_no_difference(imported: Path) -> None:
    decoder = Decoder(imported, encoded(imported, mel(120)))
    tokens = [START, 5, 6, 7, 8]
    whole, first = decoder.run(tokens, empty()), decoder.run(tokens[:2], empty())
    rest = decoder.run(tokens[2:], {name: first[name.removeprefix("past_")] for name in empty()})
    assert rest["logits"] == pytest.approx(whole["logits"][2:], abs=0.05)
    assert whole["alignment"].shape == (3, 5, 60)
    assert whole["alignment"].sum(axis=-1) == pytest.approx(1.0, abs=1e-4)


def test_the_same_input_gives_the_same_bytes(source: Path, imported: Path, request: Any, tmp_path: Path) -> None:
    (whisper_float if "exact" in request.node.name else whisper).convert(inputs(source), tmp_path)
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
        whisper.convert({**inputs(source), "model": path}, path.parent)


def variable(name: bytes, shape: tuple[int, ...], kind: int, data: bytes) -> bytes:
    head = struct.pack(f"<H{len(name)}sB{len(shape)}IBI", len(name), name, len(shape), *shape, kind, len(data))
    return head + data


def file_of(*variables: bytes, version: int = 6, kind: bytes = b"WhisperSpec\0", count: int | None = None) -> bytes:
    head = struct.pack(f"<IH{len(kind)}sII", version, len(kind), kind, 3, len(variables) if count is None else count)
    return head + b"".join(variables)


@pytest.mark.parametrize(
    "content",
    [
        file_of(version=5),
        file_of(kind=b"TransformerSpec\0"),
        file_of(variable(b"\xff\xfe", (), 4, b"\0\0")),  # a name that is no text
        file_of(count=10**9),
        file_of(variable(b"w\0", (1,) * 9, 4, b"\0\0")),
        file_of(variable(b"w\0", (1,), 9, b"\0\0")),  # an unknown type
        file_of(variable(b"w\0", (2**31, 2**31), 4, b"\0\0")),
        file_of(),  # no weights at all
    ],
)
def test_what_is_no_whisper_model_is_refused(content: bytes, source: Path, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(ModelCorrupt):
        whisper.convert({**inputs(source), "model": tmp_path / "model.bin"}, tmp_path)


@pytest.mark.parametrize("config", [b"[]", b"{}", b"{", json.dumps({"alignment_heads": [3]}).encode()])
def test_a_configuration_without_alignment_heads_is_refused(config: bytes, source: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(config)
    with pytest.raises(ModelCorrupt):
        whisper.convert({**inputs(source), "config": tmp_path / "config.json"}, tmp_path)
