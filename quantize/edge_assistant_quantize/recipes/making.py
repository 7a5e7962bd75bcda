"""A model through the steps of a recipe, each done once for the same input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.progress import Step as Progress
from edge_assistant_quantize.progress import Watch
from edge_assistant_quantize.recipes import sums, versions
from edge_assistant_quantize.recipes.steps.step import Form, Made, Step, Work
from edge_assistant_quantize.recipes.workspace import Result, Workspace


@dataclass(frozen=True, slots=True)
class Making:
    """How steps are done.

    Attributes:
        space: where results are kept.
        calibration: the data table, or None.
        calibration_sum: its sum.
        accepts: whether a model is accepted, for steps that search.
        accepting: what acceptance rests on, as a sum.
        threads: cores to keep to.
        watch: is told how far a step is.
        tick: is called after each step.
    """

    space: Workspace
    calibration: Mapping[str, object] | None
    calibration_sum: str
    accepts: Callable[[Form], bool]
    accepting: Callable[[], str]
    threads: int
    watch: Watch
    tick: Callable[[], None]

    def through(self, form: Form, steps: Sequence[Step], label: str) -> Form:
        """What a model becomes.

        Args:
            form: before the first step.
            steps: in order.
            label: the variant's name, for progress and messages.

        Raises:
            RecipeInvalid: a step works on a file that the model has not.
            EdgeAssistantError: a step cannot be done.
        """
        for step in steps:
            for key in units(form, step, label):
                form = self._unit(form, step, key, label)
            self.tick()
        return form

    def _unit(self, form: Form, step: Step, key: str, label: str) -> Form:
        kept_as = self._key(form, step, key)
        found = self.space.recall(step.NAME, kept_as)
        if found is None:
            what = " ".join(word for word in (f"{label}:", step.label, key) if word)
            self.watch(Progress(what, 0, 1))
            found = self.space.make(step.NAME, kept_as, lambda folder, kept: self._made(form, step, key, folder, kept))
            self.watch(Progress(what, 1, 1))
        return _after(form, found)

    def _made(self, form: Form, step: Step, key: str, folder: Path, kept: Path) -> Made:
        def accepts(path: Path) -> bool:
            return self.accepts(form.with_file(key, path, sha256_of(path)))

        return step.make(Work(form, key, folder, kept, self.calibration, accepts, self.threads, self.watch))

    def _key(self, form: Form, step: Step, key: str) -> str:
        """One sum over all that shapes the result."""
        alone = bool(key) and not step.calibrates and not step.searches
        shapes: dict[str, object] = {
            "step": [step.NAME, step.REVISION, step.parameters()],
            "file": key,
            "input": form.sums[key] if alone else form.identity,
            "versions": versions.of(step.libraries),
            "machine": versions.machine_class(),
        }
        if step.calibrates:
            shapes["calibration"] = self.calibration_sum
        if step.uses_aside:
            shapes["aside"] = dict(form.aside_sums)
        if step.searches:
            shapes["accepting"] = self.accepting()
        return sums.of_values(shapes)


def units(form: Form, step: Step, label: str) -> tuple[str, ...]:
    """The files that a step works on; one empty key for a step over the whole model.

    Raises:
        RecipeInvalid: the model has none of that key, or no file that a step could work on.
    """
    if step.WHOLE:
        return ("",)
    missing = next((key for key in step.files if key not in form.files), None)
    has = ", ".join(form.files) or "none"
    if missing is not None:
        raise RecipeInvalid(
            f"{label}: {step.label} works on '{missing}', which {form.name} has not (its files: {has})",
            "correct 'file' of the step",
        )
    found = step.files or form.models()
    if not found:
        what = "weights that are not converted yet" if form.weights else f"no model among its files ({has})"
        raise RecipeInvalid(
            f"{label}: {step.label} finds {what}",
            'put a step before it that makes one: prepare = [{ do = "convert" }], or "export"',
        )
    return found


def _after(form: Form, result: Result) -> Form:
    """A model after a step. One that made files of weights leaves no weights to be converted."""
    kept = result.kept
    digests = {key: file.sha256 for key, file in kept.files.items()}
    aside = {key: file.sha256 for key, file in kept.aside.items()}
    changed = replace(
        form,
        files={**form.files, **result.paths(kept.files)},
        sums={**form.sums, **digests},
        options={**form.options, **kept.options},
        aside={**form.aside, **result.paths(kept.aside)},
        aside_sums={**form.aside_sums, **aside},
        excluded=(*form.excluded, *kept.excluded),
        layers=(*form.layers, *kept.layers),
        notes=(*form.notes, *([kept.note] if kept.note else [])),
    )
    return replace(changed, weights=None, weights_sum="") if kept.files else changed
