"""`recipe.lock`: inputs, versions and tensors of a run, so that another run can be compared with it.

recipe         checksum of the steps, the criteria and everything else in the recipe but paths
[inputs]       checksums of the source's files, the calibration and the measuring data
[versions]     of the libraries that tensors depend on
[machine]      architecture and instruction sets
[tensors]      digest of each file of each variant: of its tensors (ONNX) or its bytes
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize.errors import InputMissing, LockBroken, RecipeInvalid

FILE = "recipe.lock"

_HEAD = "# Written by 'edge-quantize run'; 'edge-quantize run --locked' holds another run to it.\n\n"


class RecipeLock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content; see above."""

    recipe: str
    inputs: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, str]
    tensors: dict[str, str]


def write(lock: RecipeLock, path: Path) -> None:
    """Write a lock file atomically.

    Raises:
        StorageFull: the disk is full.
    """
    import tomlkit

    text = _HEAD + tomlkit.dumps(msgspec.to_builtins(lock))
    with atomic.storing(path.name, "free some space, or name another folder"), atomic.writing(path) as file:
        file.write(text.encode())


def read(path: Path) -> RecipeLock:
    """Read a lock file.

    Raises:
        InputMissing: there is none.
        RecipeInvalid: it is malformed.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=RecipeLock)
    except OSError:
        hint = "run the recipe once without --locked, or name the file: --locked F"
        raise InputMissing(f"there is no lock file {path.name}", hint) from None
    except ValueError as error:  # not UTF-8, not TOML, other keys
        raise RecipeInvalid(f"{path.name} is no lock file ({error})", "run the recipe again without --locked") from None


def check_inputs(pinned: RecipeLock, now: RecipeLock) -> None:
    """Compare the beginning of a run with a lock.

    Raises:
        LockBroken: the recipe, an input or a version differs; the message names the first.
    """
    if pinned.recipe != now.recipe:
        raise LockBroken("the recipe says other than when its lock file was written", "run it without --locked")
    for name in _differ(pinned.inputs, now.inputs):
        what = f"the input '{name}' is not the one that the lock file pins"
        raise LockBroken(what, "bring it back, or run without --locked")
    for name in _differ(pinned.versions, now.versions):
        was, is_now = pinned.versions.get(name, "none"), now.versions.get(name, "none")
        what = f"{name} is {is_now}, and the lock file pins {was}"
        raise LockBroken(what, f"install {name} {was}, or run without --locked")


def check_tensors(pinned: RecipeLock, now: RecipeLock) -> None:
    """Compare the tensors of a run with a lock.

    Raises:
        LockBroken: tensors differ; the message says if the machine is of another class.
    """
    differ = _differ(pinned.tensors, now.tensors)
    if not differ:
        return
    what = f"{len(differ)} of {len(now.tensors)} files have other tensors than the lock file pins, such as {differ[0]}"
    if pinned.machine == now.machine:
        raise LockBroken(what, "the same inputs, versions and machine should give the same; please report it")
    what += "; this machine is of another class than the one that it was written on"
    raise LockBroken(what, "run it on a machine of that class, or without --locked")


def _differ(pinned: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names that are not the same in both."""
    return [name for name in sorted({*pinned, *now}) if pinned.get(name) != now.get(name)]
