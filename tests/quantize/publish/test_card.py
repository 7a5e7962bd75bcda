"""The card of a published model: what decided first, every look, and figures that somebody else can check."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html import unescape

import pytest
from helpers.looks import hits
from msgspec.structs import replace

from edge_assistant.cli.main import main as assistant
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import candidate as candidates
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import looks, signature
from edge_assistant_quantize.cli.main import main
from edge_assistant_quantize.record import Bound, Criterion, ModelSums


@pytest.fixture
def asked_again(run_folder):
    """The same model after two looks more: refused against its float form, then accepted by presence there, too."""
    model = candidates.read(run_folder / "accepted")
    told = records.read(run_folder)
    own = ModelSums("int8", model.sums(), model.options)
    float_form = ModelSums("float", {"model": "ef" * 32}, model.options, "exported")
    taken = []
    for data, limit in (("cd", 0.001), ("ef", 0.05)):
        look, _ = looks.take(
            own,
            float_form,
            [Criterion("presence", Bound.AT_MOST_WORSE, limit)],
            {"presence": hits("presence", 0.81), "precision": hits("precision", 0.8)},
            {"presence": hits("presence", 0.815), "precision": hits("precision", 0.8)},
            {"presence": data * 32},
        )
        taken.append(look)
    found = signature.sign(replace(told, looks=[*taken, *told.looks]))
    records.write(found, run_folder / records.FILE)
    return run_folder


def page(home):
    """The rows of the card's tables, and its text."""
    source = (home / "published" / "ours-int8" / "card.html").read_text("utf-8")
    root = ET.fromstring(source)
    rows = [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]
    return rows, unescape(source)


def test_acceptances_in_the_task_stand_first_and_no_look_is_missing(asked_again, home, capsys):
    assert main(["publish", str(asked_again), "--data-licence", "CC-BY-4.0", "--yes"]) == 0
    printed = capsys.readouterr().out
    assert f"its card: {home}/published/ours-int8/card.html" in printed
    figures = Portfolio().entry("ours-int8").figures
    assert [each.split(": ")[0].split(", ")[1] for each in figures["criteria"]] == [
        "accepted against f32",
        "accepted against float",
    ]
    (refusal,) = figures["refused"]
    assert "refused against float: presence 81 % against 81.5 %" in refusal
    assert "asked: at most 0.001 worse" in refusal
    assert (figures["looks"], figures["data_licence"]) == (3, "CC-BY-4.0")
    rows, text = page(home)
    facts = {row[0]: row[1] for row in rows if len(row) == 2}
    assert facts["looks"] == "3"
    assert facts["bits per weight"] == str(figures["bits_per_weight"])
    assert facts["data licence"] == "CC-BY-4.0"
    assert facts["signer"] == signature.own_key()
    looked = [row for row in rows if row[0].startswith("20") and "T" in row[0]]
    assert [(row[2], row[8]) for row in looked] == [("f32", "accepted"), ("float", "accepted"), ("float", "REFUSED")]
    assert [row[9].split(" at ")[0] for row in looked] == ["look 1", "look 4", "look 3"]
    assert all(", lost " in row[11] for row in looked)
    model = candidates.read(asked_again / "accepted")
    assert any(model.sums()["model"] in row for row in rows)
    for shown in ("edge-quantize run nanodet.toml --output out", 'source = { model = "silero-vad" }', "AMD EPYC"):
        assert shown in text
    assert assistant(["models", "info", "ours-int8"]) == 0
    assert "card published/ours-int8/card.html" in capsys.readouterr().out


def test_a_model_that_nobody_measured_has_a_card_that_says_so(run_folder, home, tmp_path, capsys):
    lone = tmp_path / "ours-int8.onnx"
    lone.write_bytes((run_folder / "accepted" / "model.onnx").read_bytes())
    words = "--licence MIT --licence-url https://example.org/l --home https://example.org --yes --role vad"
    assert main(["publish", str(lone), *words.split(), "--unaccepted", "for <a> demo"]) == 0
    assert ", NOT ACCEPTED: for <a> demo\n" in capsys.readouterr().out
    rows, text = page(home)
    assert "NOT ACCEPTED, and published all the same: for <a> demo. Nothing was measured." in text
    assert not [row for row in rows if "accepted" in row[1:]]
