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
from edge_assistant_quantize.provenance import sum_of_values
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.recipes.step import Step
from edge_assistant_quantize.record import Criterion

FILE = "recipe.lock"

_HEAD = "# Written by 'edge-quantize run'; 'edge-quantize run --locked' holds another run to it.\n\n"


class RecipeLock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content; see above."""

    recipe: str
    inputs: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, str]
    tensors: dict[str, str]


def sum_of(asked: Recipe) -> str:
    """A checksum over a recipe without its paths, whose content has checksums of its own."""

    def plain(steps: tuple[Step, ...]) -> list[object]:
        return [[step.do, {"files": step.keys, **step.parameters}] for step in steps]

    def decided(criterion: Criterion | None) -> str:  # as in earlier builds, so that their lock files hold a run
        if criterion is None:
            return "None"
        said = f"metric={criterion.metric!r}, bound={criterion.bound!r}, limit={criterion.limit!r}"
        return f"Criterion({said}, by_interval=False)"

    data = {**asked.data, **({} if asked.calibration is None else {"": asked.calibration})}
    return sum_of_values(
        {
            "role": asked.role,
            "prepare": plain(asked.prepare),
            "variants": [[variant.name, plain(variant.steps)] for variant in asked.variants],
            "metrics": [[each.metric, each.data, decided(each.criterion)] for each in asked.metrics],
            "data": {name: {k: v for k, v in table.items() if k != "path"} for name, table in data.items()},
        }
    )


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


def check(pinned: RecipeLock | None, now: RecipeLock) -> None:
    """Compare a run with a lock; at its beginning it has no tensors yet.

    Raises:
        LockBroken: the recipe, an input, a version or tensors differ; the message names the first.
    """
    if pinned is None:
        return
    if pinned.recipe != now.recipe:
        raise LockBroken("the recipe says other than when its lock file was written", "run it without --locked")
    for name in _differ(pinned.inputs, now.inputs):
        what = f"the input '{name}' is not the one that the lock file pins"
        raise LockBroken(what, "bring it back, or run without --locked")
    for name in _differ(pinned.versions, now.versions):
        was, is_now = pinned.versions.get(name, "none"), now.versions.get(name, "none")
        what = f"{name} is {is_now}, and the lock file pins {was}"
        raise LockBroken(what, f"install {name} {was}, or run without --locked")
    if now.tensors and (differ := _differ(pinned.tensors, now.tensors)):
        what = f"{len(differ)} of {len(now.tensors)} files have other tensors than the lock file pins, such as"
        if pinned.machine == now.machine:
            hint = "the same inputs, versions and machine should give the same; please report it"
            raise LockBroken(f"{what} {differ[0]}", hint)
        what += f" {differ[0]}; this machine is of another class than the one that it was written on"
        raise LockBroken(what, "run it on a machine of that class, or without --locked")


def _differ(pinned: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names that are not the same in both."""
    return [name for name in sorted({*pinned, *now}) if pinned.get(name) != now.get(name)]
