"""Tiny models of each family, made by transformers in one process for all tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import tiny_language_models
from helpers.llama_tools import llama_tools  # noqa: F401 - a fixture


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one folder for each of `tiny_language_models.families`; not to be changed."""
    folder = tmp_path_factory.mktemp("tiny")
    command = [sys.executable, str(Path(tiny_language_models.__file__)), str(folder)]
    ran = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return folder
