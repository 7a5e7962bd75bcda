"""Each family from transformers to llama.cpp: the same numbers come out; and what cannot be converted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from edge_assistant_quantize import progress, room, worker
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import (
    EdgeAssistantError,
    ModelTooLarge,
    QuantizationFailed,
    StorageFull,
    ToolMissing,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.gguf import checkpoint, conversion, tokenization
from edge_assistant_quantize.gguf.conversion import convert

# llama.cpp's name of how the tokenizer splits text, where it is said; precision; how far the logits may be away
FAMILIES = {
    "llama": (None, "f16", 0.005),
    "llama3": (None, "f32", 1e-5),
    "qwen2": (None, "f16", 0.005),
    "qwen3": ("qwen2", "f32", 1e-5),
    "smollm": (None, "bf16", 0.03),
    "smollm3": ("llama-bpe", "f32", 1e-5),
    "gemma3": (None, "q8_0", 0.05),
}


def logits_of(path: Path, tokens: list[int]) -> Any:
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


@pytest.mark.parametrize("family", FAMILIES)
def test_the_converted_model_computes_what_the_exported_one_does(
    family: str, tiny: Path, converter: Path, tmp_path: Path
) -> None:
    pre, precision, tolerance = FAMILIES[family]
    output = tmp_path / "model.gguf"
    steps: list[progress.Step] = []
    convert(tiny / family, output, precision=precision, pre=pre, threads=1, watch=steps.append)
    expected = json.loads((tiny / f"{family}.json").read_text())
    wanted = np.array(expected["logits"])
    found = logits_of(output, expected["tokens"])
    assert found.shape == wanted.shape
    assert np.linalg.norm(found - wanted) <= tolerance * np.linalg.norm(wanted)
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]
    assert {step.what: step.done == step.total for step in steps} == {
        "reading the weights, MiB": True,
        "converting, %": True,
        "loading it with llama.cpp": True,
    }


def refused(folder: Path, output: Path, kind: type[EdgeAssistantError], **options: Any) -> str:
    """What a conversion that fails says; nothing is left of it."""
    with pytest.raises(kind) as caught:
        convert(folder, output, threads=1, watch=progress.ignore, **options)
    assert "\n" not in str(caught.value)
    assert list(output.parent.iterdir()) == []
    return str(caught.value)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "made").mkdir()
    return tmp_path / "made" / "model.gguf"


@pytest.fixture
def changed(tiny: Path, tmp_path: Path) -> Path:
    """A copy of a tiny model, to be changed."""
    return shutil.copytree(tiny / "llama3", tmp_path / "changed")


def test_a_tokenizer_that_nobody_knows_is_said(changed: Path, converter: Path, output: Path) -> None:
    tokenizer = json.loads((changed / "tokenizer.json").read_text())
    tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\p{L}+|\p{N}+|[^\p{L}\p{N}]+"
    (changed / "tokenizer.json").write_text(json.dumps(tokenizer))
    said = refused(changed, output, WeightsRefused)
    assert "does not know how the tokenizer of changed splits text - if it splits as that of a known family" in said


def test_a_tokenizer_that_splits_otherwise_is_seen(tiny: Path, converter: Path, output: Path) -> None:
    said = refused(tiny / "llama3", output, QuantizationFailed, pre="qwen2")
    assert "llama.cpp splits the text The quick brown fox's 12345" in said


def test_pieces_without_their_scores_are_refused(tiny: Path) -> None:
    """What the converter makes of SentencePiece where only tokenizer.json is there: seen with Llama 2's."""
    found = checkpoint.read(tiny / "qwen2")
    with pytest.raises(WeightsRefused, match=r"the model's tokenizer - put the tokenizer\.model"):
        conversion._check_tokens(found, tokenization.Loaded(pieces=True, tokens=[[1, 2]] * len(tokenization.TEXTS)))


def asking_for_code(folder: Path, architecture: str) -> Path:
    """Let a model ask for code by a configuration beside the usual one; returns what the code would write."""
    code, ran = folder.parent / "code", folder.parent / "ran"
    code.mkdir()
    (code / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nfrom transformers import LlamaConfig as Evil\n")
    config = json.loads((folder / "config.json").read_text()) | {"architectures": [architecture]}
    asked = {"auto_map": {"AutoConfig": f"{code}--evil.Evil"}}
    (folder / "config.4.0.0.json").write_text(json.dumps(config | asked))
    (folder / "config.json").write_text(json.dumps(config | {"configuration_files": ["config.4.0.0.json"]}))
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    return ran


def test_code_that_a_model_names_is_not_run(changed: Path, converter: Path, output: Path) -> None:
    """LLaDA is one of those for which the converter trusts it: seen to run before."""
    ran = asking_for_code(changed, "LLaDAModelLM")
    refused(changed, output, QuantizationFailed)
    assert not ran.exists()
    arguments = [str(changed), "--outfile", str(output), "--outtype", "f32"]
    request = {"tool": str(converter), "pre": "qwen2", "family": None, "arguments": arguments, "folder": "changed"}
    with pytest.raises(QuantizationFailed, match="the model asks for code of its own, which is not run"):
        worker.run("edge_assistant_quantize.gguf.converter", request, progress.ignore)
    assert not ran.exists()


def test_what_was_interrupted_leaves_nothing(tiny: Path, converter: Path, output: Path) -> None:
    def interrupt(step: progress.Step) -> None:
        if step.what == "converting, %" and step.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tiny / "llama", output, threads=1, watch=interrupt)
    assert list(output.parent.iterdir()) == []


def test_not_a_number_is_named_before_anything_is_written(changed: Path, converter: Path, output: Path) -> None:
    weights = changed / "model.safetensors"
    arrays = load_file(str(weights))
    name = next(iter(arrays))
    arrays[name] = np.full_like(arrays[name], np.nan)
    save_file(arrays, str(weights))
    assert f"the tensor {name} in model.safetensors holds NaN" in refused(changed, output, WeightsRefused)


def test_code_that_a_model_brings_is_not_run(changed: Path, converter: Path, output: Path, tmp_path: Path) -> None:
    """The converter trusts it where this class of tokenizer is named (base.py, _set_vocab_hybriddna)."""
    (changed / "code.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'run')!r}).touch()\n")
    (changed / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "HybridDNATokenizer", "auto_map": {"AutoTokenizer": ["code.Tokenizer", None]}})
    )
    assert "HybridDNATokenizer" in refused(changed, output, QuantizationFailed)
    assert not (tmp_path / "run").exists()


def test_an_unknown_architecture_is_named(changed: Path, converter: Path, output: Path) -> None:
    config = json.loads((changed / "config.json").read_text())
    (changed / "config.json").write_text(json.dumps({**config, "architectures": ["OddForCausalLM"]}))
    assert "does not know the architecture OddForCausalLM" in refused(changed, output, WeightsRefused)


def test_disk_and_memory_are_looked_at_first(
    tiny: Path, converter: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1 << 20}))
    assert "model.gguf needs 64.2 MiB and 1.0 MiB are free" in refused(tiny / "llama", output, StorageFull)
    monkeypatch.undo()
    monkeypatch.setattr(conversion.llama, "source", lambda: converter)
    monkeypatch.setattr(room, "available_memory", lambda: 1 << 20)
    assert "converting llama needs 1,024 MiB of memory" in refused(tiny / "llama", output, ModelTooLarge)


def test_what_is_not_installed_is_said(
    tiny: Path, converter: Path, output: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion.importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    said = refused(tiny / "llama", output, ToolMissing)
    assert "needs torch - install the extra: pip install 'edge-assistant-offline[quantize]'" in said
    (home / "cache" / "llama.cpp").unlink()
    assert "edge-quantize tools" in refused(tiny / "llama", output, ToolMissing)


def test_a_wrong_order_is_told(tiny: Path, output: Path) -> None:
    assert "there is no precision q4_k" in refused(tiny / "llama", output, UsageError, precision="q4_k")
    with pytest.raises(UsageError, match="is a folder - name the file to write"):
        convert(tiny / "llama", output.parent, threads=1, watch=progress.ignore)


def test_the_command_says_what_came_of_it(
    tiny: Path, converter: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(tiny / "smollm"), "--output", str(output), "--threads", "1"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("model.gguf: LlamaForCausalLM, 0.1 M values")
    assert said.out.endswith("its output layer is its embedding (tied)\n")
    assert main(["convert", str(tiny / "nothing"), "--output", str(output)]) == 3
    assert main(["convert", str(tiny / "smollm"), "--output", str(output / "none" / "x.gguf")]) == 3
