"""How a checkpoint's own tokenizer splits texts, to compare with llama.cpp's, whose rules are written anew in C++."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# Where families of tokenizers differ: numbers, contractions, spaces and line ends in a row, scripts, signs
TEXTS = (
    "The quick brown fox's 12345 jumps, isn't it?",
    "Total:  1,234.50 EUR\n\n\tpaid   on 2024-03-01",
    "naïve façade, 你好世界 Привет мир",
    "def f(x):\n    return x**2  # ok!!! I'LL go",
)


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
    except Exception:  # the library raises Exception itself; the converter has read it otherwise
        return None
    return [list(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]


def _of_sentencepiece(path: Path, texts: Sequence[str]) -> list[list[int]] | None:
    from sentencepiece import SentencePieceProcessor

    tokenizer = SentencePieceProcessor()
    try:
        tokenizer.LoadFromFile(str(path))
    except (OSError, RuntimeError):
        return None
    return [list(tokenizer.encode(text)) for text in texts]
