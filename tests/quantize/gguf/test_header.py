"""Headers of GGUF files: what they declare, lists without their elements, and files of any content."""

import pytest
from helpers import tiny_llama
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.errors import ModelCorrupt
from edge_assistant_quantize.gguf import header

HEAD = 9000  # bytes of the header of the tiny model, about


def test_numbers_texts_and_tensors_are_read(small):
    found = header.read(small / "tiny.gguf")
    assert found.values["general.architecture"] == "llama"
    assert found.values["llama.block_count"] == tiny_llama.LAYERS
    assert found.values["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
    assert "tokenizer.ggml.tokens" not in found.values
    assert (found.kinds, found.quantized) == ({"f16": 16, "f32": 5}, ())
    assert found.tensors[0].shape.tolist() == [tiny_llama.COLUMNS, 259]
    last = found.tensors[-1]
    assert last.data_offset + last.n_bytes == (small / "tiny.gguf").stat().st_size


@given(st.lists(st.tuples(st.integers(0, HEAD), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_changed_file_is_read_or_refused_and_nothing_else(small, tmp_path_factory, changes):
    content = bytearray((small / "tiny.gguf").read_bytes())
    for place, value in changes:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "changed.gguf"
    path.write_bytes(content)
    try:
        found = header.read(path)
    except ModelCorrupt:
        return
    assert all(0 <= tensor.data_offset < len(content) for tensor in found.tensors)
