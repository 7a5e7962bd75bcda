"""What is there, what is missing and what to do: the checks that every front end shows."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge_assistant.compute import accelerators
from edge_assistant.compute.accelerators import AUTO

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
# Terminals that say who they are and draw pictures: of those that take Kitty's protocol, the ones that know its
# placeholders, which scroll with the text; and those with Sixel.
_KITTY = ("kitty", "ghostty")
_SIXEL = ("wezterm", "konsole", "foot", "mlterm", "contour", "iterm", "mintty")


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """One thing looked at; `ok` is None where it is missing but can be done without."""

    name: str
    ok: bool | None
    found: str
    hint: str = ""

    @property
    def word(self) -> str:
        """What a person is shown."""
        return {True: "ok", False: "missing", None: "without"}[self.ok]


def checks(profile: str, gpu: str = AUTO) -> Iterator[DoctorCheck]:
    """Everything, one after the other; devices are listed, not opened.

    Args:
        profile: whose models are looked for.
        gpu: the setting of that name.
    """
    yield from machine()
    yield from graphics_cards(gpu)
    yield offline_lock()
    yield decoders()
    yield from packages()
    yield from installed_plugins()
    yield from models(profile)
    yield from folders()
    yield sealing()
    yield audit_trail()
    yield resident()
    yield from devices()
    yield from voice()
    yield graphics(os.environ)


def ready(found: list[DoctorCheck]) -> bool:
    """Whether nothing is missing that questions need."""
    return all(check.ok is not False for check in found)


def machine() -> Iterator[DoctorCheck]:
    """Python, memory and cores."""
    from edge_assistant.compute.scheduling import topology
    from edge_assistant_models.machine import Machine

    facts = Machine.detect()
    yield DoctorCheck("python", sys.version_info >= (3, 11), platform.python_version())
    yield DoctorCheck(
        "machine", True, f"{platform.system()} {platform.machine()}, {facts.memory_bytes / 2**30:.1f} GiB memory"
    )
    cores = topology.decide(topology.facts())
    yield DoctorCheck("cores", True, f"{cores.threads} used for computation ({cores.why})")


def graphics_cards(gpu: str) -> Iterator[DoctorCheck]:
    """The cards that the kernel shows, and what each engine computes on them; without one nothing is loaded."""
    from edge_assistant.compute import gpus

    seen = gpus.hardware()
    if not seen:
        yield DoctorCheck(
            "graphics card", None, "none is seen, the processor computes", "docs/gpu.md says which can be used"
        )
        return
    from edge_assistant.language import llama

    library = llama.library()
    devices = gpus.devices(library)
    onnx = gpus.for_onnx(gpu)
    named = ", ".join(f"{each.name} {each.description}, {each.free / 2**30:.1f} GiB free" for each in devices)
    yield DoctorCheck("graphics card", True, f"{' and '.join(seen)}" + (f": {named}" if named else ""))
    told = accelerators.select(accelerators.Backends(seen, devices=devices), gpu, accelerators.Weights(1, 1))
    hint = accelerators.install(seen)
    yield DoctorCheck(
        "graphics card for perception", onnx.accelerated or None, onnx.why, "" if onnx.accelerated else hint
    )
    found = f"llama.cpp uses {' and '.join(told.offload.devices)}" if told.accelerated else told.why
    yield DoctorCheck("graphics card for language", told.accelerated or None, found, "" if told.accelerated else hint)


def offline_lock() -> DoctorCheck:
    """Whether the kernel keeps this process off the network."""
    from edge_assistant.governance.offline import lock

    found = lock.state()
    if found.locked:
        without = f", but other processes and all files are in reach, as {why}" if (why := lock.together()) else ""
        return DoctorCheck("offline lock", True, f"{found.word}{without}; doctor --prove-offline tries it")
    return DoctorCheck("offline lock", False, f"{found.word}, {found.why_not}", found.hint)


def decoders() -> DoctorCheck:
    """Whether what decodes files has nothing but the file; without, it still runs in a process of its own."""
    from edge_assistant.core.errors import InputError
    from edge_assistant.perception.decoders import pool

    try:
        lacks = pool.missing()
    except InputError as error:
        return DoctorCheck("decoders", False, error.message, error.hint)
    apart = "pictures, documents, sound and video are decoded in processes of their own"
    if lacks:
        return DoctorCheck("decoders", None, f"{apart}, which are confined in part, as {' and '.join(lacks)}")
    return DoctorCheck("decoders", True, f"{apart}, without files, sockets and programs")


def packages() -> Iterator[DoctorCheck]:
    """The libraries that inputs need."""
    for package, purpose in _PACKAGES.items():
        there = importlib.util.find_spec(package) is not None
        hint = "" if there else "reinstall the package: pip install --force-reinstall edge-assistant-offline"
        yield DoctorCheck(f"package {package}", there, f"for {purpose}" if there else "not installed", hint)


def installed_plugins() -> Iterator[DoctorCheck]:
    """The plugins of other packages, and whether each can be loaded."""
    from edge_assistant.core import plugins
    from edge_assistant.core.errors import UsageError

    for group, kind in plugins.KINDS.items():
        for name, point in plugins.installed(group).items():
            try:
                plugins.load(point, kind)
            except UsageError as error:
                yield DoctorCheck(f"plugin {name}", False, error.message, error.hint)
            else:
                yield DoctorCheck(f"plugin {name}", True, f"{group.rpartition('.')[2]}, of {plugins.package(point)}")


def models(profile: str) -> Iterator[DoctorCheck]:
    """The models of a profile; a catalog or a profile that is no good is itself something missing."""
    from edge_assistant.core.errors import CatalogInvalid, ModelUnknown
    from edge_assistant_models.portfolio import Portfolio

    try:
        portfolio = Portfolio()
        chosen = portfolio.profile(profile)
    except (CatalogInvalid, ModelUnknown) as error:
        what = "catalog" if isinstance(error, CatalogInvalid) else "profile"
        yield DoctorCheck(what, False, error.message, error.hint)
        return
    for fault in portfolio.wrong:
        yield DoctorCheck("catalog", False, f"{fault.message}; it is left out", fault.hint)
    for role, name in portfolio.resolve(profile).items():
        state = portfolio.state(name)
        here = state.value == "installed"
        ok = True if here else None if role in chosen.optional else False
        wanted = name if role in chosen.on_request else f"--profile {chosen.name}"
        hint = "" if here else f"edge-assistant models pull {wanted}"
        yield DoctorCheck(f"model for {role}", ok, f"{name}, {state.value}", hint)


def folders() -> Iterator[DoctorCheck]:
    """The folders that are written to, and their disks."""
    from edge_assistant_models import paths

    for name, folder in (("models", paths.models_dir()), ("data", paths.data_dir()), ("state", paths.state_dir())):
        existing = _existing(folder)
        writable = os.access(existing, os.W_OK)
        free = shutil.disk_usage(existing).free
        hint = "" if writable else "make it writable, or set EDGE_ASSISTANT_HOME to another folder"
        if writable and free < MIN_FREE:
            hint = "free some space"
        yield DoctorCheck(
            f"folder for {name}", writable and free >= MIN_FREE, f"{folder}, {free / 2**30:.1f} GiB free", hint
        )


def sealing() -> DoctorCheck:
    """Where the key is that what is kept is sealed with; none is made by looking."""
    from edge_assistant.vault import master

    try:
        place = master.place(master.keys_dir())
    except OSError as error:
        hint = "change the owner of the key folder to the current user"
        return DoctorCheck("sealing", False, f"the key cannot be looked for ({error.strerror})", hint)
    return DoctorCheck(
        "sealing", True, f"the key is {place.told}" if place else "the key is created when data is stored first"
    )


def audit_trail() -> DoctorCheck:
    """Whether the audit trail can be gone on with, else nothing is answered; `audit verify` reads all of it."""
    from edge_assistant.core.errors import EdgeAssistantError
    from edge_assistant.governance.audit.trail import FILE, Trail

    with closing(Trail()) as trail:
        if not (trail.folder / FILE).exists():
            return DoctorCheck("audit trail", True, "it begins with the first question")
        try:
            count = trail.read(trail.head).count
        except EdgeAssistantError as error:
            return DoctorCheck("audit trail", False, error.message, error.hint)
    return DoctorCheck("audit trail", True, f"{count:,} rows in {trail.folder}")


def resident() -> DoctorCheck:
    """Whether a resident runs; it can be done without."""
    from edge_assistant.core.errors import StorageFull
    from edge_assistant.resident import client

    try:
        found = client.status()
    except (OSError, StorageFull, client.Unavailable) as error:
        return DoctorCheck("resident", None, f"cannot be spoken to ({client.why(error)})", "see docs/resident.md")
    if found is None:
        return DoctorCheck(
            "resident", None, "none runs", "edge-assistant resident start, where ask and check are to be quick"
        )
    return DoctorCheck("resident", True, f"process {found['pid']}, {found['memory_mib']} MiB of its own")


def devices() -> Iterator[DoctorCheck]:
    """Camera, microphone and speaker: files can be asked about without any of them."""
    from edge_assistant.core.errors import DeviceMissing
    from edge_assistant.devices import chosen, sound

    yield _device("camera", chosen.names("camera"), "connect one, or use --camera file:VIDEO")
    try:
        sound.library()
    except DeviceMissing as error:
        yield DoctorCheck("microphone", None, error.message, error.hint)
        yield DoctorCheck("speaker", None, error.message, error.hint)
        return
    yield _device("microphone", chosen.names("microphone"), "connect one, or use --microphone file:RECORDING")
    yield _device("speaker", chosen.names("speaker"), "connect one; answers stand on the screen too")


def voice() -> Iterator[DoctorCheck]:
    """The program that says how words sound; the voice's model is among those of the profile."""
    from edge_assistant.core.errors import VoiceUnavailable
    from edge_assistant.voice import phonemes

    try:
        phonemes.program()
    except VoiceUnavailable as error:
        yield DoctorCheck("spoken answers", None, error.message, error.hint)
    else:
        yield DoctorCheck("spoken answers", True, "the program espeak-ng is installed")


def graphics(environment: Mapping[str, str], drawn: str = "") -> DoctorCheck:
    """How pictures are drawn in the terminal.

    Args:
        environment: in which terminals say who they are.
        drawn: `Kitty` or `Sixel`, where the terminal has been asked and takes that; else the environment tells.
    """
    said = " ".join(environment.get(name, "") for name in ("TERM", "TERM_PROGRAM", "LC_TERMINAL")).lower()
    if not drawn and ("KITTY_WINDOW_ID" in environment or any(name in said for name in _KITTY)):
        drawn = "Kitty"
    if not drawn and any(name in said for name in _SIXEL):
        drawn = "Sixel"
    if drawn:
        return DoctorCheck("terminal graphics", True, f"pictures by the protocol of {drawn}")
    where = environment.get("TERM", "") or "an unknown terminal"
    hint = "a terminal with Kitty's protocol or Sixel shows them sharp, such as kitty, WezTerm or foot"
    return DoctorCheck("terminal graphics", None, f"{where}: pictures by half blocks", hint)


def _device(name: str, there: list[str], hint: str) -> DoctorCheck:
    return DoctorCheck(name, True, ", ".join(there)) if there else DoctorCheck(name, None, "none is connected", hint)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if os.path.exists(path))  # noqa: PTH110 - never raises
