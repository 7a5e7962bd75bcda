"""Whether llama.cpp loads a GGUF file that was made here, and how it splits texts: in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_assistant.core.signals import printable
from edge_assistant.language import llama
from edge_assistant_quantize import progress
from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.gguf import apart
from edge_assistant_quantize.progress import Watch

_SENTENCE_PIECES = 1  # llama.cpp's LLAMA_VOCAB_TYPE_SPM
_REASON = re.compile(r"error loading model: (.+)")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What llama.cpp found.

    Attributes:
        pieces: whether its tokenizer is of SentencePiece's kind, which goes by scores.
        tokens: of each text, without those that the model puts around it.
    """

    pieces: bool
    tokens: tuple[tuple[int, ...], ...]


def load(descriptor: int, name: str, texts: Sequence[str]) -> Loaded:
    """Load an open file; its tensors' names and shapes are checked, and none is copied.

    Args:
        descriptor: of the file.
        name: what it is called, for people.
        texts: to split.

    Raises:
        QuantizationFailed: llama.cpp does not load it, or ends the process; the message has its reason.
    """
    request = {"descriptor": descriptor, "name": name, "texts": list(texts)}
    found = apart.run("gguf.loads", request, progress.ignore, descriptor=descriptor)
    return Loaded(found["pieces"], tuple(tuple(row) for row in found["tokens"]))


# What runs in the other process


def work(request: Mapping[str, Any], watch: Watch) -> dict[str, object]:
    """Load and split."""
    lib = llama.library()
    said: list[str] = []
    callback = lib.llama_log_callback(lambda level, text, data: said.append(text.decode(errors="replace")))
    lib.llama_log_set(callback, None)
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = False
    name = f"/dev/fd/{request['descriptor']}"
    model = lib.llama_model_load_from_file(name.encode(), params)
    if not model:
        reasons = _REASON.findall("".join(said)) or ["it gives no reason"]
        reason = printable(reasons[-1].replace(name, request["name"]))[:200]
        what = f"llama.cpp does not load {request['name']} ({reason})"
        raise QuantizationFailed(what, "its converter may not know this form of the model yet")
    vocabulary = lib.llama_model_get_vocab(model)
    return {
        "pieces": lib.llama_vocab_type(vocabulary) == _SENTENCE_PIECES,
        "tokens": [_tokens(lib, vocabulary, text.encode()) for text in request["texts"]],
    }


def _tokens(lib: Any, vocabulary: Any, text: bytes) -> list[int]:  # noqa: ANN401 - a module and a pointer
    buffer = (lib.llama_token * (len(text) + 16))()  # a token has at least a byte, but for a blank before the text
    count = lib.llama_tokenize(vocabulary, text, len(text), buffer, len(buffer), False, False)
    return list(buffer[:count])
