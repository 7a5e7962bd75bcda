"""`do = "quantize"` with a type of GGUF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from edge_assistant_models.schema import Table
from edge_assistant_quantize.errors import RecipeInvalid
from edge_assistant_quantize.gguf import kinds, quantize
from edge_assistant_quantize.recipes.steps.imatrix import MATRIX
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work, keys

_BYTES_OF_F16 = {"F32": 4.0, "BF16": 2.0, "F16": 2.0}  # of a value; all others are smaller than what they are made of
_SMALLEST = 0.5  # bytes of a value in a model that is quantized already, about


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeGguf(Step):
    """Another type of a GGUF file.

    Attributes:
        kind: one of `gguf.kinds.MODELS`.
        imatrix: whether the importance matrix of an earlier step is used.
        overrides: types of single tensors by regular expression.
        requantize: whether a model that is quantized already is taken.
    """

    NAME: ClassVar[str] = "quantize"

    kind: str
    imatrix: bool = False
    overrides: Mapping[str, str] = field(default_factory=dict)
    requantize: bool = False

    @classmethod
    def of(cls, kind: str, table: Table) -> Self:
        """Read the keys beside the type.

        Raises:
            CatalogInvalid: a key is wrong.
        """
        overrides = table.optional_table("overrides")
        step = cls(
            files=keys(table),
            kind=kind,
            imatrix=table.flag("imatrix", default=False),
            overrides={} if overrides is None else {key: overrides.text(key) for key in overrides.remaining()},
            requantize=table.flag("requantize", default=False),
        )
        unknown = set(step.overrides.values()) - set(kinds.TENSORS)
        if unknown:
            raise table.invalid(f"there is no type '{min(unknown)}' of tensors ({', '.join(kinds.TENSORS)})")
        return step

    @classmethod
    def parse(cls, table: Table) -> Step:
        """See `Step.parse`."""
        return cls.of(table.text("type"), table)

    def make(self, work: Work) -> Made:
        """See `Step.make`.

        Raises:
            RecipeInvalid: it wants an importance matrix, and no step before it has computed one.
        """
        matrix = work.form.aside.get(MATRIX) if self.imatrix else None
        if self.imatrix and matrix is None:
            hint = 'put a step before it that computes one: prepare = [{ do = "imatrix" }]'
            raise RecipeInvalid(f"{self.kind} wants an importance matrix, and no step has computed one", hint)
        quantize.quantize(
            work.file,
            work.output(),
            self.kind,
            imatrix=matrix,
            overrides=self.overrides,
            allow_requantize=self.requantize,
            threads=work.threads,
            watch=work.watch,
        )
        return Made({work.key: work.output()})

    @property
    def label(self) -> str:
        """See `Step.label`."""
        return self.kind

    @property
    def libraries(self) -> tuple[str, ...]:
        """See `Step.libraries`."""
        return ("llama-cpp-python",)

    @property
    def uses_aside(self) -> bool:
        """See `Step.uses_aside`."""
        return self.imatrix

    def output_bytes(self, given: int) -> int:
        """See `Step.output_bytes`: a quantized model grows where it is widened."""
        return int(given * _BYTES_OF_F16.get(self.kind, _SMALLEST) / _SMALLEST) if self.requantize else given

    def memory_bytes(self, given: int) -> int:
        """See `Step.memory_bytes`: llama.cpp works on one tensor at a time, and looks for room by itself."""
        return given // 4
