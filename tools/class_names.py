"""Fails if two public classes of the product have one name; nested classes, such as messages of widgets, may."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = [ROOT / name for name in ("edge_assistant", "models", "quantize", "tui")]


def shared(folders: Iterable[Path]) -> dict[str, list[str]]:
    """The names that classes of several files have, with these files."""
    found = defaultdict[str, list[str]](list)
    for file in sorted(file for folder in folders for file in folder.rglob("*.py")):
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(file))
    return {name: files for name, files in found.items() if len(files) > 1}


def main() -> int:
    """Print each name with its files; 1 if there is any."""
    names = shared(PRODUCT)
    for name, files in names.items():
        print(f"class {name} is in {', '.join(files)}", file=sys.stderr)
    return bool(names)


if __name__ == "__main__":
    sys.exit(main())
