"""What counts as a right answer: numbers as numbers, dates and times in any writing, words as whole words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assistant_quantize.datasets.scenarios import Question
from edge_assistant_quantize.metrics.scoring import cited, judge, states

RIGHT = {
    "38.40": ["It was RM38.4 in all."], "2750": ["It turns at 2,750 rpm.", "at 2750rpm"],
    "7": ["7.00 bar", "seven dogs"], "3.5": ["3,5 kg"], "12.85": ["the recogniser wrote 12-85"],
    "120": ["120/80 mmHg"], "80": ["120/80 mmHg"], "8": ["from 4-8 mg"], "-4": ["-4 degrees"],
    "~71.3": ["a mean of 71.26", "71.34 degC"], "~12": ["12.4 on average"],
    "2024-05-03": [
        "on 3 May 2024", "May 3rd, 2024", "the third of May", "03/05/2024", "05/03/24", "3.5.2024",
        "2024-05-03T08:00:00",
    ],
    "2024-05-21": ["the twenty first day of May"], "1971-10-09": ["9 Oct 71"], "07:05": ["at 7:05 am"],
    "19:30": ["at 7.30 pm", "2024-05-03T19:30:00", "19h30"], "12:15": ["at 12.15"], "00:10": ["at 12:10 am"],
    "0001-01-01": ["0001-01-01"],
    "40": ["25/40/24"], "30": ["at 25:30"],  # neither a day nor a time
    "latex": ["Latex and nuts."], "bus": ["two buses"], "dog|puppy": ["a puppy"], "50 mg|50mg": ["50mg a day"],
    "can't": ['It can’t be told.'],
}  # fmt: skip
WRONG = {
    "38.40": ["38.41", "138.40"], "38": ["38.40"], "3": ["13 dogs"], "1": ["one of them"], "5": ["on the 5th"],
    "5.00": ["on 5 May 2024"], "30": ["at 7:30"], "2750": ["2,75"], "~71.3": ["71.2"],
    "2024-05-03": ["3 May 2023", "4 May 2024", "3 and 5"], "19:30": ["at 7:30", "at 25:30"], "no": ["nothing known"],
    "cat": ["a category"], "latex": [""],
}  # fmt: skip


@pytest.mark.parametrize("entry", RIGHT)
def test_it_is_told(entry: str) -> None:
    for answer in RIGHT[entry]:
        assert states(answer, [entry]), answer


@pytest.mark.parametrize("entry", WRONG)
def test_it_is_not_told(entry: str) -> None:
    for answer in WRONG[entry]:
        assert not states(answer, [entry]), answer


def test_every_entry_is_wanted() -> None:
    assert states("34.80 by one, 38.40 by the other", ["34.80", "38.40"])
    assert not states("34.80", ["34.80", "38.40"])
    assert states("whatever", [])


WRITINGS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%d %b %Y", "%Y/%m/%d")


@given(st.dates(date(1971, 1, 1), date(2068, 12, 31)), st.sampled_from(WRITINGS), st.integers(1, 400))
def test_a_day_in_any_writing_is_that_day(day: date, writing: str, apart: int) -> None:
    answer = f"It was on {day.strftime(writing)}, at noon."
    assert states(answer, [day.isoformat()])
    other = day + timedelta(days=apart)
    turned = writing[2] in "/." and (other.year, other.month, other.day) == (day.year, day.day, day.month)
    assert states(answer, [other.isoformat()]) == turned


@given(st.decimals(0, 99_999, places=2), st.sampled_from(("{:.2f}", "{:,.2f}", "RM{:.2f}", "{:f} kg")))
def test_a_number_in_any_writing_is_that_number(number: Any, writing: str) -> None:
    answer = f"They paid {writing.format(number)}."
    assert states(answer, [f"{number:.2f}"])
    assert not states(answer, [f"{number + 1:.2f}"])


@given(st.text(), st.text(min_size=1))
def test_any_text_is_judged(answer: str, entry: str) -> None:
    assert states(answer, [entry]) in {True, False}


QUESTION = Question("What was paid?", "spontaneous", "conflict", ("34.80", "38.40"), ("image:1", "audio:1"))
EVIDENCE = [{"id": "E1", "signal": "image:1"}, {"id": "E2", "signal": "audio:1"}, {"id": "E3", "signal": "text:1"}]
REPLY = {"answer": "34.80 and 38.40", "status": "conflict", "evidence": EVIDENCE, "citations": ["E1", "E2", "E3"]}


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({}, (True, True, True)),
        ({"status": "supported"}, (False, True, True)),
        ({"answer": "34.80"}, (True, False, True)),
        ({"citations": ["E1", "E9"]}, (True, True, False)),
        ({"evidence": None}, (True, True, False)),
        ({"answer": " "}, (False, False, False)),
        ({"answer": None}, (False, False, False)),
    ],
)
def test_each_is_judged_alone(change: dict[str, Any], right: tuple[bool, bool, bool]) -> None:
    judged = judge(QUESTION, {**REPLY, **change})
    assert (judged.status, judged.answer, judged.cites) == right
    assert judged.correct == all(right)


def test_what_another_program_writes_as_citations_is_understood() -> None:
    assert cited({"evidence": EVIDENCE, "citations": [{"id": "E1"}, "E3", {}]}) == {"image:1", "text:1"}
    assert cited({"evidence": ["E1", {"signal": "image:1"}], "citations": ["E1", None]}) == set()
    assert not judge(QUESTION, {}).status
