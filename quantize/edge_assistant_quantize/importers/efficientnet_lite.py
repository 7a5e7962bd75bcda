"""EfficientNet-Lite0 for ImageNet-1k from a PyTorch checkpoint.

The network (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite): EfficientNet-B0 without
squeeze-and-excitation, with ReLU6 and TensorFlow's padding. Batch normalisation is folded into the convolutions before
it, and the weights are stored in half precision. The class names are those of torchvision (BSD-3-Clause), in
`imagenet_labels.txt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.importers import quantizations
from edge_assistant_quantize.importers.pytorch import read_state
from edge_assistant_quantize.onnx.builder import FLOAT, GraphBuilder

State = Mapping[str, np.ndarray]

INPUTS = ("checkpoint",)
SIDE = 224
CLASSES = 1_000
_EPSILON = 1e-3  # of batch normalisation, as TensorFlow's models have it
_MEAN, _DEVIATION = 127.0, 128.0  # of all three channels, as these weights were trained
_STRIDE_2 = frozenset({1, 3, 5, 11})  # blocks that halve the resolution
_BLOCKS = 16


def convert(inputs: Mapping[str, Path], output: Path, quantization: str | None = None) -> None:
    """Write `model.onnx`: image uint8 [1, 224, 224, 3] RGB to probabilities f32 [1, 1000]; and `labels.txt`."""
    from onnx import TensorProto

    source = inputs["checkpoint"]
    builder = GraphBuilder()
    state = read_state(source)
    try:
        _network(builder, state)
    except (LookupError, ValueError) as error:
        what = f"{source.name} is not EfficientNet-Lite0 ({error})"
        raise ModelCorrupt(what, "get the model's files again") from error
    shapes = {"image": (1, SIDE, SIDE, 3)}, {"probabilities": (1, CLASSES)}
    builder.write(output / "model.onnx", "efficientnet_lite0", *shapes, kinds={"image": TensorProto.UINT8})
    quantizations.apply(quantization, output)
    labels = resources.files("edge_assistant_quantize.importers") / "imagenet_labels.txt"
    (output / "labels.txt").write_bytes(labels.read_bytes())


def _network(builder: GraphBuilder, state: State) -> None:
    x = _convolve(builder, state, _normalised(builder), "_conv_stem", "_bn0", stride=2)
    for number in range(_BLOCKS):
        x = _block(builder, state, x, f"_blocks.{number}", 2 if number in _STRIDE_2 else 1)
    x = _convolve(builder, state, x, "_conv_head", "_bn1")
    x = builder.op("GlobalAveragePool", x, name="pooled")
    x = builder.op("Flatten", x, name="features")
    weight = builder.weight("fc/weight", state["_fc.weight"].astype(np.float16))
    x = builder.op("Gemm", x, weight, builder.weight("fc/bias", state["_fc.bias"]), name="logits", transB=1)
    builder.op("Softmax", x, name="probabilities", axis=1)


def _normalised(builder: GraphBuilder) -> str:
    x = builder.op("Cast", "image", name="image/float32", to=FLOAT)
    mean = builder.weight("image/mean", np.array([_MEAN], np.float32))
    deviation = builder.weight("image/deviation", np.array([_DEVIATION], np.float32))
    x = builder.op("Sub", x, mean, name="image/centred")
    x = builder.op("Div", x, deviation, name="image/normalised")
    return builder.op("Transpose", x, name="image/channels_first", perm=[0, 3, 1, 2])


def _block(builder: GraphBuilder, state: State, x: str, name: str, stride: int) -> str:
    """An inverted residual block: expand, filter each channel, project; the first block does not expand."""
    y = x
    if f"{name}._expand_conv.weight" in state:
        y = _convolve(builder, state, y, f"{name}._expand_conv", f"{name}._bn0")
    y = _convolve(builder, state, y, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
    y = _convolve(builder, state, y, f"{name}._project_conv", f"{name}._bn2", activation=False)
    channels_in = state.get(f"{name}._expand_conv.weight", state[f"{name}._depthwise_conv.weight"]).shape[1]
    if stride == 1 and channels_in == state[f"{name}._project_conv.weight"].shape[0]:
        y = builder.op("Add", x, y, name=f"{name}/sum")
    return y


def _convolve(
    builder: GraphBuilder, state: State, x: str, name: str, norm: str, *, stride: int = 1, activation: bool = True
) -> str:
    """A convolution with its batch normalisation folded in, and ReLU6 unless it projects."""
    kernel = state[f"{name}.weight"].astype(np.float64)
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"].astype(np.float64) + _EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    weights = [
        builder.weight(f"{name}/kernel", (kernel * scale[:, None, None, None]).astype(np.float16)),
        builder.weight(f"{name}/bias", bias.astype(np.float32)),
    ]
    group = len(kernel) if "depthwise" in name else 1
    strides = [stride, stride]
    y = builder.op("Conv", x, *weights, name=f"{name}/conv", strides=strides, auto_pad="SAME_UPPER", group=group)
    if activation:
        limits = [builder.weight(f"{name}/limit{v:.0f}", np.array([v], np.float32)) for v in (0.0, 6.0)]
        y = builder.op("Clip", y, *limits, name=f"{name}/relu6")
    return y
