"""Tiny models of each architecture, exported in one process for all tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tiny_transformers


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


@pytest.fixture(scope="session")
def tiny_exports(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """All of them."""
    folder = tmp_path_factory.mktemp("exports")
    command = [sys.executable, str(Path(tiny_transformers.__file__)), str(folder)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    return Tiny(folder, json.loads((folder / "said.json").read_text()))
