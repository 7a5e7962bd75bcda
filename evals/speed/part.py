"""A part of the bench: one module of `parts` measures one thing of the product, and is found by being there."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from edge_assistant.core.signals import Kind
from edge_assistant_models.portfolio import Portfolio
from evals.speed.rows import Row

QUESTION = "What is the patient allergic to?"
EXTRA = "pip install 'edge-assistant-offline[bench]'"
REPEATS, QUICK_REPEATS = 5, 3


@dataclass(frozen=True, slots=True)
class Setting:
    """What every part is measured with.

    Attributes:
        portfolio: where the models are.
        profile: which of them.
        question: what is asked.
        signals: what is asked about: kind and path.
        repeats: runs of each, alternating.
        quick: whether fewer and smaller things will do.
        folder: for what a part makes; it goes afterwards.
        recordings: *.wav with *.txt beside them, in place of spoken ones of our own; None for those.
        step: is told how much of the part is done, 0 to 1.
        apart: takes the seconds that processes computed for the part, where it did not wait for these: a resident's.
    """

    portfolio: Portfolio
    profile: str
    question: str
    signals: tuple[tuple[Kind, str], ...]
    repeats: int
    quick: bool
    folder: Path
    recordings: Path | None
    step: Callable[[float], None]
    apart: list[float] = field(default_factory=list)


class Part(Protocol):
    """A module of `parts`.

    Attributes:
        NAME: of the part; its rows are called `NAME.thing`.
        HELP: what it measures, one line.
        SECONDS: that it takes on two cores, whole and quick.
        ORDER: its place among the parts.
        SIGNALS: whether it asks about the signals.
    """

    NAME: str
    HELP: str
    SECONDS: tuple[float, float]
    ORDER: int
    SIGNALS: bool

    def measure(self, setting: Setting) -> Iterator[Row]:
        """Measure, and give each row as soon as it is there.

        Raises:
            UsageError: what the part needs is not installed, or a measured command failed.
            ModelError: a model is missing.
        """


def parts() -> dict[str, Part]:
    """Every part by its name, in their order."""
    package = importlib.import_module(f"{__package__}.parts")
    found = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    measuring = [cast(Part, module) for module in found if hasattr(module, "NAME")]
    return {part.NAME: part for part in sorted(measuring, key=lambda part: part.ORDER)}
