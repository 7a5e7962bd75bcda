"""`do = "quantize"` with a method for ONNX files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from edge_assistant_models.schema import Table
from edge_assistant_quantize.errors import RecipeInvalid, UsageError
from edge_assistant_quantize.onnx import calibration, quantize, search
from edge_assistant_quantize.onnx.calibration import Calibration
from edge_assistant_quantize.onnx.search import Found
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work, keys
from edge_assistant_quantize.record import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeOnnx(Step):
    """Another precision of an ONNX file.

    Attributes:
        method: one of `onnx.quantize.METHODS`.
        exclude: nodes that stay as they are.
        most: nodes that a search may leave as they are besides; None for no search.
        options: of the method.
    """

    NAME: ClassVar[str] = "quantize"

    method: str
    exclude: tuple[str, ...] = ()
    most: int | None = None
    options: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, method: str, table: Table) -> Self:
        """Read the keys beside the type.

        Raises:
            CatalogInvalid: a key is wrong.
            RecipeInvalid: an option is none of the method.
        """
        exclude = table.texts("exclude", required=False)
        most = table.optional_positive("exclude_until_accepted")
        step = cls(files=keys(table), method=method, exclude=exclude, most=most, options=table.free("options"))
        if exclude and most:
            raise table.invalid("'exclude' and 'exclude_until_accepted' do not go together")
        try:
            quantize.check_options(method, step.options)
        except UsageError as error:
            raise RecipeInvalid(f"{table.where}: {error.message}", error.hint) from None
        return step

    @classmethod
    def parse(cls, table: Table) -> Step:
        """See `Step.parse`."""
        return cls.of(table.text("type"), table)

    def make(self, work: Work) -> Made:
        """See `Step.make`."""
        given = self._calibration(work)
        if self.most is not None:
            return self._searched(work, given)
        self._quantize(work, given)
        return Made({work.key: work.output()}, excluded=self.exclude)

    @property
    def label(self) -> str:
        """See `Step.label`."""
        return self.method

    @property
    def libraries(self) -> tuple[str, ...]:
        """See `Step.libraries`."""
        return ("numpy", "onnx", "onnxruntime")

    @property
    def calibrates(self) -> bool:
        """Whether ranges of values are to be measured, or which nodes are the worst."""
        return self.searches or (self.method in quantize.CALIBRATED and "ranges" not in self.options)

    @property
    def searches(self) -> bool:
        """See `Step.searches`."""
        return self.most is not None

    def memory_bytes(self, given: int) -> int:
        """See `Step.memory_bytes`: the graph twice, the largest weights in float64, and the session that tries it."""
        return 6 * given

    def _quantize(self, work: Work, given: Calibration | None) -> None:
        quantize.quantize(
            work.file,
            work.output(),
            self.method,
            calibration=given,
            exclude=self.exclude,
            options=self.options,
            threads=work.threads,
            watch=work.watch,
        )

    def _searched(self, work: Work, given: Calibration | None) -> Made:
        """What the search has found; where nothing is accepted, the form that it left most of as it is."""
        assert self.most is not None
        found = search.quantize_to_accept(
            work.file,
            work.output(),
            self.method,
            calibration=given,
            accepts=work.accepts,
            most=self.most,
            threads=work.threads,
            watch=work.watch,
            options=self.options,
            folder=work.kept,
        )
        layers = tuple(_with_file(found, work.key))
        tries = f"{len(found.tries)} forms tried" if len(found.tries) > 1 else ""
        if found.accepted:
            return Made({work.key: work.output()}, excluded=found.excluded, layers=layers, note=tries)
        widest = max(found.tries, key=lambda each: len(each.excluded))
        excluded = tuple(widest.excluded)
        replace(self, exclude=excluded, most=None, options=found.options)._quantize(work, given)
        return Made(
            {work.key: work.output()},
            excluded=excluded,
            layers=layers,
            note=f"{tries or 'one form tried'}, none accepted",
        )

    def _calibration(self, work: Work) -> Calibration | None:
        if not self.calibrates:
            return None
        assert work.calibration is not None
        model = work.form.candidate()
        return calibration.record(model, work.key, work.calibration, threads=work.threads, watch=work.watch)


def _with_file(found: Found, key: str) -> list[Layer]:
    """The ranking with the file that its nodes are in."""
    import msgspec

    return [msgspec.structs.replace(layer, file=key) for layer in found.layers]
