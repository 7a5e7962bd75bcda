"""Whether the decoder of a vision-language model, given embeddings in order, computes what the whole model computes.

It is exported as a decoder of texts. Some models let the places of a picture see each other in both directions, which
such a decoder does not do: these are found here, by one picture between a few tokens.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_quantize.errors import QuantizationFailed
from edge_assistant_quantize.export import pictures
from edge_assistant_quantize.export.compare import checked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_assistant.compute.runtime import Runtime

_BEFORE, _BEHIND = 3, 5  # tokens around the picture


def deviation(model: Any, pixels: Any, path: Path, runtime: Runtime) -> float:  # noqa: ANN401
    """How far the decoder's graph is from the whole model, see `compare.deviations`.

    Args:
        model: with `get_image_features`, and the number of the image token in its configuration.
        pixels: one picture, f32 [1, channels, height, width].
        path: the decoder's graph.
        runtime: runs it.

    Raises:
        QuantizationFailed: it is further away than numbers are rounded, or gives what is not finite.
    """
    import torch

    with torch.inference_mode():
        rows = pictures.reference(model, pixels)
        tokens = _tokens(model, len(rows))
        image = tokens == _image_token(model)
        embedded = model.get_input_embeddings()(tokens.where(~image, 0))
        embedded[image] = rows
        whole = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        if "token_type_ids" in inspect.signature(model.forward).parameters:
            whole["token_type_ids"] = image.long()
        several = pixels[None] if pictures.takes_lists(model) else pixels
        wanted = model(**whole, pixel_values=several).logits.numpy()
    try:
        return checked(path, "logits", _decoded(path, embedded.numpy(), runtime), wanted)
    except QuantizationFailed as error:
        hint = "its decoder treats pictures in a way of its own: export --part vision, and the decoder by other means"
        raise QuantizationFailed(f"of a picture and a text {error.message}", hint) from None


def _image_token(model: Any) -> int:  # noqa: ANN401
    config = model.config
    found = getattr(config, "image_token_id", None)
    return int(config.image_token_index if found is None else found)


def _tokens(model: Any, rows: int) -> Any:  # noqa: ANN401
    """One picture between a few tokens, i64 [1, n]."""
    import torch

    count = min(model.get_input_embeddings().weight.shape[0], _image_token(model))
    others = torch.arange(_BEFORE + _BEHIND) * 7 % count
    picture = torch.full((rows,), _image_token(model))
    return torch.cat([others[:_BEFORE], picture, others[_BEFORE:]])[None]


def _decoded(path: Path, embedded: NDArray[np.float32], runtime: Runtime) -> NDArray[np.float32]:
    """Logits of the graph with nothing before."""
    import numpy as np

    session = runtime.session(path)
    length = embedded.shape[1]
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
