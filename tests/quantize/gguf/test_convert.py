"""Each family from transformers to llama.cpp: the same numbers come out; and what cannot be converted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_assistant_quantize import progress
from edge_assistant_quantize.gguf.convert import convert

# llama.cpp's name of how the tokenizer splits text, where there is one; precision; how far the logits may be away
FAMILIES = {
    "llama": (None, "f16", 0.005),
    "llama3": ("llama-bpe", "f32", 1e-5),
    "qwen2": ("qwen2", "f16", 0.005),
    "qwen3": ("qwen2", "f32", 1e-5),
    "smollm": ("smollm", "bf16", 0.03),
    "smollm3": ("llama-bpe", "f32", 1e-5),
    "gemma3": (None, "q8_0", 0.05),
}


def logits_of(path: Path, tokens: list[int]) -> Any:
    """What llama.cpp computes for the last token, with attention in F32."""
    import llama_cpp as llama

    model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
    parameters = llama.llama_context_default_params()
    parameters.n_ctx, parameters.n_threads, parameters.n_threads_batch = 256, 1, 1
    parameters.type_k = parameters.type_v = parameters.flash_attn_type = 0  # no attention in half precision
    context = llama.llama_init_from_model(model, parameters)
    row = (llama.llama_token * len(tokens))(*tokens)
    assert llama.llama_decode(context, llama.llama_batch_get_one(row, len(tokens))) == 0
    count = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    found = np.array(np.ctypeslib.as_array(llama.llama_get_logits_ith(context, -1), shape=(count,)))
    llama.llama_free(context)
    llama.llama_model_free(model)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_the_converted_model_computes_what_the_exported_one_does(
    family: str, tiny: Path, converter: Path, tmp_path: Path
) -> None:
    pre, precision, tolerance = FAMILIES[family]
    output = tmp_path / "model.gguf"
    steps: list[progress.Step] = []
    convert(tiny / family, output, precision=precision, pre=pre, threads=1, watch=steps.append)
    expected = json.loads((tiny / f"{family}.json").read_text())
    wanted = np.array(expected["logits"])
    found = logits_of(output, expected["tokens"])
    assert found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= tolerance * np.linalg.norm(wanted)
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]
    assert {step.what: step.done == step.total for step in steps} == {
        "reading the weights, MiB": True,
        "converting, %": True,
        "loading it with llama.cpp": True,
    }
