"""What docs/quantize.md shows is what there is: its commands parse, its recipe runs and is published."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from helpers import drawings, few_layers, forked, hub_layouts
from helpers.hub import Hub
from helpers.webserver import serving

from edge_assistant.cli.main import main as assistant
from edge_assistant.core.errors import UsageError
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize import candidate
from edge_assistant_quantize.acceptance import gate
from edge_assistant_quantize.arguments import VERBS
from edge_assistant_quantize.cli.main import main, parser

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


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    """The repositories of `hub_layouts`, below a folder; not to be changed."""
    folder = tmp_path_factory.mktemp("hub")
    forked.call(hub_layouts.main, folder)
    return folder


ROLES = {hub_layouts.MINILM.repo: "embedder", hub_layouts.WHISPER.repo: "speech", hub_layouts.RT_DETR.repo: "detector"}
# What is made of each; as the pages show it, where they do
MADE = {
    hub_layouts.MINILM.repo: "edge-quantize convert all-MiniLM-L6-v2 --output minilm",
    hub_layouts.WHISPER.repo: "edge-quantize convert my-whisper --output my-whisper-onnx",
    hub_layouts.RT_DETR.repo: "edge-quantize convert rtdetr_r18vd --output rtdetr",
    hub_layouts.EYES.repo: "edge-quantize convert SmolVLM-256M-Instruct --output smolvlm.gguf",
    hub_layouts.SMOLLM2.repo: "edge-quantize convert smollm2 --output smollm2-f16.gguf",
    hub_layouts.QWEN.repo: None,
    hub_layouts.SHARDED.repo: None,
}


# How their tokenizers split, which are trained anew here: those of the real ones the converter recognises
SPLITS = {hub_layouts.EYES.repo: "smollm", hub_layouts.SMOLLM2.repo: "smollm", hub_layouts.QWEN.repo: "qwen2"}


@pytest.mark.parametrize("repo", MADE)
def test_a_repository_as_the_hub_has_it_is_fetched_and_converted(
    page, repositories, repo, tmp_path, home, converter, monkeypatch, capsys
):
    """Its real list of files, with tiny weights: what is wanted comes, and the documented command takes it."""
    layout, source = hub_layouts.LAYOUTS[repo], repositories / repo
    words = shlex.split(MADE[repo] or "edge-quantize convert model --output model.gguf")[1:]
    details = "".join((ROOT / "docs" / f"quantize-{part}.md").read_text("utf-8") for part in ("export", "gguf"))
    assert MADE[repo] is None or ["edge-quantize", *words] in commands(page + details)
    fetch = ["fetch", repo, "--output", words[1]]
    assert repo != hub_layouts.SMOLLM2.repo or ["edge-quantize", *fetch] in commands(page)
    forked.use(monkeypatch)
    monkeypatch.chdir(tmp_path)
    with serving() as web:
        monkeypatch.setenv("HF_ENDPOINT", web.address)
        hub = Hub(web, repo)
        names = [*layout.wanted, *layout.others]
        hub.files = {name: (source / name).read_bytes() for name in names}
        hub.large = {name for name in names if name.endswith(("safetensors", ".bin", ".onnx"))}
        hub.publish()
        assert main(fetch) == 0
    fetched = {path.relative_to(words[1]).as_posix() for path in Path(words[1]).rglob("*") if path.is_file()}
    assert fetched == {*layout.wanted, "source.toml"}
    for name in layout.others:  # as 'git clone' brings them
        Path(words[1], name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, Path(words[1], name))
    output = Path(words[3])
    splits = SPLITS.get(repo)
    assert main([*words, "--threads", "1", *(["--pre-tokenizer", splits] if splits else [])]) == 0
    said = capsys.readouterr().out
    if output.suffix == ".gguf":
        assert output.is_file()
        return
    assert "compared with the model on the same inputs: at most " in said
    assert (output / candidate.FILE).is_file() == (repo in ROLES)
    assert repo not in ROLES or candidate.read(output).role == ROLES[repo]
    assert not list(output.rglob("*.py"))


TEXT = (
    "The intake form was signed by Dr. Maria Keller on Tuesday morning. The patient arrived at noon, had been told "
    "what would happen, and was calm because her sister had come with her. Her temperature was 36.8 degrees and her "
    "pulse 72. Nobody had asked her about allergies before. She said that penicillin had made her ill as a child. "
)


def test_the_ten_commands_lead_to_an_answer(page, tmp_path, home, store, models, monkeypatch, capsys):
    """All but the three that bring the model, see above: that of the tests, dequantized, with 2 of its 30 layers.

    So few layers reach no floor, which is left out here.
    """
    monkeypatch.setattr(gate, "_below", lambda name, result: "")
    forked.use(monkeypatch, torch=False)
    (home / "models").mkdir()
    for folder in store.iterdir():
        if not folder.name.startswith("."):
            (home / "models" / folder.name).symlink_to(folder)
    monkeypatch.setenv("EDGE_ASSISTANT_PROFILE", "test")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "reasoning.md").write_text(TEXT * 14)
    shutil.copy(ROOT / "docs" / "contract.md", tmp_path / "docs")
    (tmp_path / "note.txt").write_text(TEXT)
    floats = ["--type", "F16", "--allow-requantize", "--output", "smollm2-f16.gguf"]
    few = few_layers.write(models("language").files["model"], tmp_path / "few.gguf", (0, 29))
    assert main(["quantize", str(few), *floats]) == 0
    section = page.split("## In ten commands")[1].split("\n## ")[0].replace("--profile starter", "--profile test")
    section = section.replace("context=16", "context=16,chunks=120")
    for program, *words in commands(section)[3:]:
        run = main if program == "edge-quantize" else assistant
        assert run([*words, "--json"] if words[0] == "ask" else words) == 0, words
    printed = capsys.readouterr().out
    assert re.search(r"^smollm2-q5 .* installed, not tested here, not accepted +test \(first\)$", printed, re.M)
    answer = json.loads(printed.splitlines()[-1])
    assert "smollm2-q5" in [model["name"] for model in answer["models"]]
    figures = Portfolio().entry("smollm2-q5").figures
    assert (figures["accepted"], figures["unaccepted"]) == (False, "a trial")
    assert (tmp_path / "accepted" / "record.json").is_file()
    assert "log-perplexity" in figures["metrics"]  # type: ignore[operator]


def test_the_recipe_runs_and_is_published(page, tmp_path, store, home, monkeypatch, capsys):
    """Over 8 photographs, which decide nothing; that they are too few is left out here."""
    monkeypatch.setattr(gate, "_too_few", lambda result, look=1: "")
    monkeypatch.setattr(gate, "check_count", lambda *given: None)
    (home / "models").mkdir()
    for name in ("nanodet", "silero-vad"):
        (home / "models" / name).symlink_to(store / name)
    (tmp_path / "photos" / "calibrate").mkdir(parents=True)
    drawings.stop_sign().save(tmp_path / "photos" / "calibrate" / "sign.png")
    drawings.labelled(tmp_path / "photos" / "evaluate", 4)
    (recipe,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    assert "within_interval = true" in recipe  # which takes more photographs than a test has time for
    (tmp_path / "nanodet-ours.toml").write_text(recipe.replace("within_interval = true", "at_most_worse = 0.5"))
    monkeypatch.chdir(tmp_path)
    section = page.split("## The same by a recipe")[1].split("\n## ")[0]
    for words in commands(section):
        assert main(words[1:]) == 0, words
    entry = Portfolio().entry("nanodet-ours-int8")
    assert entry.description == "NanoDet in eight bits, calibrated on our photographs"
    assert entry.licence == "Apache-2.0"
    assert Portfolio().open("nanodet-ours-int8")
    assert (tmp_path / "out" / "nanodet-ours" / "report.html").is_file()
