"""TOML of anybody: bounded before it is parsed, and otherwise what tomllib says."""

from __future__ import annotations

import resource
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.core.errors import CatalogInvalid, UsageError
from edge_assistant.governance.policy import policy_file
from edge_assistant.reasoning.rules import domain
from edge_assistant.storage import settings
from edge_assistant_models import toml
from edge_assistant_models.schema import TomlTable
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.recipes import loading

DEEP = ".".join(["a"] * 17)
LONG = ".".join(["a"] * 30_000) + " = 1"

HIDDEN = [
    f"{DEEP} = 1",
    f"[{DEEP}]",
    f"[[{DEEP}]]",
    DEEP.replace(".", " .\t") + " = 1",
    ".".join(['"a"'] * 17) + " = 1",
    ".".join(["''"] * 17) + " = 1",
    "a = " + "[" * 17,
    "a = [" + "{a = [" * 8,
    f'a = ["""x"""", {{{DEEP} = 1}}]',
    f"a = ['''x''''', {{{DEEP} = 1}}]",
    f'a = "\\""\n{DEEP} = 1',
    f"a = '\\'\n{DEEP} = 1",
    f'# "\n{DEEP} = 1',
    f'a = "#\'"\n{DEEP} = 1',
    f"a = ''\n{DEEP} = 1",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_what_is_nested_too_deep_is_not_parsed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tomllib, "loads")
    with pytest.raises(ValueError, match="nested over 16 deep"):
        toml.parse(text.encode())


def test_texts_and_comments_may_hold_anything() -> None:
    text = f"a = '{DEEP}' # {DEEP}\nb = '''{DEEP}\n[[[[[[[[[[[[[[[[[[['''\n" + 'c = """{{{{{{{{{{{{{{{{{{{"""'
    assert toml.parse(text.encode()) == tomllib.loads(text)


@pytest.mark.parametrize("number", ["1" * 5_000, "0x" + "f" * 5_000, "0b" + "1" * 65])
def test_a_number_that_could_not_be_printed_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        toml.parse(f"a = {number}".encode())


def told(parse: Callable[[str], object], text: str) -> object:
    """What is read, or that it is refused."""
    try:
        return parse(text)
    except ValueError as error:
        return f"refused: {error}"


@given(st.text(alphabet="ab.\"'\\#[]{}=,\n 1", max_size=15))
def test_it_reads_what_tomllib_reads(text: str) -> None:
    assert told(lambda text: toml.parse(text.encode()), text) == told(tomllib.loads, text)


def test_every_reader_refuses_a_deep_key_at_once(tmp_path: Path) -> None:
    file = tmp_path / "deep.toml"
    file.write_text(LONG)
    with pytest.raises(UsageError, match="nested over"):
        domain.load(str(file))
    with pytest.raises(UsageError, match="nested over"):
        settings.load({}, file)
    with pytest.raises(CatalogInvalid, match="nested over"):
        TomlTable.parse(LONG.encode(), "deep.toml")
    with pytest.raises(RecipeInvalid, match="nested over"):
        loading.load(str(file))
    assert "nested over" in str(policy_file.problems(LONG.encode()))


def test_memory_is_bounded() -> None:
    code = f"""from edge_assistant_models import toml
try: toml.parse({LONG!r}.encode())
except ValueError: print("refused")"""

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=little, check=False)
    assert done.stdout == "refused\n"
