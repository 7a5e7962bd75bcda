"""How a checkpoint's own tokenizer splits texts, to compare with llama.cpp's, whose rules are written anew in C++.

And by which rules it does it, for a tokenizer that was trained anew by the rules of a family that llama.cpp knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_assistant_quantize.gguf.checkpoint import json_of

# Where families of tokenizers differ: numbers, contractions, spaces and line ends in a row, scripts, signs
TEXTS = (
    "The quick brown fox's 12345 jumps, isn't it?",
    "Total:  1,234.50 EUR\n\n\tpaid   on 2024-03-01",
    "naïve façade, 你好世界 Привет мир",
    "def f(x):\n    return x**2  # ok!!! I'LL go",
)

_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
# llama.cpp's names by the rules of tokenizer.json: of Qwen2.5 and Qwen3, Llama 3, SmolLM2 and GPT-2, as published
_SPLITS = {
    (_WORDS + r"|\p{N}" + _REST, "bytes"): "qwen2",
    (_WORDS + r"|\p{N}{1,3}" + _REST, "bytes"): "llama-bpe",
    ("digits", "words"): "smollm",
    ("words",): "gpt-2",
}


def split_of(folder: Path) -> str | None:
    """llama.cpp's name of how a byte-pair tokenizer splits text before it merges, if its rules are those of a family.

    Raises:
        WeightsRefused: tokenizer.json cannot be read.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    rules = json_of(path).get("pre_tokenizer")
    parts = rules.get("pretokenizers") if isinstance(rules, dict) and rules.get("type") == "Sequence" else [rules]
    return _SPLITS.get(tuple(_rule(part) for part in parts)) if isinstance(parts, list) else None


def _rule(part: Any) -> str:  # noqa: ANN401 - what stands in a file
    """One rule of tokenizer.json in a word, a pattern as it is; empty for another one."""
    match part:
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated"} if not part.get("invert"):
            return pattern
        case {"type": "Digits", "individual_digits": True}:
            return "digits"
        case {"type": "ByteLevel", "add_prefix_space": False}:
            return "words" if part.get("use_regex", True) else "bytes"
    return ""


def of(folder: Path, texts: Sequence[str]) -> list[list[int]] | None:
    """The tokens of texts without special ones, or None where neither library reads the tokenizer in a folder."""
    if (folder / "tokenizer.json").is_file():
        return _of_tokenizers(folder / "tokenizer.json", texts)
    if (folder / "tokenizer.model").is_file():
        return _of_sentencepiece(folder / "tokenizer.model", texts)
    return None


def _of_tokenizers(path: Path, texts: Sequence[str]) -> list[list[int]] | None:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
        return [list(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # the library raises Exception itself, and where its Rust panics less than one
        return None  # the converter has read it otherwise


def _of_sentencepiece(path: Path, texts: Sequence[str]) -> list[list[int]] | None:
    from sentencepiece import SentencePieceProcessor

    tokenizer = SentencePieceProcessor()
    try:
        tokenizer.LoadFromFile(str(path))
    except (OSError, RuntimeError):
        return None
    return [list(tokenizer.encode(text)) for text in texts]
