"""A real language model with fewer of its layers: its tokenizer, chat family and tensors, in a fraction of the time.

What it says makes little sense. It stands where tests are about what happens to a model and not about what it says.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_assistant_quantize.gguf import header

_LAYER = re.compile(r"blk\.(\d+)\.")
_TENSORS = 8  # where a GGUF file says how many there are


def write(model: Path, path: Path, kept: Sequence[int]) -> Path:
    """Copy a GGUF file with these of its layers only, in their order; all else stays as it is, byte by byte.

    The library's reader and writer would take a vocabulary apart and put it together again, which takes seconds.
    """
    reader = header._reader()(model)
    head = bytearray(reader.data[: reader.tensors[0].field.offset])
    (count,) = (field for name, field in reader.fields.items() if name.endswith(".block_count"))
    value = count.parts[-1]
    at = count.offset + sum(part.nbytes for part in count.parts) - value.nbytes
    head[at : at + value.nbytes] = np.full_like(value, len(kept)).tobytes()
    names, content, ours = bytearray(), bytearray(), 0
    for tensor in reader.tensors:
        layer = _LAYER.match(tensor.name)
        if layer is None or int(layer[1]) in kept:
            name = f"blk.{kept.index(int(layer[1]))}.{tensor.name[layer.end() :]}" if layer else tensor.name
            _, _, *shape_and_type, _ = tensor.field.parts
            names += struct.pack("<Q", len(name)) + name.encode() + b"".join(part.tobytes() for part in shape_and_type)
            names += struct.pack("<Q", len(content))
            content += tensor.data.tobytes()
            content += bytes(-len(content) % reader.alignment)
            ours += 1
    struct.pack_into("<Q", head, _TENSORS, ours)
    gap = bytes(-(len(head) + len(names)) % reader.alignment)
    path.write_bytes(b"".join((head, names, gap, content)))
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
