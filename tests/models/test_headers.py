"""Headers of model files: sound ones pass, and no other, whatever stands in them."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import re
import struct
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hostile_models as made
import pytest
from hostile_models import Gguf, message, model, nested, number, tensor, weight
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant_models import headers
from edge_assistant_models.errors import ModelCorrupt
from edge_assistant_models.headers import gguf, onnx_file
from edge_assistant_models.headers.malformed import Content, Malformed
from edge_assistant_models.installed import InstalledModel

PEAK_BYTES = 24 << 20  # names of tensors, at most; the real models take 1 MB
SOUND = Gguf()


def test_the_models_here_are_sound(store: Path) -> None:
    files = [path for path in store.glob("*/*") if headers.form_of(path.name)]
    assert {path.suffix for path in files} == {".gguf", ".onnx"}
    for path in files:
        form = headers.form_of(path.name)
        assert form is not None
        with path.open("rb") as file:
            headers.check(file, form, path.name)


def test_the_form_is_told_by_the_name() -> None:
    names = ("a.gguf", "A.ONNX", "a.onnx.json", "labels.txt", "gguf", ".onnx")
    forms = [headers.form_of(name) for name in names]
    assert forms == [headers.Form.GGUF, headers.Form.ONNX, None, None, None, None]


@pytest.mark.parametrize("form", list(headers.Form))
def test_what_is_wrong_is_one_line_with_the_files_name(tmp_path: Path, form: headers.Form) -> None:
    path = tmp_path / f"a.{form}"
    for content in (b"", b"\n\x1b[31m\xff" * 50):
        path.write_bytes(content)
        with path.open("rb") as file, pytest.raises(ModelCorrupt, match=rf"^a\.{form} cannot be loaded \(") as caught:
            headers.check(file, form, path.name)
        assert str(caught.value).isprintable()


def ggml() -> Any:
    """llama.cpp's own reader of GGUF."""
    import llama_cpp

    library = ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so"))
    library.ggml_type_size.restype = ctypes.c_size_t
    library.ggml_blck_size.restype = ctypes.c_int64
    library.gguf_init_from_file.restype = ctypes.c_void_p
    library.gguf_init_from_file.argtypes = [ctypes.c_char_p, _Parameters]
    library.gguf_free.argtypes = [ctypes.c_void_p]
    return library


class _Parameters(ctypes.Structure):
    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def test_blocks_are_as_large_as_in_llama_cpp() -> None:
    library = ggml()
    sizes = {kind: (library.ggml_blck_size(kind), library.ggml_type_size(kind)) for kind in gguf.BLOCKS}
    assert sizes == dict(gguf.BLOCKS)


def llama_reads(content: bytes) -> bool:
    from edge_assistant.language import engine

    engine._silence()
    library = ggml()
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(content)
        file.flush()
        context = library.gguf_init_from_file(file.name.encode(), _Parameters(True, None))
        if context:
            library.gguf_free(context)
        return bool(context)


def refusal(check: Callable[[Content], None], content: Content) -> str:
    """Why a check refuses a file, or nothing; to raise anything but `Malformed` or to allocate much is a fault."""
    tracemalloc.start()
    try:
        check(content)
    except Malformed as error:
        return str(error)
    else:
        return ""
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < PEAK_BYTES


def passes(check: Callable[[Content], None], content: Content) -> bool:
    return not refusal(check, content)


def test_a_sound_file_passes_and_llama_cpp_agrees() -> None:
    assert passes(gguf.check, SOUND.bytes())
    assert llama_reads(SOUND.bytes())
    assert passes(gguf.check, Gguf((*made.KEYS, made.u32(b"general.alignment", 32))).bytes())


TOKENS, SCORES, TYPES = made.KEYS[3:6]


def with_keys(*more: bytes) -> bytes:
    return Gguf((*made.KEYS, *more)).bytes()


def without(key: bytes, *more: bytes) -> bytes:
    return Gguf((*(other for other in made.KEYS if other != key), *more)).bytes()


def with_tensors(*tensors: bytes, data: int = made.DATA) -> bytes:
    return Gguf(tensors=tensors, data=data).bytes()


FIRST, SECOND, THIRD = made.TENSORS
HOSTILE_GGUF = {
    "no GGUF": (Gguf(magic=b"GGML").bytes(), "no GGUF file"),
    "version 1": (Gguf(version=1).bytes(), "version 1"),
    "big endian": (Gguf(version=3 << 24).bytes(), "version 50331648"),
    "2^60 tensors": (Gguf(tensor_count=1 << 60).bytes(), "1,152,921,504,606,846,976 tensors"),
    "2^60 keys": (Gguf(key_count=1 << 60).bytes(), "1,152,921,504,606,846,976 keys"),
    "more keys than there are": (Gguf(key_count=9).bytes(), "keys|beyond|bytes"),
    "more tensors than there are": (Gguf(tensor_count=5).bytes(), "name has 0 bytes"),
    "fewer tensors than there are": (Gguf(tensor_count=1).bytes(), "declares"),
    "a key of 2^63 bytes": (with_keys(struct.pack("<Q", 1 << 63)), "key's name has 9,223,372,036,854,775,808"),
    "a key of 2,000 bytes": (with_keys(made.u32(b"k" * 2000, 1)), "key's name has 2,000"),
    "a text of 2^63 bytes": (with_keys(made.key(b"k", made.STRING, struct.pack("<Q", 1 << 63))), "beyond its end"),
    "a list of 2^61 numbers": (with_keys(made.array(b"k", made.U64, 1 << 61)), "beyond its end"),
    "a list of 2^40 texts": (with_keys(made.array(b"k", made.STRING, 1 << 40)), "more than 4,000,000 texts"),
    "lists of lists": (with_keys(made.array(b"k", made.ARRAY, 1)), "k is a list of lists"),
    "a list of nothing known": (with_keys(made.array(b"k", 99, 1)), "k is a list of the unknown type 99"),
    "a key of nothing known": (with_keys(made.key(b"k", 13, b"")), "k has the unknown type 13"),
    "a key that stands twice": (with_keys(made.KEYS[0]), "key general.architecture stands twice"),
    "alignment 0": (with_keys(made.u32(b"general.alignment", 0)), "alignment is 0"),
    "alignment 3": (with_keys(made.u32(b"general.alignment", 3)), "alignment is 3"),
    "alignment 2^31": (with_keys(made.u32(b"general.alignment", 1 << 31)), "alignment is 2147483648"),
    "alignment of 64 bits": (
        with_keys(made.key(b"general.alignment", made.U64, struct.pack("<Q", 32))),
        "alignment is 32",
    ),
    "a part of several": (with_keys(made.u32(b"split.count", 2)), "one part of several"),
    "fewer scores than tokens": (
        without(SCORES, made.array(b"tokenizer.ggml.scores", made.F32, 1, b"\0" * 4)),
        "their scores and their types are 1, 4",
    ),
    "fewer types than tokens": (
        without(TYPES, made.array(b"tokenizer.ggml.token_type", made.I32, 0)),
        "their scores and their types are 0, 4",
    ),
    "scores that are texts": (
        without(SCORES, made.strings(b"tokenizer.ggml.scores", *b"abcd".split())),
        "scores is not the list that it has to be",
    ),
    "tokens that are one number": (without(TOKENS, made.u32(b"tokenizer.ggml.tokens", 4)), "tokens is not the list"),
    "a tensor that stands twice": (with_tensors(FIRST, tensor(b"token_embd.weight", [5], 128)), "stands twice"),
    "an offset beyond the end": (with_tensors(FIRST, tensor(b"t", [5], 1 << 62)), "t does not begin where"),
    "an offset that overflows": (with_tensors(FIRST, tensor(b"t", [5], (1 << 64) - 32)), "t does not begin where"),
    "tensors over each other": (with_tensors(FIRST, tensor(b"t", [5], 32)), "t does not begin where"),
    "a hole between tensors": (with_tensors(FIRST, tensor(b"t", [5], 160)), "t does not begin where"),
    "an offset within a line": (with_tensors(FIRST, tensor(b"t", [5], 102)), "t does not begin where"),
    "tensors in another order": (with_tensors(SECOND, FIRST), "norm does not begin where"),
    "dimensions whose product overflows": (with_tensors(tensor(b"t", [1 << 32, 1 << 32], 0)), "declares"),
    "a tensor larger than the file": (with_tensors(tensor(b"t", [1 << 30], 0)), "declares 4,294,"),
    "a dimension of nothing": (with_tensors(tensor(b"t", [5, 0], 0)), "has the dimensions"),
    "a row that ends within a block": (with_tensors(tensor(b"t", [33], 0, 8)), r"\[33\] in blocks of 32"),
    "five dimensions": (with_tensors(tensor(b"t", [1] * 5, 0)), "t has 5 dimensions"),
    "2^31 dimensions": (with_tensors(made.text(b"t") + struct.pack("<I", 1 << 31)), "beyond|dimensions|tensors"),
    "no dimensions": (with_tensors(tensor(b"t", [], 0)), "t has 0 dimensions|3 tensors|1 tensors"),
    "a type that was removed": (with_tensors(tensor(b"t", [32], 0, 4)), "t has the unknown type 4"),
    "a name that is too long": (with_tensors(tensor(b"t" * 64, [5], 0)), "tensor's name has 64 bytes"),
    "nothing behind the header": (Gguf(data=0).bytes(), "declares"),
    "one byte too few": (Gguf(data=made.DATA - 1).bytes(), "declares"),
    "a megabyte too many": (Gguf(data=made.DATA + (1 << 20)).bytes(), "declares"),
}


@pytest.mark.parametrize("name", HOSTILE_GGUF)
def test_a_hostile_gguf_is_refused(name: str) -> None:
    content, why = HOSTILE_GGUF[name]
    assert re.search(why, refusal(gguf.check, content))


def test_a_gguf_that_is_cut_anywhere_is_refused() -> None:
    content = SOUND.bytes()
    assert [size for size in range(len(content)) if passes(gguf.check, content[:size])] == []


EDIT = st.tuples(
    st.integers(0, (1 << 31) - 1),
    st.one_of(
        st.binary(min_size=1, max_size=9),
        st.integers(0, (1 << 64) - 1).map(lambda value: struct.pack("<Q", value)),
        st.integers(0, 64).map(lambda value: struct.pack("<Q", value)),
        st.sampled_from([b"\0", b"\1", b"\x7f", b"\x80", b"\xff" * 4, b"\xff" * 10]),
    ),
)
EDITS = st.lists(EDIT, min_size=1, max_size=4)


def edited(content: bytes, edits: list[tuple[int, bytes]], places: range | list[int] | None = None) -> bytes:
    """Bytes overwritten at some of the places."""
    out, places = bytearray(content), places or range(len(content))
    for at, value in edits:
        begin = places[at % len(places)]
        out[begin : begin + len(value)] = value[: len(out) - begin]
    return bytes(out)


@settings(max_examples=400)
@given(EDITS, st.integers(0, 40))
def test_what_passes_is_what_llama_cpp_reads(edits: list[tuple[int, bytes]], cut: int) -> None:
    content = edited(SOUND.bytes(), edits, range(len(SOUND.bytes()) - made.DATA))
    content = content[: len(content) - max(0, cut - 30)]
    if passes(gguf.check, content):
        assert llama_reads(content)


@pytest.fixture(scope="module")
def smollm(models: Callable[[str], InstalledModel]) -> Iterator[mmap.mmap]:
    """The real model of tests, to be written over in memory."""
    with models("language").files["model"].open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    yield content
    content.close()


@settings(max_examples=60)
@given(EDITS, st.sampled_from([3_000, 2_000_000]))
def test_a_damaged_real_gguf_is_read_within_bounds(smollm: mmap.mmap, edits: list[tuple[int, bytes]], top: int) -> None:
    undo = []
    for at, value in edits:
        begin = at % top
        undo.append((begin, smollm[begin : begin + len(value)]))
        smollm[begin : begin + len(value)] = value
    passes(gguf.check, smollm)
    for begin, before in reversed(undo):
        smollm[begin : begin + len(before)] = before


def test_time_and_memory_are_bounded_by_limits_not_by_the_file() -> None:
    names = tuple(tensor(b"%063d" % index, [8], index * 32) for index in range(gguf.MAX_TENSORS))
    assert passes(gguf.check, with_tensors(*names, data=32 * len(names)))
    assert not passes(gguf.check, with_tensors(*names, names[0], data=32 * len(names)))


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
    "no graph": (number(1, 8), "holds no graph"),
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
    "200,001 nodes": (model(message(1, b"") * (onnx_file.MAX_NODES + 1)), "more than 200,000 nodes"),
    "70,000 tensors": (
        model(message(5, weight(made.RAW, name=b"")) + message(1, message(5, message(10, weight(made.RAW)) * 70_000))),
        "more than 65,536 tensors",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_ONNX)
def test_a_hostile_onnx_is_refused(name: str) -> None:
    content, why = HOSTILE_ONNX[name]
    assert re.search(why, refusal(onnx_file.check, content))


def test_fields_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "MAX_FIELDS", 1_000)
    with pytest.raises(Malformed, match="more than 1,000 fields"):
        onnx_file.check(model(made.NODE) + number(5, 1) * 1_000)


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


@settings(max_examples=60)
@given(EDITS, st.sampled_from(["vad", "detector"]))
def test_a_damaged_real_onnx_is_read_within_bounds(
    real: dict[str, tuple[bytes, list[int]]], edits: list[tuple[int, bytes]], role: str
) -> None:
    content, places = real[role]
    damaged = edited(content, edits, places)
    if passes(onnx_file.check, damaged):
        values_agree(damaged)
