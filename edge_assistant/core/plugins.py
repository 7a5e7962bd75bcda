"""Plugins: what other installed packages add, found by their entry points (docs/plugins.md)."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TypeVar

from edge_assistant.core.errors import UsageError

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
        what = f"the plugin {point.name} of {package(point)} cannot be loaded ({type(error).__name__}: {error})"
        raise UsageError(what, "install a version that fits, or uninstall it") from error
    return found


def package(point: EntryPoint) -> str:
    """The name and version of the package that an entry point is of."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
