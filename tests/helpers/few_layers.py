"""A real language model with fewer of its layers: its tokenizer, chat family and tensors, in a fraction of the time.

What it says makes little sense. It stands where tests are about what happens to a model and not about what it says.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from pathlib import Path

from edge_assistant_models.headers import gguf

_LAYER = re.compile(rb"blk\.(\d+)\.")
_LAYERS = b".block_count"
_ALIGNMENT = gguf.DEFAULT_ALIGNMENT


def write(model: Path, path: Path, kept: Sequence[int]) -> Path:
    """Copy a GGUF file with these of its layers only, in their order; the types of the tensors stay.

    Its keys are copied as bytes: the package gguf takes two seconds to read and write a vocabulary.
    """
    content = model.read_bytes()
    reader = gguf._Reader(content)
    version = content[: reader.skip(8) + 8]
    tensors, keys = reader.u64(), reader.u64()
    begin = reader.position
    gguf._keys(reader, keys)
    said = bytearray(content[begin : reader.position])
    struct.pack_into("<I", said, said.index(_LAYERS) + len(_LAYERS) + 4, len(kept))  # behind its type
    copied: list[tuple[bytes, bytes, int, int]] = []  # name, dimensions and type, offset, bytes
    for _ in range(tensors):
        name = reader.text(gguf.MAX_TENSOR_NAME_BYTES, "a name")
        described = reader.position
        size = gguf._tensor_bytes(reader, name.decode())
        shape = content[described : reader.position]
        offset, layer = reader.u64(), _LAYER.match(name)
        if layer is None or int(layer[1]) in kept:
            name = b"blk.%d.%b" % (kept.index(int(layer[1])), name[layer.end() :]) if layer else name
            copied.append((name, shape, offset, size))
    data = gguf._padded(reader.position, _ALIGNMENT)
    with path.open("wb") as file:
        file.write(version + struct.pack("<QQ", len(copied), keys) + said)
        place = 0
        for name, shape, _, size in copied:
            file.write(struct.pack("<Q", len(name)) + name + shape + struct.pack("<Q", place))
            place += gguf._padded(size, _ALIGNMENT)
        for _, _, offset, size in copied:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            file.write(content[data + offset : data + offset + size])
        file.write(bytes(-file.tell() % _ALIGNMENT))
    return path


def install(home: Path, path: Path, store: Path) -> None:
    """Let commands with this home take a file written so as the first language model of the profile `test`.

    Args:
        home: of the product, still without models.
        path: of the file.
        store: has the other models.
    """
    from edge_assistant_models.portfolio import Portfolio

    (home / "models").mkdir()
    for folder in store.iterdir():
        if not folder.name.startswith("."):
            (home / "models" / folder.name).symlink_to(folder)
    (home / "catalog").mkdir()
    (home / "catalog" / "few.toml").write_text(
        'name = "few"\nrole = "language"\nlicence = "Apache-2.0"\nlicence_url = "https://example.org/licence"\n'
        'home = "https://example.org"\ndescription = "few layers"\nmemory_mib = 200\nprofiles = ["test"]\n'
        f'family = "chatml"\ncontext = 8192\n[[files]]\nkey = "model"\npath = "{path.name}"\n'
        f'bytes = {path.stat().st_size}\nsha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\n'
        f'[[sources]]\ntype = "file"\npath = "{path.parent}"\n'
    )
    Portfolio().pull(["few"])
