"""A model that a run has accepted, made in the test: a small ONNX file with its record."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.records import record, variant
from msgspec.structs import replace

from edge_assistant_quantize import record as records
from edge_assistant_quantize.candidate import Candidate, sha256_of
from edge_assistant_quantize.record import ModelFile

RECIPE = """name = "ours"
source = { model = "silero-vad" }

[publish]
name = "ours-int8"
description = "ours in eight bits"
profiles = ["test"]
"""


@pytest.fixture(autouse=True)
def without_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots are tested elsewhere, and take their time."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """What a run leaves: `accepted/`, another form that was refused, and their record."""
    return made(tmp_path / "out")


@pytest.fixture
def make() -> Callable[[Path], Path]:
    """Makes such a folder elsewhere."""
    return made


def made(folder: Path, seed: int = 1) -> Path:
    """A run's folder whose models hold the number `seed`."""
    forms = {"accepted": seed, "variants/refused": seed + 100}
    files = {}
    for place, number in forms.items():
        (folder / place).mkdir(parents=True)
        weights(folder / place / "model.onnx", number)
        Candidate("ours", "vad", folder / place, {"model": "model.onnx"}, {"rate": 16000}).write()
        path = folder / place / "model.onnx"
        files[place] = {"model": ModelFile("model.onnx", path.stat().st_size, sha256_of(path))}
    taken = replace(variant("int8", 1, 0.81, accepted=True), files=files["accepted"])
    other = replace(variant("int4", 1, 0.5, accepted=False), files=files["variants/refused"])
    written = record(name="ours", role="vad", recipe=RECIPE, variants=[taken, other], chosen="int8", layers=[])
    records.write(written, folder / records.FILE)
    return folder


def weights(path: Path, number: int) -> None:
    """A model that adds a number."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    value = numpy_helper.from_array(np.full((8,), number, np.float32), "w")
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [8]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", told[:1], told[1:], [value])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
