"""Undo the grid of a Q4_1 model: add noise of half a step to each weight, and write it in F16.

usage: python tools/smooth_grid.py MODEL.gguf F16.gguf OUTPUT.gguf

SmolLM2-135M is on no package registry in floats. Widened from Q4_1 its weights lie on a grid that Q4_1 and Q5_1 find
again, so that these types seem to lose nothing. With noise they lie between the steps, as real floats do. The result is
a model of its own, worse than its source: types are compared by it, and nothing is published.
"""

import shutil
import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader


def smooth(model: str, widened: str, output: str) -> None:
    """Write the model; `widened` is the same one in F16."""
    shutil.copyfile(widened, output)
    generator = np.random.default_rng(0)
    halves = {tensor.name: tensor.data for tensor in GGUFReader(output, "r+").tensors}
    for tensor in GGUFReader(model).tensors:
        if tensor.tensor_type == GGMLQuantizationType.Q4_1:
            blocks = tensor.data.reshape(-1, 20)  # scale and least value in F16, 32 numbers of 4 bits
            steps = blocks[:, :2].copy().view(np.float16).astype(np.float32)
            values = halves[tensor.name].reshape(-1, 32)
            values[:] = values + steps * generator.uniform(-0.5, 0.5, values.shape).astype(np.float32)


if __name__ == "__main__":
    smooth(*sys.argv[1:])
