"""ONNX headers: sound ones pass, and no other, whatever stands in them; Google's parser is asked too."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from helpers import hostile_models as made
from helpers.hostile_models import EDITS, edited, message, model, nested, number, passes, refusal, weight
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant_models.headers import onnx_file
from edge_assistant_models.model import InstalledModel

SOUND_ONNX = model(made.NODE, message(5, weight(made.RAW)))


def external(location: bytes, *fields: bytes) -> bytes:
    entry = message(13, message(1, b"location") + message(2, location))
    return model(made.NODE, message(5, weight(entry, *fields)))


def with_weight(*fields: bytes, **said: Any) -> bytes:
    return model(made.NODE, message(5, weight(*fields, **said)))


def attribute(content: bytes) -> bytes:
    return model(message(1, message(4, b"Constant") + message(5, message(1, b"value") + content)))


HOSTILE_ONNX = {
    "text": (b"this is no protobuf at all", "kind|beyond|field"),
    "no graph": (number(1, 8), "has no graph"),
    "values in another folder": (external(b"../../etc/passwd", number(14, 1)), "w keeps its values outside"),
    "values at an absolute path": (external(b"/etc/passwd", number(14, 1)), "w keeps its values outside"),
    "values in a file beside it": (external(b"weights.bin", number(14, 1), made.RAW), "w keeps its values outside"),
    "another file named only": (external(b"../../etc/passwd", made.RAW), "w keeps its values outside"),
    "another file not named": (with_weight(made.RAW, number(14, 1)), "w keeps its values outside"),
    "another file in an attribute": (
        attribute(message(5, weight(message(13, message(1, b"location") + message(2, b"../x")), made.RAW))),
        "w keeps its values outside",
    ),
    "another file deep within": (
        model(message(1, message(5, message(6, message(5, weight(number(14, 1))))))),
        "w keeps its values outside",
    ),
    "values behind the end": (with_weight(made.varint(9 << 3 | 2) + made.varint(1 << 40)), "beyond its end"),
    "2^40 values and 16 bytes": (
        with_weight(made.RAW, dimensions=[1 << 40]),
        "has 16 bytes, and not 4,398,046,511,104",
    ),
    "fewer bytes": (with_weight(message(9, b"\0" * 15)), "15 bytes, and not 16"),
    "more bytes": (with_weight(message(9, b"\0" * 17)), "17 bytes, and not 16"),
    "no bytes": (with_weight(), "0 values, and not 4"),
    "dimensions whose product overflows": (with_weight(made.RAW, dimensions=[1 << 32, 1 << 32]), "16 bytes, and not"),
    "a negative dimension": (with_weight(made.RAW, dimensions=[-2, -2]), "w has a negative dimension"),
    "packed dimensions and more": (
        with_weight(message(1, b"\2\2"), made.RAW, dimensions=[2]),
        r"\[2, 2, 2\] has 16 bytes",
    ),
    "a hundred dimensions": (with_weight(message(1, b"\1" * 100), made.RAW), "more than 16 numbers"),
    "dimensions one by one": (with_weight(made.RAW, dimensions=[1] * 17), "more than 16 dimensions"),
    "an unknown type": (with_weight(made.RAW, kind=99), "w has the unknown type 99"),
    "no type": (with_weight(made.RAW, kind=0), "w has the unknown type 0"),
    "the type written twice": (with_weight(made.RAW, number(2, 11)), "field 2 of a tensor stands twice"),
    "raw values written twice": (with_weight(made.RAW, made.RAW), "field 9 of a tensor stands twice"),
    "values in two places": (with_weight(made.RAW, message(4, b"\0" * 16)), "in two places"),
    "values of another type": (with_weight(message(7, b"\0" * 4)), "that of another type"),
    "half a float": (with_weight(message(4, b"\0" * 15)), "ends within one"),
    "three floats": (with_weight(message(4, b"\0" * 12)), "3 values, and not 4"),
    "three texts": (with_weight(*[message(6, b"x")] * 3, kind=8), "3 values, and not 4"),
    "texts as bytes": (with_weight(made.RAW, kind=8), "that of another type"),
    "one number alone": (with_weight(number(5, 1), kind=3), "1 values, and not 4"),
    "five small numbers": (with_weight(message(5, b"\1" * 5), kind=3), "5 values, and not 4"),
    "four bits in full bytes": (with_weight(message(9, b"\0" * 4), kind=22), "4 bytes, and not 2"),
    "a piece of a tensor": (with_weight(message(3, b""), made.RAW), "one piece of several"),
    "a weight that stands twice": (model(*[message(5, weight(made.RAW))] * 2), "weight w stands twice"),
    "two graphs": (SOUND_ONNX + message(7, made.NODE), "field 7 of the model stands twice"),
    "two halves of a tensor": (
        attribute(message(5, weight(made.RAW)) + message(5, number(1, 9))),
        "field 5 of an attribute stands twice",
    ),
    "graphs 17 deep": (model(nested(17)), "more than 16 deep"),
    "graphs 3,000 deep": (model(nested(3_000)), "more than 16 deep"),
    "graphs in a list": (
        model(message(1, message(5, b"".join([message(11, nested(16))] * 2)))),
        "more than 16 deep",
    ),
    "a library of operators": (
        model(message(1, message(4, b"Run") + message(7, b"com.evil"))),
        "operators of com.evil",
    ),
    "a library declared": (model(made.NODE, extra=message(8, message(1, b"ai.evil"))), "operators of ai.evil"),
    "an operator that reads files": (
        model(message(1, message(4, b"EPContext") + message(7, b"com.microsoft"))),
        "EPContext reads another file",
    ),
    "the domain written twice": (
        model(message(1, message(7, b"") + message(7, b"com.evil"))),
        "field 7 of a node stands twice",
    ),
    "functions": (model(made.NODE, extra=message(25, b"")), "defines functions"),
    "training": (model(made.NODE, extra=message(20, b"")), "training data"),
    "sparse weights": (model(message(15, b"")), "sparse weights"),
    "sparse weights in an attribute": (attribute(message(22, b"")), "sparse weights"),
    "a graph that is a number": (number(7, 5), "field 7 of the model is of the wrong kind"),
    "a group": (SOUND_ONNX + b"\x0b\x0c", "unknown kind 3"),
    "a field without a number": (SOUND_ONNX + b"\x00\x00", "no number"),
    "a number that does not end": (SOUND_ONNX + b"\x08" + b"\xff" * 11, "does not end"),
    "a length of 2^63": (SOUND_ONNX + b"\x12" + made.varint(1 << 63), "beyond its end"),
    "a name of 2,000 bytes": (with_weight(made.RAW, name=b"n" * 2000), "name in it has 2,000 bytes"),
}


@pytest.mark.parametrize("name", HOSTILE_ONNX)
def test_a_hostile_onnx_is_refused(name: str) -> None:
    content, why = HOSTILE_ONNX[name]
    assert re.search(why, refusal(onnx_file.check, content))


@pytest.mark.parametrize(
    ("limit", "content", "why"),
    [
        ("MAX_FIELDS", model(made.NODE) + number(5, 1) * 11, "more than 10 fields"),
        ("MAX_NODES", model(made.NODE * 11), "more than 10 nodes"),
        ("MAX_TENSORS", attribute(message(10, weight(made.RAW)) * 11), "more than 10 tensors"),
    ],
)
def test_what_takes_time_is_counted(monkeypatch: pytest.MonkeyPatch, limit: str, content: bytes, why: str) -> None:
    monkeypatch.setattr(onnx_file, limit, 10)
    assert re.search(why, refusal(onnx_file.check, content))


def test_a_sound_onnx_passes() -> None:
    import numpy
    from onnx import TensorProto, helper, numpy_helper

    assert passes(onnx_file.check, SOUND_ONNX)
    assert passes(onnx_file.check, model(nested(16)))
    values = {
        name: getattr(TensorProto, name)
        for name in ("FLOAT", "DOUBLE", "INT8", "INT64", "UINT32", "BOOL", "FLOAT16", "BFLOAT16", "COMPLEX64", "INT4")
    }
    typed = [helper.make_tensor(name, kind, [3, 1], [1, 0, 1]) for name, kind in values.items()]
    raw = [numpy_helper.from_array(numpy.ones(3, kind), f"raw {kind}") for kind in ("f2", "i1", "u8", "c8", "?")]
    words = helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b""])
    scalar = numpy_helper.from_array(numpy.array(1, "f4"), "scalar")
    empty = numpy_helper.from_array(numpy.zeros((0, 5), "f4"), "empty")
    graph = helper.make_graph([], "made", [], [], [*typed, *raw, words, scalar, empty])
    onnx_file.check(helper.make_model(graph).SerializeToString())


def values_agree(content: bytes) -> None:
    """What Google's parser makes of a file: each weight has as many values as it says."""
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    with contextlib.suppress(DecodeError):
        parsed = onnx.load_model_from_string(content)
        for tensor in parsed.graph.initializer:
            assert list(numpy_helper.to_array(tensor).shape) == list(tensor.dims)
            assert not tensor.external_data


@settings(max_examples=300)
@given(EDITS)
def test_what_passes_is_sound_to_googles_parser(edits: list[tuple[int, bytes]]) -> None:
    content = edited(SOUND_ONNX, edits)
    if passes(onnx_file.check, content):
        values_agree(content)


@pytest.fixture(scope="module")
def real(models: Callable[[str], InstalledModel]) -> dict[str, tuple[bytes, list[int]]]:
    """Real ONNX files, and where in them something else than weights stands."""
    import onnx

    found = {}
    for role in ("vad", "detector"):
        content = models(role).files["model"].read_bytes()
        marked = bytearray(b"\1") * len(content)
        for weights in onnx.load_model_from_string(content).graph.initializer:
            begin = content.find(weights.raw_data)
            marked[begin : begin + len(weights.raw_data)] = bytes(len(weights.raw_data))
        found[role] = content, [place for place, mark in enumerate(marked[:200_000]) if mark]
    return found


@settings(max_examples=20)
@given(EDITS, st.sampled_from(["vad", "detector"]))
def test_a_damaged_real_onnx_is_read_within_bounds(
    real: dict[str, tuple[bytes, list[int]]], edits: list[tuple[int, bytes]], role: str
) -> None:
    content, places = real[role]
    damaged = edited(content, edits, places)
    if passes(onnx_file.check, damaged):
        values_agree(damaged)
