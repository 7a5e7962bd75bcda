"""llama.cpp's converter in this process, which `conversion` starts.

The converter recognises how a byte-pair tokenizer splits text by the tokens of one text, and knows those of published
models only; for a newly trained one its authors generate that function again (`convert_hf_to_gguf_update.py`). Here it
is told, by llama.cpp's name of a model family such as "qwen2".

For some architectures the converter lets transformers run code that a model brings along or names. Here that fails.
"""

from __future__ import annotations

import importlib
import io
import logging
import re
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.gguf import unpacking
from edge_assistant_quantize.progress import ProgressStep, Watch

_WRITTEN = re.compile(r"Writing:\s*(\d+)%")


def work(request: Mapping[str, Any], watch: Watch) -> None:
    """Run the converter.

    Args:
        request: `tool`, the folder of `fetching.llama.source`; `arguments` of its convert_hf_to_gguf.py; `pre`, the
            family whose splitting is taken in any case; `folder`, the model's name for messages, and its
            `architecture`; `projector`, whether that is wanted in its place; `adapter` and `keep`, see
            `unpacking.install`.
        watch: receives the share that is written.

    Raises:
        WeightsRefused: the converter does not know the architecture, how the tokenizer splits text or how the weights
            are packed, or it is no adapter of this model.
        RuntimeError: the converter gave up, with what it logged last.
    """
    code = importlib.import_module("transformers.dynamic_module_utils")
    setattr(code, "get_class_in_module", _refuse_code)  # noqa: B010 - a module's attribute, through which all code goes
    sys.path.insert(0, request["tool"])
    try:
        importlib.import_module("conversion").get_model_class(request["architecture"], mmproj=request["projector"])
    except NotImplementedError:
        of = "pictures of the architecture" if request["projector"] else "the architecture"
        what = f"llama.cpp's converter does not know {of} {printable(request['architecture'])}"
        raise WeightsRefused(what, "it knows Llama, Qwen, Gemma, Mistral, Phi, Granite, OLMo and more") from None
    base = importlib.import_module("conversion.base")
    recognised = base.TextModel.get_vocab_base_pre

    def told(model: object, tokenizer: object) -> str:
        if request["pre"]:
            return str(request["pre"])
        try:
            return str(recognised(model, tokenizer))
        except NotImplementedError:
            raise WeightsRefused(
                f"llama.cpp's converter does not know how the tokenizer of {request['folder']} splits text",
                "if it splits as that of a known family, say so: --pre-tokenizer llama-bpe, qwen2, smollm, ...",
            ) from None

    base.TextModel.get_vocab_base_pre = told
    unpacking.install(base, Path(request["adapter"]) if request["adapter"] else None, keep=request["keep"])
    errors = _Errors(logging.ERROR)
    logging.getLogger().addHandler(errors)
    script = Path(request["tool"], "convert_hf_to_gguf.py")
    sys.argv, sys.stderr = [str(script), *request["arguments"]], _Bar(watch)
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(errors.last or f"status {ended.code}") from None
    watch(ProgressStep("converting, %", 100, 100))


class _Errors(logging.Handler):
    """The last error that was logged."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Remember it."""
        self.last = record.getMessage()


class _Bar(io.TextIOBase):
    """Takes the place of standard error: turns the progress bar into steps."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.write("Writing: 0%")

    def write(self, text: str) -> int:
        """Look for the share that is written."""
        if found := _WRITTEN.search(text):
            self._watch(ProgressStep("converting, %", int(found[1]), 100))
        return len(text)


def _refuse_code(name: str, *places: object, **options: object) -> NoReturn:
    """Stands for the function that runs a file of code and takes a class out of it.

    Raises:
        ImportError: always.
    """
    raise ImportError("the model asks for code of its own, which is not run")
