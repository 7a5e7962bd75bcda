"""Cross-signal score of a model in the product: questions over scenarios with status, answer and citations right.

The model takes the place of the profile's for its role; the other models are those of the profile ("auto"). Only
questions that reach it count: for the language model and the embedder those at which it computes, and not those that
code answers alone; for what perceives those of scenarios of whose signals it computes something. A question that fails
counts as wrong. The items are questions, the clusters are scenarios.

A model that declines every question is right about those without an answer, and one that never declines about the
others. So there are two results besides over these two parts, whose floors tell such models from working ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import EdgeAssistantError, ModelError
from edge_assistant.core.evidence import Evidence
from edge_assistant.core.signals import Kind, Signal
from edge_assistant.language.engine import Engine, LlamaEngine
from edge_assistant.perception.gather import Perceive
from edge_assistant.perception.sense import Percept, Request, Sense, senses
from edge_assistant.session.assistant import Assistant
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.data import Data, folder_of, number_of
from edge_assistant_quantize.datasets.scenarios import Scenario, ScenarioJob, jobs, load, of_jobs
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.metrics.metric import MetricRun, measured
from edge_assistant_quantize.metrics.scoring import AnswerScore, judge
from edge_assistant_quantize.progress import ProgressStep
from edge_assistant_quantize.record import Measured

if TYPE_CHECKING:
    import onnxruntime

_log = logging.getLogger("edge_assistant.evals")  # below the logger whose handler writes the log

Scores = dict[str, tuple[ScenarioJob, AnswerScore]]
"""What was asked and how it was answered, by the item's name."""

_REASONING = frozenset(("language", "embedder"))  # roles of models that read evidence, and perceive nothing


@dataclass(frozen=True)
class CountedRuntime(Runtime):
    """A runtime that notes each run of sessions of some files.

    Attributes:
        files: whose runs are noted.
        ran: the files that ran.
    """

    files: frozenset[Path] = frozenset()
    ran: list[Path] = field(default_factory=list, compare=False)

    def session(self, model: Path, *, threads: int | None = None, lanes: int = 1) -> onnxruntime.InferenceSession:
        """See `Runtime.session`."""
        opened = super().session(model, threads=threads, lanes=lanes)
        for name in ("run", "run_with_ort_values") if model in self.files else ():
            setattr(opened, name, partial(self._note, model, getattr(opened, name)))
        return opened

    def _note(self, model: Path, run: Callable[..., Any], *args: Any, **how: Any) -> Any:  # noqa: ANN401 - the library's
        self.ran.append(model)
        return run(*args, **how)


class GoldAssistant(Assistant):
    """Answers as the assistant does, over gold evidence where there is some, one signal after another.

    Attributes:
        gold: evidence by id of the signal, in place of what would be perceived in the next question's signals.
    """

    gold: Mapping[str, tuple[Evidence, ...]] = {}
    side_by_side = False

    def perceiver(self, kind: type[Sense]) -> Perceive:
        """What perceives for a sense, whose models are opened only if a signal has no gold evidence."""
        real = super().perceiver

        def perceived(signal: Signal, request: Request) -> Percept:
            if signal.id not in self.gold:
                return real(kind)(signal, request)
            first = next(sense for sense in senses() if signal.kind in sense.kinds)
            return Percept(self.gold[signal.id] if kind is first else ())

        return perceived


_said: dict[Hashable, Any] = {}  # by model and words, for all measurements of this process


def recalling(model: InstalledModel, runtime: Runtime) -> Engine:
    """The language model beside a model that is measured: what it said to the same words, it says again at once.

    A candidate and its reference mostly perceive the same in a signal. Only the questions over what they perceive
    differently then take the language model's time. It decodes greedily, so what is recalled is what it would say.
    """
    engine: Engine = LlamaEngine(model, runtime)

    def recalled(ask: Callable[..., Any], *lists: Any, **how: Any) -> Any:  # noqa: ANN401 - as the engine's methods
        key = model.sha256, repr(model.options), ask.__name__, *map(tuple, lists), *how.items()
        if key not in _said:
            found = ask(*lists, **how)
            _said[key] = tuple(found) if ask.__name__ == "stream" else found
        return iter(_said[key]) if ask.__name__ == "stream" else _said[key]

    for name in ("choose", "stream"):
        setattr(engine, name, partial(recalled, getattr(engine, name)))
    setattr(engine, "prefill", lambda messages: None)  # noqa: B010 - nothing is read before it is known that it must be
    return engine


def measure(run: MetricRun) -> Iterable[Measured]:
    """See `metric.Measure`.

    Raises:
        ModelError: one of them is missing.
    """
    model, data, watch = run.model, run.data, run.watch
    role, asked = model.role, jobs(_scenarios(data, model.role), number_of(data, "limit"))
    counted = CountedRuntime(run.runtime.threads, run.runtime.halt, run.runtime.gpu, frozenset(model.files.values()))
    engine = None if role == "language" else recalling
    assistant = GoldAssistant(Portfolio(), str(data.get("profile", "auto")), runtime=counted, engine=engine)
    assistant.models.given[role] = model
    scores: Scores = {}
    kinds = _kinds(role)
    perceived = {id: scenario.sums(kinds) for id, scenario in of_jobs(asked).items()}
    reached: set[str] = set()  # sums of signals; what perceives computes once for all questions over a signal
    what = f"{model.name} over questions"
    watch(ProgressStep(what, 0, len(asked)))
    for number, job in enumerate(asked, 1):
        before = _computed(role, assistant, counted)
        assistant.gold = job.scenario.gold() if data.get("gold") is True else {}
        said = _answer(assistant, job)
        own = perceived[job.scenario.id]
        if computes := _computed(role, assistant, counted) != before:
            reached |= own
        if computes or reached & own or said is None:
            scores[f"{job.scenario.id}: {job.question.ask}"] = job, judge(job.question, said or {})
        watch(ProgressStep(what, number, len(asked)))
    if not scores:
        signals = f" over signals of kind {' or '.join(sorted(kinds))}" if kinds else ""
        raise CalibrationInvalid(f"no question of the data reaches {model.name}", f"take other questions{signals}")
    parts = ("status", "answer", "cites")
    details = {part: sum(getattr(score, part) for _, score in scores.values()) / len(scores) for part in parts}
    return tuple(_shares(scores, details | {"unreached": 1 - len(scores) / len(asked)}))


def _answer(assistant: GoldAssistant, job: ScenarioJob) -> Mapping[str, object] | None:
    """The answer as `ask --json` prints it; None where the question ends in an error."""
    try:
        return assistant.ask(job.question.ask, job.scenario.take(), lambda event: None).to_json()
    except ModelError:
        raise
    except EdgeAssistantError:
        return None
    except Exception:
        _log.exception("%s: %s", job.scenario.id, job.question.ask)
        return None


def _shares(scores: Scores, details: Mapping[str, float]) -> Iterable[Measured]:
    """The share of questions that are right: of all, with these details, of those with an answer and of the others."""
    contents = {id: scenario.content for id, scenario in of_jobs(job for job, _ in scores.values()).items()}
    answered = {item: pair for item, pair in scores.items() if pair[0].question.answer}
    declined = {item: pair for item, pair in scores.items() if item not in answered}
    for name, part in {"cross-signal": scores, "answered": answered, "declined": declined}.items():
        if part:
            items = {item: (float(score.correct), 1.0) for item, (_, score) in part.items()}
            clusters = tuple(contents[job.scenario.id] for job, _ in part.values())
            yield measured(name, items, details=details if part is scores else None, clusters=clusters)


def _scenarios(data: Data, role: str) -> list[Scenario]:
    """The scenarios of which a question can reach a model.

    Raises:
        CalibrationInvalid, InputError: there are no scenarios, or no gold evidence for them.
    """
    gold = data.get("gold") is True
    if gold and role not in _REASONING:
        raise CalibrationInvalid(f"gold evidence stands for what a {role} model perceives", "leave 'gold' out")
    found = [replace(each, reads_gold=gold) for each in load(folder_of(data))]
    if gold and not any(scenario.gold() for scenario in found):
        raise CalibrationInvalid("no scenario of the data has gold evidence", "leave 'gold' out")
    if role in _REASONING:
        return found
    kinds = _kinds(role)
    return [scenario for scenario in found if any(kind in kinds for kind, _ in scenario.given)]


def _kinds(role: str) -> frozenset[Kind]:
    """Of the signals in which a model of a role perceives something; none where it reads evidence."""
    perceiving = (each for each in senses() if role in (*each.roles, *each.optional_roles))
    return frozenset(kind for each in perceiving for kind in each.kinds)


def _computed(role: str, assistant: GoldAssistant, counted: CountedRuntime) -> int:
    """Tokens that the language model has read so far, or how often another model has run."""
    if role != "language":
        return len(counted.ran)
    return assistant.models.engine.usage.prompt_tokens if assistant.models.engine else 0
