"""Make or refresh the environment: a virtual environment with this checkout installed in it.

It is left alone while nothing that it was made from has changed: pyproject.toml and the locks, the Python version, the
checkout's place, the extras. All but the checkout and torch is of the locks' versions, each file compared with its
hash. Where the locks do not go with pyproject.toml, or LOCKED=no is set, pip takes the newest that pyproject.toml
admits, and that is said. Uses the standard library only, for it runs before anything is installed.

    python tools/bootstrap.py --venv .venv bench dev
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import llama_wheel
import locked
from locked import ROOT

STAMP = "edge-assistant.json"  # in the environment: what it was made from


def environment_key(pinned: bytes, version: tuple[int, int], root: Path) -> str:
    """What an environment depends on, as a hash; scripts in it carry the checkout's absolute path."""
    return hashlib.sha256(pinned + repr((version, str(root))).encode()).hexdigest()


def pinned() -> bytes:
    """All that says what is to be installed: pyproject.toml, and the locks where they count."""
    files = [locked.PYPROJECT, *(sorted(locked.FOLDER.glob("*.txt")) if use_locks() else ())]
    return b"".join(path.read_bytes() for path in files) + llama_wheel.wanted_accelerator().encode()


def use_locks() -> bool:
    """Whether the locks say what is installed."""
    return os.environ.get("LOCKED") != "no" and locked.current()


def read_stamp(folder: Path) -> dict[str, Any]:
    """What the environment was made from; empty where there is none or it does not run."""
    try:
        stamp: dict[str, Any] = json.loads((folder / STAMP).read_text("utf-8"))
        subprocess.run([folder / "bin" / "python", "-c", ""], check=True, capture_output=True)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return {}
    return stamp


def usable(folder: Path) -> bool:
    """Whether there is an environment that runs, has this interpreter's version, and has not been moved."""
    python = folder / "bin" / "python"
    code = "import sys, pip; print(*sys.version_info[:2])"
    try:
        ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        scripts_start_with = (folder / "bin" / "pip").read_text("utf-8").splitlines()[:3]
    except (OSError, subprocess.CalledProcessError):
        return False
    same_version = ran.stdout.split() == [str(part) for part in sys.version_info[:2]]
    return same_version and any(str(python) in line for line in scripts_start_with)


def create(folder: Path) -> None:
    """Make an empty environment, unless there is one of this Python."""
    if usable(folder):
        return
    print(f"making {folder.name} with Python {sys.version.split()[0]}", flush=True)
    venv.create(folder, clear=True, with_pip=True, symlinks=True)


def install(folder: Path, extras: list[str]) -> None:
    """Install the checkout, editable, with extras; llama-cpp-python comes from the machine's cache of wheels."""
    python = folder / "bin" / "python"
    accelerator = llama_wheel.wanted_accelerator()
    wheels = llama_wheel.ensure(python, llama_wheel.pinned(locked.PYPROJECT), accelerator=accelerator)
    print("installing the package" + (f" with {', '.join(extras)}" if extras else ""), flush=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    if use_locks():
        install_locked(pip, wheels, locked.lock_for(extras))
        if locked.TORCH_EXTRA in extras:
            install_torch(pip, locked.lock_for(extras))
    else:
        print("the locks are not used: the newest that pyproject.toml admits is taken", file=sys.stderr, flush=True)
        target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
        subprocess.run([*pip, "--find-links", str(wheels), "--editable", target], check=True)
    if accelerator == "cuda":
        install_onnxruntime_for_cards(pip)


def compile_packages(folder: Path) -> None:
    """Compile what was installed by all cores; pip takes a third of its time to compile one file after the other."""
    subprocess.run([folder / "bin" / "python", "-m", "compileall", "-qq", "-j", "0", folder / "lib"], check=False)


def install_onnxruntime_for_cards(pip: list[str]) -> None:
    """Put ONNX Runtime for NVIDIA's cards in the place of the one for processors: both bring the same module.

    It is in no lock, as torch is in none: its parts are gigabytes that few machines need. CUDA's libraries and cuDNN
    come with it as packages.
    """
    program = [*pip[: pip.index("install")], "uninstall", "--quiet", "--yes", "onnxruntime"]
    subprocess.run(program, check=True)
    subprocess.run([*pip, "--only-binary", ":all:", "onnxruntime-gpu[cuda,cudnn]>=1.22"], check=True)


def install_locked(pip: list[str], wheels: Path, lock: Path) -> None:
    """Install what a lock says, llama-cpp-python as it was compiled here, and the checkout."""
    llama = f"{llama_wheel.NAME}=={llama_wheel.pinned(locked.PYPROJECT)}"
    with tempfile.TemporaryDirectory() as work:
        rest = Path(work) / "requirements.txt"
        rest.write_text(locked.without(lock, llama_wheel.NAME), "utf-8")
        subprocess.run([*pip, *locked.HASHED, "--requirement", str(rest)], check=True)
        subprocess.run([*pip, "--no-deps", "--no-index", "--find-links", str(wheels), llama], check=True)
        alone = ["--no-deps", "--no-index", "--no-build-isolation"]
        tools = locked.bring_tools(pip, locked.BUILD, Path(work) / "tools")
        subprocess.run([*pip, *alone, "--editable", str(ROOT)], check=True, env=tools)


def install_torch(pip: list[str], lock: Path) -> None:
    """Install torch as this machine's pip finds it, which may be for its processor alone or for its graphics card.

    One that is there and fits stays. What it needs besides is taken as the lock has it where the lock has it.
    """
    wanted = locked.torch(locked.PYPROJECT)
    with tempfile.TemporaryDirectory() as work:
        pins = Path(work) / "constraints.txt"
        pins.write_text(locked.pins(lock), "utf-8")
        subprocess.run([*pip, "--only-binary", ":all:", "--constraint", str(pins), wanted], check=True)


def main() -> int:
    """Bring the environment up to date."""
    parser = argparse.ArgumentParser(description="Make or refresh the environment.")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("extras", nargs="*")
    args = parser.parse_args()
    key = environment_key(pinned(), sys.version_info[:2], ROOT)
    stamp = read_stamp(args.venv)
    accelerator = llama_wheel.wanted_accelerator()
    if stamp and stamp.get("accelerator", "") != accelerator:  # two packages bring the module onnxruntime
        shutil.rmtree(args.venv)
    before = stamp.get("extras", []) if stamp.get("key") == key else []
    extras = sorted({*args.extras, *before})
    if stamp.get("key") == key and extras == before:
        return 0
    try:
        create(args.venv)
        (args.venv / STAMP).unlink(missing_ok=True)
        install(args.venv, extras)
        compile_packages(args.venv)
    except subprocess.CalledProcessError as error:
        print("error: the environment could not be made - see above, then run the command again", file=sys.stderr)
        return error.returncode
    except KeyboardInterrupt:
        return 130
    (args.venv / STAMP).write_text(json.dumps({"key": key, "extras": extras, "accelerator": accelerator}), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
