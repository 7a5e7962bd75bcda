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
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import EdgeAssistantError, InputError, ModelError
from edge_assistant.core.signals import Kind
from edge_assistant.perception.sense import senses
from edge_assistant_models.model import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.datasets.scenarios import Scenario, ScenarioJob, jobs, load, of_jobs
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing
from edge_assistant_quantize.metrics.metric import LEAST, Data, Metric, Standard, measured
from edge_assistant_quantize.metrics.recalling import RecallingEngine
from edge_assistant_quantize.metrics.scoring import AnswerScore, judge
from edge_assistant_quantize.metrics.warm import CountedRuntime, WarmAssistant
from edge_assistant_quantize.progress import ProgressStep, Watch
from edge_assistant_quantize.record import Measured
from edge_assistant_quantize.senses import ROLES, folder_of, number_of

_log = logging.getLogger("edge_assistant.evals")  # below the logger whose handler writes the log

EVERYTHING = "everything"  # the way of answering that is the product


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a question."""

    said: Mapping[str, Any] = field(default_factory=dict)  # as `ask --json` prints it; empty where it failed
    seconds: float = 0.0  # from the question to the whole answer, perception included
    error: str | None = None  # why it failed, or None
    # What the answer says and its evidence does not; None where that cannot be checked
    ungrounded: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """A reply to one question, judged."""

    job: ScenarioJob  # the question
    way: str  # the name of the way that answered
    reply: Reply  # what came of it
    judged: AnswerScore  # which parts are right

    @classmethod
    def of(cls, job: ScenarioJob, way: str, reply: Reply) -> ScenarioResult:
        """A reply, judged; its seconds to a millisecond, as they are kept."""
        return cls(job, way, replace(reply, seconds=round(reply.seconds, 3)), judge(job.question, reply.said))

    @property
    def said(self) -> str:
        """The status that was said; empty where there was no answer."""
        return str(self.reply.said.get("status") or "")


class Product:
    """The product in this process, with warm models."""

    name = EVERYTHING

    def __init__(self, assistant: WarmAssistant, *, gold: bool) -> None:
        self._assistant = assistant
        self._gold = gold

    def answer(self, job: ScenarioJob) -> Reply:
        """Answer one question.

        Raises:
            ModelError: a model is missing or corrupt.
        """

        def ask() -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
            answer = self._assistant.ask(job.question.ask, job.scenario.take(), lambda event: None)
            return answer.to_json(), self._assistant.ungrounded(answer)

        return timed(self._assistant, job, self._gold, ask)


def timed(
    assistant: WarmAssistant,
    job: ScenarioJob,
    gold: bool,
    ask: Callable[[], tuple[Mapping[str, Any], tuple[str, ...] | None]],
) -> Reply:
    """Ask, with the scenario's gold evidence where it is wanted, and pay for the perception that was recalled."""
    assistant.gold = job.scenario.gold() if gold else {}
    assistant.unpaid_s = 0.0
    began = time.perf_counter()
    said: Mapping[str, Any] = {}
    unbacked: tuple[str, ...] | None = None
    error = None
    try:
        said, unbacked = ask()
    except ModelError:
        raise
    except EdgeAssistantError as caught:
        error = str(caught)
    except Exception as caught:
        _log.exception("%s: %s", job.scenario.id, job.question.ask)
        error = f"a fault of ours ({type(caught).__name__}: {caught})"
    return Reply(said, time.perf_counter() - began + assistant.unpaid_s, error, unbacked)


def counts(results: Sequence[ScenarioResult]) -> dict[str, int]:
    """How many there are, and how many are right in what."""
    parts = ("status", "answer", "cites", "correct")
    return {"n": len(results)} | {part: sum(getattr(each.judged, part) for each in results) for part in parts}


_REASONING = frozenset(("language", "embedder"))  # roles of models that read evidence, and perceive nothing


def measure(
    model: InstalledModel, reference: InstalledModel | None, data: Data, runtime: Runtime, watch: Watch
) -> tuple[Measured, ...]:
    """See `metric.Measure`.

    Raises:
        ModelError: one of them is missing.
    """
    role, asked = model.role, _asked(model.role, data)
    counted = CountedRuntime.of(model, runtime)
    engine = None if role == "language" else RecallingEngine
    assistant = WarmAssistant(Portfolio(), str(data.get("profile", "auto")), runtime=counted, engine=engine)
    assistant.models.given[role] = model
    assistant.start()
    product = Product(assistant, gold=data.get("gold") is True)
    results: list[ScenarioResult] = []
    kinds = _kinds(role)
    perceived = {id: scenario.sums(kinds) for id, scenario in of_jobs(asked).items()}
    reached: set[str] = set()  # sums of signals; what perceives computes once for all questions over a signal
    what = f"{model.name} over questions"
    watch(ProgressStep(what, 0, len(asked)))
    for number, job in enumerate(asked, 1):
        before = _computed(role, assistant, counted)
        result = ScenarioResult.of(job, product.name, product.answer(job))
        own = perceived[job.scenario.id]
        if computes := _computed(role, assistant, counted) != before:
            reached |= own
        if computes or reached & own or result.reply.error is not None:
            results.append(result)
        watch(ProgressStep(what, number, len(asked)))
    if not results:
        raise CalibrationInvalid(f"no question of the data reaches {model.name}", "take more questions, or others")
    right = counts(results)
    details = {part: right[part] / right["n"] for part in ("status", "answer", "cites")}
    details["unreached"] = 1 - len(results) / len(asked)
    return shares(results, details)


def shares(results: Sequence[ScenarioResult], details: Mapping[str, float]) -> tuple[Measured, ...]:
    """The share of questions that are right: of all, of those that have an answer and of those that have none.

    Args:
        results: at least one.
        details: of the first share.
    """
    contents = {id: scenario.content for id, scenario in of_jobs(result.job for result in results).items()}
    parts = {
        "cross-signal": results,
        "answered": [result for result in results if result.job.question.answer],
        "declined": [result for result in results if not result.job.question.answer],
    }
    found = []
    for name, part in parts.items():
        named = {f"{each.job.scenario.id}: {each.job.question.ask}": each for each in part}
        items = {item: (float(each.judged.correct), 1.0) for item, each in named.items()}
        clusters = tuple(contents[each.job.scenario.id] for each in named.values())
        if items:
            found.append(measured(name, items, details=details if part is results else None, clusters=clusters))
    return tuple(found)


def _asked(role: str, data: Data) -> list[ScenarioJob]:
    return jobs(_scenarios(data, role), number_of(data, "limit"))


def _count(role: str, files: Mapping[str, Path], data: Data) -> int:
    """See `metric.Count`."""
    asked = _asked(role, data)
    answered = len({job.scenario.id for job in asked if job.question.answer})
    if answered < LEAST:
        what = f"{answered} scenarios of the data have a question with an answer, and at least {LEAST} decide"
        raise CalibrationInvalid(what, "take more scenarios, or ask more questions that a source answers")
    return len({scenario.content for scenario in of_jobs(asked).values()})


def _scenarios(data: Data, role: str) -> list[Scenario]:
    """The scenarios of which a question can reach a model.

    Raises:
        CalibrationInvalid, InputMissing: there are none, or no gold evidence for them.
    """
    gold = data.get("gold") is True
    if gold and role not in _REASONING:
        raise CalibrationInvalid(f"gold evidence stands for what a {role} model perceives", "leave 'gold' out")
    try:
        found = [replace(each, reads_gold=gold) for each in load(folder_of(data))]
        if gold and not any(scenario.gold() for scenario in found):
            raise CalibrationInvalid("no scenario of the data has gold evidence", "leave 'gold' out")
    except InputMissing:
        raise
    except InputError as error:
        raise CalibrationInvalid(error.message, error.hint) from None
    if role in _REASONING:
        return found
    kinds = _kinds(role)
    reaching = [scenario for scenario in found if any(kind in kinds for kind, _ in scenario.given)]
    if not reaching:
        wanted = f"take scenarios with a signal of kind {' or '.join(sorted(kinds))}"
        raise CalibrationInvalid(f"no scenario of the data has a signal that a {role} model perceives", wanted)
    return reaching


def _kinds(role: str) -> frozenset[Kind]:
    """Of the signals in which a model of a role perceives something; none where it reads evidence."""
    perceiving = (each for each in senses() if role in (*each.roles, *each.optional_roles))
    return frozenset(kind for each in perceiving for kind in each.kinds)


def _computed(role: str, assistant: WarmAssistant, counted: CountedRuntime) -> int:
    """Tokens that the language model has read so far, or how often another model has run."""
    if role != "language":
        return counted.runs
    return assistant.models.engine.usage.prompt_tokens if assistant.models.engine else 0


METRICS = (
    Metric(
        name="cross-signal",
        gives={
            "cross-signal": Standard(0.2, 0.03, task=True, beside=("answered", "declined"), whole=True),
            "answered": Standard(0.2, 0.03, beside=("declined",), whole=True),
            "declined": Standard(0.02, least=0),  # who always answers has none; it may be measured on a few
        },
        roles=ROLES | {"language"},
        description=(
            "share of questions over scenarios whose status, answer and citations are right, with the model in the "
            "product and of the questions that reach it; of those with an answer (answered) and without (declined)"
        ),
        keys={
            "path": "a folder of scenarios (docs/scenarios.md)",
            "profile": "whose other models take part (auto)",
            "gold": "true for evidence.json in place of perception, for language models and embedders",
            "limit": "the first N questions only",
        },
        measure=measure,
        count=_count,
    ),
)
