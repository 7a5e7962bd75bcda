"""Where what is published lies, and how it gets there whole or not at all.

catalog/NAME.toml            the entry; with it a model is published, and without it is not
published/NAME/              the files, entry.toml (the entry as it was written), record.json and further records,
                             recipe.toml where there is a recipe, card.html
published/.begun-NAME        NAME is being published or taken away; whoever comes next puts in order what was left
published/.new-NAME/         files on their way
published/.old-NAME/         what is being replaced
models/NAME/                 in the store: hard links to the same files, where one file system holds both

All but the entry can be put back from `published`, so that the entry's file, which is written whole, decides.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.storage import atomic
from edge_assistant_models import paths
from edge_assistant_models.entries import Entry
from edge_assistant_models.entries import parse as parse_entry
from edge_assistant_models.errors import ModelError
from edge_assistant_models.store import Store
from edge_assistant_quantize.publish.entry import FOLDER

ENTRY = "entry.toml"
_HINT = "free some space, or check the permissions of the data directory"


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one user's data directory, and their store."""

    data: Path
    store: Store

    @classmethod
    def own(cls) -> Places:
        """Those of this user."""
        return cls(paths.data_dir(), Store(paths.models_dir()))

    @property
    def root(self) -> Path:
        """What is published."""
        return self.data / FOLDER

    def kept(self, name: str) -> Path:
        """Where a model's files, record and recipe are kept."""
        return self.root / name

    def new(self, name: str) -> Path:
        """Where they are gathered."""
        return self.root / f".new-{name}"

    def old(self, name: str) -> Path:
        """What they replace."""
        return self.root / f".old-{name}"

    def begun(self, name: str) -> Path:
        """The mark of a change that is not over."""
        return self.root / f".begun-{name}"

    def entry_file(self, name: str) -> Path:
        """The catalog file."""
        return self.data / "catalog" / f"{name}.toml"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from publishing meanwhile, and put in order what one that was killed has left.

        Raises:
            StorageFull: the data directory cannot be written.
        """
        from filelock import FileLock

        with atomic.storing("what is published", _HINT):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / ".lock")
            lock.acquire()
        try:
            for mark in sorted(self.root.glob(".begun-*")):
                self.settle(mark.name.removeprefix(".begun-"))
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def changing(self, name: str) -> Iterator[None]:
        """A change of one model, which is whole or undone at the end of the block.

        Raises:
            StorageFull: the disk does not take it.
        """
        with atomic.storing(name, _HINT):
            self.begun(name).touch()
            try:
                yield
            finally:
                self.settle(name)

    def settle(self, name: str) -> None:
        """Bring files and store to what the catalog says, and forget that anything was begun."""
        kept, old, entry = self.kept(name), self.old(name), _content(self.entry_file(name))
        for unfinished in (self.new(name), self._staging(name)):
            shutil.rmtree(unfinished, ignore_errors=True)
        if entry is None:  # not published yet, or not any more
            self._take_away(name)
        elif _content(kept / ENTRY) != entry and old.is_dir():  # the replacement did not come
            shutil.rmtree(kept, ignore_errors=True)
            old.rename(kept)
            self.install(parse_entry((kept / ENTRY).read_bytes(), f"catalog/{name}.toml"))
        shutil.rmtree(old, ignore_errors=True)
        self.begun(name).unlink(missing_ok=True)

    def _take_away(self, name: str) -> None:
        content = _content(self.kept(name) / ENTRY) or _content(self.old(name) / ENTRY)
        if content is not None:
            with contextlib.suppress(ModelError):  # it is not in the store
                self.store.remove(parse_entry(content, f"catalog/{name}.toml"))
        for folder in (self.kept(name), self.old(name)):
            shutil.rmtree(folder, ignore_errors=True)

    def _staging(self, name: str) -> Path:
        """Where the store's links are gathered; not the folder of a pull of that model, which may be half done."""
        return self.store.staging(f"{name}.published")

    def install(self, entry: Entry) -> None:
        """Bring the kept files into the store, checked; as links where one file system holds both.

        Raises:
            ModelCorrupt: a file is not what the entry pins, or its headers contradict it.
            StorageFull: the store cannot be written.
        """
        with self.store.locked(entry.name):
            staging = self._staging(entry.name)
            shutil.rmtree(staging, ignore_errors=True)
            try:
                with atomic.storing(entry.name, _HINT):
                    staging.mkdir(parents=True)
                    for file in entry.files:
                        linked(self.kept(entry.name) / file.path, staging / file.path)
                self.store.commit(entry, staging)
            finally:
                shutil.rmtree(staging, ignore_errors=True)


def linked(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file systems differ."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
