"""Results over many items, so that looks decide something: each item is hit or not, and a model hits its share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.metrics.metric import Metric, Standard
from edge_assistant_quantize.record import Measured

LICENCE = [
    "--licence",
    "MIT",
    "--licence-url",
    "https://example.org/l",
    "--home",
    "https://example.org",
    "--role",
    "vad",
    "--yes",
]


def hits(metric: str, share: float, count: int = 400) -> Measured:
    """A share of the items is hit, the same ones by every model as far as its share goes."""
    items = tuple(f"item {number}" for number in range(count))
    parts = tuple(float((number * 7919) % count < share * count) for number in range(count))
    return Measured(metric, items, parts, (1.0,) * count, lower_is_better=False)


def scripted(name: str, role: str, measure: Callable[..., Any], *, relative: bool = False) -> Metric:
    """A metric of the task that a test measures by."""
    return Metric(
        name=name,
        gives={name: Standard(0.3, 0.05, task=not relative)},
        roles=frozenset({role}),
        description="what a test says",
        keys={"path": "where nobody looks"},
        measure=measure,
        each="chunk",  # only measuring tells how many
        relative=relative,
    )


def weights(path: Path, number: int) -> None:
    """A model that adds a number."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    value = numpy_helper.from_array(np.full((8,), number, np.float32), "w")
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [8]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", told[:1], told[1:], [value])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


def publishes_nothing(*words: object) -> None:
    """The verb refuses, and there is no entry that was not there before."""
    before = {entry.name for entry in Portfolio().entries()}
    assert main(["publish", *map(str, words), *LICENCE]) in {1, 2, 3}
    assert {entry.name for entry in Portfolio().entries()} == before
