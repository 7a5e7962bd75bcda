"""A program that runs as a process of its own and is no part of ours: what it says, and what that means."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import EdgeAssistantError, ModelTooLarge, QuantizationFailed, StorageFull

_KEPT_LINES = 200
_LINE_END = re.compile(rb"[\r\n]")
_LOGGED = re.compile(r"^(ERROR|WARNING|INFO|CRITICAL):[\w.-]+:\s*")
_EXCEPTION = re.compile(  # whose text stands for itself; of others, as KeyError, the name is needed to understand it
    r"^(ValueError|RuntimeError|NotImplementedError|OSError|FileNotFoundError|ImportError|ModuleNotFoundError): +"
)
_BARE = re.compile(r"^[\w.]*(Error|Exception|Interrupt):?$")
_NOT_USEFUL = re.compile(r"^(\s|Traceback|INFO:|Writing:|\W*$|During handling|The above exception)")


class Failed(Exception):
    """A process ended with a status that is not 0.

    Attributes:
        reason: its last useful line.
        lines: its last lines.
    """

    def __init__(self, reason: str, lines: Sequence[str]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lines = tuple(lines)


def run(
    command: Sequence[str], descriptors: Sequence[int], environment: Mapping[str, str], heard: Callable[[str], None]
) -> None:
    """Run a program to its end. Its standard input is empty and ends when we do, which it may end with.

    Args:
        command: its command line.
        descriptors: open files that it gets under the same numbers.
        environment: added to ours.
        heard: called with each line of its output, one that is redrawn as often as it is.

    Raises:
        Failed: it failed.
        ModelTooLarge, StorageFull: it says, or looks as if, memory or disk did not suffice.
    """
    lines: deque[str] = deque(maxlen=_KEPT_LINES)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **environment},
        pass_fds=descriptors,
        start_new_session=True,  # Ctrl-C reaches us alone
    )
    try:
        _listen(process, lines, heard)
        status = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
    if status:
        raise _failure(status, list(lines))


def _listen(process: subprocess.Popen[bytes], lines: deque[str], heard: Callable[[str], None]) -> None:
    """Take the output apart at line ends and at what a progress bar begins again with."""
    assert process.stdout is not None
    rest = b""
    while chunk := os.read(process.stdout.fileno(), 1 << 16):
        *whole, rest = _LINE_END.split(rest + chunk)
        for raw in whole:
            line = raw.decode(errors="replace")
            lines.append(line)
            heard(line)
        rest = rest[-(1 << 16) :]
    lines.append(rest.decode(errors="replace"))


def _failure(status: int, lines: Sequence[str]) -> Exception:
    text = "\n".join(lines[-40:])
    if status == -signal.SIGKILL or "MemoryError" in text or "can't allocate memory" in text.lower():
        return ModelTooLarge("memory did not suffice", "close other programs, or take a machine with more memory")
    if "No space left on device" in text:
        return StorageFull("the disk is full", "free some space, or name another folder")
    ended = f"it ended by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    return Failed(last_useful(lines) or ended, lines)


def last_useful(lines: Sequence[str]) -> str:
    """The last line that says what went wrong, without what logs and tracebacks put before it.

    >>> last_useful(["Traceback (most recent call last):", "  File ...", "ValueError: Missing tensors: ['a']", ""])
    "Missing tensors: ['a']"
    >>> last_useful(["ERROR:hf-to-gguf:Model Odd is not supported", "Writing: 0%|"])
    'Model Odd is not supported'
    >>> last_useful(['  File "base.py", line 9', "    assert 9 < vocab_size", "    ^^^^^^", "AssertionError"])
    'AssertionError: assert 9 < vocab_size'
    """
    place = next((n for n in reversed(range(len(lines))) if lines[n] and not _NOT_USEFUL.match(lines[n])), None)
    if place is None:
        return ""
    line = lines[place].strip()
    if _BARE.match(line):  # a traceback's source line says more
        code = (text.strip() for text in reversed(lines[:place]) if re.search(r"\w", text))
        line = f"{line.rstrip(':')}: {next(code, '')}".rstrip(": ")
    said = _EXCEPTION.sub("", _LOGGED.sub("", line)).strip()
    return printable(said) if len(said) <= 100 else printable(said[:97]) + "..."


def python(module: str, *arguments: str) -> list[str]:
    """The command line of a module of ours: nothing is taken from the working folder, and no bytecode is written."""
    return [sys.executable, "-P", "-B", "-m", module, *arguments]


def failed(what: str, error: Failed) -> EdgeAssistantError:
    """The error to raise where a process could not do its work."""
    return QuantizationFailed(f"{what} ({error.reason})", "the reason is the tool's own; the model may be unusual")
