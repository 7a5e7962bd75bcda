"""EfficientNet-Lite0 for ImageNet-1k from a PyTorch checkpoint.

The network (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite): EfficientNet-B0 without
squeeze-and-excitation, with ReLU6 and TensorFlow's padding. Batch normalisation is folded into the convolutions before
it, and the weights are stored in half precision. The class names are those of torchvision (BSD-3-Clause), in
`imagenet_labels.txt`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.importers.onnx_graph import Builder
from edge_assistant_quantize.importers.pytorch import read_state

State = Mapping[str, np.ndarray]

INPUTS = ("checkpoint",)
SIDE = 224
CLASSES = 1_000
_EPSILON = 1e-3  # of batch normalisation, as TensorFlow's models have it
_MEAN, _DEVIATION = 127.0, 128.0  # of all three channels, as these weights were trained
_STRIDE_2 = frozenset({1, 3, 5, 11})  # blocks that halve the resolution
_BLOCKS = 16


def convert(inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
    """Write `model.onnx`: image uint8 [1, 224, 224, 3] RGB to probabilities f32 [1, 1000]; and `labels.txt`.

    Args:
        inputs: `checkpoint` (.pth).
        output: an existing folder.
        quantization: of what it writes, by name.

    Raises:
        ModelCorrupt: the checkpoint is damaged or of another network.
        CatalogInvalid: there is no such quantization of it.
    """
    from onnx import TensorProto, helper

    source = inputs["checkpoint"]
    state = read_state(source)
    builder = Builder()
    try:
        _network(builder, state)
    except (LookupError, ValueError) as error:
        raise ModelCorrupt(
            f"{source.name} is not EfficientNet-Lite0 ({error})", "get the model's files again"
        ) from error
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, SIDE, SIDE, 3])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, CLASSES])
    builder.write(output / "model.onnx", "efficientnet_lite0", [image], [probabilities])
    quantizations.apply(quantization, output)
    labels = resources.files("edge_assistant_quantize.importers") / "imagenet_labels.txt"
    with resources.as_file(labels) as path:
        shutil.copyfile(path, output / "labels.txt")


def _network(builder: Builder, state: State) -> None:
    x = _convolve(builder, state, _normalised(builder), "_conv_stem", "_bn0", stride=2)
    for number in range(_BLOCKS):
        x = _block(builder, state, x, f"_blocks.{number}", 2 if number in _STRIDE_2 else 1)
    x = _convolve(builder, state, x, "_conv_head", "_bn1")
    (x,) = builder.emit("GlobalAveragePool", [x], "pooled")
    (x,) = builder.emit("Flatten", [x], "features")
    weight, bias = state["_fc.weight"], state["_fc.bias"]
    names = [builder.constant(weight.astype(np.float16), "fc/weight"), builder.constant(bias, "fc/bias")]
    (x,) = builder.emit("Gemm", [x, *names], "logits", transB=1)
    builder.emit("Softmax", [x], "probabilities", axis=1)


def _normalised(builder: Builder) -> str:
    from onnx import TensorProto

    (x,) = builder.emit("Cast", ["image"], "image/float32", to=TensorProto.FLOAT)
    mean = builder.constant(np.array(_MEAN, np.float32), "image/mean")
    deviation = builder.constant(np.array(_DEVIATION, np.float32), "image/deviation")
    (x,) = builder.emit("Sub", [x, mean], "image/centred")
    (x,) = builder.emit("Div", [x, deviation], "image/normalised")
    return builder.emit("Transpose", [x], "image/channels_first", perm=[0, 3, 1, 2])[0]


def _block(builder: Builder, state: State, x: str, name: str, stride: int) -> str:
    """An inverted residual block: expand, filter each channel, project; the first block does not expand."""
    y = x
    if f"{name}._expand_conv.weight" in state:
        y = _convolve(builder, state, y, f"{name}._expand_conv", f"{name}._bn0")
    y = _convolve(builder, state, y, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
    y = _convolve(builder, state, y, f"{name}._project_conv", f"{name}._bn2", activation=False)
    channels_in = state.get(f"{name}._expand_conv.weight", state[f"{name}._depthwise_conv.weight"]).shape[1]
    if stride == 1 and channels_in == state[f"{name}._project_conv.weight"].shape[0]:
        (y,) = builder.emit("Add", [x, y], f"{name}/sum")
    return y


def _convolve(
    builder: Builder, state: State, x: str, name: str, norm: str, *, stride: int = 1, activation: bool = True
) -> str:
    """A convolution with its batch normalisation folded in, and ReLU6 unless it projects."""
    kernel = state[f"{name}.weight"].astype(np.float64)
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"].astype(np.float64) + _EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    weights = [
        builder.constant((kernel * scale[:, None, None, None]).astype(np.float16), f"{name}/kernel"),
        builder.constant(bias.astype(np.float32), f"{name}/bias"),
    ]
    group = kernel.shape[0] if "depthwise" in name else 1
    (y,) = builder.emit(
        "Conv", [x, *weights], f"{name}/conv", strides=[stride, stride], auto_pad="SAME_UPPER", group=group
    )
    if activation:
        limits = [builder.constant(np.array(v, np.float32), f"{name}/limit{v:.0f}") for v in (0.0, 6.0)]
        (y,) = builder.emit("Clip", [y, *limits], f"{name}/relu6")
    return y
