"""Whether llama.cpp, whose rules are written anew in C++, splits text as a checkpoint's own tokenizer does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant.language import llama
from edge_assistant.language.tokens import Tokenizer
from edge_assistant_quantize.errors import QuantizationFailed, WeightsRefused

SAY = "if it splits as that of a known family, say so: --pre-tokenizer llama-bpe, qwen2, smollm, ..."
# Where families of tokenizers differ: numbers, contractions, spaces and line ends in a row, scripts, signs
TEXTS = (
    "The quick brown fox's 12345 jumps, isn't it?",
    "Total:  1,234.50 EUR\n\n\tpaid   on 2024-03-01",
    "naïve façade, 你好世界 Привет мир",
    "def f(x):\n    return x**2  # ok!!! I'LL go",
)

_REASON = re.compile(r"error loading model: (.+)")


def check(folder: Path, path: str, name: str) -> None:
    """Load a converted model and compare how it splits `TEXTS`; its tensors' names and shapes are checked, too.

    Args:
        folder: of the checkpoint.
        path: of the model.
        name: of the model, for messages.

    Raises:
        QuantizationFailed: llama.cpp does not load it; the message has its reason.
        WeightsRefused: the tokens differ, as the converter found no scores of pieces, or those of another tokenizer.
    """
    lib, said = llama.library(), list[str]()
    callback = lib.llama_log_callback(lambda level, text, data: said.append(text.decode(errors="replace")))
    lib.llama_log_set(callback, None)
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = False
    model = lib.llama_model_load_from_file(path.encode(), params)
    if not model:
        reasons = _REASON.findall("".join(said)) or ["it gives no reason"]
        reason = printable(reasons[-1].replace(path, name))[:200]
        hint = "the tokenizer does not fit the model, or the converter does not know this form of it yet"
        raise QuantizationFailed(f"llama.cpp does not load {name} ({reason})", hint)
    split, own = Tokenizer(model).tokens, _own(folder)
    for text in TEXTS:
        found = split(text)  # ends the process where a token of bytes is missing
        if own and own(text) != found:
            what = f"llama.cpp splits the text {printable(text)[:40]} into other tokens than the model's tokenizer"
            hint = f"{SAY}; else put tokenizer.model of the model that it was trained from into the folder"
            raise WeightsRefused(what, hint)


def _own(folder: Path) -> Callable[[str], list[int]] | None:
    """What gives the tokens of a text, without special ones; None if no library reads the tokenizer of the folder."""
    if (path := folder / "tokenizer.json").is_file():
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(str(path))
        return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)
    if (path := folder / "tokenizer.model").is_file():
        from sentencepiece import SentencePieceProcessor

        pieces = SentencePieceProcessor()
        pieces.LoadFromFile(str(path))
        return lambda text: list(pieces.encode(text))
    return None
