"""What has to be equal of a command and the resident, so that they answer alike."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import edge_assistant_models
from edge_assistant import __version__
from edge_assistant_models import paths

# What libraries look at when they are loaded or start to compute, and where keys and files are looked for.
COMPARED = frozenset(("DBUS_SESSION_BUS_ADDRESS", "HOME", "TMPDIR", "TZ"))
COMPARED_PREFIXES = (
    "CUDA_", "GGML_", "GLIBC_", "GOMP_", "HF_", "KMP_", "LD_", "LLAMA_", "MALLOC_", "MKL_", "OMP_", "OPENBLAS_",
    "OPENCV_", "ORT_", "PYTHON", "RAYON_",
)  # fmt: skip
_ROOTS = (Path(__file__).parents[1], Path(edge_assistant_models.__file__).parent)
_ENDINGS = (".py", ".toml", ".json", ".txt")
_NAMESPACES = ("mnt", "pid", "user")
_RIGHTS = ("Uid:", "Gid:", "Groups:", "CapEff:", "NoNewPrivs:", "Seccomp:")  # of /proc/PID/status
_UNBOUNDED = {"RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_OFILE"}  # none is written; an answer opens few


def facts(**more: str) -> dict[str, str]:
    """What has to be equal of a command and the resident so that they answer alike, by name; `more` is added."""
    import resource

    folders = (paths.data_dir(), paths.config_dir(), paths.state_dir(), paths.cache_dir(), paths.models_dir())
    variables = (f"{key}={value}" for key, value in sorted(os.environ.items()) if _is_compared(key))
    names = sorted(key for key in dir(resource) if key.startswith("RLIMIT_") and key not in _UNBOUNDED)
    limits = (f"{key} {resource.getrlimit(getattr(resource, key))[0]}" for key in names)
    return {
        "code": f"{__version__} {code()}",
        "versions of Python": digest([sys.executable, sys.version, sys.getfilesystemencoding()]),
        "folders": digest(map(str, folders)),
        "environment": digest(variables),
        "limits of resources": digest([*limits, f"cores {sorted(os.sched_getaffinity(0))}"]),
        **more,
    }


def code() -> str:
    """A digest of names, sizes and times of our files, and of the times of the folders of packages.

    It changes with the code on disk. Reading all of it would take longer than a short answer.
    """
    packages = (Path(path) for path in sorted(sys.path) if path.endswith(("site-packages", "dist-packages")))
    times = (f"{path} {path.stat().st_mtime_ns}" for path in packages if path.is_dir())
    return digest([*map(_stamp, sorted(_files())), *times])


def _files() -> Iterator[str]:
    for root in _ROOTS:
        for folder, _, names in os.walk(root):
            yield from (f"{folder}/{name}" for name in names if name.endswith(_ENDINGS))


def _stamp(file: str) -> str:
    found = os.stat(file)  # noqa: PTH116 - a thousand of them
    return f"{file} {found.st_size} {found.st_mtime_ns}"


def rights(process: str) -> list[str]:
    """What a process sees and may do, from the kernel: files, users, groups, privileges, and how it is confined.

    Args:
        process: its number, or `self`.

    Raises:
        OSError: it is gone, or may not be looked at.
    """
    proc = Path("/proc", process)
    root = (proc / "root").stat()
    spaces = (os.fspath((proc / "ns" / name).readlink()) for name in _NAMESPACES)
    lines = (proc / "status").read_text("ascii", "replace").splitlines()
    label = ""
    with contextlib.suppress(OSError):  # most systems have no such labels
        label = (proc / "attr" / "current").read_text("utf-8", "replace")
    return [f"{root.st_dev}:{root.st_ino}", *spaces, *(line for line in lines if line.startswith(_RIGHTS)), label]


def digest(lines: Iterable[str]) -> str:
    """A digest of lines."""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _is_compared(name: str) -> bool:
    return name in COMPARED or name.startswith(COMPARED_PREFIXES)
