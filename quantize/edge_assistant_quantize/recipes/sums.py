"""Sums of what recipes read: files, folders, data tables, and the values that steps are given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing

MAX_FILES = 100_000  # of one data set; they are all read, and a folder named by mistake could be a whole disk


def of_values(values: object) -> str:
    """One sum over whatever TOML can hold, by content and not by the order of keys.

    >>> of_values({"a": 1, "b": [2]}) == of_values({"b": [2], "a": 1})
    True
    """
    text = json.dumps(values, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_folder(folder: Path) -> str:
    """One sum over the names and contents of all files in a folder.

    Raises:
        CalibrationInvalid: it holds too many.
    """
    files = []
    for path in folder.rglob("*"):
        if path.is_file():
            files.append(path)
        if len(files) > MAX_FILES:
            hint = "name the folder of the data itself"
            raise CalibrationInvalid(f"{printable(folder.name)} holds more than {MAX_FILES:,} files", hint)
    return of_values(sorted((path.relative_to(folder).as_posix(), sha256_of(path)) for path in files))


def of_path(path: Path) -> str:
    """The sum of a file, or of a folder.

    Raises:
        InputMissing: there is neither.
    """
    if path.is_dir():
        return of_folder(path)
    if not path.is_file():
        raise InputMissing(f"there is no {printable(path.name)}", "check the paths of the recipe")
    return sha256_of(path)


def of_data(data: Mapping[str, object]) -> str:
    """The sum of a data table: the content of its path instead of the path, and what else it says.

    Raises:
        InputMissing: its path leads nowhere.
    """
    said = {key: value for key, value in data.items() if key != "path"}
    path = data.get("path")
    return of_values([said, of_path(Path(path)) if isinstance(path, str) else ""])
