"""`edge-assistant doctor`: what is there, what is missing, and what to type."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_assistant.signals import printable

NAME = "doctor"
HELP = "say what is there, what is missing and what to type"

EXAMPLES = """examples:
  edge-assistant doctor
  edge-assistant doctor --profile tiny --json

exit status: 0 ready, 1 something is missing"""

MIN_FREE = 1 << 30  # bytes on the disk of the models; less is no room for the logs and caches of a few months
_PACKAGES = {
    "llama_cpp": "language",
    "tokenizers": "speech, and finding passages",
    "onnxruntime": "perception",
    "cv2": "pictures",
    "PIL": "pictures",
    "zxingcpp": "codes",
    "pypdfium2": "PDF",
    "av": "sound and video",
    "pyarrow": "readings",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `ok` is None where it is missing but can be done without."""

    name: str
    ok: bool | None
    found: str
    hint: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("--profile", metavar="NAME", help="look for the models of this profile")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Look at everything and print it."""
    checks = [*_machine(), *_packages(), *_models(args.profile or args.settings.profile), *_folders()]
    ready = all(check.ok is not False for check in checks)
    if args.json:
        print(json.dumps({"ready": ready, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            word = {True: "ok     ", False: "MISSING", None: "without"}[check.ok]
            print(printable(f"{word}  {check.name}: {check.found}" + (f" - {check.hint}" if check.hint else "")))
        print("\nready" if ready else "\nnot ready: do what stands behind MISSING above")
    return 0 if ready else 1


def _machine() -> Iterator[Check]:
    from edge_assistant.runtime import Runtime
    from edge_assistant_models.machine import Machine

    facts = Machine.detect()
    yield Check("python", sys.version_info >= (3, 11), platform.python_version())
    yield Check(
        "machine", True, f"{platform.system()} {platform.machine()}, {facts.memory_bytes / 2**30:.1f} GiB memory"
    )
    yield Check("cores", True, f"{Runtime.detect().threads} used for computation")


def _packages() -> Iterator[Check]:
    for package, purpose in _PACKAGES.items():
        there = importlib.util.find_spec(package) is not None
        hint = "" if there else "reinstall the package: pip install --force-reinstall edge-assistant-offline"
        yield Check(f"package {package}", there, f"for {purpose}" if there else "not installed", hint)


def _models(profile: str) -> Iterator[Check]:
    """The models of a profile; a catalog or a profile that is no good is itself something missing."""
    from edge_assistant.errors import CatalogInvalid, ModelUnknown
    from edge_assistant_models.portfolio import Portfolio

    try:
        portfolio = Portfolio()
    except CatalogInvalid as error:
        yield Check("catalog", False, error.message, error.hint)
        return
    try:
        chosen = portfolio.profile(profile)
    except ModelUnknown as error:
        yield Check("profile", False, error.message, error.hint)
        return
    for role, name in portfolio.resolve(profile).items():
        state = portfolio.state(name)
        here = state.value == "installed"
        ok = True if here else None if role in chosen.optional else False
        wanted = name if role in chosen.on_request else f"--profile {chosen.name}"
        hint = "" if here else f"edge-assistant models pull {wanted}"
        yield Check(f"model for {role}", ok, f"{name}, {state.value}", hint)


def _folders() -> Iterator[Check]:
    from edge_assistant_models import paths

    for name, folder in (("models", paths.models_dir()), ("state", paths.state_dir())):
        existing = _existing(folder)
        writable = os.access(existing, os.W_OK)
        free = shutil.disk_usage(existing).free
        hint = "" if writable else "make it writable, or set EDGE_ASSISTANT_HOME to another folder"
        if writable and free < MIN_FREE:
            hint = "free some space"
        yield Check(f"folder for {name}", writable and free >= MIN_FREE, f"{folder}, {free / 2**30:.1f} GiB free", hint)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110 - never raises
