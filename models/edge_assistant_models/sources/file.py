"""A file, or a folder that holds the files by their names, on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_assistant_models import regular
from edge_assistant_models.schema import Table
from edge_assistant_models.spec import FileSpec
from edge_assistant_models.transfer import CHUNK_BYTES, Partial, Refused, Run


@dataclass(frozen=True, slots=True)
class FileSource:
    """A path; relative ones start at the data directory."""

    path: str

    @property
    def label(self) -> str:
        """The type and the last part of the path."""
        return f"file {Path(self.path).name}"

    def named(self) -> frozenset[str]:
        """It names none: a folder has whatever lies in it."""
        return frozenset()

    def asked(self) -> tuple[str, ...]:
        """Nothing: it lies on this machine."""
        return ()

    def archives(self) -> frozenset[str]:
        """There are none: the file comes as it is."""
        return frozenset()

    def offers(self, file: FileSpec) -> bool:
        """A folder may have any file."""
        return True

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Copy the file.

        Raises:
            Refused: it is not there or cannot be read.
        """
        from edge_assistant_models.paths import data_dir

        path = data_dir() / Path(self.path).expanduser()
        partial.restart()
        try:
            with regular.opened(path / file.path if path.is_dir() else path) as source:
                while chunk := source.read(CHUNK_BYTES):
                    partial.write(chunk)
        except FileNotFoundError:
            raise Refused("there is no such file") from None
        except (PermissionError, IsADirectoryError, regular.NotRegular) as error:
            raise Refused(f"it cannot be read ({error.strerror})") from None


def parse(table: Table) -> FileSource:
    """Read `path`."""
    return FileSource(table.text("path"))
