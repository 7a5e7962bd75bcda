"""What computes on which card: a table of facts as machines tell them, invariants, and the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant.compute import accelerators
from edge_assistant.compute.accelerators import (
    AUTO,
    CPU,
    OFF,
    Backends,
    Gpu,
    Offload,
    Selection,
    Weights,
    providers_for,
    select,
)

GIB = 1 << 30
MODEL = Weights(1_117_320_768, 28, 229_376 * 512)  # Qwen2.5 1.5B in Q4_K_M at 4,096 tokens
LARGE = Weights(5_027_783_488, 36, 1_207_959_552)  # Qwen3 8B at 8,192 tokens
PLAIN = ("AzureExecutionProvider", CPU)  # what onnxruntime 1.32 for processors tells
CUDA = ("TensorrtExecutionProvider", "CUDAExecutionProvider", CPU)  # what onnxruntime-gpu tells, card or not
H100 = Gpu("CUDA0", "cuda", "NVIDIA H100 80GB HBM3", 78 * GIB)
T4 = Gpu("CUDA1", "cuda", "Tesla T4", 14 * GIB)
IRIS = Gpu("Vulkan0", "vulkan", "Intel(R) Iris(R) Xe Graphics (TGL GT2)", 11 * GIB, integrated=True)
RADEON = Gpu("ROCm0", "rocm", "AMD Radeon RX 7900 XTX", 23 * GIB)
APPLE = Gpu("MTL0", "metal", "Apple M3", 11 * GIB)
LLVMPIPE = Gpu("Vulkan0", "vulkan", "llvmpipe (LLVM 19.1.7, 256 bits)", 24 * GIB)


NVIDIA, FIRST, NONE = ("nvidia",), ("CUDAExecutionProvider", "0"), Offload()
case = pytest.param


@pytest.mark.parametrize(
    ("facts", "wanted", "provider", "offload", "why"),
    [
        case(Backends(), AUTO, None, NONE, "no graphics card is seen", id="nothing"),
        case(
            Backends(NVIDIA, CUDA, (H100,)),
            AUTO,
            FIRST,
            Offload(29, ("CUDA0",)),
            "ONNX Runtime on CUDA; llama.cpp with 29 of 29 layers on CUDA0",
            id="CUDA for both",
        ),
        case(Backends(NVIDIA, CUDA, (H100,)), OFF, None, NONE, "as the setting gpu is off", id="off"),
        case(
            Backends(NVIDIA, CUDA, (T4, H100)), AUTO, FIRST, Offload(29, ("CUDA0",)),
            "on CUDA0", id="two cards, the one with more room",
        ),
        case(
            Backends(NVIDIA, CUDA, (H100, T4)), "CUDA1", ("CUDAExecutionProvider", "1"), Offload(29, ("CUDA1",)),
            "on CUDA1", id="two cards, one named",
        ),
        case(
            Backends(NVIDIA, CUDA, (H100,)), "CUDA7", ("CUDAExecutionProvider", "7"), NONE, "ONNX Runtime on CUDA",
            id="a card that llama.cpp does not see: opening it tells",
        ),
        case(
            Backends(NVIDIA, CUDA, (H100,)), "rocm", None, NONE, "gpu names rocm", id="a name not here"
        ),
        case(
            Backends(NVIDIA, PLAIN, (replace(H100, free=GIB + GIB // 4),)), AUTO, None, NONE,
            "CUDA0 has 1.2 GiB free, which is too little", id="room for less than a quarter",
        ),
        case(
            Backends(NVIDIA, PLAIN, (replace(H100, free=GIB + 700_000_000),)), AUTO, None, Offload(16, ("CUDA0",)),
            "16 of 29 layers", id="room for a part",
        ),
        case(
            Backends(("amd", "render"), ("MIGraphXExecutionProvider", CPU), (RADEON,)), AUTO, None,
            Offload(29, ("ROCm0",)), "on ROCm0", id="ROCm",
        ),
        case(
            Backends(("amd",), ("ROCMExecutionProvider", CPU)), AUTO, ("ROCMExecutionProvider", "0"), NONE,
            "ONNX Runtime on ROCM", id="ROCm in ONNX Runtime 1.22",
        ),
        case(
            Backends(("amd",), ("MIGraphXExecutionProvider", CPU)), AUTO, None, NONE,
            "MIGraphX is not used: it compiles the model again", id="MIGraphX alone",
        ),
        case(
            Backends(("render",), PLAIN, (replace(RADEON, name="Vulkan0", backend="vulkan"), IRIS)), AUTO, None,
            Offload(29, ("Vulkan0",)), "on Vulkan0", id="Vulkan, beside one in the processor",
        ),
        case(Backends(("render",), PLAIN, (IRIS,)), AUTO, None, NONE, "cannot use a GPU", id="integrated"),
        case(
            Backends(("render",), PLAIN, (IRIS,)), "vulkan*", None, Offload(29, ("Vulkan0",)), "on Vulkan0", id="named"
        ),
        case(Backends(("render",), PLAIN, (LLVMPIPE,)), "vulkan0", None, NONE, "cannot be used", id="llvmpipe"),
        case(
            Backends(("amd", "render"), PLAIN, (replace(RADEON, name="Vulkan0", backend="vulkan"), RADEON)), AUTO, None,
            Offload(29, ("ROCm0",)), "on ROCm0", id="one card by two backends",
        ),
        case(
            Backends(("apple",), ("CoreMLExecutionProvider", "AzureExecutionProvider", CPU), (APPLE,)), AUTO, None,
            Offload(29, ("MTL0",)), "on MTL0", id="Metal",
        ),
        case(
            Backends(NVIDIA, PLAIN, (Gpu("RPC[x]", "rpc[x]", "", 99 * GIB),)), "*", None, NONE, "cannot be used",
            id="another machine's card",
        ),
    ],
)  # fmt: skip
def test_recorded_machines(
    facts: Backends, wanted: str, provider: tuple[str, str] | None, offload: Offload, why: str
) -> None:
    found = select(facts, wanted, MODEL)
    assert found.providers[-1].name == CPU
    assert [(each.name, each.options["device_id"]) for each in found.providers[:-1]] == ([provider] if provider else [])
    assert found.offload == offload
    assert why in found.why
    assert found.accelerated == bool(provider or offload.layers)


def test_two_cards_share_what_fits_on_neither() -> None:
    cards = (replace(H100, free=4 * GIB), replace(T4, free=3 * GIB), Gpu("CUDA2", "cuda", "", GIB))
    found = select(Backends(("nvidia",), devices=cards), AUTO, LARGE).offload
    assert (found.devices, found.shares) == (("CUDA0", "CUDA1"), (0.6, 0.4))
    assert found.layers == 19 + 12


def test_floats_stay_floats() -> None:
    (provider, _) = select(Backends(("nvidia",), CUDA)).providers
    assert provider.options["use_tf32"] == "0"


@pytest.mark.parametrize(
    ("operators", "there"),
    [
        ({"Conv", "Relu", "MatMul", "LayerNormalization"}, True),
        ({"MatMulNBits", "Softmax"}, True),
        ({"Conv", "QuantizeLinear", "DequantizeLinear"}, False),
        ({"MatMulIntegerToFloat", "Gelu"}, False),
    ],
)
def test_integers_stay_on_the_processor(operators: set[str], there: bool) -> None:
    found = providers_for(select(Backends(("nvidia",), CUDA)), operators)
    assert [each.name for each in found] == ["CUDAExecutionProvider"] * there + [CPU]


HARDWARE = st.lists(st.sampled_from(["nvidia", "amd", "render", "apple"]), unique=True).map(tuple)
PROVIDERS = st.lists(
    st.sampled_from([*accelerators.ACCEPTED, *accelerators.REFUSED, "NewExecutionProvider"]), unique=True
).map(lambda names: (*names, CPU))
DEVICES = st.lists(
    st.builds(
        Gpu,
        st.from_regex(r"(CUDA|ROCm|MTL|Vulkan|SYCL|CPU)[0-3]", fullmatch=True),
        st.sampled_from([*accelerators.BACKENDS, "cpu", "rpc"]),
        st.sampled_from(["a card", "llvmpipe (LLVM)"]),
        st.integers(0, 100 * GIB),
        st.booleans(),
    ),
    unique_by=lambda device: device.name,
    max_size=5,
).map(tuple)
WEIGHTS = st.none() | st.builds(Weights, st.integers(1, 60 * GIB), st.integers(0, 512), st.integers(0, 8 * GIB))
WANTED = st.sampled_from([AUTO, OFF, "cuda", "CUDA0", "*", "rocm1", "nonsense", ""])


def used(found: Selection, devices: Sequence[Gpu]) -> list[Gpu]:
    return [device for name in found.offload.devices for device in devices if device.name == name]


@given(st.builds(Backends, HARDWARE, PROVIDERS, DEVICES), WANTED, WEIGHTS)
def test_any_facts(facts: Backends, wanted: str, weights: Weights | None) -> None:
    found = select(facts, wanted, weights)
    assert found.providers[-1].name == CPU
    assert all(p.name in accelerators.ACCEPTED and p.name in facts.providers for p in found.providers[:-1])
    assert found.why
    assert "\n" not in found.why
    cards = used(found, facts.devices)
    assert len(cards) == len(found.offload.devices) == len({*found.offload.devices})
    assert bool(cards) == (found.offload.layers > 0)
    assert len({card.backend for card in cards}) <= 1
    assert not any("llvmpipe" in card.description for card in cards)
    if not facts.hardware or wanted == OFF:
        assert not found.accelerated
    if cards and weights:
        whole = weights.layers + 1
        needed = (weights.bytes + weights.cache_bytes) / whole * found.offload.layers
        assert found.offload.layers <= whole
        assert needed <= sum(card.free - accelerators.RESERVE for card in cards)
        assert found.offload.layers >= whole * accelerators.LEAST_SHARE
    if found.offload.shares:
        assert len(found.offload.shares) == len(cards) > 1
        assert math.isclose(sum(found.offload.shares), 1)


@given(DEVICES, st.integers(1, 40 * GIB))
def test_more_room_never_takes_a_layer_away(devices: tuple[Gpu, ...], more: int) -> None:
    before = select(Backends(("nvidia",), devices=devices), AUTO, LARGE).offload
    roomier = tuple(replace(device, free=device.free + more) for device in devices)
    assert select(Backends(("nvidia",), devices=roomier), AUTO, LARGE).offload.layers >= before.layers


def test_what_to_do_is_said_for_each_kind_of_card() -> None:
    assert accelerators.install(["nvidia", "render"]).startswith("GPU=cuda make demo")
    assert accelerators.install([]) == "docs/gpu.md says which can be used"
