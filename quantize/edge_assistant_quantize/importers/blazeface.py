"""BlazeFace (back camera) from its TensorFlow.js form; source and licence: https://github.com/google/mediapipe.

`model.onnx`: image f32 [1, 256, 256, 3]; scores [1, 512, 1] and [1, 384, 1], boxes [.., 16] likewise.
"""

from functools import partial

from edge_assistant_quantize.importers import tfjs

INPUTS = tfjs.INPUTS

_OUTPUTS = ("scores_16", "scores_32", "boxes_16", "boxes_32")

convert = partial(tfjs.convert, name="blazeface", take={"input": "image"}, give=tfjs.numbered(_OUTPUTS))
