"""`do = "optimize"`: the graph of an ONNX file simplified once, instead of at each start."""

from __future__ import annotations

from edge_assistant_quantize.onnx import optimize
from edge_assistant_quantize.recipes.steps.step import FileOptions, Kind, Made, Needs, Work


def needs(options: FileOptions) -> Needs:
    """Both graphs and a session of each."""
    return Needs(libraries=("numpy", "onnx", "onnxruntime"), memory=6)


def make(options: FileOptions, work: Work) -> Made:
    """Optimize one file."""
    optimize.optimize(work.file, work.output, threads=work.threads)
    return Made({work.key: work.output})


STEP = Kind("optimize", FileOptions, make, needs)
