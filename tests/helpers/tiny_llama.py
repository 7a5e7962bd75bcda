"""A Llama of random weights in GGUF, computed in milliseconds, and a text for it and for real models."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from helpers.hostile_models import F32, I32, STRING, array, key, strings, tensor, text, u32

COLUMNS = 256  # of embeddings: one block of the K types
HIDDEN = 512
LAYERS = 2
_HEADS, _KEYS = 4, 2  # heads of queries, and of keys and values
U16 = 2
_HALF = 1  # the type F16
_UNKNOWN, _CONTROL, _BYTE = 2, 3, 6  # types of tokens
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
    path: Path, *, experts: int = 0, seed: int = 0, spoilt: str = "", architecture: str = "llama", parts: int = 1
) -> Path:
    """Write the model in F16.

    Args:
        path: of the file.
        experts: of each layer, two of which see a token; 0 for none.
        seed: of the weights.
        spoilt: a tensor that holds what is no number.
        architecture: as the file names it.
        parts: of which the file says that it is one.
    """
    generator = np.random.default_rng(seed)
    described, contents, offset = [], [], 0
    for name, shape in _shapes(experts).items():
        values = generator.normal(1 if "norm" in name else 0, 0.1, shape[::-1]).astype(np.float32)
        if name == spoilt:
            values.flat[7] = np.nan
        half = len(shape) > 1
        content = values.astype(np.float16 if half else np.float32).tobytes()
        described.append(tensor(name.encode(), shape, offset, _HALF if half else 0))
        contents.append(content + b"\0" * (-len(content) % 32))
        offset += len(contents[-1])
    keys = _keys(experts, architecture.encode())
    if parts > 1:
        keys.append(key(b"split.count", U16, struct.pack("<H", parts)))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(described), len(keys)) + b"".join((*keys, *described))
    path.write_bytes(head + b"\0" * (-len(head) % 32) + b"".join(contents))
    return path


def _shapes(experts: int) -> dict[str, tuple[int, ...]]:
    kept = COLUMNS * _KEYS // _HEADS
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (COLUMNS, 259),
        "output_norm.weight": (COLUMNS,),
        "output.weight": (COLUMNS, 259),
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


def _keys(experts: int, architecture: bytes) -> list[bytes]:
    pieces = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % value for value in range(256))]
    types = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256]
    numbers = {
        b"block_count": LAYERS,
        b"context_length": 512,
        b"embedding_length": COLUMNS,
        b"feed_forward_length": HIDDEN,
        b"attention.head_count": _HEADS,
        b"attention.head_count_kv": _KEYS,
    }
    if experts:
        numbers |= {b"expert_count": experts, b"expert_used_count": 2}
    return [
        key(b"general.architecture", STRING, text(architecture)),
        *(u32(architecture + b"." + name, value) for name, value in numbers.items()),
        key(architecture + b".attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-5)),
        key(b"tokenizer.ggml.model", STRING, text(b"llama")),
        strings(b"tokenizer.ggml.tokens", *pieces),
        array(b"tokenizer.ggml.scores", F32, len(pieces), struct.pack(f"<{len(pieces)}f", *[0.0] * len(pieces))),
        array(b"tokenizer.ggml.token_type", I32, len(types), struct.pack(f"<{len(types)}i", *types)),
        u32(b"tokenizer.ggml.bos_token_id", 1),
        u32(b"tokenizer.ggml.eos_token_id", 2),
    ]
