"""What a sense is: one class that turns a signal of its kinds into evidence.

Adding a sense is adding one file to the folder `senses` with a subclass of `Sense`, or a plugin; `senses()` finds both.
They import what perceives when a signal of theirs is there.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core import plugins
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Signal
from edge_assistant_models.model import InstalledModel

if TYPE_CHECKING:
    from edge_assistant.perception.table import Table

REST = "; the rest may say otherwise."  # ends what an answer says of a signal that was not read whole


@dataclass(frozen=True, slots=True)
class Request:
    """How a signal is to be perceived.

    Attributes:
        language: ISO 639-1 code of what is spoken and written, or None to detect it.
        progress: called with 0..1 as work goes on; it may raise to stop the work.
        found: called with evidence that is going to be in the percept, by senses that take long; it may raise, too.
    """

    language: str | None = None
    progress: Callable[[float], None] = field(default=lambda fraction: None, compare=False)
    found: Callable[[Sequence[Evidence]], None] = field(default=lambda evidence: None, compare=False)


@dataclass(frozen=True, slots=True)
class Percept:
    """What one sense made of one signal.

    Attributes:
        evidence: in the signal's own order; ids are still empty.
        table: the columns of readings, for computations over rows.
        notes: what was left out and why, one line each, for the person who asked; what was not read is a `Gap`.
    """

    evidence: tuple[Evidence, ...]
    table: Table | None = None
    notes: tuple[str, ...] = ()


class Sense(ABC):
    """One way of perceiving. Models are loaded when first needed, and kept.

    Attributes:
        name: the sense, as routes name it.
        kinds: the kinds of signal that it takes.
        roles: the roles of the models it cannot do without.
        optional_roles: roles that add something where a model is there.
        seconds: that one core takes for a signal of up to a megabyte, and for each further one, roughly; it decides
            what begins first where several senses run side by side.
    """

    name: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]]
    roles: ClassVar[tuple[str, ...]] = ()
    optional_roles: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 0.05

    def __init__(self, models: Mapping[str, InstalledModel], runtime: Runtime) -> None:
        """Keep the models by role (all of `roles`; of `optional_roles` what is there) and the runtime."""
        self.models = models
        self.runtime = runtime

    @abstractmethod
    def perceive(self, signal: Signal, request: Request) -> Percept:
        """Turn a signal into evidence.

        Raises:
            InputError: the signal is damaged, empty, too large or of another kind.
            ModelError: a model cannot be loaded.
        """


@cache
def senses() -> tuple[type[Sense], ...]:
    """Every sense in the folder `senses` and of installed plugins, in the order of their names.

    Raises:
        UsageError: a plugin cannot be loaded.
    """
    package = importlib.import_module(f"{__package__}.senses")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    for plugin in plugins.installed(plugins.SENSES).values():
        plugins.load(plugin, type)
    return tuple(sorted(Sense.__subclasses__(), key=lambda sense: sense.name))
