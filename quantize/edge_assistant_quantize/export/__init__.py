"""Export to ONNX with optimum: the one place that needs torch and transformers (extra `quantize`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Done:
    """A finished export, as `export.json` records it."""

    task: str  # by optimum's name
    architecture: str  # the class of transformers
    opset: int  # of the files
    files: Sequence[str]  # names of the ONNX files
    role: str  # of the product that the files can have as they are; empty for none
    # By file and output, the largest difference between the graph and the model on the same inputs, as a share of the
    # output's largest value
    deviations: Mapping[str, Mapping[str, float]]
    versions: Mapping[str, str] = field(default_factory=dict)  # of the libraries
    note: str = ""  # anything else to say
