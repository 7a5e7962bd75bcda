"""A folder as Hugging Face and training runs leave it: config, tokenizer, safetensors; checked before use."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_assistant_models import regular
from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import InputMissing, WeightsRefused
from edge_assistant_quantize.fetching.weights import INDEX, SHARD, WHOLE, one_set, refuse_pickles

CONFIG = "config.json"
MAX_JSON_BYTES = 64 << 20  # tokenizer.json of the largest vocabulary in use has 34 MB
MAX_HEADER_BYTES = 16 << 20  # a shard of a model of 400 billion parameters has 200 kB; bounds memory to some 300 MB
FLOATS = frozenset({"F16", "BF16", "F32", "F64"})  # types of tensors; those of 8 bits have scales elsewhere

# llama.cpp's converter reads a vocabulary from any one of these
_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"), ("tekken.json",))
_DATA = ("*.json", "*.txt", "*.model", "*.jinja")
# Keys of a configuration that transformers obeys: `auto_map` names classes of code that comes along, in this folder or
# any other; `configuration_files` another configuration to read instead, `transformers_weights` other weights
_OBEYED = frozenset({"auto_map", "configuration_files", "transformers_weights"})
_OUTPUT = re.compile(r"(.*\.)?(lm_head|embed_out|output|head)\.\w+")  # the names of output layers
_AGAIN = "fetch the model again, or export it again"


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file of weights.

    Attributes:
        name: in the model.
        dtype: type of its values by safetensors' name, such as "BF16".
        shape: the outermost dimension first; () for a single value.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def values(self) -> int:
        """Number of values, at most: a word of packed weights holds eight."""
        return math.prod(self.shape) * (8 if self.name.endswith(".qweight") else 1)


@dataclass(frozen=True)
class Checkpoint:
    """The content of a folder.

    Attributes:
        folder: its path.
        config: config.json.
        architecture: the class of transformers that it was saved from, such as "LlamaForCausalLM".
        weights: the tensors of each file.
    """

    folder: Path
    config: Mapping[str, Any]
    architecture: str
    weights: Mapping[Path, tuple[StoredTensor, ...]]

    @property
    def tensors(self) -> tuple[StoredTensor, ...]:
        """Those of all files."""
        return tuple(tensor for tensors in self.weights.values() for tensor in tensors)

    @property
    def values(self) -> int:
        """Number of values of all tensors."""
        return sum(tensor.values for tensor in self.tensors)

    @property
    def largest(self) -> int:
        """Number of values of the largest tensor."""
        return max((tensor.values for tensor in self.tensors), default=0)

    @property
    def bytes(self) -> int:
        """Of all files of weights."""
        return sum(path.stat().st_size for path in self.weights)

    def check_finite(self, moved: Callable[[int], None]) -> None:
        """Search every value of 16 bits or more for NaN and infinity, a tensor at a time.

        Args:
            moved: called with the bytes that have been read.

        Raises:
            WeightsRefused: a value is NaN or infinite; the message names tensor and file.
        """
        import ml_dtypes  # noqa: F401 - numpy knows bfloat16 once it is imported
        import numpy as np
        from safetensors import safe_open

        done = 0
        for path, tensors in self.weights.items():
            with safe_open(path, "numpy") as content:
                for tensor in tensors:
                    if tensor.dtype in FLOATS:
                        values = content.get_tensor(tensor.name)
                        if not np.isfinite(values).all():
                            raise WeightsRefused(
                                f"the tensor {printable(tensor.name)} in {path.name} holds NaN or infinity",
                                "the training diverged or the export is damaged: take an earlier checkpoint",
                            )
                        done += values.nbytes
                        moved(done)
        moved(self.bytes)

    def stage(self, work: Path) -> Path:
        """Make a folder with links to the data and the checked weights, and nothing that is code or asks for code.

        Args:
            work: where the folder is made, under the name of the checkpoint's own.

        Raises:
            WeightsRefused: a configuration cannot be read.
        """
        staged = work / (self.folder.resolve().name or "model")
        staged.mkdir(parents=True)
        data = {path for pattern in _DATA for path in self.folder.glob(pattern) if path.is_file()}
        places = {tensor.name: path.name for path, tensors in self.weights.items() for tensor in tensors}
        index = {"metadata": {"total_size": self.bytes}, "weight_map": places}
        (staged / INDEX).write_text(json.dumps(index), "utf-8")  # the folder's own may lead to other files
        for path in {path for path in (*data, *self.weights) if path.name != INDEX}:
            table = json_of(path, object) if path.name.endswith("config.json") else None
            if isinstance(table, dict) and _OBEYED & table.keys():
                kept = {key: value for key, value in table.items() if key not in _OBEYED}
                (staged / path.name).write_text(json.dumps(kept), "utf-8")
            else:
                (staged / path.name).symlink_to(path.resolve())
        return staged


def read(folder: Path, *, language: bool = True) -> Checkpoint:
    """Read a folder of a model.

    Args:
        folder: with config.json and safetensors.
        language: whether it has to be a language model, with its tokenizer and output layer.

    Raises:
        InputMissing: there is no such folder, or it holds no model.
        WeightsRefused: the weights are pickled, incomplete or damaged, or the tokenizer is missing.
    """
    if not folder.is_dir():
        raise InputMissing(f"there is no folder {folder.name}", "name a folder with config.json and *.safetensors")
    names = {path.name for path in folder.iterdir() if path.is_file()}
    refuse_pickles(names, folder.name)
    if CONFIG not in names:
        raise InputMissing(f"{folder.name} holds no config.json", "name the folder that the model was exported to")
    if language and not any(names.issuperset(files) for files in _TOKENIZERS):
        hint = "copy tokenizer.json, or tokenizer.model, of the model that it was trained from into the folder"
        raise WeightsRefused(f"{folder.name} has no tokenizer", hint)
    config = json_of(folder / CONFIG)
    weights = {folder / name: _stored(folder / name) for name in _weight_files(folder, names)}
    found = Checkpoint(folder, config, _architecture(config, language=language), weights)
    if INDEX in names and folder / WHOLE not in weights:
        _check_index(found)
    if language:
        _check_output(found)
    return found


def _stored(path: Path) -> tuple[StoredTensor, ...]:
    """The tensors of a file; the library checks its header against it: types, sizes, no gaps, but takes any size.

    Raises:
        WeightsRefused: it is not a safetensors file, or contradicts itself.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with regular.opened(path) as file:
            if int.from_bytes(file.read(8), "little") > MAX_HEADER_BYTES:  # the length of the header stands before it
                raise ValueError("header too large")
        with safe_open(path, "numpy") as content:
            found = {name: content.get_slice(name) for name in content.offset_keys()}
            return tuple(StoredTensor(name, it.get_dtype(), tuple(it.get_shape())) for name, it in found.items())
    except (OSError, ValueError, SafetensorError) as error:
        reason = printable(str(error).removeprefix("Error while deserializing header: "))[:200]
        raise WeightsRefused(f"{path.name} cannot be used ({reason})", _AGAIN) from None


def json_of(path: Path, kind: type = dict) -> Any:  # noqa: ANN401 - of that kind
    """JSON from a folder of unknown origin: a table if not said otherwise.

    Raises:
        WeightsRefused: it is none, or larger than such files are.
    """
    try:
        found = json.loads(regular.read(path, MAX_JSON_BYTES))
        if isinstance(found, kind):
            return found
    except (OSError, ValueError, RecursionError):
        pass
    raise WeightsRefused(f"{path.name} cannot be read", _AGAIN)


def _weight_files(folder: Path, names: set[str]) -> list[str]:
    """The names of all files of weights.

    Raises:
        WeightsRefused, InputMissing: there is none, or a part is missing.
    """
    files = one_set(names)
    if files and (part := SHARD.fullmatch(files[0])):
        first, count = part.groups()
        wanted = {f"model-{number:0{len(first)}}-of-{count}.safetensors" for number in range(1, int(count) + 1)}
        if wanted != {*files}:
            what = f"{folder.name} holds {len(wanted.intersection(files))} of {len(wanted)} parts of the weights"
            raise WeightsRefused(what, "fetch the model again; parts that are there are not fetched again")
    if not files and any(name.startswith("adapter") for name in names):
        hint = f"merge it into its base model, or convert that to GGUF with --lora {folder.name}"
        raise WeightsRefused(f"{folder.name} is an adapter", hint)
    if not files:
        raise InputMissing(f"{folder.name} holds no model.safetensors", "name the folder that it was exported to")
    return files


def _architecture(config: Mapping[str, Any], *, language: bool) -> str:
    """What llama.cpp's converter goes by: of a language model the text part's, see conversion.get_model_architecture.

    Raises:
        WeightsRefused: nothing names one.
    """
    text = config.get("text_config")
    tables = (text if isinstance(text, dict) else {}, config)
    for table in tables if language else reversed(tables):
        named = table.get("architectures")
        if isinstance(named, list) and named and isinstance(named[0], str):
            return named[0]
    raise WeightsRefused("config.json names no architecture", 'add it: "architectures": ["LlamaForCausalLM"]')


def _check_index(found: Checkpoint) -> None:
    """Check that the parts hold all tensors that the index names; where it says that they are, is not followed.

    Raises:
        WeightsRefused: they do not, or the index cannot be read.
    """
    places = json_of(found.folder / INDEX).get("weight_map")
    if not isinstance(places, dict):
        raise WeightsRefused(f"{INDEX} says of no tensor where it is", _AGAIN)
    if lost := places.keys() - {tensor.name for tensor in found.tensors}:
        raise WeightsRefused(f"the weights lack {printable(min(lost))}, which {INDEX} names", _AGAIN)


def _check_output(found: Checkpoint) -> None:
    """Without an output layer the embedding takes its place, unless config.json says that there is one.

    Raises:
        WeightsRefused: it was lost, as by an export that takes it for tied; llama.cpp would compute without a word.
    """
    text = found.config.get("text_config")
    flags = [table.get("tie_word_embeddings") for table in (found.config, text) if isinstance(table, dict)]
    own = False in flags and True not in flags and found.architecture.endswith("ForCausalLM")
    if own and not any(_OUTPUT.fullmatch(tensor.name) for tensor in found.tensors):
        raise WeightsRefused(
            "the output layer lm_head.weight is missing, and config.json says that it is not tied to the embedding",
            'export the model again, or say "tie_word_embeddings": true where it is',
        )
