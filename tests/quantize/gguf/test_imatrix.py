"""Importance matrices: collected as llama.cpp's tool does, written and read again, and what is no such file."""

import json
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import forked, tiny_llama
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import EdgeAssistantError, InputMissing, ModelCorrupt
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError, WeightsRefused
from edge_assistant_quantize.gguf import imatrix
from edge_assistant_quantize.gguf.model import Model
from edge_assistant_quantize.progress import ignore

CONTEXT = 128


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    forked.use(monkeypatch, torch=False)


def compute(small, model, output, **options):
    given = {"context": CONTEXT, "threads": 1, "watch": ignore, **options}
    assert imatrix.compute(small / model, small / "prose.txt", output, **given)
    return imatrix.read(output)


def test_the_sums_are_those_of_the_inputs_of_each_product(small, tmp_path):
    """What the first layer is given can be computed by hand: embeddings, normed, times the norm's weights."""
    matrix = compute(small, "tiny.gguf", tmp_path / "matrix.gguf", chunks=1)
    assert len(matrix) == 7 * tiny_llama.LAYERS
    assert matrix["blk.1.ffn_down.weight"].shape == (tiny_llama.HIDDEN,)
    # queries, keys and values are made of one input, as are gate and up
    assert (matrix["blk.0.attn_q.weight"] == matrix["blk.0.attn_v.weight"]).all()
    assert (matrix["blk.1.ffn_up.weight"] == matrix["blk.1.ffn_gate.weight"]).all()
    generator = np.random.default_rng(0)
    embeddings = generator.normal(0, 0.1, (259, tiny_llama.COLUMNS)).astype(np.float16).astype(np.float64)
    generator.normal(1, 0.1, (tiny_llama.COLUMNS,))
    generator.normal(0, 0.1, (259, tiny_llama.COLUMNS))
    norm = generator.normal(1, 0.1, (tiny_llama.COLUMNS,)).astype(np.float32)
    said = (" " + (small / "prose.txt").read_text()).encode().replace(b" ", "▁".encode())
    rows = embeddings[[1, *(3 + byte for byte in said)][:CONTEXT]]
    inputs = rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-5) * norm
    assert matrix["blk.0.attn_q.weight"] == pytest.approx((inputs**2).mean(axis=0), rel=1e-4)


def test_experts_are_counted_apart(small, tmp_path):
    whole = compute(small, "moe.gguf", tmp_path / "matrix.gguf")
    assert whole["blk.0.ffn_down_exps.weight"].shape == (4 * tiny_llama.HIDDEN,)
    assert len({float(row.sum()) for row in whole["blk.0.ffn_up_exps.weight"].reshape(4, -1)}) == 4


def test_an_expert_that_met_nothing_is_neutral(tmp_path):
    name = "blk.0.ffn_up_exps.weight"
    found = SimpleNamespace(sums={name: np.array([[4.0, 8.0], [0, 0]])}, counts={name: np.array([2, 0])})
    imatrix._write(found, str(tmp_path / "matrix.gguf"), "text", 1, 2)
    assert imatrix.read(tmp_path / "matrix.gguf")[name].tolist() == [2, 4, 1, 1]


def test_what_cannot_be_computed_is_told_and_leaves_nothing(small, tmp_path):
    tiny_llama.write(tmp_path / "spoilt.gguf", spoilt="blk.0.ffn_norm.weight")
    for model, name, error, said, options in (
        ("tiny.gguf", "matrix.dat", UsageError, r"no \.gguf file", {}),
        ("tiny.gguf", "matrix.gguf", CalibrationInvalid, "at least 2,048", {"context": 1024}),
        ("prose.txt", "matrix.gguf", ModelCorrupt, None, {}),
        (tmp_path / "spoilt.gguf", "matrix.gguf", WeightsRefused, r"blk\.0\.ffn_(up|gate)\.weight", {}),
    ):
        with pytest.raises(error, match=said):
            compute(small, model, tmp_path / name, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["spoilt.gguf"]


def test_the_verb_says_what_came_of_it(small, tmp_path, capsys):
    output = tmp_path / "matrix.gguf"
    command = ["imatrix", small / "tiny.gguf", "--text", small / "prose.txt", "--context", "64", "--chunks", "2"]
    words = [str(word) for word in [*command, "--output", output, "--threads", "1"]]
    assert main(words) == 0
    assert capsys.readouterr().out == "matrix.gguf: 14 tensors over 2 chunks of prose.txt\n"
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == sha256_of(output)


def test_an_interruption_leaves_nothing(small, tmp_path):
    def interrupt(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(small, "tiny.gguf", tmp_path / "interrupted.gguf", watch=interrupt)
    assert not list(tmp_path.iterdir())


def test_a_fault_in_the_callback_gets_through_the_library(small):
    """No exception passes through C: the callback keeps it, and computes no further."""

    class Failing(imatrix.Collector):
        def _take(self, node, by_expert):
            raise MemoryError

    collector = Failing()
    with Model(small / "tiny.gguf", threads=1, context=32, node=collector) as model:
        model.evaluate(np.full(32, 5, np.int32))
    with pytest.raises(MemoryError):
        collector.check()


def test_other_files_are_no_importance_matrix(small, tmp_path):
    with pytest.raises(InputMissing):
        imatrix.read(tmp_path / "none.gguf")
    for name in ("tiny.gguf", "prose.txt"):
        with pytest.raises(CalibrationInvalid):
            imatrix.read(small / name)


@given(st.binary(max_size=80))
def test_what_is_read_is_a_matrix_or_an_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "matrix.gguf"
    for whole in (content, b"GGUF" + content):
        path.write_bytes(whole)
        try:
            matrix = imatrix.read(path)
        except EdgeAssistantError:
            continue
        assert all(np.isfinite(values).all() for values in matrix.values())


@pytest.mark.bench
@pytest.mark.parametrize("name", ["tiny.gguf", "moe.gguf"])
def test_llama_imatrix_built_anew_agrees(llama_tools, small, name, tmp_path):
    theirs = tmp_path / "theirs.gguf"
    # one chunk in a batch: with more, the tool leaves out the last tokens of a batch that does not divide evenly
    command = [llama_tools / "llama-imatrix", "-m", small / name, "-f", small / "prose.txt", "-o", theirs]
    command += ["-c", str(CONTEXT), "-b", str(CONTEXT), "--no-ppl", "--no-repack", "-t", "1"]
    subprocess.run(command, capture_output=True, check=True)
    ours, matrix = compute(small, name, tmp_path / "ours.gguf"), imatrix.read(theirs)
    assert ours.keys() == matrix.keys()
    for tensor, values in matrix.items():
        assert ours[tensor] == pytest.approx(values, rel=1e-4)
