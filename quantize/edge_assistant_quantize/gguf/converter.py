"""llama.cpp's converter with this process as its own, started by `convert`: CONVERTER PRE ELSE ARGUMENTS...

CONVERTER is the folder of `fetching.llama.source`, ARGUMENTS are those of its convert_hf_to_gguf.py. The converter
recognises how a byte-pair tokenizer splits text by the tokens of one text, and knows those of published models only.
For one that was trained anew its authors write the function that says so again (`convert_hf_to_gguf_update.py`). Here
it is told: PRE, a name of llama.cpp such as "qwen2", is how it splits; ELSE is, where PRE is "-" and the converter does
not recognise it; where both are "-" it fails then.

For some architectures the converter lets transformers run code that a model brings along or names. Here that fails.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
import threading
from pathlib import Path
from typing import NoReturn


def main(arguments: list[str]) -> None:
    """Run the converter as the command line says."""
    folder, pre, otherwise, *rest = arguments
    script = Path(folder, "convert_hf_to_gguf.py")
    threading.Thread(target=_end_with_caller, daemon=True).start()
    code = importlib.import_module("transformers.dynamic_module_utils")
    setattr(code, "get_class_in_module", _refuse_code)  # noqa: B010 - a module's attribute, through which all of it goes
    sys.path.insert(0, folder)  # where a script's own folder stands
    base = importlib.import_module("conversion.base")
    recognised = base.TextModel.get_vocab_base_pre

    def told(model: object, tokenizer: object) -> str:
        if pre != "-":
            return pre
        try:
            return str(recognised(model, tokenizer))
        except NotImplementedError:
            if otherwise == "-":
                raise
            return otherwise

    base.TextModel.get_vocab_base_pre = told
    sys.argv = [str(script), *rest]
    runpy.run_path(str(script), run_name="__main__")


def _refuse_code(name: str, *places: object, **options: object) -> NoReturn:
    """Stands for what would run a file of code and take a class out of it.

    Raises:
        ImportError: always.
    """
    raise ImportError("the model asks for code of its own, which is not run")


def _end_with_caller() -> None:
    """Its end of our standard input is closed when it is killed, too."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
