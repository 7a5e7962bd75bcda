"""The models of an assistant: verified, loaded when needed or a little before, kept by use while there is room."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edge_assistant.compute import sd_notify
from edge_assistant.compute.runtime import Halt, Runtime
from edge_assistant.compute.scheduling import memory, side
from edge_assistant.core.errors import EdgeAssistantError, ModelMissing
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.governance.policy.policy import Policy
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine, Usage
from edge_assistant.perception.sense import Sense, senses
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio

if TYPE_CHECKING:
    from edge_assistant.perception.live import Endpointer
    from edge_assistant.voice.piper import Voice

_log = logging.getLogger(__name__)

_LANGUAGE, _EMBEDDER = "language", "embedder"  # roles
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is loaded, and of which models: where one of them is another, it is loaded anew.

    Attributes:
        what: a sense, or a role.
        models: role, name, sum and options of each.
        cached: whether what it reads may be kept sealed on the disk.
    """

    what: object
    models: tuple[tuple[str, ...], ...]
    cached: bool

    @classmethod
    def of(cls, what: object, models: Mapping[str, InstalledModel], cached: bool = False) -> _Opened:
        parts = ((role, m.name, m.sha256, repr(sorted(m.options.items()))) for role, m in models.items())
        return cls(what, tuple(sorted(parts)), cached)

    def __str__(self) -> str:
        return " and ".join(name for _, name, *_ in self.models) or "what needs no model"


class ModelPool:
    """What an assistant has loaded.

    What gives a model, or something that computes with one, raises ModelMissing where it is not installed, ModelCorrupt
    where a file does not have its sum, and PolicyRefused where it may not be used.

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
        *,
        cached: bool = False,
        residency: memory.Residency | None = None,
    ) -> None:
        """Load nothing yet.

        Args:
            portfolio: where the models are.
            names: of the models by role.
            policy: what is allowed.
            runtime: cores.
            open_engine: opens the language model.
            cached: whether what that reads may be kept sealed on the disk.
            residency: keeps what is loaded, for whoever comes after this, too; None for one of its own.
        """
        self._portfolio = portfolio
        self._names = names
        self._policy = policy
        self._runtime = runtime
        self._open_engine = open_engine
        self._cached = cached
        self._verified: dict[object, dict[str, InstalledModel]] = {}  # by what was loaded of them
        self._engine: _Opened | None = None  # the language model, once it was used
        self._counting = threading.Lock()
        self.used: dict[str, InstalledModel] = {}
        self.given: dict[str, InstalledModel] = {}
        needed = self._size(*names) + sum(self._size(*_roles(kind)) for kind in senses())
        self._residency = memory.Residency(0) if residency is None else residency
        self._residency.most = memory.budget(memory.read().total, needed)

    def sense(self, kind: type[Sense]) -> Sense:
        """A sense with its models; ModelMissing is of one that it cannot do without."""
        models = self._chosen(kind, lambda: self._models_of(kind))
        opened, opens = _Opened.of(kind, models), partial(kind, models, self._runtime)
        sense: Sense = self._residency.get(opened, self._size(*_roles(kind)), opens)
        self.used.update((model.name, model) for model in sense.models.values())
        return sense

    def _chosen(self, what: object, find: Callable[[], dict[str, InstalledModel]]) -> dict[str, InstalledModel]:
        """The models of something by role, verified when it is loaded, and when this assistant first uses it."""
        if not self._uses(what):
            self._verified[what] = find()
        return self._verified[what]

    def _uses(self, what: object) -> bool:
        """Whether this assistant has used something, and it is still loaded."""
        found = self._verified.get(what)
        return found is not None and self._residency.peek(_Opened.of(what, found)) is not None

    def _models_of(self, kind: type[Sense]) -> dict[str, InstalledModel]:
        models = {role: self.model(role) for role in kind.roles}
        for role in kind.optional_roles:
            try:
                models[role] = self.model(role)
            except ModelMissing as error:
                _log.info("%s does without %s: %s", kind.name, role, error)
        return models

    def language(self) -> Engine:
        """The language model; raises ModelTooLarge, too."""
        model = self.model(_LANGUAGE, loaded=self.engine is not None)
        self.used[model.name] = model
        return self._engine_of(model)

    @property
    def engine(self) -> Engine | None:
        """The language model where this assistant has used it, and it is still loaded."""
        found: Engine | None = None if self._engine is None else self._residency.peek(self._engine)
        return found

    def meaning(self) -> Embedder | None:
        """The sentence embedder; None where there is none, and words in common decide what is relevant."""
        try:
            model = self._chosen(_EMBEDDER, lambda: {_EMBEDDER: self.model(_EMBEDDER)})[_EMBEDDER]
        except ModelMissing:
            return None
        self.used[model.name] = model
        return self._embedder_of(model)

    def model(self, role: str, *, loaded: bool = False) -> InstalledModel:
        """The model of a role, verified; of one that is loaded already what is remembered of its files will do."""
        if role in self.given:
            return self.given[role]
        if role not in self._names:
            raise ModelMissing(
                f"no model is chosen for {role}", "take a profile that has one, see 'edge-assistant models list'"
            )
        name = self._names[role]
        self._policy.check_model(name, own=self._portfolio.entry(name).own)
        with sd_notify.loading():
            return self._portfolio.open(name, always=self._policy.verifies_always and not loaded)

    def lend(self, role: str, what: object) -> None:
        """Count what somebody else holds of a role's model, such as the voice, for as long as they do."""
        self._residency.lend(role, self._size(role), what)

    def use(self) -> AbstractContextManager[None]:
        """While this runs nothing that is got is dropped."""
        return self._residency.use()

    def endpointer(self, pause_s: float = 0.8) -> Endpointer:
        """What tells when somebody speaks into one microphone and has finished, which is a pause of so many seconds."""
        from edge_assistant.perception.live import Endpointer

        made = Endpointer(self.model("vad"), self._aside(), pause_s)
        self.lend("vad", made)
        return made

    def voice(self) -> Voice:
        """What speaks; raises VoiceUnavailable where the program that gives the phonemes is not installed."""
        from edge_assistant.voice.piper import Voice

        made = Voice(self.model("voice"), self._aside())
        self.lend("voice", made)
        return made

    def _aside(self) -> Runtime:
        """For what goes on beside an answer, in other threads: it is not stopped when the answer is."""
        return Runtime(self._runtime.threads)

    def reasoning(self) -> AbstractContextManager[None]:
        """As `use`; the language model and the embedder, where they are loaded, do not go for each other either."""
        chosen = {(role, self._names.get(role)) for role in (_LANGUAGE, _EMBEDDER)}
        loaded = (item.key for item in self._residency.loaded)
        return self._residency.use(*(k for k in loaded if isinstance(k, _Opened) and (k.what, str(k)) in chosen))

    def relieve(self) -> None:
        """Drop what the machine needs the memory of; for whoever waits long between two questions."""
        self._residency.relieve()

    def forget(self) -> None:
        """Let go of all that models remember of signals: of what was read, and of what was heard, with its sense."""
        loaded = [item.key for item in self._residency.loaded if isinstance(item.key, _Opened)]
        for opened in loaded:
            engine: Engine | None = self._residency.peek(opened) if opened.what == _LANGUAGE else None
            if engine is not None:
                engine.forget()
        self._residency.let_go([opened for opened in loaded if isinstance(opened.what, type)])

    @contextmanager
    def ahead(self, signals: Sequence[Signal]) -> Iterator[None]:
        """While this runs, bring in what a question needs after perception, in a thread beside it.

        What goes wrong is told when the model is really wanted. What comes too late stays only where there is room.

        Args:
            signals: what is asked about.
        """
        jobs: list[Callable[[], object]] = []
        if not self._policy.verifies_always and self._runtime.threads > 1:
            worded = any(signal.kind is not Kind.READINGS for signal in signals)
            if worded and not self._uses(_EMBEDDER) and (model := self._admitted(_EMBEDDER)) is not None:
                jobs.append(partial(self._embedder_of, model))
            if self.engine is None and (model := self._admitted(_LANGUAGE)) is not None:
                jobs.append(partial(self._engine_of, model))
        try:
            with _beside(jobs, self._runtime.halt):
                yield
        finally:
            self.relieve()

    def _admitted(self, role: str) -> InstalledModel | None:
        """The model of a role where it is there and allowed; a refusal is recorded only where it is really wanted."""
        name = self._names.get(role)
        if role in self.given or name is None:
            return None
        with suppress(EdgeAssistantError):
            if self._policy.admits_model(name, own=self._portfolio.entry(name).own):
                with sd_notify.loading():
                    return self._portfolio.open(name)
        return None

    def _engine_of(self, model: InstalledModel) -> Engine:
        opened = _Opened.of(_LANGUAGE, {_LANGUAGE: model}, self._cached)
        opens = partial(self._open_engine, model, self._runtime)
        engine: Engine = self._residency.get(opened, self._size(_LANGUAGE), opens)
        with self._counting:
            if self._engine != opened:
                engine.usage = Usage()  # what it did for others is none of this one's timings
            self._engine = opened
        return engine

    def _embedder_of(self, model: InstalledModel) -> Embedder:
        opened = _Opened.of(_EMBEDDER, {_EMBEDDER: model})
        return self._residency.get(opened, self._size(_EMBEDDER), lambda: Embedder(model, self._runtime))

    def _size(self, *roles: str) -> int:
        """Bytes that the models of roles take, as their entries say."""
        named = {self._names[role] for role in roles if role in self._names}
        return sum(entry.memory_mib for entry in self._portfolio.entries() if entry.name in named) * _MIB


def _roles(kind: type[Sense]) -> tuple[str, ...]:
    return (*kind.roles, *kind.optional_roles)


@contextmanager
def _beside(jobs: Sequence[Callable[[], object]], halt: Halt) -> Iterator[None]:
    """Jobs in a thread of their own, one after the other; whoever leaves waits for the one that runs.

    Whoever leaves with an error does not need it any more: it is stopped, as far as it looks at the wish to stop.
    """
    left = threading.Event()

    def run() -> None:
        for job in jobs:
            if left.is_set():
                return
            try:
                job()
            except Exception as error:  # it is raised again where the model is wanted
                _log.info("not loaded ahead: %s", error)

    thread = threading.Thread(target=run, name="ahead", daemon=True)
    try:
        if jobs:
            thread.start()  # Ctrl-C can come when the thread has begun
        yield
    except BaseException:
        left.set()
        if thread.ident is not None:
            side.end([thread], halt)
        raise
    left.set()
    if jobs:
        thread.join()
