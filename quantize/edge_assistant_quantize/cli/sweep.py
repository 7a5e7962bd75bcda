"""`edge-quantize sweep`: one model in several types, each measured, and which of them no other beats."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.cli import _measuring
from edge_assistant_quantize.gguf import options

if TYPE_CHECKING:
    from edge_assistant_quantize.gguf.sweep import Sweep
    from edge_assistant_quantize.record import Record, Variant

NAME = "sweep"
HELP = "quantize a GGUF model to several types and measure each"
TYPES = "Q2_K,Q3_K_M,Q4_K_M,Q5_K_M,Q6_K,Q8_0"
EXAMPLES = """examples:
  edge-quantize sweep model-f16.gguf --text wiki.test.txt --output sweep
  edge-quantize sweep model-f16.gguf --types IQ2_XS,Q4_K_M --text test.txt --calibration train.txt --output sweep

run again with the same folder it does what is missing, such as after an interruption or for more types"""

COLUMNS = ("type", "size", "bits", "perplexity", "KL, nats", "KL 99 %", "top 1", "reads/s", "writes/s", "memory", "")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a .gguf file, best in F16")
    parser.add_argument("--types", default=TYPES, metavar="T,T,...", help=f"types to try ({TYPES})")
    parser.add_argument("--text", type=Path, required=True, metavar="F", help="text that they are measured on")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="for the forms and the report")
    matrix = parser.add_mutually_exclusive_group()
    matrix.add_argument("--imatrix", type=Path, metavar="F", help="importance matrix, from 'edge-quantize imatrix'")
    matrix.add_argument("--calibration", type=Path, metavar="F", help="text that an importance matrix is made of")
    parser.add_argument("--reference", type=Path, metavar="F", help="what they are compared with (default: MODEL)")
    arguments.add_text(parser, "that are measured on")
    arguments.add_threads(parser)
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    options.configure_tensors(parser.add_argument_group("quantization"))


def run(args: argparse.Namespace) -> int:
    """Sweep, write record and report, and print the table; 0."""
    import msgspec

    from edge_assistant_quantize.gguf import sweep
    from edge_assistant_quantize.report import page

    with progress.shown() as watch:
        found = sweep.run(_asked(args), watch)
    page.write(found, args.output)
    if args.json:
        print(msgspec.json.encode(found).decode())
        return 0
    _measuring.show(table(found))
    print(f"\n* no other is both smaller and nearer to the reference; the report: {args.output / page.MARKDOWN}")
    return 0


def _asked(args: argparse.Namespace) -> Sweep:
    from edge_assistant_quantize.gguf.sweep import Sweep
    from edge_assistant_quantize.recipes import provenance

    types = tuple(name.strip().upper() for name in args.types.split(",") if name.strip())
    return Sweep(
        model=args.model,
        types=types,
        text=args.text,
        folder=args.output,
        matrix=args.imatrix,
        calibration=args.calibration,
        reference=args.reference,
        context=args.context,
        chunks=args.chunks,
        overrides=options.overrides(args.tensor_type),
        allow_requantize=args.allow_requantize,
        threads=arguments.threads(args),
        versions=provenance.versions(["llama-cpp-python", "numpy"]),
        machine=provenance.machine(),
        commands=(arguments.command(),),
    )


def table(found: Record) -> list[tuple[str, ...]]:
    """The forms line by line, the reference first; those on the Pareto front of size and divergence are marked."""
    from edge_assistant_quantize.report.analysis import pareto

    front = pareto([(form.bytes, form.metrics["kl-divergence"]) for form in found.variants])
    marks = ["*" if place in front else "" for place in range(len(found.variants))]
    rows = [_row(form, form.method, mark) for form, mark in zip(found.variants, marks, strict=True)]
    return [COLUMNS, _row(found.reference, "reference", ""), *rows]


def _row(form: Variant, name: str, mark: str) -> tuple[str, ...]:
    figures = form.metrics
    return (
        name,
        mebibytes(form.bytes),
        f"{figures['bits-per-weight']:.2f}",
        f"{figures['perplexity']:.3f} ± {figures['perplexity-uncertainty']:.3f}",
        f"{figures['kl-divergence']:.4f}",
        f"{figures['kl-divergence-p99']:.3f}" if "kl-divergence-p99" in figures else "",
        f"{figures['token-agreement']:.1%}",
        f"{form.speed['prefill_tokens_per_s']:.0f}",
        f"{form.speed['decode_tokens_per_s']:.1f}",
        f"{form.peak_mib:.0f} MiB" if form.peak_mib else "",
        mark,
    )
