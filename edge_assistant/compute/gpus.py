"""The graphics cards of this machine as facts for `accelerators.select`, and the way back to the processor.

Without a device file nothing is asked, loaded or changed. A card that cannot be opened, for its memory is full or its
driver is another, is noted once, and the processor computes. So it does where one fails in a run of ONNX Runtime; where
one fails under llama.cpp, that question ends with an error.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from edge_assistant.compute.accelerators import OFF, Backends, Gpu, Selection, Weights, select
from edge_assistant.core.errors import Stopped
from edge_assistant_models.machine import AMD, NVIDIA, is_apple

T = TypeVar("T")
Opened = TypeVar("Opened")

# Where the kernel shows a card: a driver that computes makes these, or, of the last, any that draws
_FILES: Mapping[str, tuple[str, ...]] = {
    "nvidia": (NVIDIA, "/dev/dxg"),  # the second is the card of Windows under WSL 2
    "amd": (AMD,),
    "render": ("/dev/dri/renderD128", "/dev/dri/renderD129"),  # of Intel's, AMD's and others', for Vulkan
}
_GPU, _INTEGRATED = 1, 2  # enum ggml_backend_dev_type
_KINDS = {"mtl": "metal", "hip": "rocm"}  # names of backends that differ from those in `accelerators.BACKENDS`
_log = logging.getLogger(__name__)
_noted: set[str] = set()
_lock = threading.Lock()


def hardware(exists: Callable[[str], bool] = lambda path: Path(path).exists()) -> tuple[str, ...]:
    """Kinds of cards that the kernel shows, also to this container; nothing is loaded for it.

    Args:
        exists: tells whether there is such a file.
    """
    found = [kind for kind, paths in _FILES.items() if any(exists(path) for path in paths)]
    if is_apple():
        found.append("apple")
    return tuple(found)


def wanted(gpu: str) -> str:
    """Which card may compute by the setting `gpu`, for keys of what was computed; off where the kernel shows none."""
    return gpu.lower() if hardware() else OFF


@cache
def for_onnx(wanted: str) -> Selection:
    """What computes the models of perception."""
    seen = hardware()
    if wanted.lower() == OFF or not seen:
        return select(Backends(seen), wanted)
    import onnxruntime

    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
        getattr(onnxruntime, "preload_dlls", lambda: None)()  # of the packages of NVIDIA, where those are installed
    return select(Backends(seen, tuple(onnxruntime.get_available_providers())), wanted)


def for_llama(wanted: str, llama: Any, weights: Callable[[], Weights]) -> Selection:  # noqa: ANN401 - a module
    """What computes a language model.

    Args:
        wanted: the setting `gpu`.
        llama: the module `llama_cpp`, its backends loaded.
        weights: looks at the model's file; called only where there is a card.
    """
    seen = hardware()
    if wanted.lower() == OFF or not seen:
        return select(Backends(seen), wanted)
    found = devices(llama)
    return select(Backends(seen, devices=found), wanted, weights() if found else None)


def devices(llama: Any) -> tuple[Gpu, ...]:  # noqa: ANN401 - a module that is imported late
    """llama.cpp's devices but for processors."""
    ggml = _Ggml(llama.llama_cpp._lib)
    return tuple(ggml.device(handle) for handle in handles(llama).values())


def handles(llama: Any) -> dict[str, int]:  # noqa: ANN401 - a module that is imported late
    """llama.cpp's pointers of its devices but for processors, by name."""
    ggml = _Ggml(llama.llama_cpp._lib)
    every = [ggml.get(number) for number in range(ggml.count())]
    return {ggml.text(ggml.name, one): one for one in every if ggml.kind(one) in (_GPU, _INTEGRATED)}


class _Ggml:
    """The C functions of ggml-backend.h that tell of devices, which llama-cpp-python does not declare."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - of ctypes
        self.count = _declared(library, "ggml_backend_dev_count", ctypes.c_size_t)
        self.get = _declared(library, "ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
        self.kind = _declared(library, "ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
        self.name = _declared(library, "ggml_backend_dev_name", ctypes.c_char_p, ctypes.c_void_p)
        self.about = _declared(library, "ggml_backend_dev_description", ctypes.c_char_p, ctypes.c_void_p)
        sizes = (ctypes.POINTER(ctypes.c_size_t),) * 2
        self.memory = _declared(library, "ggml_backend_dev_memory", None, ctypes.c_void_p, *sizes)

    def device(self, handle: int) -> Gpu:
        """What a device says of itself."""
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.memory(handle, ctypes.byref(free), ctypes.byref(total))
        name = self.text(self.name, handle)
        backend = "".join(letter for letter in name if not letter.isdigit()).lower()
        integrated = self.kind(handle) == _INTEGRATED
        return Gpu(name, _KINDS.get(backend, backend), self.text(self.about, handle), free.value, integrated)

    @staticmethod
    def text(function: Callable[[int], bytes | None], handle: int) -> str:
        """What a function says of a device in words."""
        return (function(handle) or b"").decode("utf-8", "replace")


def _declared(library: Any, name: str, result: Any, *arguments: Any) -> Any:  # noqa: ANN401 - of ctypes
    """A C function with its types; by index it is a new object, so that nobody else's declaration is changed."""
    function = library[name]
    function.restype, function.argtypes = result, arguments
    return function


def reason(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def note(what: str) -> None:
    """Say once in the log that something is computed on the processor after all."""
    with _lock:
        if what in _noted:
            return
        _noted.add(what)
    _log.warning("the processor computes after all: %s", what)


def opened(ways: Sequence[T], open_: Callable[[T], Opened], what: str) -> Opened:
    """What opens by the first way that does; that another did not is noted once.

    Args:
        ways: the last of them is the processor.
        open_: opens by a way.
        what: is opened, for the note.

    Raises:
        Exception: whatever the last way raises.
    """
    for way in ways[:-1]:
        try:
            return open_(way)
        except Stopped:
            raise
        except Exception as error:  # libraries of drivers raise classes of their own
            note(f"{what} cannot be opened on the graphics card ({reason(error)})")
    return open_(ways[-1])
