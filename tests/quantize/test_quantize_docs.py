"""What docs/quantize.md shows is what there is: its commands parse, its recipe runs and is published."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from helpers import drawings, few_layers

from edge_assistant.cli.main import main as assistant
from edge_assistant.core.errors import UsageError
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.cli.main import main, parser
from edge_assistant_quantize.cli.verb import VERBS

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "quantize.md").read_text("utf-8")


def commands(page):
    """The command lines in its indented blocks."""
    return [shlex.split(line) for line in re.findall(r"^ {4}(edge-(?:quantize|assistant) .*)$", page, re.M)]


def test_every_command_parses_there_are_ten_and_every_verb_is_told(page):
    shown = [words[1:] for words in commands(page) if words[0] == "edge-quantize"]
    assert len(shown) > 8
    for words in shown:
        try:
            parser().parse_args(words)
        except UsageError as error:
            pytest.fail(f"{shlex.join(words)}: {error}")
    section = page.split("## In ten commands")[1].split("\n## ")[0]
    assert len(commands(section)) == 10
    assert re.findall(r"^(\d+)\. ", section, re.M) == [str(number) for number in range(1, 11)]
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", page.split("## Verbs")[1].split("\n## ")[0], re.M)
    assert {verb for row in rows for verb in re.findall(r"`([a-z]+)`", row)} == set(VERBS)


TEXT = (
    "The intake form was signed by Dr. Maria Keller on Tuesday morning. The patient arrived at noon, had been told "
    "what would happen, and was calm because her sister had come with her. Her temperature was 36.8 degrees and her "
    "pulse 72. Nobody had asked her about allergies before. She said that penicillin had made her ill as a child. "
)


def test_the_ten_commands_lead_to_an_answer(page, tmp_path, home, store, models, monkeypatch, capsys):
    """All but the three that bring the model, which is that of the tests, dequantized, with 6 of its 30 layers."""
    (home / "models").mkdir()
    for folder in store.iterdir():
        if not folder.name.startswith("."):
            (home / "models" / folder.name).symlink_to(folder)
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "test")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("reasoning.md", "security.md"):
        (tmp_path / "docs" / name).write_text(f"{TEXT}{name}. " * 14)
    (tmp_path / "note.txt").write_text(TEXT)
    floats = ["--type", "F16", "--allow-requantize", "--output", "smollm2-f16.gguf"]
    few = few_layers.write(models("language").files["model"], tmp_path / "few.gguf", (0, 1, 2, 27, 28, 29))
    assert main(["quantize", str(few), *floats]) == 0
    section = page.split("## In ten commands")[1].split("\n## ")[0].replace("--profile starter", "--profile test")
    for program, *words in commands(section)[3:]:
        run = main if program == "edge-quantize" else assistant
        assert run([*words, "--json"] if words[0] == "ask" else words) == 0, words
    printed = capsys.readouterr().out
    assert re.search(r"^smollm2-q5 .* installed +test \(first\)$", printed, re.M)
    answer = json.loads(printed.splitlines()[-1])
    assert "smollm2-q5" in [model["name"] for model in answer["models"]]
    figures = Portfolio().entry("smollm2-q5").figures
    assert figures["accepted"] is True
    assert "log-perplexity" in figures["metrics"]  # type: ignore[operator]


def test_the_recipe_runs_and_is_published(page, tmp_path, store, home, monkeypatch, capsys):
    (home / "models").mkdir()
    for name in ("nanodet", "silero-vad"):
        (home / "models" / name).symlink_to(store / name)
    for kind in ("calibrate", "evaluate"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        drawings.stop_sign().save(tmp_path / "photos" / kind / "sign.png")
    labels = '{"sign.png": {"objects": [{"label": "stop sign", "box": [228, 78, 184, 184]}]}}'
    (tmp_path / "photos" / "evaluate" / "labels.json").write_text(labels)
    (recipe,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    (tmp_path / "nanodet-ours.toml").write_text(recipe)
    monkeypatch.chdir(tmp_path)
    section = page.split("## The same by a recipe")[1].split("\n## ")[0]
    for words in commands(section):
        assert main(words[1:]) == 0, words
    entry = Portfolio().entry("nanodet-ours-int8")
    assert entry.description == "NanoDet in eight bits, calibrated on our photographs"
    assert entry.licence == "Apache-2.0"
    assert Portfolio().open("nanodet-ours-int8")
    assert (tmp_path / "out" / "nanodet-ours" / "report.html").is_file()
