"""The folder of a run: what was done is kept under a sum of all that shaped it, so that nothing is done twice.

work/STEP-KEY/           what a step made, with made.json; renamed into place once it is whole
begun/STEP-KEY/          what a long step knows already, gone once it is done
measured/KEY.json        what was measured
variants/NAME/           candidate.toml and the files, hard links into work/
reference/               likewise, where the recipe prepared it
accepted/                the variant that is taken
record.json, recipe.lock
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize.candidate import Candidate, sha256_of
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.recipes.steps.step import Made
from edge_assistant_quantize.record import Layer

T = TypeVar("T")

ACCEPTED = "accepted"
VARIANTS = "variants"
REFERENCE = "reference"

_MADE = "made.json"
_BEGUN = ".begun-"  # of folders that are not whole yet
_HINT = "free some space, or name another folder"
_KEY_LETTERS = 20  # of a sum in a name: no two of a run are alike


class KeptFile(msgspec.Struct, frozen=True):
    """A file that a step made: its path within the step's folder, and its sum."""

    name: str
    sha256: str


class Kept(msgspec.Struct, frozen=True):
    """What a step made, as `made.json` has it."""

    files: dict[str, KeptFile]
    aside: dict[str, KeptFile]
    options: dict[str, object]
    excluded: list[str]
    layers: list[Layer] = []
    note: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a step made, and the folder where it lies."""

    folder: Path
    kept: Kept

    def paths(self, files: Mapping[str, KeptFile]) -> dict[str, Path]:
        """Files by key."""
        return {key: self.folder / file.name for key, file in files.items()}


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one run at a time."""

    folder: Path

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out, and clear what one that was killed had begun.

        Raises:
            UsageError: another run has the folder.
            StorageFull: it cannot be written.
        """
        from filelock import FileLock, Timeout

        with atomic.storing(self.folder.name, _HINT):
            for name in ("work", "measured", VARIANTS):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                hint = "wait for it, or name another folder"
                raise UsageError(f"another run works in {self.folder.name}", hint) from None
        try:
            for path in self.folder.rglob(f"{_BEGUN}*"):
                shutil.rmtree(path, ignore_errors=True)
            yield
        finally:
            lock.release()

    def recall(self, step: str, key: str) -> Result | None:
        """What a step made before; None where it did not, or where a file is not as it was."""
        folder = self._place(step, key)
        try:
            kept = msgspec.json.decode((folder / _MADE).read_bytes(), type=Kept)
            whole = all(sha256_of(folder / file.name) == file.sha256 for file in _files(kept))
        except (OSError, msgspec.DecodeError):
            return None
        return Result(folder, kept) if whole else None

    def make(self, step: str, key: str, make: Callable[[Path, Path], Made]) -> Result:
        """Let a step make its files in a folder of its own, and keep them once they are whole.

        Args:
            step: its name.
            key: what its result is kept under.
            make: is given that folder, and one that outlasts an interruption.

        Raises:
            StorageFull: the disk does not take them.
            EdgeAssistantError: the step cannot do it.
        """
        place = self._place(step, key)
        known = self.folder / "begun" / place.name
        known.mkdir(parents=True, exist_ok=True)
        with self._begun(place) as folder:
            made = make(folder, known)
            files, aside = _kept(folder, made.files), _kept(folder, made.aside)
            kept = Kept(files, aside, dict(made.options), [*made.excluded], [*made.layers], made.note)
            (folder / _MADE).write_bytes(msgspec.json.encode(kept))
        shutil.rmtree(known, ignore_errors=True)
        return Result(place, kept)

    def measured(self, key: str, kind: type[T], measure: Callable[[], T]) -> T:
        """What was measured before under a key, or is measured now."""
        path = self.folder / "measured" / f"{key}.json"
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(path.read_bytes(), type=kind)
        found = measure()
        with atomic.storing(path.name, _HINT), atomic.writing(path) as file:
            file.write(msgspec.json.encode(found))
        return found

    def place(self, candidate: Candidate, name: str) -> Candidate:
        """Put a candidate whose files lie anywhere into a folder of its own, where it is not there already."""
        place = self.folder / name
        files = {key: f"{key}{path.suffix}" for key, path in candidate.paths.items()}
        placed = Candidate(candidate.name, candidate.role, place, files, candidate.options)
        if _same(placed, candidate):
            return placed
        with self._begun(place) as folder:
            for key, path in candidate.paths.items():
                self._put(path, folder / files[key])
            Candidate(candidate.name, candidate.role, folder, files, candidate.options).write()
        return placed

    def clear(self, name: str) -> None:
        """Take away what an earlier run has put into a folder."""
        with atomic.storing(name, _HINT):
            if (self.folder / name).is_dir():
                shutil.rmtree(self.folder / name)

    def _put(self, path: Path, target: Path) -> None:
        """A link to what this run made; a copy of what belongs to others, which nobody should change by it."""
        if path.is_relative_to(self.folder):
            with contextlib.suppress(OSError):  # not every file system can
                os.link(path, target)
                return
        shutil.copyfile(path, target)

    def _place(self, step: str, key: str) -> Path:
        return self.folder / "work" / f"{step}-{key[:_KEY_LETTERS]}"

    @contextlib.contextmanager
    def _begun(self, place: Path) -> Iterator[Path]:
        """An empty folder that gets its place at the end, and leaves nothing where that does not come."""
        folder = place.with_name(f"{_BEGUN}{place.name}")
        with atomic.storing(place.name, _HINT):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                yield folder
                if place.exists():
                    shutil.rmtree(place)
                folder.rename(place)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise


def _kept(folder: Path, files: Mapping[str, Path]) -> dict[str, KeptFile]:
    return {key: KeptFile(path.relative_to(folder).as_posix(), sha256_of(path)) for key, path in files.items()}


def _files(kept: Kept) -> list[KeptFile]:
    return [*kept.files.values(), *kept.aside.values()]


def _same(placed: Candidate, wanted: Candidate) -> bool:
    """Whether a folder holds this candidate already."""
    from edge_assistant_quantize import candidate

    try:
        there = candidate.read(placed.folder)
    except (InputMissing, ValueError):
        return False
    return there == placed and there.sums() == wanted.sums()
