"""What cannot be exported is refused before torch starts, in one line, and nothing is left half-made."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import safetensors_files

from edge_assistant_quantize import room, worker
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import (
    InputMissing,
    ModelTooLarge,
    QuantizationFailed,
    StorageFull,
    ToolMissing,
    UsageError,
    WeightsRefused,
)
from edge_assistant_quantize.export import export, product
from edge_assistant_quantize.export.exporter import checked
from edge_assistant_quantize.gguf import conversion


@pytest.fixture
def folder(tmp_path):
    """A model as far as anybody looks at it who does not load it."""
    return make(tmp_path / "model", {"architectures": ["BertModel"], "model_type": "bert"})


def make(folder, config, **weights):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    safetensors_files.write(folder / "model.safetensors", weights or {"weight": np.ones((4, 4), np.float32)})
    (folder / "tokenizer.json").write_text('{"added_tokens": [{"content": "<|endoftext|>", "id": 3}]}')
    return folder


def refused(kind, match, folder, **options):
    """The error; nothing lies beside the model afterwards."""
    output = folder.parent / "out"
    with pytest.raises(kind, match=match) as caught:
        export.export(folder, output, threads=1, **options)
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint
    assert not output.exists()
    assert not list(folder.parent.glob(".*"))


def test_a_folder_that_holds_no_model_or_another_output_is_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    refused(WeightsRefused, "file not fully covered", folder)
    weight = np.ones((4, 4), np.float32)
    weight[2, 2] = np.nan
    safetensors_files.write(path, {"weight": weight})
    refused(WeightsRefused, "the tensor weight in model.safetensors holds NaN or infinity", folder)
    path.rename(folder / "pytorch_model.bin")
    refused(WeightsRefused, "pickled weights can run code", folder)
    (folder / "pytorch_model.bin").unlink()
    (folder / "config.json").unlink()
    refused(InputMissing, "model holds no config.json", folder)
    shutil.rmtree(folder)
    refused(InputMissing, "there is no folder model", folder)
    folder.mkdir()
    (folder / "mine").touch()
    with pytest.raises(UsageError, match="model is there already"):
        export.export(folder.with_name("other"), folder, threads=1)
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_without_the_extra_memory_or_disk_it_does_not_begin(folder, monkeypatch):
    monkeypatch.setattr(room, "available_memory", lambda: 1 << 20)
    refused(ModelTooLarge, "exporting model needs .* of memory and 1", folder)
    monkeypatch.setattr(room, "available_memory", lambda: 1 << 40)
    usage = shutil.disk_usage(folder)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    refused(StorageFull, "exporting model needs", folder)
    found = conversion.importlib.util.find_spec
    monkeypatch.setattr(conversion.importlib.util, "find_spec", lambda name: None if name == "optimum" else found(name))
    refused(ToolMissing, "the export to ONNX needs optimum", folder)


def test_what_does_not_fit_into_a_file_is_told_before_it_is_loaded(folder, monkeypatch):
    monkeypatch.setattr(export, "_MAX_BYTES", 63)
    refused(ModelTooLarge, r"model has 0\.0 GB of weights in float32 and an ONNX file holds 2\.1 GB", folder)


@pytest.mark.parametrize("architecture", ["LlamaForCausalLM", "SmolVLMForConditionalGeneration", "GPT2LMHeadModel"])
def test_for_a_model_that_writes_text_it_says_how_to_make_gguf_of_it(tmp_path, capsys, architecture):
    folder = make(tmp_path / "model", {"architectures": [architecture]})
    assert main(["convert", str(folder), "--output", str(tmp_path / "out")]) == 3
    said = "writes text, and the product runs such models as GGUF - name a .gguf as output; with --mmproj that is the"
    assert capsys.readouterr().err.startswith(f"error: model {said} picture encoder")
    assert not (tmp_path / "out").exists()


def test_a_library_that_fails_leaves_nothing(folder, monkeypatch):
    def fail(module, request, *rest, **more):
        (Path(request["output"]) / "model.onnx").touch()
        raise WeightsRefused("model lacks 23 weights of BertModel", "fetch the model again")

    monkeypatch.setattr(worker, "run", fail)
    refused(WeightsRefused, "model lacks 23 weights of BertModel", folder)


@pytest.mark.parametrize(
    ("pooled", "tokenizer", "note"),
    [
        ("mean_tokens", True, ""),
        ("max", True, "note: the product's embedder does not do max"),
        ("mean_tokens", False, "note: the product's embedder needs tokenizer.json: copy"),
    ],
)
def test_what_was_exported_is_said_and_is_a_candidate(folder, monkeypatch, capsys, pooled, tokenizer, note):
    done = {"task": "feature-extraction", "architecture": "BertModel", "opset": 18, "files": ["model.onnx"],
            "role": "embedder", "deviations": {"model.onnx": {"last_hidden_state": 2e-7}}, "versions": {}}  # fmt: skip

    def work(module, request, *rest, **more):
        output = Path(request["output"])
        (output / "model.onnx").touch()
        for path in Path(request["folder"]).glob("*okenizer.json"):
            shutil.copyfile(path, output / path.name)
        return done

    monkeypatch.setattr(worker, "run", work)
    if not tokenizer:
        (folder / "tokenizer.json").unlink()
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{pooled}": True}))
    output = folder.with_name("out")
    assert main(["convert", str(folder), "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert "compared with the model on the same inputs: at most 2.0e-07 of an output's largest value" in said
    assert note in said
    names = {"export.json", "model.onnx"} | (set() if note else {"candidate.toml"})
    names |= {"tokenizer.json"} if tokenizer else set()
    assert {path.name for path in output.iterdir()} == names
    assert json.loads((output / "export.json").read_text())["deviations"] == done["deviations"]


def test_an_export_of_which_no_output_was_compared_is_refused(folder, monkeypatch):
    done = {"task": "", "architecture": "", "opset": 18, "files": ["model.onnx"], "role": "", "versions": {}}
    for deviations in ({}, {"model.onnx": {}}):
        monkeypatch.setattr(worker, "run", lambda *given, found=deviations, **more: {**done, "deviations": found})
        refused(QuantizationFailed, r"no output of model\.onnx could be compared with the model", folder)


def test_a_stopped_export_leaves_nothing(folder):
    command = [sys.executable, "-m", "edge_assistant_quantize.cli.main", "convert", str(folder), "--output"]
    command.append(str(folder.with_name("out")))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("starting torch"):
                break
        assert len(list(folder.parent.iterdir())) == 2  # the model, and what is being made
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.startswith("error: interrupted - ")
    assert said.count("\n") == 1
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_process_that_exports_is_locked():
    code = (
        "from edge_assistant.governance.offline import lock\n"
        "from edge_assistant_quantize.export import exporter\n"
        "exporter.export = lambda *given: exporter.Done(lock.state().word, '', 1, [], '', {}, {})\n"
        "print(exporter.work({}, None)['task'])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "offline\n"


def test_a_graph_that_computes_something_else_is_refused():
    path, wanted = Path("model.onnx"), np.array([1.0, 2.0, -4.0], np.float32)
    assert checked(path, "logits", wanted.copy(), wanted) == 0
    assert checked(path, "logits", wanted + np.float32(4e-4), wanted) == pytest.approx(1e-4, rel=1e-3)
    infinite = np.array([1.0, 2.0, np.inf], np.float32)
    cases = {
        r"model.onnx differs from the model by 0.0025 of the largest logits": (wanted + np.float32(0.01), wanted),
        r"gives logits as \[2\] where the model gives \[3\]": (wanted[:2], wanted),
        "differs from the model by inf": (infinite, wanted),
        "differs from the model by nan": (np.full_like(wanted, np.nan), wanted),
        "the model itself computes NaN or infinity": (wanted, infinite),
    }
    for match, (made, right) in cases.items():
        with pytest.raises(QuantizationFailed, match=match):
            checked(path, "logits", made, right)


def test_nothing_is_fetched():
    assert export.worker.LIBRARIES["HF_HUB_OFFLINE"] == "1"
    assert os.environ.get("HF_HUB_OFFLINE") is None  # of the other process alone


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ({"mean_tokens": True, "cls_token": False}, "mean"),
        ({"cls_token": True}, "cls"),
        ({"max_tokens": True, "cls_token": True}, "max_tokens and cls_token"),
        ({}, "no pooling"),
    ],
)
def test_how_tokens_become_one_vector_is_read(folder, modes, said):
    def modules(*kinds):
        rows = [{"type": f"sentence_transformers.models.{kind}", "path": f"../../1_{kind}"} for kind in kinds]
        (folder / "modules.json").write_text(json.dumps(rows))

    assert product.pooling(folder) == "mean"  # where nobody says it
    (folder / "1_Pooling").mkdir()
    config = {f"pooling_mode_{name}": on for name, on in modes.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    assert product.pooling(folder) == said
    modules("Transformer", "Pooling", "Normalize")  # their paths lead nowhere else
    assert product.pooling(folder) == said
    modules("Transformer", "Pooling", "Dense")
    assert product.pooling(folder) == "a module Dense behind it"
    (folder / "modules.json").write_text("[3]")
    with pytest.raises(WeightsRefused, match=r"modules\.json cannot be read"):
        product.pooling(folder)
