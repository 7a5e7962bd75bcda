"""Packed weights and adapters as llama.cpp's converter takes them, in its process.

The converter unpacks GPTQ. AWQ has the same integers in another order of columns and without GPTQ's offset of zero
points (AutoAWQ's packing_utils), AutoRound's files are one of both under another name. A LoRA adapter of PEFT is added
to the weights (https://arxiv.org/abs/2106.09685). Weights of four bits may keep them: they lie on a grid that a block
of ggml can hold.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_models.schema import printable
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.fetching.weights import refuse_pickles
from edge_assistant_quantize.gguf.checkpoint import json_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Blocks = NDArray[np.float32]

BITS = 4  # of a packed weight that keeps its bits
_BLOCK = 32  # values of a block of Q4_0 and Q4_1
_AWQ_PLACES = (0, 4, 1, 5, 2, 6, 3, 7)  # of eight neighbouring columns in a word of 32 bits, in nibbles
_PARTS = ("qweight", "qzeros", "scales", "g_idx")
_ADAPTER = "base_model.model."
_OTHER = ("use_dora", "fan_in_fan_out", "modules_to_save", "rank_pattern", "alpha_pattern", "trainable_token_indices")


def install(base: Any, adapter: Path | None, *, keep: bool) -> None:  # noqa: ANN401 - the module conversion.base
    """Let the converter unpack AWQ and AutoRound too, add an adapter, and keep four bits.

    Args:
        base: its module `conversion.base`.
        adapter: a folder of PEFT, or None.
        keep: whether packed weights of four bits stay so; they become F16, or what is asked for, otherwise.
    """
    unpack, forced = base.ModelBase.dequant_model, base.ModelBase.tensor_force_quant
    kept: dict[str, Any] = {}

    def unpacked(model: Any) -> None:  # noqa: ANN401 - a model of the converter
        kinds = _prepare(model, base)
        unpack(model)
        changed = set() if adapter is None else _merge(model, adapter, base)
        kept.update({name: kind for name, kind in kinds.items() if keep and name not in changed})

    def kind_of(model: Any, name: str, *more: Any) -> Any:  # noqa: ANN401 - the converter's types
        return kept.get(name) or forced(model, name, *more)

    base.ModelBase.dequant_model, base.ModelBase.tensor_force_quant = unpacked, kind_of
    if keep:
        quants = importlib.import_module("gguf.quants")
        for kind in (quants.Q4_0, quants.Q4_1):
            kind.quantize_blocks = staticmethod(partial(exactly, smallest=kind is quants.Q4_1))


def _prepare(model: Any, base: Any) -> dict[str, Any]:  # noqa: ANN401 - classes of the converter
    """Unpack AWQ, name the rest as GPTQ, and say which weights could keep their bits, in which type of ggml.

    Raises:
        WeightsRefused: they are packed in a way that is not known.
    """
    from gguf import GGMLQuantizationType

    config = model.hparams.get("quantization_config")
    method = str(config.get("quant_method", "")) if isinstance(config, dict) else ""
    layout = f"{config.get('packing_format', '')} {config.get('backend', '')}" if method else ""
    if method in {"auto-round", "intel/auto-round"}:
        other = any(table.get("bits", 16) < 16 for table in (config.get("extra_config") or {}).values())
        if other or not ("gptq" in layout or "awq" in layout):
            raise WeightsRefused("AutoRound has packed this model as is not known here", "export it as auto_gptq")
        method = "awq" if "awq" in layout else "gptq"
        config["quant_method"] = method
    if method not in {"awq", "gptq"}:
        return {}
    tensors, kinds = model.model_tensors, {}
    if method == "awq" and (config.get("bits") != BITS or str(config.get("version", "gemm")).lower() != "gemm"):
        raise WeightsRefused("this AWQ model is not packed as version GEMM with 4 bits", "export it so")
    for layer in [name.removesuffix(".qweight") for name in tensors if name.endswith(".qweight")]:
        parts = {part: tensors.get(f"{layer}.{part}") for part in _PARTS}
        if not all(parts[part] for part in _PARTS[:3]):
            raise WeightsRefused(f"{printable(layer)} lacks qzeros or scales", "fetch the model again")
        columns = parts["qweight"]().shape[0] * (1 if method == "awq" else 32 // config["bits"])
        group = columns // parts["scales"]().shape[0]
        if method == "awq":
            tensors[f"{layer}.weight"] = _lazily(base, _from_awq, *(parts[part] for part in _PARTS[:3]))
            for part in _PARTS:
                tensors.pop(f"{layer}.{part}", None)
        elif parts["g_idx"] is None:
            tensors[f"{layer}.g_idx"] = lambda columns=columns, group=group: _in_order(base, columns, group)
        if config.get("bits") == BITS and group % _BLOCK == 0 and not config.get("desc_act"):
            symmetric = method == "gptq" and config.get("sym", True)
            kinds[f"{layer}.weight"] = GGMLQuantizationType.Q4_0 if symmetric else GGMLQuantizationType.Q4_1
    if method == "awq":
        del model.hparams["quantization_config"]
    return kinds


def _in_order(base: Any, columns: int, group: int) -> Any:  # noqa: ANN401 - a tensor of the converter
    return base.LazyTorchTensor.from_eager(base.torch.arange(columns, dtype=base.torch.int32) // group)


def _lazily(base: Any, function: Callable[..., Any], *parts: Callable[[], Any]) -> Callable[[], Any]:  # noqa: ANN401
    """A tensor in floats that is computed when it is written; `parts` give the tensors that it is made of."""
    lazy = base.LazyTorchTensor

    def made() -> Any:  # noqa: ANN401 - a tensor of the converter
        given = [part() for part in parts]
        shape = function(*(lazy.meta_with_dtype_and_shape(each.dtype, each.shape) for each in given)).shape
        return lazy(meta=lazy.meta_with_dtype_and_shape(base.torch.float32, shape), args=tuple(given), func=function)

    return made


def _from_awq(qweight: Any, qzeros: Any, scales: Any) -> Any:  # noqa: ANN401 - tensors of torch
    """Weights, [outputs, inputs]: (integer - zero point) * scale.

    Args:
        qweight: eight columns of a row in a word, [inputs, outputs / 8].
        qzeros: of a group of rows likewise, [groups, outputs / 8].
        scales: [groups, outputs].
    """
    places = qweight.new_tensor([BITS * place for place in _AWQ_PLACES])

    def integers(packed: Any) -> Any:  # noqa: ANN401
        return ((packed.unsqueeze(2) >> places) & (2**BITS - 1)).reshape(packed.shape[0], -1)

    group = qweight.shape[0] // qzeros.shape[0]
    zeros, scale = (each.repeat_interleave(group, 0) for each in (integers(qzeros), scales.float()))
    return ((integers(qweight) - zeros) * scale).T


def _merge(model: Any, folder: Path, base: Any) -> set[str]:  # noqa: ANN401 - classes of the converter
    """Add an adapter to the weights; the names of those that changed.

    Raises:
        WeightsRefused: it is no plain LoRA, or one of another model.
    """
    from safetensors.torch import load_file

    refuse_pickles({path.name for path in folder.iterdir()}, folder.name)
    config, path = json_of(folder / "adapter_config.json"), folder / "adapter_model.safetensors"
    if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none" or any(map(config.get, _OTHER)):
        raise WeightsRefused(f"{folder.name} is no plain LoRA adapter", "merge it with PEFT, and save the model")
    if not path.is_file():
        raise WeightsRefused(f"{folder.name} holds no {path.name}", "name the folder that PEFT saved it to")
    given, rank = load_file(path), config["r"]
    scale = config["lora_alpha"] / (rank**0.5 if config.get("use_rslora") else rank)
    changed = set()
    for name in [key.removesuffix(".lora_A.weight") for key in given if key.endswith(".lora_A.weight")]:
        first, second = given.pop(f"{name}.lora_A.weight"), given.pop(f"{name}.lora_B.weight", None)
        weight = f"{name.removeprefix(_ADAPTER)}.weight"
        old = model.model_tensors.get(weight)
        if old is None or second is None or tuple(old().shape) != (second.shape[0], first.shape[1]):
            raise WeightsRefused(f"{folder.name} changes {printable(weight)}, which the model lacks", "name its own")
        model.model_tensors[weight] = _lazily(base, _added(scale * (second.float() @ first.float())), old)
        changed.add(weight)
    if given or not changed:
        raise WeightsRefused(f"{folder.name} is no plain LoRA adapter", "merge it with PEFT, and save the model")
    return changed


def _added(change: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - tensors of torch
    return lambda weight: weight.float() + change.to(weight.device)


def exactly(blocks: Blocks, *, smallest: bool) -> NDArray[np.uint8]:
    """Quantize blocks that lie on a grid of four bits: to Q4_0, or with the smallest value of a block to Q4_1.

    The values are the scale times whole numbers, and the scale has half precision, so a division of the largest by each
    whole number finds it. Q4_0 holds such values bit for bit; of Q4_1 the smallest value is rounded to half precision.

    Raises:
        ValueError: they do not.
    """
    import numpy as np

    low, high = (0, 2**BITS - 1) if smallest else (-(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1)
    least = blocks.min(axis=1, keepdims=True) if smallest else np.zeros((len(blocks), 1), np.float32)
    values = blocks - least
    top = np.abs(values).max(axis=1, keepdims=True)
    scale, whole = np.zeros_like(top), np.zeros_like(values)
    for steps in range(max(high, -low), 0, -1):
        one = (top / np.float32(steps)).astype(np.float16).astype(np.float32)
        near = np.rint(values / np.where(one > 0, one, 1))
        fits = ((near * one == values) & (near >= low) & (near <= high)).all(axis=1, keepdims=True)
        scale, whole = np.where(fits, one, scale), np.where(fits, near, whole)
    if not (whole * scale == values).all():
        raise ValueError("weights lie on no grid of four bits; take another precision")
    numbers = (whole - low).astype(np.uint8).reshape(len(blocks), 2, _BLOCK // 2)
    halves = [field.astype(np.float16).view(np.uint8) for field in ([scale, least] if smallest else [scale])]
    return np.concatenate([*halves, numbers[:, 0] | (numbers[:, 1] << np.uint8(BITS))], axis=1)
