"""A question: what can be asked, and the words of it that a verdict is about."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_assistant.core.errors import UsageError
from edge_assistant.core.limits import QUESTION_CHARACTERS
from edge_assistant.reasoning.sentences import asks_for_differences, check_question, subject


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("What was the highest temperature?", "highest temperature"),
        ("Which colour has the handle of the pump?", "colour handle pump"),
        ("Who's the owner of flat 3.4?", "owner flat 3.4"),
        ("WHAT IS O'Brien's 120/80?", "o'brien's 120/80"),
        ("What?", "What"),
        ("...", "..."),
        ("What one two three four five six seven?", "one two three four five"),
    ],
)
def test_a_verdict_is_about_the_words_that_carry_the_question(question: str, about: str) -> None:
    assert subject(question) == about


@given(st.text(min_size=1).filter(str.strip))
@example("...")
def test_any_question_is_about_something(question: str) -> None:
    assert subject(question).strip()


def test_a_question_for_differences() -> None:
    assert all(map(asks_for_differences, ["Do they differ?", "Is the note WRONG about it?", "Any contradictions?"]))
    assert not any(
        map(asks_for_differences, ["Do they agree?", "Is the note right?", "What is the wrongful cost?", ""])
    )


def test_what_can_be_asked() -> None:
    most = QUESTION_CHARACTERS.value
    assert check_question(" When? ") == " When? "
    assert check_question("x" * most) == "x" * most
    for question, said in (("", "is empty"), (" \n", "is empty"), ("x" * (most + 1), f"limit of {most:,}")):
        with pytest.raises(UsageError, match=said):
            check_question(question)
