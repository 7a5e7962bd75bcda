"""What shapes tensors besides the inputs: the versions of libraries, and the class of machine."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

from edge_assistant import __version__
from edge_assistant_models.machine import Machine
from edge_assistant_models.transfer import mebibytes

OURS = "edge-quantize"
ABSENT = "not installed"

# Instruction sets by which ONNX Runtime and llama.cpp choose their kernels; sums are added up in another order in each.
INSTRUCTIONS = (
    *("avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
)


def of(libraries: Iterable[str]) -> dict[str, str]:
    """The versions of distributions, and of this program."""
    return {OURS: __version__} | {name: _version(name) for name in sorted(set(libraries))}


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ABSENT


def machine_class() -> dict[str, str]:
    """The architecture and its instruction sets: machines that agree here compute the same tensors."""
    return {"architecture": platform.machine(), "instructions": " ".join(_instructions())}


def machine() -> dict[str, str]:
    """This machine for people: processor, cores, memory, system, and its class."""
    facts = Machine.detect()
    said = {
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cores": str(facts.cores),
        "memory": mebibytes(facts.memory_bytes),
        "system": f"{platform.system()} {platform.release()}",
    }
    return said | machine_class()


def _instructions() -> list[str]:
    """The kernel's list, as far as it matters; `Features` on ARM."""
    there = set((_cpuinfo("flags") or _cpuinfo("Features")).split())
    return [name for name in INSTRUCTIONS if name in there]


@cache
def _cpuinfo(key: str) -> str:
    """A value of the first processor; empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")
