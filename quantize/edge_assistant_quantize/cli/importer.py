"""`edge-quantize import`: weights of another format to ONNX files."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_models import conversion
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import InputMissing, ModelCorrupt, UsageError, WeightsRefused

NAME = "import"
HELP = "convert weights of another format to ONNX, as 'edge-assistant models pull' does"

EXAMPLES = """examples:
  edge-quantize import whisper model=model.bin tokenizer=tokenizer.json config=config.json --output my-whisper
  edge-quantize import whisper_float model=model.bin tokenizer=tokenizer.json config=config.json --output whisper-f16
  edge-quantize import minilm weights=model.safetensors tokenizer=tokenizer.json --output minilm
  edge-quantize import efficientnet_lite checkpoint=efficientnet.pth --output efficientnet
  edge-quantize import blazeface graph=blazeface.json weights=blazeface.bin --output blazeface
  edge-quantize import nanodet graph=nanodet.json weights=nanodet.bin --quantization nanodet-int8 --output nanodet"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("importer", metavar="IMPORTER", help="by name, see the examples")
    parser.add_argument("files", nargs="+", metavar="KEY=FILE", help="the files that it reads")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--quantization", metavar="NAME", help="one that the catalog uses for such a model")


def run(args: argparse.Namespace) -> int:
    """Convert, and print the files; 0.

    Raises:
        UsageError: there is no such importer, it reads other files, or the output is there already.
        InputMissing: a file is not there.
        WeightsRefused: a file is damaged, or of another network.
        CatalogInvalid: there is no such quantization of it.
        StorageFull: the disk does not take it.
    """
    names = conversion.names()
    if args.importer not in names:
        raise UsageError(f"there is no importer '{printable(args.importer)}'", f"choose one of {', '.join(names)}")
    importer = conversion.importer(args.importer)
    inputs = _inputs(args.files, args.importer, importer)
    room.check_new(args.output)
    with room.new_folder(args.output) as folder:
        try:
            importer.convert(inputs, folder, args.quantization)
        except ModelCorrupt as error:
            hint = f"take the file from its official home; {args.importer} is for one kind of network"
            raise WeightsRefused(error.message, hint) from None
    for path in sorted(args.output.iterdir()):
        digest = f", tensors_sha256 {tensor_digest(path)}" if path.suffix == ".onnx" else ""
        print(printable(f"{path}: {mebibytes(path.stat().st_size)}{digest}"))
    return 0


def _inputs(words: list[str], name: str, importer: conversion.Importer) -> Mapping[str, Path]:
    pairs = [word.partition("=") for word in words]
    if sorted(key for key, _, _ in pairs) != sorted(importer.INPUTS):
        wanted = " ".join(f"{key}=FILE" for key in importer.INPUTS)
        raise UsageError(f"{name} does not read these files", f"give {wanted}")
    inputs = {key: Path(path) for key, _, path in pairs}
    for path in inputs.values():
        if not path.is_file():
            raise InputMissing(f"there is no file {printable(str(path))}", "name one that is there")
    return inputs
