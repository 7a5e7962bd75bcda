"""A recipe, run: each variant made and measured, the smallest that is accepted taken. It goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import msgspec

from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import accept
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.metrics.metric import metric
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes import estimate, forms, lock, sums, versions
from edge_assistant_quantize.recipes.measuring import LIBRARIES
from edge_assistant_quantize.recipes.recipe import Data, Recipe, ready
from edge_assistant_quantize.recipes.running import Given, Outcome, Run
from edge_assistant_quantize.recipes.steps.step import Form, Step
from edge_assistant_quantize.recipes.workspace import ACCEPTED, Workspace
from edge_assistant_quantize.record import Record


def run(
    recipe: Recipe,
    folder: Path,
    *,
    threads: int,
    watch: Watch,
    locked: Path | None = None,
    command: str = "",
) -> Record:
    """Run a recipe in a folder; what the folder holds already of it is not done again.

    Args:
        recipe: see `schema`.
        folder: made where it is not there; see `workspace`.
        threads: cores to keep to.
        watch: is told how far the recipe, and each step of it, is.
        locked: a lock file that inputs, versions and tensors must agree with.
        command: the command line, for the record.

    Returns:
        The record, which is also written into the folder.

    Raises:
        RecipeInvalid: it cannot be run as it is.
        LockBroken: something is not as the lock file pins it.
        StorageFull, ModelTooLarge: there is no room for it, said before anything is made.
        InputMissing, CalibrationInvalid: what it reads is not there, or of another kind.
        ModelError: the source is not installed, or a model cannot be run.
    """
    ready(recipe)
    _check_metrics(recipe)
    pinned = None if locked is None else lock.read(locked)
    space = Workspace(folder.absolute())  # files are named from other folders, too
    with space.held():
        given = _given(recipe)
        before = _lock(recipe, given.inputs)
        if pinned is not None:
            lock.check_given(pinned, before)
        estimate.check(recipe, given.source, folder)
        outcome = Run(recipe, space, given, threads, watch).everything()
        after = msgspec.structs.replace(before, tensors=outcome.tensors())
        if pinned is not None:
            lock.check_made(pinned, after)
        return _written(recipe, space, outcome, after, command)


def _written(recipe: Recipe, space: Workspace, outcome: Outcome, made: lock.Lock, command: str) -> Record:
    """Put what came of a run into its folder: the accepted model, the lock file and the record."""
    chosen = outcome.chosen()
    if chosen:
        taken = outcome.forms[chosen].candidate()
        space.place(replace(taken, name=recipe.publish.name or recipe.name), ACCEPTED)
    else:
        space.clear(ACCEPTED)
    record = Record(
        name=recipe.name,
        role=recipe.role,
        recipe=recipe.text,
        commands=[command] if command else [],
        versions=made.versions,
        machine=versions.machine(),
        inputs=made.inputs,
        reference=outcome.reference,
        variants=outcome.variants,
        layers=outcome.layers,
        chosen=chosen,
        measures=outcome.measures,
    )
    lock.write(made, space.folder / lock.FILE)
    records.write(record, space.folder / records.FILE)
    return record


def _check_metrics(recipe: Recipe) -> None:
    """Say that every metric is there, is one of the recipe's role, and can be decided as the recipe wants it."""
    accept.check(each.criterion for each in recipe.measurements if each.criterion is not None)
    for measurement in recipe.measurements:
        roles = metric(measurement.metric).roles
        if recipe.role not in roles:
            what = f"the metric '{measurement.metric}' measures {', '.join(sorted(roles))}"
            hint = "see 'edge-quantize metrics' for those of each role"
            raise RecipeInvalid(f"{recipe.name}: {what}, and the recipe is for role '{recipe.role}'", hint)


def _given(recipe: Recipe) -> Given:
    assert recipe.source is not None
    source = forms.of_source(recipe, recipe.source)
    reference = None if recipe.reference is None else forms.of_source(recipe, recipe.reference)
    data_sums = {name: sums.of_data(data) for name, data in sorted(recipe.data.items())}
    inputs = _named("source", source) | ({} if reference is None else _named("reference", reference))
    if recipe.calibration is not None:
        inputs["calibration"] = sums.of_data(recipe.calibration)
    inputs |= {f"data/{name}": digest for name, digest in data_sums.items()}
    return Given(source, reference, inputs, data_sums)


def _named(where: str, form: Form) -> dict[str, str]:
    weights = {f"{where}/weights": form.weights_sum} if form.weights_sum else {}
    return {f"{where}/{key}": digest for key, digest in form.sums.items()} | weights


def _lock(recipe: Recipe, inputs: Mapping[str, str]) -> lock.Lock:
    libraries = {*LIBRARIES, *(name for step in recipe.steps for name in step.libraries)}
    return lock.Lock(_sum_of(recipe), dict(inputs), versions.of(libraries), versions.machine_class(), {})


def _sum_of(recipe: Recipe) -> str:
    """A sum over what a recipe says, but for the paths, whose content is summed by itself."""

    def told(steps: tuple[Step, ...]) -> list[object]:
        return [[step.NAME, asdict(step)] for step in steps]

    data: Mapping[str, Data] = {**recipe.data, **({} if recipe.calibration is None else {"": recipe.calibration})}
    return sums.of_values(
        {
            "role": recipe.role,
            "prepare": told(recipe.prepare),
            "variants": [[variant.name, told(variant.steps)] for variant in recipe.variants],
            "metrics": [[each.metric, each.data, str(each.criterion)] for each in recipe.measurements],
            "data": {name: {k: v for k, v in table.items() if k != "path"} for name, table in data.items()},
        }
    )
