"""Work in a process of its own: it can be stopped at any time, and its faults and memory are its own.

The caller writes one line of JSON to the process's standard input and reads lines of JSON from its standard output:
steps, then a result or an error. The process ends with its standard input, so none outlives a killed caller.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from typing import IO, Any

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import EdgeAssistantError, ModelTooLarge, QuantizationFailed, StorageFull
from edge_assistant_quantize.progress import ProgressStep, Watch

LIBRARIES = {  # transformers and the hub fetch nothing and report nothing
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
_REASON_LENGTH = 100
_SPEAKING = (ValueError, RuntimeError, OSError, ImportError)  # the message of others needs the class's name


def run(
    module: str,
    request: Mapping[str, object],
    watch: Watch,
    *,
    failure: str = "llama.cpp stopped",
    hint: str = "look at the model's source",
    descriptor: int | None = None,
    environment: Mapping[str, str] = {},
) -> Any:  # noqa: ANN401 - JSON
    """Run the function `work` of a module in a process of its own.

    Args:
        module: its full name.
        request: the argument of `work`, as JSON.
        watch: receives the steps.
        failure: message of the error if `work` fails; the reason is added in brackets.
        hint: of that error.
        descriptor: an open file that the process gets under the same number.
        environment: added to that of this process.

    Returns:
        What `work` returned, as JSON.

    Raises:
        EdgeAssistantError: of the class and with the words that `work` raised.
        ModelTooLarge, StorageFull: memory or disk did not suffice.
        QuantizationFailed: `work` raised another error, or the process died.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", __name__, module],  # -P: nothing comes from the working folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "GGML_NO_BACKTRACE": "1", **environment},  # no debugger starts when llama.cpp aborts
            pass_fds=() if descriptor is None else (descriptor,),
            start_new_session=True,  # Ctrl-C reaches the caller alone, which then ends this
            text=True,
            encoding="utf-8",
        )
        try:
            answer = _answer(process, request, watch)
            if "result" in answer:
                return answer["result"]
            if "error" in answer:
                raise _error(*answer["error"])
            reason = answer.get("failed") or _crash(process.wait(), errors)
            raise QuantizationFailed(f"{failure} ({printable(reason)})", hint)
        finally:
            process.kill()
            process.communicate()


def _answer(process: subprocess.Popen[str], request: Mapping[str, object], watch: Watch) -> dict[str, Any]:
    """The last line of a process; empty if it died."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it died at once; its status tells why
        process.stdin.write(json.dumps(request, default=str) + "\n")
        process.stdin.flush()
    for line in process.stdout:
        answer: dict[str, Any] = json.loads(line)
        if "step" not in answer:
            return answer
        watch(ProgressStep(*answer["step"]))
    return {}


def _error(module: str, name: str, message: str, hint: str) -> EdgeAssistantError:
    found = getattr(importlib.import_module(module), name)
    assert issubclass(found, EdgeAssistantError)
    error: EdgeAssistantError = found(message, hint)
    return error


def _crash(status: int, errors: IO[bytes]) -> str:
    """Why a process died: its last printed line, or its signal.

    Raises:
        ModelTooLarge: the kernel killed it, which it does if memory is short.
    """
    if status == -signal.SIGKILL:
        raise _too_large()
    errors.seek(0)
    lines = [line.strip() for line in errors.read().decode(errors="replace").splitlines()]
    ended = f"it ended by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    return _short(next((line for line in reversed(lines) if line), ended))


def _too_large() -> ModelTooLarge:
    return ModelTooLarge("memory did not suffice", "close other programs, or take a machine with more memory")


def _short(text: str) -> str:
    return text if len(text) <= _REASON_LENGTH else text[: _REASON_LENGTH - 3] + "..."


def main() -> None:
    """Be that process."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # prints of libraries are no answer
    lock = threading.Lock()

    def tell(what: str, content: object) -> None:
        with lock:
            print(json.dumps({what: content}), file=out, flush=True)

    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    try:
        work = importlib.import_module(sys.argv[1]).work
        tell("result", work(request, lambda step: tell("step", (step.what, step.done, step.total))))
    except Exception as error:  # whatever a library raises is a reason
        tell(*_described(error))
    os._exit(0)


def _described(error: Exception) -> tuple[str, object]:
    """What a process says of an exception: an error of the toolkit, or the reason of a failure."""
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error).lower():
        error = _too_large()
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        error = StorageFull("the disk is full", "free some space, or name another folder")
    if isinstance(error, EdgeAssistantError):
        return "error", [type(error).__module__, type(error).__name__, error.message, error.hint]
    return "failed", _reason(error)


def _reason(error: Exception) -> str:
    """An exception in one short line; the source line if it has no message.

    >>> _reason(ValueError("odd shapes")), _reason(KeyError("hidden_size"))
    ('odd shapes', "KeyError: 'hidden_size'")
    """
    text = str(error).strip().partition("\n")[0]
    if text and isinstance(error, _SPEAKING):
        return _short(text)
    frames = traceback.extract_tb(error.__traceback__)
    return _short(f"{type(error).__name__}: {text or (frames[-1].line if frames else '')}")


def _end_with_caller() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
