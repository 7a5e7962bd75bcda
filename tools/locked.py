"""What an environment is made of, to the byte: locks of Python packages, which `tools/lock.py` writes and pip reads.

A lock goes with the dependencies that pyproject.toml names; where those were changed, it is out of date until `make
lock`. Uses the standard library only, for it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locks"
PYPROJECT = ROOT / "pyproject.toml"
DEMO, TEST = FOLDER / "demo.txt", FOLDER / "test.txt"  # the product with its extras; all extras
BUILD = FOLDER / "build.txt"  # what installs the checkout
LLAMA_BUILD = FOLDER / "llama-build.txt"  # what compiles llama-cpp-python
DEMO_EXTRAS = frozenset({"audio", "tui"})
TORCH_EXTRA = "quantize"  # the one extra that wants torch, which no lock holds
LOCKS = (TEST, DEMO, BUILD, LLAMA_BUILD)
# pip's: exactly these files, nothing that they might ask for besides, and none that runs code where it is installed
HASHED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")

_HEADER = "# Made by 'make lock', which is not to be edited, of the dependencies {digest}"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def digest(pyproject: Path) -> str:
    """What a lock is made of, as a hash: all that pyproject.toml depends on."""
    table = tomllib.loads(pyproject.read_text("utf-8"))
    project = table["project"]
    named = table["build-system"]["requires"], project["dependencies"], project["optional-dependencies"]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def header(pyproject: Path) -> str:
    """A lock's first line."""
    return _HEADER.format(digest=digest(pyproject))


def current() -> bool:
    """Whether the locks are there and belong to what pyproject.toml depends on."""
    wanted = header(PYPROJECT)
    return all(lock.is_file() and lock.read_text("utf-8").partition("\n")[0] == wanted for lock in LOCKS)


def lock_for(extras: Collection[str]) -> Path:
    """The lock that has these extras."""
    return DEMO if DEMO_EXTRAS.issuperset(extras) else TEST


def requirements(lock: Path) -> dict[str, str]:
    """For each package its requirement as it stands in the lock: version, marker and hashes; two where it has two."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.read_text("utf-8").splitlines(keepends=True):
        if match := _NAME.match(line):
            name = match[0]
        if name:
            found[name] = found.get(name, "") + line
    return found


def pins(lock: Path) -> str:
    """A lock's versions with their markers, as constraints: without hashes, for with one pip wants them of all."""
    lines = [line for text in requirements(lock).values() for line in text.splitlines() if _NAME.match(line)]
    return "".join(line.removesuffix(" \\") + "\n" for line in lines)


def torch(pyproject: Path) -> str:
    """The requirement of torch, which no lock holds: its build, and what that needs, depend on the machine."""
    extras: dict[str, list[str]] = tomllib.loads(pyproject.read_text("utf-8"))["project"]["optional-dependencies"]
    return next(line for line in extras[TORCH_EXTRA] if line.startswith("torch>"))


def without(lock: Path, package: str) -> str:
    """A lock's content but for one package."""
    return "".join(text for name, text in requirements(lock).items() if name != package)


def bring_tools(install: list[str], lock: Path, folder: Path) -> dict[str, str]:
    """Install what builds a package into a folder of its own, where pip would fetch it unseen.

    Args:
        install: the beginning of a command line of `pip install`.
        lock: of the tools.
        folder: where they go.

    Returns:
        The environment in which pip with `--no-build-isolation` finds them.

    Raises:
        subprocess.CalledProcessError: they cannot be had, or one is not what the lock says.
    """
    subprocess.run([*install, *HASHED, "--target", str(folder), "--requirement", str(lock)], check=True)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PYTHONPATH": str(folder), "PATH": path}
