"""Models of each role in the product: only the questions that reach them count."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest
from helpers import damaged, drawings, plain_model

from edge_assistant.compute.runtime import Runtime
from edge_assistant.core.answer import Answer, Route, Status
from edge_assistant.core.errors import InputEmpty
from edge_assistant.language.chat import Message
from edge_assistant.perception.sense import senses
from edge_assistant_models.model import InstalledModel
from edge_assistant_quantize.errors import CalibrationInvalid
from edge_assistant_quantize.metrics import cross_signal
from edge_assistant_quantize.metrics.cross_signal import GoldAssistant
from edge_assistant_quantize.metrics.metric import MetricRun, metric
from edge_assistant_quantize.progress import ignore
from edge_assistant_quantize.record import Measured

Models = Callable[[str], InstalledModel]


@pytest.fixture(autouse=True)
def product(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_model.use(monkeypatch)
    monkeypatch.setattr(cross_signal, "LlamaEngine", plain_model.PlainEngine)
    monkeypatch.setattr(cross_signal, "_said", {})
    monkeypatch.setenv("EDGE_ASSISTANT_MODELS", str(store))


@pytest.fixture
def scenarios(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """Readings with two questions and thanks, a recording with two questions, and a picture with one."""
    rows = "".join(f"2025-03-14T14:{minute:02d}:00,{60 + minute}\n" for minute in range(40))
    motor = add(
        tmp_path / "set" / "motor-001",
        ("readings", "motor.csv"),
        ("What was the highest temperature?", "~99"),
        ("What was the lowest temperature?", "~61"),  # it is 60
        ("Thank you!", "gladly"),
    )
    (motor / "motor.csv").write_text(f"time,temperature [degC]\n{rows}")
    asked = ("What is the pressure?", "4 bar"), ("Who spoke?", "Ann")
    boiler = add(tmp_path / "set" / "boiler-001", ("audio", "note.wav"), *asked)
    shutil.copy(pytestconfig.rootpath / "tests/fixtures/speech/pressure.wav", boiler / "note.wav")
    road = add(tmp_path / "set" / "road-001", ("image", "road.png"), ("Is there a stop sign?", "stop sign"))
    drawings.stop_sign().save(road / "road.png")
    return tmp_path / "set"


def add(folder: Path, signal: tuple[str, str], *asked: tuple[str, str]) -> Path:
    """A scenario; a question whose answer is empty has none."""
    folder.mkdir(parents=True)
    kind, file = signal
    answered = '"lookup"\nstatus = "supported"\nanswer = ["{answer}"]\ncites = ["{kind}:1"]\n'
    absent = '"absent"\nstatus = "not_in_evidence"\nanswer = []\ncites = []\n'
    questions = "".join(
        f'[[questions]]\nask = "{ask}"\ntype = {(answered if answer else absent).format(answer=answer, kind=kind)}'
        for ask, answer in asked
    )
    head = f'id = "{folder.name}"\ndomain = "machines"\n[[signals]]\nkind = "{kind}"\nfile = "{file}"\n'
    (folder / "scenario.toml").write_text(head + questions)
    return folder


def measure(model: InstalledModel, path: Path, **data: object) -> Measured:
    given = {"path": path, "profile": "test", **data}
    found, *rest = metric("cross-signal").measure(MetricRun(model, None, given, Runtime(1), ignore))
    assert [each.items for each in rest] == [found.items]  # all have an answer
    return found


def test_a_language_model_is_measured_on_what_it_reads(scenarios: Path, models: Models) -> None:
    for other in ("boiler-001", "road-001"):
        shutil.rmtree(scenarios / other)
    found = measure(models("language"), scenarios)
    asked = ("motor-001: What was the highest temperature?", "motor-001: What was the lowest temperature?")
    assert (found.items, found.parts, found.wholes) == (asked, (1, 0), (1, 1))  # who says thanks is answered by code
    assert len(set(found.clusters)) == 1
    assert found.details == {"status": 1, "answer": 0.5, "cites": 1, "unreached": pytest.approx(1 / 3)}
    assert measure(models("language"), scenarios, limit=1).items == asked[:1]


def test_an_embedder_is_measured_on_what_it_compares(scenarios: Path, models: Models) -> None:
    """Of the readings' questions it is asked about the thanks alone; the language model is the profile's."""
    for other in ("boiler-001", "road-001"):
        shutil.rmtree(scenarios / other)
    found = measure(models("embedder"), scenarios)
    assert found.items == ("motor-001: Thank you!",)
    assert found.details["unreached"] == pytest.approx(2 / 3)


def test_what_perceives_is_measured_on_its_signals(scenarios: Path, models: Models, tmp_path: Path) -> None:
    found = measure(models("speech"), scenarios)
    assert found.items == ("boiler-001: What is the pressure?", "boiler-001: Who spoke?")  # of one perception
    assert found.parts == (1, 0)
    assert found.details["unreached"] == 0
    deaf = damaged.damaged(models("speech"), "encoder", tmp_path / "deaf", damaged.not_numbers)
    assert measure(deaf, scenarios).parts == (0, 0)
    seen = measure(models("detector"), scenarios)
    assert (seen.items, seen.parts) == (("road-001: Is there a stop sign?",), (1,))
    blind = damaged.damaged(models("detector"), "model", tmp_path / "blind", damaged.not_numbers)
    assert measure(blind, scenarios).parts == (0,)


def test_what_the_language_model_said_is_recalled(
    scenarios: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    class Engine(plain_model.PlainEngine):
        def _answer(self, messages: Sequence[Message], options: Sequence[str]) -> str:
            asked.append((messages[-1].content, *options))
            return super()._answer(messages, options)

    monkeypatch.setattr(cross_signal, "LlamaEngine", Engine)
    once = measure(models("speech"), scenarios)
    count = len(asked)
    assert count == len(set(asked)) > 2
    assert measure(models("speech"), scenarios) == once
    assert len(asked) == count
    given = shutil.copytree(scenarios / "boiler-001", scenarios / "boiler-002") / "scenario.toml"
    given.write_text(given.read_text().replace("boiler-001", "boiler-002").replace("Who spoke", "Who did speak"))
    assert len(measure(models("speech"), scenarios).parts) == 4
    assert len(asked) > count


def test_faces_are_measured_on_pictures_in_which_they_are_looked_for(scenarios: Path, models: Models) -> None:
    page = add(scenarios / "page-001", ("image", "page.png"), ("What is the name?", "Ann"), ("Who signed?", "Ann"))
    drawings.receipt().crop((0, 0, 420, 200)).save(page / "page.png")  # seven of its lines, each of which takes time
    found = measure(models("faces"), scenarios)
    assert found.items == ("road-001: Is there a stop sign?",)
    assert found.details["unreached"] == pytest.approx(2 / 3)
    shutil.rmtree(scenarios / "road-001")
    with pytest.raises(CalibrationInvalid, match="no question of the data reaches blazeface-back"):
        measure(models("faces"), scenarios)


def test_a_question_that_fails_counts_as_wrong(
    scenarios: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object, **how: object) -> None:
        raise InputEmpty("nothing is there", "give something")

    monkeypatch.setattr(GoldAssistant, "ask", fails)
    for role in ("language", "embedder", "speech"):
        assert measure(models(role), scenarios, limit=1).parts == (0,)


def test_questions_with_and_without_an_answer_are_counted_apart(
    tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def declines(*given: object, **how: object) -> Answer:
        return Answer("", "None of the sources answers this.", Status.NOT_IN_EVIDENCE, Route("", (), ""))

    for number in range(3):
        folder = add(tmp_path / f"r-{number}", ("readings", "r.csv"), ("How hot?", "61"), ("Who?", ""), ("Why?", ""))
        (folder / "r.csv").write_text(f"time,temperature [degC]\n2025-03-14T14:0{number}:00,61\n")
    monkeypatch.setattr(GoldAssistant, "ask", declines)
    ran = count()
    monkeypatch.setattr(cross_signal, "_computed", lambda *given: next(ran))
    run = MetricRun(models("language"), None, {"path": tmp_path, "profile": "test"}, Runtime(1), ignore)
    every, answered, declined = metric("cross-signal").measure(run)
    assert [(each.metric, each.value, len(each.items)) for each in (every, answered, declined)] == [
        ("cross-signal", pytest.approx(2 / 3), 9),
        ("answered", 0, 3),
        ("declined", 1, 6),
    ]
    assert len(answered.independent) == len(declined.independent) == 3
    assert "unreached" in every.details
    assert not answered.details


def test_every_sense_that_has_models_can_be_measured() -> None:
    perceiving = {role for sense in senses() for role in (*sense.roles, *sense.optional_roles)}
    assert metric("cross-signal").roles == perceiving | {"language", "embedder"}


def test_data_that_measures_nothing(scenarios: Path, models: Models) -> None:
    with pytest.raises(CalibrationInvalid, match="no scenario of the data has gold evidence"):
        measure(models("language"), scenarios, gold=True)
    with pytest.raises(CalibrationInvalid, match="gold evidence stands for what a speech model perceives"):
        measure(models("speech"), scenarios, gold=True)
    with pytest.raises(InputEmpty, match="holds no scenarios"):
        measure(models("language"), scenarios / "motor-001")
    for other in ("boiler-001", "road-001"):
        shutil.rmtree(scenarios / other)
    with pytest.raises(CalibrationInvalid) as caught:
        measure(models("writing"), scenarios)
    assert caught.value.message == "no question of the data reaches pp-ocrv6-small"
    assert caught.value.hint == "take other questions over signals of kind image or video"
