"""What docs/quantize.md shows is what there is: its commands parse, its recipe runs and is published."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import drawings
import pytest

from edge_assistant.errors import UsageError
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.cli.main import main, parser

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "quantize.md").read_text("utf-8")


def commands(page: str) -> list[list[str]]:
    """The command lines in its indented blocks."""
    return [shlex.split(line) for line in re.findall(r"^ {4}(edge-(?:quantize|assistant) .*)$", page, re.M)]


def test_every_command_parses(page: str) -> None:
    shown = [words[1:] for words in commands(page) if words[0] == "edge-quantize"]
    assert len(shown) > 8
    for words in shown:
        try:
            parser().parse_args(words)
        except UsageError as error:
            pytest.fail(f"{shlex.join(words)}: {error}")


def test_it_takes_ten_commands(page: str) -> None:
    section = page.split("## In ten commands")[1].split("\n## ")[0]
    assert len(commands(section)) == 10
    assert re.findall(r"^(\d+)\. ", section, re.M) == [str(number) for number in range(1, 11)]


def test_every_verb_is_told(page: str) -> None:
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", page.split("## Verbs")[1].split("\n## ")[0], re.M)
    told = {verb for row in rows for verb in re.findall(r"`([a-z]+)`", row)}
    (verbs,) = [action.choices for action in parser()._subparsers._group_actions]  # type: ignore[union-attr]
    assert told == set(verbs)


def test_the_recipe_runs_and_is_published(page: str, tmp_path: Path, store: Path, home: Path, monkeypatch, capsys):
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
