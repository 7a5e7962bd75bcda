"""The command: lazy imports, and command lines that are refused before work begins, in one line with a remedy."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import edge_assistant_quantize
from edge_assistant_quantize.cli.main import main

PACKAGE = Path(edge_assistant_quantize.__file__).parent
OF_EXPORT = {"torch", "transformers", "optimum"}
HEAVY = OF_EXPORT | {
    "onnx", "onnxruntime", "llama_cpp", "matplotlib", "jinja2", "cv2", "rich", "huggingface_hub", "gguf", "jiwer",
}  # fmt: skip


def imported(nodes: list[ast.stmt]) -> set[str]:
    """The libraries that statements import, nested ones included."""
    found = set()
    for node in ast.walk(ast.Module(nodes, [])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def test_heavy_libraries_are_imported_in_functions_and_torch_in_export_alone():
    for path in PACKAGE.rglob("*.py"):
        body = ast.parse(path.read_text()).body
        top = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not imported(top) & HEAVY, path
        assert not imported(body) & OF_EXPORT or path.parent.name == "export", path


def test_help_imports_no_heavy_library():
    code = "import sys\nfrom edge_assistant_quantize.cli.main import main\n"
    for arguments in (["--help"], ["--version"], ["convert", "--help"], ["quantize", "--help"]):
        code += f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
    code += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stderr.splitlines()[-1].split())
    assert "edge_assistant_quantize.cli.make" in modules
    assert not modules & {*HEAVY, "numpy"}


BROKEN = """import sys
class Broken:
    def find_spec(name, path=None, target=None):
        if name == "edge_assistant_quantize.cli.make":
            raise {}
sys.meta_path.insert(0, Broken)
from edge_assistant_quantize.cli.main import main
sys.exit(main(["tools", "--json"]))"""


@pytest.mark.parametrize(
    ("raised", "status", "code"), [("OSError(5)", 70, "fault"), ("KeyboardInterrupt", 130, "interrupted")]
)
def test_a_verb_that_cannot_be_imported_is_told_as_any_failure(raised, status, code):
    done = subprocess.run([sys.executable, "-c", BROKEN.format(raised)], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert json.loads(done.stdout)["error"]["code"] == code
    assert done.stderr.splitlines()[-1].startswith("error: ")


COUNT = "is no whole number from 1 on"
REFUSED = [
    ("quantize a.gguf --type Q4_K_M --output made", 2, "made is a folder - name a file for the output"),
    ("imatrix a.gguf --text text.txt --output made", 2, "made is a folder - name a file for the output"),
    ("quantize a.gguf --type Q4_K_M --output no/o.gguf", 3, "there is no folder no - make it first"),
    ("quantize a.gguf --type Q4_K_M --output o.onnx", 2, "what is made of .gguf is .gguf again - name"),
    ("quantize a.onnx --type fp16 --output o.gguf", 2, "what is made of .onnx is .onnx again - name"),
    ("compare a.gguf a.gguf --output text.txt", 2, "text.txt is no page - name a file for it: --output page.html"),
    ("compare a.gguf a.gguf --output no/page.html", 3, "there is no folder no - make it first"),
    ("compare nanodet", 2, "only one model is named - name others to compare it with"),
    ("report made", 3, "there is no record.json in made - name a folder that a run has written"),
    ("report none", 3, "there is no folder none - name a folder that a run has written"),
    ("quantize pytorch_model.bin --type F16 --output o.gguf", 2, "neither .gguf nor .onnx - convert it first"),
    ("quantize nanodet --type fp16 --output o.onnx", 2, "models of the catalog are quantized by a recipe"),
    ("import nanodett graph=a.onnx --output o", 2, "there is no importer 'nanodett' - choose one of blazeface, "),
    ("import nanodet graph=a.onnx --output o", 2, "does not read these files - give graph=FILE weights=FILE"),
    ("import nanodet graph=a.onnx weights=none --output o", 3, "there is no file none - name one that is there"),
    ("import nanodet graph=a.onnx weights=a.gguf --output made/x", 3, "a.onnx is not a TensorFlow.js graph model"),
    ("import nanodet graph=a.onnx weights=a.gguf --output text.txt", 2, "text.txt is there already - name a folder"),
    ("quantize m.gguf --output o.gguf --type Q8_0 --exclude conv", 2, "--exclude is an option of"),
    ("quantize m.onnx --output o.onnx --type fp16 --tensor-type a=Q8_0", 2, "--tensor-type is an option of"),
    ("convert folder --output o.gguf --task t", 2, "--task is an option of"),
    ("convert folder --output o --precision f32", 2, "--precision is an option of"),
    ("imatrix m.gguf --text t --output o.gguf --chunks -1", 2, COUNT),
    ("sweep m.gguf --text t --output o --threads 0", 2, COUNT),
    ("publish out --memory-mib " + "9" * 5000, 2, COUNT),
    ("convert folder --output o --threads x", 2, COUNT),
    ("imatrix m.gguf --text t --output o.gguf --context 1", 2, "a chunk of 1 tokens is too short"),
    ("imatrix head.gguf --text text.txt --output o.gguf", 4, "make or fetch it again"),
    ("recipes show", 2, "no recipe is named - name one of classifier, detector"),
    ("recipes show oracle", 2, "there is no recipe 'oracle' - name one of classifier, detector"),
    ("run oracle.toml --output out", 3, "there is no recipe 'oracle.toml'"),
    ("run detector --output out", 2, "detector: nothing says what is to be quantized - name it: --source"),
    (
        "run detector --output o --source nanodet --name ours --calibration .",
        2,
        "which is not given - say where it is: --data",
    ),
    ("run detector --output o --data photos", 2, "--data photos names no data set"),
    ("evaluate nanodet --metric beauty --data .", 2, "there is no metric 'beauty'"),
    ("evaluate nanodet --metric wer --data .", 2, "wer measures speech"),
    ("evaluate nanodet --metric objects", 2, "which is not given - say where it is: --data path=PATH"),
    ("evaluate nanodet --metric objects --data nowhere", 3, "there is no nowhere - name what is there"),
    ("evaluate nanodet --metric objects --data .", 3, "no labels.json"),
    ("evaluate nanodet --metric objects --data limit=3", 2, "not given - say where it is: --data path=PATH"),
    ("evaluate nanodet --metric presence --data made --metric precision --data weights", 2, "--data is given twice"),
    ("evaluate none-such --metric objects --data .", 2, "there is no model 'none-such'"),
    ("evaluate gone.onnx --metric top1 --data .", 3, "there is no gone.onnx"),
    ("evaluate gone.onnx --reference nanodet --metric top1 --data .", 3, "no gone.onnx"),
    ("accept nanodet --reference nanodet --metric presence --data .", 2, "has no criterion"),
    ("accept nanodet --reference nanodet --data .", 2, "arguments are required: --metric"),
    ("accept nanodet --reference nanodet --metric 'presence at_best=1' --data .", 2, "at_best"),
    ("compare nanodet nanodet --speed", 2, "nothing says what they are measured over"),
    ("compare nanodet nanodet --data x", 2, "--data stands with --metric or --speed"),
    ("compare nanodet minilm-l6-int8", 2, "nanodet is of the role detector, and minilm-l6-int8 of embedder - compare"),
]


@pytest.mark.parametrize(("line", "status", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_it_is_refused_in_one_line_and_nothing_is_left(line, status, said, stored, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a.gguf", "a.onnx", "pytorch_model.bin", "text.txt"):
        Path(name).write_bytes(b"")
    Path("head.gguf").write_bytes(b"GGUF")
    for name in ("made", "weights"):
        Path(name).mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(shlex.split(line)) == status
    told = capsys.readouterr().err
    assert said in told
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
