"""Fails if modules import each other in a circle, also within functions or under TYPE_CHECKING.

    python tools/import_circles.py

import-linter's `acyclic_siblings` does not see a circle of a package and a module in it, and takes folders for modules.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def circle(packages: Sequence[str]) -> list[str]:
    """One circle of modules in these packages, each imported by the one after it; empty if there is none."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    try:
        TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def main() -> int:
    """Print a circle; 1 if there is one."""
    found = circle(tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["root_packages"])
    print(*found, sep=" <- ", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
