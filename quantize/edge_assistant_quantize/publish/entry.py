"""The entry of the catalog as text: what the schema of `edge_assistant_models.entries` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from edge_assistant_models.entries import Entry
from edge_assistant_models.entries import parse as parse_entry
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.publish.description import EntryDescription

FOLDER = "published"  # in the data directory
_OURS = ("family", "context")  # options that are keys of their own in a catalog file


def file_names(candidate: Candidate, name: str) -> dict[str, str]:
    """What the files are called in the store, by key: a lone file after its model, others as they are."""
    if len(candidate.files) == 1:
        ((key, file),) = candidate.files.items()
        return {key: f"{name}{PurePath(file).suffix.lower()}"}
    return {key: PurePath(file).name for key, file in candidate.files.items()}


def text(candidate: Candidate, sums: Mapping[str, str], said: EntryDescription, figures: Mapping[str, object]) -> str:
    """A catalog file.

    Args:
        candidate: the model.
        sums: the sha256 of each file by key.
        said: what the entry says.
        figures: what was measured.
    """
    import tomlkit

    document = tomlkit.document()
    document.add(
        tomlkit.comment(f"Published by edge-quantize, and taken away by 'edge-quantize unpublish {said.name}'.")
    )
    document.add(
        tomlkit.comment(f"{FOLDER}/{said.name} in the data directory holds the files, the card and what was measured.")
    )
    facts: dict[str, object] = {
        "name": said.name,
        "role": candidate.role,
        "licence": said.licence,
        "licence_url": said.licence_url,
        "home": said.home,
        "description": said.description,
        "memory_mib": said.memory_mib,
        "tested": figures.get("accepted") is True,
    }
    facts |= {"profiles": list(said.profiles)} if said.profiles else {}
    facts |= {"family": said.family, "context": said.context} if candidate.role == "language" else {}
    names = file_names(candidate, said.name)
    facts["files"] = [
        {"key": key, "path": names[key], "bytes": path.stat().st_size, "sha256": sums[key]}
        for key, path in candidate.paths.items()
    ]
    facts["sources"] = [{"type": "file", "path": f"{FOLDER}/{said.name}"}]
    facts["figures"] = dict(figures)
    options = {key: value for key, value in candidate.options.items() if key not in _OURS}
    facts |= {"options": options} if options else {}
    for key, value in facts.items():
        document.add(key, tomlkit.item(value))
    return tomlkit.dumps(document)


def parsed(content: str, name: str) -> Entry:
    """The entry as the catalog will read it.

    Raises:
        UsageError: it breaks the schema.
    """
    from edge_assistant_models.errors import CatalogInvalid

    try:
        return parse_entry(content.encode(), f"catalog/{name}.toml")
    except CatalogInvalid as error:
        raise UsageError(f"the entry would not be valid: {error.message}", "correct what it is made from") from None
