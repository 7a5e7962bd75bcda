"""Without a card nothing is loaded to look for one; a card that fails gives way to the processor, noted once."""

from __future__ import annotations

import ctypes
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import pytest

from edge_assistant.compute import gpus, runtime
from edge_assistant.compute.accelerators import CPU, OFF, Gpu, Offload, Provider, Selection, Weights
from edge_assistant.compute.runtime import Halt, Runtime
from edge_assistant.core.errors import ModelCorrupt, Stopped
from edge_assistant.language import llama
from edge_assistant.session import health
from edge_assistant_models.model import InstalledModel

ON_CUDA = (Provider("CUDAExecutionProvider", {"device_id": "0"}), Provider(CPU))
CUDA = Selection(ON_CUDA, Offload(3, ("CUDA0",)), "a card")
VAD = {
    "input": np.zeros((1, 576), np.float32),
    "state": np.zeros((2, 1, 128), np.float32),
    "sr": np.array(16_000, np.int64),
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing is noted or remembered from one test to the next."""
    forget = gpus.for_onnx.cache_clear
    forget()
    gpus._noted.clear()
    yield
    forget()
    gpus._noted.clear()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([], ()),
        (["/dev/nvidiactl", "/dev/nvidia0"], ("nvidia",)),
        (["/dev/kfd", "/dev/dri/renderD128"], ("amd", "render")),
        (["/dev/dri/renderD129"], ("render",)),
        (["/dev/dxg"], ("nvidia",)),
    ],
)
def test_device_files(files: list[str], found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert gpus.hardware(files.__contains__) == found


def test_without_a_card_nothing_is_loaded() -> None:
    code = (
        "import sys\nfrom edge_assistant.compute import gpus\ngpus.hardware = lambda: ()\n"
        "assert not gpus.for_onnx('auto').accelerated\n"
        "assert not gpus.for_llama('auto', None, lambda: 1 / 0).accelerated\n"
        "gpus.hardware = lambda: ('nvidia',)\n"
        "assert not gpus.for_onnx('off').accelerated\n"
        "assert not gpus.for_llama('off', None, lambda: 1 / 0).accelerated\n"
        "heavy = {'llama_cpp', 'onnxruntime', 'numpy', 'onnx'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_installed_here_is_asked_where_a_card_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "hardware", lambda: ("nvidia",))
    assert gpus.for_onnx("auto").providers == (Provider(CPU),)
    assert "cannot use a GPU" in gpus.for_onnx("auto").why
    chosen = gpus.for_llama("auto", llama.library(), lambda: pytest.fail("there is nothing to place it on"))
    assert chosen.offload == Offload()


@pytest.fixture
def noted(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The notes that were made."""
    caplog.set_level(logging.WARNING, logger="edge_assistant.compute.gpus")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "edge_assistant.compute.gpus"]


def test_the_first_way_that_opens_counts_and_what_failed_is_noted_once(noted: Callable[[], list[str]]) -> None:
    def open_(way: int) -> int:
        if way:
            raise RuntimeError("CUDA failure 2: out of memory\nstack")
        return way

    assert [gpus.opened([2, 1, 0], open_, "a.onnx") for _ in range(3)] == [0, 0, 0]
    (note,) = noted()
    assert "a.onnx cannot be opened on the graphics card (CUDA failure 2: out of memory)" in note


def test_a_wish_to_stop_is_no_failure_of_the_card() -> None:
    def open_(way: int) -> int:
        raise Stopped("stopped", "ask again")

    with pytest.raises(Stopped):
        gpus.opened([1, 0], lambda way: open_(way) if way else pytest.fail("it went on"), "a")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which CUDA is chosen, whatever is installed."""
    monkeypatch.setattr(gpus, "for_onnx", lambda wanted: Selection(why="off") if wanted == OFF else CUDA)


@pytest.mark.usefixtures("card")
def test_a_provider_that_cannot_be_opened(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch, noted: Callable[[], list[str]]
) -> None:
    path = next(iter(models("vad").files.values()))
    wanted = Runtime(1).session(path).run(None, VAD)
    made, asked = runtime._session_class(), []

    def fails(name: str, options: Any, *, providers: list[Any], enable_fallback: int) -> Any:
        asked.append(providers)
        if len(providers) > 1:
            raise RuntimeError("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version")
        return made(name, options, providers=providers, enable_fallback=enable_fallback)

    monkeypatch.setattr(runtime, "_session_class", lambda: fails)
    session = Runtime(1, gpu="auto").session(path)
    assert asked == [[("CUDAExecutionProvider", {"device_id": "0"}), CPU], [CPU]]
    assert all(np.array_equal(a, b) for a, b in zip(session.run(None, VAD), wanted, strict=True))
    assert "driver version is insufficient" in noted()[0]


@pytest.mark.usefixtures("card")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_card_that_fails_two_threads_at_once_is_replaced_once_for_both(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch, noted: Callable[[], list[str]]
) -> None:
    import onnxruntime

    path = next(iter(models("vad").files.values()))
    wanted = Runtime(1).session(path).run(None, VAD)
    real = onnxruntime.InferenceSession.run
    monkeypatch.setattr(onnxruntime.InferenceSession, "get_providers", lambda self: ["CUDAExecutionProvider", CPU])
    session = Runtime(1, gpu="auto").session(path)
    broken, both, opened = session._sess, threading.Barrier(2), []
    later, swapped = iter((False, True)), threading.Event()

    def fails(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._sess is not broken:
            return real(self, *args, **kwargs)
        both.wait(60)
        if next(later):
            assert swapped.wait(60)
        raise RuntimeError("CUDA error 700: an illegal memory access")

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", fails)
    again = session.again
    session.again = lambda: opened.append(again()) or opened[-1]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(session.run, None, VAD) for _ in range(2)]
        wait(runs, 60, FIRST_COMPLETED)
        swapped.set()
        for run in runs:
            assert all(np.array_equal(a, b) for a, b in zip(run.result(), wanted, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(session.run(None, VAD), wanted, strict=True))
    assert len(opened) == len(noted()) == 1


def test_a_language_model_goes_on_on_the_processor(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch, noted: Callable[[], list[str]]
) -> None:
    path, looked = models("language").files["model"], []

    def chosen(wanted: str, library: Any, weights: Callable[[], Weights]) -> Selection:
        looked.append(weights())
        return CUDA

    monkeypatch.setattr(gpus, "for_llama", chosen)
    monkeypatch.setattr(gpus, "handles", lambda library: {})
    loads, tried = llama._loaded, []

    def loaded(name: str, called: str, halt: Halt, offload: Offload) -> Any:
        tried.append(offload)
        if offload.layers:
            raise ModelCorrupt("no room on the card", "free some")
        return loads(name, called, halt, offload)

    monkeypatch.setattr(llama, "_loaded", loaded)
    model, way = llama.load(path, Halt(), "auto", 1024)
    assert way == Offload(), "by which it was opened, and not the one that failed"
    library = llama.library()
    (weights,) = looked
    assert (weights.bytes, weights.layers) == (path.stat().st_size, library.llama_model_n_layer(model))
    assert weights.cache_bytes == 1024 * 2 * 2 * weights.layers * 192  # SmolLM2 135M: 3 heads of 64 for keys and values
    library.llama_model_free(model)
    assert tried == [CUDA.offload, Offload()]
    assert "no room on the card" in noted()[0]


def test_a_card_without_room_for_the_context_is_not_used(
    models: Callable[[str], InstalledModel], monkeypatch: pytest.MonkeyPatch, noted: Callable[[], list[str]]
) -> None:
    path, library = models("language").files["model"], llama.library()
    placed = Selection(offload=Offload(1, ("CUDA0",)))
    monkeypatch.setattr(gpus, "for_llama", lambda *asked: placed)
    monkeypatch.setattr(gpus, "handles", lambda module: {})
    freed: list[Any] = []
    free = library.llama_model_free
    monkeypatch.setattr(library, "llama_init_from_model", lambda model, params: None)
    monkeypatch.setattr(library, "llama_model_free", lambda model: freed.append(model) or free(model))
    model, way = llama.load(path, Halt(), "auto", 512)
    assert way == Offload()
    assert len(freed) == 1  # what was on the card
    assert library.llama_model_n_layer(model)
    free(model)
    assert "no room for the context" in noted()[0]


def test_what_ggml_tells_of_a_card_becomes_a_device() -> None:
    class Library(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            said = {"name": b"Vulkan0", "description": b"Intel(R) Iris(R)", "type": 2, "count": 1, "get": 0x10}
            what = name.removeprefix("ggml_backend_dev_")

            def function(*arguments: Any) -> Any:
                if what == "memory":
                    arguments[1]._obj.value = 7 << 30
                return said.get(what)

            return function

    class Module:
        class llama_cpp:  # noqa: N801 - as it is called
            _lib = Library()

    assert gpus.devices(Module) == (Gpu("Vulkan0", "vulkan", "Intel(R) Iris(R)", 7 << 30, integrated=True),)


def test_the_doctor_says_what_is_there_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "hardware", lambda: ())
    (check,) = health.graphics_cards("auto")
    assert (check.ok, check.found) == (None, "none is seen, the processor computes")
    monkeypatch.setattr(gpus, "hardware", lambda: ("nvidia",))
    card, perception, language = health.graphics_cards("auto")
    assert (card.ok, card.found) == (True, "nvidia")
    assert perception.hint == language.hint == "GPU=cuda make demo builds for it, see docs/gpu.md"
    monkeypatch.setattr(gpus, "devices", lambda module: (Gpu("CUDA0", "cuda", "NVIDIA H100", 78 << 30),))
    card, perception, language = health.graphics_cards("auto")
    assert card.found == "nvidia: CUDA0 NVIDIA H100, 78.0 GiB free"
    assert (language.ok, language.found, language.hint) == (True, "llama.cpp uses CUDA0", "")
    assert perception.ok is None


def test_where_there_are_cards_and_none_is_chosen_llama_cpp_is_given_none(monkeypatch: pytest.MonkeyPatch) -> None:
    library = llama.library()
    monkeypatch.setattr(gpus, "handles", lambda module: {"CUDA0": 0x1000, "CUDA1": 0x2000})

    def given(offload: Offload) -> tuple[list[int | None], Any]:
        params = library.llama_model_default_params()
        kept = llama._place(params, offload)
        listed = ctypes.cast(params.devices, ctypes.POINTER(ctypes.c_void_p))
        assert kept is not None
        return [listed[number] for number in range(len(offload.devices) + 1)], params

    assert given(Offload())[0] == [None]
    listed, params = given(Offload(9, ("CUDA1",)))
    assert (listed, params.split_mode) == ([0x2000, None], library.LLAMA_SPLIT_MODE_NONE)
    listed, params = given(Offload(9, ("CUDA1", "CUDA0"), (0.75, 0.25)))
    assert (listed, params.split_mode) == ([0x2000, 0x1000, None], library.LLAMA_SPLIT_MODE_LAYER)
    assert params.tensor_split[0] == 0.75


def test_a_mac_has_one_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert gpus.hardware(lambda path: False) == ("apple",)


@pytest.mark.usefixtures("card")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_onnx_runtime_leaves_out(
    models: Callable[[str], InstalledModel], noted: Callable[[], list[str]]
) -> None:
    session = Runtime(1, gpu="auto").session(next(iter(models("vad").files.values())))
    assert session.get_providers() == [CPU]
    assert "ONNX Runtime left CUDAExecutionProvider out" in noted()[0]
    assert len(session.run(None, VAD)) == 2
