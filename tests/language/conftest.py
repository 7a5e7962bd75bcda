"""A language model of random weights that reads in milliseconds, for what holds whatever a model says."""

from __future__ import annotations

import pytest
from helpers import tiny_llama

from edge_assistant_models.model import InstalledModel


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> InstalledModel:
    """Its tokens are bytes."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    tiny_llama.write(path, further=["▁", "<|im_start|>", "<|im_end|>"])
    return InstalledModel("tiny", "a" * 64, {"model": path})
