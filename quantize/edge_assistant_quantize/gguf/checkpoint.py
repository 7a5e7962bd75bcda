"""A folder as Hugging Face and training runs leave it: config, tokenizer, safetensors; checked before use."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import InputMissing, WeightsRefused
from edge_assistant_quantize.fetching.weights import INDEX, SHARD, is_pickled, refuse_pickles
from edge_assistant_quantize.gguf import safetensors
from edge_assistant_quantize.gguf.safetensors import StoredTensor

CONFIG = "config.json"
MAX_JSON_BYTES = 64 << 20  # tokenizer.json of the largest vocabulary in use has 34 MB

# llama.cpp's converter reads a vocabulary from any one of these
_TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"), ("tekken.json",))
_DATA = ("*.json", "*.txt", "*.model", "*.jinja")
# Keys of a configuration that transformers obeys: `auto_map` names classes of code that comes along, in this folder or
# any other; `configuration_files` another configuration to read instead, `transformers_weights` other weights
_OBEYED = frozenset({"auto_map", "configuration_files", "transformers_weights"})
_AGAIN = "fetch the model again, or export it again"


@dataclass(frozen=True)
class Checkpoint:
    """The content of a folder.

    Attributes:
        folder: its path.
        config: config.json, with how the weights are packed.
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
        """Number of values of all tensors, at most; a word of packed weights holds eight."""
        return sum(map(_values, self.tensors))

    @property
    def largest(self) -> int:
        """Number of values of the largest tensor."""
        return max(map(_values, self.tensors), default=0)

    @property
    def bytes(self) -> int:
        """Of all files of weights."""
        return sum(tensors[-1].end for tensors in self.weights.values() if tensors)

    @property
    def tied(self) -> bool:
        """Whether the output layer is the embedding, so that the files hold it once."""
        return not any(tensor.name.endswith(("lm_head.weight", "lm_head.qweight")) for tensor in self.tensors)

    def check_finite(self, moved: Callable[[int], None]) -> None:
        """Search every value for NaN and infinity; `moved` is called with the bytes that have been read.

        Raises:
            WeightsRefused: a value is NaN or infinite.
        """
        before = 0
        for path, tensors in self.weights.items():
            safetensors.check_finite(path, tensors, lambda done, before=before: moved(before + done))  # type: ignore[misc]
            before += tensors[-1].end if tensors else 0

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
        for path in (*data, *self.weights):
            own = path.name == CONFIG
            table = self.config if own else _json_value(path) if path.name.endswith("config.json") else None
            if isinstance(table, Mapping) and (own or _OBEYED & table.keys()):
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
        if is_pickled(folder.name):
            refuse_pickles([folder.name], "this model")
        raise InputMissing(f"there is no folder {folder.name}", "name a folder with config.json and *.safetensors")
    names = {path.name for path in folder.iterdir() if path.is_file()}
    refuse_pickles(names, folder.name)
    if CONFIG not in names:
        raise InputMissing(f"{folder.name} holds no config.json", "name the folder that the model was exported to")
    if language and not any(names.issuperset(files) for files in _TOKENIZERS):
        hint = "copy tokenizer.json, or tokenizer.model, of the model that it was trained from into the folder"
        raise WeightsRefused(f"{folder.name} has no tokenizer", hint)
    config = _packing(folder, json_of(folder / CONFIG))
    places = _index(folder) if INDEX in names else {}
    files = sorted(set(places.values())) or _weight_files(folder, names)
    missing = next((name for name in files if name not in names), None)
    if missing is not None:
        what = f"{printable(missing)}, one of {len(files)} parts of the weights, is missing"
        raise WeightsRefused(what, "fetch the model again; parts that are there are not fetched again")
    weights = {folder / name: safetensors.read(folder / name) for name in files}
    there = {tensor.name: path.name for path, tensors in weights.items() for tensor in tensors}
    wrong = next((name for name in {**places, **there} if places and places.get(name) != there.get(name)), None)
    if wrong is not None:
        raise WeightsRefused(f"the tensor {printable(wrong)} is not where {INDEX} says", _AGAIN)
    found = Checkpoint(folder, config, _architecture(config, language=language), weights)
    if language:
        _check_output(found)
    return found


def _values(tensor: StoredTensor) -> int:
    return tensor.values * (8 if tensor.name.endswith(".qweight") else 1)


def _packing(folder: Path, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of a checkpoint, with how it is packed if another file says so, as older tools write it.

    Raises:
        WeightsRefused: that file cannot be read.
    """
    gptq, awq = folder / "quantize_config.json", folder / "quant_config.json"
    if "quantization_config" in config or not (gptq.is_file() or awq.is_file()):
        return config
    said = json_of(gptq if gptq.is_file() else awq)
    if "w_bit" in said:
        said = {"quant_method": "awq", "bits": said["w_bit"], "group_size": said.get("q_group_size"), **said}
    return {**config, "quantization_config": {"quant_method": "gptq", **said}}


def json_of(path: Path) -> dict[str, Any]:
    """A JSON table from a folder of unknown origin.

    Raises:
        WeightsRefused: it is none, or larger than such files are.
    """
    table = _json_value(path)
    if not isinstance(table, dict):
        raise WeightsRefused(f"{path.name} cannot be read", _AGAIN)
    return table


def _json_value(path: Path) -> object:
    """Whatever JSON a file holds; raises `WeightsRefused` if none, or if it is larger than such files are."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_JSON_BYTES + 1)
        if len(content) <= MAX_JSON_BYTES:
            return json.loads(content)
    except (OSError, ValueError, RecursionError):
        pass
    raise WeightsRefused(f"{path.name} cannot be read", _AGAIN)


def _index(folder: Path) -> dict[str, str]:
    """The file of each tensor, as the index says."""
    places = json_of(folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()) or not places:
        raise WeightsRefused(f"{INDEX} says of no tensor where it is", _AGAIN)
    return places


def _weight_files(folder: Path, names: set[str]) -> list[str]:
    """The names of all files of weights without an index.

    Raises:
        WeightsRefused, InputMissing: there is none.
    """
    if "model.safetensors" in names:
        return ["model.safetensors"]
    if found := next(filter(None, map(SHARD.fullmatch, sorted(names))), None):
        first, count = found.groups()
        parts = range(1, max(int(count), 1) + 1)
        return [f"model-{part:0{len(first)}}-of-{count}.safetensors" for part in parts]
    if any(name.startswith("adapter") for name in names):
        hint = f"merge it into its base model, or convert that to GGUF with --lora {folder.name}"
        raise WeightsRefused(f"{folder.name} is an adapter", hint)
    raise InputMissing(f"{folder.name} holds no model.safetensors", "name the folder that it was exported to")


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


def _check_output(found: Checkpoint) -> None:
    """Without an output layer the embedding takes its place, unless config.json says that there is one."""
    text = found.config.get("text_config")
    flags = [table.get("tie_word_embeddings") for table in (found.config, text) if isinstance(table, dict)]
    if found.tied and False in flags and True not in flags and found.architecture.endswith("ForCausalLM"):
        raise WeightsRefused(
            "the output layer lm_head.weight is missing, and config.json says that it is not tied to the embedding",
            'export the model again, or say "tie_word_embeddings": true where it is',
        )
