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

from edge_assistant.storage import atomic
from edge_assistant_quantize.errors import UsageError
from edge_assistant_quantize.gguf import header, kinds, perplexity, quantize
from edge_assistant_quantize.gguf.header import GgufTensor, Header
from edge_assistant_quantize.progress import ProgressStep, Watch, ignore
from edge_assistant_quantize.provenance import sum_of_values

CHUNKS = 8  # of the text that guides; losses of groups differ by more than what more text would change
_FILE = "losses.json"
_TOP = "Q8_0"  # of what is not being measured
# The types to choose from, the smallest first, by the values of a block that rows have to be multiples of
_LADDERS = {256: ("Q3_K", "Q4_K", "Q5_K", "Q6_K", _TOP), 32: ("IQ4_NL", "Q5_0", "Q5_1", _TOP)}
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

        values, size = GGML_QUANT_SIZES[GGMLQuantizationType(kinds.of_tensor(kind))]
        return self.values // int(values) * int(size)


@dataclass(frozen=True, slots=True)
class SearchedTypes:
    """The result of a search.

    Attributes:
        types: the type of each group by its name.
        losses: what each group alone loses in the smallest type, in nats, the largest first.
        overrides: for `quantize.quantize`, with `kind`.
        bytes: of the file, about.
        kind: type of the model that overrides are of.
    """

    types: Mapping[str, str]
    losses: Mapping[str, float]
    overrides: Mapping[str, str]
    bytes: int
    kind: str = _TOP

    @property
    def note(self) -> str:
        """The types in one line for people."""
        by_kind: dict[str, list[str]] = defaultdict(list)
        for name, kind in self.types.items():
            by_kind[kind].append(name)
        return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in sorted(by_kind.items()))


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
) -> SearchedTypes:
    """Choose the types.

    Args:
        model: a GGUF file, best in F16.
        text_file: text that guides; what is measured on it afterwards is too good.
        bits: of a weight at most, over the whole file.
        imatrix: an importance matrix of the model.
        allow_requantize: also from a quantized model.
        context: tokens of a chunk of the text.
        chunks: the most to take; None for `CHUNKS`.
        folder: keeps what was measured, so that an interrupted search goes on.
        threads: that compute.
        watch: receives each measurement.

    Raises:
        UsageError: not even the smallest types fit the budget, or no tensor can be quantized.
        EdgeAssistantError: see `quantize.quantize` and `perplexity.measure`.
    """
    found = header.read(model)
    of_model = groups(found)
    if not of_model:
        raise UsageError(f"{model.name} has no tensors to choose types for", "take a type instead of a search")
    chosen = {name for group in of_model for name in group.tensors}
    rest = model.stat().st_size - sum(tensor.bytes for tensor in found.tensors if tensor.name in chosen)
    budget = math.floor(bits * found.weights / 8) - rest
    least = sum(group.bytes(group.ladder[0]) for group in of_model)
    if least > budget:
        smallest = 8 * (least + rest) / found.weights
        raise UsageError(f"{bits:g} bits a weight are too few: the least is {smallest:.2f}", "give more bits")
    with tempfile.TemporaryDirectory(prefix="edge-quantize-") as work:
        measured = _Losses(model, text_file, imatrix, allow_requantize, context, chunks or CHUNKS, threads, Path(work))
        losses = measured.of(of_model, folder, watch)
    types = choose(of_model, losses, budget)
    size = rest + sum(group.bytes(types[group.name]) for group in of_model)
    worst = sorted(((losses[group.name][0], group.name) for group in of_model), reverse=True)
    overrides = {group.pattern: types[group.name] for group in of_model}
    return SearchedTypes(types, {name: loss for loss, name in worst}, overrides, size)


def groups(found: Header) -> list[TensorGroup]:
    """The groups of a model's matrices, in the order of their first tensors."""
    matrices = [each for each in found.tensors if len(each.shape) > 1 and not _AS_IT_IS.search(each.name)]
    layers = 1 + max((int(each[1]) for tensor in matrices if (each := _LAYER.fullmatch(tensor.name))), default=0)
    members: dict[tuple[str, tuple[str, ...]], list[GgufTensor]] = defaultdict(list)
    for tensor in matrices:
        block = next((size for size in _LADDERS if tensor.shape[0] % size == 0), None)
        if block is None:
            continue
        place = _LAYER.fullmatch(tensor.name)
        name = tensor.name.removesuffix(".weight")
        if place:
            name = f"{_TOGETHER.get(place[2], place[2])} {3 * int(place[1]) // layers + 1}/3"
        members[name, _LADDERS[block]].append(tensor)
    return [
        TensorGroup(name, tuple(each.name for each in some), sum(math.prod(each.shape) for each in some), ladder)
        for (name, ladder), some in members.items()
    ]


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


@dataclass(frozen=True, slots=True)
class _Losses:
    """How losses are measured: the arguments of `search`, and a folder for files that are removed."""

    model: Path
    text: Path
    imatrix: Path | None
    allow_requantize: bool
    context: int
    chunks: int
    threads: int
    work: Path

    def of(self, of_model: Sequence[TensorGroup], folder: Path | None, watch: Watch) -> dict[str, list[float]]:
        """Of each group, one for each type of its ladder: nats more than with everything at Q8_0."""
        ladders = {group.ladder: [each for each in of_model if each.ladder == group.ladder] for group in of_model}
        wanted: list[dict[str, str]] = [{}]
        wanted += [{group.name: group.ladder[0]} for group in of_model]
        wanted += [{each.name: kind for each in some} for ladder, some in ladders.items() for kind in ladder[:-1]]
        found = self._measured(wanted, of_model, folder, watch)
        nothing = found[_key({})]
        losses = {}
        for group in of_model:
            alike = [{each.name: kind for each in ladders[group.ladder]} for kind in group.ladder[:-1]]
            shares = [found[_key(types)] - nothing for types in alike]
            alone = max(found[_key({group.name: group.ladder[0]})] - nothing, 0.0)
            scale = alone / shares[0] if shares[0] > 0 else 0.0
            losses[group.name] = [*(max(share, 0.0) * scale for share in shares), 0.0]
        return losses

    def _measured(
        self, wanted: Sequence[Mapping[str, str]], of_model: Sequence[TensorGroup], folder: Path | None, watch: Watch
    ) -> dict[str, float]:
        """The divergences of forms, by `_key`; what the folder knows is not measured again."""
        import msgspec

        kept = folder / _FILE if folder else self.work / _FILE
        found = msgspec.json.decode(kept.read_bytes(), type=dict[str, float]) if kept.is_file() else {}
        predictions, patterns = self.work / "predictions.npy", {group.name: group.pattern for group in of_model}
        how: dict[str, Any] = {"threads": self.threads, "watch": ignore}
        over = {"context": self.context, "chunks": self.chunks, **how}
        for number, types in enumerate(wanted):
            watch(ProgressStep("sensitivity of tensors", number, len(wanted)))
            if _key(types) in found:
                continue
            if not predictions.exists():
                perplexity.store(self.model, self.text, predictions, **over)
            overrides = {patterns[name]: kind for name, kind in types.items()}
            path = self.work / "form.gguf"
            quantize.quantize(
                self.model,
                path,
                _TOP,
                imatrix=self.imatrix,
                overrides=overrides,
                allow_requantize=self.allow_requantize,
                **how,
            )
            quality = perplexity.measure(path, self.text, predictions=predictions, **over)
            assert quality.divergence is not None
            found[_key(types)] = quality.divergence.mean
            with atomic.storing(_FILE, "free some space"), atomic.writing(kept) as file:
                file.write(msgspec.json.encode(found))
        watch(ProgressStep("sensitivity of tensors", len(wanted), len(wanted)))
        return found


def _key(types: Mapping[str, str]) -> str:
    return sum_of_values(sorted(types.items()))
