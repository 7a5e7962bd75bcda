"""Write the lock of all weights: every file of every model of the catalog with sum, size and where it may be fetched.

The catalog pins what an importer writes by its tensors (`tensors_sha256`); the lock also has the sum of the bytes, as
the versions of onnx and numpy that it names write them, taken from the models that are installed here.

    python tools/lock_weights.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import locked

from edge_assistant_models import entries
from edge_assistant_models.entries import Entry
from edge_assistant_models.paths import models_dir
from edge_assistant_models.sources import DownloadSource, FileSpec
from edge_assistant_models.store import Store

LOCK = locked.FOLDER / "weights.json"
WRITERS = ("onnx", "numpy")  # what the bytes of an imported file depend on, besides this checkout

Sums = Mapping[str, Mapping[str, str]]  # of bytes, by model and path


def places(source: DownloadSource, file: FileSpec) -> list[str]:
    """Where exactly a source has a file; several where it lies there in parts."""
    return list(source.places.get(file.key, (source.label,)))


def row(entry: Entry, file: FileSpec, written: Mapping[str, str]) -> dict[str, Any]:
    """What the lock says of a file of a model; `written` are sums of what an importer wrote."""
    said: dict[str, Any] = {"path": file.path, "bytes": file.bytes, "sha256": file.sha256 or written.get(file.path)}
    if file.tensors_sha256:
        said["tensors_sha256"] = file.tensors_sha256
    if file in entry.fetched:
        said["sources"] = [places(source, file) for source in entry.sources if source.offers(file)]
    if entry.mirror and file in entry.mirror.files:
        said["sources"] = [places(source, file) for source in entry.mirror.sources if source.offers(file)]
    return said


def lock(written: Sums, with_versions: Mapping[str, str]) -> dict[str, Any]:
    """The whole lock, of the catalog that comes with the product.

    Args:
        written: the sums of what importers wrote.
        with_versions: the versions of `WRITERS` that they ran with.
    """
    models: dict[str, dict[str, Any]] = {}
    for name, entry in sorted(entries.load().items()):
        files = [row(entry, file, written.get(name, {})) for file in entry.files]
        models[name] = {"licence": entry.licence, "files": files}
        if entry.importer:
            models[name] |= {
                "importer": entry.importer.name,
                "fetched": [row(entry, file, {}) for file in entry.fetched],
            }
        if entry.mirror:
            models[name]["mirror"] = [row(entry, file, {}) for file in entry.mirror.files]
    return {"written_with": dict(with_versions), "models": models}


def installed(store: Store) -> Sums:
    """The sums of what importers wrote into a store."""
    found = {}
    for name, entry in entries.load().items():
        sums = store.sums(entry)
        found[name] = {file.path: sums[file.key] for file in entry.files if file.tensors_sha256 and file.key in sums}
    return found


def recorded(known: Mapping[str, Any]) -> Sums:
    """The sums of what importers wrote that a lock has, of files whose pin is still the catalog's."""
    pins = {(name, file.path): file.tensors_sha256 for name, entry in entries.load().items() for file in entry.files}
    return {
        name: {
            line["path"]: line["sha256"]
            for line in model["files"]
            if "tensors_sha256" in line and line["tensors_sha256"] == pins.get((name, line["path"]))
        }
        for name, model in known["models"].items()
    }


def main() -> int:
    """Take over what is known, add what is installed, and write."""
    known = json.loads(LOCK.read_text("utf-8")) if LOCK.exists() else {"written_with": {}, "models": {}}
    before, here = recorded(known), installed(Store(models_dir()))
    written = {name: {**before.get(name, {}), **here[name]} for name in here}
    unchanged = all(before.get(name, {}) == sums for name, sums in written.items())
    versions = known["written_with"] if unchanged else {writer: version(writer) for writer in WRITERS}
    lacking = [
        f"{name}: {line['path']}"
        for name, model in lock(written, versions)["models"].items()
        for line in model["files"]
        if "tensors_sha256" in line and not line["sha256"]
    ]
    if lacking:
        print(f"error: no sum is known of {', '.join(lacking)} - pull these models first", file=sys.stderr)
        return 1
    LOCK.write_text(json.dumps(lock(written, versions), indent=1) + "\n", "utf-8")
    print(f"{LOCK.relative_to(locked.ROOT)}: {len(written)} models")
    return 0


if __name__ == "__main__":
    sys.exit(main())
