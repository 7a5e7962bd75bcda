"""The importers of the catalog, and what they wrote against the sources' own runtimes; see fixtures/README.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models import conversion, entries
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.importers import pp_ocr


@pytest.mark.parametrize(
    "entry", [entry for entry in entries.load().values() if entry.importer], ids=lambda it: it.name
)
def test_an_entry_names_an_importer_that_is_installed(entry: entries.Entry) -> None:
    assert conversion.find(entry) is not None


def test_writing_in_8_bits_is_made_of_the_float_model(models: Callable[[str], InstalledModel], tmp_path: Path) -> None:
    source, entry = models("writing"), entries.load()["pp-ocrv6-small-int8"]
    assert entry.importer
    assert {file.sha256 for file in entry.importer.inputs} == {sha256_of(path) for path in source.files.values()}
    pp_ocr.convert(source.files, tmp_path, entry.importer.quantization)
    pinned = {file.path: (file.tensors_sha256, file.bytes) for file in entry.files}
    assert {path.name: (tensor_digest(path), path.stat().st_size) for path in tmp_path.iterdir()} == pinned


def pattern(side: int) -> np.ndarray:
    """A red disc before a gradient of blue and green, uint8 [side, side, 3]."""
    y, x = np.mgrid[0:side, 0:side]
    picture = np.stack([x * 0 + 60, x * 255 // side, y * 255 // side], axis=2)
    picture[(x - side // 2) ** 2 + (y - side // 3) ** 2 < (side // 4) ** 2] = (200, 30, 40)
    return picture.astype(np.uint8)


def nanodet_input() -> np.ndarray:
    bgr = pattern(416).astype(np.float32)[..., ::-1]
    mean, deviation = np.array([103.53, 116.28, 123.675], "f4"), np.array([57.375, 57.12, 58.395], "f4")
    return np.ascontiguousarray(((bgr - mean) / deviation).transpose(2, 0, 1)[None])


INPUTS: dict[str, tuple[str, Callable[[], np.ndarray], float]] = {
    "nanodet": ("detector", nanodet_input, 1e-4),
    "blazeface-back": ("faces", lambda: (pattern(256).astype(np.float32) / 127.5 - 1)[None], 2e-3),
    "efficientnet-lite0": ("classifier", lambda: pattern(224)[None], 2e-3),  # stored in half precision
}


@pytest.mark.parametrize("name", INPUTS)
def test_an_imported_model_computes_what_its_source_does(
    models: Callable[[str], InstalledModel], pytestconfig: pytest.Config, name: str
) -> None:
    role, make_input, tolerance = INPUTS[name]
    model = models(role)
    assert model.name == name
    expected: dict[str, Any] = json.loads(_fixture(pytestconfig).read_text())[name]
    outputs = Runtime(2).session(model.files["model"]).run(list(expected), {"image": make_input()})
    for output, (label, wanted) in zip(outputs, expected.items(), strict=True):
        flat = np.asarray(output).ravel()
        assert flat.size == wanted["elements"]
        places = np.linspace(0, flat.size - 1, len(wanted["values"])).astype(int)
        np.testing.assert_allclose(flat[places], wanted["values"], rtol=1e-4, atol=tolerance, err_msg=label)


def _fixture(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / "tests" / "fixtures" / "source_outputs.json"
