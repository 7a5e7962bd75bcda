"""Where files come from: one file a source type. A new type is a new file with a `parse` function.

The sum in the catalog decides what is accepted, so that no source needs to be trusted.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol

from edge_assistant_models.schema import Table
from edge_assistant_models.spec import FileSpec
from edge_assistant_models.transfer import Partial, Run


class Source(Protocol):
    """One place that a model's files may come from."""

    @property
    def label(self) -> str:
        """What to call it in messages."""

    def asked(self) -> tuple[str, ...]:
        """All that a network is asked for, whole: what a person has to see to allow it. Nothing for a local source."""

    def archives(self) -> frozenset[str]:
        """The names of the archives that lie on the disk beside its files while they are fetched."""

    def offers(self, file: FileSpec) -> bool:
        """Whether it has this file."""

    def named(self) -> frozenset[str]:
        """The keys of the files that it names."""

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Bring the file into `partial`, going on where that ends if the source can.

        Raises:
            Refused: it cannot; the text says why.
            StorageFull: the disk is full.
        """


def types() -> frozenset[str]:
    """The source types that there are."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def parse(table: Table) -> Source:
    """Read one `[[sources]]` table.

    Raises:
        CatalogInvalid: it breaks the schema.
    """
    kind = table.text("type")
    if kind not in types():
        raise table.invalid(f"unknown source type '{kind}' (there are {', '.join(sorted(types()))})")
    source: Source = importlib.import_module(f"{__name__}.{kind}").parse(table)
    table.end()
    return source
