"""NanoDet for COCO-80 from its TensorFlow.js form; source and licence: https://github.com/RangiLyu/nanodet.

`model.onnx`: image f32 [1, 3, 416, 416]; for strides 8, 16, 32 scores [1, n, 80] and boxes [1, n, 44].
"""

from functools import partial

from edge_assistant_quantize.importers import tfjs

INPUTS = tfjs.INPUTS

_OUTPUTS = ("scores_8", "scores_16", "scores_32", "boxes_8", "boxes_16", "boxes_32")

convert = partial(tfjs.convert, name="nanodet", take={"input_1": "image"}, give=tfjs.numbered(_OUTPUTS))
