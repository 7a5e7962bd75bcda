"""The verbs that make model files: `tools`, `fetch`, `convert`, `import` and `imatrix`."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_assistant.core.signals import printable
from edge_assistant_models.conversion import importer, names
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.tensors import tensor_digest
from edge_assistant_models.transfer import mebibytes
from edge_assistant_quantize import arguments, room
from edge_assistant_quantize.arguments import VerbResult, option, verb
from edge_assistant_quantize.candidate import Candidate, model_name, sha256_of
from edge_assistant_quantize.errors import InputMissing, ModelCorrupt, UsageError, WeightsRefused
from edge_assistant_quantize.export import export as onnx_export
from edge_assistant_quantize.fetching import hub, llama
from edge_assistant_quantize.gguf import conversion

_PRE_TOKENIZER = "how the tokenizer splits text, where that is not recognised: as llama-bpe, qwen2, smollm, gpt-2, ..."


@verb(
    "tools",
    "bring llama.cpp's own converter of the installed version into the cache",
    """  edge-quantize tools
  edge-quantize tools --from llama_cpp_python-0.3.36.tar.gz     on a machine without a network""",
    option(
        "--from", dest="archive", type=Path, metavar="F", help="the source distribution of llama-cpp-python, as a file"
    ),
    fetches=True,
)
def tools(args: argparse.Namespace) -> VerbResult:
    """Bring it, unless it is there."""
    return VerbResult([f"llama.cpp's converter {llama.bring(args.archive, args.watch).name} is ready"])


@verb(
    "fetch",
    "fetch a model of Hugging Face: configuration, tokenizer and safetensors, no code",
    """  edge-quantize fetch HuggingFaceTB/SmolLM2-135M-Instruct --output SmolLM2-135M-Instruct
  edge-quantize fetch Qwen/Qwen3-0.6B --output Qwen3-0.6B --revision main""",
    option("repo", metavar="REPO", help="owner/name"),
    option("--output", type=Path, required=True, metavar="DIR", help="the folder to make"),
    option("--revision", metavar="R", help="a branch, tag or commit (default: the main branch)"),
    fetches=True,
)
def fetch(args: argparse.Namespace) -> VerbResult:
    """Fetch, and say what came."""
    hub.fetch(args.repo, args.output, revision=args.revision, watch=args.watch)
    files = [path for path in args.output.rglob("*") if path.is_file()]
    size = mebibytes(sum(path.stat().st_size for path in files))
    return VerbResult([f"{args.repo} is in {args.output}: {len(files)} files, {size}; {hub.SOURCE} names the commit"])


@verb(
    "convert",
    "convert a Hugging Face folder to GGUF or ONNX, or an ONNX model with external data to one file",
    f"""  edge-quantize convert SmolLM2-135M-Instruct --output smollm2-f16.gguf
  edge-quantize convert my-model --output my-model.gguf --precision bf16 --pre-tokenizer qwen2
{onnx_export.EXAMPLES}
  edge-quantize convert large/model.onnx --output one.onnx""",
    option("folder", type=Path, metavar="DIR|F", help="config.json, tokenizer and *.safetensors; or an .onnx file"),
    option("--output", type=Path, required=True, metavar="F|DIR", help="a .gguf or .onnx file, or a folder for ONNX"),
    arguments.THREADS,
    arguments.form(
        "to GGUF",
        option(
            "--precision",
            choices=tuple(conversion.PRECISIONS),
            default="f16",
            help="of the matrices (f16); packed: 4 bits of GPTQ, AWQ and AutoRound stay",
        ),
        option("--pre-tokenizer", metavar="NAME", help=_PRE_TOKENIZER),
        option("--lora", type=Path, metavar="DIR", help="a LoRA adapter of PEFT, added to the weights"),
        option("--mmproj", action="store_true", help="the picture encoder and projector, not the language model"),
    ),
    arguments.form("to ONNX", onnx_export.TASK),
)
def convert(args: argparse.Namespace) -> VerbResult:
    """Convert and say what came of it."""
    if args.folder.suffix.lower() == ".onnx" and not args.folder.is_dir():
        return _in_one_file(args)
    if args.output.suffix.lower() != ".gguf":
        arguments.refuse_others(args, "to ONNX")
        return VerbResult(onnx_export.run(args))
    arguments.refuse_others(args, "to GGUF")
    arguments.check_output(args.output)
    found = conversion.convert(
        args.folder,
        args.output,
        precision=args.precision,
        pre=args.pre_tokenizer,
        adapter=args.lora,
        projector=args.mmproj,
        threads=args.threads,
        watch=args.watch,
    )
    size = mebibytes(args.output.stat().st_size)
    return VerbResult([f"{args.output.name}: {found.architecture}, {found.values / 1e6:,.1f} M values, {size}"])


def _in_one_file(args: argparse.Namespace) -> VerbResult:
    """An ONNX model with the values of its other files in it."""
    from edge_assistant_quantize.onnx import graphs

    arguments.refuse_others(args)
    if args.output.suffix.lower() != ".onnx":
        raise UsageError("what is made of .onnx is .onnx again", "name the output so: F.onnx")
    arguments.check_output(args.output)
    graphs.save(graphs.load(args.folder), args.output, threads=args.threads)
    return VerbResult([f"{args.output.name}: {mebibytes(args.output.stat().st_size)} in one file"])


@verb(
    "import",
    "convert weights of another format to ONNX, as 'edge-assistant models pull' does",
    """  edge-quantize import whisper model=model.bin tokenizer=tokenizer.json config=config.json --output my-whisper
  edge-quantize import whisper_float model=model.bin tokenizer=tokenizer.json config=config.json --output whisper-f16
  edge-quantize import minilm weights=model.safetensors tokenizer=tokenizer.json --output minilm
  edge-quantize import efficientnet_lite checkpoint=efficientnet.pth --output efficientnet
  edge-quantize import blazeface graph=blazeface.json weights=blazeface.bin --output blazeface
  edge-quantize import nanodet graph=nanodet.json weights=nanodet.bin --quantization nanodet-int8 --output nanodet""",
    option("importer", metavar="IMPORTER", help="by name, see the examples"),
    option("files", nargs="+", metavar="KEY=FILE", help="the files that it reads"),
    option("--output", type=Path, required=True, metavar="DIR", help="the folder to make"),
    option("--quantization", metavar="NAME", help="one that the catalog uses for such a model"),
)
def import_(args: argparse.Namespace) -> VerbResult:
    """Convert, and name the files.

    Raises:
        UsageError: there is no such importer, it reads other files, or the output is there already.
        InputMissing: a file is not there.
        WeightsRefused: a file is damaged, or of another network.
        CatalogInvalid: there is no such quantization of it.
        StorageFull: the disk does not take it.
    """
    if args.importer not in names():
        raise UsageError(f"there is no importer '{args.importer}'", f"choose one of {', '.join(names())}")
    chosen = importer(args.importer)
    pairs = [word.partition("=") for word in args.files]
    if sorted(key for key, _, _ in pairs) != sorted(chosen.INPUTS):
        wanted = " ".join(f"{key}=FILE" for key in chosen.INPUTS)
        raise UsageError(f"{args.importer} does not read these files", f"give {wanted}")
    files = {key: Path(path) for key, _, path in pairs}
    if missing := next((path for path in files.values() if not path.is_file()), None):
        raise InputMissing(f"there is no file {missing}", "name one that is there")
    room.check_new(args.output)
    with room.new_folder(args.output) as folder:
        try:
            chosen.convert(files, folder, args.quantization)
            _describe(folder, model_name(args.output.name), args.importer)
        except ModelCorrupt as error:
            hint = f"take the file from its official home; {args.importer} is for one kind of network"
            raise WeightsRefused(error.message, hint) from None
    made = []
    for path in sorted(args.output.iterdir()):
        digest = f", tensors_sha256 {tensor_digest(path)}" if path.suffix == ".onnx" else ""
        made.append(f"{path}: {mebibytes(path.stat().st_size)}{digest}")
    return VerbResult(made)


def _describe(folder: Path, name: str, used: str) -> None:
    """Write `candidate.toml` after the catalog's first model of that importer, if there is one."""
    like = next((each for each in Portfolio().entries() if each.importer and each.importer.name == used), None)
    if like is not None:
        Candidate(name, like.role, folder, {file.key: file.path for file in like.files}, like.options).write()


@verb(
    "imatrix",
    "compute the importance matrix of a GGUF model over a calibration text",
    """  edge-quantize imatrix model-f16.gguf --text calibration.txt --output matrix.gguf
  edge-quantize imatrix model-f16.gguf --text calibration.txt --chunks 50 --output matrix.gguf""",
    option("model", type=Path, metavar="MODEL", help="a .gguf file"),
    option("--text", type=Path, required=True, metavar="F", help="text of the kind that it will meet"),
    option("--output", type=Path, required=True, metavar="F", help="a .gguf file"),
    arguments.CONTEXT,
    arguments.CHUNKS,
    arguments.THREADS,
    arguments.JSON,
)
def imatrix(args: argparse.Namespace) -> VerbResult:
    """Compute and say what came of it."""
    from edge_assistant_quantize.gguf import imatrix

    arguments.check_output(args.output)
    how = {"context": args.context, "chunks": args.chunks, "threads": args.threads, "watch": args.watch}
    tensors, chunks = imatrix.compute(args.model, args.text, args.output, **how)
    file = args.output
    facts = {"output": printable(str(file)), "sha256": sha256_of(file), "tensors": tensors, "chunks": chunks}
    return VerbResult([f"{file.name}: {tensors} tensors over {chunks} chunks of {args.text.name}"], facts)
