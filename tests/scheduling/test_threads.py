"""Nobody but the scheduler decides how many threads compute; libraries are told before they are loaded."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_assistant.compute.scheduling import topology
from edge_assistant_models.model import InstalledModel

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / name for name in ("edge_assistant", "models", "tui")]
SETS = {
    *("n_threads", "n_threads_batch", "intra_op_num_threads", "inter_op_num_threads", "thread_count", "cpu_threads"),
    *("setNumThreads", "set_num_threads", "set_cpu_count", "set_io_thread_count", "sched_setaffinity"),
}
PLACES = {
    "edge_assistant.cli.main": ROOT / "edge_assistant/cli/main.py",
    "edge_assistant_tui.__main__": ROOT / "tui/edge_assistant_tui/__main__.py",
}
POOLS = {"ThreadPoolExecutor", "ProcessPoolExecutor", "ThreadPool", "Pool"}
VARIABLES = ("_NUM_THREADS", "THREADS_NUM", "SPINCOUNT", "OMP_WAIT_POLICY", "RAYON_NUM_THREADS")

# file -> what it sets, from `Runtime.threads`
ALLOWED = {
    "edge_assistant/compute/runtime.py": {"intra_op_num_threads", "inter_op_num_threads"},
    "edge_assistant/language/context.py": {"n_threads", "n_threads_batch"},
    "edge_assistant/devices/camera.py": {"thread_count"},  # one: it goes on beside an answer
    "edge_assistant/perception/frames.py": {"thread_count"},
    "edge_assistant/perception/documents/ocr.py": {"ThreadPoolExecutor"},
    "edge_assistant/perception/senses/speech.py": {"ThreadPoolExecutor"},
    "edge_assistant/sandbox/child.py": {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"},  # one: see `confinement.confine`
    "edge_assistant/compute/scheduling/topology.py": {
        *("OPENBLAS_NUM_THREADS", "GOMP_SPINCOUNT", "OPENCV_FOR_THREADS_NUM", "RAYON_NUM_THREADS")
    },
}


def sources() -> Iterator[Path]:
    """The product's modules; a bench gives the baselines that it measures against as many as the product has."""
    return (file for package in PACKAGES for file in package.rglob("*.py"))


def named(tree: ast.AST) -> Iterator[str]:
    """What a module sets by an attribute, an argument, a call, a pool or a variable of the environment."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.keyword(arg=str(name)) if name in SETS:
                yield name
            case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)) if name in SETS:
                yield name
            case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)) if name in POOLS:
                if not is_one(node):
                    yield name
            case ast.Constant(value=str(text)) if text.isupper() and text.endswith(VARIABLES):
                yield text


def is_one(pool: ast.Call) -> bool:
    """Whether a pool has one thread, in which things are done beside others and not side by side."""
    given = [*pool.args[:1], *(keyword.value for keyword in pool.keywords if keyword.arg == "max_workers")]
    return [ast.unparse(number) for number in given] == ["1"]


def test_thread_counts_are_set_in_few_places() -> None:
    found = {}
    for file in sources():
        if names := set(named(ast.parse(file.read_text("utf-8")))):
            found[str(file.relative_to(ROOT))] = names
    assert found == ALLOWED


def test_what_the_environment_says_holds() -> None:
    environment = {"OPENBLAS_NUM_THREADS": "7", "RAYON_NUM_THREADS": "3"}
    topology.tell_libraries(2, environment)
    assert environment == {
        "OPENBLAS_NUM_THREADS": "7",
        "RAYON_NUM_THREADS": "3",
        "OPENCV_FOR_THREADS_NUM": "2",
        "GOMP_SPINCOUNT": topology.BEFORE_NUMPY["GOMP_SPINCOUNT"],
    }
    early: dict[str, str] = {}
    topology.tell_libraries(environment=early)
    assert early == topology.BEFORE_NUMPY


LOOKS = """
import json, os, sys
from edge_assistant.compute.runtime import Runtime
from edge_assistant.compute.scheduling import topology
from pathlib import Path
early = "numpy" in sys.modules
topology.tell_libraries()
runtime = Runtime.detect()
before = len(os.listdir("/proc/self/task"))
import numpy
with_numpy = len(os.listdir("/proc/self/task"))
import cv2
session = runtime.session(Path(sys.argv[1]))
options = session.get_session_options()
print(json.dumps({
    "early": early,
    "threads": runtime.threads,
    "numpy": with_numpy - before,
    "opencv": cv2.getNumThreads(),
    "onnx": [options.intra_op_num_threads, options.inter_op_num_threads],
    "spinning": options.get_session_config_entry("session.intra_op.allow_spinning"),
}))
"""


def test_every_library_has_what_the_scheduler_decides(models: Callable[[str], InstalledModel]) -> None:
    path = next(iter(models("vad").files.values()))
    ran = subprocess.run([sys.executable, "-c", LOOKS, str(path)], capture_output=True, text=True, check=False)
    found = json.loads(ran.stdout or "{}")
    assert found, ran.stderr
    threads = found["threads"]
    assert 1 <= threads <= len(os.sched_getaffinity(0))
    assert found == {
        "early": False,
        "threads": threads,
        "numpy": 0,
        "opencv": threads,
        "onnx": [threads, 1],
        "spinning": "0",
    }


def test_llama_cpp_has_them(models: Callable[[str], InstalledModel]) -> None:
    from edge_assistant.compute.runtime import Runtime
    from edge_assistant.language import llama
    from edge_assistant.language.engine import LlamaEngine

    engine, library = LlamaEngine(models("language"), Runtime(1), 64), llama.library()
    pointer = engine._context.pointer
    assert library.llama_n_threads(pointer) == library.llama_n_threads_batch(pointer) == 1
    engine.close()


@pytest.mark.parametrize("module", PLACES)
def test_the_command_and_the_app_tell_before_numpy_is_loaded(module: str) -> None:
    command = [sys.executable, "-c", f"import sys, {module}; print('numpy' in sys.modules)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
    assert "    topology.tell_libraries()\n" in PLACES[module].read_text("utf-8")
