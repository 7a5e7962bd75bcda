"""llama-cpp-python as a wheel: built once for a machine, kept outside the checkout, found again by later environments.

It is published as source only, and compiling it takes minutes. A native build uses every instruction of this machine's
processor and may not run on another one, so the wheel lies in a folder named after all that went into it. The source
and what compiles it are compared with the hashes of the locks. Uses the standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import locked

NAME = "llama-cpp-python"
# For any machine of the architecture: the backend is built once for each generation of processors, and the best of
# them is chosen where it runs. Neither OpenMP's nor OpenSSL's library is asked of the machine.
PORTABLE = (
    "-DGGML_NATIVE=OFF -DGGML_BACKEND_DL=ON -DGGML_CPU_ALL_VARIANTS=ON -DGGML_OPENMP=OFF -DLLAMA_OPENSSL=OFF "
    "-DCMAKE_INSTALL_BINDIR=llama_cpp/lib"
)
# Built as the portable one is, so that a backend whose driver is missing is left out and the rest works. The options
# of CMake, by the name of the backend: https://github.com/ggml-org/llama.cpp/blob/master/docs/build.md
ACCELERATORS = {
    "cuda": "-DGGML_CUDA=ON",
    "rocm": "-DGGML_HIP=ON",
    "vulkan": "-DGGML_VULKAN=ON",
    "metal": "-DGGML_METAL=ON",
}
COMPILERS = {"cuda": "nvcc", "rocm": "hipcc", "vulkan": "glslc", "metal": "xcrun"}  # that a backend needs besides
_STEP = re.compile(r"\[(\d+)/(\d+)\]")
_REPORT_EVERY_S = 15.0


def pinned(pyproject: Path) -> str:
    """The version that pyproject.toml pins."""
    dependencies: list[str] = tomllib.loads(pyproject.read_text("utf-8"))["project"]["dependencies"]
    return next(line.partition("==")[2] for line in dependencies if line.startswith(f"{NAME}=="))


def cache_folder() -> Path:
    """Where wheels are kept: the platform's cache folder of this user."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "edge-assistant" / "wheels"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-assistant" / "wheels"


def build_name(version: str, machine: str, processor: str, compiler: str, options: str) -> str:
    """Name of the folder of a build, after all that went into it.

    Args:
        version: of llama-cpp-python.
        machine: architecture, such as `x86_64`.
        processor: what the processor can do; empty where the build does not depend on it.
        compiler: the compiler's name and major version.
        options: CMake's.
    """
    digest = hashlib.sha256("\0".join((processor, compiler, options)).encode()).hexdigest()
    return f"{version}-{machine}-{digest[:16]}"


def processor_features() -> str:
    """The processor's instruction sets as the kernel lists them, else its name."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((" ".join(sorted(line.split())) for line in lines if line.startswith(("flags", "Features"))), "")


def compiler_version() -> str:
    """Name and major version of the C++ compiler that CMake will take."""
    program = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), "c++")
    ran = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    name, _, _ = ran.stdout.partition(" ")
    number = re.search(r"\b(\d+)\.\d+", ran.stdout)
    return f"{name} {number[1] if number else ''}"


def wanted_accelerator() -> str:
    """The graphics cards that the environment's GPU asks to build for; empty for none.

    Raises:
        SystemExit: there are none of that name.
    """
    wanted = os.environ.get("GPU", "").lower()
    if wanted and wanted not in ACCELERATORS:
        raise SystemExit(f"error: GPU={wanted} is not known - take one of {', '.join(ACCELERATORS)}, or leave it out")
    return wanted


def ensure(python: Path, version: str, *, portable: bool = False, accelerator: str = "") -> Path:
    """The folder that holds the wheel; it is built first where it is not there.

    Args:
        python: interpreter whose pip builds it.
        version: of llama-cpp-python.
        portable: for any machine of this architecture instead of this processor.
        accelerator: a key of `ACCELERATORS` to build for, too.

    Raises:
        subprocess.CalledProcessError: the build failed; its last lines are on stderr.
        SystemExit: what compiles for the cards is missing.
    """
    options = PORTABLE if portable or accelerator else os.environ.get("CMAKE_ARGS", "")
    if accelerator:
        options = f"{options} {ACCELERATORS[accelerator]} {os.environ.get('CMAKE_ARGS', '')}".strip()
    processor = "" if portable or accelerator else processor_features()
    name = build_name(version, platform.machine(), processor, compiler_version(), options)
    name += f"-{accelerator}" if accelerator else ""
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    if accelerator and shutil.which(compiler := COMPILERS[accelerator]) is None:
        raise SystemExit(f"error: {compiler} is missing, which GPU={accelerator} needs - install it, see docs/gpu.md")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.parent / f"{name}.lock"):
        if not folder.is_dir():
            _build(python, version, options, folder)
    return folder


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep two builds of the same wheel apart; the second finds the first one's wheel."""
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another build of {NAME}", flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _build(python: Path, version: str, options: str, folder: Path) -> None:
    """Build into a temporary folder that is renamed whole. pip's cache is not used: it tells no two builds apart."""
    print(
        f"building {NAME} {version} once for this machine, 3 to 12 minutes on two cores; kept in {folder}", flush=True
    )
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "wheel", "--verbose", "--no-deps", "--no-cache-dir", "--no-binary", NAME]
    prefix = f".building-{folder.name}-"
    for left in folder.parent.glob(f"{prefix}*"):  # by a build that was killed; the lock is ours
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as work:
        wheels, log = Path(work) / "wheels", Path(work) / "log"
        source, environment = _source(pip, version, Path(work))
        with log.open("w+", encoding="utf-8", errors="replace") as sink:
            process = subprocess.Popen(
                [*command, "--wheel-dir", str(wheels), *source],
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**environment, "CMAKE_ARGS": options},
            )
            try:
                _watch(process, log)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        if process.returncode:
            print("".join(log.read_text("utf-8", "replace").splitlines(keepends=True)[-30:]), file=sys.stderr)
            raise subprocess.CalledProcessError(process.returncode, process.args)
        wheels.rename(folder)


def _source(pip: list[str], version: str, work: Path) -> tuple[list[str], dict[str, str]]:
    """What pip is asked to compile, and the environment for it.

    Where the locks have this version, the tools that compile it are brought first and compared with their hashes, so
    that pip fetches nothing but the source, whose hash it compares.
    """
    wanted = locked.requirements(locked.DEMO).get(NAME, "") if locked.current() else ""
    if not wanted.startswith(f"{NAME}=={version} "):
        return [f"{NAME}=={version}"], dict(os.environ)
    source = work / "source.txt"
    source.write_text(wanted, "utf-8")
    environment = locked.bring_tools([*pip, "install", "--quiet"], locked.LLAMA_BUILD, work / "tools")
    return ["--no-build-isolation", "--require-hashes", "--requirement", str(source)], environment


def _watch(process: subprocess.Popen[bytes], log: Path) -> None:
    """Say now and then how many of the compiler's steps are done, until the build ends."""
    start = time.monotonic()
    while True:
        try:
            process.wait(_REPORT_EVERY_S)
        except subprocess.TimeoutExpired:
            steps = _STEP.findall(log.read_text("utf-8", "replace")[-20_000:])
            done = f"step {steps[-1][0]} of {steps[-1][1]}" if steps else "fetching the source"
            print(f"  {time.monotonic() - start:4.0f} s: {done}", flush=True)
        else:
            return


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    print(ensure(Path(sys.executable), pinned(root / "pyproject.toml"), portable="--portable" in sys.argv[1:]))
