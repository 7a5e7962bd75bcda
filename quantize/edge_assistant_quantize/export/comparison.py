"""Whether exported graphs compute what the model computes, on inputs of other shapes than those of the trace."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant_quantize.errors import QuantizationFailed

if TYPE_CHECKING:
    from edge_assistant.compute.runtime import Runtime

# The share of an output's largest value by which a graph may differ: float32 added up in another order makes some 1e-6
# a layer; a graph that has kept a shape or a mask of the example that it was traced with differs by more than 0.01.
MOST = 1e-3
# Other than optimum's example, which has batches of 2 with 16 tokens: so what the trace took for constant shows
_SHAPES = {"batch_size": 3, "sequence_length": 11}
_SEED = 0
_BEFORE, _BEHIND = 3, 5  # tokens around a picture


def deviations(
    model: Any,  # noqa: ANN401
    config: Any,  # noqa: ANN401
    path: Path,
    outputs: Sequence[str],
    runtime: Runtime,
) -> dict[str, float]:
    """Compare a graph with its model.

    Args:
        model: a module of torch.
        config: optimum's configuration of its export, which makes the inputs.
        path: the ONNX file.
        outputs: names of the compared outputs.
        runtime: runs it as the product does.

    Returns:
        For each output the largest difference as a share of its largest value.

    Raises:
        QuantizationFailed: one is further away than `MOST`, or not finite.
        ModelCorrupt: the product does not open the file.
    """
    import torch

    torch.manual_seed(_SEED)
    given = config.generate_dummy_inputs(framework="pt", **_SHAPES)
    own = config.rename_ambiguous_inputs(copy.deepcopy(given))  # some models change their inputs
    with config.patch_model_for_export(model), torch.inference_mode():
        results = model(**own)
    expected = {{"past_key_values": "present"}.get(name, name): value for name, value in results.items()}
    session = runtime.session(path)
    names = [item.name for item in session.get_inputs()]
    feeds = _flat(config, config.generate_dummy_inputs_for_validation(given, names))
    made = session.run(list(outputs), {name: feeds[name].numpy() for name in names})
    reference = _flat(config, expected)
    back = {new: old for old, new in config.torch_to_onnx_output_map.items()}
    wanted = [reference[back.get(name, name)].numpy() for name in outputs]
    return {name: checked(path, name, *pair) for name, *pair in zip(outputs, made, wanted, strict=True)}


def _flat(config: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Tensors by their names in the graph, which has a name for each part of a list of lists."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list | tuple | dict):
            mapped = config.torch_to_onnx_output_map.get(name, name)
            found.update(config.flatten_output_collection_property(mapped, value))
        elif value is not None:
            found[name] = value
    return found


def checked(path: Path, name: str, made: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The largest difference of an output as a share of its largest value; 0 if both are 0.

    Raises:
        QuantizationFailed: it is too large, or not finite.
    """
    hint = "try another operator set: --opset; optimum may not know this variant of the architecture"
    if made.shape != wanted.shape:
        what = f"{path.name} gives {name} as {list(made.shape)} where the model gives {list(wanted.shape)}"
        raise QuantizationFailed(what, hint)
    if not np.isfinite(wanted).all():
        hint = "the weights are damaged, or the training diverged: take an earlier checkpoint"
        raise QuantizationFailed(f"the model itself computes NaN or infinity in {name}", hint)
    difference = float(np.abs(made - wanted).max(initial=0.0))
    share = difference / max(float(np.abs(wanted).max(initial=0.0)), 1e-30) if difference else 0.0
    if not share <= MOST:
        raise QuantizationFailed(f"{path.name} differs from the model by {share:.2g} of the largest {name}", hint)
    return share


def decoder_deviation(model: Any, rows: Any, pixels: Any, path: Path, runtime: Runtime) -> float:  # noqa: ANN401
    """Compare the decoder of a vision-language model with the whole model, by one picture between a few tokens.

    The graph is a decoder of texts. Some models let the places of a picture see each other in both directions, which
    such a decoder does not do: this finds them.

    Args:
        model: with the number of the image token in its configuration.
        rows: the picture's embeddings, f32 [rows, width].
        pixels: the picture, as the model takes it.
        path: the decoder's graph.
        runtime: runs it.

    Raises:
        QuantizationFailed: it is too far away, or gives NaN or infinity.
    """
    import torch

    token = getattr(model.config, "image_token_id", None)
    token = int(model.config.image_token_index if token is None else token)
    others = torch.arange(_BEFORE + _BEHIND) * 7 % min(model.get_input_embeddings().weight.shape[0], token)
    tokens = torch.cat([others[:_BEFORE], torch.full((len(rows),), token), others[_BEFORE:]])[None]
    image = tokens == token
    with torch.inference_mode():
        embedded = model.get_input_embeddings()(tokens.where(~image, 0))
        embedded[image] = rows
        whole = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        if "token_type_ids" in inspect.signature(model.forward).parameters:
            whole["token_type_ids"] = image.long()
        wanted = model(**whole, pixel_values=pixels).logits.numpy()
    try:
        return checked(path, "logits", _decoded(path, embedded.numpy(), runtime), wanted)
    except QuantizationFailed as error:
        hint = "its decoder treats pictures in a way of its own: export --part vision, and the decoder by other means"
        raise QuantizationFailed(f"of a picture and a text {error.message}", hint) from None


def _decoded(path: Path, embedded: NDArray[np.float32], runtime: Runtime) -> NDArray[np.float32]:
    """Logits of the graph with an empty past."""
    session, length = runtime.session(path), embedded.shape[1]
    feeds = {
        "inputs_embeds": embedded,
        "attention_mask": np.ones((1, length), np.int64),
        "position_ids": np.arange(length)[None],
    }
    given = session.get_inputs()
    for item in given:
        if item.name.startswith("past_key_values"):
            axes = [size if isinstance(size, int) else int(size == "batch_size") for size in item.shape]
            feeds[item.name] = np.zeros(axes, np.float32)
    (logits,) = session.run(["logits"], {item.name: feeds[item.name] for item in given})
    result: NDArray[np.float32] = logits
    return result
