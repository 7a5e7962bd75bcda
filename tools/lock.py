"""Resolve all dependencies and write the locks: exact versions with the hashes of their files, for every platform.

    make lock                      adds what pyproject.toml gained, keeps all other versions
    make lock ARGS=--upgrade       takes the newest versions
    make lock ARGS="--upgrade-package numpy"

A lock holds for Python 3.11 and later on Linux, macOS and Windows; which line counts where is said by its marker.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import locked

UV = Path(__file__).with_name("uv.toml")
EDITABLE = "editables"  # what hatchling wants besides itself to install a checkout that stays where it is
# llama-cpp-python names the first; that looks for the other two at the time of the build
LLAMA_BUILD = ("scikit-build-core[pyproject]>=0.11", "cmake>=3.30,<5", "ninja>=1.11")


def compile_lock(arguments: list[str], output: Path, given: str = "", *, within: Path | None = None) -> None:
    """Let uv resolve, for all platforms at once; what the lock has already is kept where it can be.

    Args:
        arguments: what to resolve, and uv's options.
        output: the lock.
        given: requirements, where `arguments` say `-`.
        within: a lock whose versions are to be taken.

    Raises:
        subprocess.CalledProcessError: they cannot be resolved; uv has said why.
    """
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--config-file", str(UV)]
    command += ["--fork-strategy", "fewest", "--python-version", "3.11", "--no-annotate", "--no-header"]
    command += ["--constraints", str(within)] if within else []
    # A package that has no wheel would run code of its own where it is installed; this one is known
    command += ["--only-binary", ":all:", "--no-binary", "llama-cpp-python"]
    command += ["--output-file", str(output), *arguments]
    subprocess.run(command, input=given, text=True, check=True, cwd=locked.ROOT)
    output.write_text(f"{locked.header(locked.PYPROJECT)}\n{output.read_text('utf-8')}", "utf-8")


def main() -> int:
    """Write every lock; one that holds all comes first, so that the others agree with it."""
    options = sys.argv[1:]
    build = tomllib.loads(locked.PYPROJECT.read_text("utf-8"))["build-system"]["requires"]
    extras = [option for extra in sorted(locked.DEMO_EXTRAS) for option in ("--extra", extra)]
    locked.FOLDER.mkdir(exist_ok=True)
    try:
        compile_lock([*options, "--all-extras", "pyproject.toml"], locked.TEST)
        compile_lock([*options, *extras, "pyproject.toml"], locked.DEMO, within=locked.TEST)
        compile_lock([*options, "-"], locked.BUILD, "\n".join((*build, EDITABLE)), within=locked.TEST)
        compile_lock([*options, "-"], locked.LLAMA_BUILD, "\n".join(LLAMA_BUILD), within=locked.TEST)
    except subprocess.CalledProcessError as error:
        print("error: the dependencies cannot be locked - see above", file=sys.stderr)
        return error.returncode
    for lock in locked.LOCKS:
        print(f"{lock.relative_to(locked.ROOT)}: {len(locked.requirements(lock))} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
