"""Answers, their events, errors, kept conversations and log records without the personal data in them."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from helpers.conversations import rich_answer

from edge_assistant.core.answer import Agreement, Answer, Failure, Route, Told, Verdict
from edge_assistant.core.errors import InputMissing
from edge_assistant.core.events import (
    Answered,
    Compared,
    Event,
    Failed,
    Noted,
    Perceived,
    Perceiving,
    Routed,
    Said,
    Traced,
    Understood,
)
from edge_assistant.core.evidence import Evidence, Field, Locator, Passage, Speech, Word
from edge_assistant.core.signals import SAID, Kind, Origin, Signal, take_bytes
from edge_assistant.governance.redaction.answers import AnswerRedaction, redacted
from edge_assistant.governance.redaction.log_filter import logged
from edge_assistant.governance.redaction.redactor import Redactor
from edge_assistant.history.conversations import Saved, SavedSignal, SavedState, SavedTurn

KEY = bytes(32)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRETS = ("Fischer", "07700", "900123", "1980", "form-of-anna")
FORM = replace(
    take_bytes(b"1", Kind.IMAGE, 1, origin=Origin.FILE, name="form-of-anna.jpg"),
    path=Path("anna/form-of-anna.jpg"),
)
TOLD = take_bytes(b"2", Kind.TEXT, 1, origin=Origin.USER, name=SAID)
EVIDENCE = Evidence("E1", FORM.id, "Name: Anna Fischer", 0.9, Locator(box=(1, 2, 3, 4)), Field("Name", "Anna Fischer"))
SAYS = (
    "The patient is Fischer [E1].",
    "Her date of birth is 12/03/1980 in the form and 12 March 1980 in the text [E1].",
    "She is reached on 07700 900123 [E1].",
)
BIRTH = Verdict("birth date", None, Agreement.CONFLICT, (Told("12/03/1980", ("E1",)), Told("13 March 1980", ("E1",))))
FAILURE = Failure("image:2", "input.corrupt", "form-of-anna.jpg is damaged", "call 07700 900123")


def answer() -> Answer:
    return replace(
        rich_answer((FORM, TOLD)),
        question="What is Mrs Fischer's date of birth?",
        text=" ".join(SAYS),
        route=Route("compare", (), "two signals tell of Fischer"),
        failed=(FAILURE,),
        evidence=(EVIDENCE,),
        verdicts=(BIRTH, Verdict("patient", "Fischer", Agreement.SINGLE, (Told("Anna Fischer", ("E1",)),))),
        citations=("E1",),
    )


EVENTS: list[Event] = [
    Routed(Route("compare", (), "two signals tell of Fischer")),
    Perceiving(FORM.id, "writing", 0.5),
    Perceived(FORM.id, "writing", (EVIDENCE,), 1.0),
    Noted(FORM.id, "form-of-anna.jpg has 2 pages"),
    Failed(FAILURE),
    Traced("claims", FORM.id, ("patient = Anna Fischer",)),
    Compared(BIRTH),
    Understood(FORM.id, (EVIDENCE,)),
    *map(Said, SAYS),
    Answered(answer()),
]


def redaction() -> AnswerRedaction:
    made = AnswerRedaction(Redactor(KEY))
    made.text(answer().question)
    made.file(FORM.name)
    return made


def test_of_speech_its_language_is_left_and_no_word() -> None:
    told: list[Event] = []
    spoken = replace(EVIDENCE, detail=Speech((Word("Anna", 0.0, 0.5, 0.9), Word("Fischer", 0.5, 1.0, 0.9)), "en"))
    redaction().watching(told.append)(Perceived(FORM.id, "speech", (spoken,), 1.0))
    assert told == [
        Perceived(FORM.id, "speech", (replace(EVIDENCE, text="Name: [PERSON-1]", detail=Speech((), "en")),), 1.0)
    ]


def test_no_event_holds_any_of_it_and_sentences_and_answer_are_one_text() -> None:
    told: list[Event] = []
    made = redaction()
    watch = made.watching(told.append)
    for event in EVENTS:
        watch(event)
    assert [type(event) for event in told] == [type(event) for event in EVENTS]
    assert not [secret for secret in SECRETS if secret in repr(told)]
    assert told[2] == Perceived(
        FORM.id, "writing", (replace(EVIDENCE, text="Name: [PERSON-1]", detail=Passage()),), 1.0
    )
    said = " ".join(event.text for event in told if isinstance(event, Said))
    last = told[-1]
    assert isinstance(last, Answered)
    assert last.answer.text == said == made.answer(answer()).text
    assert said == (
        "The patient is [PERSON-1] [E1]. Her date of birth is [BIRTH-1] in the form and [BIRTH-1] in the text [E1]."
        " She is reached on [PHONE-1] [E1]."
    )


def test_an_answer_has_pseudonyms_everywhere_and_keyed_sums() -> None:
    found = redaction().answer(answer()).to_json()
    assert not [secret for secret in SECRETS if secret in json.dumps(found)]
    assert found["signals"][0]["name"] == "[FILE-1].jpg"
    assert found["signals"][1]["name"] == SAID
    assert found["signals"][0]["sha256"] != FORM.sha256
    assert len(found["signals"][0]["sha256"]) == 64
    assert [told["value"] for told in found["verdicts"][0]["values"]] == ["[BIRTH-1]", "[BIRTH-2]"]
    assert found["verdicts"][1]["values"][0]["value"] == "[PERSON-1]"
    assert found["failed"][0]["message"] == "[FILE-1].jpg is damaged"


def test_an_answer_without_personal_data_is_as_it_was() -> None:
    signals = tuple(replace(signal, origin=Origin.CAMERA) for signal in (FORM, TOLD))
    given = rich_answer(signals).to_json()
    found = AnswerRedaction(Redactor(KEY)).answer(rich_answer(signals)).to_json()
    for one in (given, found):
        for signal in one["signals"]:
            del signal["sha256"]
    assert {**found, "signals": given["signals"]} == given


def test_an_error_that_leaves_it_is_redacted() -> None:
    with pytest.raises(InputMissing, match=r"^\[FILE-1\]\.jpg does not exist - ask \[PHONE-1\]$"), redaction():
        raise InputMissing("form-of-anna.jpg does not exist", "ask 07700 900123")


def test_a_fault_that_leaves_it_is_redacted_and_names_no_file() -> None:
    """In the words of an OSError its files stand beside its arguments."""
    with pytest.raises(ValueError, match=r"^could not read 'DOB \[BIRTH-1\]'$"), redaction():
        raise ValueError("could not read 'DOB 12/03/1980'")
    with pytest.raises(FileExistsError, match=r"^\[Errno 17\] File exists$"), AnswerRedaction(Redactor(KEY)):
        raise FileExistsError(17, "File exists", "anna/form-of-anna.jpg", None, "anna/Fischer.jpg")
    with pytest.raises(OSError, match=r"^no file$"), AnswerRedaction(Redactor(KEY)):
        raise OSError("no file")


def test_a_kept_conversation_is_redacted_whole() -> None:
    kept = tuple(SavedSignal(signal, SavedState.READY, removed=False) for signal in (FORM, TOLD))
    turns = (SavedTurn(AT, json.loads(json.dumps(answer().to_json()))),)
    saved = Saved("0123456789abcdef", answer().question, AT, kept, turns)
    found = redacted(saved, Redactor(KEY))
    assert found.title == "What is Mrs [PERSON-1]'s date of birth?"
    assert not [secret for secret in SECRETS if secret in repr(found)]
    assert found.turns[0].answer["question"] == found.title
    signal: Signal = found.signals[0].signal
    assert (signal.name, signal.path, signal.data) == ("[FILE-1].jpg", None, None)


def test_what_is_logged_has_pseudonyms_of_this_process(home: Path) -> None:
    from edge_assistant.storage import logs

    logs.start("info", logged)
    log = logging.getLogger("edge_assistant.tests")
    log.info("%s rang", "07700 900123")
    try:
        raise ValueError("could not parse 'DOB 12/03/1980'")
    except ValueError:
        log.exception("fault with 07700 900123")
    written = (home / "state" / "edge-assistant.log").read_text()
    assert not [secret for secret in SECRETS if secret in written]
    first, second = written.split("[PHONE-")[1:]
    assert first[:8] == second[:8]
    assert "ValueError: could not parse 'DOB [BIRTH-" in written

    def fails(text: str) -> str:
        raise RuntimeError(text)

    logs.start("info", fails)
    log.info("07700 900123")
    line = (home / "state" / "edge-assistant.log").read_text().splitlines()[-1]
    assert line.endswith("INFO edge_assistant.tests: (not written, as it could not be redacted: RuntimeError)")
