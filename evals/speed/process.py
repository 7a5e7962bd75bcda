"""A command from start to end, in a home of its own: seconds, what it printed, and the most memory that it had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core.errors import UsageError
from edge_assistant_models import paths

OURS = (sys.executable, "-m", "edge_assistant.cli.main")
_POLL_S = 0.1  # between two looks at the memory of a process, each of which walks its page tables


@dataclass(frozen=True, slots=True)
class Run:
    """One process.

    Attributes:
        seconds: until it ended.
        peak_mib: the most memory (proportional set size, mapped weights included) that it had; 0 where the system
            does not tell.
        out: what it printed.
    """

    seconds: float
    peak_mib: float
    out: str


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end.

    Args:
        command: the words.
        environment: is added to that of this process.

    Raises:
        UsageError: it failed.
    """
    added = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", **(environment or {})}
    with tempfile.TemporaryFile() as out:  # a pipe that nobody reads would hold it up
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, env=added)
        with Watched(process.pid) as watched:
            try:
                _, errors = process.communicate()
            except BaseException:
                process.kill()
                process.wait()
                raise
        seconds = time.perf_counter() - began
        if process.returncode != 0:
            last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise UsageError(f"a measured command failed: {last[0]}", "run it by itself first")
        out.seek(0)
        return Run(seconds, watched.peak_mib, out.read().decode(errors="replace"))


class Watched:
    """Looks at the memory of a process while this is open.

    Attributes:
        peak_mib: the most it had.
    """

    def __init__(self, pid: int) -> None:
        self.peak_mib = 0.0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while (now := memory_mib(self._pid)) is not None:
            self.peak_mib = max(self.peak_mib, now)
            if self._done.wait(_POLL_S):
                return


def memory_mib(pid: int) -> float | None:
    """The proportional set size of a process in MiB; None where it is gone, or the system does not tell."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in told.splitlines() if line.startswith("Pss:")), None)


def alternating(
    repeats: int, ways: Mapping[str, Callable[[], Run]], step: Callable[[float], None]
) -> dict[str, list[Run]]:
    """Runs of several ways in turn, one after the other in each round; who begins changes from round to round."""
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(repeats):
        first = number % len(names)
        for place, name in enumerate(names[first:] + names[:first]):
            runs[name].append(ways[name]())
            step((number + (place + 1) / len(names)) / repeats)
    return runs


_SHIPPED = "embeddings"  # in the cache: vectors of the examples that come with the product, made once for a machine
_HOME, _MODELS = "EDGE_ASSISTANT_HOME", "EDGE_ASSISTANT_MODELS"
_KEYRING = "PYTHON_KEYRING_BACKEND"
_NO_KEYRING = "keyring.backends.null.Keyring"  # the person's own gets no key of a home that is gone soon


@contextmanager
def temporary_home(folder: Path) -> Iterator[Path]:
    """Let this process and those that it starts live in a new home inside a folder, as long as this is open.

    So nothing that is kept makes a cold run warm, and nothing of the person's gets into a figure or the reverse.
    """
    home = folder / "home"
    (home / "cache").mkdir(parents=True)
    if (shipped := paths.cache_dir() / _SHIPPED).is_dir():
        shutil.copytree(shipped, home / "cache" / _SHIPPED)
    if (catalog := paths.user_catalog_dir()).is_dir():
        (home / catalog.name).symlink_to(catalog.resolve())
    added = {_HOME: str(home), _MODELS: str(paths.models_dir().resolve()), _KEYRING: _NO_KEYRING}
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield home
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def clear_caches() -> None:
    """Empty the caches of the home that holds now, so that what is run next begins cold."""
    folder = paths.cache_dir()
    for found in [*folder.iterdir()] if folder.is_dir() else []:
        if found.name == _SHIPPED:
            continue
        shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
