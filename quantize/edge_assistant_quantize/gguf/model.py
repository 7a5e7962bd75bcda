"""A GGUF model opened to be measured: a text in chunks as llama.cpp's tools cut it, the logits of its tokens."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from edge_assistant.compute.runtime import Halt
from edge_assistant.core.signals import printable
from edge_assistant.language import llama
from edge_assistant.language.tokens import Tokenizer
from edge_assistant_models import regular
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import room
from edge_assistant_quantize.candidate import loading
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    InputMissing,
    ModelTooLarge,
    QuantizationFailed,
    UsageError,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Tokens = NDArray[np.int32]
    Logits = NDArray[np.float32]

UBATCH = 512  # tokens of one computation, as in llama.cpp's tools, so that figures are comparable
MAX_BYTES = 16 << 20  # of a text; WikiText-2 has 13 MB in all. Bounds the memory for its tokens to 256 MB
LEAST_CONTEXT = 8  # tokens; half of a chunk is context for the other half
Node = Callable[[Any, bool, Any], bool]  # llama.cpp's evaluation callback: tensor, whether it only asks, user data


def read_text(path: Path) -> str:
    """Read a text; one line end at its end is dropped, as llama.cpp's tools do.

    Raises:
        InputMissing: there is no such file.
        CalibrationInvalid: it is no text, or too long.
    """
    name = printable(path.name)
    try:
        content = regular.read(path, MAX_BYTES)
        if len(content) > MAX_BYTES:
            raise CalibrationInvalid(f"{name} has more than {mebibytes(MAX_BYTES)}", "take the first part of it")
        return content.decode("utf-8").removesuffix("\n")
    except OSError as error:
        raise InputMissing(f"{name} cannot be read ({error.strerror})", "name a text file") from None
    except UnicodeDecodeError:
        raise CalibrationInvalid(f"{name} is not text in UTF-8", "name a plain text file") from None


def check_context(context: int) -> None:
    """Check the number of tokens of a chunk.

    Raises:
        UsageError: they are too few.
    """
    if context < LEAST_CONTEXT:
        raise UsageError(f"a chunk of {context} tokens is too short", f"take at least {LEAST_CONTEXT}")


class Model:
    """A model with room for one sequence.

    Weights are not repacked, so that the measurement reads them as the product does.

    Args:
        path: a GGUF file.
        threads: that compute.
        context: tokens of the sequence.
        node: llama.cpp's evaluation callback, called for each node of the graph.
        halt: stops a computation.

    Raises:
        ModelCorrupt: the file is no sound GGUF, or llama.cpp cannot load it.
        ModelTooLarge: memory does not suffice.
        UsageError: the context is too short.
        Stopped: `halt` was asked.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int,
        context: int = UBATCH,
        node: Node | None = None,
        halt: Halt | None = None,
    ) -> None:
        check_context(context)
        self.name = path.name
        self.context = context
        self._halt = halt or Halt()
        self._llama = llama.library()
        with loading():
            self._model, _ = llama.load(path, self._halt)
        self._vocab = self._llama.llama_model_get_vocab(self._model)
        self.vocabulary = int(self._llama.llama_vocab_n_tokens(self._vocab))
        begins = bool(self._llama.llama_vocab_get_add_bos(self._vocab))
        self.beginning = [int(self._llama.llama_vocab_bos(self._vocab))] * begins
        self._node = self._llama.ggml_backend_sched_eval_callback(node) if node else None
        try:
            self._ctx = self._new_context(threads, path.stat().st_size)
        except BaseException:
            self._llama.llama_model_free(self._model)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        llama.free(self._ctx, self._model)

    def tokenize(self, text: str) -> Tokens:
        """The tokens of a text, with the one that it begins with if the model wants one; control tokens are text."""
        return np.array([*self.beginning, *Tokenizer(self._model).tokens(text)], np.int32)

    def chunks(self, path: Path, most: int | None) -> tuple[Tokens, Tokens]:
        """Cut a text into chunks that fill the context; the rest at the end is dropped.

        Args:
            path: of the text.
            most: chunks; None for all.

        Returns:
            The text's tokens, [chunks, tokens of a chunk], with the one that a text begins with, if the model wants
            one, in the first chunk only; and the same as the model is given them, with that token in the place of each
            first.

        Raises:
            InputMissing: there is no such text.
            CalibrationInvalid: it has less than two chunks, which llama.cpp's tools require, or the model ends texts
                with a token, so that it predicts no text that goes on.
        """
        if self._llama.llama_vocab_get_add_eos(self._vocab):
            raise CalibrationInvalid(f"{self.name} ends each text with a token", "measure a model that writes on")
        tokens, size = self.tokenize(read_text(path)), self.context
        if len(tokens) < 2 * size:
            what = f"{printable(path.name)} has {len(tokens):,} tokens, and at least {2 * size:,} are needed"
            raise CalibrationInvalid(what, f"take a longer text, or a context of at most {len(tokens) // 2} tokens")
        count = min(most or len(tokens), len(tokens) // size)
        found = tokens[: count * size].reshape(count, size)
        given = found.copy()
        if self.beginning:
            given[:, 0] = self.beginning
        return found, given

    def evaluate(self, tokens: Tokens, first: int = 0) -> Logits:
        """Compute a text from its beginning.

        Args:
            tokens: no more than the context.
            first: the place of the first token whose logits are wanted.

        Returns:
            [tokens - first, vocabulary]; the next computation overwrites it.

        Raises:
            QuantizationFailed: llama.cpp cannot compute it.
            Stopped: `halt` was asked.
        """
        self._llama.llama_memory_clear(self._llama.llama_get_memory(self._ctx), True)
        array = (self._llama.llama_token * len(tokens))(*tokens.tolist())
        batch = self._llama.llama_batch_get_one(array, len(tokens))
        batch.logits = (ctypes.c_int8 * len(tokens))(*(number >= first for number in range(len(tokens))))
        status = self._llama.llama_decode(self._ctx, batch)
        if status == llama.ABORTED:
            self._halt.check()
        if status != 0:
            raise QuantizationFailed(f"{self.name} cannot be computed (llama.cpp says {status})", "look at the model")
        found = self._llama.llama_get_logits(self._ctx)
        if not found:
            raise QuantizationFailed(f"{self.name} predicts no tokens", "measure a model that writes")
        return np.ctypeslib.as_array(found, shape=(len(tokens) - first, self.vocabulary))

    def _new_context(self, threads: int, size: int) -> Any:  # noqa: ANN401 - a pointer of llama.cpp
        params = self._llama.llama_context_default_params()
        params.n_ctx = params.n_batch = self.context
        params.n_ubatch = min(UBATCH, self.context)
        params.n_threads = params.n_threads_batch = threads
        if self._node:
            params.cb_eval = self._node
        llama.stop_by(params, self._halt)
        room.check_memory(f"measuring {self.name}", size + self.context * self.vocabulary * 4)
        context = self._llama.llama_init_from_model(self._model, params)
        if not context:
            raise ModelTooLarge(
                f"there is not enough memory to run {self.name}", "close other programs, or take fewer tokens"
            )
        return context
