"""Fails where Python under `reasoning/` names what a domain file names: what a patient or a line is stands in data.

    python tools/subject_words.py

A name of several words counts where it stands as one, as in `heart_rate` or "heart rate". Docstrings, comments and
names of one or two letters are not looked at.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

REASONING = Path(__file__).parents[1] / "edge_assistant" / "reasoning"
COMMON = frozenset({"charge", "early", "late", "shift"})  # what every subject says, too: of costs and times
_SHORTEST = 3


def subject_names() -> frozenset[str]:
    """The names of the domain files that ship, with their other names."""
    names = set[str]()
    for file in (REASONING / "rules" / "domains").glob("*.toml"):
        for name, others in tomllib.loads(file.read_text())["names"].items():
            names.update((name, *others))
    return frozenset(name for name in names if len(name) >= _SHORTEST and name not in COMMON)


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the words of each identifier and each string that is no docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text) if id(node) not in docstrings:
                yield node.lineno, text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name


def named(folder: Path) -> list[str]:
    """Each place in a folder's Python that names a subject, as `file:line: name`."""
    names = "|".join(re.escape(name) for name in sorted(subject_names(), key=len, reverse=True))
    pattern = re.compile(rf"(?<![^\W_])(?:{names})(?![^\W_])", re.IGNORECASE)
    return [
        f"{file.relative_to(folder)}:{line}: {match[0]}"
        for file in sorted(folder.rglob("*.py"))
        for line, text in strings(ast.parse(file.read_text()))
        if (match := pattern.search(text.replace("_", " ")))
    ]


def main() -> int:
    """Print each place; 1 where there is one."""
    found = named(REASONING)
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
