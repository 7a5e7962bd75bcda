"""A Llama of random weights in GGUF, computed in milliseconds, and a text for it and for real models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = 256  # of embeddings: one block of the K types
HIDDEN = 512
LAYERS = 2
_HEADS, _KEYS = 4, 2  # heads of queries, and of keys and values
_TOKENS = 259  # three of control, and the bytes
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6  # types of tokens
_WORDS = """
    the a old small red cold tall nurse doctor patient sensor camera window kitchen garden river house morning
    evening winter reads opens closes watches measures forgets carries finds slowly quietly twice again never here
"""


def prose(words: int) -> str:
    """So many words in sentences, always the same ones."""
    state, said, known = 1, [], _WORDS.split()
    for number in range(words):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF  # the generator of the C standard's example
        word = known[(state >> 16) % len(known)]
        said.append(word.capitalize() if number % 9 == 0 else word + "." * (number % 9 == 8))
    return " ".join(said) + "\n"


def write(
    path: Path,
    *,
    experts: int = 0,
    seed: int = 0,
    spoilt: str = "",
    architecture: str = "llama",
    parts: int = 1,
    further: Sequence[str] = (),
) -> Path:
    """Write the model in F16.

    Args:
        path: of the file.
        experts: of each layer, two of which see a token; 0 for none.
        seed: of the weights.
        spoilt: a tensor that holds what is no number.
        architecture: as the file names it.
        parts: of which the file says that it is one.
        further: tokens, such as a space, and in <> the control tokens of a chat family.
    """
    from gguf import GGUFWriter

    writer = GGUFWriter(path, architecture)
    _describe(writer, experts, further)
    if parts > 1:
        writer.add_uint16("split.count", parts)
    generator = np.random.default_rng(seed)
    for name, shape in _shapes(experts, _TOKENS + len(further)).items():
        values = generator.normal(1 if "norm" in name else 0, 0.1, shape[::-1]).astype(np.float32)
        if name == spoilt:
            values.flat[7] = np.nan
        writer.add_tensor(name, values.astype(np.float16) if len(shape) > 1 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _shapes(experts: int, tokens: int) -> dict[str, tuple[int, ...]]:
    kept = COLUMNS * _KEYS // _HEADS
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (COLUMNS, tokens),
        "output_norm.weight": (COLUMNS,),
        "output.weight": (COLUMNS, tokens),
    }
    for layer in range(LAYERS):
        within = {
            "attn_norm": (COLUMNS,),
            "attn_q": (COLUMNS, COLUMNS),
            "attn_k": (COLUMNS, kept),
            "attn_v": (COLUMNS, kept),
            "attn_output": (COLUMNS, COLUMNS),
            "ffn_norm": (COLUMNS,),
        }
        if experts:
            within["ffn_gate_inp"] = (COLUMNS, experts)
        suffix, more = ("_exps", (experts,)) if experts else ("", ())
        within |= {f"ffn_{name}{suffix}": (COLUMNS, HIDDEN, *more) for name in ("gate", "up")}
        within[f"ffn_down{suffix}"] = (HIDDEN, COLUMNS, *more)
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in within.items()}
    return shapes


def _describe(writer: Any, experts: int, further: Sequence[str]) -> None:
    """The keys of the model."""
    writer.add_block_count(LAYERS)
    writer.add_context_length(512)
    writer.add_embedding_length(COLUMNS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_KEYS)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(256)), *further])
    writer.add_token_scores([0.0] * (_TOKENS + len(further)))
    writer.add_token_types(
        [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *(_CONTROL if token[0] == "<" else _NORMAL for token in further)]
    )
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
