"""Whether an exported graph computes what the model computes: both on the same inputs, of other shapes than traced."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_quantize.errors import QuantizationFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.compute.runtime import Runtime

# The share of an output's largest value by which a graph may differ: float32 added up in another order makes some 1e-6
# a layer; a graph that has kept a shape or a mask of the example that it was traced with differs by more than 0.01.
MOST = 1e-3
# Other than optimum's example, which has batches of 2 with 16 tokens: what the trace took for constant shows
_SHAPES = {"batch_size": 3, "sequence_length": 11}
_SEED = 0


def deviations(
    model: Any,  # noqa: ANN401
    config: Any,  # noqa: ANN401
    path: Path,
    outputs: Sequence[str],
    runtime: Runtime,
) -> dict[str, float]:
    """How far a graph is from the model it was made of.

    Args:
        model: a module of torch.
        config: optimum's configuration of its export, which makes the inputs.
        path: the ONNX file.
        outputs: names of what is compared.
        runtime: runs it as the product does.

    Returns:
        For each output the largest difference as a share of its largest value.

    Raises:
        QuantizationFailed: one is further away than `MOST`, or not finite.
        ModelCorrupt: the product does not open the file.
    """
    given, expected = _expected(model, config)
    session = runtime.session(path)
    names = [item.name for item in session.get_inputs()]
    feeds = _flat(config, config.generate_dummy_inputs_for_validation(given, names))
    made = session.run(list(outputs), {name: feeds[name].numpy() for name in names})
    reference = _flat(config, expected)
    back = {new: old for old, new in config.torch_to_onnx_output_map.items()}
    wanted = [reference[back.get(name, name)].numpy() for name in outputs]
    return {name: checked(path, name, *pair) for name, *pair in zip(outputs, made, wanted, strict=True)}


def _expected(model: Any, config: Any) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401
    """Inputs, and what the model makes of them."""
    import torch

    torch.manual_seed(_SEED)
    given = config.generate_dummy_inputs(framework="pt", **_SHAPES)
    own = config.rename_ambiguous_inputs(copy.deepcopy(given))  # some models change their inputs
    with config.patch_model_for_export(model), torch.inference_mode():
        made = model(**own)
    return given, {{"past_key_values": "present"}.get(name, name): value for name, value in made.items()}


def _flat(config: Any, values: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Tensors by their names in the graph; what a model gives as lists of lists has a name for each part there."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list | tuple | dict):
            mapped = config.torch_to_onnx_output_map.get(name, name)
            found.update(config.flatten_output_collection_property(mapped, value))
        elif value is not None:
            found[name] = value
    return found


def checked(path: Path, name: str, made: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The largest difference of an output as a share of its largest value; 0 where both are 0.

    Raises:
        QuantizationFailed: it is too large, or not finite.
    """
    import numpy as np

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
