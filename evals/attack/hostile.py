"""Files that are no signals and are read all the same: weights, catalog entries, archives of models, domain files.

Each has to be refused before anything comes of it; what is taken is a finding.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from edge_assistant.core.errors import EdgeAssistantError
from edge_assistant_models import entries
from edge_assistant_models.portfolio import Portfolio

_MAGIC = 0x1950A86A20F9469CFC6C  # of checkpoints before PyTorch 1.6
_ROOM = 1 << 16  # bytes behind a header, so that what it declares is not refused for the file's mere smallness
_ENTRY = """
name = {name}
role = "detector"
licence = "MIT"
licence_url = "https://example.org"
home = "https://example.org"
description = "a model"
memory_mib = 1
tested = false
[[files]]
key = "model"
path = {path}
bytes = 1
sha256 = "{sum}"
[[sources]]
type = {type}
{source}
"""


def is_accepted(how: str, words: str, folder: Path) -> bool:
    """Whether a hostile file is taken, and not refused with an error of ours.

    Args:
        how: key of `_WAYS`.
        words: what the file holds where it can.
        folder: empty; the file is written here.
    """
    try:
        _WAYS[how](words, folder)
    except EdgeAssistantError:
        return False
    return True


def _pickle(words: str, folder: Path) -> None:
    from edge_assistant_quantize.importers.pytorch import read_state

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (words,)

    path = folder / "weights.pth"
    path.write_bytes(pickle.dumps(_MAGIC, 2) + pickle.dumps(Evil(), 2) * 3)
    read_state(path)


def _gguf(strings: int, tensors: int, length: int) -> Callable[[str, Path], None]:
    """A GGUF whose header declares so many entries, tensors and characters of its first key."""

    def load(words: str, folder: Path) -> None:
        from edge_assistant_models import headers
        from edge_assistant_models.loading import held

        key = words.encode()
        path = folder / "weights.gguf"
        path.write_bytes(
            struct.pack("<4sIQQ", b"GGUF", 3, tensors, strings) + struct.pack("<Q", length) + key + bytes(_ROOM)
        )
        with held(path, headers.HeaderFormat.GGUF):
            pass

    return load


def _external(words: str, folder: Path) -> None:
    """An ONNX graph whose weights lie in a file of the attacker's choice."""
    import onnx
    from onnx import TensorProto, helper

    from edge_assistant.compute.runtime import Runtime

    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=words)
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    node = helper.make_node("Identity", ["w"], ["y"])
    model = helper.make_model(helper.make_graph([node], "g", [], [value], [weights]))
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    onnx.load(str(path), load_external_data=False)  # it is one
    Runtime(1).session(path)


def _catalog(**fields: str) -> Callable[[str, Path], None]:
    """A catalog entry one of whose values is the attack's words."""

    def load(words: str, folder: Path) -> None:
        said = {"name": "evil", "path": "model.onnx", "type": "file", "source": 'path = "incoming"'}
        said |= {key: words if value == "words" else value for key, value in fields.items()}
        quoted = {key: value if key == "source" else json.dumps(value) for key, value in said.items()}
        entries.parse(_ENTRY.format(sum="0" * 64, **quoted).encode(), "evil.toml")

    return load


def _archive(kind: bytes, *, linked: bool) -> Callable[[str, Path], None]:
    """An archive of models whose manifest is right, with a member that leads elsewhere."""

    def load(words: str, folder: Path) -> None:
        portfolio = Portfolio(folder / "models", user_catalog=folder)
        entry = portfolio.entry("silero-vad")
        files = [{"path": f.path, "bytes": f.bytes, "sha256": f.sha256} for f in entry.files]
        manifest = {"format": "edge-assistant-models/1", "models": [{"name": entry.name, "files": files}]}
        data = json.dumps(manifest).encode()
        path = folder / "models.tar"
        with tarfile.open(path, "w") as archive:
            first = tarfile.TarInfo("manifest.json")
            first.size = len(data)
            archive.addfile(first, io.BytesIO(data))
            evil = tarfile.TarInfo(f"{entry.name}/{entry.files[0].path}" if linked else words)
            evil.type, evil.linkname = kind, words
            archive.addfile(evil, io.BytesIO(b""))
        portfolio.load(path)

    return load


def _domain(words: str, folder: Path) -> None:
    from edge_assistant.reasoning.rules import domain

    path = folder / "domain.toml"
    path.write_text(words, encoding="utf-8")
    domain.load(str(path))


def _profile(words: str, folder: Path) -> None:
    Portfolio(folder / "models", user_catalog=folder).resolve(words)


def _model(words: str, folder: Path) -> None:
    Portfolio(folder / "models", user_catalog=folder).open(words)


_WAYS: Mapping[str, Callable[[str, Path], None]] = {
    "pickle": _pickle,
    "gguf of many entries": _gguf(1 << 60, 1, 8),
    "gguf of many tensors": _gguf(0, 1 << 60, 8),
    "gguf of a long key": _gguf(1, 1, 1 << 62),
    "onnx elsewhere": _external,
    "catalog name": _catalog(name="words"),
    "catalog path": _catalog(path="words"),
    "catalog source": _catalog(type="words", source=""),
    "catalog address": _catalog(type="url", source="words"),
    "archive member": _archive(tarfile.REGTYPE, linked=False),
    "archive link": _archive(tarfile.SYMTYPE, linked=True),
    "domain": _domain,
    "profile": _profile,
    "model": _model,
}
