"""Checkpoints of GPTQ, AWQ and AutoRound, packed here by the formats' descriptions, and LoRA adapters: in GGUF."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from gguf import GGUFReader
from gguf.quants import Q4_0, Q4_1, dequantize
from helpers import forked
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from edge_assistant_quantize import progress
from edge_assistant_quantize.errors import InputMissing, QuantizationFailed, WeightsRefused
from edge_assistant_quantize.gguf import unpacking
from edge_assistant_quantize.gguf.conversion import convert

GROUP = 32
AWQ_COLUMNS = (0, 2, 4, 6, 1, 3, 5, 7)  # which of eight columns is in each nibble of a word, the lowest first
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "sym": True, "desc_act": False}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": GROUP, "zero_point": True, "version": "gemm"}
ROUND = {"quant_method": "auto-round", "bits": 4, "group_size": GROUP, "sym": True}


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    forked.use(monkeypatch)


def words(numbers, axis, order=range(8)):
    """Numbers of four bits, eight along an axis in a word of 32 bits."""
    rows = np.moveaxis(numbers, axis, -1)
    rows = rows.reshape(*rows.shape[:-1], -1, 8)[..., list(order)].astype(np.uint32)
    packed = (rows << (4 * np.arange(8, dtype=np.uint32))).sum(axis=-1, dtype=np.uint32)
    return np.ascontiguousarray(np.moveaxis(packed, -1, axis)).view(np.int32)


def packed(folder, config, *, symmetric=True, order=None, index=True):
    """Pack every matrix of the layers in a folder; what they are worth by name, in F32."""
    path, generator = folder / "model.safetensors", np.random.default_rng(0)
    tensors, worth = load_file(path), {}
    for name in [key for key in tensors if "_proj.weight" in key]:
        outputs, inputs = tensors.pop(name).shape
        numbers = generator.integers(0, 16, (inputs, outputs))
        shape = (inputs // GROUP, outputs)
        zeros = np.full(shape, 8) if symmetric else generator.integers(1, 16, shape)
        scales = generator.uniform(0.01, 0.03, shape).astype(np.float16)
        groups = np.arange(inputs) // GROUP if order is None else generator.permutation(np.arange(inputs) // GROUP)
        values = (numbers - zeros[groups]) * scales[groups].astype(np.float32)
        worth[name] = np.ascontiguousarray(values.T, np.float32)
        base = name.removesuffix(".weight")
        if "awq" in json.dumps(config):
            tensors[f"{base}.qweight"] = words(numbers, 1, AWQ_COLUMNS)
            tensors[f"{base}.qzeros"] = words(zeros, 1, AWQ_COLUMNS)
        else:
            tensors[f"{base}.qweight"], tensors[f"{base}.qzeros"] = words(numbers, 0), words(zeros - 1, 1)
            if index:
                tensors[f"{base}.g_idx"] = groups.astype(np.int32)
        tensors[f"{base}.scales"] = scales
    save_file(tensors, path)
    table = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**table, "quantization_config": config} if config else table))
    return worth


def plain(folder, worth):
    """Replace the matrices of a folder by these."""
    save_file({**load_file(folder / "model.safetensors"), **worth}, folder / "model.safetensors")
    return folder


def converted(folder, output, **options):
    """The tensors of a conversion by name, and their types."""
    convert(folder, output, pre="llama-bpe", threads=1, watch=progress.ignore, **options)
    found = GGUFReader(output).tensors
    return {t.name: dequantize(t.data, t.tensor_type) for t in found}, {t.name: t.tensor_type.name for t in found}


@pytest.fixture
def folders(families, tmp_path):
    """Two copies of a tiny model."""
    return [shutil.copytree(families / "llama3", tmp_path / name) for name in ("packed", "plain")]


@pytest.mark.parametrize(
    ("config", "how", "kind"),
    [
        (GPTQ, {}, "Q4_0"),
        (GPTQ | {"desc_act": True}, {"order": "act"}, "F16"),
        (GPTQ | {"checkpoint_format": "gptq", "sym": False}, {"symmetric": False}, "Q4_1"),
        (AWQ, {"symmetric": False}, "Q4_1"),
        (ROUND | {"packing_format": "auto_round:auto_gptq"}, {"index": False}, "Q4_0"),
        (ROUND | {"packing_format": "auto_round:auto_awq"}, {}, "Q4_1"),
    ],
    ids=["gptq", "gptq-act-order", "gptq-zeros", "awq", "auto-round", "auto-round-awq"],
)
def test_packed_weights_are_worth_the_same_in_gguf(folders, tmp_path, converter, config, how, kind):
    worth = packed(folders[0], config, **how)
    wanted, _ = converted(plain(folders[1], worth), tmp_path / "plain.gguf", precision="f32")
    found, _ = converted(folders[0], tmp_path / "float.gguf", precision="f32")
    assert wanted.keys() == found.keys()
    assert all(np.array_equal(wanted[name], found[name]) for name in wanted)
    kept, kinds = converted(folders[0], tmp_path / "packed.gguf", precision="packed")
    assert {kinds[name] for name in kinds if "attn_q" in name or "ffn_down" in name} == {kind}
    for name in (name for name in kept if kinds[name] == kind):
        off = np.abs(kept[name] - wanted[name]).max()
        assert off <= (0 if kind == "Q4_0" else 0.5 * 2**-11), name  # half the step of half precision below 0.5


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (AWQ | {"version": "gemv"}, "not packed as version GEMM"),
        (ROUND | {"packing_format": "auto_round:other"}, "not known here"),
        (ROUND | {"packing_format": "auto_round:auto_gptq", "extra_config": {"x": {"bits": 2}}}, "not known here"),
    ],
)
def test_other_packings_are_refused(folders, tmp_path, converter, config, said):
    packed(folders[0], config)
    with pytest.raises(WeightsRefused, match=said):
        converted(folders[0], tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()


def test_what_only_says_that_it_is_symmetric_is_not_kept_in_four_bits(folders, tmp_path, converter):
    packed(folders[0], GPTQ, symmetric=False)
    with pytest.raises(QuantizationFailed, match="no grid of four bits"):
        converted(folders[0], tmp_path / "out.gguf", precision="packed")


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_grid_of_four_bits_is_found_whatever_part_of_it_a_block_has(seed, smallest):
    generator = np.random.default_rng(seed)
    low, high = np.sort(generator.integers(0, 16, (2, 20, 1)), axis=0)
    numbers = generator.integers(low, high + 1, (20, 32))
    scale = generator.uniform(1e-4, 2, (20, 1)).astype(np.float16).astype(np.float32)
    blocks = ((numbers - (0 if smallest else 8)) * scale).astype(np.float32)
    found = (Q4_1 if smallest else Q4_0).dequantize_blocks(unpacking.exactly(blocks, smallest=smallest))
    off = 2.0**-11 * np.abs(blocks.min(axis=1, keepdims=True)) if smallest else 0
    assert (np.abs(found - blocks) <= off).all()


@pytest.fixture
def adapter(folders, tmp_path):
    """A LoRA adapter of the first layer's queries, and that layer's change."""
    folder, generator = tmp_path / "adapter", np.random.default_rng(1)
    folder.mkdir()
    first, second = (generator.normal(0, 0.1, shape).astype(np.float32) for shape in ((4, 64), (64, 4)))
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    save_file({f"{name}.lora_A.weight": first, f"{name}.lora_B.weight": second}, folder / "adapter_model.safetensors")
    table = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "bias": "none", "use_rslora": False}
    (folder / "adapter_config.json").write_text(json.dumps(table))
    return folder, 2 * second @ first


def test_an_adapter_is_added_to_the_weights_packed_or_not(folders, tmp_path, converter, adapter):
    folder, change = adapter
    worth = packed(folders[0], GPTQ)
    changed = "model.layers.0.self_attn.q_proj.weight"
    plain(folders[1], {**worth, changed: np.ascontiguousarray(worth[changed] + change)})
    wanted, _ = converted(folders[1], tmp_path / "plain.gguf", precision="f32")
    found, _ = converted(folders[0], tmp_path / "merged.gguf", precision="f32", adapter=folder)
    for name in wanted:
        assert found[name] == pytest.approx(wanted[name], abs=1e-6), name
    _, kinds = converted(folders[0], tmp_path / "kept.gguf", precision="packed", adapter=folder)
    assert (kinds["blk.0.attn_q.weight"], kinds["blk.1.attn_q.weight"]) == ("F16", "Q4_0")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"use_dora": True}, "no plain LoRA"),
        ({"bias": "all"}, "no plain LoRA"),
        ({"peft_type": "IA3"}, "no plain LoRA"),
        ({"name": "base_model.model.model.layers.7.self_attn.q_proj"}, "which the model lacks"),
    ],
)
def test_another_adapter_is_refused(folders, tmp_path, converter, adapter, table, said):
    folder, _ = adapter
    path, name = folder / "adapter_config.json", table.get("name")
    path.write_text(json.dumps({**json.loads(path.read_text()), **table}))
    if name:
        tensors = load_file(folder / "adapter_model.safetensors")
        moved = {name + key[key.index(".lora") :]: values for key, values in tensors.items()}
        save_file(moved, folder / "adapter_model.safetensors")
    with pytest.raises(WeightsRefused, match=said):
        converted(folders[1], tmp_path / "out.gguf", adapter=folder)


def test_a_folder_without_an_adapter_is_said(folders, tmp_path, converter):
    with pytest.raises(InputMissing, match=r"none holds no adapter_config\.json - name the folder that PEFT saved"):
        converted(folders[0], tmp_path / "out.gguf", adapter=tmp_path / "none")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(WeightsRefused, match=r"holds no adapter_model\.safetensors - name the folder that PEFT saved"):
        converted(folders[0], tmp_path / "out.gguf", adapter=tmp_path)


@pytest.mark.parametrize("lost", ["qzeros", "scales"])
def test_a_packed_weight_without_all_parts_is_said(folders, tmp_path, converter, lost):
    packed(folders[0], GPTQ)
    path, name = folders[0] / "model.safetensors", "model.layers.0.mlp.up_proj"
    save_file({key: value for key, value in load_file(path).items() if key != f"{name}.{lost}"}, path)
    with pytest.raises(WeightsRefused, match=f"{name} lacks qzeros or scales"):
        converted(folders[0], tmp_path / "out.gguf")
