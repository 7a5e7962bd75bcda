"""Texts to measure and calibrate with: read whole, cut into chunks as llama.cpp's tools cut them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.signals import printable
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing, UsageError

if TYPE_CHECKING:
    from edge_assistant_quantize.gguf.model import Model, Tokens

MAX_BYTES = 64 << 20  # of a text; WikiText-2 has 13 MB in all. Bounds the memory for its tokens to 256 MB
LEAST_CONTEXT = 8  # tokens; half of a chunk is context for the other half


def read(path: Path) -> bytes:
    """Read a text; one line end at its end is dropped, as llama.cpp's tools do.

    Raises:
        InputMissing: there is no such file.
        CalibrationInvalid: it is no text, or too long.
    """
    name = printable(path.name)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputMissing(f"{name} cannot be read ({error.strerror})", "name a text file") from None
    if len(content) > MAX_BYTES:
        raise CalibrationInvalid(f"{name} has more than {mebibytes(MAX_BYTES)}", "take the first part of it")
    try:
        is_text = "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        is_text = False
    if not is_text:
        raise CalibrationInvalid(f"{name} is not text in UTF-8", "name a plain text file")
    return content.removesuffix(b"\n")


def check_context(context: int) -> None:
    """Check the number of tokens of a chunk.

    Raises:
        UsageError: they are too few.
    """
    if context < LEAST_CONTEXT:
        raise UsageError(f"a chunk of {context} tokens is too short", f"take at least {LEAST_CONTEXT}")


def chunks(model: Model, text: bytes, name: str, most: int | None) -> tuple[Tokens, Tokens]:
    """Cut a text into chunks that fill a model's context; the rest at the end is dropped.

    Args:
        model: whose tokens they are.
        text: from `read`.
        name: of the text, for messages.
        most: chunks; None for all.

    Returns:
        The text's tokens, [chunks, tokens of a chunk], with the one that a text begins with, if the model wants one, in
        the first chunk only; and the same as the model is given them, with that token in the place of each first.

    Raises:
        UsageError: the context is too short.
        CalibrationInvalid: the text has less than two chunks, which llama.cpp's tools require, or the model ends texts.
    """
    check_context(model.context)
    if model.adds_end:
        raise CalibrationInvalid(f"{model.name} ends each text with a token", "measure a model that writes on")
    tokens, size = model.tokenize(text), model.context
    if len(tokens) < 2 * size:
        what = f"{printable(name)} has {len(tokens):,} tokens, and at least {2 * size:,} are needed"
        raise CalibrationInvalid(what, f"take a longer text, or a context of at most {len(tokens) // 2} tokens")
    count = len(tokens) // size
    count = count if most is None else min(most, count)
    found: Tokens = tokens[: count * size].reshape(count, size)
    given = found.copy()
    if model.beginning is not None:
        given[:, 0] = model.beginning
    return found, given
