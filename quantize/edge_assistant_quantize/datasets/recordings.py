"""Recordings whose words are known: *.wav with *.txt beside, or scenarios whose signals have `said`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.core.errors import UsageError
from edge_assistant_models.schema import is_inside


@dataclass(frozen=True, slots=True)
class LabelledRecording:
    """A recording and the words in it."""

    path: Path
    said: str


def corpus(folder: Path) -> list[LabelledRecording]:
    """The recordings of a folder in the order of their names.

    Raises:
        UsageError: the folder holds none whose words are known.
    """
    found = [
        LabelledRecording(path.with_suffix(".wav"), path.read_text("utf-8")) for path in sorted(folder.glob("*.txt"))
    ]
    for path in sorted(folder.glob("*/scenario.toml")):
        said = [one for one in tomllib.loads(path.read_text("utf-8")).get("signals", []) if "said" in one]
        if not all(is_inside(str(one["file"])) for one in said):
            what = f"a recording of {path.parent.name} is outside its folder"
            raise UsageError(what, "put it there, or correct 'file'")
        found += [LabelledRecording(path.parent / one["file"], str(one["said"])) for one in said]
    found = [spoken for spoken in found if spoken.path.is_file()]
    if not found:
        raise UsageError(f"{folder.name} holds no recordings with their words", "name a folder of *.wav with *.txt")
    return found
