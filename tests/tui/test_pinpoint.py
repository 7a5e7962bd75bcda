"""A citation into a text is narrowed to the sentences that the answer rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.app import TAKEN, computed

from edge_assistant.core.answer import Agreement, Answer, Told, Verdict
from edge_assistant.core.evidence import Evidence, Locator, Passage
from edge_assistant.core.signals import Kind, Origin, Signal
from edge_assistant.reasoning import attribution
from edge_assistant_tui import exhibits

TEXT = (
    "The motor was started at 7:40 by the night shift. Its bearing was warm, and Mr. Lund oiled it. "
    "At 9:10 the temperature was 85 degC. Nobody touched the valve after that. The limit is 80 degC."
)
NOTE = Signal("text:1", Kind.TEXT, Origin.FILE, "remark.txt", "0" * 64, TAKEN, data=TEXT.encode())


def answered(said: str, *values: str, question: str = "How warm was it?", text: str = TEXT) -> Answer:
    """An answer that cites one passage, which begins 100 characters into its text."""
    item = Evidence("E1", "text:1", text, None, Locator(chars=(100, 100 + len(text))), Passage())
    verdicts = tuple(Verdict("what", None, Agreement.SINGLE, (Told(value, ("E1",)),)) for value in values)
    return replace(
        computed(),
        question=question,
        text=f"{said} [E1].",
        signals=(NOTE,),
        evidence=(item,),
        verdicts=verdicts,
        computed=(),
        citations=("E1",),
    )


@pytest.mark.parametrize(
    ("said", "values", "marked"),
    [
        ("85 degC", ["85 degC"], "At 9:10 the temperature was 85 degC."),
        ("The valve was not touched after that", [], "Nobody touched the valve after that."),
        ("Mr. Lund", ["Mr. Lund"], "Its bearing was warm, and Mr. Lund oiled it."),
        ("85 degC over 80 degC", ["85 degC", "80 degC"], TEXT[TEXT.index("At 9:10") :]),
        ("Yes", ["yes"], TEXT),
        ("It was fine", [], TEXT),
    ],
)
def test_the_sentence_with_the_value_or_the_words_is_marked(said: str, values: list[str], marked: str) -> None:
    answer = answered(said, *values)
    (shown,) = exhibits.of_answer(answer, {})
    begin = 100 + TEXT.index(marked)
    assert (shown.text, shown.place.chars) == (marked, (begin, begin + len(marked)))


def test_each_sentence_of_an_answer_marks_its_own_also_where_its_citation_stands_behind_it() -> None:
    said = "The motor was started at 7:40 by the night shift. [E1] Nobody touched the valve after that. [E1]"
    (shown,) = exhibits.of_answer(replace(answered(""), text=said), {})
    assert shown.text == TEXT[: TEXT.index(" The limit")]
    other = "The bearing was warm, and Mr. Lund oiled it. [E2] Nobody touched the valve after that. [E1]"
    (shown,) = exhibits.of_answer(replace(answered(""), text=other), {})
    assert shown.text == "Nobody touched the valve after that."


def test_a_part_has_an_ellipsis_and_evidence_that_is_no_text_stays_as_it_is() -> None:
    answer = answered("85 degC", "85 degC")
    assert attribution.excerpt(answer, answer.evidence[0]) == "… At 9:10 the temperature was 85 degC. …"
    one = answered("85 degC", "85 degC", text="It was 85 degC.")
    assert attribution.excerpt(one, one.evidence[0]) == "It was 85 degC."
    heard = replace(answer.evidence[0], locator=Locator(seconds=(1.0, 9.0)))
    (shown,) = exhibits.of_answer(replace(answer, evidence=(heard,)), {})
    assert (shown.text, shown.place) == (TEXT, heard.locator)
