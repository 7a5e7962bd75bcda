"""One folder for a machine that has never seen a network: wheels, weights, examples, sums, an install script.

The wheels are for this Python version, this architecture and a C library no older than this machine's; within that,
llama-cpp-python chooses its instructions where it runs (`llama_wheel.PORTABLE`).

    python tools/airgap.py --profile starter --folder airgap
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import llama_wheel
import locked
from locked import ROOT

README = """\
Edge Assistant for a machine without a network. Made for Python {python} on {machine}, C library {libc} or later.

    sh install.sh [FOLDER]      checks every sum, installs into FOLDER (default: edge-assistant in your home folder),
                                imports the models, and says what it found

    FOLDER/bin/edge-assistant ask "What is the patient allergic to?" \\
        --image examples/clinic/form.jpg --audio examples/clinic/note.wav --readings examples/clinic/vitals.csv
"""


def collect_wheels(folder: Path, portable: Path) -> None:
    """Wheels of the package and of all that it depends on, of the versions and with the hashes of the lock."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as work:
        rest = Path(work) / "requirements.txt"
        rest.write_text(locked.without(locked.DEMO, llama_wheel.NAME), "utf-8")
        download = [*pip, "download", "--quiet", *locked.HASHED, "--dest", str(folder)]
        subprocess.run([*download, "--requirement", str(rest)], check=True)
        tools = locked.bring_tools([*pip, "install", "--quiet"], locked.BUILD, Path(work) / "tools")
        wheel = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
        subprocess.run([*wheel, str(ROOT)], check=True, env=tools)
    for built in portable.glob("*.whl"):
        shutil.copy(built, folder)


def export_models(archive: Path, profile: str) -> None:
    """The profile's models in one archive with a manifest."""
    command = Path(sys.executable).with_name("edge-assistant")
    subprocess.run([command, "models", "export", archive, "--profile", profile], check=True)


def write_sums(folder: Path) -> None:
    """`SHA256SUMS` over every file, as sha256sum reads it."""
    lines = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as stream:
            lines.append(
                f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {path.relative_to(folder).as_posix()}\n"
            )
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")


def build(folder: Path, profile: str) -> None:
    """Fill the folder."""
    version = llama_wheel.pinned(ROOT / "pyproject.toml")
    collect_wheels(folder / "wheels", llama_wheel.ensure(Path(sys.executable), version, portable=True))
    export_models(folder / "models.tar", profile)
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copy(ROOT / "tools" / "airgap_install.sh", folder / "install.sh")
    about = {"python": platform.python_version().rpartition(".")[0], "machine": platform.machine()}
    (folder / "for.txt").write_text(f"{about['python']} {about['machine']}\n", "utf-8")
    (folder / "README.txt").write_text(README.format(**about, libc=" ".join(platform.libc_ver())), "utf-8")
    write_sums(folder)


def main() -> int:
    """Make the folder next to its final place, then put it there whole."""
    parser = argparse.ArgumentParser(description="Make one folder for a machine that has never seen a network.")
    parser.add_argument("--folder", type=Path, default=ROOT / "airgap")
    parser.add_argument("--profile", default="starter")
    args = parser.parse_args()
    if not locked.current():
        print("error: the locks are not of this pyproject.toml - run 'make lock'", file=sys.stderr)
        return 1
    args.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".airgap-", dir=args.folder.parent) as work:
        made = Path(work) / "made"
        made.mkdir()
        try:
            build(made, args.profile)
        except subprocess.CalledProcessError as error:
            print(f"error: {Path(error.cmd[0]).name} failed - see above, then run it again", file=sys.stderr)
            return 1
        shutil.rmtree(args.folder, ignore_errors=True)
        made.rename(args.folder)
    total = sum(path.stat().st_size for path in args.folder.rglob("*") if path.is_file())
    print(f"{args.folder}: {total / 1e9:.2f} GB - copy it to the other machine and run 'sh install.sh' in it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
