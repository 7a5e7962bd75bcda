"""Which engine computes on which graphics card: a pure function of what is there (`cards` looks) and of what is wanted.

No card has been tried by this project: what is accepted and what is refused rests on what the makers document, see
docs/gpu.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

AUTO, OFF = "auto", "off"
CPU = "CPUExecutionProvider"
RESERVE = 1 << 30  # bytes of a card that are left: the driver's own, buffers to compute in, models of perception
LEAST_SHARE = 0.25  # of a model's layers; with fewer on the card, moving values there and back costs what it brings
PERCEPTION = 2 << 30  # bytes that the models of perception may take of a card; all of the starter's are 0.2 GB

# llama.cpp's backends in the order of preference, where one card is listed by several
BACKENDS = ("cuda", "rocm", "metal", "sycl", "vulkan")
_BUILDS = {"nvidia": "cuda", "amd": "rocm", "apple": "metal", "render": "vulkan"}  # see tools/llama_wheel.py
_SOFTWARE = ("llvmpipe", "swiftshader", "softpipe")  # a processor that Vulkan shows as a card

ACCEPTED: Mapping[str, tuple[str, str]] = {
    "CUDAExecutionProvider": ("cuda", "computes floats in 32 bits once TF32 is off, at shapes that change freely"),
    "ROCMExecutionProvider": ("rocm", "the kernels of the CUDA provider for AMD's cards; in ONNX Runtime up to 1.22"),
}
"""ONNX Runtime's providers that are used, by name: the name of the card's kind, and why."""
REFUSED: Mapping[str, str] = {
    "TensorrtExecutionProvider": "it builds an engine for each shape, minutes where shapes change with every picture",
    "NvTensorRtRtxExecutionProvider": "it builds an engine for each shape of a model",
    "MIGraphXExecutionProvider": "it compiles the model again for each shape, minutes where shapes change",
    "OpenVINOExecutionProvider": "on a card it computes in 16 bits unless told otherwise; not measured here",
    "CoreMLExecutionProvider": "it computes in 16 bits on the card and the neural engine; not measured here",
    "DmlExecutionProvider": "it is for Windows, where this product does not run",
    "QNNExecutionProvider": "it takes models that were quantized for it",
    "WebGpuExecutionProvider": "not measured here",
    "AzureExecutionProvider": "it computes on somebody else's machine",
}
"""ONNX Runtime's providers that are not used, and why."""
INTEGER_OPERATORS = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "DynamicQuantizeMatMul",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "QAttention",
        "QGemm",
        "QLinearAdd",
        "QLinearConv",
        "QLinearMatMul",
        "QLinearSigmoid",
        "QuantizeLinear",
    }
)
"""Operators of graphs that stay on the processor. The CUDA provider has no kernels for most (microsoft/onnxruntime
issues 7745, 12229 and 24807): it copies to the processor and back at each, and is slower than without a card. And what
was accepted by measurement is 8 bits as the processor computes them. MatMulNBits is not among them: CUDA computes it in
floats."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card as llama.cpp lists it.

    Attributes:
        name: such as `CUDA0`; a person can choose it by this.
        backend: one of `BACKENDS`, or another that is not used.
        description: as its driver calls it.
        free: bytes of its memory that nobody uses.
        integrated: whether it shares the memory of the processor.
    """

    name: str
    backend: str
    description: str = ""
    free: int = 0
    integrated: bool = False


@dataclass(frozen=True, slots=True)
class Backends:
    """What is there. What was not asked is empty.

    Attributes:
        hardware: kinds of cards that the kernel shows: `nvidia`, `amd`, `render`, `apple`.
        providers: `onnxruntime.get_available_providers()`.
        devices: llama.cpp's, without the processor.
    """

    hardware: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    devices: tuple[Gpu, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """What a language model takes.

    Attributes:
        bytes: of its file.
        layers: repeated ones; the output counts as one more.
        cache_bytes: of the KV cache at full context.
    """

    bytes: int
    layers: int
    cache_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Offload:
    """Which part of a language model is on which cards.

    Attributes:
        layers: how many, the output with them; 0 is the processor alone.
        devices: names of the cards.
        shares: how much of the layers each has, where there are several; they sum to 1.
    """

    layers: int = 0
    devices: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of ONNX Runtime with its options."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selection:
    """What computes.

    Attributes:
        providers: of ONNX Runtime, in order; the processor is the last one always.
        offload: of the language model.
        why: in one sentence.
    """

    providers: tuple[Provider, ...] = (Provider(CPU),)
    offload: Offload = Offload()
    why: str = ""

    @property
    def accelerated(self) -> bool:
        """Whether anything is to be on a card."""
        return len(self.providers) > 1 or self.offload.layers > 0


def select(facts: Backends, wanted: str = AUTO, weights: Weights | None = None) -> Selection:
    """What computes, of what is there.

    Args:
        facts: what is there.
        wanted: the setting `gpu`: `auto`, `off`, or the name of a kind (`cuda`) or of a card (`CUDA1`); * stands for
            any characters.
        weights: the language model; None where none is to be placed.
    """
    if wanted.lower() == OFF:
        return Selection(why="the processor computes everything, as the setting gpu is off")
    if not facts.hardware:
        return Selection(why="the processor computes everything, as no graphics card is seen")
    providers = _providers(facts, wanted)
    usable = _usable(facts, wanted)
    offload = _placed(usable, weights) if weights is not None else Offload()
    said = [f"ONNX Runtime on {provider.name.removesuffix('ExecutionProvider')}" for provider in providers]
    if offload.layers and weights is not None:
        said.append(
            f"llama.cpp with {offload.layers} of {weights.layers + 1} layers on {' and '.join(offload.devices)}"
        )
    if said:
        return Selection((*providers, Provider(CPU)), offload, "; ".join(said))
    return Selection(why=f"the processor computes everything, as {_why_not(facts, wanted, usable, weights)}")


def install(hardware: Collection[str]) -> str:
    """What to do so that a card of this hardware is used."""
    kind = next((kind for card, kind in _BUILDS.items() if card in hardware), None)
    return f"GPU={kind} make demo builds for it, see docs/gpu.md" if kind else "docs/gpu.md says which can be used"


def providers_for(selection: Selection, operators: Collection[str]) -> tuple[Provider, ...]:
    """The providers for a graph of these operators: the processor alone where it computes with integers."""
    return (Provider(CPU),) if INTEGER_OPERATORS & set(operators) else selection.providers


def _providers(facts: Backends, wanted: str) -> tuple[Provider, ...]:
    """The first accepted provider that is installed, fits the hardware and is wanted."""
    for name, (kind, _) in ACCEPTED.items():
        card = "nvidia" if kind == "cuda" else "amd"
        number = _number(kind, wanted)
        if name in facts.providers and card in facts.hardware and number is not None:
            return (Provider(name, _options(number)),)
    return ()


def _number(kind: str, wanted: str) -> int | None:
    """Which card of a kind is wanted; None for none of them."""
    lower = wanted.lower()
    if lower == AUTO or fnmatchcase(kind, lower) or fnmatchcase(f"{kind}0", lower):
        return 0
    digits = lower.removeprefix(kind)
    return int(digits) if lower.startswith(kind) and digits.isascii() and digits.isdigit() else None


def _options(number: int) -> dict[str, str]:
    """Options of the CUDA provider, which the one for AMD's cards shares.

    TF32 keeps 10 bits of a float's 23 and is the default on newer cards. The default search for a way to compute a
    convolution tries all of them at each new shape.
    https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
    """
    return {
        "device_id": str(number),
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        "gpu_mem_limit": str(PERCEPTION),
    }


def _usable(facts: Backends, wanted: str) -> tuple[Gpu, ...]:
    """The cards of one backend that may be used, those with the most free memory first."""
    fitting = [device for device in facts.devices if device.backend in BACKENDS and _wants(wanted, device)]
    if not fitting:
        return ()
    backend = min((device.backend for device in fitting), key=BACKENDS.index)
    return tuple(sorted((d for d in fitting if d.backend == backend), key=lambda device: (-device.free, device.name)))


def _wants(wanted: str, device: Gpu) -> bool:
    """Whether a card may be used: by its name any; else none that computes with the processor's memory or on it.

    A card that shares the processor's memory decodes no faster, for decoding is as fast as memory is read. Apple's are
    the exception: their memory is as fast as that of cards.
    """
    if any(name in device.description.lower() for name in _SOFTWARE):
        return False
    if wanted.lower() == AUTO:
        return not device.integrated or device.backend == "metal"
    return fnmatchcase(device.name.lower(), wanted.lower()) or fnmatchcase(device.backend, wanted.lower())


def _placed(devices: Sequence[Gpu], weights: Weights) -> Offload:
    """As many layers as there is room for: on one card where they fit, else over several by their free memory."""
    if not devices or weights.layers < 1:
        return Offload()
    whole = weights.layers + 1
    each = (weights.bytes + weights.cache_bytes) / whole
    room = {device.name: max(0, device.free - RESERVE) for device in devices}
    if room[devices[0].name] >= each * whole:
        return Offload(whole, (devices[0].name,))
    used = [device.name for device in devices if room[device.name] >= each]
    layers = min(whole, sum(int(room[name] // each) for name in used))
    if layers < whole * LEAST_SHARE:
        return Offload()
    total = sum(room[name] for name in used)
    return Offload(layers, tuple(used), tuple(room[name] / total for name in used) if len(used) > 1 else ())


def _why_not(facts: Backends, wanted: str, usable: Sequence[Gpu], weights: Weights | None) -> str:
    if usable and weights is not None:
        free = max(device.free for device in usable)
        return f"{usable[0].name} has {free / 2**30:.1f} GiB free, which is too little for a useful part of the model"
    if wanted.lower() != AUTO:
        return f"the setting gpu names {wanted}, which is not here or cannot be used"
    refused = [name for name in facts.providers if name in REFUSED and name != "AzureExecutionProvider"]
    if refused:
        return f"{refused[0].removesuffix('ExecutionProvider')} is not used: {REFUSED[refused[0]]}"
    return "the installed libraries cannot use a GPU"
