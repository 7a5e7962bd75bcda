"""The entry of the catalog as text: what the schema of `edge_assistant_models.entries` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from edge_assistant_models.entries import Entry, parse
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.publish.description import EntryDescription
from edge_assistant_quantize.publish.places import FOLDER

_HEAD = """# Published by edge-quantize, and taken away by 'edge-quantize unpublish {name}'.
# {folder}/{name} in the data directory holds the files, the card and what was measured.
"""
_APART = ("family", "context")  # options that are keys of their own in a catalog file


def text(candidate: Candidate, sums: Mapping[str, str], said: EntryDescription, figures: Mapping[str, object]) -> str:
    """A catalog file; a lone file is called after its model there, others as they are.

    Args:
        candidate: the model.
        sums: the sha256 of each file by key.
        said: what the entry says.
        figures: what was measured.
    """
    import tomlkit

    lone = len(candidate.files) == 1
    facts: dict[str, object] = {
        "name": said.name,
        "role": candidate.role,
        "licence": said.licence,
        "licence_url": said.licence_url,
        "home": said.home,
        "description": said.description,
        "memory_mib": said.memory_mib,
        "tested": figures.get("accepted") is True,
        "profiles": list(said.profiles or ()),
        **({"family": said.family, "context": said.context} if candidate.role == "language" else {}),
        "files": [
            {
                "key": key,
                "path": f"{said.name}{PurePath(path).suffix.lower()}" if lone else path.name,
                "bytes": path.stat().st_size,
                "sha256": sums[key],
            }
            for key, path in candidate.paths.items()
        ],
        "sources": [{"type": "file", "path": f"{FOLDER}/{said.name}"}],
        "figures": dict(figures),
        "options": {key: value for key, value in candidate.options.items() if key not in _APART},
    }
    told = {key: value for key, value in facts.items() if value not in ([], {})}
    return _HEAD.format(folder=FOLDER, name=said.name) + tomlkit.dumps(told)


def parsed(content: str, name: str) -> Entry:
    """The entry as the catalog will read it.

    Raises:
        UsageError: it breaks the schema.
    """
    try:
        return parse(content.encode(), f"catalog/{name}.toml")
    except CatalogInvalid as error:
        raise UsageError(f"the entry would not be valid: {error.message}", "correct what it is made from") from None
