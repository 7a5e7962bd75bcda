"""The models of an assistant: verified, loaded when needed or a little before, kept by use while there is room."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from edge_assistant.errors import EdgeAssistantError, ModelMissing
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine, Usage
from edge_assistant.opened import Opened
from edge_assistant.perception.sense import Sense, senses
from edge_assistant.runtime import Runtime
from edge_assistant.scheduling import memory
from edge_assistant.signals import Kind, Signal
from edge_assistant_models.installed import InstalledModel
from edge_assistant_models.portfolio import Portfolio

T = TypeVar("T")

_log = logging.getLogger(__name__)

_LANGUAGE, _EMBEDDER = "language", "embedder"  # roles
_MIB = 1 << 20


class Models:
    """What an assistant has loaded.

    Attributes:
        used: what was used since this was last cleared, by name.
        given: models by role that are used instead of those of the names; they need not be in the store.
    """

    def __init__(
        self,
        portfolio: Portfolio,
        names: Mapping[str, str],
        policy: Policy,
        runtime: Runtime,
        open_engine: Callable[[InstalledModel, Runtime], Engine],
        opened: Opened | None = None,
    ) -> None:
        """Load nothing yet.

        Args:
            portfolio: where the models are.
            names: of the models by role.
            policy: what is allowed.
            runtime: cores.
            open_engine: opens the language model.
            opened: keeps what is loaded for whoever comes after this; None for nobody.
        """
        self._portfolio = portfolio
        self._names = names
        self._policy = policy
        self._runtime = runtime
        self._opens = _fresh if opened is None else opened.get
        self._open_engine = open_engine
        self.used: dict[str, InstalledModel] = {}
        self.given: dict[str, InstalledModel] = {}
        needed = self._size(*names) + sum(self._size(*_roles(kind)) for kind in senses())
        self._residency = memory.Residency(memory.budget(memory.read().total, needed))

    def sense(self, kind: type[Sense]) -> Sense:
        """A sense with its models.

        Raises:
            ModelMissing: a model that it cannot do without is not installed.
            ModelCorrupt: a model's file does not have its sum.
            PolicyRefused: a model may not be used.
        """
        sense = self._residency.get(kind, self._size(*_roles(kind)), lambda: self._opened(kind))
        self.used.update((model.name, model) for model in sense.models.values())
        return sense

    def _opened(self, kind: type[Sense]) -> Sense:
        models = {role: self.model(role) for role in kind.roles}
        for role in kind.optional_roles:
            try:
                models[role] = self.model(role)
            except ModelMissing as error:
                _log.info("%s does without %s: %s", kind.name, role, error)
        return self._opens(kind, models, lambda: kind(models, self._runtime))

    def language(self) -> Engine:
        """The language model.

        Raises:
            ModelMissing, ModelCorrupt, ModelTooLarge, PolicyRefused: it cannot be loaded.
        """
        model = self.model(_LANGUAGE, loaded=self.engine is not None)
        self.used[model.name] = model
        return self._engine_of(model)

    @property
    def engine(self) -> Engine | None:
        """The language model where it is loaded."""
        found: Engine | None = self._residency.peek(_LANGUAGE)
        return found

    def meaning(self) -> Embedder | None:
        """The sentence embedder; without one, words in common decide what is relevant.

        Raises:
            ModelCorrupt, PolicyRefused: it cannot be loaded.
        """
        kept: tuple[Embedder, InstalledModel] | None = self._residency.peek(_EMBEDDER)
        try:
            model = kept[1] if kept is not None else self.model(_EMBEDDER)
        except ModelMissing:
            return None
        self.used[model.name] = model
        return self._embedder_of(model)[0]

    def model(self, role: str, *, loaded: bool = False) -> InstalledModel:
        """The model of a role, verified; of one that is loaded already what is remembered of its files will do.

        Raises:
            ModelMissing, ModelCorrupt, PolicyRefused: it cannot be used.
        """
        if role in self.given:
            return self.given[role]
        if role not in self._names:
            raise ModelMissing(
                f"no model is chosen for {role}", "take a profile that has one, see 'edge-assistant models list'"
            )
        name = self._names[role]
        self._policy.check_model(name, own=self._portfolio.entry(name).own)
        return self._portfolio.open(name, always=self._policy.verifies_always and not loaded)

    def lend(self, role: str, what: object) -> None:
        """Count what somebody else holds of a role's model, such as the voice, for as long as they do."""
        self._residency.lend(role, self._size(role), what)

    def use(self) -> AbstractContextManager[None]:
        """While this runs nothing that is got is dropped."""
        return self._residency.use()

    def relieve(self) -> None:
        """Drop what the machine needs the memory of; for whoever waits long between two questions."""
        self._residency.relieve()

    def ahead(self, signals: Sequence[Signal], *, language: bool) -> AbstractContextManager[None]:
        """While this runs, bring in what a question needs after perception, in a thread beside it.

        What is not sure to be needed is not loaded: the language model's file is only asked into the page cache, which
        takes no memory from anybody. What goes wrong is told when the model is really wanted.

        Args:
            signals: what is asked about; readings alone are computed with.
            language: whether the language model will be needed for sure.
        """
        jobs: list[Callable[[], object]] = []
        worded = any(signal.kind is not Kind.READINGS for signal in signals)
        if not worded or self._policy.verifies_always or self._runtime.threads == 1:
            return _Beside(jobs)
        if self.engine is None and not language and _LANGUAGE in self._names and not self.given:
            jobs.append(partial(_ask_for, self._portfolio.store.folder(self._names[_LANGUAGE])))
        if self._residency.peek(_EMBEDDER) is None and (model := self._admitted(_EMBEDDER)) is not None:
            jobs.append(partial(self._embedder_of, model))
        if self.engine is None and language and (model := self._admitted(_LANGUAGE)) is not None:
            jobs.append(partial(self._engine_of, model))
        return _Beside(jobs)

    def _admitted(self, role: str) -> InstalledModel | None:
        """The model of a role where it is there and allowed; a refusal is recorded only where it is really wanted."""
        name = self._names.get(role)
        if role in self.given or name is None:
            return None
        with suppress(EdgeAssistantError):
            if self._policy.admits_model(name, own=self._portfolio.entry(name).own):
                return self._portfolio.open(name)
        return None

    def _engine_of(self, model: InstalledModel) -> Engine:
        def fresh() -> Engine:
            opens = partial(self._open_engine, model, self._runtime)
            engine: Engine = self._opens(_LANGUAGE, {_LANGUAGE: model}, opens)
            engine.usage = Usage()  # what it did for others is none of this one's timings
            return engine

        return self._residency.get(_LANGUAGE, self._size(_LANGUAGE), fresh)

    def _embedder_of(self, model: InstalledModel) -> tuple[Embedder, InstalledModel]:
        size = self._size(_EMBEDDER)
        opens = partial(Embedder, model, self._runtime)
        return self._residency.get(_EMBEDDER, size, lambda: (self._opens(_EMBEDDER, {_EMBEDDER: model}, opens), model))

    def _size(self, *roles: str) -> int:
        """Bytes that the models of roles take, as their entries say."""
        named = {self._names[role] for role in roles if role in self._names}
        return sum(entry.memory_mib for entry in self._portfolio.entries() if entry.name in named) * _MIB


def _fresh(what: object, models: Mapping[str, InstalledModel], make: Callable[[], T]) -> T:
    """As `Opened.get` where nothing is kept."""
    return make()


def _roles(kind: type[Sense]) -> tuple[str, ...]:
    return (*kind.roles, *kind.optional_roles)


def _ask_for(folder: Path) -> None:
    """Have the files of a model read into the page cache, without waiting for them."""
    for path in folder.glob("*"):
        with suppress(OSError, AttributeError), path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


class _Beside:
    """Jobs in a thread of their own, one after the other; whoever leaves waits for the one that runs."""

    def __init__(self, jobs: list[Callable[[], object]]) -> None:
        self._jobs = jobs
        self._left = False
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    def __enter__(self) -> None:
        if self._jobs:
            self._thread.start()

    def __exit__(self, *raised: object) -> None:
        self._left = True
        if self._jobs:
            self._thread.join()

    def _run(self) -> None:
        for job in self._jobs:
            try:
                job()
            except Exception as error:  # it is raised again where the model is wanted
                _log.info("not loaded ahead: %s", error)
            if self._left:
                return
