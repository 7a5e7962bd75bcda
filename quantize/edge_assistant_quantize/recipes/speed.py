"""How fast each form of a model is, and how much memory it takes: always beside the reference, in the same run.

Items go through the product's own sense, one through the reference and one through the variant in turn, so that other
work on the machine slows both alike. What the reference takes is told of the first pair.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_assistant.compute.runtime import Runtime
from edge_assistant_models.installed import InstalledModel
from edge_assistant_quantize import senses
from edge_assistant_quantize.gguf import speed as gguf
from edge_assistant_quantize.progress import Step, Watch, ignore
from edge_assistant_quantize.recipes import peak, sums, versions
from edge_assistant_quantize.recipes.measuring import LIBRARIES
from edge_assistant_quantize.recipes.recipe import Data, Recipe
from edge_assistant_quantize.recipes.steps.step import Form
from edge_assistant_quantize.recipes.workspace import Workspace

ITEMS = 12  # recordings, pages, photographs or texts; the first one warms up
MODEL = "model"  # key of a language model's file
LEAST_S = 1e-4  # of an item that was computed; what came of the same photograph as the one before takes no time


class Figures(msgspec.Struct, frozen=True):
    """Of one form: figures by name with their unit in it, and the most memory of a process that ran it."""

    speed: dict[str, float]
    peak_mib: float | None = None


class Pair(msgspec.Struct, frozen=True):
    """A reference and a variant that ran in turn; `ratio` among the figures is the time to the reference's."""

    reference: Figures
    variant: Figures


@dataclass(frozen=True, slots=True)
class Speed:
    """How speed is measured.

    Attributes:
        recipe: whose first data set is run over.
        space: where results are kept.
        data_sums: of the data sets, by name.
        threads: cores to keep to.
        watch: is told how far it is.
    """

    recipe: Recipe
    space: Workspace
    data_sums: Mapping[str, str]
    threads: int
    watch: Watch

    def of(self, reference: Form, variants: Mapping[str, Form]) -> tuple[Figures, dict[str, Figures]]:
        """The reference's figures, and the variants' by name; none of a role that no sense runs over data.

        Raises:
            EdgeAssistantError: a model cannot be run.
        """
        pairs = {}
        for number, (name, form) in enumerate(variants.items()):
            self.watch(Step("speed", number, len(variants)))
            pairs[name] = self._pair(reference, form)
        self.watch(Step("speed", len(variants), len(variants)))
        first = next((pair.reference for pair in pairs.values()), Figures({}))
        return first, {name: _beside(first, pair) for name, pair in pairs.items()}

    def _pair(self, reference: Form, form: Form) -> Pair:
        run = self._llama if is_llama(form.files) else self._sense
        return self.space.measured(self._key("speed", reference, form), Pair, lambda: run(reference, form))

    def _llama(self, reference: Form, form: Form) -> Pair:
        """Of language models: tokens a second, read and written."""
        pair = [gguf.measure(each.files[MODEL], threads=self.threads, watch=self.watch) for each in (reference, form)]
        return Pair(_of_llama(pair[0], 1.0), _of_llama(pair[1], gguf.ratio(*pair)))

    def _sense(self, reference: Form, form: Form) -> Pair:
        """Of what a sense runs: the median of the items' times, and of their ratios."""
        if self.recipe.role not in senses.ROLES:
            return Pair(Figures({}), Figures({}))
        models = form.candidate().installed(), reference.candidate().installed()
        times = in_turn(*models, self.recipe.role, few(self._data), self.threads)
        ratio = statistics.median(mine / other for mine, other in times)
        mine, other = (1000 * statistics.median(column) for column in zip(*times, strict=True))
        return Pair(
            Figures({"median_ms": other, "ratio": 1.0}, self._peak(reference)),
            Figures({"median_ms": mine, "ratio": ratio}, self._peak(form)),
        )

    def _peak(self, form: Form) -> float | None:
        def run() -> dict[str, float | None]:
            return {"peak_mib": peak.measure(form.candidate(), self._data, threads=self.threads)}

        return self.space.measured(self._key("peak", form), dict[str, float | None], run)["peak_mib"]

    @property
    def _data(self) -> Data:
        return self.recipe.data[self.recipe.measurements[0].data]

    def _key(self, what: str, *forms: Form) -> str:
        data = self.data_sums[self.recipe.measurements[0].data]
        shapes = [data, ITEMS, self.threads, versions.of(LIBRARIES), versions.machine()]
        return sums.of_values([what, *(form.identity for form in forms), *shapes])


def in_turn(
    one: InstalledModel, other: InstalledModel, role: str, data: Data, threads: int
) -> list[tuple[float, float]]:
    """Run two models over data through the product's sense, item by item in turn.

    Returns:
        Seconds of each item, of the one and of the other; the first warms up, and is left out where there are more.

    Raises:
        EdgeAssistantError: a model cannot be run over the data.
    """
    runs = [senses.perceive(model, role, data, Runtime(threads), ignore) for model in (one, other)]
    times: list[tuple[float, float]] = []
    there = True
    while there:
        took = []
        for items in runs:
            began = time.perf_counter()
            there = next(items, None) is not None and there
            took.append(time.perf_counter() - began)
        times.append((took[0], took[1]))
    warm = [pair for pair in times[1:-1] if min(pair) >= LEAST_S]
    return warm or times[:1]


def few(data: Data) -> Data:
    """The first items of a data set."""
    limit = data.get("limit")
    return {**data, "limit": min(limit, ITEMS) if isinstance(limit, int) else ITEMS}


def is_llama(files: Mapping[str, Path]) -> bool:
    """Whether llama.cpp runs the model that has these files by key."""
    return MODEL in files and files[MODEL].suffix == ".gguf"


def _of_llama(found: gguf.Speed, ratio: float) -> Figures:
    speed = {
        "prefill_tokens_per_s": found.prefill_tokens_per_s,
        "decode_tokens_per_s": found.decode_tokens_per_s,
        "load_s": found.load_s,
        "ratio": ratio,
    }
    return Figures(speed, found.peak_mib)


def _beside(first: Figures, pair: Pair) -> Figures:
    """A variant's figures as they would have been beside the first pair's reference."""
    known = pair.reference.speed
    scaled = {key: value * first.speed[key] / known[key] for key, value in pair.variant.speed.items()}
    return Figures(scaled, pair.variant.peak_mib)
