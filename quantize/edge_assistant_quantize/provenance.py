"""Everything that tensors depend on: checksums of inputs, versions of libraries, the machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

from edge_assistant import __version__
from edge_assistant.core.signals import printable
from edge_assistant.storage.atomic import storing
from edge_assistant_models.machine import Machine
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing
from edge_assistant_quantize.room import check_disk, of_kernel

MAX_FILES = 100_000  # of one data set; all are read, and a folder named by mistake could be a whole disk
RUNTIMES = ("llama-cpp-python", "numpy", "onnxruntime")  # run models; another version gives other results


def sum_of_values(values: object) -> str:
    """One sha256 over anything that TOML can hold, by content and not by the order of keys.

    >>> sum_of_values({"a": 1, "b": [2]}) == sum_of_values({"b": [2], "a": 1})
    True
    """
    text = json.dumps(values, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sum_of_path(path: Path) -> str:
    """The sha256 of a file, or of the names and contents of all files in a folder.

    Raises:
        InputMissing: there is neither.
        CalibrationInvalid: the folder holds too many files.
    """
    if path.is_file():
        return sha256_of(path)
    return sum_of_values(sorted((each.relative_to(path).as_posix(), sha256_of(each)) for each in _files(path)))


def _files(path: Path) -> Iterator[Path]:
    """All files in a folder, or a file alone.

    Raises:
        InputMissing, CalibrationInvalid: see `sum_of_path`.
    """
    if not path.exists():
        raise InputMissing(f"there is no {printable(path.name)}", "name what is there")
    found = (Path(folder, name) for folder, _, names in os.walk(path, followlinks=True) for name in names)
    for number, each in enumerate(filter(Path.is_file, found if path.is_dir() else [path])):
        if number == MAX_FILES:
            hint = "name the folder of the data itself"
            raise CalibrationInvalid(f"{printable(path.name)} holds more than {MAX_FILES:,} files", hint)
        yield each


@contextmanager
def copies(tables: Mapping[str, Mapping[str, object]]) -> Iterator[dict[str, dict[str, object]]]:
    """Data tables whose paths lead to copies that nobody else can enter, so that what is hashed is what is measured.

    Raises:
        InputMissing, CalibrationInvalid: see `sum_of_path`.
        StorageFull: the temporary folder has no room.
    """
    copied, places = {name: dict(table) for name, table in tables.items()}, dict[str | Path, str]()
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as folder:
        with storing("the copy of the data", "free some space, or name another folder in TMPDIR"):
            for table in copied.values():
                path = table.get("path")
                if isinstance(path, str | Path) and str(path):
                    if path not in places:
                        places[path] = str(_copied(Path(path), Path(folder, str(len(places)))))
                    table["path"] = places[path]
        yield copied


def _copied(path: Path, folder: Path) -> Path:
    """A file or folder, copied into a folder under its own name; links are followed."""
    named = path.resolve() if path.name == ".." else path.absolute()
    copy = folder / named.name
    (copy if path.is_dir() else folder).mkdir(parents=True)
    files = list(_files(path))
    check_disk(f"a copy of {printable(copy.name)}", sum(each.stat().st_size for each in files), folder)
    for each in files:
        target = copy / each.relative_to(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(each, target)
    return copy


def sum_of_data(data: Mapping[str, object]) -> str:
    """The sha256 of a data table, with the content of its path in place of the path.

    Raises:
        InputMissing, CalibrationInvalid: see `sum_of_path`.
    """
    options = {key: value for key, value in data.items() if key != "path"}
    path = data.get("path")
    return sum_of_values([options, sum_of_path(Path(path)) if isinstance(path, str | Path) else ""])


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """The versions of distributions, and of this program."""
    return {"edge-quantize": __version__} | {name: _version(name) for name in sorted(set(libraries))}


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def processor() -> str:
    """The name of the processor, by which libraries choose kernels; each adds numbers up in another order."""
    return of_kernel("cpuinfo", "model name") or platform.processor() or platform.machine()


def machine() -> dict[str, str]:
    """This machine for people: processor, architecture, cores, memory, system."""
    facts = Machine.detect()
    return {
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": str(facts.cores),
        "memory": mebibytes(facts.memory_bytes),
        "system": f"{platform.system()} {platform.release()}",
    }
