"""`do = "convert"`: Hugging Face weights to GGUF, by llama.cpp's own converter.

precision      "f16" (default), "bf16", "f32" or "q8_0"
pre_tokenizer  how the tokenizer splits text, if that is not recognised: "qwen2", "llama-bpe", ...

A GGUF source is left as it is, so that a recipe serves for both.
"""

from __future__ import annotations

from edge_assistant_quantize.decoding import Line
from edge_assistant_quantize.gguf import conversion
from edge_assistant_quantize.recipes.steps.step import Kind, Made, Needs, Options, Work


class Convert(Options, frozen=True, kw_only=True):
    """Options of the converter."""

    precision: str = "f16"
    pre_tokenizer: Line | None = None

    def __post_init__(self) -> None:
        if self.precision not in conversion.PRECISIONS:
            raise ValueError(f"there is no precision {self.precision!r} ({', '.join(conversion.PRECISIONS)})")


def needs(options: Convert) -> Needs:
    """Two bytes of a weight may become four; torch and the converter take a gigabyte beside the largest tensor."""
    libraries = ("llama-cpp-python", "torch", "transformers")
    return Needs(libraries=libraries, growth=2 if options.precision == "f32" else 1, memory=0, fixed_memory=1 << 30)


def make(options: Convert, work: Work) -> Made:
    """One GGUF file under the key `model`."""
    if work.form.weights is None:
        return Made()
    output = work.folder / "model.gguf"
    conversion.convert(
        work.form.weights,
        output,
        precision=options.precision,
        pre=options.pre_tokenizer,
        threads=work.threads,
        watch=work.watch,
    )
    return Made({"model": output})


STEP = Kind("convert", Convert, make, needs)
