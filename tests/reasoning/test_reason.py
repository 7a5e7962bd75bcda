"""From sources to sentences with a scripted model: conflict, agree, single, missing, prose, computed over rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from fakes import ScriptedEngine, scripted, signal, source

from edge_assistant.answer import Agreement, Status
from edge_assistant.events import Compared, Event, Reading
from edge_assistant.perception.readings import Readings
from edge_assistant.perception.sense import Request
from edge_assistant.reasoning.compose import NOT_TOLD
from edge_assistant.reasoning.question import Expect, understand
from edge_assistant.reasoning.reading import UNTOLD
from edge_assistant.reasoning.reason import Outcome, Reasoner
from edge_assistant.reasoning.sources import Source
from edge_assistant.runtime import Runtime
from edge_assistant.signals import Kind, Origin

CSV = b"time,motor temperature [degC]\n" + b"".join(
    b"2025-03-14T14:%02d:00,%d\n" % (minute, 60 + minute) for minute in range(40)
)
FORM = source(["Name: Ada Hale", "Allergies: none"], Kind.IMAGE, first=1)
NOTE = source(["I am allergic to penicillin"], Kind.AUDIO, first=3)
REMARK = source(["The belt squeaked", "The alarm limit is 85 degrees"], Kind.TEXT, first=5)


def readings(first: int = 1) -> Source:
    given = signal(Kind.READINGS, data=CSV)
    percept = Readings({}, Runtime(1)).perceive(given, Request())
    table = percept.table
    return Source(given, source(["stands out"], Kind.READINGS, first=first).evidence, table)


def chosen(*wanted: str) -> Callable[[str, Sequence[str]], str]:
    """Chooses the first of these that is offered, else that the source does not tell."""
    return lambda content, options: next((text for text in wanted if text in options), UNTOLD)


def answer(question: str, sources: Sequence[Source], engine: ScriptedEngine) -> tuple[str, Outcome, list[str]]:
    outcome, events = Outcome(), list[Event]()
    reasoner = Reasoner(lambda: engine, lambda: None, events.append)
    said = " ".join(reasoner.answer(understand(question), sources, outcome))
    assert [event.verdict for event in events if isinstance(event, Compared)] == [
        verdict for verdict in outcome.verdicts if understand(question).expects is not Expect.PROSE
    ]
    return said, outcome, [event.signal for event in events if isinstance(event, Reading)]


ALLERGIC = "What is the patient allergic to?"


def test_a_conflict_states_each_value_with_its_evidence() -> None:
    said, outcome, read = answer(ALLERGIC, [FORM, NOTE], scripted())
    assert outcome.status is Status.CONFLICT
    assert outcome.citations == ["E2", "E3"]
    assert "the picture says none [E2]" in said
    assert "the recording says penicillin [E3]" in said
    assert read == []  # code finds both


def test_each_source_is_read_alone() -> None:
    engine = scripted(reply=chosen("Ada Hale", "the nurse"))
    _, _, read = answer("Who filled it in?", [FORM, source(["The nurse filled it in"], Kind.AUDIO, first=3)], engine)
    contents = [p[-1].content for p in engine.prompts if p[-1].content.startswith("Source")]
    assert all(("nurse" in content) != ("Ada" in content) for content in contents)
    assert sorted(read) == ["audio:1", "image:1"]


@pytest.mark.parametrize("files", [True, False])
def test_sources_that_sentences_are_written_from_whole_come_back_for_the_next_question(files: bool) -> None:
    """Of a source that is too long what matters to the question is handed on: what stands before it is the same."""
    long = source([f"the motor {number} hummed " * 40 for number in range(20)], Kind.TEXT, first=3)
    form = FORM if not files else replace(FORM, signal=replace(FORM.signal, origin=Origin.FILE))
    messages = []
    for question in ("Summarise the form and the motor 7.", "Summarise the form and the motor 9."):
        engine = scripted("The name is Ada Hale [E1].")
        answer(question, [form, long, NOTE], engine)
        messages.append(engine.prompts[-1][-1])
    first, second = messages
    assert first.content[: first.stable] != second.content[: second.stable]
    constant = "Evidence:\n[E1] Name: Ada Hale\n[E2] Allergies: none"
    assert {one.content[: one.constant] for one in messages} == {constant}
    assert [one.lasting for one in messages] == [files] * 2


def test_agreement() -> None:
    said, outcome, _ = answer(
        "What was the total?",
        [source(["Total 42.00"], Kind.IMAGE), source(["I paid forty two pounds"], Kind.AUDIO, first=2)],
        scripted(),
    )
    assert (outcome.status, outcome.verdicts[0].status) == (Status.SUPPORTED, Agreement.AGREE)
    assert said == "42.00 [E1][E2]: the picture and the recording agree."


def test_a_single_source_tells() -> None:
    said, outcome, _ = answer(ALLERGIC, [NOTE, REMARK], scripted(reply=chosen()))
    assert (outcome.status, outcome.verdicts[0].status) == (Status.SUPPORTED, Agreement.SINGLE)
    assert said == "Allergy: penicillin [E3], by the recording."


def test_no_source_tells() -> None:
    said, outcome, _ = answer("What is the password?", [FORM, REMARK], scripted(reply=chosen()))
    assert (outcome.status, outcome.verdicts[0].status) == (Status.NOT_IN_EVIDENCE, Agreement.MISSING)
    assert (said, outcome.citations) == (NOT_TOLD, [])


def test_a_source_comes_round_to_the_value_that_it_also_has() -> None:
    leaflet = source(["The pump needs 4.20 or 42.00 of it"], Kind.IMAGE)
    note = source(["", "I filled in 42.00"], Kind.AUDIO, first=2)
    engine = scripted("42.00", "4.20", "42.00")
    said, outcome, _ = answer("How much grease goes in?", [leaflet, note], engine)
    assert engine.offered[-1] == ("4.20", "42.00")
    assert outcome.status is Status.SUPPORTED
    assert outcome.citations == ["E1", "E3"]
    assert "agree" in said


def test_a_statistic_over_readings_needs_no_model() -> None:
    engine = scripted()
    said, outcome, read = answer("What was the highest temperature?", [readings()], engine)
    assert (engine.prompts, read) == ([], [])
    assert outcome.status is Status.SUPPORTED
    assert said == "99 degC [C1][E2], by the readings."
    assert [(c.id, c.formula, c.value, c.evidence) for c in outcome.computed] == [
        ("C1", "max(motor temperature)", "99 degC", ("E2",))
    ]
    (row,) = outcome.evidence
    assert (row.id, row.signal, row.locator.rows) == ("E2", "readings:1", (40, 40))


def test_a_limit_is_told_by_another_source() -> None:
    engine = scripted(reply=lambda content, options: "85 degrees" if "What is the limit?" in content else UNTOLD)
    said, outcome, _ = answer("When was the alarm limit first exceeded?", [readings(), REMARK], engine)
    assert outcome.status is Status.SUPPORTED
    assert "2025-03-14 14:26" in said
    row, limit = outcome.citations
    assert limit == "E6"
    assert outcome.evidence[0].id == row
    assert outcome.evidence[0].locator.rows == (27, 27)


def test_a_limit_that_nobody_tells() -> None:
    said, outcome, _ = answer("When was the alarm limit first exceeded?", [readings()], scripted())
    assert (said, outcome.status) == (NOT_TOLD, Status.NOT_IN_EVIDENCE)


def test_new_evidence_never_takes_an_id_that_is_taken() -> None:
    """A signal that failed after one of its senses leaves a hole in the numbers."""
    late = readings(first=4)
    _, outcome, _ = answer("What was the highest temperature?", [late, source(["a", "b"], first=5)], scripted())
    assert outcome.evidence[0].id == "E7"


def test_two_tables_are_computed_one_by_one() -> None:
    second = Source(signal(Kind.READINGS, 2, CSV), source(["x"], Kind.READINGS, 2, first=2).evidence, readings().table)
    _, outcome, _ = answer("What was the highest temperature?", [readings(), second], scripted())
    assert [row.id for row in outcome.evidence] == ["E3", "E4"]
    assert [c.id for c in outcome.computed] == ["C1", "C2"]
    assert outcome.verdicts[0].status is Agreement.AGREE


def test_prose_cites_what_it_says() -> None:
    engine = scripted("The belt squeaked [E5]. The limit is 90 degrees [E6]. The limit is 85 degrees [E6].")
    said, outcome, read = answer("What happened?", [REMARK], engine)
    assert read == [REMARK.signal.id]
    assert said == "The belt squeaked [E5]. The limit is 85 degrees [E6]."
    assert (outcome.status, outcome.citations) == (Status.SUPPORTED, ["E5", "E6"])


def test_prose_of_which_nothing_holds() -> None:
    said, outcome, _ = answer("What happened?", [REMARK], scripted("It exploded. It burned [E9]."))
    assert (said, outcome.status, outcome.citations) == (NOT_TOLD, Status.NOT_IN_EVIDENCE, [])
    assert outcome.verdicts[0].status is Agreement.MISSING


@pytest.mark.parametrize("question", [ALLERGIC, "Do they agree on the amount?", "Is it open?", "Describe it."])
def test_sources_without_evidence_tell_nothing(question: str) -> None:
    said, outcome, _ = answer(question, [source([])], scripted(reply=lambda content, options: UNTOLD))
    assert (said, outcome.status) == (NOT_TOLD, Status.NOT_IN_EVIDENCE)
