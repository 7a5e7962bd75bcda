"""Where sentences end, and which of a message state and which ask."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_assistant.core.errors import UsageError
from edge_assistant.core.limits import QUESTION_CHARACTERS
from edge_assistant.reasoning.sentences import (
    any_word,
    asks,
    asks_for_differences,
    check_question,
    is_remark,
    sentences,
    split_message,
    subject,
)


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("I counted two people.", "How many are in the picture?"),
        ("Dr. Lee said it was 80 mg.", "What does the form say?"),
        ("Two people.", "Is that right?"),
        ("The alarm limit is 85 degrees.", "When was it first exceeded?"),
        ("The patient is allergic to penicillin.", "Does the form agree with that"),
        ("The receipt says 14.50 but he told me 15.40.", "Which one is right?"),
        ("We have two deliveries of 1.5 kg each.", "Please tell me how much that is in total."),
        ("She weighs 61 kg and takes 400 mg twice a day.", "Check the form against that."),
        ("One cat and two dogs.", "How many animals do you see?"),
        ("I read 71.4 bar at 10:15. The pump was off.", "I want to know whether the readings say the same."),
        ("Ich habe zwei gesehen.", "How many are there?"),
    ],
)
def test_what_is_told_stands_apart_from_what_is_asked(told: str, asked: str) -> None:
    assert split_message(f"{told} {asked}") == (told, asked)
    assert split_message(f"{told}\n\n{asked}") == (told, asked)
    first, *rest = re.split(r"(?<=\.) (?=[A-Z])(?!Lee)", told)
    between = " ".join([first, asked, *rest])
    assert split_message(between) == (told, asked)


MERE = """How many people are in the picture?|what is the dose|It was 80 mg, is that right?|Tell me the dose.
She told me 80 mg, but what does the form say?|I want to know what the limit is.|I wonder whether they agree.
Could you tell me the dose|Describe the picture.|The total on the receipt|the dose that was given|Name and address
summarise|Hello. How many dogs are there?|Good morning! Thanks. What is the limit?|Is pump 4 ok|Thanks!|Hello
Good morning, how are you?|Do the form and the note agree on the allergies?|???|limit|"""


def test_a_mere_question_states_nothing() -> None:
    for question in MERE.replace("\n", "|").split("|"):
        assert split_message(question) == ("", question)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("It is red. Is it?  Yes!", ["It is red.", "Is it?", "Yes!"]),
        ("Mrs. Hale came at ten. No. 4 was free.", ["Mrs. Hale came at ten.", "No. 4 was free."]),
        ("No. It was free.", ["No. It was free."]),
        ("It weighs 3.5 kg. It is red.", ["It weighs 3.5 kg.", "It is red."]),
        ("the motor\nof line two\nDate: 4 May", ["the motor\nof line two", "Date: 4 May"]),
        ("Stop!!! Now", ["Stop!!!", "Now"]),
        (" \n ", []),
    ],
)
def test_sentences_are_cut_at_their_ends(text: str, cut: list[str]) -> None:
    assert [text[start:end].strip() for start, end in sentences(text)] == cut


@given(
    st.text(max_size=200) | st.lists(st.sampled_from(["Mr.", "No.", "4", ". ", "\n", "a", "?", "B", " "])).map("".join)
)
def test_spans_are_in_order_and_leave_only_blanks_between(text: str) -> None:
    end = 0
    for start, after in sentences(text):
        assert end <= start < after
        assert not text[end:start].strip()
        assert text[start:after].strip()
        end = after
    assert not text[end:].strip()


def test_remarks_and_messages_that_ask_nothing() -> None:
    """A remark neither asks nor states; a message that asks nothing is told whole."""
    for message in ("Thanks!", "ok thanks", "???", "", "Good morning", "Hello. Thanks."):
        assert is_remark(message)
        assert asks(message) == ("?" in message)
    for message in ("Thanks for the 12 euros", "It is red", "How many?", "limit"):
        assert not is_remark(message)
    for message in (
        "I counted two people in the queue",
        "My name is Ann.",
        "The limit is 85 degrees. It was measured at the motor.",
        "There were three cars.",
        "Thanks. The dose was 80 mg.",
        "He said it broke at ten.",
    ):
        assert split_message(message) == (message.removeprefix("Thanks. "), "")


def test_whole_words_are_found_the_longest_first_and_over_any_blanks() -> None:
    pattern = re.compile(any_word(["no", "no one", "(a+)+$"]), re.I)
    assert [match[0] for match in pattern.finditer("No  one, nobody, say no, don't no't (a+)+$")] == [
        "No  one",
        "no",
        "(a+)+$",
    ]
    assert not re.search(any_word([]), "anything")


@given(
    st.text(max_size=200) | st.lists(st.sampled_from(["I saw two. ", "How many? ", "Hello. ", "\n", "?"])).map("".join)
)
def test_no_word_is_lost_or_said_twice(message: str) -> None:
    told, asked = split_message(message)
    if asked:
        assert sorted(f"{told} {asked}".split()) == sorted(message.split())
    else:
        assert set(told.split()) <= set(message.split())
    assert told or asked or not message.strip()


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("What was the highest temperature?", "highest temperature"),
        ("Which colour has the handle of the pump?", "colour handle pump"),
        ("Who's the owner of flat 3.4?", "owner flat 3.4"), ("WHAT IS O'Brien's 120/80?", "o'brien's 120/80"),
        ("What?", "What"), ("...", "..."), ("What one two three four five six seven?", "one two three four five"),
    ],
)  # fmt: skip
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
