"""A disk of 1 MiB for tests of a full one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *, lazy: bool = False) -> Iterator[Path]:
    """A file system of its own in a new folder; the test is skipped where nothing may be mounted.

    Args:
        lazy: files in it may still be open at the end; else that is a failure.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    if (tried := subprocess.run(mount, capture_output=True, text=True, check=False)).returncode:
        pytest.skip(f"nothing may be mounted here ({tried.stderr.strip()})")
    try:
        yield folder
    except BaseException:
        lazy = True  # a test that failed may have left a file open
        raise
    finally:
        subprocess.run(["umount", *(["--lazy"] if lazy else []), str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take the room that is left; the file that does is given, to be removed."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"\0" * 512)
        except OSError:
            return filler


@contextmanager
def seen_read_only(folder: Path, view: Path) -> Iterator[Path]:
    """A folder as a read-only mount shows it elsewhere; the test is skipped where nothing may be mounted."""
    view.mkdir()
    bind = ["mount", "--bind", str(folder), str(view)]
    if shutil.which("mount") is None or subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(view)], check=True)
        yield view
    finally:
        subprocess.run(["umount", "--lazy", str(view)], check=True)
