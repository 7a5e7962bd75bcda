"""A GGUF file loaded by llama.cpp in a process of its own, which a file that it cannot stand may end: MODEL.

Prints one line of JSON: {"vocabulary": tokens, "type": llama.cpp's of the tokenizer, "texts": [[token, ...], ...]} for
the texts in JSON on the command line.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> int:
    """Load the model, tokenize the texts; 1 where it cannot be loaded, with llama.cpp's own words on stderr."""
    import llama_cpp

    name, texts = arguments[0], json.loads(arguments[1])
    parameters = llama_cpp.llama_model_default_params()
    parameters.use_mmap = True  # its tensors' names and shapes are checked, and none is copied
    llama_cpp.llama_backend_init()
    if llama_cpp.llama_cpp._lib.ggml_backend_reg_count() == 0:  # a build for any processor starts without a backend
        folder = Path(llama_cpp.__file__).with_name("lib")
        llama_cpp.llama_cpp._lib.ggml_backend_load_all_from_path(os.fsencode(folder))
    model = llama_cpp.llama_model_load_from_file(name.encode(), parameters)
    if not model:
        return 1
    vocabulary = llama_cpp.llama_model_get_vocab(model)
    found = {
        "vocabulary": llama_cpp.llama_vocab_n_tokens(vocabulary),
        "type": llama_cpp.llama_vocab_type(vocabulary),
        "texts": [_tokens(llama_cpp, vocabulary, text.encode()) for text in texts],
    }
    llama_cpp.llama_model_free(model)
    print(json.dumps(found), flush=True)
    return 0


def _tokens(llama_cpp: Any, vocabulary: Any, text: bytes) -> list[int]:  # noqa: ANN401 - a module and a pointer
    buffer = (llama_cpp.llama_token * (len(text) + 16))()
    count = llama_cpp.llama_tokenize(vocabulary, text, len(text), buffer, len(buffer), False, False)
    return list(buffer[:count])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
