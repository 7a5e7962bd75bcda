"""Answers as a conversation gives them."""

from __future__ import annotations

from edge_assistant.core.answer import (
    Agreement,
    Answer,
    Computation,
    Failure,
    ModelUsed,
    Route,
    Status,
    Timings,
    Told,
    Verdict,
)
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal, take_bytes


def answer(question: str = "Which?", text: str = "None is known.", signals: tuple[Signal, ...] = ()) -> Answer:
    """An answer that no evidence stands behind."""
    return Answer(question, text, Status.NOT_IN_EVIDENCE, Route("chat", (), "nothing is attached"), signals)


def rich_answer(signals: tuple[Signal, ...]) -> Answer:
    """An answer with all that one can have, over a picture and a recording."""
    picture, recording = signals
    evidence = (
        Evidence("E1", picture.id, "Allergies: none", 0.97, Locator(page=1, box=(10, 20, 30, 40)), Passage()),
        Evidence("E2", recording.id, "She is allergic to penicillin.", 0.5, Locator(seconds=(3.1, 5.4)), Passage()),
        Evidence("E3", picture.id, "never cited", None, Locator(page=2), Passage()),
    )
    told = (Told("none", ("E1",)), Told("penicillin | *all* kinds", ("E2",)))
    return Answer(
        "What is she allergic to?",
        "The form says none [E1], the recording says penicillin [E2]; that is 2 sources [C1].",
        Status.CONFLICT,
        Route("compare", ("whisper-base",), "two signals tell of it"),
        signals,
        (Failure("readings:1", "input.empty", "vitals.csv is empty", "give a file with content"),),
        evidence,
        (Computation("C1", "1 + 1", "2", ("E1", "E2")),),
        (
            Verdict("allergy", "the patient", Agreement.CONFLICT, told),
            Verdict("dose", None, Agreement.MISSING, ()),
        ),
        ("E1", "E2"),
        Timings(1.234, {picture.id: 0.5}, 0.25, 12.5, 100, 20, 30),
        (ModelUsed("whisper-base", "ab" * 32),),
    )


def passage_answer() -> Answer:
    """An answer that rests on the second of three sentences of a text."""
    text = "Mrs Hale began the day shift. The temperature at 9:10 was 85 degC. Nobody touched it after that."
    signal = take_bytes(text.encode(), Kind.TEXT, 1, origin=Origin.FILE, name="note.txt")
    return Answer(
        "How warm was it?",
        "85 degC [E1].",
        Status.SUPPORTED,
        Route("text", (), "one text tells of it"),
        (signal,),
        evidence=(Evidence("E1", signal.id, text, None, Locator(chars=(0, len(text))), Passage()),),
        verdicts=(
            Verdict("temperature", None, Agreement.SINGLE, (Told("85 degC", ("E1",)),)),
            Verdict("limit", None, Agreement.MISSING, ()),
        ),
        citations=("E1",),
    )
