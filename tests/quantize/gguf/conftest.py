"""Tiny models of each family, made by transformers in one process for all tests, and tiny GGUF models."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import forked, tiny_language_models, tiny_llama
from helpers.llama_tools import llama_tools  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def families(tmp_path_factory) -> Path:
    """A folder with one folder for each of `tiny_language_models.families`; not to be changed."""
    folder = tmp_path_factory.mktemp("families")
    forked.call(tiny_language_models.main, folder)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """A folder with two GGUF models and a text, tiny.gguf, moe.gguf and prose.txt; not to be changed."""
    folder = tmp_path_factory.mktemp("small")
    tiny_llama.write(folder / "tiny.gguf")
    tiny_llama.write(folder / "moe.gguf", experts=4)
    (folder / "prose.txt").write_text(tiny_llama.prose(120))
    return folder
