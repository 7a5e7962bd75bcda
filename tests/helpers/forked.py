"""Workers of the toolkit, and makers of tiny models, forked from one process that has imported what they need.

torch and transformers take 4 s to import, llama.cpp and NumPy 0.3 s, and more than a hundred workers do so. A worker is
a process of its own here too: it gets its request by a pipe, can be killed, and its faults and memory are its own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from edge_assistant_quantize import worker

_CONTEXT = multiprocessing.get_context("forkserver")
_LLAMA = ["llama_cpp", *(f"edge_assistant_quantize.gguf.{name}" for name in ("imatrix", "quantize", "speed"))]
_TORCH = [
    *_LLAMA,
    *("torch", "transformers", "transformers.models.auto.auto_factory", "transformers.models.llama.modeling_llama"),
    *("sentencepiece", "optimum.exporters.onnx.model_configs"),
]
_imported: frozenset[str] = frozenset()  # by the process that is forked, once it runs


def use(monkeypatch: pytest.MonkeyPatch, *, torch: bool = True) -> None:
    """Let `worker.run` fork in place of starting Python; its libraries find their variables from the start.

    Args:
        monkeypatch: undoes it.
        torch: import it before the first fork, for workers that need it.
    """
    monkeypatch.setattr(worker, "subprocess", SimpleNamespace(Popen=_Forked, PIPE=None))
    _start(_TORCH if torch else _LLAMA)


def call(make: Callable[[Path], None], output: Path) -> None:
    """Let a function of a module write what takes torch to make, and wait for it."""
    _start(_TORCH)
    with tempfile.NamedTemporaryFile() as said:
        process = _CONTEXT.Process(target=_call, args=(make, output, said.name))
        process.start()
        process.join()
        assert process.exitcode == 0, said.read().decode()


def _start(imports: list[str]) -> None:
    """Start the process that is forked, unless one runs that has imported these: else each fork of it imports them."""
    global _imported
    if _imported.issuperset(imports):
        return
    forkserver._forkserver._stop()
    _CONTEXT.set_forkserver_preload(imports)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**worker.LIBRARIES, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}.items():
            patch.setenv(name, value)
        forkserver.ensure_running()
    _imported = frozenset(imports)


def _call(make: Callable[[Path], None], output: Path, said: str) -> None:
    try:
        make(output)
    except BaseException:
        Path(said).write_text(traceback.format_exc())
        raise


class _Forked:
    """What `worker.run` uses of `subprocess.Popen`."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], pass_fds: Sequence[int], stderr: IO[bytes], **_: object
    ) -> None:
        (asked, ask), (tell, told) = os.pipe(), os.pipe()
        kept = {0: asked, 1: told, 2: stderr.fileno(), **{number: number for number in pass_fds}}
        self.stdin = os.fdopen(ask, "w", encoding="utf-8")
        self.stdout = os.fdopen(tell, encoding="utf-8")
        self._process = _CONTEXT.Process(target=_work, args=(_Kept(kept), dict(env), command[-1]))
        self._process.start()
        os.close(asked)
        os.close(told)

    def kill(self) -> None:
        """End it."""
        self._process.kill()

    def wait(self) -> int | None:
        """Its status, once it has ended."""
        self._process.join()
        return self._process.exitcode

    def communicate(self) -> None:
        """Wait for its end, and close its pipes."""
        self.wait()
        self.stdin.close()
        self.stdout.close()


class _Kept:
    """Open files by the number that they have in the other process; duplicated as they are sent there."""

    def __init__(self, files: Mapping[int, int]) -> None:
        self._files = files

    def __getstate__(self) -> dict[int, Any]:
        return {number: DupFd(file) for number, file in self._files.items()}

    def __setstate__(self, sent: dict[int, Any]) -> None:
        self._sent = sent

    def take(self) -> None:
        """Give them their numbers; first all get one that none of them is to have."""
        free = max(self._sent) + 1
        taken = {number: _above(file.detach(), free) for number, file in self._sent.items()}
        for number, file in taken.items():
            os.dup2(file, number)
            os.close(file)


def _above(file: int, least: int) -> int:
    import fcntl

    return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, least)


def _work(kept: _Kept, environment: dict[str, str], module: str) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    kept.take()
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.argv = ["worker", module]
    worker.main()
