"""Where a process writes: the folders of its data, temporary ones, devices, and what a person names."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from edge_assistant.governance.offline import lock
from edge_assistant_models import paths

# /dev has devices and shared memory, /proc/self what a process tells the kernel of itself; SQLite takes /var/tmp.
ALWAYS = ("/tmp", "/var/tmp", "/dev", "/proc/self")  # noqa: S108 - folders to let be written to


def keep(named: Iterable[Path], *, settings: bool = False, pulls: bool = False) -> None:
    """Let this process write nowhere else from now on, where the kernel can see to that.

    Args:
        named: folders besides its own.
        settings: whether it also changes settings.
        pulls: whether it pulls models: it has the network, so it is not locked, and works in folders that locked
            processes write, whose links could lead it out of them.

    Raises:
        LockFailed: the kernel refuses.
        StorageFull: there is no home folder.
    """
    if pulls or lock.apart():
        lock.keep_writes_within([*ALWAYS, tempfile.gettempdir(), *map(os.fspath, [*_folders(settings), *named])])


def _folders(settings: bool) -> list[Path]:
    """The folders of the data, made where they are missing: only what is there can be written to."""
    folders = [paths.data_dir(), paths.state_dir(), paths.cache_dir(), paths.models_dir()]
    folders += [paths.config_dir()] if settings else []
    for folder in folders:
        with contextlib.suppress(OSError):  # as on a disk that is read only
            mode = 0o755 if folder == paths.models_dir() else 0o700  # weights are no secret, and services read them
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
    # One within another is written to by the rule of that one: itself it may be a link that was put there to lead out
    return [one for one in folders if not any(one != other and one.is_relative_to(other) for other in folders)]
