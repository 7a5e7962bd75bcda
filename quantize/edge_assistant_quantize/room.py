"""Whether disk and memory suffice, looked at before long work starts, and folders that appear whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_assistant.storage.atomic import storing
from edge_assistant_models.machine import Machine
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.errors import ModelTooLarge, StorageFull, UsageError

BEGUN = ".begun-"  # of the names of folders that are not whole yet


def check_disk(what: str, needed: int, folder: Path) -> None:
    """Look whether a disk has room.

    Args:
        what: is to be written, such as "the quantized model".
        needed: bytes.
        folder: that it goes into; the nearest folder above that exists is looked at.

    Raises:
        StorageFull: it has not; the message names need and have.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        have = f"{mebibytes(needed)} and {mebibytes(free)} are free"
        raise StorageFull(f"{what} needs {have}", "free some space, or name another folder")


def check_memory(what: str, needed: int) -> None:
    """Look whether this machine and container have so much memory free now.

    Args:
        what: is to be done.
        needed: bytes.

    Raises:
        ModelTooLarge: they have not; the message names need and have.
    """
    if (have := available_memory()) < needed:
        said = f"{what} needs {mebibytes(needed)} of memory and {mebibytes(have)} are free"
        raise ModelTooLarge(said, "close other programs, or take a machine with more memory")


def available_memory() -> int:
    """Bytes that can be had without swapping: the kernel's estimate, within the container's limit."""
    limit = Machine.detect().memory_bytes
    found = of_kernel("meminfo", "MemAvailable")
    return min(limit, int(found.split()[0]) * 1024) if found else limit


def of_kernel(file: str, key: str) -> str:
    """The first value of a key in a file of /proc, such as "123 kB"; empty if the system does not tell."""
    try:
        lines = Path("/proc", file).read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), "")


def check_new(output: Path) -> None:
    """Look whether a folder could be made here.

    Raises:
        UsageError: something is there; an empty folder is not in the way.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output.name} is there already", "name a folder that is not there yet")


@contextmanager
def new_folder(output: Path, *, replace: bool = False) -> Iterator[Path]:
    """A folder beside the output, which takes its place once it is whole, and is gone otherwise.

    Args:
        output: the place; an empty folder there is not in the way.
        replace: nor is any other folder.

    Raises:
        StorageFull: the disk does not take it.
    """
    making = output.with_name(f"{BEGUN}{output.name}-{secrets.token_hex(4)}")
    with storing(output.name, "free some space, or name another folder"):
        making.mkdir(parents=True)
        try:
            yield making
            if output.is_dir():
                (shutil.rmtree if replace else Path.rmdir)(output)
            making.rename(output)
        finally:
            shutil.rmtree(making, ignore_errors=True)
