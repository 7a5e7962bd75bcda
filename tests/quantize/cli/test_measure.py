"""`metrics`, `evaluate`, `accept` and `compare` from their command lines to what they print, return and record."""

from __future__ import annotations

import argparse
import json
import os
import shutil

import onnx
import pytest
from helpers import tiny_llama
from msgspec.structs import replace

from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate
from edge_assistant_quantize.cli import inputs
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.metrics.metric import all_metrics
from edge_assistant_quantize.report import plots

pytestmark = pytest.mark.usefixtures("stored", "workers")


def test_every_metric_is_listed(capsys):
    assert main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    of_classifiers = lines[lines.index("classifier") : lines.index("faces")]
    assert "  top1 (against --reference)" in of_classifiers
    assert all(len(line) <= 100 for line in lines)
    assert {", ".join(each.gives) for each in all_metrics().values()} <= {
        line.strip().removesuffix(" (against --reference)") for line in lines
    }


def test_one_metric_says_what_it_takes_and_gives(capsys):
    assert main(["metrics", "kl-divergence"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "divergence, of language"
    assert "  kl-divergence: a working model reaches 0.5, decides from 120 independent items on" in lines
    assert "    context  tokens of a chunk, half of which are predicted (512)" in lines
    assert main(["metrics", "cer"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines[lines.index("  keys of its data:") + 1 :]} == {
        *["path", "count", "seed", "limit"]
    }
    assert main(["metrics", "beauty"]) == 2


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("precision at_least=0.5", 3, "2 independent items cannot show 'precision at least 0.5', which"),
        ("presence at_most_worse=0", 2, "presence: 'at most 0 worse' holds on no data"),
    ],
)
def test_what_cannot_be_decided_is_said_before_anything_is_measured(asked, status, said, photos, capsys):
    assert main(["accept", "nanodet", "--reference", "nanodet", "--metric", asked, "--data", photos]) == status
    printed = capsys.readouterr().err
    assert said in printed
    assert "over data" not in printed


def test_a_key_that_a_metric_does_not_read_is_no_data(photos, capsys):
    given = f"path={photos},limits=1"
    for words in (
        ["evaluate", "nanodet", "--metric", "presence"],
        ["accept", "nanodet", "--reference", "nanodet", "--metric", "presence at_most_worse=0.5"],
    ):
        assert main([*words, "--data", given]) == 2
        assert "objects reads no 'limits' of its data, but limit, path - see 'edge-" in capsys.readouterr().err


def test_an_evaluation_counts_as_a_look(many_photos, blind, capsys):
    """Not for the model that was evaluated itself: to evaluate and to decide is one look."""
    asked = ["--reference", "nanodet", "--metric", "presence at_most_worse=0.25", "--data", many_photos, "--json"]
    for _ in range(2):
        assert main(["evaluate", blind, "--reference", "nanodet", *asked[2:3], "presence", *asked[4:]]) == 0
    capsys.readouterr()
    assert main(["accept", blind, *asked]) == 1
    assert json.loads(capsys.readouterr().out)["looks"] == {"presence": 1}
    assert main(["accept", "nanodet", *asked]) == 0
    assert json.loads(capsys.readouterr().out)["looks"] == {"presence": 3}


def test_a_model_of_the_catalog_is_evaluated(photos, capsys):
    words = ["evaluate", "nanodet", "--metric", "objects", "--data", photos, "--threads", "1"]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["threads"]) == ("nanodet", 1)
    assert told["metrics"]["presence"]["value"] == told["metrics"]["precision"]["value"] == 1
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].split() == ["presence", "1.0000", "2"]
    assert "nanodet over data" in printed.err


def test_a_model_against_itself_and_a_damaged_one(many_photos, blind, capsys):
    asked = [
        "--metric",
        "presence at_most_worse=0.25",
        "--metric",
        "precision at_most_worse=0.25",
        "--data",
        many_photos,
    ]
    assert main(["accept", "nanodet", "--reference", "nanodet", *asked]) == 0
    out = capsys.readouterr().out
    said = "accepted: presence 100 % against 100 % (+0 points, 93.9 % interval -16.1 to +16.1 points; "
    look = "look 1 at this data, decided at 96.96 %"
    assert f"{said}{look}; asked: at most 0.25 worse), 20 independent items\n" in out
    assert out.count("\naccepted: ") == 1
    assert "presence by items: both right 20, lost 0, won 0, both wrong 0; p 1 (McNemar's exact test)\n" in out
    assert out.endswith("nanodet is accepted in place of nanodet\n")
    assert main(["accept", blind, "--reference", "nanodet", *asked, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["accepted"]
    pairs = told["pairs"]["presence"]
    assert (pairs["lost"], pairs["won"], pairs["lost_items"][:2]) == (20, 0, ["sign0.png", "clock0.png"])
    first = told["verdicts"][0]
    assert (first["metric"], first["value"], first["reference"], first["accepted"]) == ("presence", 0, 1, False)
    assert first["interval"]["difference"] == -1
    assert first["reason"].endswith("is 0 and may be as low as 0; that of a working model is at least 0.2")
    assert told["reference_counts"] == "nanodet"


def test_relative_metrics_compare_with_the_reference(many_photos, capsys):
    words = ["accept", "efficientnet-lite0", "--reference", "efficientnet-lite0", "--data", many_photos]
    assert main([*words, "--metric", "top1 at_least=0.8"]) == 1
    out = capsys.readouterr().out
    said = "not accepted: top1 100 % (93.9 % interval 83.89 % to 100 %; look 1 at this data, decided at 96.96 %; "
    assert f"{said}asked: at least 0.8; it is compared with itself), 20 independent items\n" in out
    assert main([*words, "--metric", "top1 within_interval"]) == 2


def test_accepting_leaves_a_record_that_can_be_published(store, tmp_path, monkeypatch, models, capsys):
    monkeypatch.setattr("sys.argv", ["edge-quantize", "accept", "two words"])
    monkeypatch.setattr(plots, "against", lambda *given: None)  # its plots are drawn elsewhere
    whole = models("embedder")
    (tmp_path / "texts.txt").write_text("\n".join(f"pump {n}" for n in range(161)))
    out, texts = tmp_path / "out", str(tmp_path / "texts.txt")
    asked = ["--metric", "cosine at_least=0.95", "--data", texts, "--record"]
    accept = ["accept", whole.name, "--reference", whole.name, *asked]
    assert main([*accept, str(tmp_path / "same")]) == 1  # what agrees with itself shows nothing
    (tmp_path / "mine").mkdir()
    mine = tmp_path / "mine" / "mine.onnx"
    mine.write_bytes(whole.files["model"].read_bytes() + b"\x32\x01 ")  # a description more
    accept[1] = str(mine)
    for _ in range(2):
        assert main([*accept, str(out), "--speed"]) == 0
    found = records.read(out)
    assert (found.reference.speed["ratio"], found.reference.peak_mib > 20) == (1, True)
    assert [(look.candidate.name, look.numbers) for look in found.looks] == [("mine", {"cosine": 2})]  # the same again
    assert found.chosen == "mine"
    assert found.commands[-1] == "edge-quantize accept 'two words'"
    assert set(found.inputs) == {"data/cosine", *(f"reference/{key}" for key in whole.files)}
    assert found.measures["cosine"].lower_is_better is False
    assert found.variants[0].files["model"].tensors_sha256 == found.reference.files["model"].tensors_sha256
    assert "look 2 at this data" in (out / "report.html").read_text("utf-8")
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(tmp_path / "own"))
    (tmp_path / "own" / whole.name).symlink_to(store / whole.name)
    words = f"--record {out} --reference {whole.name} --licence Apache-2.0 --yes"
    links = "--licence-url https://example.org/l --home https://example.org"
    assert main(["publish", str(mine), *words.split(), *links.split()]) == 0
    assert Portfolio().open("mine").options == whole.options
    for candidate, reference in ((whole.name, "mine"), (whole.name, whole.name), (str(mine), "mine")):
        assert main(["accept", candidate, "--reference", reference, *asked, str(out)]) == 2
        assert "the record in out is of other models - name another folder" in capsys.readouterr().err
    records.write(replace(found, chosen=""), out / records.FILE)
    assert main([*accept, str(out)]) == 2
    assert "the record in out is not as this machine wrote it" in capsys.readouterr().err
    records.write(replace(found, signer="", signature=""), out / records.FILE)
    kept = (out / records.FILE).read_bytes()
    capsys.readouterr()
    assert main([*accept, str(out)]) == 2
    printed = capsys.readouterr().err
    assert "the record in out is not as this machine wrote it - name another folder" in printed
    assert "over data" not in printed  # nothing was measured
    assert (out / records.FILE).read_bytes() == kept


def test_a_lone_file_stands_for_one_of_the_references(tmp_path):
    for name in ("encoder.onnx", "decoder.onnx", "tokenizer.json", "Mine 8.onnx"):
        (tmp_path / name).write_bytes(name.encode())
    files = {"encoder": "encoder.onnx", "decoder": "decoder.onnx", "tokenizer": "tokenizer.json"}
    Candidate("whisper", "speech", tmp_path, files, {"multilingual": True}).write()
    parser = argparse.ArgumentParser()
    for add in inputs.MEASUREMENT:
        add(parser)
    given = [str(tmp_path / "Mine 8.onnx"), str(tmp_path)]
    model, reference = inputs.models(*given, parser.parse_args(["--key", "decoder"]))
    assert model.paths == {**reference.paths, "decoder": tmp_path / "Mine 8.onnx"}
    assert (model.name, model.role, model.options) == ("mine-8", "speech", {"multilingual": True})
    for words in ([], ["--key", "tokenizer"]):
        with pytest.raises(UsageError, match=r"whisper has the \.onnx files encoder, decoder"):
            inputs.models(*given, parser.parse_args(words))


def test_models_are_compared_now_on_one_page(models, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plots, "against", lambda *given: None)
    detector, page = str(models("detector").files["model"]), tmp_path / "page.html"
    edited = onnx.load(detector)
    edited.doc_string = "another file"
    onnx.save(edited, another := str(tmp_path / "another.onnx"))
    asked = ["--speed", "--metric", "presence", "--data", photos, "--threads", "1"]
    assert main(["compare", "nanodet", detector, another, *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["record"]["role"] == "detector"
    assert [each["form"]["name"] for each in told["forms"]] == ["nanodet", detector, another]
    first, same, other = told["forms"]
    assert [each["state"] for each in told["forms"]] == ["reference", "not decided", "not decided"]
    assert first["form"]["metrics"]["presence"] == 1
    assert same["form"]["files"]["model"]["sha256"] == first["form"]["files"]["model"]["sha256"]
    (interval, compares) = same["intervals"]["presence"]
    assert (interval["difference"], interval["n"], compares) == (0, 2, True)
    assert first["form"]["speed"]["ratio"] == 1
    assert min(same["form"]["speed"]["ratio"], other["form"]["speed"]["ratio"], other["form"]["peak_mib"]) > 0
    assert sum(kind["tensors"] for kind in other["precisions"]) > 100
    assert set(told["record"]["inputs"]) == {"data/presence"}
    assert main(["compare", "nanodet", another, "--output", str(page)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:4] == ["#", "form", "size", "of"]
    assert out.endswith(f"page: {page}\n")
    assert "<h1>2 models side by side</h1>" in page.read_text("utf-8")


def test_relative_metrics_and_files_of_language_models_need_no_more(tmp_path, capsys):
    tiny = str(tiny_llama.write(tmp_path / "tiny.gguf"))
    assert main(["compare", tiny, tiny, "--speed", "--threads", "1", "--json"]) == 0  # needs no data
    told = json.loads(capsys.readouterr().out)
    assert 0.1 < told["forms"][1]["form"]["speed"]["ratio"] < 10
    (tmp_path / "texts.txt").write_text("\n".join(f"pump {n}" for n in range(20)))
    asked = ["--metric", "cosine", "--data", str(tmp_path / "texts.txt")]
    assert main(["compare", "minilm-l6-int8", "minilm-l6-int8", *asked]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert "  –  " in rows[1]  # the reference agrees with itself, which says nothing
    assert " 100 % (100 % to 100 %) " in rows[2]


def test_a_name_that_is_no_utf8_is_told_and_recorded(tmp_path, monkeypatch, capsys):
    tiny = tmp_path / os.fsdecode(b"tiny\xff.gguf")
    tiny_llama.write(tiny)
    words = ["compare", str(tiny), str(tiny), "--json"]
    monkeypatch.setattr("sys.argv", ["edge-quantize", *words])
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["forms"][0]["form"]["name"] == f"{tmp_path}/tiny\N{REPLACEMENT CHARACTER}.gguf"
    assert "tiny\N{REPLACEMENT CHARACTER}.gguf" in told["record"]["commands"][0]


def test_accepted_models_of_runs_are_compared(store, tmp_path, capsys):
    for name in ("first", "second"):
        shutil.copytree(store / "nanodet", folder := tmp_path / name / "accepted")
        files = {key: path.name for key, path in Portfolio().open("nanodet").files.items()}
        Candidate(name, "detector", folder, files).write()
    assert main(["compare", str(tmp_path / "first"), str(tmp_path / "second")]) == 0
    head, one, other = (line.split() for line in capsys.readouterr().out.splitlines()[:3])
    assert head[:3] == ["#", "form", "size"]
    assert (one[1], other[1]) == (str(tmp_path / "first"), str(tmp_path / "second"))
    assert one[2] == other[2]
