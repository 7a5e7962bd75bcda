"""What is imported where: torch and its like in `export` alone, and nothing heavy for the command's help."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import edge_assistant_quantize

PACKAGE = Path(edge_assistant_quantize.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
OF_EXPORT = {"torch", "transformers", "optimum"}
HEAVY = OF_EXPORT | {
    "onnx", "onnxruntime", "llama_cpp", "matplotlib", "numpy", "cv2", "rich", "huggingface_hub", "gguf", "jiwer",
}  # fmt: skip


def imported(tree: ast.AST) -> set[str]:
    """The libraries that the code imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def test_torch_and_its_like_are_imported_in_export_alone():
    users = {path.relative_to(PACKAGE).parts[0] for path in FILES if imported(ast.parse(path.read_text())) & OF_EXPORT}
    assert users == {"export"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_in_the_functions_that_use_them(path):
    """All of those in HEAVY but numpy, which modules that are about arrays import."""
    tree = ast.parse(path.read_text())
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not imported(ast.Module(top, [])) & (HEAVY - {"numpy"})


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["convert", "--help"], ["quantize", "--help"]])
def test_help_imports_no_heavy_library(arguments):
    code = (
        "import sys\nfrom edge_assistant_quantize.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stderr.splitlines()[-1].split())
    assert "edge_assistant_quantize.cli.convert" in modules
    assert not modules & HEAVY
