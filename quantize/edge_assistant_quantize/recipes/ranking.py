"""Which nodes of a model hurt, for the record: measured where the recipe asks for it with `layers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_assistant_quantize.onnx import calibration, sensitivity
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes import sums, versions
from edge_assistant_quantize.recipes.measuring import LIBRARIES
from edge_assistant_quantize.recipes.steps.step import Form
from edge_assistant_quantize.recipes.workspace import Workspace
from edge_assistant_quantize.record import Layer


@dataclass(frozen=True, slots=True)
class Ranking:
    """How nodes are ranked.

    Attributes:
        method: what each node is quantized by, alone.
        space: where results are kept.
        data: of the calibration.
        data_sum: its sum.
        threads: cores to keep to.
        watch: is told how far it is.
    """

    method: str
    space: Workspace
    data: Mapping[str, object]
    data_sum: str
    threads: int
    watch: Watch

    def of(self, form: Form) -> list[Layer]:
        """The nodes of all ONNX files of a model, worst first.

        Raises:
            EdgeAssistantError: see `sensitivity.rank`.
        """
        found = []
        for key in form.models():
            if form.files[key].suffix == ".onnx":
                found += self._file(form, key)
        return sorted(found, key=lambda layer: -layer.loss)

    def _file(self, form: Form, key: str) -> list[Layer]:
        shapes = ["layers", self.method, form.identity, key, self.data_sum]
        kept_as = sums.of_values([*shapes, versions.of(LIBRARIES), versions.machine_class()])
        return self.space.measured(kept_as, list[Layer], lambda: self._rank(form, key, form.files[key]))

    def _rank(self, form: Form, key: str, path: Path) -> list[Layer]:
        given = calibration.record(form.candidate(), key, self.data, threads=self.threads, watch=self.watch)
        layers = sensitivity.rank(path, self.method, calibration=given, threads=self.threads, watch=self.watch)
        return [msgspec.structs.replace(layer, file=key) for layer in layers]
