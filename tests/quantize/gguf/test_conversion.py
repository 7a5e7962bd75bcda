"""Each family from transformers to llama.cpp: the same numbers come out; and what cannot be converted."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from helpers import forked, tiny_language_models
from safetensors.numpy import load_file, save_file

from edge_assistant_quantize import progress, room, worker
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import (
    ModelTooLarge,
    QuantizationFailed,
    StorageFull,
    ToolMissing,
    WeightsRefused,
)
from edge_assistant_quantize.gguf import conversion
from edge_assistant_quantize.gguf.conversion import convert

# llama.cpp's name of how the tokenizer splits text, where it is said; precision; how far the logits may be away
FAMILIES = {
    "llama": (None, "f16", 0.005),
    "llama3": ("llama-bpe", "f32", 1e-5),
    "qwen3": ("qwen2", "f32", 1e-5),
    "smollm": ("smollm", "bf16", 0.03),
    "gemma3": (None, "q8_0", 0.05),
}


def logits_of(path, tokens):
    """What llama.cpp computes for the last token, with attention in F32."""
    import llama_cpp as llama

    model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
    parameters = llama.llama_context_default_params()
    parameters.n_ctx, parameters.n_threads, parameters.n_threads_batch = 256, 1, 1
    parameters.type_k = parameters.type_v = parameters.flash_attn_type = 0  # no attention in half precision
    context = llama.llama_init_from_model(model, parameters)
    row = (llama.llama_token * len(tokens))(*tokens)
    assert llama.llama_decode(context, llama.llama_batch_get_one(row, len(tokens))) == 0
    count = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    found = np.array(np.ctypeslib.as_array(llama.llama_get_logits_ith(context, -1), shape=(count,)))
    llama.llama_free(context)
    llama.llama_model_free(model)
    return found


@pytest.fixture(autouse=True)
def workers(request, monkeypatch):
    """The converter's processes are forked; that of one family is started as for a person."""
    if "[llama]" not in request.node.name:
        forked.use(monkeypatch)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_converted_model_computes_what_the_exported_one_does(family, families, converter, tmp_path, capsys):
    pre, precision, tolerance = FAMILIES[family]
    words = ["convert", families / family, "--output", tmp_path / "model.gguf", "--precision", precision]
    words += ["--threads", "1", *(["--pre-tokenizer", pre] if pre else [])]
    assert main([str(word) for word in words]) == 0
    expected = json.loads((families / f"{family}.json").read_text())
    wanted = np.array(expected["logits"])
    found = logits_of(tmp_path / "model.gguf", expected["tokens"])
    assert found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= tolerance * np.linalg.norm(wanted)
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]
    said = capsys.readouterr()
    assert said.out.startswith("model.gguf: ")
    for step in ("reading the weights, MiB", "converting, %", "loading it with llama.cpp"):
        assert f"{step}: done" in said.err


@pytest.fixture
def output(tmp_path):
    (tmp_path / "made").mkdir()
    return tmp_path / "made" / "model.gguf"


@pytest.fixture
def changed(families, tmp_path):
    """A copy of a tiny model, to be changed."""
    return shutil.copytree(families / "llama3", tmp_path / "changed")


def refused(folder, output, kind, **options):
    """What a conversion that fails says; nothing is left of it."""
    with pytest.raises(kind) as caught:
        convert(folder, output, **{"threads": 1, "watch": progress.ignore, **options})
    assert "\n" not in str(caught.value)
    assert list(output.parent.iterdir()) == []
    return str(caught.value)


def change(path, **keys):
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | keys))


def test_how_a_tokenizer_splits_is_known_and_compared(families, changed, converter, output):
    said = refused(changed, output, WeightsRefused)
    assert "does not know how the tokenizer of changed splits text - if it splits as that of a known family" in said
    said = refused(families / "llama3", output, WeightsRefused, pre="qwen2")
    assert "llama.cpp splits the text The quick brown fox's 12345" in said
    assert "say so: --pre-tokenizer llama-bpe, qwen2, smollm, ...; else put tokenizer.model of the model" in said


def test_a_tokenizer_that_was_built_anew_is_named_with_what_helps(families, converter, output, tmp_path):
    """Without tokens of bytes llama.cpp ends by std::out_of_range."""
    anew = shutil.copytree(families / "llama", tmp_path / "anew")
    (anew / "tokenizer.model").unlink()
    tiny_language_models.sentence_pieces(anew, space=True, byte_fallback=False, tokens=80)
    said = refused(anew, output, QuantizationFailed)
    assert said.startswith("anew cannot be converted (")
    assert "put tokenizer.json, and tokenizer.model if there is one, of the model" in said


def test_code_that_a_model_names_is_not_run(changed, converter, output, tmp_path):
    """LLaDA is one of those for which the converter trusts it: seen to run before."""
    code, ran = tmp_path / "code", tmp_path / "ran"
    code.mkdir()
    (code / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nfrom transformers import LlamaConfig as Evil\n")
    change(changed / "config.json", architectures=["LLaDAModelLM"])
    shutil.copy(changed / "config.json", changed / "config.4.0.0.json")
    change(changed / "config.4.0.0.json", auto_map={"AutoConfig": f"{code}--evil.Evil"})
    change(changed / "config.json", configuration_files=["config.4.0.0.json"])
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        (changed / name).unlink(missing_ok=True)
    refused(changed, output, QuantizationFailed, pre="qwen2")
    assert not ran.exists()
    request = {"tool": converter, "pre": "qwen2", "folder": changed, "output": output, "name": "", "kind": "f32"}
    request |= {"architecture": "LLaDAModelLM", "adapter": None, "keep": False, "projector": False}
    with pytest.raises(QuantizationFailed, match="the model asks for code of its own, which is not run"):
        worker.run("edge_assistant_quantize.gguf.converter", request, progress.ignore)
    assert not ran.exists()


def test_code_that_a_model_brings_is_not_run(changed, converter, output, tmp_path):
    """The converter trusts it where this class of tokenizer is named (base.py, _set_vocab_hybriddna)."""
    (changed / "code.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'run')!r}).touch()\n")
    asks = {"tokenizer_class": "HybridDNATokenizer", "auto_map": {"AutoTokenizer": ["code.Tokenizer", None]}}
    (changed / "tokenizer_config.json").write_text(json.dumps(asks))
    assert "HybridDNATokenizer" in refused(changed, output, QuantizationFailed)
    assert not (tmp_path / "run").exists()


def test_what_was_interrupted_leaves_nothing(families, converter, output):
    def interrupt(step):
        if step.what == "converting, %" and step.done:
            raise KeyboardInterrupt

    refused(families / "llama", output, KeyboardInterrupt, watch=interrupt)


def test_a_picture_encoder_is_written_beside_its_language_model(tmp_path, converter, families, output):
    """llama.cpp's own library for pictures loads the one with the other."""
    import llama_cpp
    from llama_cpp import mtmd_cpp

    forked.call(tiny_language_models.picture_reader, tmp_path / "eyes")
    words = ["convert", tmp_path / "eyes", "--threads", "1", "--output"]
    assert main([str(word) for word in [*words, output, "--pre-tokenizer", "smollm"]]) == 0
    eyes = output.with_name("mmproj.gguf")
    assert main([str(word) for word in [*words, eyes, "--mmproj"]]) == 0
    params = llama_cpp.llama_model_default_params()
    model = llama_cpp.llama_model_load_from_file(str(output).encode(), params)
    context = mtmd_cpp.mtmd_init_from_file(str(eyes).encode(), model, mtmd_cpp.mtmd_context_params_default())
    assert context
    assert mtmd_cpp.mtmd_support_vision(context)
    mtmd_cpp.mtmd_free(context)
    llama_cpp.llama_model_free(model)


def test_a_model_without_pictures_has_no_picture_encoder(families, converter, output):
    said = refused(families / "llama", output, WeightsRefused, projector=True)
    assert "does not know pictures of the architecture LlamaForCausalLM" in said


def test_a_picture_encoder_goes_by_the_architecture_of_the_whole_model(changed, converter, output):
    change(changed / "config.json", text_config={"architectures": ["LlamaForCausalLM"]}, architectures=["OddWithEyes"])
    said = refused(changed, output, WeightsRefused, projector=True)
    assert "does not know pictures of the architecture OddWithEyes" in said


def test_an_architecture_that_the_converter_does_not_know_is_named(changed, converter, output):
    change(changed / "config.json", architectures=["Odd\x1bForCausalLM"])
    said = refused(changed, output, WeightsRefused)
    assert r"does not know the architecture Odd\x1bForCausalLM - it knows Llama, Qwen" in said


def test_what_is_seen_before_anything_is_written(families, changed, converter, output, home, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(room.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1 << 20}))
        assert "model.gguf needs 64.2 MiB and 1.0 MiB are free" in refused(families / "llama", output, StorageFull)
    with monkeypatch.context() as patch:
        patch.setattr(room, "available_memory", lambda: 1 << 20)
        assert "converting llama needs 1,024 MiB of memory" in refused(families / "llama", output, ModelTooLarge)
    with monkeypatch.context() as patch:
        patch.setattr(conversion.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
        said = refused(changed, output, ToolMissing)
        assert "needs torch - install the extra: pip install 'edge-assistant-offline[quantize]'" in said
    arrays = load_file(str(changed / "model.safetensors"))
    name = next(iter(arrays))
    save_file(arrays | {name: np.full_like(arrays[name], np.nan)}, str(changed / "model.safetensors"))
    assert f"the tensor {name} in model.safetensors holds NaN" in refused(changed, output, WeightsRefused)
    (home / "cache" / "llama.cpp").unlink()
    assert "edge-quantize tools" in refused(changed, output, ToolMissing)
    assert main(["convert", str(families / "nothing"), "--output", str(output)]) == 3
