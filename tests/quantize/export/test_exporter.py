"""Exported models compute what torch computes, in the product's own sessions, as they are and quantized."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from helpers import drawings, forked, tiny_transformers
from helpers.tiny_transformers import WORDS

from edge_assistant.compute.runtime import Runtime
from edge_assistant.language.embedder import Embedder
from edge_assistant.perception.whisper import Whisper
from edge_assistant_quantize import candidate, record
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.export import Done, exporter, product
from edge_assistant_quantize.onnx.methods import parse
from edge_assistant_quantize.onnx.quantize import quantize

HALF = 5e-3  # with weights in half precision, which keeps 11 bits
CLOSE = 1e-4  # of an output's largest value: float32 added up in another order
RUNTIME = Runtime(1)


@dataclass(frozen=True)
class Tiny:
    """What `tiny_transformers` wrote; not to be changed."""

    root: Path
    said: dict[str, Any]

    def model(self, name: str) -> Path:
        """A folder as Hugging Face leaves it."""
        return self.root / "models" / name

    def exported(self, name: str, file: str = "model.onnx") -> Path:
        """A file of an export."""
        return self.root / "exports" / name / file

    def expected(self, name: str) -> dict[str, np.ndarray]:
        """Inputs, and what the model itself made of them."""
        with np.load(self.root / "expected" / f"{name}.npz") as kept:
            return dict(kept)


@pytest.fixture(scope="module")
def tiny_exports(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Tiny models of each architecture, exported in one process for all tests."""
    folder = tmp_path_factory.mktemp("exports")
    forked.call(tiny_transformers.main, folder)
    return Tiny(folder, json.loads((folder / "said.json").read_text()))


@pytest.fixture(autouse=True)
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that export are forked; that of a recipe is started as for a person."""
    if "recipe" not in request.node.name:
        forked.use(monkeypatch)


def share(made, wanted):
    """The largest difference as a share of the largest value."""
    assert made.shape == wanted.shape
    return np.abs(made - wanted).max() / np.abs(wanted).max()


def cosine(made, wanted):
    return float((made * wanted).sum() / np.linalg.norm(made) / np.linalg.norm(wanted))


def run(path, outputs, **feeds):
    session = RUNTIME.session(path)
    names = {item.name for item in session.get_inputs()}
    return session.run(outputs, {name: value for name, value in feeds.items() if name in names})


def bert(path, given):
    zeros = np.zeros_like(given["tokens"])
    (hidden,) = run(path, None, input_ids=given["tokens"], attention_mask=given["mask"], token_type_ids=zeros)
    return hidden, given["hidden"]


def pictured(output, wanted):
    """A picture encoder: an output of the graph and what torch calls it."""
    return lambda path, given: (run(path, [output], pixel_values=given["pictures"])[0], given[wanted])


def looking(path, given):
    logits, boxes = run(path, ["logits", "pred_boxes"], pixel_values=given["pictures"])
    return np.concatenate([logits, boxes], 2), np.concatenate([given["logits"], given["boxes"]], 2)


ALL = {
    "bert": bert, "parted": bert, "vit": pictured("logits", "logits"), "siglip": pictured("pooler_output", "pooled"),
    "rt-detr": looking,
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_an_export_computes_what_torch_computes(tiny_exports, name):
    """As its own comparison said; and it stands in files of its own."""
    made, wanted = ALL[name](tiny_exports.exported(name), tiny_exports.expected(name))
    assert share(made, wanted) < CLOSE
    said = tiny_exports.said[name]
    assert sorted(said["deviations"]) == said["files"]
    assert all(value < CLOSE for found in said["deviations"].values() for value in found.values())
    folder = tiny_exports.exported(name).parent
    beside = {"config.json", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"}
    assert {path.name for path in folder.iterdir()} - beside == set(said["files"])
    for path in folder.glob("*.onnx"):
        graph = onnx.load(path, load_external_data=False)
        assert not any(weight.external_data for weight in graph.graph.initializer)
    if name == "parted":  # as large models come
        assert len(list(tiny_exports.model(name).glob("model-*-of-*.safetensors"))) > 1


@pytest.mark.parametrize("name", ["siglip", "bert"])
@pytest.mark.parametrize(("method", "least"), [("dynamic-int8", 0.98), ("int8-weights", 0.999), ("fp16", 0.99999)])
def test_a_quantized_export_still_does_in_the_products_sessions(tiny_exports, tmp_path, name, method, least):
    for source in tiny_exports.exported(name).parent.glob("*.onnx"):
        quantize(source, tmp_path / source.name, parse(method, {}), threads=1)
        assert (tmp_path / source.name).stat().st_size < source.stat().st_size
    made, wanted = ALL[name](tmp_path / "model.onnx", tiny_exports.expected(name))
    assert least < cosine(made, wanted) < 1 - 1e-9


REFUSED = {
    "unknown": ("WeightsRefused", "transformers .* does not know the architecture OddModel"),
    "not-a-model": ("WeightsRefused", "does not know the architecture BertTokenizer"),
    "quantized": ("WeightsRefused", "the weights of quantized are quantized already"),
    "lacking": ("WeightsRefused", "lacking lacks 16 weights of BertModel, such as encoder.layer.2"),
    "mamba": ("WeightsRefused", "optimum has no exporter for mamba and text-generation"),
    "bert-other": ("UsageError", "no bert of transformers does image-classification"),
    "bert-no-task": ("UsageError", "no bert of transformers does cooking"),
    "whisper-other": ("UsageError", "no whisper of transformers does image-classification"),
    "half-a-whisper": ("WeightsRefused", "half-a-whisper lacks .* weights of WhisperForConditionalGeneration"),
    "whisper-untold": ("WeightsRefused", "whisper-untold has no tokenizer.json"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exported_is_refused_by_what_is_wrong_with_it(tiny_exports, name):
    kind, message = REFUSED[name]
    said = tiny_exports.said[name]
    assert said["error"] == kind
    assert re.search(message, said["message"])
    assert said["hint"]
    assert not any(tiny_exports.exported(name).parent.iterdir())


def test_a_pooler_that_was_left_out_is_not_asked_for(tiny_exports):
    graph = onnx.load(tiny_exports.exported("vit-features"))
    assert [output.name for output in graph.graph.output] == ["last_hidden_state"]


def as_the_product_runs(folder, given):
    """Whisper's encoder once, then its decoder over some tokens at once and the others one by one."""
    encoder, decoder = (RUNTIME.session(folder / f"{part}.onnx") for part in ("encoder", "decoder"))
    crossed = [item.name for item in encoder.get_outputs()]
    heard = dict(zip(crossed, encoder.run(crossed, {"mel": given["mel"]}), strict=True))
    outputs = [item.name for item in decoder.get_outputs()]
    past = {
        item.name: np.zeros([size if isinstance(size, int) else 0 for size in item.shape], np.float32)
        for item in decoder.get_inputs()
        if item.name.startswith("past_")
    }
    logits = []
    for part in (given["tokens"][0, :4], *(given["tokens"][0, at : at + 1] for at in range(4, 9))):
        made = dict(zip(outputs, decoder.run(outputs, {"tokens": part, **heard, **past}), strict=True))
        logits.append(made["logits"])
        past = {name: made[name.removeprefix("past_")] for name in past}
        assert made["alignment"].shape == (4, len(part), 1500)  # all heads of the upper of two layers
    return np.concatenate(logits)[None]


def test_a_whisper_of_hugging_face_gets_the_layout_that_the_product_runs(tiny_exports, tmp_path, capsys):
    assert main(["convert", str(tiny_exports.model("whisper")), "--output", str(tmp_path / "heard")]) == 0
    said = capsys.readouterr().out
    assert "encoder: " in said
    assert "compared with the model on the same inputs: at most " in said
    deviations = json.loads((tmp_path / "heard" / "export.json").read_text())["deviations"]
    assert {file: set(of) for file, of in deviations.items()} == {"decoder.onnx": {"logits", "alignment"}}
    assert all(0 < share < HALF for of in deviations.values() for share in of.values())
    names = {"encoder.onnx", "decoder.onnx", "tokenizer.json", "config.json", "candidate.toml", "export.json"}
    assert {path.name for path in (tmp_path / "heard").iterdir()} == names
    given = tiny_exports.expected("whisper")
    assert share(as_the_product_runs(tmp_path / "heard", given), given["logits"]) < HALF

    found = candidate.read(tmp_path / "heard")
    assert (found.role, dict(found.options)) == ("speech", {"multilingual": False})
    with found.held() as (model, _):
        listener = Whisper(model, RUNTIME)
        listener.transcribe(np.zeros(16000, np.float32), 1.0, "en")
    assert list(listener.vocabulary.suppressed) == [5, 6]
    assert list(listener.vocabulary.suppressed_first) == [7]
    assert listener.vocabulary.languages == {}  # of a vocabulary that is not the multilingual one


@pytest.mark.parametrize("name", ["whisper-crossed", "whisper-loud"])
def test_a_whisper_that_computes_something_else_is_refused(tiny_exports, name):
    said = tiny_exports.said[name]
    assert said["error"] == "QuantizationFailed"
    assert said["message"].startswith("decoder.onnx differs from the model by")


def test_an_rt_detr_is_made_smaller_as_any_detector(tiny_exports, tmp_path):
    drawings.labelled(tmp_path / "photos", 2)
    eyes = tmp_path / "eyes"
    shutil.copytree(tiny_exports.exported("rt-detr").parent, eyes)
    done = Done("object-detection", "", 18, ["model.onnx"], "detector", {})
    assert product.as_candidate(done, tiny_exports.model("rt-detr"), eyes, "eyes").role == "detector"
    assert RUNTIME.session(eyes / "model.onnx").get_inputs()[0].shape == [1, 3, 128, 128]
    found = candidate.read(eyes)
    assert (found.role, dict(found.options)) == ("detector", {"architecture": "rt-detr"})
    eight = tmp_path / "eight.onnx"
    words = ["quantize", eyes / "model.onnx", "--type", "static-int8", "--calibration", tmp_path / "photos"]
    assert main([str(word) for word in [*words, "--of", eyes, "--output", eight, "--threads", "1"]]) == 0
    assert any(node.op_type == "DequantizeLinear" for node in onnx.load(eight).graph.node)


NOT_THE_PRODUCTS = {
    "classes": ("config.json", {"id2label": {"0": "bolt", "1": "nut"}}, "does not know other classes than the 80"),
    "no square": ("preprocessor_config.json", {"size": {"shortest_edge": 128}}, "takes a square"),
    "scaled": ("preprocessor_config.json", {"do_normalize": True}, "does not normalise"),
}


@pytest.mark.parametrize("what", NOT_THE_PRODUCTS)
def test_a_detector_of_other_things_is_not_the_products(tiny_exports, tmp_path, what):
    file, changed, said = NOT_THE_PRODUCTS[what]
    shutil.copytree(tiny_exports.model("rt-detr"), tmp_path / "m")
    path = tmp_path / "m" / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert said in product.unfit_detector(tmp_path / "m")
    assert product.unfit_detector(tiny_exports.model("rt-detr")) == ""


def test_rows_of_a_detector_are_compared_whatever_their_order():
    wanted = [np.random.default_rng(1).random((2, 9, n), np.float32) for n in (5, 4)]
    turned = [rows[:, ::-1] + np.float32(1e-6) for rows in wanted]
    for made, right in zip(exporter._in_order_of(wanted, turned), wanted, strict=True):
        np.testing.assert_allclose(made, right, atol=1e-5)
    other = [rows + np.float32(0.2) for rows in wanted]
    assert np.abs(exporter._in_order_of(wanted, other)[0] - wanted[0]).max() > 0.05


def test_a_recipe_leads_from_weights_of_hugging_face_to_an_accepted_embedder(tiny_exports, tmp_path):
    (tmp_path / "texts.txt").write_text(
        "".join(f"{one} {other} {end}\n" for one in WORDS for other in WORDS for end in WORDS[:2])
    )
    recipe = tmp_path / "ours.toml"
    recipe.write_text(
        f"""
        name = "ours"
        role = "embedder"
        source = {{ path = "{tiny_exports.model("bert")}" }}
        prepare = [{{ do = "export" }}]
        data.texts = {{ path = "texts.txt" }}
        metrics = [{{ metric = "cosine", data = "texts", at_least = 0.99 }}]
        variants = [{{ name = "eight", steps = [{{ do = "quantize", type = "int8-weights" }}] }}]
        """
    )
    assert main(["run", str(recipe), "--output", str(tmp_path / "out"), "--threads", "1"]) == 1
    (verdict,) = record.read(tmp_path / "out").variants[0].verdicts
    assert verdict.interval.low > 0.99
    assert verdict.reason == "nothing says that reference is not damaged itself"  # its weights are random
    whole, narrow = (candidate.read(tmp_path / "out" / name) for name in ("reference", "variants/eight"))
    assert narrow.bytes < whole.bytes
    texts = [" ".join(WORDS[:5]), WORDS[3], "door"]
    vectors = [embedded(one, texts) for one in (whole, narrow)]
    assert 0.99 < (vectors[0] * vectors[1]).sum(1).min() < 1 - 1e-7
    alone = [run(whole.paths["model"], None, **_tokens(whole.folder, text))[0][0].mean(0) for text in texts]
    assert share(vectors[0], np.stack([mean / np.linalg.norm(mean) for mean in alone])) < CLOSE  # without any padding


def test_an_embedder_that_was_trained_on_the_first_token_gives_that_one(tiny_exports, tmp_path):
    path = tmp_path / "model.onnx"
    shutil.copyfile(tiny_exports.exported("bert"), path)
    product.take_first_token(path)
    made, hidden = bert(path, tiny_exports.expected("bert"))
    assert share(made, hidden[:, 0]) < CLOSE
    shutil.copyfile(tiny_exports.model("bert") / "tokenizer.json", tmp_path / "tokenizer.json")
    files = {"model": "model.onnx", "tokenizer": "tokenizer.json"}
    texts = ["the red pump leaks", "door"]
    vectors = embedded(candidate.Candidate("first", "embedder", tmp_path, files), texts)
    assert vectors.shape == (2, 64)
    alone = run(path, None, **_tokens(tmp_path, texts[1]))[0]
    assert share(vectors[1:], alone / np.linalg.norm(alone)) < CLOSE


def embedded(found, texts):
    """As the product embeds."""
    with found.held() as (model, _):
        return Embedder(model, RUNTIME).embed(texts)


def _tokens(folder, text):
    from tokenizers import Tokenizer

    ids = np.array([Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids])
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
