"""How tokenizers split text: a checkpoint's own, and llama.cpp's, whose rules are written anew in C++.

Both are compared after a conversion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_assistant.core.signals import printable
from edge_assistant.language import llama
from edge_assistant.language.tokens import Tokenizer
from edge_assistant_quantize import worker
from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.progress import Watch, ignore

# Where families of tokenizers differ: numbers, contractions, spaces and line ends in a row, scripts, signs
TEXTS = (
    "The quick brown fox's 12345 jumps, isn't it?",
    "Total:  1,234.50 EUR\n\n\tpaid   on 2024-03-01",
    "naïve façade, 你好世界 Привет мир",
    "def f(x):\n    return x**2  # ok!!! I'LL go",
)

_SENTENCE_PIECES = 1  # llama.cpp's LLAMA_VOCAB_TYPE_SPM
_REASON = re.compile(r"error loading model: (.+)")
_EMBEDDING = "token_embd.weight"  # whose rows are counted by the tokenizer's tokens
# A tokenizer that was built anew may lack what llama.cpp looks up without asking, such as the tokens of single bytes
_ANOTHER = (
    "the tokenizer does not fit the model, or lacks tokens such as those of bytes, as one built anew may: put "
    "tokenizer.json, and tokenizer.model if there is one, of the model that it was trained from into the folder"
)

Tokens = list[list[int]]


def tokens(folder: Path, texts: Sequence[str]) -> Tokens | None:
    """The tokens of texts without special ones; None if no library reads the tokenizer of the folder."""
    try:
        if (folder / "tokenizer.json").is_file():
            import tokenizers

            tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            return [list(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]
        if (folder / "tokenizer.model").is_file():
            from sentencepiece import SentencePieceProcessor

            pieces = SentencePieceProcessor()
            pieces.LoadFromFile(str(folder / "tokenizer.model"))
            return [list(pieces.encode(text)) for text in texts]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # tokenizers raises Exception itself, and less than one if its Rust panics
        return None  # the converter has read it otherwise
    return None


def load(descriptor: int, name: str, texts: Sequence[str]) -> tuple[bool, Tokens]:
    """Load an open file in a process of its own; tensors' names and shapes are checked, and none is copied.

    Args:
        descriptor: of the file.
        name: of the file, for messages.
        texts: to split.

    Returns:
        Whether its tokenizer is of SentencePiece's kind, which goes by scores; and the tokens of each text, without
        those that the model puts around it.

    Raises:
        QuantizationFailed: llama.cpp does not load it, or ends the process; the message has its reason.
    """
    request = {"descriptor": descriptor, "name": name, "texts": list(texts)}
    failure = f"llama.cpp ends over the tokenizer of {name}"
    pieces, found = worker.run(__name__, request, ignore, failure=failure, hint=_ANOTHER, descriptor=descriptor)
    return pieces, found


def work(request: Mapping[str, Any], watch: Watch) -> tuple[bool, Tokens]:
    """Load and split, in the other process."""
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
        hint = _ANOTHER if _EMBEDDING in reason else "its converter may not know this form of the model yet"
        raise QuantizationFailed(what, hint)
    pieces = lib.llama_vocab_type(lib.llama_model_get_vocab(model)) == _SENTENCE_PIECES
    tokenizer = Tokenizer(model)
    return pieces, [tokenizer.tokens(text) for text in request["texts"]]
