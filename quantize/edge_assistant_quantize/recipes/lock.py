"""`recipe.lock`: what a run read, what shaped it, and what it made, so that another run can be held to it.

[inputs]       sums of the source's files, of the calibration and of the measuring data
[versions]     of the libraries that shape tensors
[machine]      architecture and instruction sets
[tensors]      of every file of every variant: digest of its tensors (ONNX) or of its bytes
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize.errors import InputMissing, LockBroken, RecipeInvalid

FILE = "recipe.lock"

_HEAD = "# Written by 'edge-quantize run'; 'edge-quantize run --locked' holds another run to it.\n\n"


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run is held to; see above.

    Attributes:
        recipe: a sum of the steps, the criteria and all else that the recipe says besides paths.
    """

    recipe: str
    inputs: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, str]
    tensors: dict[str, str]


def write(lock: Lock, path: Path) -> None:
    """Write a lock file, whole or not at all.

    Raises:
        StorageFull: the disk does not take it.
    """
    import tomlkit

    text = _HEAD + tomlkit.dumps(msgspec.to_builtins(lock))
    with atomic.storing(path.name, "free some space, or name another folder"), atomic.writing(path) as file:
        file.write(text.encode())


def read(path: Path) -> Lock:
    """Read a lock file.

    Raises:
        InputMissing: there is none.
        RecipeInvalid: it is none.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Lock)
    except OSError:
        hint = "run the recipe once without --locked, or name the file: --locked F"
        raise InputMissing(f"there is no lock file {path.name}", hint) from None
    except (msgspec.DecodeError, ValueError) as error:  # ValueError: not UTF-8, not TOML
        raise RecipeInvalid(f"{path.name} is no lock file ({error})", "run the recipe again without --locked") from None


def check_given(pinned: Lock, now: Lock) -> None:
    """Look whether a run starts from what the lock pins.

    Raises:
        LockBroken: the recipe, an input's sum or a version differs; the message names the first.
    """
    if pinned.recipe != now.recipe:
        raise LockBroken("the recipe says other than when its lock file was written", "run it without --locked")
    for name in _differ(pinned.inputs, now.inputs):
        raise LockBroken(
            f"the input '{name}' is not the one that the lock file pins", "bring it back, or run without --locked"
        )
    for name in _differ(pinned.versions, now.versions):
        was, is_now = pinned.versions.get(name, "none"), now.versions.get(name, "none")
        raise LockBroken(
            f"{name} is {is_now}, and the lock file pins {was}", f"install {name} {was}, or run without --locked"
        )


def check_made(pinned: Lock, now: Lock) -> None:
    """Look whether a run made what the lock pins.

    Raises:
        LockBroken: tensors differ; the message says where the machine is of another class.
    """
    differ = _differ(pinned.tensors, now.tensors)
    if not differ:
        return
    what = f"{len(differ)} of {len(now.tensors)} files have other tensors than the lock file pins, such as {differ[0]}"
    if pinned.machine == now.machine:
        raise LockBroken(what, "the same inputs, versions and machine should give the same; please report it")
    raise LockBroken(
        f"{what}; this machine is of another class than the one that it was written on",
        "run it on a machine of that class, or without --locked",
    )


def _differ(pinned: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names that are not the same in both."""
    return [name for name in sorted({*pinned, *now}) if pinned.get(name) != now.get(name)]
