"""Quantizing GGUF: every type, what is overridden, what is refused, and that nothing is left half-made."""

import json
import re
import signal
import subprocess
import sys

import pytest
from helpers import forked, smalldisk, tiny_llama

from edge_assistant_quantize import room, worker
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.cli.quantize import tensor_types
from edge_assistant_quantize.errors import (
    CalibrationInvalid,
    InputMissing,
    ModelCorrupt,
    ModelTooLarge,
    StorageFull,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.gguf import header, imatrix, kinds, quantize
from edge_assistant_quantize.progress import ignore


@pytest.fixture(autouse=True)
def workers(request, monkeypatch):
    """The processes that quantize are forked; those of one type are started as for a person."""
    if "[BF16-" not in request.node.name:
        forked.use(monkeypatch, torch=False)


@pytest.fixture(scope="module")
def tiny(small):
    return small / "tiny.gguf"


@pytest.fixture(scope="module")
def matrix(tiny, tmp_path_factory):
    made = tmp_path_factory.mktemp("matrix") / "matrix.gguf"
    imatrix.compute(tiny, tiny.with_name("prose.txt"), made, context=64, chunks=4, threads=1, watch=ignore)
    return made


def made(model, output, kind, **given):
    quantize.quantize(model, output, kind, **{"threads": 1, "watch": ignore, **given})
    return header.read(output)


# What llama-quantize of the llama.cpp in llama-cpp-python 0.3.36 writes:
#   llama-quantize tiny.gguf tiny-q4.gguf Q4_K_M 1
Q4_K_M = "ab5e03b29884e3a8eabe0ef6312070e932255e80f3a61942068030ec81c199c4"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("BF16", {"bf16": 16, "f32": 5}),
        ("Q4_K_M", {"q4_K": 13, "f32": 5, "q6_K": 3}),
        ("q3_k_s", {"q3_K": 15, "f32": 5, "q6_K": 1}),
        ("IQ4_XS", {"iq4_xs": 15, "f32": 5, "q6_K": 1}),
    ],
)
def test_a_type_is_a_mixture_of_types(tiny, tmp_path, kind, expected):
    steps, output = [], tmp_path / "out.gguf"
    assert made(tiny, output, kind, watch=steps.append, threads=2).kinds == expected
    assert (steps[0].done, steps[-1].done, steps[-1].total) == (0, 21, 21)
    assert (sha256_of(output) == Q4_K_M) == (kind == "Q4_K_M")


@pytest.fixture
def narrow(tmp_path, monkeypatch):
    """A model whose rows are no multiples of 256, but for those of ffn_down."""
    monkeypatch.setattr(tiny_llama, "COLUMNS", 64)
    return tiny_llama.write(tmp_path / "narrow.gguf")


def test_tensors_that_fall_back_to_another_type_are_counted_and_told(narrow, tiny, tmp_path, capsys):
    """Q5_K_M of rows of 64 has no q5_K but in ffn_down."""
    output = tmp_path / "q5.gguf"
    words = ["quantize", str(narrow), "--type", "Q5_K_M", "--output", str(output), "--threads", "1"]
    assert main(words) == 0
    said, kinds_made = capsys.readouterr().out, header.read(output).kinds
    fallbacks = {kind: count for kind, count in kinds_made.items() if kind in {"q5_1", "q8_0"}}
    assert sum(fallbacks.values()) == 14
    told = ", ".join(f"{count} to {kind}" for kind, count in fallbacks.items())
    assert f"14 tensors fell back, {told}: their rows are no multiples of 256\n" in said
    bits = 8 * output.stat().st_size / header.read(output).weights
    assert said.startswith(f"q5.gguf: {bits:.2f} bits a weight as Q5_K_M, ")
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["fallbacks"], found["bits_per_weight"]) == (fallbacks, pytest.approx(bits, abs=0.001))
    how = {"threads": 1, "watch": ignore}
    assert quantize.quantize(narrow, output, "IQ4_NL", **how) == {"q8_0": header.read(output).kinds["q8_0"]}
    overrides = {"attn|ffn_(gate|up)|token_embd|output": "Q8_0"}
    assert quantize.quantize(narrow, output, "Q5_K_M", overrides=overrides, **how) == {}
    assert quantize.quantize(tiny, output, "Q5_K_M", **how) == {}
    assert quantize.note({}) == ""


def test_a_type_of_few_bits_needs_an_importance_matrix(tiny, matrix, tmp_path):
    output = tmp_path / "out.gguf"
    with pytest.raises(CalibrationInvalid, match="Q2_K_S needs an importance matrix"):
        made(tiny, output, "Q2_K_S")
    with pytest.raises(CalibrationInvalid):
        made(tiny, output, "Q4_K_M", overrides={"ffn_up": "IQ2_XS"})
    found = made(tiny, output, "IQ2_XXS", imatrix=matrix)
    assert "iq2_xxs" in found.kinds


def test_a_matrix_of_another_model_is_refused(small, tiny, matrix, tmp_path):
    for model, given, error, said in (
        (small / "moe.gguf", matrix, CalibrationInvalid, "is of another model"),
        (tiny, tiny, CalibrationInvalid, "no importance matrix"),
        (tiny, tmp_path / "none.gguf", InputMissing, None),
    ):
        with pytest.raises(error, match=said):
            made(model, tmp_path / "out.gguf", "IQ2_XXS", imatrix=given)
    assert not list(tmp_path.iterdir())


def test_every_type_has_a_number_and_no_other_has():
    for of, names in ((kinds.of_model, kinds.MODELS), (kinds.of_tensor, kinds.TENSORS)):
        assert len({of(name) for name in names}) == len(names)
        with pytest.raises(UsageError, match="there is no type"):
            of("Q9_Z")


def test_tensors_are_overridden_the_first_expression_first(tiny, tmp_path):
    types = {"attn_[v]": "q8_0", r"blk\.0\..*": "IQ4_NL"}
    found = made(tiny, tmp_path / "out.gguf", "Q4_K_M", overrides=types)
    by_name = {tensor.name: header.kind_of(tensor) for tensor in found.tensors}
    assert (by_name["blk.0.attn_v.weight"], by_name["blk.1.attn_v.weight"]) == ("q8_0", "q8_0")
    assert (by_name["blk.0.ffn_down.weight"], by_name["blk.1.ffn_up.weight"]) == ("iq4_nl", "q4_K")


@pytest.mark.parametrize(
    ("types", "kind", "said"),
    [
        ({"ATTN_V": "Q8_0"}, "Q4_K_M", "no tensor's name matches"),
        ({"attn_(": "Q8_0"}, "Q4_K_M", "no regular expression"),
        ({"attn_v": "Q4_K_M"}, "Q4_K_M", "no type 'Q4_K_M' of tensors"),
        ({"attn_v": "Q8_0"}, "F16", "keeps all tensors in one type"),
        ({}, "Q4", "there is no type 'Q4'"),
    ],
)
def test_a_wrong_type_is_told(tiny, tmp_path, types, kind, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        made(tiny, tmp_path / "out.gguf", kind, overrides=types)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spoilt", ["blk.1.ffn_down.weight", "output_norm.weight"])
def test_weights_that_are_no_numbers_are_refused(tmp_path, spoilt):
    model = tiny_llama.write(tmp_path / "nan.gguf", spoilt=spoilt)
    with pytest.raises(WeightsRefused, match=rf"{re.escape(spoilt)} of nan\.gguf holds what is no finite number"):
        made(model, tmp_path / "out.gguf", "Q4_K_M")
    assert [path.name for path in tmp_path.iterdir()] == ["nan.gguf"]


def test_what_is_no_model_is_told(tiny, matrix, tmp_path):
    text = tmp_path / "text.gguf"
    text.write_text("a text")
    for model, error, said in (
        (text, ModelCorrupt, "not a GGUF file"),
        (tmp_path / "none.gguf", ModelCorrupt, None),
        (matrix, WeightsRefused, "holds no model"),
        (tiny_llama.write(tmp_path / "split.gguf", parts=2), ModelCorrupt, "one part of several"),
        (
            tiny_llama.write(tmp_path / "unknown.gguf", architecture="odd"),
            WeightsRefused,
            "knows no architecture 'odd'",
        ),
    ):
        with pytest.raises(error, match=said):
            made(model, tmp_path / "out.gguf", "Q8_0")
    assert not (tmp_path / "out.gguf").exists()
    with pytest.raises(UsageError, match="would replace the model itself"):
        made(tiny, tiny, "Q8_0")


def test_too_little_disk_or_memory_is_told_before(tiny, tmp_path, monkeypatch):
    with smalldisk.mounted(tmp_path / "disk") as folder:
        with pytest.raises(StorageFull, match="the quantized model needs"):
            made(tiny, folder / "out.gguf", "Q8_0")
        assert made(tiny, folder / "out.gguf", "Q4_0")
        run = worker.run  # a disk that fills up meanwhile: another one is looked at before
        monkeypatch.setattr(
            worker, "run", lambda of, asked, *more, **how: run(of, {**asked, "folder": "/"}, *more, **how)
        )
        with pytest.raises(StorageFull):
            made(tiny, folder / "more.gguf", "Q8_0")
        assert [path.name for path in folder.iterdir()] == ["out.gguf"]
    monkeypatch.setattr(room, "available_memory", lambda: 1 << 10)
    with pytest.raises(ModelTooLarge, match="quantizing needs"):
        made(tiny, tmp_path / "out.gguf", "Q8_0")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interruption_leaves_nothing(models, tmp_path, number):
    model = models("language").files["model"]
    command = [sys.executable, "-m", "edge_assistant_quantize.cli.main", "quantize", model, "--type", "Q3_K_M"]
    command += ["--allow-requantize", "--threads", "1", "--output", tmp_path / "out.gguf"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while "quantizing" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        rest = process.stderr.read()  # ends when the process that computes has ended, too
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert not list(tmp_path.iterdir())
    assert ("error: interrupted" in rest) == (number == signal.SIGINT)


def test_the_verb_says_what_came_of_it_and_quantizes_twice_only_where_that_is_wanted(tiny, tmp_path, capsys):
    output, last = tmp_path / "q8.gguf", tmp_path / "q4.gguf"
    assert main(["quantize", str(tiny), "--type", "q8_0", "--output", str(output), "--threads", "1"]) == 0
    assert "tensors: 16 q8_0, 5 f32" in capsys.readouterr().out
    again = ["quantize", str(output), "--type", "Q4_0", "--output", str(last), "--json"]
    assert main(again) == 2
    assert "q8.gguf is quantized already (q8_0), and would lose twice" in capsys.readouterr().err
    assert main([*again, "--allow-requantize", "--tensor-type", "attn_v=Q8_0"]) == 0
    capsys.readouterr()
    assert main([*again[:-1], "--allow-requantize"]) == 0
    assert "tensors: 15 q4_0, 1 q6_K, 5 f32" in capsys.readouterr().out
    for given in (["attn_v"], ["a=Q8_0", "a=Q4_0"]):
        with pytest.raises(UsageError):
            tensor_types(given)


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["Q4_K_M", "IQ2_XS"])
def test_llama_quantize_built_anew_writes_the_same(llama_tools, tiny, matrix, tmp_path, kind):
    ours, theirs = tmp_path / "ours.gguf", tmp_path / "theirs.gguf"
    made(tiny, ours, kind, imatrix=matrix)
    command = [llama_tools / "llama-quantize", "--imatrix", matrix.name, tiny, theirs, kind, "1"]
    subprocess.run(command, capture_output=True, check=True, cwd=matrix.parent)
    one, other = ({each.name: each.data.tobytes() for each in header.read(path).tensors} for path in (ours, theirs))
    assert one == other
