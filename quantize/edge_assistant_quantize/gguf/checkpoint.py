"""A folder as Hugging Face and training runs leave it: config, tokenizer, safetensors; looked at before it is used."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import InputMissing, WeightsRefused
from edge_assistant_quantize.fetching.weights import INDEX, SHARD, is_pickled, refuse_pickles
from edge_assistant_quantize.gguf import safetensors
from edge_assistant_quantize.gguf.safetensors import Tensor

MAX_JSON_BYTES = 64 << 20  # tokenizer.json of the largest vocabulary in use has 34 MB

# What llama.cpp's converter can read a vocabulary from: any one of these
_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"), ("tekken.json",))
_DATA = ("*.json", "*.txt", "*.model", "*.jinja")


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds.

    Attributes:
        folder: where it lies.
        config: config.json.
        architecture: the class of transformers that it was saved from, such as "LlamaForCausalLM".
        weights: the tensors of each file.
    """

    folder: Path
    config: Mapping[str, Any]
    architecture: str
    weights: Mapping[Path, tuple[Tensor, ...]]

    @cached_property
    def tensors(self) -> tuple[Tensor, ...]:
        """Those of all files."""
        return tuple(tensor for tensors in self.weights.values() for tensor in tensors)

    @property
    def values(self) -> int:
        """How many values all tensors have."""
        return sum(tensor.values for tensor in self.tensors)

    @property
    def largest(self) -> int:
        """How many values the largest tensor has."""
        return max((tensor.values for tensor in self.tensors), default=0)

    @property
    def bytes(self) -> int:
        """Of all files of weights."""
        return sum(tensors[-1].end for tensors in self.weights.values() if tensors)

    @property
    def tied(self) -> bool:
        """Whether the output layer is the embedding, so that it stands in the files once."""
        return not any(tensor.name.endswith("lm_head.weight") for tensor in self.tensors)

    def data_files(self) -> list[Path]:
        """The files beside the weights that a converter may read: data, and nothing that is code."""
        return sorted({path for pattern in _DATA for path in self.folder.glob(pattern) if path.is_file()})

    def check_finite(self, moved: Callable[[int], None]) -> None:
        """Look at every value; `moved` is called with the bytes that have been looked at.

        Raises:
            WeightsRefused: a value is NaN or infinite.
        """
        before = 0
        for path, tensors in self.weights.items():
            safetensors.check_finite(path, tensors, lambda done, before=before: moved(before + done))  # type: ignore[misc]
            before += tensors[-1].end if tensors else 0


def read(folder: Path, *, language: bool = True) -> Checkpoint:
    """What a folder of a model holds.

    Args:
        folder: config.json and safetensors.
        language: whether it has to be a language model, with its tokenizer and output layer.

    Raises:
        InputMissing: there is no such folder, or it holds no model.
        WeightsRefused: the weights are pickled, incomplete or damaged, or the tokenizer is missing.
    """
    if not folder.is_dir():
        if is_pickled(folder.name):
            refuse_pickles([folder.name], "this model")
        raise InputMissing(f"there is no folder {folder.name}", "name a folder with config.json and *.safetensors")
    names = {path.name for path in folder.iterdir() if path.is_file()}
    refuse_pickles(names, folder.name)
    if "config.json" not in names:
        raise InputMissing(f"{folder.name} holds no config.json", "name the folder that the model was exported to")
    if language and not any(names.issuperset(files) for files in _TOKENIZERS):
        hint = "copy tokenizer.json, or tokenizer.model, of the model that it was trained from into the folder"
        raise WeightsRefused(f"{folder.name} has no tokenizer", hint)
    config = json_of(folder / "config.json")
    weights = {path: safetensors.read(path) for path in _weight_files(folder, names)}
    found = Checkpoint(folder, config, _architecture(config), weights)
    if language:
        _check_output(found)
    return found


def json_of(path: Path) -> dict[str, Any]:
    """A table of JSON in a folder of unknown origin.

    Raises:
        WeightsRefused: it is none, or larger than such files are.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_JSON_BYTES + 1)
        table = json.loads(content) if len(content) <= MAX_JSON_BYTES else None
    except (OSError, ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise WeightsRefused(f"{path.name} cannot be read", "fetch the model again, or export it again")
    return table


def _weight_files(folder: Path, names: set[str]) -> list[Path]:
    """The files of weights, all of them.

    Raises:
        WeightsRefused: one is missing.
        InputMissing: there is none.
    """
    if INDEX in names:
        return _indexed(folder, names)
    shards = sorted(name for name in names if SHARD.fullmatch(name))
    if "model.safetensors" in names:
        return [folder / "model.safetensors"]
    if not shards:
        other = sorted(name for name in names if name.endswith(".safetensors"))
        if "adapter_config.json" in names or any(name.startswith("adapter") for name in other):
            raise WeightsRefused(f"{folder.name} is an adapter", "merge it into its base model first, and save that")
        raise InputMissing(f"{folder.name} holds no model.safetensors", "name the folder that it was exported to")
    match = SHARD.fullmatch(shards[0])
    parts = int(match[2]) if match else 0
    if len(shards) != parts:
        raise WeightsRefused(f"{folder.name} has {len(shards)} of {parts} parts of its weights", _MISSING)
    return [folder / name for name in shards]


_MISSING = "fetch the model again; parts that are there are not fetched again"


def _indexed(folder: Path, names: set[str]) -> list[Path]:
    """The files that the index names; each tensor has to be in the file that it is said to be in."""
    places = json_of(folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()) or not places:
        raise WeightsRefused(f"{INDEX} says of no tensor where it is", "fetch the model again, or export it again")
    files = sorted(set(places.values()))
    missing = next((name for name in files if name not in names), None)
    if missing is not None:
        raise WeightsRefused(f"{printable(missing)}, one of {len(files)} parts of the weights, is missing", _MISSING)
    there = {tensor.name: name for name in files for tensor in safetensors.read(folder / name)}
    wrong = next((name for name in {**places, **there} if places.get(name) != there.get(name)), None)
    if wrong is not None:
        what = f"the tensor {printable(wrong)} is not where {INDEX} says"
        raise WeightsRefused(what, "fetch the model again, or export it again")
    return [folder / name for name in files]


def _architecture(config: Mapping[str, Any]) -> str:
    """What llama.cpp's converter goes by: the text part's where there is one; see conversion.get_model_architecture."""
    text = config.get("text_config")
    for table in (text if isinstance(text, dict) else {}, config):
        named = table.get("architectures")
        if isinstance(named, list) and named and isinstance(named[0], str):
            return named[0]
    raise WeightsRefused("config.json names no architecture", 'add it: "architectures": ["LlamaForCausalLM"]')


def _check_output(found: Checkpoint) -> None:
    """Without an output layer the embedding takes its place, unless the model says that it has one of its own."""
    text = found.config.get("text_config")
    flags = [table.get("tie_word_embeddings") for table in (found.config, text) if isinstance(table, dict)]
    if found.tied and False in flags and True not in flags and found.architecture.endswith("ForCausalLM"):
        raise WeightsRefused(
            "the output layer lm_head.weight is missing, and config.json says that it is not tied to the embedding",
            'export the model again, or say "tie_word_embeddings": true where it is',
        )


def known_architectures(converter: Path) -> frozenset[str]:
    """What llama.cpp's converter converts to a language model: the table in its source, which is read and not run.

    Args:
        converter: the folder of `fetching.llama.source`.

    Raises:
        WeightsRefused: the table is not where it was in the versions that are pinned.
    """
    tree = ast.parse((converter / "conversion" / "__init__.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "TEXT_MODEL_MAP" and node.value is not None:
            return frozenset(ast.literal_eval(node.value))
    raise WeightsRefused("llama.cpp's converter has no table of architectures", "please report it")


def check_architecture(found: Checkpoint, known: frozenset[str]) -> None:
    """Look whether the converter knows it.

    Raises:
        WeightsRefused: it does not; the message names those that are known and called alike.
    """
    if found.architecture in known:
        return
    usual = ("Llama", "Qwen2", "Qwen3", "SmolLM3", "Gemma3", "Mistral", "Phi3", "Granite", "Olmo2")
    named = ", ".join(name for name in (f"{family}ForCausalLM" for family in usual) if name in known)
    raise WeightsRefused(
        f"llama.cpp's converter does not know the architecture {printable(found.architecture)}",
        f"it knows {len(known)}, among them {named}",
    )
