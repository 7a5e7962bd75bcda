"""What a recipe measures of each form of its model, each once for the same files and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_assistant.compute.runtime import Runtime
from edge_assistant_quantize.acceptance import accept
from edge_assistant_quantize.metrics.metric import Measured, Metric, metric
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes import sums, versions
from edge_assistant_quantize.recipes.recipe import Measurement, Recipe
from edge_assistant_quantize.recipes.steps.step import Form
from edge_assistant_quantize.recipes.workspace import Workspace
from edge_assistant_quantize.record import Verdict

LIBRARIES = ("llama-cpp-python", "numpy", "onnxruntime")  # that run models; another version gives other results

Results = dict[str, Measured]


@dataclass(frozen=True, slots=True)
class Measuring:
    """How forms are measured.

    Attributes:
        recipe: what is measured, and what must hold.
        space: where results are kept.
        data_sums: of the data sets, by name.
        threads: cores to keep to.
        watch: is told how far a measurement is.
    """

    recipe: Recipe
    space: Workspace
    data_sums: Mapping[str, str]
    threads: int
    watch: Watch

    def results(self, form: Form, reference: Form) -> Results:
        """Everything that the recipe measures, by the name of the result."""
        found: Results = {}
        for measurement in self.recipe.measurements:
            found |= self.result(measurement, form, reference)
        return found

    def result(self, measurement: Measurement, form: Form, reference: Form) -> Results:
        """What one metric gives over its data.

        Raises:
            CalibrationInvalid, InputMissing: the data is not of the kind that the metric measures on.
            ModelError: the model cannot be run.
        """
        by = metric(measurement.metric)
        key = self._key(by, measurement, form, reference)
        found = self.space.measured(key, tuple[Measured, ...], lambda: self._run(by, measurement, form, reference))
        return {each.metric: each for each in found}

    def verdicts(self, form: Form, reference: Form) -> list[Verdict]:
        """Each criterion of the recipe, decided."""
        verdicts = []
        for measurement in self.recipe.measurements:
            verdicts += self._verdict(measurement, form, reference)
        return verdicts

    def accepts(self, form: Form, reference: Form) -> bool:
        """Whether every criterion holds; nothing more is measured after the first that does not."""
        return all(
            verdict.accepted
            for measurement in self.recipe.measurements
            for verdict in self._verdict(measurement, form, reference)
        )

    def accepting(self, reference: Form) -> str:
        """A sum over all that acceptance rests on besides the candidate."""
        measured = [
            [each.metric, str(each.criterion), self.data_sums[each.data]]
            for each in self.recipe.measurements
            if each.criterion is not None
        ]
        return sums.of_values([measured, reference.identity, versions.of(LIBRARIES)])

    def _verdict(self, measurement: Measurement, form: Form, reference: Form) -> list[Verdict]:
        if measurement.criterion is None:
            return []
        of_form, of_reference = (self.result(measurement, each, reference) for each in (form, reference))
        return accept.judge([measurement.criterion], of_form, of_reference)

    def _run(self, by: Metric, measurement: Measurement, form: Form, reference: Form) -> tuple[Measured, ...]:
        other = reference.candidate().installed() if by.relative else None
        data = self.recipe.data[measurement.data]
        return by.measure(form.candidate().installed(), other, data, Runtime(self.threads), self.watch)

    def _key(self, by: Metric, measurement: Measurement, form: Form, reference: Form) -> str:
        return sums.of_values(
            {
                "metric": by.name,
                "data": self.data_sums[measurement.data],
                "form": form.identity,
                "reference": reference.identity if by.relative else "",
                "versions": versions.of(LIBRARIES),
                "machine": versions.machine_class(),
            }
        )
