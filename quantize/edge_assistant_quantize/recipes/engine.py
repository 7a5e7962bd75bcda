"""A recipe, run: each variant is made and measured, and the smallest accepted one is chosen. A run resumes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from edge_assistant.core.signals import printable
from edge_assistant_quantize import candidate, provenance
from edge_assistant_quantize import record as records
from edge_assistant_quantize.acceptance import gate, signature
from edge_assistant_quantize.candidate import sha256_of
from edge_assistant_quantize.errors import InputMissing, LockBroken, QuantizationFailed, RecipeInvalid, WeightsRefused
from edge_assistant_quantize.metrics.metric import figures
from edge_assistant_quantize.progress import ProgressStep, Watch, stage
from edge_assistant_quantize.provenance import RUNTIMES, sum_of_values, versions
from edge_assistant_quantize.publish.judgement import ACCEPTED
from edge_assistant_quantize.recipes import measurements, recipe, speed
from edge_assistant_quantize.recipes.recipe import ModelSource, Recipe, RecipeVariant
from edge_assistant_quantize.recipes.step import IMATRIX, WEIGHTS, Form, Made, Step, StepInput
from edge_assistant_quantize.recipes.workspace import REFERENCE, VARIANTS, RecipeJob, Workspace
from edge_assistant_quantize.record import CriterionVerdict, Measured, ModelSums, Record
from edge_assistant_quantize.report import precision

_CONFIG = "config.json"  # marks a folder as one of Hugging Face
ALIKE = 1.05  # times the smallest size: by this much do 8-bit forms with the same weights differ


def run(
    asked: Recipe, folder: Path, *, threads: int, watch: Watch, locked: Path | None = None, command: str = ""
) -> Record:
    """Run a recipe in a folder; results that the folder holds already are used.

    Args:
        asked: the recipe.
        folder: is made if it is missing; see `workspace`.
        threads: cores to use.
        watch: receives progress of the recipe and of each step.
        locked: the record of another run, with whose inputs, versions and tensors this one must agree.
        command: the command line, for the record.

    Returns:
        The record, which is also written into the folder.

    Raises:
        RecipeInvalid: the recipe cannot be run.
        LockBroken: something differs from that record.
        StorageFull, ModelTooLarge: there is not enough room for a step, which looks before it begins.
        InputMissing, CalibrationInvalid: an input is missing or of another kind.
        ModelError: the source is not installed, or a model cannot be run.
    """
    recipe.check(asked)
    assert asked.source is not None
    pinned = None if locked is None else records.read(locked)
    space = Workspace(folder.absolute())  # files are named from other folders, too
    with space.locked(), measurements.measuring(asked, threads, watch, space) as job:
        source = form_of(asked, asked.source)
        inputs = {**source.inputs("source"), **job.inputs}
        used = versions({*RUNTIMES, *(name for step in asked.steps for name in step.libraries)})
        if pinned:
            _hold({**inputs, **used}, {**pinned.inputs, **pinned.versions})
        before = signature.kept(space.folder)  # refused before hours of work
        work = RecipeRun(job, source)
        start = work.prepared()
        found = work.record({variant.name: start for variant in asked.variants})
        if pinned:
            _hold(_tensors(found.variants), _tensors(pinned.variants))
        found = replace(found, inputs=inputs, versions=used, commands=[command] if command else [])
        found = signature.after(before, found)
        if found.chosen:
            space.place(work.forms[found.chosen].candidate(asked.publish.name or asked.name), ACCEPTED)
        else:
            space.clear(ACCEPTED)
        records.write(found, space.folder / records.FILE)
        return found


def form_of(asked: Recipe, source: ModelSource) -> Form:
    """The model that a source names, with its checksums.

    Raises:
        InputMissing: there is none.
        RecipeInvalid: it is a model of another role.
        WeightsRefused: an .onnx file keeps weights in other files, which no sum of the record would cover.
        ModelError: the catalog has no such model, or it is not installed or damaged.
    """
    path = Path(source.path)
    if source.path and not path.exists():
        raise InputMissing(f"there is no {printable(path.name)}", "check [source] of the recipe")
    if source.path and not (path / candidate.FILE).exists() and (path / _CONFIG).is_file():
        sums = {WEIGHTS: provenance.sum_of_path(path)}
        return Form(asked.name, asked.role, options=source.options, beside={WEIGHTS: path}, beside_sums=sums)
    found = candidate.find(source.path or source.model, asked.role)
    if found.role != asked.role:
        raise RecipeInvalid(
            f"{asked.name} is for a model of role '{asked.role}', and {found.name} is one of role '{found.role}'",
            "name another source, or correct 'role'",
        )
    beside = {IMATRIX: Path(source.imatrix)} if source.imatrix else {}
    sums = {key: provenance.sum_of_path(path) for key, path in beside.items()}
    options = {**found.options, **source.options}
    return dataclasses.replace(Form.of(found), name=asked.name, options=options, beside=beside, beside_sums=sums)


def _hold(now: Mapping[str, str], was: Mapping[str, str]) -> None:
    """Hold a run to the record of another.

    Raises:
        LockBroken: an input, a version or the tensors of a file differ; the message names the first.
    """
    if differ := sorted(name for name in {*was, *now} if was.get(name) != now.get(name)):
        have, had = (each.get(differ[0], "not there") for each in (now, was))
        what = f"{differ[0]} is {have}, and in the record {had}"
        raise LockBroken(what, "bring back what was there, or run without --locked")


def _tensors(variants: Iterable[records.Variant]) -> dict[str, str]:
    """The digest of each file of each variant by `variant/key`."""
    files = ((f"{variant.name}/{key}", file) for variant in variants for key, file in variant.files.items())
    return {name: file.tensors_sha256 or file.sha256 for name, file in files}


def choose(variants: Sequence[records.Variant]) -> str:
    """The smallest accepted variant; among those of about its size the fastest. Empty if none is accepted."""
    accepted = [variant for variant in variants if variant.accepted]
    smallest = min((variant.bytes for variant in accepted), default=0)
    alike = [variant for variant in accepted if variant.bytes <= ALIKE * smallest]
    fastest = min(alike, key=lambda variant: (variant.speed.get("ratio", 1.0), variant.bytes), default=None)
    return fastest.name if fastest else ""


@dataclass(slots=True)
class RecipeRun:
    """One run.

    Attributes:
        job: recipe and folder.
        reference: what variants are compared with; of a recipe with steps the source, until it is prepared.
        forms: variants that could be made, by name.
        looks: those for acceptance.
        results: of the variants by name, and of the reference under the empty name.
    """

    job: RecipeJob
    reference: Form
    forms: dict[str, Form] = field(default_factory=dict)
    looks: list[records.AcceptanceLook] = field(default_factory=list)
    results: dict[str, dict[str, Measured]] = field(default_factory=dict)

    def prepared(self) -> Form:
        """The source after the steps of `prepare`, which becomes the reference.

        Raises:
            EdgeAssistantError: a step fails, or the first of a variant finds nothing to work on.
        """
        asked, space = self.job.recipe, self.job.space
        start = self._through(self.reference, asked.prepare, "prepare")
        for variant in asked.variants:
            variant.steps[0].keys(start)  # fails before hours of work
        if asked.prepare:
            space.place(start.candidate(f"{asked.name}-{REFERENCE}"), REFERENCE)
        self.reference = dataclasses.replace(start, name=REFERENCE)
        return start

    def record(self, starts: Mapping[str, Form]) -> Record:
        """Measure the reference, then make and measure each variant.

        Args:
            starts: the model that each variant is made of, by name.

        Raises:
            EdgeAssistantError: it fails; finished results are stored.
        """
        asked, job, reference = self.job.recipe, self.job, self.reference
        if asked.steps:
            results = measurements.results(job, reference, reference)
        else:
            results = measurements.evaluated(job, reference.name, reference, None)
        gate.check_reference(reference.name, asked.criteria, measurements.half(job, results, searched=False))
        self.results[""] = results
        compared = measurements.compared(reference) if asked.criteria else None
        variants = []
        for done, each in enumerate(asked.variants):
            job.watch(ProgressStep(asked.name, done, len(asked.variants)))
            variants.append(self._variant(each, starts[each.name], compared))
        of_reference = self._timed(variant_record(reference.name, "", reference, results), reference)
        variants = [self._timed(each, self.forms.get(each.name)) for each in variants]
        job.watch(ProgressStep(asked.name, len(variants), len(variants)))
        return Record(
            name=asked.name,
            role=asked.role,
            recipe=asked.text,
            commands=[],
            versions=versions(RUNTIMES),
            machine=provenance.machine(),
            inputs=dict(job.inputs),
            reference=of_reference,
            variants=variants,
            layers=next(filter(None, ([*each.layers] for form in self.forms.values() for each in form.history)), []),
            chosen=choose(variants),
            measures={name: each.measure for found in self.results.values() for name, each in found.items()},
            looks=self.looks,
        )

    def _variant(self, variant: RecipeVariant, start: Form, compared: ModelSums | None) -> records.Variant:
        """Make and measure one variant. If a library fails, the record says so and the others go on."""
        job = self.job
        method = variant.steps[-1].label if variant.steps else ""
        verdicts: list[CriterionVerdict] = []
        try:
            form = self._through(start, variant.steps, variant.name)
            results = measurements.evaluated(job, variant.name, form, self.reference)
            if compared is not None:
                model = ModelSums(variant.name, form.sums, form.options)
                look, verdicts = measurements.judge(job, model, compared, results, self.results[""])
                self.looks.append(look)
        except (QuantizationFailed, WeightsRefused) as error:  # the second: its predictions are no numbers
            if not variant.steps:
                raise
            return records.Variant(variant.name, method, {}, note=error.message)
        self.forms[variant.name] = form
        self.results[variant.name] = results
        if variant.steps:
            job.space.place(form.candidate(f"{job.recipe.name}-{variant.name}"), f"{VARIANTS}/{variant.name}")
        return variant_record(variant.name, method, form, results, verdicts)

    def _timed(self, found: records.Variant, form: Form | None) -> records.Variant:
        """The record of a form with time and memory, where they are asked for and can be measured."""
        measured = speed.of(self.job, form, self.reference) if form and self.forms and self.job.recipe.speed else None
        return replace(found, speed=measured.speed, peak_mib=measured.peak_mib) if measured else found

    def _through(self, form: Form, steps: Sequence[Step], label: str) -> Form:
        """A model after steps; the label names the variant in progress.

        Raises:
            EdgeAssistantError: a step fails, or finds nothing to work on.
        """
        for step in steps:
            for key in step.keys(form):
                what = " ".join(word for word in (f"{label}:", step.label, key) if word)
                form = self._unit(form, step, key, what)
        return form

    def _unit(self, form: Form, step: Step, key: str, what: str) -> Form:
        """A model after one step over one file."""
        job = self.job

        def accepts(path: Path) -> bool:
            return measurements.accepts(job, form.with_file(key, path, sha256_of(path)), self.reference)

        def make(folder: Path, partial: Path) -> Made:
            output = folder / f"{key}{form.files[key].suffix}" if key else folder
            work = StepInput(form, key, output, partial, job.recipe.calibration, accepts, job.threads, job.watch)
            with stage(what, job.watch):
                return step.make(work)

        return form.after(*job.space.step(step.do, self._key(form, step, key), make))

    def _key(self, form: Form, step: Step, key: str) -> str:
        """A checksum over everything that the output of a step depends on."""
        alone = bool(key) and not step.calibrates and not step.searches  # no other file of the model is run
        over: dict[str, object] = {
            "step": [step.do, step.parameters],
            "file": key,
            "input": [form.sums[key] if alone else form.identity, form.beside_sums],
            "versions": versions(step.libraries),
            "machine": provenance.processor(),
        }
        if step.calibrates:
            over["calibration"] = self.job.inputs["calibration"]
        if step.searches:
            over["accepting"] = measurements.acceptance_sum(self.job, self.reference)
        return sum_of_values(over)


def variant_record(
    name: str, method: str, form: Form, results: Mapping[str, Measured], verdicts: Sequence[CriterionVerdict] = ()
) -> records.Variant:
    """A form as the record has it; of a language model with its bits per weight."""
    bits = {}
    if form.role == "language" and speed.is_llama(form.files):
        bits = {"bits-per-weight": precision.bits(precision.of_files(form.files.values()))}
    return records.Variant(
        name=name,
        method=method,
        files={k: records.ModelFile.of(path, f"{k}{path.suffix}", form.sums[k]) for k, path in form.files.items()},
        metrics=figures(results) | bits,
        verdicts=list(verdicts),
        excluded=[node for made in form.history for node in made.excluded],
        note="; ".join(made.note for made in form.history if made.note),
    )
