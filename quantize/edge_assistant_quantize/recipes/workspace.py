"""The folder of a run. Each result is stored under a checksum of everything that it depends on, so a run resumes.

work/STEP-KEY/           output of a step with made.json; renamed into place once it is complete
begun/STEP-KEY/          partial results of a long step; removed once it is done
measured/KEY.json        measurements; as made.json after a code by this machine's key: what was edited is made anew
variants/NAME/           candidate.toml and the files, hard links into work/
reference/               likewise, if the recipe prepared it
accepted/                the chosen variant
record.json, report.html
"""

from __future__ import annotations

import contextlib
import hmac
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec
from filelock import FileLock, Timeout

from edge_assistant.storage import atomic
from edge_assistant_quantize import room
from edge_assistant_quantize.acceptance import signature
from edge_assistant_quantize.candidate import Candidate, sha256_of
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.publish.places import linked
from edge_assistant_quantize.recipes.recipe import Recipe
from edge_assistant_quantize.recipes.step import Made

T = TypeVar("T")

VARIANTS = "variants"
REFERENCE = "reference"

_MADE = "made.json"  # what a step made, and the sha256 of each of its files by name
_HINT = "free some space, or name another folder"
_KEY_LETTERS = 20  # of a checksum in a name


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one run at a time."""

    folder: Path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude others from the folder, and remove the incomplete output of one that was killed.

        Raises:
            UsageError: another run has the folder.
            StorageFull: it cannot be written.
        """
        with atomic.storing(self.folder.name, _HINT):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                held = FileLock(self.folder / ".lock", timeout=0).acquire()
            except Timeout:
                what = f"another run works in {self.folder.name}"
                raise UsageError(what, "wait for it, or name another folder") from None
        with held:
            for path in self.folder.rglob(f"{room.BEGUN}*"):
                shutil.rmtree(path, ignore_errors=True)
            yield

    def step(self, name: str, key: str, make: Callable[[Path, Path], Made]) -> tuple[Made, Path, Mapping[str, str]]:
        """The stored output of a step, which is made if it is missing or a file has changed.

        Args:
            name: of the step.
            key: checksum of everything that its output depends on.
            make: gets an empty folder, and one that survives an interruption.

        Returns:
            What it made, the folder of its files, and the sha256 of each of these by name.

        Raises:
            StorageFull: the disk is full.
            EdgeAssistantError: the step fails.
        """
        place = self.folder / "work" / f"{name}-{key[:_KEY_LETTERS]}"
        stored = _opened(key, place / _MADE, tuple[Made, dict[str, str]])
        with contextlib.suppress(OSError):
            if stored and all(sha256_of(place / file) == digest for file, digest in stored[1].items()):
                return stored[0], place, stored[1]
        partial = self.folder / "begun" / place.name
        partial.mkdir(parents=True, exist_ok=True)
        with room.new_folder(place, replace=True) as folder:
            made = make(folder, partial)
            sums = {file: sha256_of(folder / file) for file in (*made.files.values(), *made.beside.values())}
            (folder / _MADE).write_bytes(_sealed(key, (made, sums)))
        shutil.rmtree(partial, ignore_errors=True)
        return made, place, sums

    def measured(self, key: str, kind: type[T], measure: Callable[[], T]) -> T:
        """The stored measurement of a key; it is measured if there is none."""
        path = self.folder / "measured" / f"{key}.json"
        if (found := _opened(key, path, kind)) is not None:
            return found
        found = measure()
        with atomic.storing(path.name, _HINT):
            path.parent.mkdir(exist_ok=True)
            with atomic.writing(path) as file:
                file.write(_sealed(key, found))
        return found

    def place(self, candidate: Candidate, name: str) -> None:
        """Put a candidate whose files lie anywhere into a folder of its own."""
        files = {key: f"{key}{path.suffix}" for key, path in candidate.paths.items()}
        with room.new_folder(self.folder / name, replace=True) as folder:
            for key, path in candidate.paths.items():  # another's file must not change by this one
                (linked if path.is_relative_to(self.folder) else shutil.copyfile)(path, folder / files[key])
            replace(candidate, folder=folder, files=files).write()

    def clear(self, name: str) -> None:
        """Remove what an earlier run has put into a folder."""
        with atomic.storing(name, _HINT):
            if (self.folder / name).is_dir():
                shutil.rmtree(self.folder / name)


def _sealed(key: str, value: object) -> bytes:
    """A value under a key, after a code by this machine's key."""
    content = msgspec.json.encode(value)
    return signature.code(key.encode() + content).encode() + b"\n" + content


def _opened(key: str, path: Path, kind: type[T]) -> T | None:
    """The value in a file; None where there is none, or somebody has changed it or put it under another key."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        code, _, content = path.read_bytes().partition(b"\n")
        if hmac.compare_digest(code, signature.code(key.encode() + content).encode()):
            return msgspec.json.decode(content, type=kind)
    return None


@dataclass(frozen=True, slots=True)
class RecipeJob:
    """A recipe that runs in a folder.

    Attributes:
        recipe: the recipe.
        space: its folder.
        threads: cores to use.
        watch: receives progress.
        inputs: sha256 by name of everything that is read.
    """

    recipe: Recipe
    space: Workspace
    threads: int
    watch: Watch
    inputs: Mapping[str, str]
