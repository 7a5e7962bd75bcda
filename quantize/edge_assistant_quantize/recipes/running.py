"""One run of a recipe: each variant made and measured, and the smallest that is accepted found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from edge_assistant_models.tensors import tensor_digest
from edge_assistant_quantize import record as records
from edge_assistant_quantize.errors import QuantizationFailed, WeightsRefused
from edge_assistant_quantize.metrics.metric import figures
from edge_assistant_quantize.progress import Step as Progress
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes.making import Making, units
from edge_assistant_quantize.recipes.measuring import Measuring, Results
from edge_assistant_quantize.recipes.ranking import Ranking
from edge_assistant_quantize.recipes.recipe import Recipe, Variant
from edge_assistant_quantize.recipes.speed import Speed
from edge_assistant_quantize.recipes.steps.step import Form
from edge_assistant_quantize.recipes.workspace import REFERENCE, VARIANTS, Workspace

ALIKE = 1.05  # times the smallest size: what an 8-bit form differs by from another with the same weights


@dataclass(frozen=True, slots=True)
class Given:
    """What a run starts from.

    Attributes:
        source: the model.
        reference: where the recipe names one.
        inputs: sums of all that is read, by name.
        data_sums: of the data sets, by their own names.
    """

    source: Form
    reference: Form | None
    inputs: Mapping[str, str]
    data_sums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        reference: measured.
        variants: measured, in the order of the recipe.
        forms: those that could be made, by name.
        layers: which nodes hurt, worst first.
        measures: how the metrics are read.
    """

    reference: records.Variant
    variants: list[records.Variant]
    forms: Mapping[str, Form]
    layers: list[records.Layer]
    measures: dict[str, records.Measure]

    def chosen(self) -> str:
        """The smallest variant that is accepted; of those about as small the fastest. Empty where none is accepted."""
        accepted = [variant for variant in self.variants if variant.accepted]
        if not accepted:
            return ""
        smallest = min(variant.bytes for variant in accepted)
        alike = [variant for variant in accepted if variant.bytes <= ALIKE * smallest]
        return min(alike, key=lambda variant: (variant.speed.get("ratio", 1.0), variant.bytes)).name

    def tensors(self) -> dict[str, str]:
        """The digest of each file of each variant by `variant/key`."""
        return {
            f"{variant.name}/{key}": file.tensors_sha256 or file.sha256
            for variant in self.variants
            for key, file in variant.files.items()
        }


class Run:
    """One run in a folder that nobody else has."""

    def __init__(self, recipe: Recipe, space: Workspace, given: Given, threads: int, watch: Watch) -> None:
        self._recipe = recipe
        self._space = space
        self._given = given
        self._threads = threads
        self._watch = watch
        self._done = 0
        self._reference = given.reference or given.source
        self._measuring = Measuring(recipe, space, given.data_sums, threads, watch)
        self._speed = Speed(recipe, space, given.data_sums, threads, watch)
        self._making = Making(
            space,
            recipe.calibration,
            given.inputs.get("calibration", ""),
            lambda form: self._measuring.accepts(form, self._reference),
            lambda: self._measuring.accepting(self._reference),
            threads,
            watch,
            self._tick,
        )

    def everything(self) -> Outcome:
        """Do it.

        Raises:
            EdgeAssistantError: it cannot be done; what is done is kept.
        """
        self._watch(Progress(self._recipe.name, 0, self._total))
        prepared = self._prepared()
        results = self._measuring.results(self._reference, self._reference)
        reference = _variant(REFERENCE, "", self._reference, results)
        self._tick()
        forms: dict[str, Form] = {}
        variants = [self._variant(variant, prepared, forms) for variant in self._recipe.variants]
        measures = {name: records.Measure(each.lower_is_better, each.unit) for name, each in results.items()}
        outcome = Outcome(reference, variants, forms, self._layers(prepared, forms), measures)
        return self._with_speed(outcome) if self._recipe.speed else outcome

    def _layers(self, prepared: Form, forms: Mapping[str, Form]) -> list[records.Layer]:
        """Which nodes hurt: as the recipe asks for it, else what a search has measured."""
        if not self._recipe.layers:
            return next((list(form.layers) for form in forms.values() if form.layers), [])
        calibration, digest = self._recipe.calibration, self._given.inputs.get("calibration", "")
        assert calibration is not None
        ranking = Ranking(self._recipe.layers, self._space, calibration, digest, self._threads, self._watch)
        layers = ranking.of(prepared)
        self._tick()
        return layers

    def _with_speed(self, outcome: Outcome) -> Outcome:
        """The same with how fast each form is and how much memory it takes."""
        first, figures = self._speed.of(self._reference, outcome.forms)
        self._tick()
        reference = msgspec.structs.replace(outcome.reference, speed=first.speed, peak_mib=first.peak_mib)
        variants = [
            msgspec.structs.replace(each, speed=figures[each.name].speed, peak_mib=figures[each.name].peak_mib)
            if each.name in figures
            else each
            for each in outcome.variants
        ]
        return replace(outcome, reference=reference, variants=variants)

    def _prepared(self) -> Form:
        """The model before the variants, which the others are compared with unless the recipe names another."""
        prepared = self._making.through(self._given.source, self._recipe.prepare, "prepare")
        for variant in self._recipe.variants:
            units(prepared, variant.steps[0], variant.name)  # what cannot be is said before hours of work
        self._reference = self._given.reference or prepared
        if self._recipe.prepare:
            self._space.place(replace(prepared.candidate(), name=f"{self._recipe.name}-{REFERENCE}"), REFERENCE)
        return prepared

    def _variant(self, variant: Variant, prepared: Form, forms: dict[str, Form]) -> records.Variant:
        """Make and measure one variant. One that a library cannot make is told of, and the others go on."""
        before = self._done
        method = variant.steps[-1].label
        try:
            form = self._making.through(prepared, variant.steps, variant.name)
            results = self._measuring.results(form, self._reference)
        except (QuantizationFailed, WeightsRefused) as error:  # the second: it predicts what is no number
            self._tick(before + len(variant.steps) + 1)
            return records.Variant(variant.name, method, {}, note=error.message)
        forms[variant.name] = form
        named = replace(form.candidate(), name=f"{self._recipe.name}-{variant.name}")
        self._space.place(named, f"{VARIANTS}/{variant.name}")
        verdicts = self._measuring.verdicts(form, self._reference)
        self._tick()
        return _variant(variant.name, method, form, results, verdicts)

    @property
    def _total(self) -> int:
        """Steps in all: those of the recipe, one measurement for each form, one of layers and one of speed."""
        measured = len(self._recipe.variants) + 1 + self._recipe.speed + bool(self._recipe.layers)
        return len(self._recipe.steps) + measured

    def _tick(self, done: int | None = None) -> None:
        self._done = self._done + 1 if done is None else done
        self._watch(Progress(self._recipe.name, self._done, self._total))


def _variant(
    name: str, method: str, form: Form, results: Results, verdicts: Sequence[records.Verdict] = ()
) -> records.Variant:
    return records.Variant(
        name=name,
        method=method,
        files={key: _file(key, path, form.sums[key]) for key, path in form.files.items()},
        metrics=figures(results),
        verdicts=list(verdicts),
        excluded=list(form.excluded),
        note="; ".join(form.notes),
    )


def _file(key: str, path: Path, digest: str) -> records.File:
    tensors = tensor_digest(path) if path.suffix == ".onnx" else ""
    return records.File(f"{key}{path.suffix}", path.stat().st_size, digest, tensors)
