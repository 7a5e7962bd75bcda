"""Where what is published lies, and how it gets there whole or not at all.

catalog/NAME.toml            the entry; with it a model is published, and without it is not
published/NAME/              the files, entry.toml (the entry as it was written), records, card.html
published/.new-NAME/         the same on its way in or out; whoever comes next puts in order what was left
models/NAME/                 in the store: hard links to the same files, where one file system holds both

All but the entry can be put back from `published`, so that the entry's file, which is written whole, decides.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge_assistant.storage import atomic
from edge_assistant_models import paths
from edge_assistant_models.entries import parse
from edge_assistant_models.errors import ModelError
from edge_assistant_models.store import Store

FOLDER = "published"  # in the data directory
ENTRY = "entry.toml"
_NEW = ".new-"


def kept(name: str) -> Path:
    """Where a model's files and records are kept."""
    return paths.data_dir() / FOLDER / name


def new(name: str) -> Path:
    """Where they are gathered, and go before they are taken away."""
    return kept(f"{_NEW}{name}")


def entry_file(name: str) -> Path:
    """The catalog file."""
    return paths.data_dir() / "catalog" / f"{name}.toml"


def store() -> Store:
    """The store of this user."""
    return Store(paths.models_dir())


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep others from publishing meanwhile, and put in order what this or one that was killed has left.

    Raises:
        StorageFull: the data directory cannot be written.
    """
    from filelock import FileLock

    with atomic.storing("what is published"):
        kept("").mkdir(parents=True, exist_ok=True)
        with FileLock(kept(".lock")):
            _settle()
            try:
                yield
            finally:
                _settle()


def _settle() -> None:
    """Bring files and store to what the catalog says; a folder without its entry was not gathered yet."""
    for gathered in sorted(kept("").glob(f"{_NEW}*")):
        name = gathered.name.removeprefix(_NEW)
        content, entry = _content(gathered / ENTRY), _content(entry_file(name))
        if content and entry and (content == entry or not kept(name).is_dir()):
            shutil.rmtree(kept(name), ignore_errors=True)
            gathered.rename(kept(name))
        elif content and entry:  # the replacement did not come
            try:
                install(kept(name), name)
            finally:  # if what is kept is damaged, that is said once, and does not keep others from publishing
                shutil.rmtree(gathered, ignore_errors=True)
        elif content:
            with contextlib.suppress(ModelError):  # it is not in the store
                store().remove(parse(content, f"catalog/{name}.toml"))
        shutil.rmtree(gathered, ignore_errors=True)
        shutil.rmtree(_staging(name), ignore_errors=True)


def _staging(name: str) -> Path:
    """Where the store's links are gathered; not the folder of a pull of that model, which may be half done."""
    return store().staging(f"{name}.published")


def install(folder: Path, name: str) -> None:
    """Bring the files of a folder into the store, checked; as links where one file system holds both.

    Raises:
        ModelCorrupt: a file is not what the entry pins, or its headers contradict it.
        OSError: the store cannot be written.
    """
    entry, into, staging = parse((folder / ENTRY).read_bytes(), f"catalog/{name}.toml"), store(), _staging(name)
    with into.locked(name):
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        for file in entry.files:
            linked(folder / file.path, staging / file.path)
        into.commit(entry, staging)


def linked(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file systems differ."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
