"""Things that are told apart by their numbers: pump 1 and pump 2 are never compared."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ScriptedEngine

from edge_assistant.answer import Agreement, Answer, Status
from edge_assistant.assistant import Assistant
from edge_assistant.reasoning.told.whose import apart
from edge_assistant.signals import Kind, Origin, take_bytes
from edge_assistant_models.portfolio import Portfolio

TOLD = {
    "of": ("The pressure of valve 15 is 3 bar.", "The pressure of valve 17 is 4 bar."),
    "first": ("Valve 15 is open at 3 bar.", "Valve 17 is open at 4 bar."),
    "in words": ("Valve fifteen is at 3 bar.", "Valve seventeen is at 4 bar."),
    "at": ("The pressure at valve 15 was 3 bar.", "At valve 17 the gauge showed 4 bar."),
}


def assistant(tmp_path: Path) -> Assistant:
    portfolio = Portfolio(tmp_path, user_catalog=tmp_path / "catalog")
    return Assistant(portfolio, "test", engine=lambda model, runtime: ScriptedEngine())


def asked(tmp_path: Path, question: str, texts: tuple[str, ...]) -> Answer:
    signals = [
        take_bytes(text.encode(), Kind.TEXT, at, origin=Origin.USER, name=f"{at}.txt")
        for at, text in enumerate(texts, 1)
    ]
    made = assistant(tmp_path)
    return made.ask(question, signals, lambda event: None) if question else made.check(signals, lambda event: None)


@pytest.mark.parametrize("texts", TOLD.values(), ids=list(TOLD))
@pytest.mark.parametrize("question", ["What is the pressure of valve 17?", "What pressure does valve seventeen have?"])
def test_the_one_that_is_asked_for_answers(tmp_path: Path, question: str, texts: tuple[str, ...]) -> None:
    for order in (texts, texts[::-1]):
        answer = asked(tmp_path, question, order)
        assert answer.status is Status.SUPPORTED
        assert "4 bar" in answer.text
        assert "3 bar" not in answer.text


@pytest.mark.parametrize("texts", TOLD.values(), ids=list(TOLD))
def test_two_of_them_are_not_compared(tmp_path: Path, texts: tuple[str, ...]) -> None:
    verdicts = asked(tmp_path, "", texts).verdicts
    assert all(verdict.status is not Agreement.CONFLICT for verdict in verdicts)


@pytest.mark.parametrize("text", ["Pump {} ran at 3 bar.", "The pressure of pump {} is 3 bar."])
def test_one_of_the_same_number_is(tmp_path: Path, text: str) -> None:
    other = text.replace("3 bar", "5 bar").format(2)
    answer = asked(tmp_path, "What is the pressure of pump 2?", (text.format(2), other))
    assert answer.status is Status.CONFLICT


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        ("pump 1", "pump 2", True),
        ("pump 1", "the pump", False),
        ("pump 1 and pump 2", "pump 2", False),
        ("pump 1", "valve 2", False),
        ("motor A", "motor B", True),
        ("Pump two", "pump 2", False),
    ],
)
def test_apart(a: str, b: str, wanted: bool) -> None:
    assert apart(a, b) is wanted
    assert apart(b, a) is wanted
