"""Plugins: what other installed packages add, found by their entry points (docs/plugins.md)."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TypeVar

from edge_assistant.core.errors import UsageError
from edge_assistant_models.errors import not_loaded, package

__all__ = ["KINDS", "READINGS", "SENSES", "VERBS", "installed", "load", "package"]

T = TypeVar("T")

SENSES = "edge_assistant.senses"  # subclasses of perception.sense.Sense
VERBS = "edge_assistant.verbs"  # modules such as those of the command line
READINGS = "edge_assistant.readings"  # classes of devices, made with what stands behind NAME:
KINDS = {SENSES: type, READINGS: type, VERBS: ModuleType}


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by their names, sorted."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def load(point: EntryPoint, kind: type[T]) -> T:
    """The object of an entry point.

    Args:
        point: of `installed`.
        kind: what it has to be: a module, or a class (`type`).

    Raises:
        UsageError: it cannot be imported, or is something else.
    """
    try:
        found = point.load()
        if not isinstance(found, kind):
            raise TypeError(f"{point.value} is not a {kind.__name__}")
    except Exception as error:
        raise UsageError(*not_loaded(point, error)) from error
    return found
