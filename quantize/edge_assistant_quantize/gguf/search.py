"""A type for each group of tensors, so that the model predicts best within a budget of bytes.

A group is one kind of matrix, such as ffn_down, in one third of the layers. Each group alone is quantized to the
smallest type of its ladder, with everything else at Q8_0; the Kullback-Leibler divergence over a text is its loss. How
much of such a loss a larger type leaves is measured once, over all groups of a ladder together. Losses are taken to add
up, and the step that saves most of them per byte is taken until none fits, the greedy solution of a knapsack problem.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edge_assistant.storage import atomic
from edge_assistant_quantize import room
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import header, perplexity, quantize
from edge_assistant_quantize.gguf.header import Header
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore

CHUNKS = 8  # of the text that guides; losses of groups differ by more than what more text would change
_FILE = "losses.json"
TOP = "Q8_0"  # of what is not being measured
# The types to choose from, the smallest first, by the values of a block that rows have to be multiples of
_LADDERS = {256: ("Q3_K", "Q4_K", "Q5_K", "Q6_K", TOP), 32: ("IQ4_NL", "Q5_0", "Q5_1", TOP)}
_LAYER = re.compile(r"blk\.(\d+)\.(.+)\.weight")
_TOGETHER = {"attn_k": "attn_q", "ffn_up": "ffn_gate"}  # they have one input each
_AS_IT_IS = re.compile(
    r"norm|ffn_gate_inp|altup|laurel|per_layer_model_proj|conv1d|time_mix"
)  # llama.cpp quantizes none


@dataclass(frozen=True, slots=True)
class TensorGroup:
    """Tensors that get one type.

    Attributes:
        name: such as "ffn_down 1/3".
        tensors: their names.
        values: number of their values.
        ladder: the types to choose from, the smallest first.
    """

    name: str
    tensors: tuple[str, ...]
    values: int
    ladder: tuple[str, ...]

    @property
    def pattern(self) -> str:
        """A regular expression of exactly these tensors."""
        return f"^({'|'.join(map(re.escape, self.tensors))})$"

    def bytes(self, kind: str) -> int:
        """Bytes of the group in a type."""
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        values, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
        return self.values // int(values) * int(size)


def search(
    model: Path,
    text_file: Path,
    *,
    bits: float,
    imatrix: Path | None = None,
    allow_requantize: bool = False,
    context: int = perplexity.CONTEXT,
    chunks: int | None = None,
    folder: Path | None = None,
    threads: int,
    watch: Watch,
) -> list[tuple[TensorGroup, str, float]]:
    """Choose the types.

    Args:
        model: a GGUF file, best in F16.
        text_file: text that guides; what is measured on it afterwards is too good.
        bits: of a weight at most, over the whole file.
        imatrix: an importance matrix of the model.
        allow_requantize: also from a quantized model.
        context: tokens of a chunk of the text.
        chunks: the most to take; None for `CHUNKS`. What the model predicts of them stays in memory.
        folder: keeps what was measured, so that an interrupted search goes on.
        threads: that compute.
        watch: receives each measurement.

    Returns:
        Each group, its type, for an override of `quantize.quantize` to `TOP`, and what it alone loses in the smallest
        type, in nats; the largest loss first.

    Raises:
        UsageError: not even the smallest types fit the budget, or no tensor can be quantized.
        EdgeAssistantError: see `quantize.quantize` and `perplexity.measure`.
    """
    found = header.read(model)
    of_model = groups(found)
    if not of_model:
        raise UsageError(f"{model.name} has no tensors to choose types for", "take a type instead of a search")
    names = {name for group in of_model for name in group.tensors}
    rest = model.stat().st_size - sum(tensor.n_bytes for tensor in found.tensors if tensor.name in names)
    budget = math.floor(bits * found.weights / 8) - rest
    least = sum(group.bytes(group.ladder[0]) for group in of_model)
    if least > budget:
        smallest = 8 * (least + rest) / found.weights
        raise UsageError(f"{bits:g} bits a weight are too few: the least is {smallest:.2f}", "give more bits")
    how: dict[str, Any] = {"threads": threads, "watch": ignore}
    over = {"context": context, "chunks": chunks or CHUNKS, **how}
    given = {"imatrix": imatrix, "allow_requantize": allow_requantize, **how}
    forms, what, kept = _forms(of_model), "sensitivity of tensors", folder / _FILE if folder else None
    there = kept is not None and kept.is_file()
    measured = msgspec.json.decode(kept.read_bytes(), type=dict[str, float]) if kept and there else {}
    missing = [name for name in forms if name not in measured]
    reference = []
    for each in perplexity.predictions(model, text_file, **over) if missing else ():
        room.check_memory("what the model predicts of a further chunk", each[1].nbytes)
        reference.append(each)
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as work:
        path = Path(work) / "form.gguf"
        for name in missing:
            watch(ProgressStep(what, len(measured), len(forms)))
            quantize.quantize(model, path, TOP, overrides=forms[name], **given)
            measured[name] = float(perplexity.measure(path, text_file, reference=reference, **over).divergence.mean())
            if kept:
                with atomic.storing(_FILE, "free some space"), atomic.writing(kept) as file:
                    file.write(msgspec.json.encode(measured))
        watch(ProgressStep(what, len(forms), len(forms)))
    losses = _losses(of_model, measured)
    types = choose(of_model, losses, budget)
    chosen = [(group, types[group.name], losses[group.name][0]) for group in of_model]
    return sorted(chosen, key=lambda each: each[2], reverse=True)


def note(types: Mapping[str, str]) -> str:
    """The types of groups in one line for people."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for name, kind in types.items():
        by_kind[kind].append(name)
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in sorted(by_kind.items()))


def groups(found: Header) -> list[TensorGroup]:
    """The groups of a model's matrices, in the order of their first tensors."""
    matrices = [each for each in found.tensors if len(each.shape) > 1 and not _AS_IT_IS.search(each.name)]
    layers = 1 + max((int(each[1]) for tensor in matrices if (each := _LAYER.fullmatch(tensor.name))), default=0)
    members: dict[tuple[str, tuple[str, ...]], dict[str, int]] = defaultdict(dict)
    for tensor in matrices:
        name = tensor.name.removesuffix(".weight")
        if place := _LAYER.fullmatch(tensor.name):
            name = f"{_TOGETHER.get(place[2], place[2])} {3 * int(place[1]) // layers + 1}/3"
        ladder = next((_LADDERS[size] for size in _LADDERS if tensor.shape[0] % size == 0), None)
        if ladder:
            members[name, ladder][tensor.name] = tensor.n_elements
    return [TensorGroup(name, tuple(some), sum(some.values()), ladder) for (name, ladder), some in members.items()]


def choose(of_model: Sequence[TensorGroup], losses: Mapping[str, Sequence[float]], budget: int) -> dict[str, str]:
    """The type of each group by its name.

    Args:
        of_model: the groups.
        losses: of each group, one for each type of its ladder.
        budget: bytes of all groups together; the smallest types fit.
    """
    at = dict.fromkeys((group.name for group in of_model), 0)
    left = budget - sum(group.bytes(group.ladder[0]) for group in of_model)
    while True:
        steps = []
        for group in of_model:
            now = at[group.name]
            for place in range(now + 1, len(group.ladder)):
                more = group.bytes(group.ladder[place]) - group.bytes(group.ladder[now])
                saved = losses[group.name][now] - losses[group.name][place]
                if more <= left and saved > 0:
                    steps.append((saved / more, group.name, place, more))
        if not steps:
            return {group.name: group.ladder[at[group.name]] for group in of_model}
        _, name, place, more = max(steps)
        at[name], left = place, left - more


def _forms(of_model: Sequence[TensorGroup]) -> dict[str, dict[str, str]]:
    """The overrides of what is measured by name: nothing below Q8_0, each group alone, all groups of a ladder alike."""
    forms = {"": {}, **{group.name: {group.pattern: group.ladder[0]} for group in of_model}}
    for group in of_model:
        for kind in group.ladder[:-1]:  # no type is in two ladders, but for the last
            forms.setdefault(kind, {})[group.pattern] = kind
    return forms


def _losses(of_model: Sequence[TensorGroup], measured: Mapping[str, float]) -> dict[str, list[float]]:
    """Of each group, one for each type of its ladder: nats more than with everything at Q8_0."""
    more = {name: max(divergence - measured[""], 0.0) for name, divergence in measured.items()}
    losses = {}
    for group in of_model:
        together = more[group.ladder[0]]
        share = more[group.name] / together if together else 0.0
        losses[group.name] = [*(more[kind] * share for kind in group.ladder[:-1]), 0.0]
    return losses
