"""Importance matrices: collected as llama.cpp's tool does, written and read in both forms, and what is no such file."""

import io
import json
import os
import signal
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny_llama
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import EdgeAssistantError, InputMissing, ModelCorrupt
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.cli import main
from edge_assistant_quantize.errors import CalibrationInvalid, UsageError, WeightsRefused
from edge_assistant_quantize.gguf import imatrix
from edge_assistant_quantize.progress import Step, ignore

CONTEXT = 128


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("matrices")
    (made / "prose.txt").write_text(tiny_llama.prose(120))
    tiny_llama.write(made / "tiny.gguf")
    tiny_llama.write(made / "moe.gguf", experts=4)
    return made


def compute(folder: Path, model: str, output: str, **options) -> Path:
    given = {"context": CONTEXT, "threads": 1, "watch": ignore, **options}
    imatrix.compute(folder / model, folder / "prose.txt", folder / output, **given)
    return folder / output


def test_the_sums_are_those_of_the_inputs_of_each_product(folder):
    matrix = imatrix.read(compute(folder, "tiny.gguf", "tiny-matrix.gguf"))
    assert (matrix.chunks, matrix.dataset) == (8, "prose.txt")
    assert len(matrix.means) == 7 * tiny_llama.LAYERS
    assert matrix.means["blk.0.attn_q.weight"].shape == (tiny_llama.COLUMNS,)
    assert matrix.means["blk.1.ffn_down.weight"].shape == (tiny_llama.HIDDEN,)
    # queries, keys and values are made of one input, as are gate and up
    assert (matrix.means["blk.0.attn_q.weight"] == matrix.means["blk.0.attn_v.weight"]).all()
    assert (matrix.means["blk.1.ffn_up.weight"] == matrix.means["blk.1.ffn_gate.weight"]).all()


def test_the_first_input_is_the_normed_embedding(folder):
    """What the first layer is given can be computed by hand: embeddings, normed, times the norm's weights."""
    matrix = imatrix.read(compute(folder, "tiny.gguf", "first.gguf", chunks=1))
    generator = np.random.default_rng(0)
    embeddings = generator.normal(0, 0.1, (259, tiny_llama.COLUMNS)).astype(np.float16).astype(np.float64)
    generator.normal(1, 0.1, (tiny_llama.COLUMNS,))
    generator.normal(0, 0.1, (259, tiny_llama.COLUMNS))
    norm = generator.normal(1, 0.1, (tiny_llama.COLUMNS,)).astype(np.float32)
    said = (" " + (folder / "prose.txt").read_text()).encode().replace(b" ", "▁".encode())
    tokens = [1, *(3 + byte for byte in said)][:CONTEXT]
    rows = embeddings[tokens]
    inputs = rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-5) * norm
    assert matrix.means["blk.0.attn_q.weight"] == pytest.approx((inputs**2).mean(axis=0), rel=1e-4)


def test_experts_are_counted_apart_and_both_forms_say_the_same(folder):
    whole = imatrix.read(compute(folder, "moe.gguf", "moe-matrix.gguf"))
    older = imatrix.read(compute(folder, "moe.gguf", "moe-matrix.dat"))
    assert whole.means["blk.0.ffn_down_exps.weight"].shape == (4 * tiny_llama.HIDDEN,)
    assert whole.means.keys() == older.means.keys()
    assert (older.chunks, older.dataset) == (whole.chunks, whole.dataset)
    for name, values in whole.means.items():
        assert older.means[name] == pytest.approx(values, rel=1e-5)
    experts = whole.means["blk.0.ffn_up_exps.weight"].reshape(4, -1)
    assert len({float(row.sum()) for row in experts}) == 4


def test_an_expert_that_met_nothing_is_neutral():
    values = {"blk.0.ffn_up_exps.weight": np.array([[4, 8], [0, 0]], np.float32)}
    sums = imatrix.Sums(values, {"blk.0.ffn_up_exps.weight": np.array([2, 0])}, 1, 2, "text")
    stream = io.BytesIO()
    imatrix.write_dat(sums, stream)
    assert imatrix.read_dat(stream, len(stream.getvalue())).means["blk.0.ffn_up_exps.weight"].tolist() == [2, 4, 1, 1]


def test_what_cannot_be_computed_is_told_and_leaves_nothing(folder, tmp_path):
    before = sorted(folder.iterdir())
    with pytest.raises(UsageError, match=r"neither \.gguf nor \.dat"):
        compute(folder, "tiny.gguf", "matrix.bin")
    with pytest.raises(CalibrationInvalid, match="at least 2,048"):
        compute(folder, "tiny.gguf", "matrix.gguf", context=1024)
    with pytest.raises(ModelCorrupt):
        compute(folder, "prose.txt", "matrix.gguf")
    assert sorted(folder.iterdir()) == before
    spoilt = tiny_llama.write(tmp_path / "spoilt.gguf", spoilt="blk.0.ffn_norm.weight")
    (tmp_path / "prose.txt").write_bytes((folder / "prose.txt").read_bytes())
    with pytest.raises(WeightsRefused, match=r"blk\.0\.ffn_(up|gate)\.weight"):
        compute(tmp_path, spoilt.name, "matrix.gguf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["prose.txt", "spoilt.gguf"]


def test_the_verb_says_what_came_of_it(folder, tmp_path, capsys):
    output = tmp_path / "matrix.gguf"
    command = ["imatrix", folder / "tiny.gguf", "--text", folder / "prose.txt", "--context", "64", "--chunks", "2"]
    words = [str(word) for word in [*command, "--output", output, "--threads", "1"]]
    assert main.main(words) == 0
    assert capsys.readouterr().out == "matrix.gguf: 14 tensors over 2 chunks of prose.txt\n"
    assert main.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == sha256_of(output)
    assert main.main([*words[:-4], "--output", str(tmp_path / "matrix.txt")]) == 2


def test_an_interruption_within_the_callback_gets_through(folder, monkeypatch):
    from edge_assistant_quantize.gguf import collector

    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(collector.Collector, "_take", interrupted)
    steps: list[Step] = []
    with pytest.raises(KeyboardInterrupt):
        compute(folder, "tiny.gguf", "interrupted.gguf", watch=steps.append)
    assert len(steps) == 1
    assert not (folder / "interrupted.gguf").exists()


def test_an_interruption_before_the_callback_does_anything_gets_through(folder, monkeypatch):
    class Interrupted(imatrix.Collector):
        times = 0

        def __call__(self, address, asks, data):
            self.times += 1
            if self.times == 1:
                os.kill(os.getpid(), signal.SIGINT)  # what Ctrl-C does; the main thread is told
            return super().__call__(address, asks, data)

    monkeypatch.setattr(imatrix, "Collector", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        compute(folder, "tiny.gguf", "interrupted.gguf")
    assert not (folder / "interrupted.gguf").exists()


def test_other_files_are_no_importance_matrix(folder, tmp_path):
    with pytest.raises(InputMissing):
        imatrix.read(tmp_path / "none.gguf")
    for name in ("tiny.gguf", "prose.txt"):
        with pytest.raises(CalibrationInvalid):
            imatrix.read(folder / name)


@given(st.binary(max_size=80), st.integers(-2, 70_000))
def test_what_is_read_is_a_matrix_or_an_error(tmp_path_factory, content, count):
    path = tmp_path_factory.mktemp("dat") / "matrix.dat"
    for whole in (content, struct.pack("<i", count) + content, b"GGUF" + content):
        path.write_bytes(whole)
        try:
            matrix = imatrix.read(path)
        except EdgeAssistantError:
            continue
        assert all(np.isfinite(values).all() for values in matrix.means.values())


@pytest.mark.bench
@pytest.mark.parametrize("name", ["tiny.gguf", "moe.gguf"])
def test_llama_imatrix_built_anew_agrees(llama_tools, folder, name, tmp_path):
    theirs = tmp_path / "theirs.gguf"
    # one chunk in a batch: with more, the tool leaves out the last tokens of a batch that does not divide evenly
    command = [llama_tools / "llama-imatrix", "-m", folder / name, "-f", folder / "prose.txt", "-o", theirs]
    command += ["-c", str(CONTEXT), "-b", str(CONTEXT), "--no-ppl", "--no-repack", "-t", "1"]
    subprocess.run(command, capture_output=True, check=True)
    ours, matrix = imatrix.read(compute(folder, name, "ours.gguf")), imatrix.read(theirs)
    assert ours.means.keys() == matrix.means.keys()
    assert ours.chunks == matrix.chunks
    for tensor, values in matrix.means.items():
        assert ours.means[tensor] == pytest.approx(values, rel=1e-4)
