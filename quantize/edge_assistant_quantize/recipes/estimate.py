"""What a recipe needs of disk and memory, looked at before anything long starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_assistant_quantize import room
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.recipes.steps.step import Form, Step


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes: of disk for all that is made, of memory for the step that needs most, and of the model at the end."""

    disk: int
    memory: int
    last: int

    @classmethod
    def through(cls, given: int, steps: Iterable[Step]) -> Needs:
        """What steps need that begin with so many bytes; each writes at most what it says."""
        disk = memory = 0
        for step in steps:
            memory = max(memory, step.memory_bytes(given))
            disk += step.written_bytes(given)
            given = step.output_bytes(given)
        return cls(disk, memory, given)


def needs(recipe: Recipe, source: Form) -> Needs:
    """What a recipe needs in all: its preparation, and each variant after it."""
    prepared = Needs.through(source.bytes, recipe.prepare)
    each = [Needs.through(prepared.last, variant.steps) for variant in recipe.variants]
    disk = prepared.disk + sum(variant.disk for variant in each)
    return Needs(disk, max(prepared.memory, *(variant.memory for variant in each)), prepared.last)


def check(recipe: Recipe, source: Form, folder: Path) -> None:
    """Look whether there is room; what the folder holds already counts as had.

    Raises:
        StorageFull, ModelTooLarge: there is not; the message names need and have.
    """
    wanted = needs(recipe, source)
    had = sum(path.stat().st_size for path in (folder / "work").rglob("*") if path.is_file())
    room.check_disk(f"the recipe {recipe.name}", max(0, wanted.disk - had), folder)
    room.check_memory(f"the recipe {recipe.name}", wanted.memory)
