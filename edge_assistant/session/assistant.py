"""The facade: a question and signals in, events while it works, an answer out; what every front end calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from edge_assistant.compute.runtime import Runtime
from edge_assistant.compute.scheduling.memory import Residency
from edge_assistant.compute.scheduling.turn import ComputeTurn
from edge_assistant.core import limits
from edge_assistant.core.answer import Answer, Failure, ModelUsed, Status
from edge_assistant.core.errors import InputError, UsageError
from edge_assistant.core.events import Answered, Event, Failed, Routed, Thinking, Waiting, Watch
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Signal
from edge_assistant.governance.policy.approval import Approve, Doubt, approving
from edge_assistant.governance.policy.policy import Policy, current
from edge_assistant.language.engine import Engine, LlamaEngine, Usage
from edge_assistant.language.states import state_cache
from edge_assistant.perception.gather import Gathering, Perceive, bounded
from edge_assistant.perception.recall import Recall, cache_of
from edge_assistant.perception.sense import Request, Sense, senses
from edge_assistant.reasoning.reason import Reasoner
from edge_assistant.reasoning.route import Plan, actual_route, check_route, plan, route, talk_route
from edge_assistant.reasoning.rules.vocabulary import Vocabulary, shipped, within
from edge_assistant.reasoning.sentences import check_question, split_message
from edge_assistant.reasoning.sources import Source, as_sources, without_copies
from edge_assistant.reasoning.talk import ConversationContext, NearestExamples, example_texts, free_talk, reply
from edge_assistant.reasoning.task import Task, within_question
from edge_assistant.session.model_pool import ModelPool
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio

if TYPE_CHECKING:
    from edge_assistant.governance.audit.auditor import Auditor
    from edge_assistant.vault.vault import Vault

T = TypeVar("T")


class Assistant:
    """Answers questions over signals. Models and senses are opened when first needed, and kept.

    Attributes:
        recall: what was perceived in signals, by their bytes, for a later question about the same ones.
        policy: what is allowed.
        runtime: that all of it computes with.
        auditor: writes down what is asked and what becomes of it; None for a bench.
        models: loaded as they are needed; what listens and speaks is opened there.
        side_by_side: whether signals of several kinds are perceived at the same time; a bench that times each is not.
    """

    side_by_side: ClassVar[bool] = True

    def __init__(
        self,
        portfolio: Portfolio,
        profile: str = "auto",
        *,
        runtime: Runtime | None = None,
        engine: Callable[[InstalledModel, Runtime], Engine] | None = None,
        vocabulary: Vocabulary | None = None,
        instead: Mapping[str, str] | None = None,
        auditor: Auditor | None = None,
        policy: Policy | None = None,
        approve: Approve | None = None,
        caches: Vault | None = None,
        gpu: str = "off",
        residency: Residency | None = None,
        free_talk: bool = False,
    ) -> None:
        """Choose the models.

        Args:
            portfolio: where they are.
            profile: which of them.
            runtime: cores; None to look at the machine.
            engine: opens the language model; None for llama.cpp.
            vocabulary: the words and rules of a domain; None for those that ship with the product.
            instead: models by role that are used instead of the profile's.
            auditor: writes down what is asked and what becomes of it, before `watch` sees it; None for a bench.
            policy: what is allowed; None for what holds on this machine.
            approve: asks a human to confirm values, where the policy wants that; None where there is nobody.
            caches: has the keys of what is kept sealed between runs, as far as the policy allows; None keeps nothing.
            gpu: which graphics card computes besides, where the policy allows that and no runtime is given.
            residency: keeps what this one loads, for the next one with the same runtime, too; None for nobody.
            free_talk: whether the language model answers without sources, where the policy allows it.

        Raises:
            ModelUnknown: there is no such profile.
            PolicyRefused: it may not be chosen, or the policy itself is wrong.
        """
        self.policy = current() if policy is None else policy
        self.policy.check_profile(portfolio.profile(profile).name)
        if auditor is not None:
            self.policy.record = partial(auditor.note, "policy")
        self._approve = None if approve is None else partial(self._meanwhile, approve)
        self._names = portfolio.resolve(profile) | dict(instead or {})
        self.runtime = runtime or Runtime.detect(gpu if self.policy.allows_gpu else "off")
        self._vocabulary = vocabulary or shipped()
        self._caches = caches if self.policy.keeps_caches else None
        opens = engine or partial(LlamaEngine, cache=state_cache(self._caches))
        cached = self._caches is not None
        self.models = ModelPool(
            portfolio, self._names, self.policy, self.runtime, opens, cached=cached, residency=residency
        )
        self._turn = ComputeTurn.of_user()
        self.recall = Recall(disk=cache_of(self._caches, self.runtime.gpu))
        self.auditor = auditor
        self._free_talk = free_talk

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
        message: str | None = None,
        before: Sequence[str] = (),
    ) -> Answer:
        """Answer a question over signals.

        Args:
            question: at most as many characters as `limits` says.
            signals: what was given.
            watch: is called with each event.
            failed: signals that could not even be taken.
            language: of what is spoken and written, or None to detect it.
            seed: of sampling, where there is no signal and free talk is on.
            strict: raise the first failure of a signal instead of going on without it.
            began: `time.perf_counter()` of the command's start, for the timings.
            message: all that was said, where the question is only a part of it; the answer gives it back.
            before: the earlier messages of the conversation.

        Raises:
            UsageError: the question is empty or too long, or has too many signals.
            InputError: no signal is left, or one failed and `strict` is set.
            ModelError: a model is missing or corrupt.
            PolicyRefused: a signal or a model may not be used, or what must be confirmed by a human is not.
            StorageFull, KeyLost: the audit trail cannot be written.
            Stopped: `stop` was called.
        """
        asked = question if message is None else message
        with self._begun("ask", asked, signals, watch) as watch:
            check_question(question)
            talk = Task(asked, signals, talk_route(), watch, began, halt=self.runtime.halt, strict=strict)
            if not failed and (answer := self._talked(talk, question, before, seed)) is not None:
                return answer
            steps = plan(signals, senses())
            way = route(steps, signals, self._names)
            task = Task(asked, signals, way, watch, began, halt=self.runtime.halt, strict=strict)
            with self.models.ahead(signals):
                sources = without_copies(self._sources(task, steps, failed, Request(language), strict), task.watch)
                with self.models.reasoning():
                    task.reason(sources, partial(self._reasoner(task.watch).answer, question))
                    return self._answer(task, sources)

    def _talked(self, task: Task, question: str, before: Sequence[str], seed: int) -> Answer | None:
        """The answer to a message that no source answers; None where sources may."""
        self.models.used.clear()
        likeness = NearestExamples(self.models.meaning, example_texts())
        said = ConversationContext(before, [signal.name for signal in task.signals])
        free = partial(free_talk, question, self.models.language, likeness, seed)
        talks = self._free_talk and self.policy.allows_free_talk
        if (found := reply(question, said, likeness, free if talks else None)) is None:
            return None
        task.way, sentences = found
        task.counted(self._usage())
        task.outcome.status = Status.CHAT
        task.watch(Routed(task.way))
        with self.models.reasoning():
            task.say(sentences)
            return self._answer(task, ())

    def check(
        self,
        signals: Sequence[Signal],
        watch: Watch,
        *,
        failed: Sequence[Failure] = (),
        language: str | None = None,
        strict: bool = False,
        began: float | None = None,
        message: str = "",
    ) -> Answer:
        """Compare signals without a question: a verdict for every attribute on which at least two of them speak.

        Args:
            signals: what was given.
            watch: is called with each event.
            failed: signals that could not even be taken.
            language: of what is spoken and written, or None to detect it.
            strict: raise the first failure of a signal instead of going on without it.
            began: `time.perf_counter()` of the command's start, for the timings.
            message: what was said and asks nothing; the answer gives it back.

        Raises:
            UsageError: fewer than two signals were given.
            InputError: fewer than two signals are left, or what `ask` raises.
        """
        if len(signals) + len(failed) < 2:
            raise UsageError("there is nothing to compare", "give at least two signals")
        with self._begun("check", message, signals, watch) as watch:
            steps = plan(signals, senses())
            way = check_route(steps, signals, self._names)
            task = Task(message, signals, way, watch, began, halt=self.runtime.halt, strict=strict)
            with self.models.ahead(signals):
                sources = self._sources(task, steps, failed, Request(language), strict)
                if len(sources) < 2:
                    raise task.error or InputError("only one signal could be used", "see the messages above")
                with self.models.reasoning():
                    task.reason(sources, self._reasoner(task.watch).check, least=2)
                    return self._answer(task, sources)

    def perceive(self, signal: Signal, watch: Watch, language: str | None = None) -> tuple[Evidence, ...]:
        """What is perceived in a signal before it is asked about; a later question recalls it.

        Args:
            signal: what was given.
            watch: is called with each event.
            language: of what is spoken and written, or None to detect it.

        Raises:
            EdgeAssistantError: as `ask`.
        """
        self._allowed([signal])
        if self.auditor is not None:
            self.auditor.took([signal])
        with within(self._vocabulary):
            watch = self._stoppable(watch)
            with self._turn.taken(lambda: watch(Waiting()), self.runtime.halt.check), self.models.use():
                gathering = Gathering(self.perceiver, watch, Request(language), strict=True)
                gathering.take([(signal, [sense for _, sense in plan([signal], senses())])], self.runtime.halt)
        return gathering.sensed[0].evidence

    def prefill(self, signals: Sequence[Signal], watch: Watch, language: str | None = None) -> None:
        """Let the language model read what was perceived before there is a question; raises what `perceive` does."""
        self._allowed(signals)
        with within(self._vocabulary):
            watch = self._stoppable(watch)
            with self._turn.taken(lambda: watch(Waiting()), self.runtime.halt.check), self.models.reasoning():
                gathering = Gathering(self.perceiver, watch, Request(language), strict=False)
                gathering.take([(s, [sense for _, sense in plan([s], senses())]) for s in signals], self.runtime.halt)
                sources = without_copies(as_sources(gathering.sensed), watch)
                within_question(lambda: self._reasoner(watch).prefill(sources), self.runtime.halt, len(sources))

    def go_on(self, answer: Answer, work: Callable[[Reasoner, float | None], T], watch: Watch) -> T:
        """More of what reasoning does with an answer, given what a person must confirm; raises what `perceive` does."""
        below = self.policy.rules.approval.confirm_below
        with within(self._vocabulary):
            watch = self._stoppable(watch)
            with self._turn.taken(lambda: watch(Waiting()), self.runtime.halt.check), self.models.reasoning():
                works = partial(work, self._reasoner(watch), below)
                return within_question(works, self.runtime.halt, 1 + len(answer.signals))

    def settle(self) -> None:
        """Keep for a later run what the language model read of files, unless that is forgotten; after an answer."""
        if self.recall.forgotten():
            self.forget()
        elif self.models.engine is not None:
            self.models.engine.settle()

    def forget(self) -> None:
        """Let go of what was perceived and read, once what is kept of it was forgotten; its models stay loaded."""
        self.recall.clear()
        self.models.forget()
        _end_decoders()

    def parted(self, message: str) -> tuple[str, str]:
        """What a message states and what it asks, in the words of the domain; see `sentences.parted`."""
        with within(self._vocabulary):
            return split_message(message)

    def stop(self) -> None:
        """Let what runs raise `Stopped` soon; from any thread. Where nothing runs, nothing happens."""
        self.runtime.halt.ask()

    def prepare(self) -> None:
        """Open what a spoken question needs, before it is there.

        Raises:
            ModelMissing, ModelCorrupt: of speech.
        """
        from edge_assistant.perception.senses.speech import SpeechSense

        speech = self.sense(SpeechSense)
        if isinstance(speech, SpeechSense):
            speech.prepare()
        self.models.meaning()

    def _audited(
        self, verb: str, asked: str, signals: Sequence[Signal], watch: Watch
    ) -> contextlib.AbstractContextManager[Watch]:
        """What writes each event to the audit trail before it hands it on."""
        if self.auditor is None:
            return contextlib.nullcontext(watch)
        return self.auditor.asked(verb, asked, signals, watch)

    @contextlib.contextmanager
    def _begun(self, verb: str, asked: str, signals: Sequence[Signal], watch: Watch) -> Iterator[Watch]:
        """A question that has the turn to compute: written down, stoppable, in the words of the domain."""
        with within(self._vocabulary), self._audited(verb, asked, signals, watch) as audited:
            watched = self._stoppable(approving(self.policy, audited, self._approve))
            with self._turn.taken(lambda: watched(Waiting()), self.runtime.halt.check):
                yield watched

    def _meanwhile(self, approve: Approve, doubts: Sequence[Doubt]) -> bool:
        """Ask a human; others may compute until there is an answer."""
        with self._turn.given(lambda: None, self.runtime.halt.check):
            return approve(doubts)

    def relieve(self) -> None:
        """Give back memory where the machine runs short; for whoever waits long between two questions."""
        _end_decoders()
        self.models.relieve()

    def _usage(self) -> Usage:
        """What the language model did since it was loaded."""
        return self.models.engine.usage if self.models.engine else Usage()

    def _stoppable(self, watch: Watch) -> Watch:
        """What begins now, knows nothing of before a forgetting, and stops at its next event once that is asked."""
        if self.recall.forgotten():
            self.forget()
        halt = self.runtime.halt
        halt.clear()

        def watched(event: Event) -> None:
            halt.check()
            watch(event)

        return watched

    def _sources(
        self, task: Task, steps: Plan, failed: Sequence[Failure], request: Request, strict: bool
    ) -> list[Source]:
        """The signals with their evidence; those that could not be used are failures of the task."""
        self._allowed(task.signals)
        task.watch(Routed(task.way))
        for failure in failed:
            task.watch(Failed(failure))
        self.models.used.clear()
        alone = len(task.signals) == 1 and not failed  # then there is nothing to go on with
        gathering = Gathering(self.perceiver, task.watch, request, strict=strict or alone, failed=failed)
        wanted = [(signal, [sense for given, sense in steps if given is signal]) for signal in task.signals]
        with self.models.use():
            gathering.take(wanted, self.runtime.halt, self.runtime.threads if self.side_by_side else 1)
        task.counted(self._usage())
        task.failed, task.error, task.seconds = gathering.failed, gathering.error, gathering.seconds
        if task.signals and not gathering.sensed:
            raise gathering.error or InputError("no signal could be used", "see the messages above")
        task.watch(Thinking())
        return as_sources(gathering.sensed)

    def _allowed(self, signals: Sequence[Signal]) -> None:
        """Whether signals may be asked about; what a person says to the assistant always may.

        Raises:
            PolicyRefused: one may not.
            UsageError: they are too many.
        """
        if len(signals) > (most := limits.SIGNALS.now):
            what = f"the question has {len(signals):,} signals, over the limit of {most:,}"
            raise UsageError(what, "ask about fewer of them")
        for signal in signals:
            if not signal.said:
                self.policy.check_signal(signal.kind, signal.origin)

    def _reasoner(self, watch: Watch) -> Reasoner:
        return Reasoner(self.models.language, self.models.meaning, watch)

    def _answer(self, task: Task, sources: Sequence[Source]) -> Answer:
        answer = Answer(
            question=task.question,
            text=" ".join(task.sentences),
            status=task.outcome.status,
            route=actual_route(task.way, tuple(self.models.used), self._names),
            signals=tuple(task.signals),
            failed=tuple(task.failed),
            evidence=(*(item for source in sources for item in source.evidence), *task.outcome.evidence),
            computed=tuple(task.outcome.computed),
            verdicts=tuple(task.outcome.verdicts),
            citations=tuple(dict.fromkeys(task.outcome.citations)),
            timings=task.timings(self._usage()),
            models=tuple(ModelUsed(model.name, model.sha256) for model in self.models.used.values()),
            notes=tuple(dict.fromkeys(task.notes)),
            instructions=tuple(task.outcome.instructions),
        )
        task.watch(Answered(answer))
        return answer

    def sense(self, kind: type[Sense]) -> Sense:
        """A sense with its models; see `ModelPool.sense`."""
        return self.models.sense(kind)

    def perceiver(self, kind: type[Sense]) -> Perceive:
        """What perceives signals for a sense: the sense itself; a bench that recalls what was perceived overrides it.

        Raises:
            ModelMissing, ModelCorrupt: as `sense`.
        """
        sense = self.sense(kind)
        return self.recall.perceiver(kind.name, bounded(sense.perceive, self.runtime.halt), sense.models)


def _end_decoders() -> None:
    """End the processes that wait for something to decode."""
    from edge_assistant.perception.decoders import pool  # which a question over texts does without

    pool.end_idle()
