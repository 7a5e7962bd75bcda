"""The MiniLM importer against the same network in numpy, on small random weights."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from helpers import safetensors_files

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize import candidate
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.importers import minilm

WIDTH, WORDS, PLACES, LAYERS, HEAD = 64, 50, 16, 2, 32
Weights = Mapping[str, np.ndarray]


def random_weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)

    def values(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) / shape[-1] ** 0.5).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": values(WORDS, WIDTH),
        "embeddings.position_embeddings.weight": values(PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": values(2, WIDTH),
    }
    sizes = {
        "attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (4 * WIDTH, WIDTH), "output.dense": (WIDTH, 4 * WIDTH),
    }  # fmt: skip
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        norms += [f"encoder.layer.{layer}.{part}.LayerNorm" for part in ("attention.output", "output")]
        for part, shape in sizes.items():
            found[f"encoder.layer.{layer}.{part}.weight"] = values(*shape)
            found[f"encoder.layer.{layer}.{part}.bias"] = values(shape[0])
    for name in norms:
        found[f"{name}.weight"], found[f"{name}.bias"] = 1 + values(WIDTH), values(WIDTH)
    return found


def written(tensors: Weights, path: Path) -> Path:
    safetensors_files.write(path, {**tensors, "embeddings.position_ids": np.empty(0, np.int64)})
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("minilm")
    (folder / "tokenizer.json").write_text("{}")
    weights = written(random_weights(), folder / "model.safetensors")
    return {"weights": weights, "tokenizer": folder / "tokenizer.json"}


def norm(value: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    centred = value - value.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def bert(weights: Weights, tokens: list[int]) -> np.ndarray:
    """One text through the network as it is published."""

    def linear(value: np.ndarray, name: str) -> np.ndarray:
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    value = weights["embeddings.word_embeddings.weight"][tokens]
    value = value + weights["embeddings.position_embeddings.weight"][: len(tokens)]
    value = norm(value + weights["embeddings.token_type_embeddings.weight"][0], weights, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        seen = []
        for head in range(WIDTH // HEAD):
            cut = slice(head * HEAD, (head + 1) * HEAD)
            query, key, values = (
                linear(value, f"{name}.attention.self.{p}")[:, cut] for p in ("query", "key", "value")
            )
            scores = np.exp(query @ key.T / HEAD**0.5)
            seen.append(scores / scores.sum(-1, keepdims=True) @ values)
        joined = linear(np.concatenate(seen, axis=-1), f"{name}.attention.output.dense")
        value = norm(value + joined, weights, f"{name}.attention.output.LayerNorm")
        hidden = linear(value, f"{name}.intermediate.dense")
        hidden = hidden / 2 * (1 + np.vectorize(math.erf)(hidden / 2**0.5))
        value = norm(value + linear(hidden, f"{name}.output.dense"), weights, f"{name}.output.LayerNorm")
    return value


def test_the_verb_writes_what_bert_computes(
    source: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And prints what the catalog pins; the same weights give the same bytes."""
    output = tmp_path / "minilm"
    assert main(["import", "minilm", *(f"{key}={path}" for key, path in source.items()), "--output", str(output)]) == 0
    _, model, tokenizer = capsys.readouterr().out.splitlines()
    made = candidate.find(str(output))
    assert (made.name, made.role, sorted(made.files)) == ("minilm", "embedder", ["model", "tokenizer"])
    assert model.endswith(f", tensors_sha256 {tensor_digest(output / 'model.onnx')}")
    assert tokenizer == f"{output}/tokenizer.json: 0.0 KiB"
    minilm.convert(source, tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == (output / "model.onnx").read_bytes()
    tokens = np.array([[1, 7, 3, 9, 2], [1, 40, 2, 0, 0]])
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    session = Runtime(1).session(output / "model.onnx")
    states = session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
    weights = random_weights()
    assert states[0] == pytest.approx(bert(weights, [1, 7, 3, 9, 2]), abs=1e-4)
    assert states[1, :3] == pytest.approx(bert(weights, [1, 40, 2]), abs=1e-4)


def test_another_network_or_a_file_that_lies_is_refused(source: dict[str, Path], tmp_path: Path) -> None:
    weights = random_weights()
    del weights["encoder.layer.1.output.dense.bias"]
    path = written(weights, tmp_path / "model.safetensors")
    with pytest.raises(ModelCorrupt, match="is not MiniLM"):
        minilm.convert({**source, "weights": path}, tmp_path)
    path.write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    with pytest.raises(ModelCorrupt):
        minilm.convert({**source, "weights": path}, tmp_path)
