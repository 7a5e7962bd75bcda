"""Weights stored as rules say, on a small graph with products, rows that are looked up and a matrix that both share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.small_onnx import written
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.errors import CatalogInvalid
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import WeightsRefused
from edge_assistant_quantize.onnx import blocks
from edge_assistant_quantize.onnx.methods import WeightRule
from edge_assistant_quantize.onnx.rules import apply
from edge_assistant_quantize.onnx.tables import parse

WIDTH, WORDS = 64, 200


def weights() -> dict[str, np.ndarray]:
    """The same on every machine: no generator of random numbers."""
    ramp = np.arange(WORDS * WIDTH, dtype=np.int64)
    values = (ramp * ramp * 7919 % 65_521 / 65_521 - 0.5).astype(np.float32)
    table, matrix = values.reshape(WORDS, WIDTH), values[: WIDTH * 128].reshape(WIDTH, 128)
    return {
        "table": table,
        "matrix": matrix.astype(np.float16),
        "back": values[: 128 * WIDTH].reshape(128, WIDTH) * 0.2,
        "scale": (1 + values[:WIDTH]),
        "shift": values[WIDTH : 2 * WIDTH],
        "one": np.float32(1),
    }


def model(held: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Rows of a table, through two products and a norm, compared with the table again."""
    nodes = [
        helper.make_node("Cast", ["matrix"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["table", "tokens"], ["rows"], axis=0),
        helper.make_node("MatMul", ["rows", "wide"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "back"], ["came"]),
        helper.make_node("LayerNormalization", ["came", "scale", "shift"], ["normed"], axis=-1),
        helper.make_node("Mul", ["normed", "one"], ["same"]),
        helper.make_node("Gemm", ["normed", "table"], ["scores"], transB=1),
        helper.make_node("Add", ["same", "rows"], ["sum"]),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in held.items()]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("scores", "sum")]
    graph = helper.make_graph(nodes, "small", [tokens], outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(path: Path, graph: onnx.ModelProto) -> list[np.ndarray]:
    path.write_bytes(graph.SerializeToString(deterministic=True))
    found: list[np.ndarray] = Runtime(1).session(path).run(None, {"tokens": np.array([3, 150, 7, 0])})
    return found


BLOCKS_4, BLOCKS_8 = WeightRule("*", "blockwise", 4, 32), WeightRule("*", "blockwise", 8, 64)
RULES = {
    "4 bits in blocks": ([BLOCKS_4], 0.15),
    "8 bits in blocks": ([BLOCKS_8], 0.02),
    "integers": ([WeightRule("table", "half"), WeightRule("*", "integer")], 0.03),
    "blocks that do not divide": ([WeightRule("*", "blockwise", 8, 256)], 0.02),
    "bytes": ([WeightRule("*", "bytes")], 0.02),
    "halves": ([WeightRule("*", "half")], 0.001),
    "nothing": ([WeightRule("elsewhere*", "half")], 0.0),
}


@pytest.mark.parametrize("form", RULES)
def test_a_form_computes_nearly_the_same(form: str, tmp_path: Path) -> None:
    rules, error = RULES[form]
    exact = run(tmp_path / "exact.onnx", model(weights()))
    found = run(tmp_path / "compact.onnx", apply(model(weights()), rules))
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.shape == theirs.shape
        assert float(np.sqrt(np.mean((ours - theirs) ** 2)) / theirs.std()) <= error


def test_a_shared_matrix_is_stored_once_and_the_first_rule_that_fits_counts() -> None:
    made = apply(model(weights()), [WeightRule("back", "half"), BLOCKS_4])
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    assert stored["compact/table/4_bits"].shape == (WORDS, 2, 16)
    assert "table" not in stored
    assert sum(value.nbytes for value in stored.values()) < 40_000  # of 107,000
    assert stored["compact/back/half"].dtype == np.float16
    assert {node.op_type for node in made.graph.node} >= {"MatMulNBits", "MatMul", "Cast"}


def test_every_machine_writes_the_same_tensors(tmp_path: Path) -> None:
    """Sums that a machine made in an order of its own would show here."""
    rules = [
        WeightRule("table", "blockwise", 4, 32),
        WeightRule("matrix", "blockwise", 8, 16),
        WeightRule("back", "integer"),
    ]
    path = tmp_path / "model.onnx"
    path.write_bytes(apply(model(weights()), rules).SerializeToString(deterministic=True))
    assert tensor_digest(path) == "8e9485581a23867bc844354bbab496edf16f445c102af052dc47f975c946776b"


def test_the_searched_scales_leave_less_error_than_the_largest_value_gives() -> None:
    matrix = np.random.default_rng(0).standard_normal((32, 128)).astype(np.float32)
    counts = np.linspace(0.1, 3, 128, dtype=np.float32)
    levels, scales = blocks.by_error(matrix, 32, 4, counts)
    restored = ((levels.astype(np.float32) - 8) * scales[..., None].astype(np.float32)).reshape(matrix.shape)
    cut = matrix.reshape(32, -1, 32)
    steps = np.abs(cut).max(axis=-1, keepdims=True) / 7
    rounded = (np.rint(cut / steps) * steps).reshape(matrix.shape)
    assert (counts * (restored - matrix) ** 2).sum() < 0.9 * (counts * (rounded - matrix) ** 2).sum()


def test_blocks_keep_their_largest_value() -> None:
    weight = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    levels, scales = blocks.by_error(weight, 32, 8, kind=np.float32)
    restored = ((levels.astype(np.float32) - 128) * scales[..., None]).reshape(weight.shape)
    assert np.abs(restored - weight).max() < np.abs(weight).max() / 127
    assert (levels == 0).any(axis=-1).all()
    assert (blocks.by_error(np.zeros((1, 32)), 32, 8)[0] == 128).all()


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([16, 32]))
def test_gptq_leaves_less_error_of_products(seed: int, block: int) -> None:
    """Where inputs hang together; also with inputs that are always zero."""
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((24, 64)).astype(np.float32)
    rows = random.standard_normal((400, 8)) @ random.standard_normal((8, 64)) + 0.3 * random.standard_normal((400, 64))
    rows[:, 5] = 0

    def error(levels: np.ndarray, scales: np.ndarray, zeros: np.ndarray) -> float:
        whole = levels.astype(np.float32) - zeros[..., None]
        restored = (whole * scales[..., None].astype(np.float32)).reshape(matrix.shape)
        return float(np.square(rows @ (restored - matrix).T).sum())

    plain = blocks.by_limits(matrix, block)
    assert error(*blocks.gptq(matrix, block, rows.T @ rows / len(rows))) < 0.6 * error(*plain)
    steps = plain[1].astype(np.float32)
    restored = ((plain[0].astype(np.float32) - plain[2][..., None]) * steps[..., None]).reshape(matrix.shape)
    assert (np.abs(restored - matrix).reshape(24, -1, block) <= 1.01 * steps[..., None]).all()


def test_what_rules_made_is_taken_again(tmp_path: Path) -> None:
    """No name stands twice, and a layer normalisation may have no shift."""
    exact = model(weights())
    norm = next(node for node in exact.graph.node if node.op_type == "LayerNormalization")
    del norm.input[2]
    once = apply(exact, [WeightRule("matrix", "blockwise", 8, 32), WeightRule("back", "half")])
    found = run(tmp_path / "twice.onnx", apply(once, [BLOCKS_4, WeightRule("*", "half")]))
    for ours, theirs in zip(found, run(tmp_path / "exact.onnx", exact), strict=True):
        assert float(np.sqrt(np.mean((ours - theirs) ** 2)) / theirs.std()) <= 0.15


def test_what_is_not_finite_is_refused() -> None:
    broken = weights()
    broken["table"][5, 5] = np.nan
    with pytest.raises(WeightsRefused, match="not finite"):
        apply(model(broken), [BLOCKS_4])


@pytest.mark.parametrize(
    "rules",
    [
        "",
        "rules = 3",
        'rules = [{ weights = "*" }]',
        'rules = [{ weights = "*", form = "3 bits" }]',
        'rules = [{ weights = "*", form = "half", of = 3 }]',
        'rules = [{ weights = "*", form = "blockwise", block = 33 }]',
        'rules = [{ weights = "*", form = "blockwise", block = "32" }]',
    ],
)
def test_wrong_rules_are_refused_when_the_catalog_is_read(rules: str) -> None:
    with pytest.raises(CatalogInvalid):
        parse(f'[model]\nmethod = "rules"\n{rules}\n'.encode(), "wrong.toml")


def test_a_command_line_neither_offers_rules_nor_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(model(weights()), tmp_path / "model.onnx")
    words = ["quantize", str(path), "--output", str(tmp_path / "out.onnx"), "--type"]
    assert main([*words, "rules"]) == 2
    said = capsys.readouterr().err
    assert "'rules' needs a list of rules, which no option of a command line gives - write them into a recipe" in said
    assert main([*words, "int9"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("dynamic-int8, static-int8, int8-weights, int4-weights, fp16")
