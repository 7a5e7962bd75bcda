"""llama.cpp as all of ours open it: backend loaded, log dropped, a file by what was looked at, and stoppable."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from edge_assistant.compute import gpus, sd_notify
from edge_assistant.compute.accelerators import OFF, Offload, Weights
from edge_assistant.compute.runtime import Halt
from edge_assistant.core.errors import ModelCorrupt, ModelTooLarge
from edge_assistant_models import headers
from edge_assistant_models.headers import HeaderFormat
from edge_assistant_models.loading import held

NO_ROOM = 1  # what llama_decode returns where the KV cache is full
ABORTED = 2  # and where its abort callback said so


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


def load(path: Path, halt: Halt, gpu: str = OFF, context: int = 0) -> tuple[Any, Offload]:
    """Load a GGUF file: on the processor, and on a graphics card what may be there and fits.

    Args:
        path: of the file.
        halt: the wish to stop loading.
        gpu: which card may be used, see `accelerators.select`.
        context: tokens of the KV cache, for which the card needs room too.

    Returns:
        llama.cpp's pointer, and what of the model is on which cards.

    Raises:
        ModelCorrupt: the file is not the one that was hashed, its header is unsound, or llama.cpp cannot load it.
        Stopped: that was asked meanwhile.
    """
    llama = library()
    with held(path, HeaderFormat.GGUF) as name:
        chosen = gpus.for_llama(gpu, llama, lambda: _weights(name, context)).offload
        ways = [chosen, Offload()] if chosen.layers else [Offload()]
        return gpus.opened(ways, lambda way: (_tried(name, path.name, halt, way, context), way), path.name)


def _weights(name: str, context: int) -> Weights:
    shape = headers.shape(name)
    return Weights(os.stat(name).st_size, shape.layers, 2 * context * shape.cached)  # noqa: PTH116 - of `held`


def _tried(name: str, called: str, halt: Halt, offload: Offload, context: int) -> Any:  # noqa: ANN401 - a pointer
    """Load an open file; on a card only where a context finds room beside it.

    Raises:
        ModelCorrupt, Stopped: as `load`.
        ModelTooLarge: the card has no room.
    """
    model = _loaded(name, called, halt, offload)
    if not offload.layers:
        return model
    llama = library()
    params = llama.llama_context_default_params()
    params.n_ctx = context
    tried = llama.llama_init_from_model(model, params)
    if not tried:
        llama.llama_model_free(model)
        raise ModelTooLarge(f"the card has no room for the context of {called}", "free some of its memory")
    llama.llama_free(tried)
    return model


def _loaded(name: str, called: str, halt: Halt, offload: Offload) -> Any:  # noqa: ANN401 - a pointer of llama.cpp
    """Load an open file with some of its layers on cards.

    Raises:
        ModelCorrupt, Stopped: as `load`.
    """
    llama = library()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = offload.layers
    kept = _place(params, offload)
    # Repacked weights decode 1.3 times as fast, but read a prompt at 0.7 of the speed, load 1 s slower and stand in
    # memory a second time (Qwen 1.5B on two cores with AVX-512); an answer here is long prompts and few tokens.
    params.use_extra_bufts = False
    with sd_notify.loading(), _loading(params, halt):
        model = llama.llama_model_load_from_file(name.encode(), params)
    del kept  # until here llama.cpp may look at it
    if not model:
        halt.check()
        raise ModelCorrupt(f"{called} cannot be loaded by llama.cpp", "run 'edge-assistant models verify'")
    return model


@contextmanager
def _loading(params: Any, halt: Halt) -> Iterator[None]:  # noqa: ANN401 - a structure of llama.cpp
    """While this runs, loading ends when to stop is asked.

    Its progress callback is the C library's `strlen` over a flag that is no empty string until then: a Ctrl-C would be
    raised in one in Python, and be lost there. On Windows the flag is not where `strlen` looks for it.

    Raises:
        Stopped: that was asked before.
    """
    goes_on = ctypes.create_string_buffer(b"\1")
    if os.name != "nt":
        params.progress_callback = ctypes.cast(_clib().strlen, library().llama_progress_callback)
        params.progress_callback_user_data = ctypes.addressof(goes_on)
    with halt.telling(partial(setattr, goes_on, "value", b"")):
        yield


def _place(params: Any, offload: Offload) -> object:  # noqa: ANN401 - a structure of llama.cpp
    """Say which cards to use; without any, none, for llama.cpp computes long prompts on one that it finds unasked.

    Returns:
        What the parameters point to.
    """
    llama = library()
    there = gpus.handles(llama)
    if not there:
        return None
    chosen = [there[name] for name in offload.devices]
    pointers = (ctypes.c_void_p * (len(chosen) + 1))(*chosen, None)
    params.devices = ctypes.cast(pointers, ctypes.c_void_p)
    if len(chosen) == 1:
        params.split_mode, params.main_gpu = llama.LLAMA_SPLIT_MODE_NONE, 0  # its place among the chosen
    if not offload.shares:
        return pointers
    shares = (ctypes.c_float * llama.llama_max_devices())(*offload.shares)
    params.tensor_split = ctypes.cast(shares, ctypes.POINTER(ctypes.c_float))
    return pointers, shares


def stop_by(params: Any, halt: Halt) -> None:  # noqa: ANN401 - a structure of llama.cpp
    """Let a context look at the wish to stop between the nodes of its graph, thousands in a batch.

    Its abort callback is the C library's `strlen` over the flag, which is an empty string until to stop is asked: a
    callback in Python would wait for the interpreter at every node while another thread has it.
    """
    params.abort_callback = ctypes.cast(_clib().strlen, library().ggml_abort_callback)
    params.abort_callback_data = halt.address


def _clib() -> ctypes.CDLL:
    """The C library."""
    return ctypes.cdll.msvcrt if os.name == "nt" else ctypes.CDLL(None)


def build() -> str:
    """What a state of the KV cache depends on beside model, context and cards: llama.cpp's version and its build.

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
def silence() -> None:
    """Drop llama.cpp's log; what matters comes back as a status.

    Each line goes to the C library's `abs`, which makes nothing of it: a Ctrl-C that comes while llama.cpp computes
    would be raised in a callback in Python, and be lost there.
    """
    import llama_cpp

    llama_cpp.llama_log_set(ctypes.cast(_clib().abs, llama_cpp.llama_log_callback), None)
