"""`edge-quantize convert` to ONNX: the export through optimum."""

from __future__ import annotations

import argparse

from edge_assistant_quantize.arguments import count

EXAMPLES = """  edge-quantize convert my-whisper --output my-whisper-onnx
  edge-quantize convert all-MiniLM-L6-v2 --output minilm --task feature-extraction
  edge-quantize convert SmolVLM-256M --output eyes --part vision"""


def configure(group: argparse._ArgumentGroup) -> None:
    """The options."""
    group.add_argument("--task", metavar="T", help="such as feature-extraction (default: what config.json names)")
    group.add_argument("--opset", type=count, metavar="N", help="ONNX operator set (default: the architecture's own)")
    said = "product: as its senses run it, what Whisper gets unless asked otherwise; optimum: as other programs read it"
    group.add_argument("--layout", choices=("product", "optimum"), help=said)
    group.add_argument("--part", choices=("vision", "decoder"), help="of a vision-language model, this part alone")


def run(args: argparse.Namespace) -> int:
    """Export and say how far the graphs are from the model; 0.

    Raises:
        UsageError: the output is named as a file.
        EdgeAssistantError: see `export.run`.
    """
    from edge_assistant_quantize.errors import UsageError
    from edge_assistant_quantize.export import export
    from edge_assistant_quantize.progress import shown

    if args.output.suffix.lower() == ".onnx":
        raise UsageError(f"{args.output.name} would be a file, and an export has several", "name a folder")
    with shown() as watch:
        made = export.run(
            args.folder,
            args.output,
            task=args.task,
            part=args.part,
            opset=args.opset,
            layout=args.layout,
            threads=args.threads,
            watch=watch,
        )
    for key, path in made.files.items():
        print(f"{key}: {path} ({path.stat().st_size:,} bytes)")
    print(f"{made.done.architecture} for {made.done.task}, operator set {made.done.opset}")
    if made.deviation is not None:
        print(f"compared with the model on the same inputs: at most {made.deviation:.1e} of an output's largest value")
    if made.done.note:
        print(f"note: {made.done.note}")
    return 0
