"""What has to be the same of a command and of the resident, so that the answer of the one is that of the other."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import edge_assistant_models
from edge_assistant import __version__
from edge_assistant.compute.scheduling import pools
from edge_assistant_models import paths

# What a command shows and says by; it holds for the time of its answer.
HONOURED = frozenset(
    ("CI", "COLORTERM", "COLUMNS", "FORCE_COLOR", "LANG", "LANGUAGE", "LINES", "NO_COLOR", "TERM", "TTY_COMPATIBLE",
     "TTY_INTERACTIVE")
)  # fmt: skip
HONOURED_PREFIXES = ("EDGE_ASSISTANT_", "LC_")
# What libraries look at when they are loaded or start to compute, and where keys and files are looked for.
COMPARED = frozenset(("DBUS_SESSION_BUS_ADDRESS", "EDGE_ASSISTANT_GPU", "HOME", "TMPDIR", "TZ"))
COMPARED_PREFIXES = (
    "CUDA_", "GGML_", "GLIBC_", "GOMP_", "HF_", "KMP_", "LD_", "LLAMA_", "MALLOC_", "MKL_", "OMP_", "OPENBLAS_",
    "OPENCV_", "ORT_", "PYTHON", "RAYON_",
)  # fmt: skip
_ROOTS = (Path(__file__).parents[1], Path(edge_assistant_models.__file__).parent)
_ENDINGS = (".py", ".toml", ".json", ".txt")
_NAMESPACES = ("mnt", "pid", "user")
_RIGHTS = ("Uid:", "Gid:", "Groups:", "CapEff:", "NoNewPrivs:", "Seccomp:")  # of /proc/PID/status
_UNBOUNDED = {"RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_OFILE"}  # none is written; an answer opens few


def facts() -> dict[str, str]:
    """By name, what they are of this process; a sum each, as they are only compared.

    What the process may do is none of them: that is the kernel's word, see `rights`.

    Raises:
        OSError: /proc is not there.
        StorageFull: there is no home folder.
    """
    variables = dict(os.environ)
    pools.tell(environment=variables)  # every command tells libraries these, sooner or later
    environment = (f"{name}={value}" for name, value in sorted(variables.items()) if _is_compared(name))
    return {
        "code": f"{__version__} {code()}",
        "versions of Python": _sum([sys.executable, sys.version, sys.getfilesystemencoding()]),
        "folders": _sum(map(str, _folders())),
        "environment": _sum(environment),
        "limits of resources": _sum([*_limits(), f"cores {sorted(os.sched_getaffinity(0))}"]),
    }


def code() -> str:
    """A sum over names, sizes and times of our files, and the times of the folders of packages.

    It tells whether what lies there is what runs. Reading all of it would take longer than a short answer.
    """
    packages = sorted(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    times = (f"{path} {os.stat(path).st_mtime_ns}" for path in packages if os.path.isdir(path))  # noqa: PTH116, PTH112
    return _sum([*(line for root in _ROOTS for line in _files(os.fspath(root))), *times])


def seen(process: str) -> list[str]:
    """Which files a process sees: its root and its namespaces.

    Args:
        process: its number, or `self`.

    Raises:
        OSError: it is gone, or may not be looked at.
    """
    proc = Path("/proc", process)
    root = (proc / "root").stat()
    return [f"{root.st_dev}:{root.st_ino}", *(os.fspath((proc / "ns" / name).readlink()) for name in _NAMESPACES)]


def rights(process: str) -> list[str]:
    """What a process may do, as the kernel says: users, groups, privileges, and how it is confined.

    Args:
        process: its number, or `self`.

    Raises:
        OSError: it is gone, or may not be looked at.
    """
    proc = Path("/proc", process)
    lines = (proc / "status").read_text("ascii", "replace").splitlines()
    label = ""
    with contextlib.suppress(OSError):  # most systems have no such labels
        label = (proc / "attr" / "current").read_text("utf-8", "replace")
    return [*(line for line in lines if line.startswith(_RIGHTS)), label]


def honoured(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that holds for the time of an answer."""
    return {name: value for name, value in environment.items() if is_honoured(name)}


def is_honoured(name: str) -> bool:
    """Whether a variable holds for the time of an answer."""
    return name in HONOURED or name.startswith(HONOURED_PREFIXES)


def _is_compared(name: str) -> bool:
    return name in COMPARED or name.startswith(COMPARED_PREFIXES)


def _files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif entry.name.endswith(_ENDINGS):
            stat = entry.stat()
            yield f"{entry.path} {stat.st_size} {stat.st_mtime_ns}"


def _folders() -> list[Path]:
    return [paths.data_dir(), paths.config_dir(), paths.state_dir(), paths.cache_dir(), paths.models_dir()]


def _limits() -> list[str]:
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_") and name not in _UNBOUNDED)
    return [f"{name} {resource.getrlimit(getattr(resource, name))[0]}" for name in names]


def _sum(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]
