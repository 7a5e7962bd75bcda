"""Work of llama.cpp in a process of its own: it can be stopped at any time, and its faults and memory are its own.

The caller writes one line of JSON to the process's standard input and reads lines of JSON from its standard output:
steps, and at the end a result or an error. The process ends with its standard input, so that none outlives a caller
that was killed.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import IO, Any

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.gguf import processes
from edge_assistant_quantize.progress import Step, Watch

_PACKAGE = "edge_assistant_quantize"
_LAST_BYTES = 4096  # of what it printed, for the last line, which says why it died


def run(module: str, request: Mapping[str, object], watch: Watch, *, descriptor: int | None = None) -> Any:  # noqa: ANN401 - JSON
    """Run the function `work` of a module of this package in a process of its own.

    Args:
        module: its name within this package, such as `gguf.quantize`.
        request: what `work` is called with, as JSON.
        watch: is told its steps.
        descriptor: an open file that the process gets under the same number.

    Returns:
        What `work` returned, as JSON.

    Raises:
        EdgeAssistantError: of the class and with the words that `work` raised.
        QuantizationFailed: the process died.
    """
    command = processes.python(__name__, module)
    environment = {**os.environ, "GGML_NO_BACKTRACE": "1"}  # where it aborts, no debugger is looked for
    kept = () if descriptor is None else (descriptor,)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            pass_fds=kept,
            start_new_session=True,  # Ctrl-C reaches the caller alone, which then ends this
            text=True,
            encoding="utf-8",
        )
        try:
            return _told(process, request, watch, errors)
        finally:
            process.kill()
            process.communicate()


def _told(process: subprocess.Popen[str], request: Mapping[str, object], watch: Watch, errors: IO[bytes]) -> Any:  # noqa: ANN401
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    for line in process.stdout:
        told = json.loads(line)
        if "step" in told:
            watch(Step(*told["step"]))
        elif "error" in told:
            raise _error(**told["error"])
        else:
            return told["result"]
    status = process.wait()
    errors.seek(max(errors.seek(0, os.SEEK_END) - _LAST_BYTES, 0))
    reason = processes.last_useful(errors.read().decode(errors="replace").splitlines())
    raise QuantizationFailed(f"llama.cpp stopped ({reason or status})", "look at the model's source")


def _error(module: str, name: str, message: str, hint: str) -> EdgeAssistantError:
    found = getattr(importlib.import_module(module), name)
    assert issubclass(found, EdgeAssistantError)
    error: EdgeAssistantError = found(message, hint)
    return error


def main() -> None:
    """Be that process."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    lock = threading.Lock()

    def tell(what: str, content: object) -> None:
        with lock:
            print(json.dumps({what: content}), file=out, flush=True)

    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    work = importlib.import_module(f"{_PACKAGE}.{sys.argv[1]}").work
    try:
        tell("result", work(request, lambda step: tell("step", (step.what, step.done, step.total))))
    except EdgeAssistantError as error:
        kind = type(error)
        named = {"module": kind.__module__, "name": kind.__name__, "message": error.message, "hint": error.hint}
        tell("error", named)
    out.flush()
    os._exit(0)


def _end_with_caller() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
