"""llama.cpp's converter in this process, which `conversion` starts.

The converter recognises how a byte-pair tokenizer splits text by the tokens of one text, and knows those of published
models only; for a newly trained one its authors generate that function again (`convert_hf_to_gguf_update.py`). Here it
is told, by llama.cpp's name of a model family such as "qwen2".

For some architectures the converter lets transformers run code that a model brings along or names. Here that fails.
"""

from __future__ import annotations

import importlib
import io
import re
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.gguf import tokenization, unpacking
from edge_assistant_quantize.progress import ProgressStep, Watch, stage

_WRITTEN = re.compile(r"Writing:\s*(\d+)%")


def work(request: Mapping[str, Any], watch: Watch) -> None:
    """Run the converter, and load with llama.cpp what it has made.

    Args:
        request: `tool`, the folder of `fetching.llama.source`; `folder`, the model's, and its `architecture`; `output`
            and its `name` for messages; `kind`, the converter's name of the precision; `pre`, the family whose
            splitting is taken in any case; `projector`, whether that is wanted in the model's place; `adapter` and
            `keep`, see `unpacking.install`.
        watch: receives the share that is written.

    Raises:
        WeightsRefused: the converter does not know the architecture, how the tokenizer splits text or how the weights
            are packed, it is no adapter of this model, or llama.cpp splits texts otherwise.
        QuantizationFailed: llama.cpp does not load it.
    """
    folder, projector = Path(request["folder"]), request["projector"]
    code = importlib.import_module("transformers.dynamic_module_utils")
    setattr(code, "get_class_in_module", _refuse_code)  # noqa: B010 - a module's attribute, through which all code goes
    sys.path.insert(0, request["tool"])
    try:
        importlib.import_module("conversion").get_model_class(request["architecture"], mmproj=projector)
    except NotImplementedError:
        of = "pictures of the architecture" if projector else "the architecture"
        what = f"llama.cpp's converter does not know {of} {printable(request['architecture'])}"
        raise WeightsRefused(what, "it knows Llama, Qwen, Gemma, Mistral, Phi, Granite, OLMo and more") from None
    base = importlib.import_module("conversion.base")
    recognised = base.TextModel.get_vocab_base_pre

    def told(model: object, tokenizer: object) -> str:
        try:
            return str(request["pre"] or recognised(model, tokenizer))
        except NotImplementedError:
            what = f"llama.cpp's converter does not know how the tokenizer of {folder.name} splits text"
            raise WeightsRefused(what, tokenization.SAY) from None

    base.TextModel.get_vocab_base_pre = told
    unpacking.install(base, Path(request["adapter"]) if request["adapter"] else None, keep=request["keep"])
    script, arguments = f"{request['tool']}/convert_hf_to_gguf.py", ["--mmproj"] * projector
    sys.argv = [script, str(folder), "--outfile", request["output"], "--outtype", request["kind"], *arguments]
    sys.stderr = _Bar(watch)
    runpy.run_path(script, run_name="__main__")
    watch(ProgressStep("converting, %", 100, 100))
    if not projector:  # llama.cpp loads it beside its language model only
        with stage("loading it with llama.cpp", watch):
            tokenization.check(folder, request["output"], request["name"])


class _Bar(io.TextIOBase):
    """Takes the place of standard error: turns the progress bar into steps."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._rest = watch, sys.stderr
        self.write("Writing: 0%")

    def write(self, text: str) -> int:
        """Look for the share that is written."""
        if found := _WRITTEN.search(text):
            self._watch(ProgressStep("converting, %", int(found[1]), 100))
        else:
            self._rest.write(text)
        return len(text)


def _refuse_code(name: str, *places: object, **options: object) -> NoReturn:
    """Stands for the function that runs a file of code and takes a class out of it.

    Raises:
        ImportError: always.
    """
    raise ImportError("the model asks for code of its own, which is not run")
