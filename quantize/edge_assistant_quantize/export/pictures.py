"""The vision encoder of a vision-language model, or of a pair of encoders, as one module that a tracer can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def encoder(model: Any) -> Any:  # noqa: ANN401
    """A module from `pixel_values` f32 [pictures, channels, side, side] to what the decoder, or a comparison, takes.

    Args:
        model: of transformers, with `get_image_features`.
    """
    import torch

    class Encoder(torch.nn.Module):  # type: ignore[misc]
        """Holds the model, so that its weights are found."""

        def __init__(self, run: Callable[[Any], Any]) -> None:
            super().__init__()
            self.model = model
            self.run = run

        def forward(self, pixel_values: Any) -> Any:  # noqa: ANN401
            return self.run(pixel_values)

    inner = getattr(model, "model", model)
    if hasattr(inner, "multi_modal_projector"):
        return Encoder(lambda pixels: _projected(model, inner.multi_modal_projector, pixels)).eval()
    if takes_lists(model):
        return Encoder(_of_squares(inner, model)).eval()
    return Encoder(lambda pixels: model.get_image_features(pixel_values=pixels)).eval()


def takes_lists(model: Any) -> bool:  # noqa: ANN401
    """Whether it takes lists of pictures, f32 [batch, pictures, channels, side, side], as Idefics3 and SmolVLM do."""
    return hasattr(getattr(model, "model", model), "connector")


def reference(model: Any, pixels: Any) -> Any:  # noqa: ANN401
    """What the model itself makes of pictures, f32 [rows, width]."""
    import torch

    made = model.get_image_features(pixel_values=pixels[None] if takes_lists(model) else pixels)
    joined = made if isinstance(made, torch.Tensor) else torch.cat(list(made))
    return joined.reshape(-1, joined.shape[-1])


def _projected(model: Any, projector: Any, pixels: Any) -> Any:  # noqa: ANN401
    """What the model gives; of one that cuts it into a list by pictures, which a trace would keep, the whole."""
    import torch

    kept = []
    handle = projector.register_forward_hook(lambda module, given, made: kept.append(made))
    try:
        made = model.get_image_features(pixel_values=pixels)
    finally:
        handle.remove()
    return made if isinstance(made, torch.Tensor) else kept[-1]


def _of_squares(inner: Any, model: Any) -> Callable[[Any], Any]:  # noqa: ANN401
    """Idefics3 and SmolVLM: pictures that fill the square they were trained with, as their processors cut them.

    The model works out the places of patches picture by picture, in a loop that a trace would keep for ever. In full
    squares they are the same for all.
    """
    import torch

    vision = inner.vision_model
    side, size = vision.config.image_size, vision.config.patch_size
    count = side // size
    blank = torch.zeros(1, vision.config.num_channels, side, side)
    with torch.inference_mode():
        whole = torch.ones(1, count, count, dtype=torch.bool)
        patches = vision.embeddings.patch_embedding(blank).flatten(2).transpose(1, 2)
        places = (vision.embeddings(pixel_values=blank, patch_attention_mask=whole) - patches).clone()

    def run(pixels: Any) -> Any:  # noqa: ANN401
        patches = vision.embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
        seen = vision.encoder(inputs_embeds=patches + places)
        return inner.connector(vision.post_layernorm(seen[0]))

    return run
