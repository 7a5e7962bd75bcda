"""The facade: a question and signals in, events while it works, an answer out; what every front end calls."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edge_assistant.answer import Answer, Failure, ModelUsed, Route, Status, Timings
from edge_assistant.errors import EdgeAssistantError, InputError, ModelMissing, UsageError
from edge_assistant.events import Answered, Event, Failed, Noted, Perceived, Perceiving, Routed, Said
from edge_assistant.evidence import Evidence
from edge_assistant.language.embedder import Embedder
from edge_assistant.language.engine import Engine, LlamaEngine, Usage
from edge_assistant.perception.sense import Percept, Request, Sense, senses
from edge_assistant.perception.table import Table
from edge_assistant.reasoning.prose import chat
from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.route import plan, route
from edge_assistant.reasoning.sources import Source
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Signal
from edge_assistant_models.installed import InstalledModel
from edge_assistant_models.portfolio import Portfolio

MAX_QUESTION = 4_000  # characters; a longer one would push the evidence out of the model's context

_log = logging.getLogger(__name__)
Watch = Callable[[Event], None]
Perceive = Callable[[Signal, Request], Percept]


class Assistant:
    """Answers questions over signals. Models and senses are opened when first needed, and kept."""

    def __init__(
        self,
        portfolio: Portfolio,
        profile: str = "auto",
        *,
        runtime: Runtime | None = None,
        engine: Callable[[InstalledModel, Runtime], Engine] = LlamaEngine,
    ) -> None:
        """Choose the models.

        Args:
            portfolio: where they are.
            profile: which of them.
            runtime: cores; None to look at the machine.
            engine: opens the language model.

        Raises:
            ModelUnknown: there is no such profile.
        """
        self._portfolio = portfolio
        self._names = portfolio.resolve(profile)
        self._runtime = runtime or Runtime.detect()
        self._open_engine = engine
        self._engine: Engine | None = None
        self._embedder: tuple[Embedder, InstalledModel] | None = None
        self._senses: dict[type[Sense], Sense] = {}
        self._used: dict[str, InstalledModel] = {}

    def ask(
        self,
        question: str,
        signals: Sequence[Signal],
        watch: Watch,
        *,
        failed: Sequence[Failure] = (),
        language: str | None = None,
        seed: int = 0,
        strict: bool = False,
        began: float | None = None,
    ) -> Answer:
        """Answer a question over signals.

        Args:
            question: at most `MAX_QUESTION` characters.
            signals: what was given.
            watch: is called with each event.
            failed: signals that could not even be taken.
            language: of what is spoken and written, or None to detect it.
            seed: of sampling, where there is no signal and the model talks freely.
            strict: raise the first failure of a signal instead of going on without it.
            began: `time.perf_counter()` of the command's start, for the timings.

        Raises:
            UsageError: the question is empty or too long.
            InputError: no signal is left, or one failed and `strict` is set.
            ModelError: a model is missing or corrupt.
        """
        began = time.perf_counter() if began is None else began
        query = understand(_checked(question))
        steps = plan(signals, senses())
        way = route(query, steps, signals, self._names)
        watch(Routed(way))
        for failure in failed:
            watch(Failed(failure))
        self._used.clear()
        before = replace(self._engine.usage) if self._engine else Usage()
        alone = len(signals) == 1 and not failed  # then there is nothing to go on with
        perceived = _Perception(self, watch, Request(language), strict or alone, list(failed))
        for signal in signals:
            perceived.take(signal, [sense for given, sense in steps if given is signal])
        if signals and not perceived.sources:
            raise perceived.error or InputError("no signal could be used", "see the messages above")
        outcome = Outcome()
        first: float | None = None
        sentences: list[str] = []
        reasoner = Reasoner(self._language, self._meaning)
        if signals:
            said = reasoner.answer(query, perceived.sources, outcome, watch)
        else:
            outcome.status = Status.CHAT
            said = chat(query.text, self._language(), seed)
        for sentence in said:
            first = first or time.perf_counter() - began
            sentences.append(sentence)
            watch(Said(sentence))
        evidence = [item for source in perceived.sources for item in source.evidence] + outcome.evidence
        answer = Answer(
            question=question,
            text=" ".join(sentences),
            status=outcome.status,
            route=self._final(way),
            signals=tuple(signals),
            failed=tuple(perceived.failed),
            evidence=tuple(evidence),
            computed=tuple(outcome.computed),
            verdicts=tuple(outcome.verdicts),
            citations=tuple(dict.fromkeys(outcome.citations)),
            timings=self._timings(before, perceived.seconds, first, began),
            models=tuple(ModelUsed(model.name, model.sha256) for model in self._used.values()),
        )
        watch(Answered(answer))
        return answer

    def sense(self, kind: type[Sense]) -> Sense:
        """A sense with its models.

        Raises:
            ModelMissing: a model that it cannot do without is not installed.
            ModelCorrupt: a model's file does not have its sum.
        """
        if kind not in self._senses:
            models = {role: self._model(role) for role in kind.roles}
            for role in kind.optional_roles:
                try:
                    models[role] = self._model(role)
                except ModelMissing as error:
                    _log.info("%s does without %s: %s", kind.name, role, error)
            self._senses[kind] = kind(models, self._runtime)
        sense = self._senses[kind]
        self._used.update((model.name, model) for model in sense.models.values())
        return sense

    def perceiver(self, kind: type[Sense]) -> Perceive:
        """What perceives signals for a sense: the sense itself; a bench that recalls what was perceived overrides it.

        Raises:
            ModelMissing, ModelCorrupt: as `sense`.
        """
        return self.sense(kind).perceive

    def _model(self, role: str) -> InstalledModel:
        if role not in self._names:
            raise ModelMissing(
                f"no model is chosen for {role}", "take a profile that has one, see 'edge-assistant models list'"
            )
        return self._portfolio.open(self._names[role])

    def _language(self) -> Engine:
        """The language model, loaded when first needed."""
        model = self._model("language")
        self._used[model.name] = model
        if self._engine is None:
            self._engine = self._open_engine(model, self._runtime)
        return self._engine

    def _meaning(self) -> Embedder | None:
        """The sentence embedder; without one, words in common decide what is relevant."""
        if self._embedder is None:
            try:
                model = self._model("embedder")
            except ModelMissing:
                return None
            self._embedder = Embedder(model, self._runtime), model
        embedder, model = self._embedder
        self._used[model.name] = model
        return embedder

    def _final(self, way: Route) -> Route:
        """The route as it was really taken: only the models that were used, and whether code answered alone."""
        alone = self._names.get("language") not in self._used
        why = f"{way.why}; code answered, no language model was needed" if alone else way.why
        return replace(way, models=tuple(self._used), why=why)

    def _timings(self, before: Usage, seconds: Mapping[str, float], first: float | None, began: float) -> Timings:
        usage = self._engine.usage if self._engine else Usage()
        completion = usage.completion_tokens - before.completion_tokens
        decode_s = usage.decode_s - before.decode_s
        ran = usage.prompt_tokens > before.prompt_tokens
        return Timings(
            total_s=time.perf_counter() - began,
            perception_s=dict(seconds),
            first_token_s=first if ran else None,
            tokens_per_s=completion / decode_s if ran and decode_s > 0 else None,
            prompt_tokens=usage.prompt_tokens - before.prompt_tokens,
            reused_tokens=usage.reused_tokens - before.reused_tokens,
            completion_tokens=completion,
        )


class _Perception:
    """Perceives signal by signal; a fault in one does not take the others down."""

    def __init__(
        self, assistant: Assistant, watch: Watch, request: Request, strict: bool, failed: list[Failure]
    ) -> None:
        self._assistant = assistant
        self._watch = watch
        self._request = request
        self._strict = strict
        self._count = 0
        self.failed = failed
        self.error: EdgeAssistantError | None = None
        self.sources: list[Source] = []
        self.seconds: dict[str, float] = {}

    def take(self, signal: Signal, kinds: Sequence[type[Sense]]) -> None:
        """Perceive one signal with each of its senses."""
        evidence: list[Evidence] = []
        table: Table | None = None
        missing: ModelMissing | None = None
        perceived = False
        for kind in kinds:
            try:
                percept = self._sense(signal, kind)
            except ModelMissing as error:
                missing = error
                self._watch(Noted(signal.id, f"{kind.name} is left out: {error}"))
                continue
            except InputError as error:
                self._fail(signal, error)
                return
            perceived = True
            evidence += percept.evidence
            table = table or percept.table
        if not perceived and missing is not None:
            raise missing
        self.sources.append(Source(signal, tuple(evidence), table))

    def _sense(self, signal: Signal, kind: type[Sense]) -> Percept:
        perceive = self._assistant.perceiver(kind)
        start = time.perf_counter()
        self._watch(Perceiving(signal.id, kind.name, 0.0))
        progress = replace(self._request, progress=lambda f: self._watch(Perceiving(signal.id, kind.name, f)))
        percept = perceive(signal, progress)
        percept = replace(percept, evidence=self._numbered(percept))
        seconds = time.perf_counter() - start
        self.seconds[signal.id] = self.seconds.get(signal.id, 0.0) + seconds
        for note in percept.notes:
            self._watch(Noted(signal.id, note))
        self._watch(Perceived(signal.id, kind.name, percept.evidence, seconds))
        return percept

    def _numbered(self, percept: Percept) -> tuple[Evidence, ...]:
        numbered = tuple(replace(item, id=f"E{self._count + i + 1}") for i, item in enumerate(percept.evidence))
        self._count += len(numbered)
        return numbered

    def _fail(self, signal: Signal, error: InputError) -> None:
        if self._strict:
            raise error
        self.error = self.error or error
        failure = Failure.of(signal.id, error)
        self.failed.append(failure)
        self._watch(Failed(failure))


def _checked(question: str) -> str:
    if not question.strip():
        raise UsageError("the question is empty", "ask something, such as: edge-assistant ask 'What was the total?'")
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"the question has {len(question):,} characters, over the limit of {MAX_QUESTION:,}",
            "shorten it, or hand the long part over with --text FILE",
        )
    return question
