"""A real language model with fewer of its layers: its tokenizer, chat family and tensors, in a fraction of the time.

What it says makes little sense. It stands where tests are about what happens to a model and not about what it says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

_LAYER = re.compile(r"blk\.(\d+)\.")
_OWN = re.compile(r"GGUF\.|general\.architecture$|.*\.block_count$")  # which the writer says, or we do
_TOKENS = {"tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "token_embd.weight", "output.weight"}


def write(model: Path, path: Path, kept: Sequence[int], tokens: int | None = None) -> Path:
    """Copy a GGUF file with these of its layers only, in their order; the types of the tensors stay.

    Args:
        model: to copy.
        path: of the copy.
        kept: numbers of the layers.
        tokens: the first of a byte-pair vocabulary, which keeps so many; by default all.
    """
    from gguf import GGUFReader, GGUFWriter

    reader = GGUFReader(model)
    architecture = reader.fields["general.architecture"].contents()
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(len(kept))
    for name, field in reader.fields.items():
        if not _OWN.match(name):
            content = field.contents()
            if name in _TOKENS:
                content = content[:tokens]
            elif tokens and name == "tokenizer.ggml.merges":
                known = set(reader.fields["tokenizer.ggml.tokens"].contents()[:tokens])
                content = [pair for pair in content if pair.replace(" ", "") in known]
            elif tokens and name.endswith(".vocab_size"):
                content = tokens
            writer.add_key_value(name, content, field.types[0], field.types[-1] if field.types[1:] else None)
    for tensor in reader.tensors:
        layer = _LAYER.match(tensor.name)
        if layer is None or int(layer[1]) in kept:
            name = f"blk.{kept.index(int(layer[1]))}.{tensor.name[layer.end() :]}" if layer else tensor.name
            data = tensor.data[:tokens] if name in _TOKENS else tensor.data
            writer.add_tensor(name, data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
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
