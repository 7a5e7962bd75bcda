"""A grammar of llama.cpp (GBNF) over the tokens of a model: which token may come next."""

from __future__ import annotations

import ctypes
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_assistant.core.errors import UsageError
from edge_assistant.language import llama

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST = 64  # likeliest tokens that are tried before all are: most often one of them is admitted
_CANDIDATE = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])  # struct llama_token_data


class TokenGrammar:
    """What was written so far in a grammar.

    Args:
        model: pointer of llama.cpp.
        text: GBNF, with the rule `root`.

    Raises:
        UsageError: llama.cpp cannot read it; nothing is written without a grammar then.
    """

    def __init__(self, model: Any, text: str) -> None:  # noqa: ANN401 - a pointer
        self._llama: Any = llama.library()
        vocab = self._llama.llama_model_get_vocab(model)
        # llama.cpp takes an empty grammar for none, which admits everything
        self._sampler = text and self._llama.llama_sampler_init_grammar(vocab, text.encode(), b"root")
        if not self._sampler:
            raise UsageError("the grammar of the form cannot be read", "make the schema simpler")
        self.close = weakref.finalize(self, self._llama.llama_sampler_free, self._sampler)
        self.close.atexit = False

    def take(self, logits: NDArray[np.float32]) -> int:
        """The likeliest token that the grammar admits, which counts as written.

        Raises:
            UsageError: it admits none.
        """
        best = int(np.argmax(logits))
        found = self._admitted(np.array([best]), logits)
        if found is None:
            found = self._admitted(np.argpartition(logits, -_FIRST)[-_FIRST:], logits)
        if found is None:
            found = self._admitted(np.arange(len(logits)), logits)
        if found is None:
            raise UsageError("the grammar of the form has no way on", "make the schema simpler")
        self._llama.llama_sampler_accept(self._sampler, found)
        return found

    def _admitted(self, tokens: NDArray[np.integer[Any]], logits: NDArray[np.float32]) -> int | None:
        """The likeliest of some tokens that is admitted."""
        candidates = np.zeros(len(tokens), _CANDIDATE)
        candidates["id"], candidates["logit"] = tokens, logits[tokens]
        array = self._llama.llama_token_data_array(
            candidates.ctypes.data_as(self._llama.llama_token_data_p), len(tokens), -1, False
        )
        self._llama.llama_sampler_apply(self._sampler, ctypes.byref(array))
        best = int(np.argmax(candidates["logit"]))
        return int(candidates["id"][best]) if np.isfinite(candidates["logit"][best]) else None
