"""What the docs show is what there is: commands parse, examples run, tables equal the catalog."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import model_table
import pytest

from edge_assistant.cli.main import parser as build_parser
from edge_assistant.core.errors import UsageError
from edge_assistant.storage import settings
from edge_assistant_models.portfolio import Portfolio

ROOT = Path(__file__).parents[2]
DOCS = ("README.md", "CONTRIBUTING.md", "examples/README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")))
PLACEHOLDER = re.compile(r"\.\.\.|[\[\]|]|\b[A-Z]{2,}\b(?![.\w])")


def shown_commands(text: str) -> list[str]:
    """Command lines of `edge-assistant` in indented blocks, code spans and fences, without comments and prompts."""
    joined = re.sub(r"\\\n\s*", " ", text)
    blocks = re.findall(r"^(?: {4,}|\$ )(?:\S*/)?(edge-assistant [a-z].*)$", joined, re.M)
    spans = re.findall(r"`(edge-assistant [a-z][^`]*)`", joined)
    shown = [re.split(r"\s{3,}|\s#", command)[0].strip() for command in (*blocks, *spans)]
    return [command for command in shown if command.count(" ") > 1 or command in blocks]


def commands(root) -> list[tuple[str, str]]:
    found = [(name, command) for name in DOCS for command in shown_commands((root / name).read_text("utf-8"))]
    return [(name, command) for name, command in found if not PLACEHOLDER.search(re.sub(r'"[^"]*"', "", command))]


def test_every_command_that_the_docs_show_parses(root):
    shown = commands(root)
    assert len(shown) > 10
    parser = build_parser()
    for name, command in shown:
        try:
            parser.parse_args(shlex.split(command)[1:])
        except UsageError as error:
            pytest.fail(f"{name}: {command}: {error}")


def test_every_make_verb_that_the_docs_show_is_there(root):
    verbs = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text("utf-8"), re.M))
    shown = {
        verb
        for name in DOCS
        for verb in re.findall(r"\bmake ([a-z]+)\b(?=`|\s{2,}| ARGS|$)", (root / name).read_text("utf-8"), re.M)
    }
    assert {"demo", "test"} <= shown <= verbs


def test_links_lead_somewhere(root):
    for name in DOCS:
        path = root / name
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{name}: {target}"


def test_the_model_table_equals_the_catalog(root):
    assert model_table.table() in (root / "docs" / "catalog.md").read_text("utf-8"), "run python tools/model_table.py"


def test_pages_are_short(root):
    pages = [root / name for name in DOCS if name.startswith("docs/")]
    assert len((root / "README.md").read_text("utf-8").split()) <= 700
    assert [page.name for page in pages if len(page.read_text("utf-8").split()) > 1_500] == []


def test_every_setting_is_described_with_its_default(root):
    text = (root / "docs" / "settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([^|]+) \|", text, re.M)
    shown = {"language": "detected", "domain": "none", "camera": "the first", "keep_days": "all are kept"}
    shown |= dict.fromkeys(("microphone", "speaker"), "the default") | dict.fromkeys(
        ("plain", "spoken_answers", "listen", "free_talk"), "`false`"
    )
    shown["cache"] = "`true`"
    assert rows == [
        (field.name, settings.PREFIX + field.name.upper(), shown.get(field.name, f"`{field.default}`"))
        for field in fields(settings.Settings)
    ]


def test_the_settings_that_the_docs_show_are_valid(root, tmp_path):
    (shown,) = re.findall(r"```toml\n(.*?)```", (root / "docs" / "settings.md").read_text("utf-8"), re.S)
    (tmp_path / "config.toml").write_text(shown, "utf-8")
    assert settings.load({}, tmp_path / "config.toml") == settings.Settings("tiny", "en", True)


def model_entry(root) -> str:
    (found,) = re.findall(r"```toml\n(.*?)```", (root / "CONTRIBUTING.md").read_text("utf-8"), re.S)
    return found


def test_a_model_is_added_by_one_file(root, tmp_path, models):
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "ours.toml").write_text(model_entry(root), "utf-8")
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "smollm2.gguf").symlink_to(models("language").files["model"])
    portfolio = Portfolio(root=tmp_path / "models", user_catalog=tmp_path / "catalog")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_ASSISTANT_HOME", str(tmp_path))
        portfolio.pull(["smollm2-of-ours"])
    assert portfolio.open("smollm2-of-ours").sha256 == models("language").sha256
    assert "smollm2-of-ours" in [entry.name for entry in portfolio.entries()]


def test_the_limits_of_model_files_are_the_codes(root):
    from edge_assistant_models.headers import gguf, onnx_file

    text = (root / "docs" / "supply-chain.md").read_text("utf-8")
    for row in (
        f"| keys | {gguf.MAX_KEYS:,}, each name up to {gguf.MAX_KEY_BYTES:,} bytes, none twice |",
        f"| texts in all lists together | {gguf.MAX_STRINGS:,} |",
        f"| tokens of the vocabulary | {gguf.MAX_TOKENS:,}, no two equal",
        f"| tensors | {gguf.MAX_TENSORS:,}, each name up to {gguf.MAX_TENSOR_NAME_BYTES} bytes, none twice |",
        f"| dimensions | 1 to {gguf.MAX_DIMENSIONS},",
        f"| layers; epsilons | 1 to {gguf.MAX_LAYERS};",
        f"| bytes | {onnx_file.MAX_BYTES:,} |",
        f"| fields in all | {onnx_file.MAX_FIELDS:,} |",
        f"| nodes | {onnx_file.MAX_NODES:,} |",
        f"| tensors | {onnx_file.MAX_TENSORS:,}, up to {onnx_file.MAX_RANK} dimensions, "
        f"names up to {onnx_file.MAX_NAME_BYTES:,} bytes |",
        f"| graphs in each other | {onnx_file.MAX_DEPTH} |",
    ):
        assert row in text
