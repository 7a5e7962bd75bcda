"""A hub of Hugging Face on the loopback address, with one model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.hub import Hub
from helpers.webserver import serving

from edge_assistant_models import network


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, with a model of two parts and much that is not wanted."""
    monkeypatch.setattr(network, "BACKOFF_S", 0.0)
    with serving() as web:
        monkeypatch.setenv("HF_ENDPOINT", web.address + "/")
        made = Hub(web)
        parts = {f"model-0000{number}-of-00002.safetensors": bytes([number]) * 3_000_000 for number in (1, 2)}
        made.files = {
            "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
            "tokenizer.json": b"{}",
            "tokenizer.model": b"pieces",
            "merges.txt": b"a b",
            "chat_template.jinja": b"{{ messages }}",
            "README.md": b"# Tiny",
            "LICENSE": b"MIT",
            "1_Pooling/config.json": b"{}",
            "model.safetensors.index.json": b"{}",
            **parts,
            "modeling_tiny.py": b"raise SystemExit",
            "pytorch_model.bin": b"pickled",
            "training_args.bin": b"pickled",
            "onnx/model.onnx": b"another form",
            "original/params.json": b"{}",
            "tiny.gguf": b"another form",
        }
        made.large = {*parts, "tokenizer.model"}
        made.publish()
        yield made
