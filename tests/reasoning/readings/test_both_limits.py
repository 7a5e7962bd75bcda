"""Readings with a limit from above and one from below: what is beyond either, or beyond the one that is meant."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from fakes import ScriptedEngine, signal, source
from logged import read

from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.sources import Source
from edge_assistant.signals import Kind

RANGE = "The vaccines have to lie between 2 and 8 degrees. Anna checked the door."
TWO = "It must not fall below 2 degrees. The upper limit is 8 degrees."
LOW = "The temperature must not drop below 2 degrees."


def fridge() -> Source:
    """Every 5 min from 22:00: 5 °C, 1.4 from 01:00 to 01:20, 8.3 from 03:20 to 04:05 with 9.6 at 03:35."""
    rows = ["time,fridge temperature [degC]"]
    for minute in range(0, 485, 5):
        value = 1.4 if 180 <= minute <= 200 else 9.6 if minute == 335 else 8.3 if 320 <= minute <= 365 else 5.0
        rows.append(f"{(datetime(2025, 3, 3, 22) + timedelta(minutes=minute)).isoformat()},{value}")
    csv = "\n".join(rows)
    return Source(
        signal(Kind.READINGS, data=csv.encode()), source(["Readings"], Kind.READINGS, first=1).evidence, read(csv)
    )


def answer(question: str, remark: str) -> str:
    outcome = Outcome()
    reasoner = Reasoner(lambda: ScriptedEngine(), lambda: None, lambda _: None)
    sources = [fridge(), source([remark], Kind.TEXT, first=2)]
    return " ".join(reasoner.answer(understand(question), sources, outcome))


@pytest.mark.parametrize("remark", [RANGE, TWO])
@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("When was the limit first violated?", "2025-03-04 01:00"),
        ("When was it first out of range?", "2025-03-04 01:00"),
        ("First excursion?", "2025-03-04 01:00"),
        ("When was it too warm for the vaccines?", "2025-03-04 03:20"),
        ("When did it first get too cold for the vaccines?", "2025-03-04 01:00"),
        ("How long was it out of the permitted range?", "1 h 15 min"),
        ("How long was it too warm?", "50 min"),
        ("How many minutes was it colder than allowed?", "25 min"),
        ("How many violations were there?", "2 times"),
        ("Was the allowed range kept?", "No"),
        ("Was it ever too cold?", "Yes"),
        ("By how much was the limit exceeded?", "1.6"),
        ("How far below the limit did it get?", "0.6"),
    ],
)
def test_a_question_means_either_limit_or_the_one_that_it_names(remark: str, question: str, said: str) -> None:
    assert said in answer(question, remark)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("When was the limit first violated?", "2025-03-04 01:00"),
        ("How long was the limit violated?", "25 min"),
        ("Was the limit respected?", "No, lowest 1.4"),
    ],
)
def test_a_limit_from_below_is_violated_downwards(question: str, said: str) -> None:
    assert said in answer(question, LOW)
