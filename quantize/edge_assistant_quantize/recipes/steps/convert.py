"""`do = "convert"`: weights of Hugging Face to GGUF, by llama.cpp's own converter.

precision    "f16" (default), "bf16", "f32" or "q8_0"
pre_tokenizer
             how the tokenizer splits text, where that is not recognised: as "qwen2", "llama-bpe", ...

A source that is GGUF already is left as it is, so that a recipe serves for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edge_assistant_models.schema import Table
from edge_assistant_quantize.gguf import conversion
from edge_assistant_quantize.recipes.steps.step import Made, Step, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert(Step):
    """Weights to one GGUF file, the key `model`."""

    NAME: ClassVar[str] = "convert"
    WHOLE: ClassVar[bool] = True

    precision: str = "f16"
    pre_tokenizer: str | None = None

    @classmethod
    def parse(cls, table: Table) -> Step:
        """See `Step.parse`."""
        step = cls(
            precision=table.optional_text("precision") or "f16", pre_tokenizer=table.optional_text("pre_tokenizer")
        )
        if step.precision not in conversion.PRECISIONS:
            raise table.invalid(f"there is no precision '{step.precision}' ({', '.join(conversion.PRECISIONS)})")
        return step

    def make(self, work: Work) -> Made:
        """See `Step.make`."""
        if work.form.weights is None:
            return Made()
        output = work.folder / "model.gguf"
        conversion.convert(
            work.form.weights,
            output,
            precision=self.precision,
            pre=self.pre_tokenizer,
            threads=work.threads,
            watch=work.watch,
        )
        return Made({"model": output})

    @property
    def libraries(self) -> tuple[str, ...]:
        """See `Step.libraries`."""
        return ("llama-cpp-python", "torch", "transformers")

    def output_bytes(self, given: int) -> int:
        """See `Step.output_bytes`: weights of two bytes each may become four."""
        return 2 * given if self.precision == "f32" else given

    def memory_bytes(self, given: int) -> int:
        """See `Step.memory_bytes`: the converter itself looks at the largest tensor; torch and it take so much."""
        return 1 << 30


STEP = Convert
