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

from edge_assistant.compute.scheduling import pools
from edge_assistant_models.installed import InstalledModel

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / name for name in ("edge_assistant", "models", "tui")]
SETS = {
    *("n_threads", "n_threads_batch", "intra_op_num_threads", "inter_op_num_threads", "thread_count", "cpu_threads"),
    *("setNumThreads", "set_num_threads", "set_cpu_count", "set_io_thread_count", "sched_setaffinity"),
}
POOLS = {"ThreadPoolExecutor", "ProcessPoolExecutor", "ThreadPool", "Pool"}
PLACES = {"edge_assistant.cli": ROOT / "edge_assistant/cli", "edge_assistant_tui": ROOT / "tui/edge_assistant_tui"}
VARIABLES = ("_NUM_THREADS", "THREADS_NUM", "SPINCOUNT", "OMP_WAIT_POLICY", "RAYON_NUM_THREADS")

# file -> what it sets, from `Runtime.threads`
ALLOWED = {
    "edge_assistant/compute/runtime.py": {"intra_op_num_threads", "inter_op_num_threads"},
    "edge_assistant/language/context.py": {"n_threads", "n_threads_batch"},
    "edge_assistant/devices/camera.py": {"thread_count"},  # one: it goes on beside an answer
    "edge_assistant/perception/frames.py": {"thread_count"},
    "edge_assistant/perception/documents/ocr.py": {"ThreadPoolExecutor"},
    "edge_assistant/perception/senses/speech.py": {"ThreadPoolExecutor"},
    "edge_assistant/compute/scheduling/pools.py": {
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


@pytest.mark.parametrize(
    ("code", "sets"),
    [
        *(("pool = ThreadPoolExecutor(4)", True), ("pool = futures.ThreadPoolExecutor(max_workers=n)", True)),
        *(("pool = ThreadPoolExecutor()", True), ("ThreadPoolExecutor(thread_name_prefix='a')", True)),
        *(("pool = ThreadPoolExecutor(1, 'voice')", False), ("ThreadPoolExecutor(max_workers=1)", False)),
        *(("cv2.setNumThreads(1)", True), ("options.intra_op_num_threads = 2", True), ("threads = 2", False)),
    ],
)
def test_what_sets_a_number_of_threads_is_seen(code: str, sets: bool) -> None:
    assert bool([*named(ast.parse(code))]) is sets


def test_thread_counts_are_set_in_few_places() -> None:
    found = {}
    for file in sources():
        if names := set(named(ast.parse(file.read_text("utf-8")))):
            found[str(file.relative_to(ROOT))] = names
    assert found == ALLOWED


def test_a_number_of_threads_is_given_as_one_or_not_at_all() -> None:
    given = []
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="session"), keywords=[ast.keyword(arg="threads", value=value)]):
                    given.append(ast.literal_eval(value))
    assert given
    assert set(given) == {1}


def test_what_the_environment_says_holds() -> None:
    environment = {"OPENBLAS_NUM_THREADS": "7", "RAYON_NUM_THREADS": "3"}
    pools.tell(2, environment)
    assert environment == {
        "OPENBLAS_NUM_THREADS": "7",
        "RAYON_NUM_THREADS": "3",
        "OPENCV_FOR_THREADS_NUM": "2",
        "GOMP_SPINCOUNT": pools.BEFORE_NUMPY["GOMP_SPINCOUNT"],
    }
    early: dict[str, str] = {}
    pools.tell(environment=early)
    assert early == pools.BEFORE_NUMPY


LOOKS = """
import json, os, sys
from edge_assistant.compute.runtime import Runtime
from edge_assistant.compute.scheduling import pools
from pathlib import Path
early = "numpy" in sys.modules
pools.tell()
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


def test_the_command_and_the_app_tell_before_numpy_is_loaded() -> None:
    asks = "import sys; from {0} import {1}; print('numpy' in sys.modules)"
    for module, name in (("edge_assistant.cli", "main"), ("edge_assistant_tui", "__main__")):
        command = [sys.executable, "-c", asks.format(module, name)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
        assert "    pools.tell()\n" in (PLACES[module] / f"{name}.py").read_text("utf-8")
