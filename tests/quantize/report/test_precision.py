"""How precisely models are stored."""

from __future__ import annotations

import math

import gguf
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_quantize.report import precision
from edge_assistant_quantize.report.precision import Precision


def saved(path, nodes, *initializers):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [64])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [value], [result], list(initializers))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    return path


def tensors(*paths):
    """The types of files but for what is no tensor; all bytes are counted."""
    found = precision.of_files(paths)
    assert sum(each.bytes for each in found) == paths[0].stat().st_size
    assert precision.bits(found) == pytest.approx(8 * paths[0].stat().st_size / sum(each.weights for each in found))
    return [each for each in found if each.kind != precision.REST]


def test_tensors_are_counted_by_type(tmp_path):
    constant = numpy_helper.from_array(np.zeros((4,), np.float16), "c")
    packed = {"domain": "com.microsoft", "bits": 4, "block_size": 32, "K": 64, "N": 8}
    path = saved(
        tmp_path / "m.onnx",
        [
            helper.make_node("Constant", [], ["c"], value=constant),
            helper.make_node("MatMulNBits", ["x", "q", "s"], ["y"], **packed),
        ],
        numpy_helper.from_array(np.zeros((8, 2, 16), np.uint8), "q"),
        numpy_helper.from_array(np.zeros((16,), np.float32), "s"),
        helper.make_tensor("four", TensorProto.INT4, [5], b"\0\0\0", raw=True),
    )
    assert tensors(path, tmp_path / "tokenizer.json") == [
        Precision("4 bits in blocks of 32", 1, 512, 256),
        Precision("scales", 1, 0, 64),
        Precision("float16", 1, 4, 8),
        Precision("int4", 1, 5, 3),
    ]
    assert math.isnan(precision.bits([]))


@pytest.mark.parametrize(("kind", "fell"), [("MOSTLY_Q5_K_M", 1), ("MOSTLY_Q5_1", 0), ("MOSTLY_IQ4_NL", 1)])
def test_a_tensor_that_got_another_type_than_the_file_is_a_fallback(tmp_path, kind, fell):
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_file_type(gguf.LlamaFileType[kind])
    writer.add_tensor("norm", np.zeros((576,), np.float32))
    for name, width, stored in (("narrow", 576, "Q5_1"), ("wide", 512, "Q8_0")):
        stored = gguf.GGMLQuantizationType[stored]
        writer.add_tensor(name, gguf.quantize(np.zeros((2, width), np.float32), stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert tensors(tmp_path / "m.gguf") == [
        Precision("f32", 1, 576, 2304),
        Precision("q8_0", 1, 1024, 1088),
        Precision("q5_1", 1, 1152, 864, fell),
    ]


def test_scales_are_no_weights(tmp_path):
    """Of weights in blocks whose scales are widened, of weights in bytes, and of two in a byte."""
    path = saved(
        tmp_path / "m.onnx",
        [
            helper.make_node("Cast", ["h"], ["s"], to=TensorProto.FLOAT),
            helper.make_node("MatMulNBits", ["x", "q", "s", "z"], ["y"], domain="com.microsoft", bits=8, K=64, N=8),
            helper.make_node("Cast", ["b"], ["wide"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["wide", "b/scale"], ["w"]),
            helper.make_node("Gather", ["t", "x"], ["found"]),
            helper.make_node("BitwiseAnd", ["found", "x"], ["low"]),
        ],
        numpy_helper.from_array(np.zeros((8, 2, 16), np.uint8), "t"),
        numpy_helper.from_array(np.zeros((8, 2, 32), np.uint8), "q"),
        numpy_helper.from_array(np.zeros((8, 2), np.float16), "h"),
        numpy_helper.from_array(np.zeros((8, 2), np.uint8), "z"),
        numpy_helper.from_array(np.zeros((8, 64), np.int8), "b"),
        numpy_helper.from_array(np.zeros((8, 1), np.float32), "b/scale"),
    )
    found = tensors(path)
    assert {each.kind: each.weights for each in found if each.weights} == {
        "8 bits in blocks of 0": 512,
        "int8": 512,
        "4 bits, two in a byte": 512,
    }
    assert precision.bits(found) == pytest.approx((8 + 8 + 4) / 3 + 8 * (32 + 16 + 32) / 1536)


def test_tensors_of_graphs_in_graphs_count(tmp_path):
    inner = helper.make_graph([], "inner", [], [], [numpy_helper.from_array(np.zeros((3,), np.float32), "w")])
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    (found,) = tensors(saved(tmp_path / "m.onnx", [node]))
    assert (found.tensors, found.weights, found.bits) == (2, 6, 32)


def test_a_gguf_is_counted_too(models):
    path = models("language").files["model"]
    found = {each.kind: each for each in tensors(path)}
    assert found["q4_1"].bits == pytest.approx(5.0)
    assert found["f32"].bits == 32
    assert sum(each.bytes for each in found.values()) < path.stat().st_size
    assert 4.5 < precision.bits([*found.values()]) < 6


def test_a_file_that_contradicts_itself_is_refused(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"\x0a\xff\xff\xff\xff\x0f")
    with pytest.raises(ModelCorrupt):
        precision.of_files([tmp_path / "m.onnx"])
