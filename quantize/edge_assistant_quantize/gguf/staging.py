"""A folder of unknown origin as transformers may see it: the data and the weights that were looked at, and no more."""

from __future__ import annotations

import json
from pathlib import Path

from edge_assistant_quantize.gguf import checkpoint
from edge_assistant_quantize.gguf.checkpoint import Checkpoint

# What transformers obeys in a configuration: `auto_map` names classes of code that comes along, in this folder or any
# other; `configuration_files` another configuration to be read instead, and `transformers_weights` other weights.
_OBEYED = frozenset({"auto_map", "configuration_files", "transformers_weights"})


def stage(found: Checkpoint, work: Path) -> Path:
    """A folder with links to the data of a checkpoint, and nothing in it that is code or asks for code.

    Args:
        found: the checkpoint; its weights are those that were looked at.
        work: where the folder is made, under the name of the checkpoint's own.

    Raises:
        WeightsRefused: a configuration cannot be read.
    """
    staged = work / (found.folder.resolve().name or "model")
    staged.mkdir(parents=True)
    for path in (*found.data_files(), *found.weights):
        target, table = staged / path.name, {}
        if path.name.endswith("config.json"):
            table = checkpoint.json_of(path)
        if _OBEYED & table.keys():
            target.write_text(json.dumps({key: table[key] for key in table if key not in _OBEYED}), "utf-8")
        else:
            target.symlink_to(path.resolve())
    return staged
