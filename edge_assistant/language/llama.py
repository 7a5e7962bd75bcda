"""llama.cpp as all of ours open it: backend loaded, log dropped, a file by what was looked at, and stoppable."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

from edge_assistant.errors import ModelCorrupt
from edge_assistant.runtime import Halt
from edge_assistant_models.headers import Form
from edge_assistant_models.loading import held

ABORTED = 2  # what llama_decode returns where its abort callback said so


def library() -> Any:  # noqa: ANN401 - a module that is imported late
    """The module `llama_cpp`, ready to open a model.

    Where llama.cpp was built with one backend for each generation of processors (GGML_BACKEND_DL, as `make airgap`
    makes it) it starts with none. Their folder is named, for it looks in the working directory otherwise.
    """
    import llama_cpp

    silence()
    ggml = llama_cpp.llama_cpp._lib
    if ggml.ggml_backend_reg_count() == 0:
        ggml.ggml_backend_load_all_from_path(os.fsencode(Path(llama_cpp.__file__).with_name("lib")))
    return llama_cpp


def load(path: Path, halt: Halt) -> Any:  # noqa: ANN401 - a pointer of llama.cpp
    """Load a GGUF file, on the CPU alone.

    Args:
        path: of the file.
        halt: the wish to stop loading.

    Raises:
        ModelCorrupt: the file is not the one that was hashed, its header is unsound, or llama.cpp cannot load it.
        Stopped: that was asked meanwhile.
    """
    llama = library()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = 0
    # Repacked weights decode 1.3 times as fast, but read a prompt at 0.7 of the speed, load 1 s slower and stand in
    # memory a second time (Qwen 1.5B on two cores with AVX-512); an answer here is long prompts and few tokens.
    params.use_extra_bufts = False
    goes_on = llama.llama_progress_callback(lambda progress, data: not halt.asked)
    params.progress_callback = goes_on
    with held(path, Form.GGUF) as name:
        model = llama.llama_model_load_from_file(name.encode(), params)
    if not model:
        halt.check()
        raise ModelCorrupt(f"{path.name} cannot be loaded by llama.cpp", "run 'edge-assistant models verify'")
    return model


def stop_by(params: Any, halt: Halt) -> None:  # noqa: ANN401 - a structure of llama.cpp
    """Let a context look at the wish to stop between the nodes of its graph, thousands in a batch.

    Its abort callback is the C library's `strlen` over the flag, which is an empty string until to stop is asked: a
    callback in Python would wait for the interpreter at every node while another thread has it.
    """
    clib = ctypes.cdll.msvcrt if os.name == "nt" else ctypes.CDLL(None)
    params.abort_callback = ctypes.cast(clib.strlen, library().ggml_abort_callback)
    params.abort_callback_data = halt.address


def build() -> str:
    """What a state of the KV cache depends on beside model and context: llama.cpp's version and what it was built for.

    Another build may lay it out in another way, or compute what is in it a little differently.
    """
    llama = library()
    return f"{llama.__version__} {llama.llama_print_system_info().decode('utf-8', 'replace')}"


def free(context: Any, model: Any) -> None:  # noqa: ANN401 - pointers of llama.cpp
    """Free a context and its model."""
    library().llama_free(context)
    free_model(model)


def free_model(model: Any) -> None:  # noqa: ANN401 - a pointer of llama.cpp
    """Free a model that no context uses."""
    library().llama_model_free(model)


@cache
def silence() -> Any:  # noqa: ANN401 - a callback of llama.cpp, which must live as long as the process
    """Drop llama.cpp's log; what matters comes back as a status."""
    import llama_cpp

    callback = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(callback, None)
    return callback
