"""Who ran a machine and under which order, as remarks tell it and questions ask for it."""

from __future__ import annotations

import pytest

from edge_assistant.reasoning.question import understand
from edge_assistant.reasoning.told.told import told_in


@pytest.mark.parametrize(
    ("remark", "name"),
    [
        ("Simon Grant ran the machine.", ("simon", "grant")),
        ("It was Simon Grant who operated it.", ("simon", "grant")),
        ("The machine was run by Ruth Calder.", ("ruth", "calder")),
        ("Ruth Calder was on shift.", ("ruth", "calder")),
        ("At the controls: Ruth Calder.", ("ruth", "calder")),
        ("Today Ruth Calder had the late shift.", ("ruth", "calder")),
        ("On duty was Ruth Calder, as usual.", ("ruth", "calder")),
        ("Ruth Calder looked after line 3.", ("ruth", "calder")),
        ("Ruth ran home.", None),
        ("The Press ran the line.", None),
        ("Line 3 ran the machine hot.", None),
    ],
)
def test_who_ran_the_machine(remark, name):
    found = [f.value.words for f in told_in(remark) if f.attribute == "operator"]
    assert found == ([name] if name else [])


@pytest.mark.parametrize(
    ("remark", "code"),
    [
        ("We ran order WO-16531.", "WO16531"),
        ("On the sheet it says order WO-86275.", "WO86275"),
        ("The work order is W O, seven four five five nine.", "WO74559"),
        ("It belongs to work order WO-30169.", "WO30169"),
        ("The job had the order number WO62638.", "WO62638"),
        ("Production order 4711-2.", "47112"),
    ],
)
def test_under_which_order(remark, code):
    assert [f.value.code for f in told_in(remark) if f.attribute == "order number"] == [code]


@pytest.mark.parametrize(
    ("question", "attribute"),
    [
        ("Who operated the machine?", "operator"),
        ("Who ran compressor 2?", "operator"),
        ("Who was on shift?", "operator"),
        ("Under which order did they run?", "order number"),
        ("Which order was running?", "order number"),
        ("What is the work order?", "order number"),
    ],
)
def test_a_question_for_the_crew_or_the_order(question, attribute):
    assert understand(question).attributes[0].name == attribute
