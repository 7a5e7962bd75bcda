"""A vision-language model in three files, as transformers.js and the ONNX community lay it out.

optimum-onnx has no exporter for the whole, and a device wants the parts: the vision encoder runs once a picture, the
decoder once a token. Pictures and texts meet as embeddings:

- `vision_encoder.onnx`: `pixel_values` f32 [pictures, 3, height, width] -> `image_features` f32, rows of the
  decoder's width for the places of the image token.
- `embed_tokens.onnx`: `input_ids` i64 [batch, n] -> `inputs_embeds` f32 [batch, n, width].
- `decoder_model.onnx`: `inputs_embeds`, `attention_mask`, `past_key_values.*` -> `logits`, `present.*`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.errors import QuantizationFailed, UsageError
from edge_assistant_quantize.export import Done, trace
from edge_assistant_quantize.export.trace import SEED, Target, checked

_OPSET = 18  # what optimum takes for the decoders of such models
_BEFORE, _BEHIND = 3, 5  # tokens around a picture


def is_one(model: Any) -> bool:  # noqa: ANN401
    """Whether a decoder reads the output of a vision encoder, so that there are both."""
    return hasattr(model, "get_image_features") and hasattr(model, "lm_head")


def vision(model: Any, target: Target) -> Done:  # noqa: ANN401
    """Export what turns pictures into rows for the decoder; `model` may also be a pair of encoders such as CLIP.

    Raises:
        UsageError: the model has no vision encoder.
        ModelTooLarge, QuantizationFailed: see `trace.whole`.
    """
    import torch

    sizes = getattr(model.config, "vision_config", None)
    if sizes is None or not hasattr(model, "get_image_features"):
        raise UsageError(f"{type(model).__name__} has no vision encoder beside another part", "leave --part out")
    target.stage("exporting the vision encoder")
    torch.manual_seed(SEED)
    pictures, others = (_pictures(sizes, count) for count in (2, 3))
    wanted = _features(model, others).numpy()
    path, opset, encoder = target.output / "vision_encoder.onnx", target.opset or _OPSET, _encoder(model)
    trace.check_size(path.stem, encoder)
    given, made = "pixel_values", "image_features"
    names = {
        "input_names": [given],
        "output_names": [made],
        "dynamic_axes": {each: {0: "pictures"} for each in (given, made)},
    }
    with torch.inference_mode():
        torch.onnx.export(encoder, (pictures,), path.as_posix(), **names, opset_version=opset, dynamo=False)
    rows = target.runtime.session(path).run([made], {given: others.numpy()})[0]
    share = checked(path, made, rows.reshape(-1, rows.shape[-1]), wanted)
    return Done("image-feature-extraction", type(model).__name__, opset, [path.name], "", {path.name: {made: share}})


def decoder(model: Any, target: Target) -> Done:  # noqa: ANN401
    """Export the table of token embeddings and the decoder that reads embeddings.

    Raises:
        WeightsRefused, ModelTooLarge, QuantizationFailed: see `trace.whole`.
    """
    done = trace.whole(_decoder_of(model), "text-generation-with-past", target)
    table, graph = _parted(target.output / done.files[0])
    target.stage("comparing with the whole model")
    tokens, embedded, wanted = _seen(model)
    (said,) = done.deviations.values()
    try:
        whole = checked(graph, "logits", _decoded(graph, embedded, target.runtime), wanted)
    except QuantizationFailed as error:
        hint = "its decoder treats pictures in a way of its own: export --part vision, and the decoder by other means"
        raise QuantizationFailed(f"of a picture and a text {error.message}", hint) from None
    (made,) = target.runtime.session(table).run(None, {"input_ids": tokens.numpy()})
    found = checked(table, "inputs_embeds", made, model.get_input_embeddings()(tokens).detach().numpy())
    deviations = {table.name: {"inputs_embeds": found}, graph.name: {**said, "logits of a picture": whole}}
    return replace(done, architecture=type(model).__name__, files=list(deviations), deviations=deviations)


def _decoder_of(model: Any) -> Any:  # noqa: ANN401
    """The text decoder as a causal language model of its own, which shares its weights."""
    import torch
    from transformers import AutoModelForCausalLM

    base = model.model
    inner = base.language_model if hasattr(base, "language_model") else base.text_model
    with torch.device("meta"):  # weights of its own are not wanted
        text = AutoModelForCausalLM.from_config(inner.config)
    (place,) = (name for name, part in text.named_children() if type(part) is type(inner))
    setattr(text, place, inner)
    text.lm_head = model.lm_head
    return text.eval()


def _parted(path: Path) -> tuple[Path, Path]:
    """Cut a decoder's graph behind its table of embeddings; the two files of this take its place."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    sizes = {weight.name: weight.dims for weight in graph.initializer}
    cuts = [node for node in graph.node if node.op_type == "Gather" and node.input[1] == "input_ids"]
    if len(cuts) != 1 or cuts[0].input[0] not in sizes:
        raise QuantizationFailed(f"{path.name} looks tokens up in no single table", "export --part vision alone")
    (cut,), embedded = cuts, "inputs_embeds"
    old, cut.output[0] = cut.output[0], embedded
    for node in graph.node:
        node.input[:] = [embedded if name == old else name for name in node.input]
    shape = ["batch_size", "sequence_length", sizes[cut.input[0]][1]]
    graph.value_info.append(onnx.helper.make_tensor_value_info(embedded, onnx.TensorProto.FLOAT, shape))
    inputs = [embedded if item.name == "input_ids" else item.name for item in graph.input]
    parts, outputs = onnx.utils.Extractor(model), [item.name for item in graph.output]
    table, rest = (path.with_name(f"{name}.onnx") for name in ("embed_tokens", "decoder_model"))
    onnx.save(parts.extract_model(["input_ids"], [embedded]), table)
    onnx.save(parts.extract_model(inputs, outputs), rest)
    path.unlink()
    return table, rest


def _seen(model: Any) -> tuple[Any, NDArray[np.float32], NDArray[np.float32]]:  # noqa: ANN401
    """A picture between a few tokens: i64 [1, n], what the decoder reads of them, and the whole model's logits.

    The graph is a decoder of texts. Some models let the places of a picture see each other in both directions, which
    such a decoder does not do: the logits show them.
    """
    import torch

    pixels = _pictures(model.config.vision_config, 1)
    rows = _features(model, pixels)
    token = getattr(model.config, "image_token_id", None)
    token = int(model.config.image_token_index if token is None else token)
    table = model.get_input_embeddings()
    others = torch.arange(_BEFORE + _BEHIND) * 7 % min(table.weight.shape[0], token)
    tokens = torch.cat([others[:_BEFORE], torch.full((len(rows),), token), others[_BEFORE:]])[None]
    image = tokens == token
    with torch.inference_mode():
        embedded = table(tokens.where(~image, 0))
        embedded[image] = rows
        whole = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        if "token_type_ids" in inspect.signature(model.forward).parameters:
            whole["token_type_ids"] = image.long()
        logits = model(**whole, pixel_values=_as_taken(model, pixels)).logits
    return tokens.where(~image, 0), embedded.numpy(), logits.numpy()


def _decoded(path: Path, embedded: NDArray[np.float32], runtime: Runtime) -> NDArray[np.float32]:
    """Logits of the graph with an empty past."""
    session, length = runtime.session(path), embedded.shape[1]
    feeds = {"attention_mask": np.ones((1, length), np.int64), "position_ids": np.arange(length)[None]}
    for item in session.get_inputs():
        if item.name.startswith("past_key_values"):
            axes = [size if isinstance(size, int) else int(size == "batch_size") for size in item.shape]
            feeds[item.name] = np.zeros(axes, np.float32)
    wanted = {item.name: {**feeds, "inputs_embeds": embedded}[item.name] for item in session.get_inputs()}
    logits: NDArray[np.float32] = session.run(["logits"], wanted)[0]
    return logits


def _pictures(sizes: Any, count: int) -> Any:  # noqa: ANN401
    """Noise in the size that a vision encoder takes."""
    import torch

    side = sizes.image_size
    high, wide = side if isinstance(side, list | tuple) else (side, side)
    return torch.randn(count, getattr(sizes, "num_channels", 3), high, wide)


def _as_taken(model: Any, pixels: Any) -> Any:  # noqa: ANN401
    """Pictures as the model takes them: Idefics3 and SmolVLM in lists, f32 [batch, pictures, channels, side, side]."""
    return pixels[None] if hasattr(getattr(model, "model", model), "connector") else pixels


def _features(model: Any, pixels: Any) -> Any:  # noqa: ANN401
    """The model's own rows of pictures, f32 [rows, width]."""
    import torch

    with torch.inference_mode():
        made = model.get_image_features(pixel_values=_as_taken(model, pixels))
        joined = made if isinstance(made, torch.Tensor) else torch.cat(list(made))
        return joined.reshape(-1, joined.shape[-1])


def _encoder(model: Any) -> Any:  # noqa: ANN401
    """A module from `pixel_values` f32 [pictures, channels, side, side] to rows, which a tracer can follow."""
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
    if hasattr(inner, "connector"):
        return Encoder(_of_squares(inner)).eval()
    return Encoder(lambda pixels: model.get_image_features(pixel_values=pixels)).eval()


def _projected(model: Any, projector: Any, pixels: Any) -> Any:  # noqa: ANN401
    """The model's rows; the whole of those that it cuts into a list by pictures, which a trace would keep."""
    import torch

    kept = []
    handle = projector.register_forward_hook(lambda module, given, made: kept.append(made))
    try:
        made = model.get_image_features(pixel_values=pixels)
    finally:
        handle.remove()
    return made if isinstance(made, torch.Tensor) else kept[-1]


def _of_squares(inner: Any) -> Callable[[Any], Any]:  # noqa: ANN401
    """Idefics3 and SmolVLM: pictures that fill the square they were trained with, as their processors cut them.

    The model works out the places of patches picture by picture, in a loop that a trace would keep for ever. In full
    squares they are the same for all.
    """
    import torch

    vision = inner.vision_model
    side = vision.config.image_size
    count = side // vision.config.patch_size
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
