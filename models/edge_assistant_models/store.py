"""The store: one folder a model, which appears whole or not at all.

ROOT/NAME/                files of a model, and installed.json
ROOT/.partial/NAME/       what a pull has brought so far
ROOT/.downloads/          archives that parts are taken from
ROOT/.locks/  ROOT/.stamps.json
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models import loading, transfer
from edge_assistant_models.entries import Entry
from edge_assistant_models.errors import ModelCorrupt, ModelError, ModelMissing, PullFailed, StorageForeign
from edge_assistant_models.loading import Stamps
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.paths import cache_dir
from edge_assistant_models.sources import DownloadSource, FileSpec
from edge_assistant_models.transfer import Partial, PullRun, Refused, check_space, storing

if TYPE_CHECKING:
    from edge_assistant_models.conversion import Convert

RECORD = "installed.json"
BUNDLE = ".bundle"  # lock and folder of an import; no model's name begins with a dot
_PULL = "pull the model again"
_REPORT = "report it with the versions of this program, onnx and numpy"


class ModelState(StrEnum):
    """How a model stands in the store."""

    INSTALLED = "installed"
    PARTIAL = "partial"
    MISSING = "missing"
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What reading one file showed; `problem` is empty where nothing is wrong."""

    key: str
    path: Path
    problem: str = ""


def check(spec: FileSpec, path: Path, stamps: Stamps, hint: str = _PULL) -> str:
    """Compare a file with its pin, and look whether its headers are sound before a library reads it.

    Returns:
        The sum of its bytes.

    Raises:
        ModelCorrupt: it is not what the catalog pins, or contradicts itself; with this hint.
    """
    if not path.is_file() or path.is_symlink():
        raise ModelCorrupt(f"{spec.path} is missing", hint)
    digest = stamps.read(path)
    stamps.sound(path)
    if spec.sha256 and digest != spec.sha256:
        raise ModelCorrupt(f"{spec.path} has the sum {digest[:12]}, not {spec.sha256[:12]}", hint)
    if spec.tensors_sha256:
        from edge_assistant_models.tensors import tensor_digest

        if (found := tensor_digest(path)) != spec.tensors_sha256:
            raise ModelCorrupt(f"{spec.path} has the tensors {found[:12]}, not {spec.tensors_sha256[:12]}", hint)
    return digest


def _ours(folder: Path) -> bool:
    """Whether this user can write to a folder, or will make it, and nobody else can."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return True
    mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return mine and os.access(folder, os.W_OK) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


class Store:
    """Models in one folder."""

    def __init__(self, root: Path) -> None:
        """Use a folder, which need not exist yet.

        What is known of its files is kept in it, but in this user's cache where the folder cannot be written, or where
        others can write to it: they could say there that a file of theirs has been hashed.
        """
        self.root = root
        self._stamps = Stamps(root / ".stamps.json" if _ours(root) else cache_dir() / "stamps.json")

    def folder(self, name: str) -> Path:
        """Where a model's files lie once it is installed."""
        return self.root / name

    def staging(self, name: str) -> Path:
        """Where a pull collects a model's files."""
        return self.root / ".partial" / name

    def state(self, entry: Entry) -> ModelState:
        """How a model stands, from sizes and remembered sums alone: nothing is read."""
        if self.folder(entry.name).is_dir():
            return ModelState.INSTALLED if self._plausible(entry) else ModelState.CORRUPT
        staging = self.staging(entry.name)
        if staging.is_dir() and any(file.stat().st_size for file in staging.iterdir() if file.is_file()):
            return ModelState.PARTIAL
        return ModelState.MISSING

    def _plausible(self, entry: Entry) -> bool:
        sums = self.sums(entry)
        for file in entry.files:
            path = self.folder(entry.name) / file.path
            if file.key not in sums or not path.is_file():
                return False
            if file.sha256 and path.stat().st_size != file.bytes:
                return False
            if self._stamps.recall(path) not in {None, sums[file.key]}:
                return False
        return True

    def sums(self, entry: Entry) -> dict[str, str]:
        """The sum that each file must have: the catalog's, or what was noted when an importer had written it."""
        try:
            record = json.loads((self.folder(entry.name) / RECORD).read_text())
            noted, pins = dict(record["sha256"]), dict(record["pins"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        sums = {file.key: file.sha256 or str(noted.get(file.key)) for file in entry.files}
        return sums if pins == {file.key: file.pin for file in entry.files} else {}

    def open(self, entry: Entry, *, always: bool = False) -> InstalledModel:
        """A model whose files have their sums and sound headers; each is read once while it does not change.

        Args:
            entry: of the catalog.
            always: whether to read every byte now, whatever is remembered.

        Raises:
            ModelMissing: it is not in the store.
            ModelCorrupt: a file does not have its sum, or its headers contradict it.
        """
        folder, again = self.folder(entry.name), f"run 'edge-assistant models pull {entry.name}'"
        if not folder.is_dir():
            raise ModelMissing(f"the model {entry.name} is not in the store", again)
        sums = self.sums(entry)
        if not sums:
            raise ModelCorrupt(f"the model {entry.name} was not stored as the catalog describes it", again)
        for file in entry.files:
            path = folder / file.path
            try:
                found = (None if always else self._stamps.recall(path)) or self._stamps.read(path)
                if found != sums[file.key]:
                    raise ModelCorrupt(f"{file.path} of {entry.name} does not have its checksum", again)
                loading.note(path, self._stamps.sound(path))
            except OSError as error:
                raise ModelCorrupt(f"{file.path} of {entry.name} cannot be read ({error.strerror})", again) from None
        files = {file.key: folder / file.path for file in entry.files}
        return InstalledModel(entry.name, entry.sha256, files, entry.options, entry.role)

    def verify(self, entry: Entry) -> tuple[FileCheck, ...]:
        """Read every byte of a model, whatever is remembered.

        Raises:
            ModelMissing: it is not in the store.
        """
        folder = self.folder(entry.name)
        if not folder.is_dir():
            raise ModelMissing(
                f"the model {entry.name} is not in the store", f"run 'edge-assistant models pull {entry.name}'"
            )
        return tuple(self._check(file, folder / file.path, self.sums(entry)) for file in entry.files)

    def _check(self, file: FileSpec, path: Path, sums: Mapping[str, str]) -> FileCheck:
        try:
            found = check(file, path, self._stamps)
        except ModelError as error:
            return FileCheck(file.key, path, error.message)
        except OSError as error:
            return FileCheck(file.key, path, f"{file.path} cannot be read ({error.strerror})")
        return FileCheck(file.key, path, "" if found == sums.get(file.key) else f"{file.path} is not what was stored")

    def remove(self, entry: Entry, watch: transfer.Watch = transfer.ignore) -> int:
        """Take a model, and what a broken pull left of it, out of the store; returns its size in bytes.

        Raises:
            ModelMissing: nothing of it is there.
            StorageForeign: its folder is a symbolic link.
            StorageFull: the folder cannot be written.
        """
        folders = self.folder(entry.name), self.staging(entry.name)
        if not any(folder.is_dir() for folder in folders):
            raise ModelMissing(f"the model {entry.name} is not in the store", "see 'edge-assistant models list'")
        for folder in folders:
            if folder.is_symlink():
                what = f"{folder} is a symbolic link, which is not followed to remove {entry.name}"
                raise StorageForeign(what, "remove the link, and what it leads to, yourself")
        with self.locked(entry.name, watch), storing(entry.name):
            size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
            for folder in folders:
                if folder.is_dir():
                    shutil.rmtree(folder)
            self._stamps.forget(self.folder(entry.name))
        return size

    def clear_bundles(self) -> None:
        """Delete what imports left that were killed; the caller holds the lock `BUNDLE`."""
        for folder in self.root.glob(f".partial/{BUNDLE}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _clear_downloads(self, wanted: Collection[str]) -> None:
        """Delete the archives that broken pulls left, but for the wanted ones, which their pull goes on with.

        An archive in use is locked. One that another run was only going to come back to is fetched again there.
        """
        from filelock import FileLock

        for path in (self.root / ".downloads").glob("*"):
            name = path.name.removeprefix(".").removesuffix(".client")
            if path.suffix != ".lock" and name not in wanted:
                with contextlib.suppress(OSError), FileLock(path.with_name(f"{name}.lock"), timeout=0):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    @contextmanager
    def run(self, wanted: Iterable[Entry] = (), local_only: Iterable[str] = ()) -> Iterator[PullRun]:
        """A run of pulling: at its end the archives that it has used up are deleted, unless it broke off.

        Args:
            wanted: what may be pulled; of earlier runs that broke off only what these need is kept.
            local_only: names of models for which no network is asked.
        """
        from filelock import FileLock

        if any(self.root.glob(f".partial/{BUNDLE}*")):
            with contextlib.suppress(OSError), FileLock(self._lock(BUNDLE), timeout=0):  # OSError: one is running
                self.clear_bundles()
        self._clear_downloads({name for entry in wanted for source in entry.places for name in source.archives})
        run = PullRun(self.root / ".downloads", local_only=frozenset(local_only))
        yield run
        for path in run.used:
            path.unlink(missing_ok=True)

    def pull(self, entry: Entry, run: PullRun, watch: transfer.Watch = transfer.ignore) -> None:
        """Bring a model into the store, unless it is there and sound.

        Raises:
            PullFailed: no source gave a file; the message names each with its reason.
            ImporterMissing: the files need conversion, and nothing is installed for it; nothing is fetched then.
            ModelCorrupt: what the importer wrote is not what the catalog pins.
            StorageFull: the disk is full or cannot be written.
        """
        with self.locked(entry.name, watch):
            if self._sound(entry):
                watch(transfer.ModelReady(entry.name, already=True))
                return
            check_space(entry.name, self._missing_bytes(entry), self.root)
            if self._mirrored(entry, run, watch):
                self.commit(entry, self.staging(entry.name))
            else:
                self._pull(entry, run, watch)
            watch(transfer.ModelReady(entry.name, already=False))

    def _pull(self, entry: Entry, run: PullRun, watch: transfer.Watch) -> None:
        """Fetch a model's files from its own sources, and convert them if they need it."""
        from edge_assistant_models import conversion

        convert = conversion.find(entry)
        for file in entry.fetched:
            self._fetch(entry, file, entry.sources, run, watch)
        if convert is None:
            self.commit(entry, self.staging(entry.name))
        else:
            watch(transfer.Converting(entry.name))
            self._convert(entry, convert)

    def _mirrored(self, entry: Entry, run: PullRun, watch: transfer.Watch) -> bool:
        """Whether the files have come from the entry's mirror."""
        if entry.mirror is None:
            return False
        try:
            for file in entry.mirror.files:
                self._fetch(entry, file, entry.mirror.sources, run, watch)
        except PullFailed:  # the watcher was told why
            return False
        return True

    def _lock(self, name: str) -> Path:
        return self.root / ".locks" / f"{name}.lock"

    @contextmanager
    def locked(self, name: str, watch: transfer.Watch = transfer.ignore) -> Iterator[None]:
        """Keep other processes away from one model."""
        from filelock import FileLock, Timeout

        lock = FileLock(self._lock(name))
        with storing(name):
            (self.root / ".locks").mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                watch(transfer.PullWaiting(name.removeprefix(".")))
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _sound(self, entry: Entry) -> bool:
        try:
            self.open(entry)
        except ModelError:
            return False
        return True

    def _missing_bytes(self, entry: Entry) -> int:
        """How much a pull will write at least."""
        written = entry.bytes if entry.importer else 0
        for file in entry.fetched:
            path = self.staging(entry.name) / file.path
            written += max(0, file.bytes - (path.stat().st_size if path.is_file() else 0))
        return written

    def _fetch(
        self, entry: Entry, file: FileSpec, sources: Iterable[DownloadSource], run: PullRun, watch: transfer.Watch
    ) -> None:
        """Ask the sources that offer a file in their order."""
        refusals = []
        path = self.staging(entry.name) / file.path

        def moved(size: int) -> None:
            watch(transfer.Moved(entry.name, file.path, size, file.bytes))

        with Partial(path, file.bytes, moved) as partial:
            if partial.complete and partial.sha256() == file.sha256:
                return
            for source in (each for each in sources if each.offers(file)):
                watch(transfer.Trying(entry.name, file.path, source.label))
                try:
                    if source.asked and entry.name in run.local_only:
                        raise Refused("it is in your own catalog, and nobody confirmed it")
                    self._fetch_from(source, entry, file, partial, run)
                    return
                except Refused as refusal:
                    refusals.append(f"{source.label}: {refusal}")
                    watch(transfer.Refusal(entry.name, file.path, source.label, str(refusal)))
        hint = "try again with a network, or 'edge-assistant models import FILE' with what another machine exported"
        if entry.name in run.local_only:
            hint = f"run 'edge-assistant models pull {entry.name}' in a terminal, or add --own"
        raise PullFailed(f"no source gave {file.path} of {entry.name} ({'; '.join(refusals)})", hint)

    def _fetch_from(self, source: DownloadSource, entry: Entry, file: FileSpec, partial: Partial, run: PullRun) -> None:
        """Let one source complete the file, once more from the start where what was there does not fit."""
        needed = (file.bytes - partial.size) * (2 if source.archives else 1)
        check_space(entry.name, needed, self.root)
        for _ in range(2):
            if partial.complete:
                partial.restart()
            resumed = partial.size > 0
            source.fetch(file, partial, run)
            if partial.sha256() == file.sha256:
                return
            found = f"{partial.size} bytes with the sum {partial.sha256()[:12]}"
            partial.restart()
            if not resumed:
                break
        raise Refused(f"it sends {found} instead of {file.bytes} with {file.sha256[:12]}")

    def _convert(self, entry: Entry, convert: Convert) -> None:
        """Turn what was fetched into the model's files in a fresh folder, then put that in place."""
        staging, output = self.staging(entry.name), self.staging(f"{entry.name}.imported")
        shutil.rmtree(output, ignore_errors=True)
        with storing(entry.name):
            output.mkdir(parents=True)
        try:
            with storing(entry.name):
                convert({file.key: staging / file.path for file in entry.fetched}, output)
            self.commit(entry, output, _REPORT)
        finally:
            shutil.rmtree(output, ignore_errors=True)
        shutil.rmtree(staging, ignore_errors=True)

    def commit(self, entry: Entry, folder: Path, hint: str = _PULL) -> None:
        """Check a folder of files against the catalog and rename it into place, without what is not the model's.

        Raises:
            ModelCorrupt: a file is not what the catalog pins; with this hint.
            StorageFull: the folder cannot be written.
        """
        sums = {file.key: check(file, folder / file.path, self._stamps, hint) for file in entry.files}
        record = {"name": entry.name, "sha256": sums, "pins": {file.key: file.pin for file in entry.files}}
        old = self.staging(f"{entry.name}.old")
        with storing(entry.name):
            for path in set(folder.iterdir()) - {folder / file.path for file in entry.files}:
                path.unlink()
            (folder / RECORD).write_text(json.dumps(record, indent=1))
            shutil.rmtree(old, ignore_errors=True)
            if self.folder(entry.name).exists():
                self.folder(entry.name).rename(old)
            folder.rename(self.folder(entry.name))
        shutil.rmtree(old, ignore_errors=True)
        self._stamps.move(folder, self.folder(entry.name))
