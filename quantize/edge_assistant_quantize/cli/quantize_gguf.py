"""`edge-quantize quantize` for a GGUF model, and options of all verbs that quantize one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant_quantize import arguments, progress
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import kinds

if TYPE_CHECKING:
    from edge_assistant_quantize.gguf.search import SearchedTypes
    from edge_assistant_quantize.progress import Watch

MATRIX = "importance matrix, from 'edge-quantize imatrix'"
EXAMPLES = """  edge-quantize quantize model-f16.gguf --type Q4_K_M --output model-q4.gguf
  edge-quantize quantize model-f16.gguf --type IQ2_XS --imatrix matrix.gguf --output model-iq2.gguf
  edge-quantize quantize model-f16.gguf --type Q4_K_M --tensor-type attn_v=Q8_0 --output mixed.gguf
  edge-quantize quantize model-f16.gguf --type search --bits-per-weight 5 --text guide.txt --output searched.gguf"""
_NARROW = "IQ4_NL"  # the least of those that rows of no 256 values can have


def configure(group: argparse._ArgumentGroup) -> None:
    """The options of `quantize`."""
    add = group.add_argument
    add("--imatrix", type=Path, metavar="F", help=MATRIX)
    add_tensors(group)
    add("--bits-per-weight", type=float, metavar="N", help="of --type search: the most, over the whole file")
    add("--mib", type=float, metavar="N", help="of --type search: the most MiB of the file, in place of bits")
    add("--text", type=Path, metavar="F", help="of --type search: text that guides it; judge by another")
    add("--chunks", type=arguments.count, metavar="N", help="of --type search: of the text, at most (8)")
    add("--context", type=arguments.count, metavar="N", help="of --type search: tokens of a chunk (512)")


def add_tensors(group: arguments.Group) -> None:
    """The options on tensors of `quantize` and `sweep`."""
    group.add_argument(
        "--tensor-type",
        action="append",
        default=[],
        metavar="REGEX=TYPE",
        help="type of the tensors whose name the expression is found in; may be given again, the first one counts",
    )
    group.add_argument("--allow-requantize", action="store_true", help="also from a quantized model, which loses twice")


def overrides(given: Sequence[str]) -> dict[str, str]:
    """Types by expression.

    Raises:
        UsageError: one is not REGEX=TYPE, or stands twice.

    >>> overrides(["attn_v=Q8_0"])
    {'attn_v': 'Q8_0'}
    """
    found: dict[str, str] = {}
    for one in given:
        pattern, _, kind = one.rpartition("=")
        if not pattern or not kind or pattern in found:
            raise UsageError(f"--tensor-type {one} is not REGEX=TYPE", "say it once, as --tensor-type attn_v=Q8_0")
        found[pattern] = kind
    return found


def run(args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Quantize; facts of the result for JSON, and lines for people.

    Raises:
        EdgeAssistantError: see `quantize.quantize` and `search.search`.
    """
    from edge_assistant_quantize.gguf import header, quantize, search

    kind, types = args.type, overrides(args.tensor_type)
    with progress.shown() as watch:
        searched = _searched(args, watch) if kind == kinds.SEARCH else None
        if searched is not None:
            kind, types = search.TOP, dict(searched.overrides)
        elif args.text or args.bits_per_weight or args.mib or args.chunks or args.context:
            raise UsageError("a text, its chunks and a budget are options of a search", "say --type search")
        fell = quantize.quantize(
            args.model,
            args.output,
            kind,
            imatrix=args.imatrix,
            overrides=types,
            allow_requantize=args.allow_requantize,
            threads=arguments.threads(args),
            watch=watch,
        )
    args.type = args.type.upper()
    made, again = header.read(args.output), header.read(args.model).quantized
    facts: dict[str, Any] = {"tensors": made.kinds, "fallbacks": fell, "requantized": again}
    facts["bytes_before"] = args.model.stat().st_size
    notes = ["tensors: " + ", ".join(f"{count} {kind}" for kind, count in made.kinds.items())]
    if searched is not None:
        facts |= {"losses": dict(searched.losses), "types": dict(searched.types)}
        notes.append(searched.note)
    if fell:
        notes.append(quantize.note(fell))
        smaller = quantize.estimate(args.model, _NARROW, allow_requantize=args.allow_requantize)
        if smaller < args.output.stat().st_size:
            bits = 8 * smaller / made.weights
            notes.append(f"smaller: {_NARROW} with {bits:.2f} bits a weight; --type search measures more")
    if again:
        notes.append(f"{args.model.name} was quantized already: expect worse than from F16")
    return facts, notes


def _searched(args: argparse.Namespace, watch: Watch) -> SearchedTypes:
    """The types of a search.

    Raises:
        UsageError: it lacks a text or a budget, or types are given.
    """
    from edge_assistant_quantize.gguf import header, perplexity, search

    if args.text is None or bool(args.bits_per_weight) == bool(args.mib):
        raise UsageError("a search needs a text and one budget", "give --text F and --bits-per-weight N or --mib N")
    if args.tensor_type:
        raise UsageError("a search chooses the types", "leave --tensor-type out")
    bits = args.bits_per_weight or 8 * 2**20 * args.mib / header.read(args.model).weights
    return search.search(
        args.model,
        args.text,
        bits=bits,
        imatrix=args.imatrix,
        allow_requantize=args.allow_requantize,
        context=args.context or perplexity.CONTEXT,
        chunks=args.chunks,
        threads=arguments.threads(args),
        watch=watch,
    )
