"""Models in one archive, for a machine without a network: a tar file that begins with a manifest.

The archive is not trusted. A file is taken only if the catalog of the importing machine pins it to the same content.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge_assistant_models import regular, transfer
from edge_assistant_models.entries import Entry
from edge_assistant_models.errors import BundleInvalid, ModelCorrupt
from edge_assistant_models.schema import printable
from edge_assistant_models.sources import FileSpec
from edge_assistant_models.store import BUNDLE, Store
from edge_assistant_models.transfer import Partial, Refused, check_space, storing

MANIFEST = "manifest.json"
FORMAT = "edge-assistant-models/1"
MAX_MANIFEST_BYTES = 1 << 20  # a thousand models' worth
IMPORTED_SLACK = 2  # a file that an importer wrote may differ in size from the catalog's, but not by more than this

_OTHER_FILE = "free some space, or name a file in another folder"
_AGAIN = "export it again on the machine it came from"


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of the archive, as manifest and catalog agree on it."""

    entry: Entry
    file: FileSpec
    bytes: int
    sha256: str


def export(store: Store, entries: Sequence[Entry], path: Path, watch: transfer.Watch = transfer.ignore) -> None:
    """Write models into one archive, which appears whole or not at all.

    Raises:
        BundleInvalid: nobody could verify one, as its importer's output is not pinned.
        ModelMissing: one is not in the store.
        ModelCorrupt: a file does not have its sum.
        StorageFull: the archive cannot be written.
    """
    for entry in entries:
        if not entry.pinned:
            raise BundleInvalid(f"no catalog pins what {entry.name} was converted to", "pull it on the other machine")
    opened = [(entry, store.open(entry).files, store.sums(entry)) for entry in entries]
    listed = [
        {
            "name": entry.name,
            "files": [
                {"path": file.path, "bytes": files[file.key].stat().st_size, "sha256": sums[file.key]}
                for file in entry.files
            ],
        }
        for entry, files, sums in opened
    ]
    manifest = json.dumps({"format": FORMAT, "models": listed}, indent=1).encode()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with storing(path.name, _OTHER_FILE), tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(_header(MANIFEST, len(manifest)), io.BytesIO(manifest))
            for entry, files, _ in opened:
                for file in entry.files:
                    _add(archive, entry, file, files[file.key], watch)
        with storing(path.name, _OTHER_FILE):
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _header(name: str, size: int) -> tarfile.TarInfo:
    """A member without owner and time, so that equal models give equal archives."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header


def _add(archive: tarfile.TarFile, entry: Entry, file: FileSpec, path: Path, watch: transfer.Watch) -> None:
    size = path.stat().st_size
    with path.open("rb") as content:
        archive.addfile(_header(f"{entry.name}/{file.path}", size), content)
    watch(transfer.Moved(entry.name, file.path, size, size))


def load(
    store: Store, catalog: Mapping[str, Entry], path: Path, watch: transfer.Watch = transfer.ignore
) -> tuple[str, ...]:
    """Bring an archive's models into the store.

    Returns:
        Their names.

    Raises:
        BundleInvalid: it is no such archive, is damaged, or holds what the catalog does not pin.
        StorageFull: the disk is full or cannot be written.
    """
    with store.locked(BUNDLE, watch):
        store.clear_bundles()
        staging = store.staging(BUNDLE)
        try:
            return _load(store, catalog, path, staging, watch)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _load(
    store: Store, catalog: Mapping[str, Entry], path: Path, staging: Path, watch: transfer.Watch
) -> tuple[str, ...]:
    with _opened(path) as archive:
        members = iter(archive)
        expected = _expected(_manifest(archive, members), catalog)
        with storing(path.name):
            staging.mkdir(parents=True, exist_ok=True)
        check_space(path.name, sum(member.bytes for member in expected.values()), staging)
        _unpack(archive, members, expected, staging, watch)
    names = dict.fromkeys(member.entry.name for member in expected.values())
    for name in names:
        with store.locked(name, watch):
            _commit(store, catalog[name], staging / name)
        watch(transfer.ModelReady(name, already=False))
    return tuple(names)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """An archive to be read from front to back; what is wrong with it becomes `BundleInvalid`."""
    try:
        with regular.opened(path) as file, tarfile.open(fileobj=file, mode="r|") as archive:
            yield archive
    except FileNotFoundError:
        raise BundleInvalid(f"there is no file {path.name}", "name an archive written by 'models export'") from None
    except (IsADirectoryError, PermissionError, regular.NotRegular) as error:
        raise BundleInvalid(f"{path.name} cannot be read ({error.strerror})", "name a file that you may read") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        if isinstance(error, BundleInvalid):
            raise
        raise BundleInvalid(f"{path.name} is not an archive of models, or is damaged ({error})", _AGAIN) from None


def _manifest(archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo]) -> dict[str, object]:
    """Read the first member."""
    first = next(members, None)
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > MAX_MANIFEST_BYTES:
        raise BundleInvalid("the archive does not begin with a manifest", "name an archive written by 'models export'")
    stream = archive.extractfile(first)
    try:
        manifest = json.loads(stream.read() if stream else b"")
    except (ValueError, RecursionError):
        raise BundleInvalid("the archive's manifest is not JSON", _AGAIN) from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleInvalid("the archive is of another format", "export it with the same version of this program")
    return manifest


def _expected(manifest: Mapping[str, object], catalog: Mapping[str, Entry]) -> dict[str, _Member]:
    """By member path, what the manifest names and the catalog admits."""
    expected: dict[str, _Member] = {}
    models = manifest.get("models")
    for model in models if isinstance(models, list) else []:
        name = model.get("name") if isinstance(model, dict) else None
        entry = catalog.get(name) if isinstance(name, str) else None
        if entry is None:
            raise BundleInvalid(
                f"the catalog has no model '{printable(name)}'", "add its catalog file to your own first"
            )
        expected |= {f"{entry.name}/{member.file.path}": member for member in _files(entry, model.get("files"))}
    if not expected:
        raise BundleInvalid("the archive names no models", _AGAIN)
    return expected


def _files(entry: Entry, listed: object) -> Iterator[_Member]:
    """A model's files in the manifest, each held against the catalog."""
    rows: dict[object, dict[str, object]] = {}
    for row in listed if isinstance(listed, list) else []:
        if isinstance(row, dict):
            rows[str(row.get("path"))] = row
    if set(rows) != {file.path for file in entry.files}:
        raise BundleInvalid(f"the archive does not have the files of {entry.name}", _AGAIN)
    for file in entry.files:
        size, digest = rows[file.path].get("bytes"), rows[file.path].get("sha256")
        if not file.pin or not isinstance(size, int) or not isinstance(digest, str) or not _fits(file, size, digest):
            raise BundleInvalid(f"{file.path} of {entry.name} is not what the catalog pins", _AGAIN)
        yield _Member(entry, file, size, digest)


def _fits(file: FileSpec, size: int, digest: str) -> bool:
    """Whether a file may be the catalog's; of one that an importer wrote, the tensors are compared later."""
    return (size, digest) == (file.bytes, file.sha256) if file.sha256 else 0 < size <= file.bytes * IMPORTED_SLACK


def _unpack(
    archive: tarfile.TarFile,
    members: Iterator[tarfile.TarInfo],
    expected: Mapping[str, _Member],
    staging: Path,
    watch: transfer.Watch,
) -> None:
    """Write each expected member to a path made from the catalog's names; anything else is refused."""
    left = dict(expected)
    for header in members:
        member = left.pop(header.name, None)
        stream = archive.extractfile(header) if member is not None and header.isreg() else None
        if member is None or stream is None:
            raise BundleInvalid(f"its manifest does not name '{printable(header.name)}' in the archive", _AGAIN)
        _write(stream, member, staging / member.entry.name / member.file.path, watch)
    if left:
        raise BundleInvalid(f"the archive lacks {next(iter(left))}", _AGAIN)


def _write(stream: IO[bytes], member: _Member, path: Path, watch: transfer.Watch) -> None:
    """Copy one file, hashing it."""

    def moved(size: int) -> None:
        watch(transfer.Moved(member.entry.name, member.file.path, size, member.bytes))

    with Partial(path, member.bytes, moved) as partial:
        try:
            partial.append(stream)
        except Refused as refusal:
            raise BundleInvalid(f"{member.file.path} of {member.entry.name}: {refusal}", _AGAIN) from None
        if partial.sha256() != member.sha256:
            raise BundleInvalid(f"{member.file.path} of {member.entry.name} does not have its checksum", _AGAIN)


def _commit(store: Store, entry: Entry, folder: Path) -> None:
    try:
        store.commit(entry, folder)
    except ModelCorrupt as error:
        raise BundleInvalid(f"{entry.name}: {error.message}", _AGAIN) from None
