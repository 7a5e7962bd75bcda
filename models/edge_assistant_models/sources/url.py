"""A plain address on the web, gone on with by ranges."""

from __future__ import annotations

from dataclasses import dataclass

from edge_assistant_models.schema import HTTP_URL, Table
from edge_assistant_models.spec import FileSpec
from edge_assistant_models.transfer import Partial, Run


@dataclass(frozen=True, slots=True)
class UrlSource:
    """The address of one file.

    Attributes:
        key: the file's key.
        url: http or https.
    """

    key: str
    url: str

    @property
    def label(self) -> str:
        """The type and the host."""
        return f"url {self.url.split('/')[2].partition(':')[0]}"

    def named(self) -> frozenset[str]:
        """The one key."""
        return frozenset({self.key})

    def asked(self) -> tuple[str, ...]:
        """The address."""
        return (self.url,)

    def archives(self) -> frozenset[str]:
        """There are none: the file comes as it is."""
        return frozenset()

    def offers(self, file: FileSpec) -> bool:
        """Whether it is this file's address."""
        return file.key == self.key

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Download what is missing.

        Raises:
            Refused: the host does not give it.
        """
        from edge_assistant_models.network import download

        download(self.url, partial, run)


def parse(table: Table) -> UrlSource:
    """Read `key` and `url`."""
    return UrlSource(table.text("key"), table.text("url", HTTP_URL))
