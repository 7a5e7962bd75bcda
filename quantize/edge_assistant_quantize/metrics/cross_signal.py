"""Cross-signal score of a language model: questions over scenarios that are answered right in all, see `bench`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.errors import InputError
from edge_assistant_models.installed import InstalledModel
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_quantize.errors import CalibrationInvalid, InputMissing
from edge_assistant_quantize.metrics.metric import Measured, Metric, measured
from edge_assistant_quantize.progress import Step, Watch
from edge_assistant_quantize.senses import folder_of, number_of
from evals.results import Result, counts
from evals.scenarios import jobs, load
from evals.warm import WarmAssistant
from evals.ways import Product


class CrossSignal:
    """A folder of scenarios: `path`, `gold` (whether evidence.json stands for perception), `limit`, `profile`."""

    name = "cross-signal"
    gives = ("cross-signal",)
    roles = frozenset({"language"})
    description = "share of questions over scenarios whose status, answer and citations are right"
    relative = False

    def measure(
        self,
        model: InstalledModel,
        reference: InstalledModel | None,
        data: Mapping[str, object],
        runtime: Runtime,
        watch: Watch,
    ) -> tuple[Measured, ...]:
        """See `Metric`; the other models are those of the profile ("auto").

        Raises:
            ModelError: one of them is missing.
        """
        gold = data.get("gold") is True
        try:
            scenarios = load(folder_of(data))
            if gold and not any(scenario.gold() for scenario in scenarios):
                raise CalibrationInvalid("no scenario of the data has gold evidence", "leave 'gold' out")
        except InputMissing:
            raise
        except InputError as error:
            raise CalibrationInvalid(error.message, error.hint) from None
        assistant = _With(model, str(data.get("profile", "auto")), runtime)
        assistant.start()
        product, asked = Product(assistant, gold=gold), jobs(scenarios, number_of(data, "limit"))
        results: list[Result] = []
        what = f"{model.name} over questions"
        watch(Step(what, 0, len(asked)))
        for number, job in enumerate(asked, 1):
            results.append(Result.of(job, product.name, product.answer(job)))
            watch(Step(what, number, len(asked)))
        return (_score(self.name, results),)


def _score(name: str, results: Sequence[Result]) -> Measured:
    counted = {f"{r.job.scenario.id}: {r.job.question.ask}": (float(r.judged.correct), 1.0) for r in results}
    right = counts(results)
    details = {part: right[part] / right["n"] for part in ("status", "answer", "cites")} if results else {}
    return measured(name, counted, details=details)


class _With(WarmAssistant):
    """The assistant of a profile with another language model."""

    def __init__(self, model: InstalledModel, profile: str, runtime: Runtime) -> None:
        super().__init__(Portfolio(), profile, runtime=runtime)
        self.models.given["language"] = model


METRIC: Metric = CrossSignal()
