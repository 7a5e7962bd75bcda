"""GGUF headers: sound ones pass, and no other, whatever stands in them; llama.cpp's own reader is asked too."""

from __future__ import annotations

import ctypes
import math
import mmap
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import hostile_models as made
from helpers.hostile_models import EDITS, Gguf, edited, passes, refusal, tensor
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_assistant_models.headers import gguf
from edge_assistant_models.model import InstalledModel

SOUND = Gguf()


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
    sizes = {kind: (library.ggml_blck_size(kind), library.ggml_type_size(kind)) for kind in gguf.blocks()}
    assert sizes == gguf.blocks()


def llama_reads(content: bytes) -> bool:
    from edge_assistant.language import llama

    llama.silence()
    library = ggml()
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(content)
        file.flush()
        context = library.gguf_init_from_file(file.name.encode(), _Parameters(True, None))
        if context:
            library.gguf_free(context)
        return bool(context)


TOKENS, SCORES, TYPES = made.KEYS[3:6]


def with_keys(*more: bytes) -> bytes:
    return Gguf((*made.KEYS, *more)).bytes()


def without(key: bytes, *more: bytes) -> bytes:
    return Gguf((*(other for other in made.KEYS if other != key), *more)).bytes()


def with_tokens(*texts: bytes) -> bytes:
    return without(TOKENS, made.strings(b"tokenizer.ggml.tokens", *texts))


def with_tensors(*tensors: bytes, data: int = made.DATA) -> bytes:
    return Gguf(tensors=tensors, data=data).bytes()


def test_a_sound_file_passes_and_llama_cpp_agrees() -> None:
    assert passes(gguf.check, SOUND.bytes())
    assert llama_reads(SOUND.bytes())
    assert passes(gguf.check, with_tokens(b"", b"a", b"", b"\xff\0"))
    assert passes(gguf.check, Gguf((*made.KEYS, made.u32(b"general.alignment", 32))).bytes())


FIRST, SECOND, THIRD = made.TENSORS
EPSILON = b"llama.attention.layer_norm_rms_epsilon"
HOSTILE_GGUF = {
    "not a GGUF": (Gguf(magic=b"GGML").bytes(), "not a GGUF file"),
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
    "no layers": (with_keys(made.u32(b"llama.block_count", 0)), "llama.block_count is 0, and not 1 to 512"),
    "2^32 layers": (with_keys(made.u32(b"llama.block_count", (1 << 32) - 1)), "block_count is 4294967295"),
    "layers that are a text": (with_keys(made.key(b"llama.block_count", made.STRING, made.text(b"9"))), "is None"),
    "an epsilon that is no number": (with_keys(made.key(EPSILON, made.F32, struct.pack("<f", math.nan))), "is nan"),
    "an epsilon below zero": (with_keys(made.key(EPSILON, made.F32, struct.pack("<f", -1))), "is -1.0, and no number"),
    "an endless epsilon": (with_keys(made.key(EPSILON, made.F32, struct.pack("<f", math.inf))), "is inf"),
    "two equal tokens": (with_tokens(b"a", b"b", b"a", b"d"), "two tokens of its vocabulary are equal"),
    "tokens that are equal up to a zero": (with_tokens(b"a\0b", b"a\0c", b"", b"d"), "two tokens"),
    "a token with the name of an empty one": (with_tokens(b"a", b"", b"[EMPTY_1]", b"d"), "two tokens"),
    "2^40 tokens": (without(TOKENS, made.array(b"tokenizer.ggml.tokens", made.STRING, 1 << 40)), "over the limit"),
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


@settings(max_examples=200)
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


@settings(max_examples=6)
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
